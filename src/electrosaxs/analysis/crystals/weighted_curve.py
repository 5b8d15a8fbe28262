"""One curve with its noise: what a fit of a single frame needs, whatever the curve came with.

The variance of a bin follows from the model: counting (one photon's intensity x (model + solvent)), plus what is fixed
(the solvent frame's counting, or the given variance), plus a relative imperfection of the model, 0 unless the data
demand it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
import numpy.typing as npt

from ...errors import FitError
from ...nouns import FloatArray, SampleIntensity
from ..spheres.fit import bin_noise

LEAST_BINS = 30
UNEVEN = 0.15
"""Relative, of what bin means differ by from the curve at the bins (chosen): pixels do not lie evenly in a bin, and the curve
bends between bins. A line three bins wide is known to 0.3 % of its height."""


@dataclass(frozen=True, eq=False)
class WeightedCurve:
    """Arrays (q,) of the good bins only: q (1/nm), intensity, per_count, solvent, fixed_variance, shared_variance.

    Variance at a model M: excess (per_count (M + solvent) + fixed_variance + shared_variance); shared_variance is the
    solvent measurement's, common to all frames that it was subtracted from; excess (q,) is 1 unless a fit demanded
    more. `estimated`: the noise was taken from the scatter of the curve itself. `binned`: of pixels; then the variance
    has what UNEVEN leaves of the model's bend.
    """

    q: FloatArray
    intensity: FloatArray
    per_count: FloatArray
    solvent: FloatArray
    fixed_variance: FloatArray
    shared_variance: FloatArray
    excess: FloatArray
    estimated: bool = False
    binned: bool = False

    def seen(self, curves: FloatArray) -> FloatArray:
        """What a curve with this binning shows of a model (q,) or (q, p)."""
        return bin_means(self.q, curves) if self.binned else curves

    def variance(self, model: FloatArray) -> FloatArray:
        """Variance (q,) of the bins if `model` were true; a tenth of a photon is the least that is expected."""
        expected = np.maximum(model + self.solvent, 0.1 * self.per_count)
        counted = self.per_count * expected + self.fixed_variance + self.shared_variance
        if self.binned:
            counted[1:-1] += np.square(UNEVEN / 24.0 * (model[:-2] - 2.0 * model[1:-1] + model[2:]))
        return self.excess * counted

    def with_excess(self, excess: FloatArray | float) -> WeightedCurve:
        """The same curve with its variance multiplied by `excess`, in place of the present one."""
        return replace(self, excess=np.broadcast_to(np.asarray(excess, dtype=np.float64), self.q.shape))

    def up_to(self, q_max: float) -> WeightedCurve:
        """The part of the curve below `q_max` (1/nm), at least 30 bins of it."""
        n = max(int(np.searchsorted(self.q, q_max)), LEAST_BINS)
        return self.at(slice(0, n))

    def at(self, bins: slice | npt.NDArray[np.int64]) -> WeightedCurve:
        """The curve on a part of its bins."""
        return WeightedCurve(
            q=self.q[bins],
            intensity=self.intensity[bins],
            per_count=self.per_count[bins],
            solvent=self.solvent[bins],
            fixed_variance=self.fixed_variance[bins],
            shared_variance=self.shared_variance[bins],
            excess=self.excess[bins],
            estimated=self.estimated,
            binned=self.binned,
        )


def bin_means(q: FloatArray, curves: FloatArray) -> FloatArray:
    """Means over bins as wide as the distance of `q` (n,) of curves (n,) or (n, p) given at q: f + f'' dq^2 / 24.

    Without it a Bragg peak of 3 bins FWHM on the slope of the form factor is fitted 4e-5 too high in q. Left as it is beside a
    masked bin, where the neighbours are further away.
    """
    out = curves.copy()
    regular = np.abs(np.diff(q, 2)) < 0.1 * np.diff(q)[1:]
    bend = curves[:-2] - 2.0 * curves[1:-1] + curves[2:]
    out[1:-1] += (regular if curves.ndim == 1 else regular[:, None]) * bend / 24.0
    return out


def curve_from_arrays(q: npt.ArrayLike, intensity: npt.ArrayLike, sigma: npt.ArrayLike | None = None) -> WeightedCurve:
    """A curve without photon counts: `sigma` as given, or from the scatter between neighbouring bins where it is None.

    Bins that are not finite, or whose sigma is not above 0, are left out. FitError below 30 good bins.
    """
    x, y = np.asarray(q, dtype=np.float64), np.asarray(intensity, dtype=np.float64)
    s = np.full(x.shape, np.nan) if sigma is None else np.asarray(sigma, dtype=np.float64)
    usable = np.isfinite(s) & (s > 0.0)
    known = bool(usable.mean() > 0.5)
    good = np.isfinite(x) & np.isfinite(y) & (x > 0.0) & (usable | (not known))
    order = np.flatnonzero(good)[np.argsort(x[good], kind="stable")]
    x, y, s = x[order], y[order], s[order]
    _enough(x)
    zero, one = np.zeros_like(x), np.ones_like(x)
    if known:
        return WeightedCurve(x, y, zero, zero, s**2, zero, one)
    per_count, solvent = noise_from_scatter(x, y)
    return WeightedCurve(x, y, per_count, solvent, zero, zero, one, estimated=True)


def curve_of_frame(sample: SampleIntensity, frame: int) -> WeightedCurve:
    """The curve of one frame, with photon counts where it carries `per_count`."""
    shared = {name: sigma["frame", frame] for name, sigma in sample.shared.items()}
    one = SampleIntensity(sample.data["frame", frame], shared)
    noise, good = bin_noise(one), one.good & (one.coord("q") > 0.0)
    if noise.unknown:
        return curve_from_arrays(one.coord("q")[good], one.values[good])
    per_count, fixed, shared = noise.per_count[0], noise.fixed[0], noise.solvent_variance[0]
    good &= np.isfinite(per_count) & np.isfinite(fixed) & (per_count + fixed > 0.0)
    _enough(one.coord("q")[good])
    whole = WeightedCurve(
        q=noise.q,
        intensity=noise.intensity[0],
        per_count=per_count,
        solvent=noise.solvent,
        fixed_variance=fixed,
        shared_variance=shared,
        excess=np.ones_like(fixed),
        binned="per_count" in one.data.coords,
    )
    return whole.at(np.flatnonzero(good))


@dataclass(frozen=True, eq=False)
class FrameCurves(Sequence[WeightedCurve]):
    """The curves of a sample's frames, each made when it is asked for: those of a long series are not held together."""

    sample: SampleIntensity
    frames: range

    @classmethod
    def of(cls, sample: SampleIntensity) -> FrameCurves:
        return cls(sample, range(sample.data.sizes["frame"]))

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, place: int) -> WeightedCurve: ...

    @overload
    def __getitem__(self, place: slice) -> FrameCurves: ...

    def __getitem__(self, place: int | slice) -> WeightedCurve | FrameCurves:
        if isinstance(place, slice):
            return FrameCurves(self.sample, self.frames[place])
        return curve_of_frame(self.sample, self.frames[place])


def noise_from_scatter(q: FloatArray, intensity: FloatArray) -> tuple[FloatArray, FloatArray]:
    """per_count and solvent (q,) such that the variance per_count (I + solvent) is what neighbouring bins scatter by.

    Second differences (y_-1 - 2 y_0 + y_1) / sqrt 6 remove what is smooth; their robust spread in groups of like
    intensity follows var = (c0 + c1 I) / q, counting in rings whose number of pixels grows as q.
    """
    bend = (intensity[:-2] - 2.0 * intensity[1:-1] + intensity[2:]) * np.sqrt(q[1:-1] / 6.0)
    level = np.maximum(intensity[1:-1], 0.0)
    groups = np.array_split(np.argsort(level), max(3, min(24, bend.size // 20)))
    spread = np.array([(np.median(np.abs(bend[g])) / 0.6745) ** 2 for g in groups])
    height = np.array([np.mean(level[g]) for g in groups])
    floor = 1e-12 * max(float(np.max(intensity**2)), 1e-300)
    c0, c1 = _straight_line(height, np.maximum(spread, floor))
    return c1 / q, np.full(q.shape, c0 / c1)


def _straight_line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Offset and slope, both positive, that follow y in ratio: least absolute logarithm over the lines through two
    points."""
    best = (float("inf"), float(np.min(y)), 1e-9 * float(np.median(y)) / max(float(np.max(x)), 1e-300))
    for i in range(x.size):
        for j in range(i):
            slope = (y[i] - y[j]) / max(x[i] - x[j], 1e-300)
            offset = y[j] - slope * x[j]
            if slope > 0.0 and offset >= 0.0:
                misfit = float(np.sum(np.abs(np.log(y / np.maximum(offset + slope * x, 1e-300)))))
                best = min(best, (misfit, float(offset), float(slope)))
    return best[1], best[2]


def _enough(q: FloatArray) -> None:
    if q.size < LEAST_BINS:
        raise FitError(
            f"curve has {q.size} good bins: a lattice needs at least {LEAST_BINS}; check its mask and q range"
        )
