"""How much a pixel's value scatters: Poisson where a detector counts photons, measured from the image where it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray

TILE = 32  # pixels along each edge of the squares in which the noise is measured
LEAST_PIXELS = 0.5  # of a tile must be usable
LEVELS = 12
MAD_TO_SIGMA = 1.4826
ENOUGH, FEW_TILES = 5.0, 6  # counts per pixel of tiles whose scatter tells photons from other whole numbers; tiles
PHOTONS = 3.0  # times their mean: what scatters by more, or by less than a third, is no count of photons
FLOOR = 0.02
"""Counts: the mean of a pixel of which nothing is known is not taken to be smaller."""


@dataclass(frozen=True)
class NoiseModel:
    """Variance of a pixel = floor + gain x mean. counting: the detector counts photons (gain 1, floor 0)."""

    counting: bool
    gain: float
    floor: float

    def variance(self, mean: npt.ArrayLike) -> FloatArray:
        """Variance of pixels of these means."""
        level = np.maximum(np.asarray(mean, dtype=np.float64), FLOOR if self.counting else 0.0)
        return np.asarray(self.floor + self.gain * level)


def noise_of(image: FloatArray, bad: npt.NDArray[np.bool_]) -> NoiseModel:
    """Counts of photons where every usable value is a whole number not below 0 and neighbours scatter as counts do (the
    numbers of a CCD are whole too), else floor and gain from the differences of neighbours in tiles of equal brightness."""
    used = image[~bad]
    mean, variance = _tiles(image, bad)
    if used.size and used.min() >= 0.0 and np.all(used == np.round(used)):
        clear = mean > ENOUGH
        over = float(np.median(variance[clear] / mean[clear])) if np.count_nonzero(clear) >= FEW_TILES else 1.0
        if 1.0 / PHOTONS < over < PHOTONS:
            return NoiseModel(True, 1.0, 0.0)
    if mean.size < LEVELS:
        spread = float(np.var(used)) if used.size else 1.0
        return NoiseModel(False, 0.0, max(spread, 1e-12))
    edges = np.quantile(mean, np.linspace(0.0, 1.0, LEVELS + 1))
    level = np.clip(np.searchsorted(edges, mean, side="right") - 1, 0, LEVELS - 1)
    x = np.array([np.median(mean[level == i]) for i in range(LEVELS) if np.any(level == i)])
    y = np.array([np.median(variance[level == i]) for i in range(LEVELS) if np.any(level == i)])
    weight = 1.0 / np.maximum(y, 1e-3 * y.max())
    gain, floor = np.polyfit(x, y, 1, w=weight)
    if gain <= 0.0:
        return NoiseModel(False, 0.0, max(float(np.median(y)), 1e-12))
    return NoiseModel(False, float(gain), max(float(floor), float(y.min()) * 0.1, 1e-12))


def _tiles(image: FloatArray, bad: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Median and variance (of differences of neighbours, robust) of each tile with enough usable pixels."""
    step = image[:, 1:] - image[:, :-1]
    usable = ~(bad[:, 1:] | bad[:, :-1])
    means, variances = [], []
    for row in range(0, image.shape[0] - TILE + 1, TILE):
        for column in range(0, step.shape[1] - TILE + 1, TILE):
            here = (slice(row, row + TILE), slice(column, column + TILE))
            used = usable[here]
            if used.mean() < LEAST_PIXELS:
                continue
            means.append(np.median(image[here][used]))
            variances.append((MAD_TO_SIGMA * np.median(np.abs(step[here][used]))) ** 2 / 2.0)
    return np.array(means), np.array(variances)
