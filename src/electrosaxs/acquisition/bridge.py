"""A beamline behind a bridge: TCP, one JSON object a line, one answer a request, in order (docs/how-to/acquire.md)."""

from __future__ import annotations

import json
import math
import socket
import time
from pathlib import Path
from typing import Any

from .beamline import Diodes, Exposed, Greeting, Sample
from .faults import Fault

PROTOCOL = "electrosaxs-bridge-1"
CONNECT_S, ANSWER_S = 5.0, 30.0
DEVICES = {
    "expose": "detector", "move": "stage", "read": "diodes", "sample": "sample changer", "wait": "clock", "clock": "clock",
}  # fmt: skip
CLOCK_S = 5.0  # by which its clock may differ from what it should be
FASTER, STANDS = (
    2.0,
    0.9,
)  # times a wait, more is another unit; share of waits that are missing, more is a clock that stands
IMAGE_S, IMAGE_POLL_S = 10.0, 0.02  # wall; for which an image may stay unseen on a disk that computers share


def _shape(told: Any) -> tuple[int, int]:
    """Rows and columns of the detector, as `hello` tells them. ValueError for anything else."""
    rows, columns = (told[0], told[1]) if isinstance(told, list) and len(told) == 2 else (0, 0)
    if not all(isinstance(n, int | float) and n == int(n) > 0 for n in (rows, columns)):
        raise ValueError(told)
    return int(rows), int(columns)


class BridgeBeamline:
    """A beamline.Beamline at HOST:PORT. Fault for an answer that says so, that is late, or that is none."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket: socket.socket | None = None
        self._pending, self._number = b"", 0
        self._real, self._clock, self._clock_at, self._sent_at = False, 0.0, 0.0, 0.0
        self._behind = self._waited = (
            0.0  # a virtual clock behind the waits that were asked for, and how long these were
        )

    def hello(self) -> Greeting:
        host, _, port = self.address.rpartition(":")
        try:
            self._socket = socket.create_connection((host or "127.0.0.1", int(port)), timeout=CONNECT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, ValueError, OverflowError) as error:
            raise Fault("bridge", f"{self.address} cannot be reached ({error})") from error
        found = self._ask("hello")
        if found.get("protocol") != PROTOCOL:
            raise Fault("bridge", f"it speaks {found.get('protocol')!r}, not {PROTOCOL!r}")
        if found.get("clock") not in ("real", "virtual"):
            raise Fault("bridge", f"hello: clock = {found.get('clock')!r} is neither real nor virtual")
        self._real = found["clock"] == "real"
        try:
            detector = found["detector"]
            low, high = (float(v) for v in found["height_um"])
            shape = _shape(detector["shape"])
            if not low < high:
                raise ValueError(found["height_um"])
            self._note(float(found["clock_s"]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise Fault("bridge", f"hello: clock_s, detector or height_um is missing or wrong ({error!r})") from error
        if detector.get("form", "cbf") != "cbf":
            raise Fault("bridge", f"hello: images of form {detector['form']!r}; only cbf is known")
        return Greeting(self._real, str(detector.get("name", "detector")), shape, low, high)

    def clock(self) -> float:
        return self._clock + (time.monotonic() - self._clock_at if self._real else 0.0)

    def wait(self, seconds: float) -> None:
        """A real clock needs no help; a virtual one is told."""
        if self._real:
            time.sleep(seconds)
        else:
            now = self._value(self._ask("wait", seconds, seconds=seconds), "wait", "clock_s")
            self._judge_wait(seconds, now - self._clock)
            self._note(now)

    def _judge_wait(self, seconds: float, went: float) -> None:
        """Fault where a virtual clock speaks in other units, or stands. Less makes no run wrong: the readout of a frame in the
        next wait, a stamp at the end of an exposure in place of its middle."""
        if went > FASTER * seconds + 2.0 * CLOCK_S:
            raise Fault("bridge", f"its clock went on by {went:.1f} s in a wait of {seconds:g} s")
        self._behind = max(0.0, self._behind + seconds - went)
        self._waited = self._waited + seconds if self._behind > 0.0 else 0.0
        if self._behind > max(CLOCK_S, STANDS * self._waited) and went >= -CLOCK_S:
            raise Fault("bridge", f"its virtual clock stands: {self._behind:.1f} s of the last waits are missing")

    def sample(self, name: Sample) -> None:
        found = self._ask("sample", name=name)
        if "clock_s" in found:
            self._note(self._value(found, "sample", "clock_s"))
        else:
            self._note(self._value(self._ask("clock"), "clock", "clock_s"))

    def fresh_spot(self) -> None:
        """No bridge has a lateral axis."""

    def move(self, height_um: float) -> float:
        found = self._ask("move", height_um=height_um)
        self._note(self._value(found, "move", "clock_s"))
        return self._value(found, "move", "height_um")

    def read(self, exposure_s: float) -> Diodes:
        found = self._ask("read", exposure_s, exposure_s=exposure_s)
        return self._diodes(found, "read", 0.0)

    def expose(self, exposure_s: float, file: Path) -> Exposed:
        found = self._ask("expose", exposure_s, exposure_s=exposure_s, file=str(file))
        took = self._value(found, "expose", "exposure_s") if "exposure_s" in found else exposure_s
        if not took > 0.0:
            raise self._fault("expose", f"expose: exposure_s = {took:g} is not above 0")
        diodes = self._diodes(found, "expose", 0.5 * took)  # clock_s is that of the middle
        self._await_image(file)
        return Exposed(diodes.monitor_counts, diodes.transmission, diodes.height_um, diodes.clock_s, took)

    def electrodes(self, voltage_V: float) -> None:
        """A real cell feels it by itself."""

    def stop(self) -> None:
        """Sent without waiting: an answer to what is in flight may come before."""
        if self._socket is not None:
            try:
                self._socket.sendall(json.dumps({"do": "stop", "id": -1}).encode() + b"\n")
            except OSError:
                return

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _await_image(self, file: Path) -> None:
        """The answer says that the image is there; a disk that another computer writes on may show it later."""
        end = time.monotonic() + IMAGE_S
        while not file.exists():
            if time.monotonic() > end:
                raise self._fault("expose", f"expose: {IMAGE_S:g} s after the answer there is no image {file}")
            time.sleep(IMAGE_POLL_S)

    def _diodes(self, found: dict[str, Any], do: str, since_s: float) -> Diodes:
        """What an answer says; its clock_s is `since_s` ago. A transmission of null or NaN is none."""
        transmission = found.get("transmission")
        if isinstance(transmission, float) and math.isnan(transmission):
            transmission = None
        clock = self._value(found, do, "clock_s")
        self._note(clock, since_s)
        return Diodes(
            self._value(found, do, "monitor_counts"),
            math.nan if transmission is None else self._value(found, do, "transmission"),
            self._value(found, do, "height_um"),
            clock,
        )

    def _note(self, clock_s: float, since_s: float = 0.0) -> None:
        """What its clock was `since_s` ago, at some moment between request and answer; before the last answer it never was.
        Fault where it jumped: times of frames would be wrong from there on."""
        now = time.monotonic()
        expected, earliest = self.clock() if self._clock_at else -math.inf, clock_s + since_s
        nearest = max(expected, earliest)
        if self._real:  # an image that is long in being written is answered long after its stamp
            nearest = min(nearest, max(earliest, clock_s + now - self._sent_at))
        jump = (nearest if self._real else earliest) - expected
        if self._clock_at and (jump < -CLOCK_S or (self._real and jump > CLOCK_S)):
            raise Fault("bridge", f"its clock jumped by {jump:+.1f} s")
        self._clock, self._clock_at = max(nearest, self._clock) if self._clock_at else earliest, now

    def _value(self, found: dict[str, Any], do: str, name: str) -> float:
        value = found.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._fault(do, f"{do}: {name} = {value!r} is no number")
        return float(value)

    def _ask(self, do: str, takes_s: float = 0.0, **values: Any) -> dict[str, Any]:
        """The answer to one request; `takes_s` on top of what it may be silent for."""
        if self._socket is None:
            raise Fault("bridge", f"{do}: not connected")
        self._number += 1
        limit = ANSWER_S + takes_s
        self._sent_at = time.monotonic()
        end = self._sent_at + limit
        try:
            self._socket.sendall(json.dumps({"do": do, "id": self._number, **values}).encode() + b"\n")
            while b"\n" not in self._pending:
                self._socket.settimeout(max(end - time.monotonic(), 0.001))
                received = self._socket.recv(65536)
                if not received:
                    raise Fault("bridge", f"{do}: the connection is lost")
                self._pending += received
        except TimeoutError:
            raise self._fault(do, f"{do}: no answer within {limit:g} s") from None
        except OSError as error:
            raise Fault("bridge", f"{do}: the connection is lost ({error})") from error
        line, _, self._pending = self._pending.partition(b"\n")
        return self._understood(do, line)

    def _fault(self, do: str, text: str) -> Fault:
        """A fault of the device that a request is for."""
        return Fault(DEVICES.get(do, "bridge"), f"{text} (bridge {self.address})")

    def _understood(self, do: str, line: bytes) -> dict[str, Any]:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Fault("bridge", f"{do}: the answer is no JSON object: {line[:60]!r}")
        if found.get("ok") is False:
            raise self._fault(do, f"{do}: {found.get('error', 'no reason given')}")
        if "id" in found and found["id"] != self._number:
            raise Fault("bridge", f"{do}: the answer belongs to request {found['id']}, not {self._number}")
        return found
