"""What the loop knows of the cell at one time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What is known at `time`: flux (m/s) into the slice, supply, charge (elementary charges), phi of the solution at the
    wall, each with its sigma.

    values, sigma: of all unknowns by name. misfit: root of chi-squared per frame, at least 1; all sigmas have it in
    them. crystals, dissolved: particle volume per area (m). crystals_likely: probability that there are some.
    """

    time: float
    flux: float
    flux_sigma: float
    supply: float
    supply_sigma: float
    charge: float
    charge_sigma: float
    wall: float
    wall_sigma: float
    values: dict[str, float]
    sigma: dict[str, float]
    misfit: float
    crystals: float
    dissolved: float
    crystals_likely: float
