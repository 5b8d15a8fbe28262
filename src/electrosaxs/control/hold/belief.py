"""What is believed of a cell before the first frame, and what of it is not known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray, GrowthSettings
from ..plant import Plant

Scale = Literal["log", "linear", "root"]
UNSEEN, UNSEEN_SIGMA = GrowthSettings(solubility=0.05, attachment_time_s=40.0), 1.5
"""Where the belief has no crystals: a solubility that is hardly reached, and the sigma of its logarithm, so that frames
can tell that there are some."""
WALK_S = (0.0, 30.0, 60.0, 110.0, 190.0, 310.0, 500.0, *(float(t) for t in range(750, 2501, 250)), 3000.0, 3500.0)
WALK_SIGMA = 0.02
"""Times (s) after crystals begin between which the solubility may change, and by how much its logarithm within an e-fold of
time (`after_onset`). No law says how an anode comes to take up particles, and any uptake is that above some solubility: a walk
in the logarithm of time has no time of its own (chosen: supersaturations of a few per cent come and go); but no change is
longer than a few minutes."""
WALK = tuple(f"solubility_to_{t:.0f}_s" for t in WALK_S[1:])
PERSISTS_FROM = 3
"""The first change that may go on as the one before it: in the first two minutes there is no trend, a run gives back what it
was lent (chosen)."""
LEAST_OVER_START = 1.02
"""Solubility over the starting phi: below, the solution would crystallise without a field."""


@dataclass(frozen=True)
class Unknown:
    """A parameter that frames are to tell. scale: the coordinate that it moves in (logarithm, itself, square root);
    sigma: of the coordinate before the first frame; step: its change for derivatives; low, high: of the coordinate."""

    name: str
    scale: Scale
    sigma: float
    step: float
    low: float
    high: float

    def coordinate(self, value: float) -> float:
        """The value as it is moved."""
        return float({"log": np.log, "root": np.sqrt}[self.scale](value)) if self.scale != "linear" else value

    def value(self, coordinate: float) -> float:
        """The inverse of `coordinate`."""
        if self.scale == "log":
            return float(np.exp(coordinate))
        return float(coordinate) if self.scale == "linear" else float(coordinate) ** 2


@dataclass(frozen=True, eq=False)
class Belief:
    """The cell as it is believed to be, and the unknowns; x0 (unknown,): their coordinates in that belief."""

    plant: Plant
    unknown: tuple[Unknown, ...]
    x0: FloatArray

    @property
    def sigma(self) -> FloatArray:
        """Of the coordinates before the first frame, (unknown,)."""
        return np.array([one.sigma for one in self.unknown])

    def number(self, name: str) -> int:
        """Place of an unknown."""
        return [one.name for one in self.unknown].index(name)

    def within(self, x: FloatArray) -> FloatArray:
        """The coordinates, none beyond its limits."""
        return np.clip(x, [one.low for one in self.unknown], [one.high for one in self.unknown])

    def plant_at(self, x: FloatArray) -> Plant:
        """The cell with other coordinates of its unknowns."""
        return self.plant.with_parameters(
            {
                one.name: one.value(c)
                for one, c in zip(self.unknown, self.within(x), strict=True)
                if one.name not in WALK
            }
        )

    def by_news(self, walked: npt.NDArray[np.bool_], persists: float) -> FloatArray:
        """Derivatives of the coordinates, (unknown, unknown), by themselves and, of the changes that have begun (`walked`), by
        what is new in each: the rest is the share `persists` of the one before it, in the logarithm of time."""
        found, folds = np.eye(len(self.unknown)), np.square(self.sigma)
        for n in range(self.walk.start + PERSISTS_FROM, self.walk.stop):
            if walked[n]:
                found[n] += persists * folds[n] / folds[n - 1] * found[n - 1]
        return found

    @property
    def walk(self) -> slice:
        """Places of what the solubility changes by after crystals have begun."""
        return slice(len(self.unknown) - len(WALK), len(self.unknown))


def belief(plant: Plant, *, charge_sigma: float, solubility_sigma: float = 0.3) -> Belief:
    """What is not known of the cell `plant`; the sigmas are relative, of its effective charge and of its solubility.

    The others' sigmas are chosen: exponent 1, diffusivity 15 %, attachment time a factor of three or so.
    """
    if plant.growth.solubility is None:
        plant, solubility_sigma = replace(plant, growth=UNSEEN), UNSEEN_SIGMA
    least = float(np.log(LEAST_OVER_START * plant.solution.volume_fraction))
    unknown = (
        Unknown("effective_charge", "log", charge_sigma, 0.02, np.log(1e-4), np.log(30.0)),
        Unknown("charge_exponent", "linear", 1.0, 0.1, -4.0, 8.0),
        Unknown("diffusivity_scale", "log", 0.15, 0.02, np.log(0.05), np.log(20.0)),
        Unknown("solubility", "log", solubility_sigma, 0.01, least, np.log(0.5)),
        Unknown("attachment_time", "root", 5.0, 0.5, 0.0, 100.0),
    )
    values = (plant.parameter(one.name) for one in unknown)
    x0 = np.array([one.coordinate(value) for one, value in zip(unknown, values, strict=True) if value is not None])
    folds = np.sqrt([1.0, *np.log(np.array(WALK_S[2:]) / np.array(WALK_S[1:-1]))])
    walk = tuple(
        Unknown(name, "linear", WALK_SIGMA * float(fold), 0.01, -0.5, 0.5)
        for name, fold in zip(WALK, folds, strict=True)
    )
    return Belief(plant, unknown + walk, np.append(x0, np.zeros(len(walk))))


def with_solubility(plant: Plant, solubility: float) -> Plant:
    """The cell with another solubility; inf: nothing grows."""
    given = {**plant.growth.model_dump(), "solubility": solubility if np.isfinite(solubility) else None}
    return replace(plant, growth=GrowthSettings.model_validate(given))
