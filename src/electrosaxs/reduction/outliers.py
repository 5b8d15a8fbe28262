"""Hot and dead pixels, found over a sample of frames instead of frame by frame.

A pixel is compared with the other pixels of its q bin. Hot or dead is only what deviates in nearly every sampled frame:
a reflection of a single crystal is real, and it is gone in the next frame. Nothing is clipped frame by frame, because
cutting the upper tail of a Poisson distribution lowers the mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc, gammaincc

from ..errors import ShapeError
from ..nouns import FloatArray, FrameTable, Role
from .azimuthal import Integrator, comparable

SAMPLE = 12
TAIL = 1e-10  # of a pixel; 1e6 pixels then give 1e-4 false ones in a series
HOT_RATIO, DEAD_RATIO = 1.5, 0.5  # chosen: less is a difference of gain, which bins average over
DEAD_EXPECTED = 25.0  # counts over the sample: exp(-25) = 1e-11 to see none
MANY_DEAD = 5e-3  # of the pixels in the q range that could show; detectors that are well have 1e-5
MOST_HOT = 5e-3  # of the pixels in the q range; working detectors have 1e-6 to 1e-3
NOW_AND_THEN = 3  # frames in which a pixel must be hot by itself where it comes and goes; a reflection is gone before
LEAST_UNEVEN, SURELY_UNEVEN = 3e-3, 8.0
"""Relative scatter of pixels of one q beyond counting, and its sigmas, from which on it is said (chosen: what a calibrated
flat field leaves)."""
WILD = 0.5
FLAT_FIELD = "differ by more than counting, as of a flat field that is not right"
FEWEST_PIXELS = 20  # of a bin; the median of fewer does not tell who is the wild one
MOST_AROUND = 5  # bins on each side that may tell it then


@dataclass(frozen=True, eq=False)
class Outliers:
    """hot, dead: (y, x); frames: how many were looked at; dead_searchable: share of the pixels of the q range that
    expected enough counts for a dead one to show; note: what was found, and what could not be, in one line; uneven: pixels of
    one q differ by more than counting."""

    hot: npt.NDArray[np.bool_]
    dead: npt.NDArray[np.bool_]
    frames: int
    dead_searchable: float
    note: str
    uneven: bool = False

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(y, x), True = leave out."""
        return np.asarray(self.hot | self.dead)


def sample_frames(table: FrameTable) -> npt.NDArray[np.intp]:
    """Indices of the frames to look at, rising: solvent and reference first, then samples far above the anode.

    These hold no crystals. Half of `SAMPLE` are samples, so that a pixel that turns hot during the scans shows, the rest
    solvent and reference, spread evenly over time; what one role lacks, the others give.
    """
    samples = np.flatnonzero(table.is_role(Role.SAMPLE))
    far = samples[table.height[samples] >= np.quantile(table.height[samples], 0.5)] if samples.size else samples
    standards = [np.flatnonzero(table.is_role(role)) for role in (Role.SOLVENT, Role.REFERENCE)]
    chosen: list[npt.NDArray[np.intp]] = []
    left = SAMPLE - min(far.size, SAMPLE // 2)
    for position, group in enumerate(sorted(standards, key=len)):
        take = min(len(group), left // (len(standards) - position))
        chosen.append(_evenly(group, take))
        left -= take
    chosen.append(_evenly(far, min(far.size, SAMPLE - sum(map(len, chosen)))))
    return np.sort(np.concatenate(chosen))


def _evenly(group: npt.NDArray[np.intp], take: int) -> npt.NDArray[np.intp]:
    return group[np.linspace(0, len(group) - 1, take).round().astype(int)] if take else group[:0]


def find_outliers(frames: Iterable[npt.NDArray], integrator: Integrator) -> Outliers:
    """Hot and dead pixels among the used pixels of `integrator`, from at most a few tens of frames (y, x).

    Where more than 0.5 % stand out, it is the scattering and not the detector: none is called hot, as the note says.
    All frames are held at once, in the q range only (Pilatus 2M: about 4 MB each). Raises ShapeError without frames.
    """
    counts, invalid = _stacked(frames, integrator)
    always_invalid = invalid.sum(axis=0) > len(counts) // 2
    judged = np.asarray(~invalid.any(axis=0))
    total = counts.sum(axis=0)
    expected, factor, own = _expectation(total, judged, integrator)
    dead = judged & own & (expected > DEAD_EXPECTED) & (total < DEAD_RATIO * expected)
    dead[dead] = _below(total[dead], expected[dead], factor[dead])
    hot = ~always_invalid & (
        total > HOT_RATIO * expected
    )  # one that saturates now and then is judged by its other frames
    hot[hot] = _above(total[hot], expected[hot], factor[hot])
    hot[hot] = _persistent(counts, hot, dead, expected, factor, integrator)
    searchable = float(np.mean(own & (expected > DEAD_EXPECTED)))
    stands_out = int(hot.sum())
    if stands_out > MOST_HOT * hot.size:
        hot[:] = False
    scatter, sigmas = _unevenness(total, expected, judged & own & ~hot & ~dead, integrator)
    uneven = scatter >= LEAST_UNEVEN and sigmas >= SURELY_UNEVEN
    note = _note(stands_out, hot, dead, always_invalid, len(counts), searchable)
    if uneven:
        note += f"; pixels of one q {FLAT_FIELD}: by {100.0 * scatter:.2g} % ({min(sigmas, 999.0):.0f} sigma)"
    return Outliers(
        hot=_image(hot | always_invalid, integrator),
        dead=_image(dead, integrator),
        frames=len(counts),
        dead_searchable=searchable,
        note=note,
        uneven=uneven,
    )


def _stacked(frames: Iterable[npt.NDArray], integrator: Integrator) -> tuple[npt.NDArray, npt.NDArray[np.bool_]]:
    """Counts (frames, used) and where they are negative or saturated (then 0)."""
    counts, invalid = [], []
    for frame in frames:
        if frame.shape != integrator.shape:
            raise ShapeError(f"frame has shape {frame.shape}: the geometry is for {integrator.shape}")
        pixels, limit, _ = comparable(frame, integrator.saturation)
        values = pixels[integrator.pixel]
        invalid.append(values >= limit)
        counts.append(np.where(invalid[-1], 0, values).astype(np.int32))
    if not counts:
        raise ShapeError("outliers need at least one frame: give solvent, reference or sample frames")
    return np.asarray(counts), np.asarray(invalid)


def _above(counts: npt.NDArray, expected: FloatArray, factor: FloatArray | float) -> npt.NDArray[np.bool_]:
    """True where a Poisson pixel would count so much with probability below TAIL: P(X >= n) = P(n, mean).

    Variance `factor` times the mean: counts and mean divided by it. Looked up only beyond 5 standard deviations.
    """
    far = np.asarray(counts > expected + 5.0 * np.sqrt(factor * expected))
    if not far.any():
        return far
    n, mean, over = counts[far], expected[far], np.broadcast_to(factor, far.shape)[far]
    far[far] = gammainc(n / over, mean / over) < TAIL
    return far


def _below(counts: npt.NDArray, expected: FloatArray, factor: FloatArray | float) -> npt.NDArray[np.bool_]:
    """True where a Poisson pixel would count so little with probability below TAIL: P(X <= n) = Q(n + 1, mean)."""
    far = np.asarray(counts < expected - 4.0 * np.sqrt(factor * expected))
    if not far.any():
        return far
    n, mean, over = counts[far], expected[far], np.broadcast_to(factor, far.shape)[far]
    far[far] = gammaincc(n / over + 1, mean / over) < TAIL
    return far


def _expectation(
    total: npt.NDArray, judged: npt.NDArray[np.bool_], integrator: Integrator
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Expected total of each pixel (NaN where nothing can tell), `robust_mean`'s factor, and whether its own bin tells it, all
    (used,). Of a bin with few pixels the bins around it do, as the scatter of these lets."""
    order = np.argsort(integrator.bin, kind="stable")
    expected, factor = np.full(total.size, np.nan), np.ones(total.size)
    own = np.zeros(total.size, dtype=bool)
    bins = np.split(order, np.cumsum(integrator.pixels_per_bin)[:-1])
    good = [members[judged[members]] for members in bins]
    for place, members in enumerate(bins):
        for reach in range(MOST_AROUND + 1 if members.size else 0):
            around = np.concatenate(good[max(place - reach, 0) : place + reach + 1])
            if around.size >= FEWEST_PIXELS:
                mean, factor[members] = robust_mean(total[around], integrator.weight[around])
                expected[members], own[members] = mean * integrator.weight[members], reach == 0
                break
    return expected, factor, own


def _unevenness(
    total: npt.NDArray, expected: FloatArray, judged: npt.NDArray[np.bool_], integrator: Integrator
) -> tuple[float, float]:
    """Relative scatter (rms) of the pixels of one q beyond counting and beyond the slope of the curve within a bin, and by how
    many sigmas it is there: of e expected counts (x - e)^2 - e is on average e^2 u^2, its variance 2 e^2."""
    told = np.flatnonzero(judged & np.isfinite(expected) & (expected > FEWEST_PIXELS))
    if told.size < FEWEST_PIXELS:
        return 0.0, 0.0
    e, bins = expected[told], integrator.bin[told]
    wild = np.abs(total[told] - e) > WILD * e
    squares = np.where(wild, 0.0, np.square(total[told] - e) - e)
    per_bin = [np.bincount(bins, x, minlength=integrator.bins) for x in (squares, np.square(e), expected[told])]
    mean = per_bin[2] / np.maximum(np.bincount(bins, integrator.weight[told], minlength=integrator.bins), 1e-12)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.gradient(np.where(mean > 0.0, np.log(mean), np.nan))
    known = np.isfinite(slope)
    excess = np.where(known, per_bin[0] - per_bin[1] * np.square(np.nan_to_num(slope)) / 12.0, 0.0)
    weight = float(np.sum(per_bin[1][known]))
    square = float(np.sum(excess)) / max(weight, 1e-12)
    return float(np.sqrt(max(square, 0.0))), square * np.sqrt(max(weight, 0.0) / 2.0)


def robust_mean(counts: npt.NDArray, weight: FloatArray) -> tuple[float, float]:
    """(mean of counts / weight, variance over Poisson's, at least 1), which a minority of wild pixels does not move.

    Starts from the median (of a Poisson distribution about mean - 1/3) or, where many pixels are empty, from the
    share of empty ones, exp(-mean); then averages all pixels that are not beyond 1e-10 of it. The overdispersion
    (gradient over the bin, gain, streaks) is from the median of |counts - expected|.
    """
    empty = float(np.mean(counts == 0))
    mean = _median(counts / weight) + 1 / 3 if empty < 0.2 else -np.log(min(empty, 1 - 0.5 / counts.size))
    factor = 1.0
    for _ in range(3):
        expected = mean * weight
        if mean > 5:
            factor = max(1.0, (1.4826 * _median(np.abs(counts - expected))) ** 2 / float(np.mean(expected)))
        kept = ~(_above(counts, expected, factor) | _below(counts, expected, factor))
        mean = max(float(counts[kept].sum()), 0.5) / float(weight[kept].sum())
    return mean, factor


def _median(values: FloatArray) -> float:
    """As np.median, which takes five times as long for the few pixels of a bin."""
    middle = values.size // 2
    if values.size % 2:
        return float(np.partition(values, middle)[middle])
    below, above = np.partition(values, (middle - 1, middle))[middle - 1 : middle + 1]
    return float(0.5 * (below + above))


def _persistent(
    counts: npt.NDArray,
    hot: npt.NDArray[np.bool_],
    dead: npt.NDArray[np.bool_],
    expected: FloatArray,
    factor: FloatArray,
    integrator: Integrator,
) -> npt.NDArray[np.bool_]:
    """Which hot candidates (hot.sum(),) stay hot without their brightest frames: one of 3 to 5, two of 6 or more.

    Each frame's share of the expected total is that of its bin, over the pixels that are no candidates.
    """
    clean = ~(hot | dead)
    per_frame = np.array([np.bincount(integrator.bin[clean], f[clean], minlength=integrator.bins) for f in counts])
    share = per_frame / np.maximum(per_frame.sum(axis=0), 1)
    frames_expected = share[:, integrator.bin[hot]] * expected[hot]
    frames_counts = counts[:, hot]
    leave_out = min(len(counts) // 3, 2)
    brightest_last = np.argsort(frames_counts - frames_expected, axis=0)
    stay = brightest_last[: len(counts) - leave_out]
    rest = np.take_along_axis(frames_counts, stay, axis=0).sum(axis=0)
    rest_expected = np.maximum(np.take_along_axis(frames_expected, stay, axis=0).sum(axis=0), 1e-9)
    all_along = (rest > HOT_RATIO * rest_expected) & _above(rest, rest_expected, factor[hot])
    alone = _above(frames_counts, frames_expected, np.broadcast_to(factor[hot], frames_counts.shape))
    now_and_then = np.sum(alone & (frames_counts > HOT_RATIO * frames_expected), axis=0) >= NOW_AND_THEN
    return np.asarray(all_along | now_and_then)


def _image(used: npt.NDArray[np.bool_], integrator: Integrator) -> npt.NDArray[np.bool_]:
    image = np.zeros(integrator.shape, dtype=bool)
    image.ravel()[integrator.pixel[used]] = True
    return image


def _note(
    stands_out: int,
    hot: npt.NDArray[np.bool_],
    dead: npt.NDArray[np.bool_],
    invalid: npt.NDArray[np.bool_],
    frames: int,
    searchable: float,
) -> str:
    note = f"{hot.sum()} hot, {dead.sum()} dead, {invalid.sum()} negative or saturated pixels in {frames} frames"
    if stands_out > hot.sum():
        note += (
            f"; {stands_out} pixels are brighter than their q bin, too many for hot pixels, so none was left out: "
            "the scattering is not isotropic, or beam centre or beam stop are not where the geometry and mask say"
        )
    if dead.sum() > MANY_DEAD * searchable * dead.size:
        note += (
            f"; {dead.sum() / (searchable * dead.size):.2g} of the pixels are dead, far too many: a module has stopped,"
            " something casts a shadow, or beam centre or mask are wrong"
        )
    if searchable < 0.01:
        return f"{note}; dead pixels cannot be found: expected counts too low"
    if searchable < 0.99:
        return f"{note}; dead pixels can be found in {searchable:.0%} of the q range, elsewhere expected counts too low"
    return note
