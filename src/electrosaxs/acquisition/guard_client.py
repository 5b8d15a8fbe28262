"""The meter as the plan sees it: behind the guard, or in the plan's own process where only the meter's timer watches."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Protocol

from .faults import GuardLost, MeterFault
from .guard import ENDED
from .keeper import OFF_EXTRA_S, Keeper, MeterLimits

START_S = 15.0
OFF = {"do": "off"}
TIMEOUTS = 8  # of the meter, for which the guard may take over one request (a retry, a reconnect)


class Meter(Protocol):
    """Requests of keeper.Keeper, by name, and where they are carried out. After a MeterFault the output has been seen to:
    `output` is what is known of it."""

    guard_pid: int | None
    output: bool | None

    def ask(self, do: str, **numbers: float) -> dict[str, Any]:
        """The answer; MeterFault for a fault of the meter, GuardLost where the guard is gone."""

    def off(self) -> bool | None:
        """The output off: False confirmed, True refused, None not known. Never raises. May be asked for while an `ask` in
        another thread goes on, which is left for it with a MeterFault."""

    def close(self) -> None:
        """End the session."""


class OwnMeter:
    """The keeper in this process."""

    guard_pid: int | None = None

    def __init__(self, limits: MeterLimits) -> None:
        self._wanted_off, self._turn = threading.Event(), threading.Lock()
        self._keeper = Keeper(limits, wanted_off=self._wanted_off.is_set)
        self.output: bool | None = None

    def ask(self, do: str, **numbers: float) -> dict[str, Any]:
        with self._turn:
            try:
                found: dict[str, Any] = getattr(self._keeper, do)(**numbers)
            except MeterFault:
                if self._keeper.meter is not None:
                    self.output = self._keeper.off()["output"]
                raise
            self.output = found.get("output", self.output)
        return found

    def off(self) -> bool | None:
        self._wanted_off.set()
        with self._turn:
            self.output = self._keeper.off()["output"]
        return self.output

    def close(self) -> None:
        self._keeper.close()


class GuardedMeter:
    """The keeper in a process of its own, in a session of its own: no signal to the plan's group reaches it."""

    def __init__(self, limits: MeterLimits, *, keep: tuple[int, ...] = ()) -> None:
        """`keep`: descriptors that stay open as long as the guard lives."""
        self._limits = limits
        self.output: bool | None = None
        self._answer_s = TIMEOUTS * limits.timeout_s
        self._off_s = limits.watchdog_s + OFF_EXTRA_S + self._answer_s
        self._process = subprocess.Popen(
            [sys.executable, "-m", "electrosaxs.acquisition.guard", json.dumps(asdict(limits))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            pass_fds=keep,
        )  # fmt: skip
        self.guard_pid: int | None = self._process.pid
        self._pending, self._turn = b"", threading.Lock()
        self._lost = False  # what it says then could be the answer to an earlier request

    def ask(self, do: str, **numbers: float) -> dict[str, Any]:
        slow = START_S if do in ("identify", "start") else 0.0
        with self._turn:
            self._send({"do": do, **numbers})
            found = self._answered(do, self._off_s + slow)
            self.output = output = found.pop("output", self.output)
        if not found.pop("ok"):
            raise MeterFault(str(found["error"]).removeprefix("source meter: "))
        return {**found, "output": output}

    def off(self) -> bool | None:
        with suppress(GuardLost):  # before the answer to what was asked last: the guard leaves that for this
            self._send(OFF)
        with self._turn:
            try:
                self.output = self._answered(OFF["do"], self._off_s)["output"]
            except GuardLost:
                self._end_guard()
                keeper = Keeper(self._limits)
                self.output = keeper.off()["output"]
                keeper.close()
        return self.output

    def close(self) -> None:
        """Close the pipe: the guard ends by itself."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=self._off_s)

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), json.dumps(request).encode() + b"\n")
        except (OSError, ValueError) as error:
            self._lost = True
            raise GuardLost(self._last_words() or f"it has died ({error})") from error

    def _last_words(self) -> str:
        """Of a guard that is gone; empty where it had none."""
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            while received := os.read(self._process.stdout.fileno(), 65536):
                self._pending += received
            return _why(json.loads(self._pending.splitlines()[-1])) if self._pending else ""
        return ""

    def _answered(self, do: str, limit_s: float) -> dict[str, Any]:
        if self._lost:
            raise GuardLost("it was lost before")
        self._lost = True
        found = self._answer(do, limit_s)
        self._lost = False
        return found

    def _answer(self, do: str, limit_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        end = time.monotonic() + limit_s
        try:
            while b"\n" not in self._pending:
                left = end - time.monotonic()
                if left <= 0.0 or not select.select([self._process.stdout], [], [], left)[0]:
                    raise GuardLost(f"{do} is not answered within {limit_s:g} s")
                received = os.read(self._process.stdout.fileno(), 65536)
                if not received:
                    raise GuardLost("it has died")
                self._pending += received
            line, _, self._pending = self._pending.partition(b"\n")
            found: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError as error:
            raise GuardLost(f"what it answers is no JSON ({error})") from error
        except (OSError, ValueError) as error:
            raise GuardLost(f"it has died ({error})") from error
        if why := _why(found):
            raise GuardLost(why)
        return found

    def _end_guard(self) -> None:
        """A guard that hangs holds the session; its own child, ended by its own handle."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)


def _why(line: dict[str, Any]) -> str:
    """Why the guard ended, where `line` is its last; else empty."""
    return f"it has ended: {line[ENDED]}" if ENDED in line else ""
