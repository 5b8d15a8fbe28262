"""Where an image has spots: places brighter than their surroundings in every direction, at the scale of the spot.

The image is smoothed by Gaussians of many widths w. A place is compared with the two places 3 w away on opposite sides,
along four directions; of the four contrasts the smallest counts, so that ridges (rings, rods, the Yoneda band, edges of
the beam stop) are no spots. A contrast is measured in its own noise, whose size the image itself confirms tile by tile:
detectors that smear or correct their pixels have another noise at the scale of a spot than in a pixel. How large a
contrast must be follows from the number of places that were looked at: less than one false spot in ten images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter, median_filter
from scipy.special import ndtri

from ..nouns.base import FloatArray
from .noise import MAD_TO_SIGMA, NoiseModel

WIDTHS = (1.25, 1.8)  # standard deviations of the smoothing, in pixels of each level
LEVELS = (1, 2, 4, 8)  # pixels that are joined along each edge
AWAY = 3.0  # widths from a place to those it is compared with
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
FALSE_SPOTS = 0.1
LEAST_WEIGHT = 0.35  # of the smoothing Gaussian must lie on usable pixels
TILE, SPARSE = 48, 2  # pixels along the edge of a tile, of which every second in each direction is enough
HOT_OVER_NEIGHBOURS, HOT_SIGMA = 4.0, 8.0
COLD_SHARE, SEAM = 0.5, 9


@dataclass(frozen=True)
class Candidate:
    """A place that may be a spot: row, column and width (standard deviation) in pixels, significance of the contrast."""

    row: float
    column: float
    width: float
    significance: float


def odd_pixels(image: FloatArray, bad: npt.NDArray[np.bool_], noise: NoiseModel) -> npt.NDArray[np.bool_]:
    """Pixels far above every neighbour: no spot is narrower than the detector's own spread; and those far below the lines
    around them: seams between modules, shadows of dust, dead pixels."""
    low = np.where(bad, 0.0, image)
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    around = maximum_filter(low, footprint=ring, mode="nearest")
    limit = HOT_OVER_NEIGHBOURS * np.maximum(around, 0.0) + HOT_SIGMA * np.sqrt(noise.variance(np.maximum(around, 1.0)))
    lines = np.maximum(median_filter(low, size=(1, SEAM)), median_filter(low, size=(SEAM, 1)))
    cold = low < COLD_SHARE * lines - HOT_SIGMA * np.sqrt(noise.variance(lines))
    return np.asarray(((low > limit) | cold) & ~bad)


def find_candidates(image: FloatArray, bad: npt.NDArray[np.bool_], noise: NoiseModel) -> list[Candidate]:
    """Places of spots in the image, the most significant first; `bad`: pixels that are not used."""
    found: list[Candidate] = []
    for level in LEVELS:
        values, weights = _joined(np.where(bad, 0.0, image), level), _joined((~bad).astype(np.float32), level)
        for width in WIDTHS:
            found += _at_scale(values, weights, noise, level, width)
    return _merged(sorted(found, key=lambda c: -c.significance))


def _joined(image: FloatArray | npt.NDArray[np.float32], level: int) -> npt.NDArray[np.float32]:
    """Sums of level x level pixels; rows and columns that are left over at the far edges are dropped."""
    rows, columns = image.shape[0] // level, image.shape[1] // level
    blocks = image[: rows * level, : columns * level].reshape(rows, level, columns, level)
    return np.asarray(blocks.sum(axis=(1, 3)), dtype=np.float32)


def _at_scale(
    values: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], noise: NoiseModel, level: int, width: float
) -> list[Candidate]:
    weight = gaussian_filter(weights, width, mode="constant", truncate=3.0)
    total = gaussian_filter(values, width, mode="constant", truncate=3.0)
    enough = weight > LEAST_WEIGHT * level**2
    mean = np.where(enough, total / np.maximum(weight, 1e-6), np.nan)  # of a pixel
    pixels = 4.0 * np.pi * width**2 * weight  # how many independent pixels this mean stands for
    step = round(AWAY * width)
    smallest: FloatArray = np.full(mean.shape, np.inf)
    surrounding = np.zeros_like(mean)
    spread: FloatArray | None = None
    for down, across in DIRECTIONS:
        reach = step if 0 in (down, across) else round(step / np.sqrt(2.0))
        first, second = _shifted(mean, down * reach, across * reach), _shifted(mean, -down * reach, -across * reach)
        middle = np.where(np.isnan(first), second, np.where(np.isnan(second), first, 0.5 * (first + second)))
        higher = np.fmax(first, second)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (mean - middle) * np.sqrt(pixels / (1.5 * noise.variance(middle)))
        spread = _tile_spread(z) if spread is None else spread
        z = np.where(mean > higher, z, -np.inf)
        smallest = np.fmin(smallest, np.where(np.isnan(middle), np.inf, z))
        surrounding = np.fmax(surrounding, np.nan_to_num(middle))
    assert spread is not None
    smallest = np.where(np.isfinite(mean) & np.isfinite(smallest), smallest, -np.inf) / np.maximum(spread, 1.0)
    trials = max(float(np.count_nonzero(enough)) / (4.0 * np.pi * width**2), 1.0)
    limit = -float(ndtri(FALSE_SPOTS / len(LEVELS) / len(WIDTHS) / trials))
    size = 2 * round(width) + 1
    peak = (smallest == maximum_filter(smallest, size=size, mode="constant", cval=-np.inf)) & (smallest > limit)
    found = []
    for row, column in np.argwhere(peak):
        here = float(smallest[row, column])
        if noise.counting:
            here = _counts_significance(mean[row, column], surrounding[row, column], pixels[row, column])
            here /= max(float(spread[row, column]), 1.0)
        if here > limit:
            centre = (np.array([row, column]) + 0.5) * level - 0.5
            found.append(Candidate(float(centre[0]), float(centre[1]), width * level, here))
    return found


def _counts_significance(mean: float, around: float, pixels: float) -> float:
    """Significance of n counts where n_off / 2 are expected, n_off counted around (Li & Ma 1983, their eq. 17)."""
    on, off, alpha = max(mean, 0.0) * pixels, max(2.0 * around * pixels, 1e-3), 0.5
    if on <= alpha * off:
        return 0.0
    total = on + off
    return float(
        np.sqrt(2.0) * np.sqrt(on * np.log((1 + alpha) / alpha * on / total) + off * np.log((1 + alpha) * off / total))
    )


def _shifted(mean: FloatArray, down: int, across: int) -> FloatArray:
    """mean at (row + down, column + across), NaN outside."""
    out = np.full_like(mean, np.nan)
    rows, columns = mean.shape
    into = (slice(max(0, -down), rows - max(0, down)), slice(max(0, -across), columns - max(0, across)))
    out_of = (slice(max(0, down), rows + min(0, down)), slice(max(0, across), columns + min(0, across)))
    out[into] = mean[out_of]
    return out


def _tile_spread(z: FloatArray) -> FloatArray:
    """Robust standard deviation of z in tiles, one value per place."""
    rows, columns = -(-z.shape[0] // TILE), -(-z.shape[1] // TILE)
    spread = np.ones((rows, columns))
    for i in range(rows):
        for j in range(columns):
            part = z[i * TILE : (i + 1) * TILE : SPARSE, j * TILE : (j + 1) * TILE : SPARSE]
            part = part[np.isfinite(part)]
            if part.size > TILE:
                spread[i, j] = MAD_TO_SIGMA * np.median(np.abs(part - np.median(part)))
    return np.repeat(np.repeat(spread, TILE, axis=0), TILE, axis=1)[: z.shape[0], : z.shape[1]]


def _merged(found: list[Candidate]) -> list[Candidate]:
    """One candidate per place: the most significant of those that lie within each other's width."""
    kept: list[Candidate] = []
    taken = np.zeros((len(found), 3))
    for one in found:
        row, column, width = taken[: len(kept)].T
        apart = np.hypot(one.row - row, one.column - column)
        narrow, wide = np.maximum(np.minimum(one.width, width), 1.5), np.maximum(one.width, width)
        if not np.any((apart < AWAY * narrow) | (apart < 1.5 * wide)):
            taken[len(kept)] = one.row, one.column, one.width
            kept.append(one)
    return kept
