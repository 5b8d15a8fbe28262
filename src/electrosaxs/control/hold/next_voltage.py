"""The voltage that gives a flux at the end of the next step, within what supply, ramp and current allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..limits import LARGEST_RAMP

HIGHEST, CURRENT, LOWEST = "the highest voltage", "the largest current", "the lowest voltage"
FLUX_WITHIN = 1e-4
TRIES = 5


@dataclass(frozen=True)
class Chosen:
    """A voltage (V), the flux (m/s) that it gives at the end of the step, and which limit keeps it from the wanted one."""

    voltage: float
    flux: float
    limited_by: str = ""


@dataclass(frozen=True)
class Range:
    """What the next voltage may be (V): lowest to highest, and by how much it may move from the last one."""

    highest: float
    move: float
    lowest: float = 0.0
    highest_is: str = HIGHEST

    def limited(self, wanted_V: float, last_V: float) -> tuple[float, str]:
        """`wanted_V` as far as it may be, and which limit it met."""
        volt, by = wanted_V, ""
        if volt > self.highest:
            volt, by = self.highest, self.highest_is
        elif volt < self.lowest:
            volt, by = self.lowest, LOWEST
        if abs(volt - last_V) > self.move:
            volt, by = last_V + (self.move if volt > last_V else -self.move), LARGEST_RAMP
        return volt, by


def voltage_for(flux_at: Callable[[float], float], flux: float, last_V: float, allowed: Range) -> Chosen:
    """The voltage at which `flux_at` (V to m/s, at the end of the step) is `flux`, as near as it is allowed.

    The flux is linear in the voltage given the profile, and the profile hardly moves within a step: a secant from the
    voltage before takes two or three runs of the step.
    """
    first = max(last_V, 0.05 * allowed.highest)
    volts = [first]
    got = [flux_at(first)]
    guess = (
        first * flux / got[0] if got[0] > 0.0 else math.inf
    )  # it runs back from the anode: the highest, which then limits
    for _ in range(TRIES):
        volt, by = allowed.limited(guess, last_V)
        if by and volt == volts[-1]:
            break
        volts.append(volt)
        got.append(flux_at(volt))
        if abs(got[-1] - flux) <= FLUX_WITHIN * abs(flux):
            break
        slope = (got[-1] - got[-2]) / (volts[-1] - volts[-2]) if volts[-1] != volts[-2] else 0.0
        if slope <= 0.0:
            break
        guess = volts[-1] + (flux - got[-1]) / slope
    volt, by = allowed.limited(guess, last_V)
    return Chosen(volts[-1], got[-1], by if abs(volt - volts[-1]) <= 1e-9 * allowed.highest or by else "")
