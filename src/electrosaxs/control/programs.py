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
from .holding_time import Programmed, flux_over_time, how_held
from .limits import Limits
from .plant import Plant, content_of_slice
from .slice_flux import FLUX_TOLERANCE, STEP_S

SUPPLY_HEIGHT_M = 500e-6
"""Height at which the supply is watched: several decay lengths above the anode."""


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
    highest, cause = limits.highest_within(plant.cell, plant.transport, time)
    grid = plant.grid_for((0.0, highest))

    def reached(volt: float) -> float:
        return measure(plant.run(constant_after_ramp(volt, limits), [time], grid=grid))

    def done(volt: float, limited: str) -> Programmed:
        return Programmed(constant_after_ramp(volt, limits), reached(volt), None, limited)

    if reached(highest) < wanted * (1.0 - FLUX_TOLERANCE):
        return done(highest, cause)
    if reached(0.0) > wanted:
        return done(0.0, "the solution has it without a field")
    return done(float(brentq(lambda v: reached(v) - wanted, 0.0, highest, xtol=1e-3 * highest, rtol=1e-4)), "")


def constant_after_ramp(volt: float, limits: Limits) -> VoltageProgram:
    """From 0 V at field-on to `volt` as fast as the limits allow, then constant."""
    if volt == 0.0:
        return VoltageProgram(time_s=[0.0], voltage_V=[0.0])
    return VoltageProgram(time_s=[0.0, max(STEP_S, limits.rise_time(volt))], voltage_V=[0.0, volt])
