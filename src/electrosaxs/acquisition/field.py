"""The voltage program on the meter: ramps in steps of a second at most, and waits in which it goes on."""

from __future__ import annotations

import math

from ..nouns import VoltageProgram
from .watch import Watch

STEP_S = 1.0
SAME_V = 1e-6
LAG_S = 5.0  # a program steeper than the ramp allows is followed, not caught up with
AHEAD_S = 32.0


class Field:
    """A program of voltages (V) over the time since the output went on (s of the beamline's clock).

    over: why there is nothing to do any more before the time is over, empty while there is. watch_s: pause (s) between
    two looks at the lowest heights, between two scans, while `uneasy`; hurried: they are needed now, whatever they cost of
    the dose.
    """

    watch_s, uneasy, hurried = math.inf, False, False

    def __init__(self, watch: Watch, program: VoltageProgram) -> None:
        self.watch, self.program = watch, program
        self.on_at: float | None = None
        self.set_V, self.over = 0.0, ""

    @property
    def time(self) -> float:
        """Seconds since the output went on."""
        assert self.on_at is not None
        return self.watch.beamline.clock() - self.on_at

    def switch_on(self) -> None:
        """The output on, at 0 V."""
        clock = self.watch.beamline.clock()
        found = self.watch.ask("switch_on", clock_s=clock)
        self.on_at = clock
        self.watch.journal.reading(clock, found, "output on")

    def follow(self) -> None:
        """Bring the voltage to where the program is; without an output that is on, nothing."""
        if self.on_at is None:
            return
        while True:
            target = self.at(self.time)
            lag = abs(self._step(target))
            if lag <= SAME_V + LAG_S * abs(target - self.at(self.time - STEP_S)) / STEP_S:
                return
            self.watch.wait(STEP_S)

    def wait_until(self, clock_s: float) -> None:
        """Let the beamline's clock come to `clock_s`, the program going on meanwhile."""
        while (left := clock_s - self.watch.beamline.clock()) > 1e-9:
            self.follow()
            changes = self.on_at is not None and self._changes_soon()
            self.watch.wait(min(left, STEP_S) if changes else left)

    def ramp_down(self) -> None:
        """To 0 V at the ramp's pace."""
        while self.set_V != 0.0:
            if self._step(0.0):
                self.watch.wait(STEP_S)

    def at(self, time_s: float) -> float:
        """The program's voltage (V): linear between its points, constant outside."""
        return float(self.program.at(time_s))

    def _step(self, target_V: float) -> float:
        """One step towards `target_V`; what is left of the way (V)."""
        if target_V != self.set_V:
            clock = self.watch.beamline.clock()
            before, self.set_V = self.set_V, self.watch.ask("set", voltage_V=target_V, clock_s=clock)["set_V"]
            if self.set_V != before:
                self.watch.read("set")
        return target_V - self.set_V

    def _changes_soon(self) -> bool:
        now = self.time
        here = self.at(now)
        inside = [t for t in self.program.time_s if now < t < now + AHEAD_S]
        return any(abs(self.at(t) - here) > SAME_V for t in (*inside, now + AHEAD_S))
