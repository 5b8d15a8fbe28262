"""Constant voltages for a target: a supply held, an onset at a given time, a wanted enrichment.

Every program starts at 0 V at field-on and keeps within its limits; where the target is out of reach, it is the nearest
one, and `limited_by` says why.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from ..nouns import VoltageProgram
from ..transport import CellHistory
from ..transport.onset import onset_time
from .holding_time import HELD_WITHIN, Programmed, flux_over_time, how_held
from .limits import Limits
from .plant import Plant, content_of_slice
from .slice_flux import FLUX_TOLERANCE, STEP_S

SUPPLY_HEIGHT_M = 500e-6
"""Height at which the supply is watched: several decay lengths above the anode."""
UNTIL_ONSETS = 2.0
"""An onset is looked for until this many times the wanted one; none till then counts as that late."""
VOLTAGE_TO = 1e-5
"""Share of a voltage to which it is found."""
JUMPS = "the model: what a constant voltage reaches jumps past the target, and this is the nearest"


def hold_supply_flux(plant: Plant, flux: float, duration: float, limits: Limits) -> Programmed:
    """phi0 v held at `flux` (m/s): a constant voltage, until the depleted end of the solution comes down to 500 um."""
    top, cause = limits.highest_within(plant.cell, plant.transport, duration)
    wanted = flux / plant.supply_per_volt()
    volt = float(np.clip(wanted, limits.lowest, top))
    program = constant_after_ramp(volt, limits)
    height = min(SUPPLY_HEIGHT_M, 0.5e-3 * plant.cell.gap_mm)
    held, departure = how_held(*flux_over_time(plant, program, duration, height), flux)
    return Programmed(program, plant.supply_per_volt() * volt, held, cause if wanted > top else "", departure)


def onset_at(plant: Plant, time: float, limits: Limits) -> Programmed:
    """The constant voltage under which the wall first reaches the solubility at `time` (s); reached: that time, or NaN."""

    def onset(history: CellHistory) -> float:
        found = onset_time(history)
        return np.nan if found is None else found

    return _constant_for(plant, time, limits, onset, lambda at: float(np.log(time / at)), until=UNTIL_ONSETS * time)


def enrich_to(plant: Plant, factor: float, duration: float, limits: Limits) -> Programmed:
    """The constant voltage at which phi of the slice at the anode is `factor` times the start's after `duration` (s)."""
    start = plant.solution.volume_fraction
    return _constant_for(
        plant, duration, limits, lambda h: float(content_of_slice(h, plant.slice_m)[-1]) / start,
        lambda reached: float(np.log(max(reached, 1e-12) / factor)), until=duration,
    )  # fmt: skip


def _constant_for(
    plant: Plant,
    time: float,
    limits: Limits,
    measure: Callable[[CellHistory], float],
    beyond: Callable[[float], float],
    *,
    until: float,
) -> Programmed:
    """The lowest constant voltage that brings `measure` of the history `until` (s) to its target; the highest one where
    none does.

    beyond: logarithm of how far a measure is above its target, rising with the voltage; NaN (no onset) counts as below.
    The voltage is doubled until the target is passed: a bracket from below, of a width in proportion to the voltage.
    """
    highest, cause = limits.highest_within(plant.cell, plant.transport, time)

    def reached(volt: float) -> float:
        return measure(plant.run(constant_after_ramp(volt, limits), [until], grid=grid))

    def excess(volt: float) -> float:
        found = reached(volt)
        return -float(np.log(UNTIL_ONSETS)) if np.isnan(found) else beyond(found)

    def done(volt: float, limited: str) -> Programmed:
        return Programmed(constant_after_ramp(volt, limits), reached(volt), None, limited)

    grid = plant.grid_for((0.0, 0.0))
    if excess(0.0) > 0.0:
        return done(0.0, "the solution has it without a field")
    speed = plant.supply_per_volt() / plant.solution.volume_fraction
    low, high = 0.0, min(highest, plant.slice_m / (time * speed))  # below it nothing crosses the slice in `time`
    while True:
        grid = plant.grid_for((0.0, high))
        if excess(high) >= 0.0:
            break
        if high == highest:
            missed = abs(excess(highest)) > FLUX_TOLERANCE
            return done(highest, cause if missed else "")
        low, high = high, min(2.0 * high, highest)
    if excess(low) >= 0.0:  # on the finer grid
        return done(low, "")
    root = float(brentq(excess, low, high, xtol=VOLTAGE_TO * high, rtol=VOLTAGE_TO))
    if abs(excess(root)) <= HELD_WITHIN:
        return done(root, "")
    return done(min(root * (1.0 + HELD_WITHIN), highest), JUMPS)  # beyond the jump, whatever grid it is looked at on


def constant_after_ramp(volt: float, limits: Limits) -> VoltageProgram:
    """From 0 V at field-on to `volt` as fast as the limits allow, then constant."""
    if volt == 0.0:
        return VoltageProgram(time_s=[0.0], voltage_V=[0.0])
    return VoltageProgram(time_s=[0.0, max(STEP_S, limits.rise_time(volt))], voltage_V=[0.0, volt])
