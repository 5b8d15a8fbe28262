"""Four sectors of every frame against each other: scattering of a solution does not know left from right.

Where they disagree as a shifted beam centre makes them, the shift is found:  I(q - kappa s.u) = I - I' kappa s.u  for a centre
that lies s pixels from where the geometry says, u the direction of a pixel, kappa q per pixel. A quarter that sees more or less
than the others at all q (gain of its modules, shade of a holder) is no shift: both are fitted together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray
from .sector_kernels import (
    QUARTERS,
    SHAPES,
    SMOOTHING,
    against_each_other,
    compared,
    log_slope,
    normal_equations,
    quarter_sums,
    told_rings,
)

NEAREST, OTHERS = 25_000, 15_000
"""Pixels looked at: those nearest the beam, and others evenly."""
NAMES = ("right", "top", "left", "bottom")
COLUMNS = (*NAMES, "x", "y")
"""Of a measured frame: pull of each quarter, and the shift of the centre (pixels, column and row)."""
UNKNOWN = np.full(len(COLUMNS), np.nan)


class QuarterSums(NamedTuple):
    """Of the pixels looked at in one frame (bins, 4): counts below the limit, and the weight of these pixels."""

    counts: FloatArray
    weight: FloatArray


@dataclass(frozen=True, eq=False)
class Quarters:
    """Of one frame. shift: of the centre (2,), pixels by column and row; precision (2, 2): its inverse covariance by counting,
    with a gain of each quarter left open; chi_squared: of the quarters of all bins about no shift, over its expectation."""

    shift: FloatArray
    precision: FloatArray
    chi_squared: float


@dataclass(frozen=True, eq=False)
class Sectors:
    """chosen (n,): which of the used pixels are looked at; pixel, weight (n,): their flat index and weight; slot: 4 bin +
    quarter; whole (bins, 4): weight of all of them; direction (2, bins, 4): mean cosine and sine of a quarter of a bin;
    per_pixel: q per pixel (1/nm); width: of a bin (1/nm)."""

    chosen: npt.NDArray[np.intp]
    pixel: npt.NDArray[np.intp]
    slot: npt.NDArray[np.int64]
    weight: FloatArray
    whole: FloatArray
    direction: FloatArray
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
        chosen = np.sort(
            np.concatenate([order[:NEAREST], rest[:: max(rest.size // OTHERS, 1)]])
        )  # as they lie in memory
        y, x = np.divmod(pixel[chosen], columns)
        y, x = y + 0.5 - centre_yx[0], x + 0.5 - centre_yx[1]
        quarter = np.floor_divide(np.arctan2(y, x) + np.pi / 4.0, np.pi / 2.0).astype(np.int64) % QUARTERS
        radius = np.hypot(x, y)
        spread = radius - radius.mean()
        per_pixel = width * float(spread @ bins[chosen] / max(spread @ spread, 1e-9))
        slot, share = QUARTERS * bins[chosen] + quarter, weight[chosen]
        whole, *turned = (
            np.bincount(slot, share * u, minlength=QUARTERS * count).reshape(count, QUARTERS)
            for u in (np.ones_like(x), x / radius, y / radius)
        )
        direction = np.array(turned) / np.maximum(whole, 1e-12)
        return cls(chosen, pixel[chosen], slot, share, np.asarray(whole, float), direction, per_pixel, width)

    @property
    def quarter(self) -> npt.NDArray[np.int64]:
        """Of each pixel looked at, (n,)."""
        return self.slot % QUARTERS

    def sums(self, pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger) -> QuarterSums:
        """Of a frame, flat, as `azimuthal.comparable` has it: what is below `limit`."""
        counts, weight = np.zeros((2, *self.whole.shape))
        quarter_sums(pixels, limit, self.pixel, self.slot, self.weight, counts.reshape(-1), weight.reshape(-1))
        return QuarterSums(counts, weight)

    def measure(self, frames: Sequence[QuarterSums]) -> FloatArray:
        """COLUMNS of some frames (frame, COLUMNS), NaN where one has too few counts."""
        counts, weight = (np.stack(of_each) for of_each in zip(*frames, strict=True))
        rings, apart, normal, seen = compared(counts, weight, self.width, self.per_pixel, self.direction)
        found = np.concatenate([apart, np.zeros((len(frames), 2))], axis=1)
        enough = rings >= SMOOTHING
        found[~enough] = np.nan
        if enough.any():
            found[enough, QUARTERS:] = _shift(normal[enough], seen[enough])[0]
        return found

    def compare(self, sums: QuarterSums) -> Quarters | None:
        """The shift of the centre that a frame shows, as `measure`; None where it has too few counts."""
        found = self._seen(*sums)
        if found is None:
            return None
        excess, expected, variance, shapes = found
        normal, seen = np.zeros((SHAPES, SHAPES)), np.zeros(SHAPES)
        normal_equations(shapes, excess, variance, normal, seen)
        sizes = _inverse(normal[2:, 2:]) @ seen[2:]
        rest = excess - np.tensordot(sizes, shapes[2:], axes=1)
        there = expected > 0.0
        freedom = float(there.sum() - len(rest))
        return Quarters(*_shift(normal, seen), float(np.sum(np.square(rest[there]) / expected[there])) / freedom)

    def _seen(
        self, counts: FloatArray, weight: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None:
        """Excess, expected, variance and shapes of `against_each_other`; None where a frame has too few counts."""
        told = told_rings(counts, weight)
        if np.count_nonzero(told) < SMOOTHING:
            return None
        slope = log_slope(counts, weight, told, self.width)
        return against_each_other(counts, weight, slope, self.per_pixel, self.direction, told)


def _shift(normal: FloatArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of the centre (..., 2), pixels, and its inverse covariance with the gains left open; normal, seen: of all shapes."""
    through_gains = normal[..., :2, 2:] @ _inverse(normal[..., 2:, 2:])
    precision = normal[..., :2, :2] - through_gains @ normal[..., 2:, :2]
    of_shift = seen[..., :2] - _times(through_gains, seen[..., 2:])
    return _times(_inverse(precision), of_shift), precision


def _times(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    return np.asarray((matrix @ vector[..., None])[..., 0])


def _inverse(normal: FloatArray) -> FloatArray:
    """Of matrices of normal equations (..., n, n); what they cannot tell has the least sizes."""
    scale = 1.0 / np.sqrt(np.maximum(np.diagonal(normal, axis1=-2, axis2=-1), 1e-300))
    sizes, directions = np.linalg.eigh(normal * scale[..., :, None] * scale[..., None, :])
    told = sizes > 1e-6 * sizes[..., -1:]  # as np.linalg.pinv has it, which takes several times as long
    weights = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=told)
    turned = directions * scale[..., :, None]
    return np.asarray((turned * weights[..., None, :]) @ turned.swapaxes(-1, -2))


def mean_shift(told: Sequence[Quarters]) -> tuple[FloatArray, float]:
    """Mean shift (2,) of the centre that some frames show, each as well as it knows it, and the sigma of its less known part,
    widened where they differ by more than counting; infinite of fewer than three."""
    if len(told) < 3:
        return np.zeros(2), np.inf
    covariance = _inverse(np.sum([one.precision for one in told], axis=0))
    mean = covariance @ np.sum([one.precision @ one.shift for one in told], axis=0)
    apart = sum(float((one.shift - mean) @ one.precision @ (one.shift - mean)) for one in told)
    widening = max(apart / (2.0 * len(told) - 2.0), 1.0)
    return mean, float(np.sqrt(widening * np.linalg.eigvalsh(covariance).max()))


def centre_off(columns: FloatArray) -> tuple[float, float, float]:
    """By how many pixels (column, row) the beam centre is off, as most frames (frame, COLUMNS) say, and the sigma of that."""
    shift = columns[:, QUARTERS:]
    shift = shift[np.isfinite(shift).all(axis=1)]
    if len(shift) < 3:
        return 0.0, 0.0, np.inf
    middle = np.median(shift, axis=0)
    scatter = 1.4826 * np.median(np.abs(shift - middle), axis=0)
    return float(middle[0]), float(middle[1]), float(1.25 * scatter.max() / np.sqrt(len(shift)))
