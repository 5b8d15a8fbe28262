"""A beamline of 30 x 40 pixels behind a bridge, in a thread: its clock is virtual, its faults are attributes."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from electrosaxs.io.cbf import write_cbf
from electrosaxs.physics.beam import beam_deviation, share_above

SHAPE = (30, 40)
ANODE_UM, FWHM_UM = 11.3, 34.0
RATE = 1e6


class TinyBridge:
    """hang: the request that is not answered; errors: texts by request; stalls_at: where the stage stops; dark: clock
    times without beam; pace: wall seconds per request; writes_s: seconds of its clock for which an image is written after
    its exposure; diode: whether it
    has one behind the sample; at: things to do before the n-th frame of the sample; overshoots: moves that go 20 um too far;
    hides_s: wall seconds for which the next image is not seen after its answer; spoils: what is done to the next image;
    says: what the next answer to an exposure says instead."""

    def __init__(self) -> None:
        self._clock, self.height, self.content, self.pace, self.writes_s = 0.0, 0.0, "solution", 0.0, 0.0
        self.real = False  # the clock is that of the wall
        self.hang, self.stalls_at, self.diode = "", None, True
        self.errors: dict[str, str] = {}
        self.overshoots, self.hides_s = 0, 0.0
        self.spoils: Callable[[Path], object] | None = None
        self.says: dict[str, Any] = {}
        self.dark = (np.inf, np.inf)
        self.at: dict[int, Callable[[], object]] = {}
        self.exposures, self.asked = 0, list[str]()
        self.random = np.random.default_rng(5)
        self.sockets: list[socket.socket] = []
        bridge = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                bridge.sockets.append(self.request)
                with contextlib.suppress(ConnectionError):
                    for line in self.rfile:
                        request = json.loads(line)
                        answer = bridge.answer(request)
                        if answer is not None:
                            self.wfile.write(json.dumps({**answer, "id": request.get("id")}).encode() + b"\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def clock(self) -> float:
        return time.monotonic() if self.real else self._clock

    @clock.setter
    def clock(self, seconds: float) -> None:
        if self.real:
            time.sleep(max(seconds - time.monotonic(), 0.0))
        self._clock = seconds

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def drop(self) -> None:
        """Cut every connection."""
        for connection in self.sockets:
            connection.shutdown(socket.SHUT_RDWR)

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        do = request["do"]
        self.asked.append(do)
        time.sleep(self.pace)
        if do == self.hang:
            return None
        if do in self.errors:
            return {"ok": False, "error": self.errors[do]}
        return {"ok": True, **getattr(self, f"do_{do}")(request)}

    def do_hello(self, _: dict[str, Any]) -> dict[str, Any]:
        detector = {"name": "tiny", "shape": list(SHAPE), "form": "cbf"}
        return {
            "protocol": "electrosaxs-bridge-1", "clock": ("virtual", "real")[self.real],
            "clock_s": self.clock, "detector": detector,
            "height_um": [-1000, 6000],
        }  # fmt: skip

    def do_clock(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"clock_s": self.clock}

    def do_wait(self, request: dict[str, Any]) -> dict[str, Any]:
        self.clock += request["seconds"]
        return {"clock_s": self.clock}

    def do_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        self.content = request["name"]
        return {}

    def do_move(self, request: dict[str, Any]) -> dict[str, Any]:
        self.clock += 0.1
        self.height = request["height_um"] if self.stalls_at is None else self.stalls_at
        if self.overshoots:
            self.overshoots, self.height = self.overshoots - 1, self.height + 20.0
        return {"height_um": self.height, "clock_s": self.clock}

    def do_read(self, request: dict[str, Any]) -> dict[str, Any]:
        self.clock += request["exposure_s"]
        beam = not self.dark[0] <= self.clock < self.dark[1]
        seen = beam and self.diode
        share = float(share_above(self.height - ANODE_UM, beam_deviation(FWHM_UM)))
        return {
            "monitor_counts": float(self.random.poisson(RATE * request["exposure_s"])) if beam else 0.0,
            "transmission": share * 0.33 * (1.0 + 1e-3 * self.random.standard_normal()) + 1e-5 if seen else None,
            "height_um": self.height, "clock_s": self.clock,
        }  # fmt: skip

    def do_expose(self, request: dict[str, Any]) -> dict[str, Any]:
        if (first := self.at.pop(self.exposures, None)) is not None:
            first()
        self.exposures += 1
        found = self.do_read(request)
        file = Path(request["file"])
        assert file.is_absolute()
        write_cbf(file, self.random.poisson(20.0, SHAPE).astype(np.int32), {"Exposure_time": "1 s"})
        middle = self.clock - 0.5 * request["exposure_s"]
        self.clock += self.writes_s
        if (spoil := self.spoils) is not None:
            self.spoils = None
            spoil(file)
        if self.hides_s:
            aside, self.hides_s, after = file.rename(file.with_suffix(".aside")), 0.0, self.hides_s
            threading.Timer(after, lambda: aside.rename(file)).start()
        says, self.says = self.says, {}
        return {**found, "clock_s": middle, "exposure_s": request["exposure_s"], **says}

    def do_stop(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}


def write_geometry(path: Path, shape: tuple[int, int]) -> None:
    """A detector of so many pixels (y, x), 1 m behind the sample."""
    from pyFAI.detectors import Detector
    from pyFAI.geometry import Geometry

    detector = Detector(172e-6, 172e-6, max_shape=shape)
    Geometry(dist=1.0, poni1=1e-3, poni2=1e-3, wavelength=9.322e-11, detector=detector).save(str(path))


def write_plan(folder: Path, bridge: TinyBridge, resource: str, **changes: dict[str, Any]) -> Path:
    """A plan of 4 frames without field and 3 scans of 2 heights at 2 V; `changes` by table."""
    write_geometry(folder / "tiny.poni", SHAPE)
    tables: dict[str, dict[str, Any]] = {
        "cell": {"gap_mm": 3.5, "path_length_mm": 10.0},
        "solution": {"volume_fraction": 8e-4},
        "beam": {"energy_keV": 13.3, "fwhm_um": FWHM_UM},
        "detector": {"geometry": "tiny.poni"},
        "source_meter": {"resource": resource, "timeout_s": 0.3, "watchdog_s": 1.0, "watchdog": "guard"},
        "beamline": {"kind": "bridge", "address": bridge.address},
        "scan": {
            "heights_um": [0, 200], "exposure_s": 1.0, "period_s": 20.0, "duration_s": 60.0, "reference_frames": 2,
            "solvent_frames": 2,
        },
        "voltage": {"time_s": [0.0], "voltage_V": [2.0]},
    }  # fmt: skip
    lines = []
    for name in tables | changes:
        values = {**tables.get(name, {}), **changes.get(name, {})}
        lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items() if v is not None)]
    path = folder / "plan.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
