"""The watch that is kept while a plan waits: meter read, heartbeat written, requests heard, and a limit for every wait.

The meter's watchdog is fed from here and from nowhere else: by steps that are done and by waits that are still within
their limit. A plan that hangs feeds nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from .beamline import Beamline
from .faults import Fault
from .guard_client import Meter

READ_EVERY_S, POLL_S = 0.4, 0.02  # wall
ANSWER_S = 30.0  # for which a device may be silent, on top of what it was asked to take
SHORTEST_WAIT_S, LONGEST_WAIT_S, QUICK_S, SLOW_S = 1.0, 32.0, 0.2, 0.6

Result = TypeVar("Result")


class Journal(Protocol):
    """Who writes down what happens."""

    def reading(self, clock_s: float, found: dict[str, Any], event: str) -> None:
        """A readback of the meter."""

    def beat(self) -> None:
        """Life is still here; called some times a second, may do nothing."""

    def hear(self) -> None:
        """Raise Stopped where somebody asked the run to end; note a pause or its end."""


class Watch:
    """Runs what devices do in a thread of its own and looks after the rest meanwhile."""

    def __init__(self, beamline: Beamline, meter: Meter, journal: Journal) -> None:
        self.beamline, self.meter, self.journal = beamline, meter, journal
        self.wall_per_s = 1.0
        self._read_at = -float("inf")
        self._chunk = SHORTEST_WAIT_S

    def during(
        self,
        device: str,
        what: str,
        seconds: float,
        work: Callable[[], Result],
        *,
        meanwhile: Callable[[], None] | None = None,
    ) -> Result:
        """What `work` returns. Fault naming device and what was expected where it takes longer than `seconds` of the
        beamline's clock and ANSWER_S of the wall. `meanwhile`: done once the work has begun, and again at every reading."""
        limit = ANSWER_S + seconds * self.wall_per_s
        task, start = _Task(work), time.monotonic()
        if meanwhile is not None:
            meanwhile()
        while not task.wait(POLL_S):
            if meanwhile is not None and time.monotonic() - self._read_at >= READ_EVERY_S:
                meanwhile()
            self.tick()
            if time.monotonic() - start > limit:
                raise Fault(device, f"{what}: not done after {limit:.0f} s")
        return task.result(device, what)

    def tick(self, event: str = "") -> None:
        """Heartbeat, requests, and where the last reading is old enough (or something happened) a new one."""
        self.journal.beat()
        self.journal.hear()
        if event or time.monotonic() - self._read_at >= READ_EVERY_S:
            self.read(event)

    def read(self, event: str = "") -> dict[str, Any]:
        """A reading of the meter now."""
        clock = self.beamline.clock()
        found = self.ask("read", clock_s=clock)
        self._read_at = time.monotonic()
        self.journal.reading(clock, found, event)
        if found.get("voltage_V") is not None:
            self.beamline.electrodes(found["voltage_V"])
        return found

    def ask(self, do: str, **numbers: float) -> dict[str, Any]:
        """What the meter answers to a request of keeper.Keeper; the heart beats while it takes its time over it, and who asks
        the run to end is heard: the meter leaves the request for the output to go off."""
        return self._beating(_Task(lambda: self.meter.ask(do, **numbers)), do, self.journal.hear)

    def off(self) -> bool | None:
        """The output off, as of guard_client.Meter; the heart beats as long as that is tried."""
        return self._beating(_Task(self.meter.off), "off", lambda: None)

    def _beating(self, task: _Task[Result], do: str, hear: Callable[[], None]) -> Result:
        while not task.wait(POLL_S):
            with suppress(OSError):  # a full disk is told by what is to be kept
                self.journal.beat()
            hear()
        return task.result("source meter", do)

    def wait(self, seconds: float) -> float:
        """Let at most `seconds` of the beamline's clock go by, in one piece of a length that keeps the watch awake;
        returns how many."""
        piece = min(seconds, self._chunk)
        start = time.monotonic()
        self.during("clock", f"wait {piece:g} s", piece, lambda: self.beamline.wait(piece))
        took = time.monotonic() - start
        if took < QUICK_S and piece == self._chunk:
            self._chunk = min(2.0 * self._chunk, LONGEST_WAIT_S)
        elif took > SLOW_S:
            self._chunk = max(0.5 * self._chunk, SHORTEST_WAIT_S)
        self.tick()
        return piece


class _Task(Generic[Result]):
    """Work in a thread that does not keep the process from ending."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._done, self._made = threading.Event(), list[Result]()
        self._error: BaseException | None = None
        self._work = work
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, seconds: float) -> bool:
        return self._done.wait(seconds)

    def result(self, device: str, what: str) -> Result:
        """What was made; a fault is raised here, anything else as a fault of the device."""
        if isinstance(self._error, Fault):
            raise self._error
        if self._error is not None:
            raise Fault(device, f"{what}: {self._error}") from self._error
        return self._made[0]

    def _run(self) -> None:
        try:
            self._made.append(self._work())
        except BaseException as error:  # it is raised again where the work was asked for
            self._error = error
        self._done.set()
