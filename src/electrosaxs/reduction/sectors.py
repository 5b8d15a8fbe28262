"""Four sectors of every frame against each other: scattering of a solution does not know left from right.

Where they disagree as a shifted beam centre makes them, the shift is found:  I(q - kappa s.u) = I - I' kappa s.u  for a centre
that lies s pixels from where the geometry says, u the direction of a pixel, kappa q per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray

NEAREST, OTHERS = 25_000, 15_000
"""Pixels looked at: those nearest the beam, and others evenly."""
QUARTERS = 4
SMOOTHING = 9
LEAST_SHARE = 0.05
"""Of a bin's pixels that two of its quarters must have."""
FEWEST_COUNTS = 50.0
NAMES = ("right", "top", "left", "bottom")
COLUMNS = (*NAMES, "x", "y")
"""Of a measured frame: pull of each quarter, and the shift of the centre (pixels, column and row)."""
UNKNOWN = np.full(len(COLUMNS), np.nan)


@dataclass(frozen=True, eq=False)
class Sectors:
    """pixel, weight (n,): flat index of the pixels looked at; slot: 4 bin + quarter; direction (2, bins, 4): mean cosine and
    sine of a quarter of a bin; per_pixel: q per pixel (1/nm); width: of a bin (1/nm)."""

    pixel: npt.NDArray[np.intp]
    slot: npt.NDArray[np.int64]
    weight: FloatArray
    direction: FloatArray
    bins: int
    per_pixel: float
    width: float

    @classmethod
    def of(
        cls,
        pixel: npt.NDArray[np.intp],
        bins: npt.NDArray[np.int64],
        weight: FloatArray,
        *,
        columns: int,
        centre_yx: tuple[float, float],
        width: float,
        count: int,
    ) -> Sectors:
        """pixel, bins, weight (used,): the used pixels of a detector of `columns`, in `count` bins of `width` (1/nm)."""
        order = np.argsort(bins, kind="stable")
        rest = order[NEAREST:]
        chosen = np.concatenate([order[:NEAREST], rest[:: max(rest.size // OTHERS, 1)]])
        y, x = np.divmod(pixel[chosen], columns)
        y, x = y + 0.5 - centre_yx[0], x + 0.5 - centre_yx[1]
        quarter = np.floor_divide(np.arctan2(y, x) + np.pi / 4.0, np.pi / 2.0).astype(np.int64) % QUARTERS
        radius = np.hypot(x, y)
        spread = radius - radius.mean()
        per_pixel = width * float(spread @ bins[chosen] / max(spread @ spread, 1e-9))
        slot, share = QUARTERS * bins[chosen] + quarter, weight[chosen]
        whole, *turned = (
            np.bincount(slot, share * u, minlength=QUARTERS * count) for u in (np.ones_like(x), x / radius, y / radius)
        )
        direction = np.array(turned).reshape(2, count, QUARTERS) / np.maximum(whole, 1e-12).reshape(count, QUARTERS)
        return cls(pixel[chosen], slot, share, direction, count, per_pixel, width)

    def measure(self, pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger) -> FloatArray:
        """COLUMNS of a frame (flat, as `azimuthal.comparable` has it), NaN where it has too few counts."""
        shown = pixels[self.pixel]
        good = shown < limit
        counts, weight = (
            np.bincount(self.slot[good], values[good], minlength=QUARTERS * self.bins).reshape(-1, QUARTERS)
            for values in (shown.astype(np.float64), self.weight)
        )
        ring, whole = counts.sum(axis=1), weight.sum(axis=1)
        share = weight / np.maximum(whole, 1e-12)[:, None]
        told = (np.sum(share > LEAST_SHARE, axis=1) > 1) & (ring > FEWEST_COUNTS)
        if told.sum() < SMOOTHING:
            return UNKNOWN
        expected = ring[:, None] * share
        excess, variance = (counts - expected)[told], (expected * (1.0 - share))[told]
        variance = np.maximum(variance, 1e-9)
        pulls = np.where(share[told].sum(axis=0) > 0.0, excess.sum(axis=0) / np.sqrt(variance.sum(axis=0)), np.nan)
        slope = self._slope(ring, whole, told)[told]
        shape = [
            -self.per_pixel * slope[:, None] * expected[told] * (u - np.sum(share[told] * u, axis=1, keepdims=True))
            for u in self.direction[:, told]
        ]
        normal = np.array([[np.sum(a * b / variance) for b in shape] for a in shape])
        shift = np.linalg.pinv(normal, rcond=1e-6) @ [np.sum(a * excess / variance) for a in shape]
        return np.concatenate([pulls, shift])

    def _slope(self, ring: FloatArray, whole: FloatArray, told: npt.NDArray[np.bool_]) -> FloatArray:
        """d ln I / dq (bins,), smoothed."""
        window = np.ones(SMOOTHING)
        smooth = np.convolve(np.where(told, ring, 0.0), window, "same") / np.maximum(
            np.convolve(np.where(told, whole, 0.0), window, "same"), 1e-12
        )
        return np.gradient(np.log(np.maximum(smooth, 1e-12)), self.width)


def centre_off(columns: FloatArray) -> tuple[float, float, float]:
    """By how many pixels (column, row) the beam centre is off, as most frames (frame, COLUMNS) say, and the sigma of that."""
    shift = columns[:, QUARTERS:]
    shift = shift[np.isfinite(shift).all(axis=1)]
    if len(shift) < 3:
        return 0.0, 0.0, np.inf
    middle = np.median(shift, axis=0)
    scatter = 1.4826 * np.median(np.abs(shift - middle), axis=0)
    return float(middle[0]), float(middle[1]), float(1.25 * scatter.max() / np.sqrt(len(shift)))
