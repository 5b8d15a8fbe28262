"""The wall held just below the phi at which crystals begin, and the step of the flux that lets islands nucleate.

The wall is brought up by a constant slice flux. From where its last bit of the way begins the voltage is the one with which
it comes to rest at its share of the solubility: the lower of the two voltages is taken, so that neither overshoots.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .next_voltage import Chosen, Range, voltage_for
from .tracked_cell import TrackedCell

REST_S = 60.0
"""Time constant with which the wall comes to its share of the solubility."""
MARGIN = 0.02
"""Of the wall below its goal: farther below at the highest voltage, and falling, it cannot be held."""


LEAST_RISE_S = 0.1
TOO_FAST = (
    "crystals begin before the ramp has come to the flux of the step: fewer islands; hold the wall lower (wall_share)"
)


@dataclass(frozen=True)
class Nucleation:
    """A step to the slice flux `flux` (m/s), at `at_s` (s) from field-on, at which the wanted islands nucleate."""

    at_s: float
    flux: float


@dataclass(frozen=True)
class Wall:
    """phi of the solution on the anode: where it is `now`, its `goal`, and where it is `then`, at the end of the step."""

    now: float
    goal: float
    then: float = math.nan

    def falls_short(self) -> bool:
        """Far below its goal, and falling."""
        return self.then < self.now and self.then < (1.0 - MARGIN) * self.goal


def begins_on_the_way(
    runs: list[tuple[float, TrackedCell]], solubility: float, last_V: float, volt: float, ramp: float
) -> bool:
    """True where the wall comes to the solubility before a ramp (V/s) from `last_V` has come to `volt`: crystals begin at a
    lower flux than that of `volt`."""
    rise = (volt - last_V) / ramp
    if rise <= LEAST_RISE_S:
        return False
    walls = [(weight, track.ahead(volt, track.state.time + rise, from_V=last_V).u[0].sum()) for weight, track in runs]
    return sum(weight * float(wall) for weight, wall in walls) > solubility


def wall_voltage(
    runs: list[tuple[float, TrackedCell]], wall: Wall, last_V: float, end_s: float, step_s: float, allowed: Range
) -> tuple[Chosen, Callable[[float], float]]:
    """The voltage with which phi at the wall is, at `end_s`, on its way to rest at the goal; and the wall by voltage.

    runs: with their weights; the step from here takes step_s. `Chosen.flux` is the wall at the end of it.
    """
    run = sum(weight * track.wall_phi() for weight, track in runs)
    share = wall.now / run

    def wall_at(volt: float) -> float:
        return share * sum(weight * float(track.ahead(volt, end_s).u[0].sum()) for weight, track in runs)

    target = wall.goal + (wall.now - wall.goal) * math.exp(-step_s / REST_S)
    return voltage_for(wall_at, target, last_V, allowed), wall_at
