"""What an image would let one see at a place: background and its noise, gaps, beam stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from ..nouns.base import FloatArray
from .geometry import DetectorPlane
from .noise import NoiseModel
from .spots import PreparedImage

TILE = 16  # pixels over which the background is the mean of the lower nine tenths
LOW_SHARE = 0.9
NEAR = 9  # pixels around a place that must be usable
LEAST_USABLE = 0.6
DARK = 0.25  # of what is usual at this distance from the direct beam: the beam stop's shadow
RING = 8.0  # pixels
CLEAR_COUNTS = 12.0


@dataclass(frozen=True, eq=False)
class Surroundings:
    """background (tiles): usual value per pixel; usable (y, x): share of usable pixels around; ring_level: usual value by
    distance from the direct beam, which lies at `centre` (row, column)."""

    background: FloatArray
    usable: npt.NDArray[np.float32]
    ring_level: FloatArray
    centre: tuple[float, float]
    noise: NoiseModel
    shape: tuple[int, int]

    def status(self, row: FloatArray, column: FloatArray) -> npt.NDArray[np.str_]:
        """ "" where a spot could be seen, "off" off the image, "gap" or "beam stop"."""
        rows, columns = self.shape
        with np.errstate(invalid="ignore"):
            on = (row > 2) & (row < rows - 3) & (column > 2) & (column < columns - 3)
        r = np.where(on, np.nan_to_num(row), 0).round().astype(int)
        c = np.where(on, np.nan_to_num(column), 0).round().astype(int)
        level = self.background[
            np.minimum(r // TILE, self.background.shape[0] - 1), np.minimum(c // TILE, self.background.shape[1] - 1)
        ]
        away = np.hypot(r - self.centre[0], c - self.centre[1]) / RING
        usual = np.interp(away, np.arange(self.ring_level.size), self.ring_level)
        dark = (level < DARK * usual) & (usual * TILE**2 > CLEAR_COUNTS * np.sqrt(self.noise.variance(usual)) * TILE)
        usable = self.usable[r, c] > LEAST_USABLE
        return np.where(~on, "off", np.where(~usable, "gap", np.where(dark, "beam stop", ""))).astype(str)

    def pixel_sigma(self, row: FloatArray, column: FloatArray) -> FloatArray:
        """Standard deviation of a pixel's value on the background there."""
        r = np.clip(np.nan_to_num(row).astype(int) // TILE, 0, self.background.shape[0] - 1)
        c = np.clip(np.nan_to_num(column).astype(int) // TILE, 0, self.background.shape[1] - 1)
        return np.sqrt(self.noise.variance(self.background[r, c]))


def surroundings(image: PreparedImage, plane: DetectorPlane) -> Surroundings:
    """The background of an image as tiles and by distance from the direct beam."""
    values = np.where(image.bad, np.nan, image.values)
    rows, columns = (n // TILE * TILE for n in values.shape)
    tiles = values[:rows, :columns].reshape(rows // TILE, TILE, columns // TILE, TILE).swapaxes(1, 2)
    flat = tiles.reshape(tiles.shape[0], tiles.shape[1], -1)
    known = np.isfinite(flat).sum(axis=2) > TILE
    filled = np.where(known[..., None], flat, 0.0)
    # a low mean instead of a median: counts below one have a median of zero
    usual = np.nan_to_num(filled, nan=0.0)
    place = int(LOW_SHARE * TILE**2)
    high = np.maximum(np.partition(usual, place, axis=2)[..., place : place + 1], 1.0)
    low = np.isfinite(filled) & (filled <= high)
    level = np.where(low, usual, 0.0).sum(axis=2) / np.maximum(low.sum(axis=2), 1)
    row, column = plane.pixel(np.array([[1.0, 0.0, 0.0]]))
    centre = float(row[0]), float(column[0])
    y, x = np.indices(level.shape) * TILE + 0.5 * TILE
    ring = (np.hypot(y - centre[0], x - centre[1]) / RING).astype(int)
    by_ring = np.array(
        [
            np.median(
                level[(ring == i) & known & (y < centre[0])] if np.any((ring == i) & known & (y < centre[0])) else [0.0]
            )
            for i in range(ring.max() + 1)
        ]
    )
    usable = uniform_filter((~image.bad).astype(np.float32), NEAR, mode="constant")
    return Surroundings(np.where(known, level, 0.0), usable, by_ring, centre, image.noise, image.values.shape)
