"""Finding ring-like ridges in a counting image: which pixels count, and where intensity has a crest with which normal.

A crest (large negative curvature across, little along) is what separates a powder ring from the smooth decay of
small-angle scattering, which has positive curvature, and from hot pixels, which curve both ways. The image is binned
so that wide or weak rings become narrow and strong at some level; square roots of counts make the noise the same
everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..nouns import FloatArray

BoolImage = npt.NDArray[np.bool_]
SMOOTHING_CELLS = 1.6
SIGNIFICANCE = 5.0
MOST_POINTS = 2000


def invalid_pixels(image: npt.NDArray, mask: BoolImage | None = None) -> BoolImage:
    """True where a pixel does not count.

    Masked, negative (gaps), not finite, at the ceiling of its integer type, or hot.
    """
    invalid = np.zeros(image.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool).copy()
    if np.issubdtype(image.dtype, np.unsignedinteger):
        invalid |= image == np.iinfo(image.dtype).max
    else:
        invalid |= ~np.isfinite(image)
        invalid |= np.where(invalid, 0, image) < 0
    return invalid | hot_pixels(np.where(invalid, 0, image).astype(np.float32))


def hot_pixels(counts: npt.NDArray[np.float32]) -> BoolImage:
    """Pixels or pairs far above all but two of their 3 x 3 neighbourhood.

    A ring, however sharp, passes through three.
    """
    third = ndimage.rank_filter(counts, -3, size=3)
    return np.asarray(counts > 4.0 * third + 8.0 * np.sqrt(third + 1.0))


@dataclass(frozen=True)
class Ridges:
    """Crest points in pixel coordinates (corner of the image = 0), unit normals, significance.

    `cell`: binning in pixels.
    """

    y: FloatArray
    x: FloatArray
    normal_y: FloatArray
    normal_x: FloatArray
    strength: FloatArray
    cell: int

    def __len__(self) -> int:
        return len(self.y)


def binned(image: FloatArray, cell: int) -> FloatArray:
    """Sums over cell x cell blocks; rows and columns that do not fill a block are left out."""
    rows, columns = image.shape[0] // cell, image.shape[1] // cell
    blocks = image[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell)
    return np.asarray(blocks.sum(axis=(1, 3)))


def find_ridges(counts: FloatArray, valid: BoolImage, cell: int) -> Ridges:
    """Crest points of the image binned by `cell`, above 5 sigma of the counting noise.

    counts: (y, x), any value where not valid. Noise of a second derivative of a Gaussian-smoothed (s) unit white
    noise: sqrt(3 / (16 pi)) / s^3.
    """
    used = binned(valid.astype(np.float64), cell)
    total = binned(np.where(valid, counts, 0.0), cell)
    full = used >= 0.5 * cell**2
    scaled = np.where(full, total * cell**2 / np.maximum(used, 1.0), 0.0)
    root = np.where(full, 2.0 * np.sqrt(scaled + 0.375), 0.0)
    filled = np.where(full, root, _smooth_fill(root, full))
    derivative = {
        order: ndimage.gaussian_filter(filled, SMOOTHING_CELLS, order=order)
        for order in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    }
    reach = int(np.ceil(1.5 * SMOOTHING_CELLS))
    usable = ndimage.binary_erosion(full, iterations=reach, border_value=0)
    return _crests(derivative, usable, cell)


def _smooth_fill(root: FloatArray, full: BoolImage) -> FloatArray:
    """Local mean of the cells that count, for the cells that do not, so that a gap makes no edge."""
    weight = ndimage.gaussian_filter(full.astype(np.float64), 2.0 * SMOOTHING_CELLS)
    return np.asarray(ndimage.gaussian_filter(root, 2.0 * SMOOTHING_CELLS) / np.maximum(weight, 1e-3))


def _crests(derivative: dict[tuple[int, int], FloatArray], usable: BoolImage, cell: int) -> Ridges:
    yy, xy, xx = derivative[2, 0], derivative[1, 1], derivative[0, 2]
    mean, half = 0.5 * (yy + xx), np.hypot(0.5 * (yy - xx), xy)
    across, along = mean - half, mean + half
    noise = np.sqrt(3.0 / (16.0 * np.pi)) / SMOOTHING_CELLS**3
    candidate = usable & (-across > SIGNIFICANCE * noise) & (np.abs(along) < 0.5 * np.abs(across))
    row, column = np.nonzero(candidate)
    angle = 0.5 * np.arctan2(2.0 * xy[row, column], (xx - yy)[row, column]) + 0.5 * np.pi
    normal_y, normal_x = np.sin(angle), np.cos(angle)
    slope = derivative[1, 0][row, column] * normal_y + derivative[0, 1][row, column] * normal_x
    offset = -slope / across[row, column]
    crest = np.abs(offset) <= 0.6
    row, column, offset = row[crest], column[crest], offset[crest]
    normal_y, normal_x = normal_y[crest], normal_x[crest]
    ridges = Ridges(
        (row + 0.5 + offset * normal_y) * cell,
        (column + 0.5 + offset * normal_x) * cell,
        normal_y,
        normal_x,
        -across[row, column] / noise,
        cell,
    )
    return _thinned(ridges)


def _thinned(ridges: Ridges) -> Ridges:
    """At most 2000 of the points, evenly over the list (by rows), so that the search costs the same for any image."""
    if len(ridges) <= MOST_POINTS:
        return ridges
    keep = np.linspace(0, len(ridges) - 1, MOST_POINTS).astype(np.int64)
    return Ridges(
        ridges.y[keep], ridges.x[keep], ridges.normal_y[keep], ridges.normal_x[keep], ridges.strength[keep], ridges.cell
    )
