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
from scipy.ndimage import gaussian_filter, maximum_filter, maximum_filter1d
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
    return (_hot(low, noise) | _cold(low, noise)) & ~bad


def _hot(low: FloatArray, noise: NoiseModel) -> npt.NDArray[np.bool_]:
    """Only places that no neighbour exceeds and that stand above an empty surrounding are looked at closely."""
    least = HOT_SIGMA * np.sqrt(noise.variance(1.0))
    row, column = np.nonzero((low > least) & (low >= maximum_filter(low, size=3, mode="nearest")))
    rows, columns = low.shape
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    around = np.full(row.size, -np.inf)
    for i, j in steps:
        np.maximum(around, low[np.clip(row + i, 0, rows - 1), np.clip(column + j, 0, columns - 1)], out=around)
    limit = HOT_OVER_NEIGHBOURS * np.maximum(around, 0.0) + HOT_SIGMA * np.sqrt(noise.variance(np.maximum(around, 1.0)))
    hot = np.zeros(low.shape, dtype=bool)
    hot[row, column] = low[row, column] > limit
    return hot


def _cold(low: FloatArray, noise: NoiseModel) -> npt.NDArray[np.bool_]:
    """The limit is convex in the level of the lines, so that it lies below its values at the highest level and at none: only
    pixels below those have their medians taken."""

    def limit(lines: FloatArray) -> FloatArray:
        return COLD_SHARE * lines - HOT_SIGMA * np.sqrt(noise.variance(lines))

    highest = np.maximum(*(maximum_filter1d(low, SEAM, axis=axis, mode="nearest") for axis in (0, 1)))
    row, column = np.nonzero(low < np.maximum(limit(highest), limit(np.zeros(1))))
    reach = np.arange(SEAM) - SEAM // 2
    down = low[np.clip(row[:, None] + reach, 0, low.shape[0] - 1), column[:, None]]
    across = low[row[:, None], np.clip(column[:, None] + reach, 0, low.shape[1] - 1)]
    cold = np.zeros(low.shape, dtype=bool)
    cold[row, column] = low[row, column] < limit(np.maximum(np.median(down, axis=1), np.median(across, axis=1)))
    return cold


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
    row, column = np.nonzero(_highest(mean, 2 * round(width) + 1))
    here, counted = mean[row, column].astype(np.float64), pixels[row, column].astype(np.float64)
    smallest, surrounding = _contrasts(mean, row, column, counted, noise, round(AWAY * width))
    spread = np.maximum(_tile_spread(mean, pixels, noise, round(AWAY * width))[row // TILE, column // TILE], 1.0)
    smallest = smallest / spread
    trials = max(float(np.count_nonzero(enough)) / (4.0 * np.pi * width**2), 1.0)
    limit = -float(ndtri(FALSE_SPOTS / len(LEVELS) / len(WIDTHS) / trials))
    found = []
    for i in np.flatnonzero(smallest > limit):
        clear = float(smallest[i])
        if noise.counting:
            clear = _counts_significance(here[i], surrounding[i], counted[i]) / float(spread[i])
        if clear > limit:
            centre = (np.array([row[i], column[i]]) + 0.5) * level - 0.5
            found.append(Candidate(float(centre[0]), float(centre[1]), width * level, clear))
    return found


def _highest(mean: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.bool_]:
    """Places that no other within `size` exceeds."""
    known = np.where(np.isnan(mean), -np.inf, mean)
    return np.asarray((known == maximum_filter(known, size=size, mode="constant", cval=-np.inf)) & np.isfinite(known))


def _contrasts(
    mean: npt.NDArray[np.float32], row: npt.NDArray[np.intp], column: npt.NDArray[np.intp], pixels: FloatArray,
    noise: NoiseModel, step: int,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """(smallest contrast over the directions in sigmas, -inf where it is no contrast; highest mean around) at places (n,)."""
    here = mean[row, column].astype(np.float64)
    smallest, surrounding = np.full(row.size, np.inf), np.zeros(row.size)
    for down, across in DIRECTIONS:
        reach = step if 0 in (down, across) else round(step / np.sqrt(2.0))
        first, second = (_at(mean, row + s * down * reach, column + s * across * reach) for s in (1, -1))
        middle = _middle(first, second)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (here - middle) * np.sqrt(pixels / (1.5 * noise.variance(middle)))
        z = np.where(here > np.fmax(first, second), z, -np.inf)
        smallest = np.fmin(smallest, np.where(np.isnan(middle), np.inf, z))
        surrounding = np.fmax(surrounding, np.nan_to_num(middle))
    return np.where(np.isfinite(smallest), smallest, -np.inf), surrounding


def _at(mean: npt.NDArray[np.float32], row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> FloatArray:
    """mean at places (n,), NaN outside."""
    rows, columns = mean.shape
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return np.where(inside, mean[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)], np.nan).astype(np.float64)


def _middle(first: FloatArray, second: FloatArray) -> FloatArray:
    """Mean of the two, or the one that is known."""
    return np.where(np.isnan(first), second, np.where(np.isnan(second), first, 0.5 * (first + second)))


def _counts_significance(mean: float, around: float, pixels: float) -> float:
    """Significance of n counts where n_off / 2 are expected, n_off counted around (Li & Ma 1983, their eq. 17)."""
    on, off, alpha = max(mean, 0.0) * pixels, max(2.0 * around * pixels, 1e-3), 0.5
    if on <= alpha * off:
        return 0.0
    total = on + off
    return float(
        np.sqrt(2.0) * np.sqrt(on * np.log((1 + alpha) / alpha * on / total) + off * np.log((1 + alpha) * off / total))
    )


def _tile_spread(
    mean: npt.NDArray[np.float32], pixels: npt.NDArray[np.float32], noise: NoiseModel, step: int
) -> FloatArray:
    """Robust standard deviation (tile row, tile column) of the contrasts along rows; 1 where too few are known."""
    rows = mean[::SPARSE].astype(np.float64)
    beside = np.full((rows.shape[0], rows.shape[1] + 2 * step), np.nan)
    beside[:, step:-step] = rows
    middle = _middle(beside[:, 2 * step :: SPARSE], beside[:, : rows.shape[1] : SPARSE])
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (rows[:, ::SPARSE] - middle) * np.sqrt(pixels[::SPARSE, ::SPARSE] / (1.5 * noise.variance(middle)))
    z[~np.isfinite(z)] = np.nan
    edge = TILE // SPARSE
    down, across = -(-z.shape[0] // edge), -(-z.shape[1] // edge)
    tiles = np.full((down * edge, across * edge), np.nan)
    tiles[: z.shape[0], : z.shape[1]] = z
    tiles = tiles.reshape(down, edge, across, edge).swapaxes(1, 2).reshape(down, across, -1)
    spread = MAD_TO_SIGMA * _medians(np.abs(tiles - _medians(tiles)[..., None]))
    return np.where(np.isfinite(tiles).sum(axis=-1) > TILE, spread, 1.0)


def _medians(values: FloatArray) -> FloatArray:
    """Medians along the last axis of what is no NaN; NaN where all is."""
    ascending = np.sort(values, axis=-1)  # NaN come last
    known = np.isfinite(values).sum(axis=-1)
    middle = np.stack([np.maximum(known - 1, 0) // 2, known // 2], axis=-1)
    return np.take_along_axis(ascending, np.minimum(middle, values.shape[-1] - 1), axis=-1).mean(axis=-1)


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
