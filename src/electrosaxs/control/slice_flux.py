"""The voltage program that holds the flux into the slice at the anode, and the largest flux that can be held throughout.

Every program starts at 0 V at field-on and rises at the largest ramp until the flux is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray, VoltageProgram
from ..transport import Grid, State
from .holding_time import HELD_WITHIN, Programmed, flux_over_time, how_held
from .limits import LARGEST_RAMP, Limits
from .plant import Plant, flux_into_slice

INTERVALS = 40
CROWDING = 1.5
"""Intervals start short and grow: t_k = duration (k / n)^1.5, as the boundary layer does."""
STEP_S = 1e-3
"""A step of the voltage takes this long, so that the program stays piecewise linear."""
INSIDE = np.array([0.25, 0.5, 0.75, 1.0])
"""Where in an interval the flux is looked at before the interval is accepted."""
STRAIGHT_WITHIN = 0.5 * HELD_WITHIN
"""An interval in which the flux departs by more is cut in two: the voltage has a kink, as where crystals begin."""
SHORTEST = 1e-4
"""Share of the duration below which no interval is cut."""
FLUX_TOLERANCE = 2e-3
TRIES = 12
RISE_SHARE = 0.1
"""Share of the duration that the rise from 0 V may take where a flux is held throughout (chosen)."""
THROUGHOUT_TO = 0.03
"""How well the largest flux that is held throughout is found."""
HALVINGS = 12


def hold_slice_flux(plant: Plant, flux: float, duration: float, limits: Limits) -> Programmed:
    """The flux into the slice at the anode held at `flux` (m/s) for as long as voltage and inventory allow.

    Interval by interval: the voltage at its end is the one that gives the flux then. The field acts on the flux at
    once, so this neither lags nor rings; the cell is simulated on from the state before.
    """
    follower = _Follower(plant, flux, duration, limits)
    limited = follower.follow()
    return _looked_at(follower, limited)


def _looked_at(follower: _Follower, limited: str) -> Programmed:
    """The finished program with what it reaches, looked at from one end to the other."""
    program, plant = follower.program(), follower.plant
    times, fluxes = flux_over_time(plant, program, follower.duration, plant.slice_m)
    held, departure = how_held(times, fluxes, follower.flux)
    return Programmed(program, follower.flux if held is not None else float(np.max(fluxes)), held, limited, departure)


def longest_held(plant: Plant, flux: float, duration: float, limits: Limits) -> Programmed | None:
    """The largest flux (m/s, `reached`) below `flux` that is held from the end of the rise to `duration`.

    Found to THROUGHOUT_TO and looked at from one end to the other; the rise takes RISE_SHARE of the duration at the
    most. None where `flux` / 2^HALVINGS is not held either.
    """

    def within_limits(asked: float) -> _Follower | None:
        follower = _Follower(plant, asked, duration, limits)
        return None if follower.follow(to_the_end=False) else follower

    low, high, lowest = 0.5 * flux, flux, 0.5**HALVINGS * flux
    while (best := within_limits(low)) is None and low > lowest:
        low, high = 0.5 * low, low
    while best is not None and high > low * (1.0 + THROUGHOUT_TO):
        middle = float(np.sqrt(low * high))
        found = within_limits(middle)
        low, high, best = (low, middle, best) if found is None else (middle, high, found)
    while low > lowest:
        made = None if best is None else _looked_at(best, "")
        begin, end = (np.inf, 0.0) if made is None or made.held is None else made.held
        if begin <= RISE_SHARE * duration and end >= duration:
            return made
        low /= 1.0 + THROUGHOUT_TO
        best = within_limits(low)
    return None


class _Follower:
    """Builds a program interval by interval; times and volts are its points so far."""

    def __init__(self, plant: Plant, flux: float, duration: float, limits: Limits) -> None:
        self.plant, self.flux, self.duration, self.limits = plant, flux, duration, limits
        self.top, self.cause = limits.highest_voltage(plant.cell, plant.transport)
        self.grid = plant.grid_for((limits.lowest, self.top))
        self.first = float(np.clip(flux / plant.supply_per_volt(), limits.lowest, self.top))
        rise = min(max(STEP_S, limits.rise_time(self.first)), duration)
        edges = duration * (np.arange(1, INTERVALS + 1) / INTERVALS) ** CROWDING
        self.waiting = [rise, *edges[edges > rise * (1.0 + SHORTEST)].tolist()][::-1]
        self.times, self.volts = [0.0], [0.0]
        self.state: State | None = None
        self.slope = 0.0

    def program(self) -> VoltageProgram:
        return VoltageProgram(time_s=self.times, voltage_V=self.volts)

    def follow(self, *, to_the_end: bool = True) -> str:
        """All points of the program; what keeps the flux below its target after the rise, empty where nothing does.

        Ends there, before the program is whole, where not `to_the_end`.
        """
        limited = ""
        while self.waiting:
            short = self._next_point()
            if short and not limited:
                limited = short
                if not to_the_end:
                    break
        return limited

    def _straight_on(self, end: float) -> float:
        """The voltage (V) at `end` where it goes on as in the interval before."""
        if len(self.times) == 1:
            return self.first
        if len(self.times) == 2:
            return self.volts[-1]
        (t0, t1), (v0, v1) = self.times[-2:], self.volts[-2:]
        return v1 + (v1 - v0) / (t1 - t0) * (end - t1)

    def _next_point(self) -> str:
        """One more point, or the interval before it cut in two; which limit keeps the flux below its target there."""
        begin, volt, end = self.times[-1], self.volts[-1], self.waiting[-1]
        reach = np.inf if begin == 0.0 and np.isinf(self.limits.ramp) else self.limits.ramp * (end - begin)
        low, high = max(self.limits.lowest, volt - reach), min(self.top, volt + reach)
        piece = _Interval(self.plant, self.grid, self.state, begin, volt, end, self.slope)
        chosen = piece.voltage_for(self.flux, low, high, guess=self._straight_on(end))
        inside, state = piece.run(chosen)
        departure = inside / self.flux - 1.0
        at_top, at_bottom = chosen >= high - 1e-9 * abs(high), chosen <= low + 1e-9 * abs(low)
        # a shorter interval does not help where the voltage cannot go further
        low_flux, high_flux = departure < -STRAIGHT_WITHIN, departure > STRAIGHT_WITHIN
        helps = (np.any(low_flux) and not at_top) or (np.any(high_flux) and not at_bottom)
        if begin > 0.0 and helps and end - begin > 2.0 * SHORTEST * self.duration:
            self.waiting.append(0.5 * (begin + end))
            return ""
        self.waiting.pop()
        self.times.append(end)
        self.volts.append(chosen)
        self.state, self.slope = state, piece.slope
        rising = high < self.top and end <= RISE_SHARE * self.duration
        if not at_top or rising or departure[-1] >= -HELD_WITHIN:
            return ""
        return LARGEST_RAMP if high < self.top else self.cause


@dataclass(eq=False)
class _Interval:
    """One piece of a program: from (begin, volt) to `end`; trials from the state at its beginning.

    slope: dJ/dV at the end (m/s/V) as known from before, 0 where not known; the trials improve it.
    """

    plant: Plant
    grid: Grid
    state: State | None
    begin: float
    volt: float
    end: float
    slope: float = 0.0

    def __post_init__(self) -> None:
        self._tried: dict[float, tuple[FloatArray, State]] = {}

    def run(self, volt: float) -> tuple[FloatArray, State]:
        """Flux into the slice (m/s) at INSIDE of the interval where the voltage comes to `volt`, and the state then."""
        if volt not in self._tried:
            times = self.begin + INSIDE * (self.end - self.begin)
            times[-1] = self.end
            piece = VoltageProgram(time_s=[self.begin, self.end], voltage_V=[self.volt, volt])
            history = self.plant.run(piece, times, grid=self.grid, start=self.state)
            self._tried[volt] = flux_into_slice(history, self.plant.slice_m), history.final
        return self._tried[volt]

    def voltage_for(self, flux: float, low: float, high: float, guess: float) -> float:
        """Secant between `low` and `high` (V), where the flux grows with the voltage; the nearer end where out of reach."""
        a = float(np.clip(guess, low, high))
        for _ in range(TRIES):
            got = float(self.run(a)[0][-1])
            if abs(got / flux - 1.0) <= FLUX_TOLERANCE:
                return a
            known = self.slope > 0.0
            step = (flux - got) / self.slope if known else float(np.copysign(0.02 * abs(a) + 0.01, flux - got))
            b = float(np.clip(a + step, low, high))
            if b == a:
                return a
            change = float(self.run(b)[0][-1]) - got
            self.slope = change / (b - a) if change * (b - a) > 0.0 else 0.0
            a = b
        return a
