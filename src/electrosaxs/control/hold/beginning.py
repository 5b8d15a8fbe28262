"""How crystals begin: how far beyond their solubility, and how fast they cover the anode."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...nouns import FloatArray
from ...transport import Grid
from ..plant import Plant
from .tracked_cell import TrackedCell, cell_with

BEYOND, BEYOND_MEAN = (0.02, 0.04, 0.08), 0.04
"""Logarithms of phi at the wall over the solubility at which crystals begin late, and the mean of their distribution."""
SPEEDS: tuple[float | None, ...] = (None, 1.0, 4.0)
"""Of the anode that late crystals cover, over what is believed of the attachment time: as believed, and faster by what a
sigma of that is; None: all of it takes up particles at once."""
AT_ONCE = 0.5
"""Probability that crystals begin at the solubility itself, all over the anode, as where it carries seeds (chosen, as
BEYOND_MEAN: nothing is known of either before)."""


@dataclass(frozen=True)
class Beginning:
    """How crystals begin: by how much the logarithm of the wall's phi is then above that of the solubility; speed: of
    `CoveringCell`, None where all of the anode takes up particles at once."""

    beyond: float = 0.0
    speed: float | None = None

    def cell(self, plant: Plant, grid: Grid) -> TrackedCell:
        return cell_with(plant, grid, self.speed)


def beyond_edges() -> FloatArray:
    """What each of BEYOND stands for lies between two of these."""
    return np.array([0.0, *(0.5 * (a + b) for a, b in pairwise(BEYOND)), np.inf])


def beginnings() -> dict[Beginning, float]:
    """Those that lines of crystals are held against, with their probabilities before."""
    edges = beyond_edges()
    shares = (1.0 - AT_ONCE) * -np.diff(np.exp(-edges / BEYOND_MEAN)) / len(SPEEDS)
    late = {Beginning(b, v): float(p) for b, p in zip(BEYOND, shares, strict=True) for v in SPEEDS}
    return {Beginning(): AT_ONCE, **late}
