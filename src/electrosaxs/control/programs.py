"""Voltage programs for a target: a flux held constant, an onset at a given time, a wanted enrichment.

Every program starts at 0 V at field-on and keeps within its limits; where the target is out of reach, it is the nearest
one, and `limited_by` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from ..nouns import FloatArray, VoltageProgram
from ..transport import CellHistory, Grid, State
from .limits import Limits
from .plant import Plant, content_of_slice, flux_into_slice

INTERVALS = 40
CROWDING = 1.5
"""Intervals start short and grow: t_k = duration (k / n)^1.5, as the boundary layer does."""
STEP_S = 1e-3
"""A step of the voltage takes this long, so that the program stays piecewise linear."""
FLUX_TOLERANCE = 2e-3
HELD_WITHIN = 0.02
SUPPLY_HEIGHT_M = 500e-6
"""Height at which the supply is watched: several decay lengths above the anode."""
TRIES = 12


@dataclass(frozen=True, eq=False)
class Programmed:
    """A program, what it reaches, from when to when the target is held (s, None where never), and what limits it."""

    program: VoltageProgram
    reached: float
    held: tuple[float, float] | None
    limited_by: str


def hold_slice_flux(
    plant: Plant, flux: float, duration: float, limits: Limits, intervals: int = INTERVALS
) -> Programmed:
    """The flux into the slice at the anode held at `flux` (m/s) for as long as voltage and inventory allow.

    Interval by interval: the voltage at its end is the one that gives the flux then. The field acts on the flux at
    once, so this neither lags nor rings; the cell is simulated on from the state before.
    """
    top, cause = limits.highest_voltage(plant.cell, plant.transport)
    edges = duration * (np.arange(1, intervals + 1) / intervals) ** CROWDING
    grid, state, limited = plant.grid_for((limits.lowest, top)), None, ""
    first = np.clip(flux / plant.supply_per_volt(), limits.lowest, top)
    rise = max(STEP_S, limits.rise_time(float(first)))
    times, volts, fluxes = [0.0], [0.0], [0.0]
    for end in np.unique(np.concatenate([[min(rise, duration)], edges[edges > rise]])):
        reach = limits.ramp * (end - times[-1]) if times[-1] > 0.0 else np.inf
        low, high = max(limits.lowest, volts[-1] - reach), min(top, volts[-1] + reach)
        if len(times) == 1:
            low = high = float(first)
        interval = _Interval(plant, grid, state, times[-1], volts[-1], float(end))
        volt = interval.voltage_for(flux, low, high, guess=volts[-1])
        state = interval.end_state(volt)
        times.append(float(end))
        volts.append(volt)
        fluxes.append(interval.flux(volt))
        if fluxes[-1] < flux * (1.0 - HELD_WITHIN) and not limited and len(times) > 2:
            limited = cause if volt >= top * (1.0 - 1e-9) else "the largest ramp"
    good = np.abs(np.array(fluxes) / flux - 1.0) <= HELD_WITHIN
    held = _longest(np.array(times), good)
    reached = flux if held is not None else float(np.max(fluxes))
    return Programmed(VoltageProgram(time_s=times, voltage_V=volts), reached, held, limited)


@dataclass(eq=False)
class _Interval:
    """One piece of a program: from (begin, volt) to `end`; trials from the state at its beginning."""

    plant: Plant
    grid: Grid
    state: State | None
    begin: float
    volt: float
    end: float

    def __post_init__(self) -> None:
        self._tried: dict[float, tuple[float, State]] = {}

    def flux(self, volt: float) -> float:
        """Flux into the slice at the end (m/s) where the voltage has come to `volt` by then."""
        if volt not in self._tried:
            piece = VoltageProgram(time_s=[self.begin, self.end], voltage_V=[self.volt, volt])
            history = self.plant.run(piece, [self.end], grid=self.grid, start=self.state)
            self._tried[volt] = float(flux_into_slice(history, self.plant.slice_m)[0]), history.final
        return self._tried[volt][0]

    def end_state(self, volt: float) -> State:
        """The state at the end."""
        self.flux(volt)
        return self._tried[volt][1]

    def voltage_for(self, flux: float, low: float, high: float, guess: float) -> float:
        """Secant between `low` and `high` (V), where the flux grows with the voltage; the nearer end where out of reach."""
        if low == high:
            return low
        a = float(np.clip(guess, low, high))
        b = float(np.clip(1.02 * a + 0.01, low, high)) if a < high else float(0.98 * high)
        for _ in range(TRIES):
            fa, fb = self.flux(a), self.flux(b)
            if abs(fb / flux - 1.0) <= FLUX_TOLERANCE or fa == fb:
                return b
            following = float(np.clip(b + (flux - fb) * (b - a) / (fb - fa), low, high))
            if following == b:
                return b
            a, b = b, following
        return b


def hold_supply_flux(plant: Plant, flux: float, duration: float, limits: Limits) -> Programmed:
    """phi0 v held at `flux` (m/s): a constant voltage, until the depleted end of the solution comes down to 500 um."""
    top, cause = limits.highest_voltage(plant.cell, plant.transport)
    wanted = flux / plant.supply_per_volt()
    volt = float(np.clip(wanted, limits.lowest, top))
    program = constant_after_ramp(volt, limits)
    times = np.linspace(max(limits.rise_time(volt), 1.0), duration, 60)
    history = plant.run(program, times)
    supply = float(history.supply_flux()[-1])
    total = history.flux_terms().total.sum(axis=1)
    height = min(SUPPLY_HEIGHT_M, 0.5 * history.problem.grid.gap)
    arriving = np.array([np.interp(height, history.edges, row) for row in total])
    held = _longest(times, (np.abs(arriving / flux - 1.0) <= 5.0 * HELD_WITHIN))
    return Programmed(program, supply, held, cause if wanted > top else "")


def onset_at(plant: Plant, time: float, limits: Limits) -> Programmed:
    """The constant voltage at which the wall reaches the solubility at `time` (s)."""
    solubility = plant.growth.solubility
    assert solubility is not None  # the recipe asks for one
    return _constant_for(plant, time, limits, lambda h: float(h.wall_phi()[-1]) / solubility, 1.0)


def enrich_to(plant: Plant, factor: float, duration: float, limits: Limits) -> Programmed:
    """The constant voltage at which phi of the slice at the anode is `factor` times the start's after `duration` (s)."""
    start = plant.solution.volume_fraction
    return _constant_for(
        plant, duration, limits, lambda h: float(content_of_slice(h, plant.slice_m)[-1]) / start, factor
    )


def _constant_for(
    plant: Plant, time: float, limits: Limits, measure: Callable[[CellHistory], float], wanted: float
) -> Programmed:
    """The constant voltage that brings `measure` to `wanted` at `time`; the highest one where that is not enough."""
    top, cause = limits.highest_voltage(plant.cell, plant.transport)
    grid = plant.grid_for((0.0, top))

    def reached(volt: float) -> float:
        return measure(plant.run(constant_after_ramp(volt, limits), [time], grid=grid))

    def done(volt: float, limited: str) -> Programmed:
        value = reached(volt)
        return Programmed(constant_after_ramp(volt, limits), value, None if limited else (time, time), limited)

    highest = top if np.isinf(limits.ramp) else min(top, limits.ramp * time)
    if reached(highest) < wanted * (1.0 - FLUX_TOLERANCE):
        return done(highest, cause if highest == top else "the largest ramp")
    if reached(0.0) > wanted:
        return done(0.0, "the solution has it without a field")
    return done(float(brentq(lambda v: reached(v) - wanted, 0.0, highest, xtol=1e-3 * top, rtol=1e-4)), "")


def constant_after_ramp(volt: float, limits: Limits) -> VoltageProgram:
    """From 0 V at field-on to `volt` as fast as the limits allow, then constant."""
    if volt == 0.0:
        return VoltageProgram(time_s=[0.0], voltage_V=[0.0])
    return VoltageProgram(time_s=[0.0, max(STEP_S, limits.rise_time(volt))], voltage_V=[0.0, volt])


def longest_held(plant: Plant, flux: float, duration: float, limits: Limits, *, intervals: int = 14) -> float:
    """The largest slice flux (m/s), at most `flux`, that can be held from the ramp's end to `duration`; to 3 %."""
    low, high = 0.0, flux
    for _ in range(6):
        middle = 0.5 * (low + high)
        held = hold_slice_flux(plant, middle, duration, limits, intervals).held
        low, high = (middle, high) if held is not None and held[1] >= duration * (1.0 - 1e-9) else (low, middle)
    return low


def _longest(times: FloatArray, good: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
    """First and last time of the longest run of good points, None where there are not two."""
    best: tuple[int, int] | None = None
    begin = None
    for k, fine in enumerate([*good, False]):
        if fine and begin is None:
            begin = k
        if not fine and begin is not None:
            if k - begin > 1 and (best is None or times[k - 1] - times[begin] > times[best[1]] - times[best[0]]):
                best = (begin, k - 1)
            begin = None
    return None if best is None else (float(times[best[0]]), float(times[best[1]]))
