"""Frames whose monitor was read wrong tell how far the others may be, unseen (analysis.concentration.hidden_misreads)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.hidden_misreads import Misreads
from ...analysis.concentration.scaled_frames import Cause, ScaledFrames
from ...nouns import FloatArray
from .causes import Contradiction
from .layer import without_crystals
from .measured_view import MeasuredView
from .scaled import Reason

ALONE, FEWEST_SCANS = 4.5, 5
"""Sigmas from which on a frame is not in keeping with the scans before and after, and scans that tell (chosen)."""
MEDIAN = 0.6745
"""Of a standard deviation: the median distance from the mean of a normal distribution."""
FEWEST_AROUND = 3
"""Frames around from which on their scatter is known."""
BESIDE = (0.1, 0.9)
"""Of what a frame is off by, with the other sign: what the scans before and after are off by, as its neighbours (half of
it, and noise; chosen)."""
NOTHING_BESIDE = 0.25
"""Of it: up to which they are not off at all (chosen)."""
Place = tuple[int, int]
BoolArray = npt.NDArray[np.bool_]


def misread_monitors(
    view: MeasuredView,
    left_out: BoolArray,
    scaled: Mapping[Place, Reason],
    contradictions: Mapping[Place, Contradiction],
) -> tuple[FloatArray | float, tuple[str, ...]]:
    """Relative sigma (scan, height) of phi by a monitor that is read wrong by less than a frame tells, 0 where no frame is out
    for its monitor, and words. scaled: frames that are out for their scale, with why."""
    single, said = _alone_in_time(view, left_out)
    wrong = [place for place, reason in scaled.items() if reason.causes[0] == Cause.MONITOR]
    wrong += [place for place, one in contradictions.items() if one.of_monitor and place not in scaled]
    told = np.isfinite(view.solvent.share) & np.isfinite(view.solvent.sigma)
    wrong = [place for place in wrong if told[place]]
    if not wrong:
        return single, said
    (solvent, light), depth, gain = view.shares(left_out)
    asked = view.known & ~left_out & ~view.beside_crystals
    lower = view.below_neighbours(left_out, asked)
    own = gain * depth
    frames = ScaledFrames.of(solvent, light, lower, depth=depth, own=own, solvent_depth=view.solvent_depth).by(
        Cause.MONITOR
    )
    others = asked & np.isfinite(frames.sigma)
    out = tuple(np.array(wrong).T)
    found = Misreads.of(
        np.concatenate([view.solvent.share[out], frames.share[others]]),
        np.concatenate([view.solvent.sigma[out], frames.sigma[others]]),
    )
    open_to = np.zeros(left_out.shape)
    open_to[others] = found.left_open(frames.share[others], frames.sigma[others])
    size = 100.0 * float(np.sqrt(np.mean(np.square(open_to[others])))) if others.any() else 0.0
    return np.hypot(single, np.maximum(gain, 1.0) * open_to), (
        *said,
        f"monitor: read wrong in {len(wrong)} frame(s), which are out; others may be so by less than they tell (about"
        f" {100.0 * found.share:.2g} % of all, by {100.0 * found.spread:.2g} %): {size:.2g} % on average, in phi's sigma",
    )


def _alone_in_time(view: MeasuredView, left_out: BoolArray) -> tuple[FloatArray | float, tuple[str, ...]]:
    """Relative sigma (scan, height) of single frames whose phi over the layer's is not what the scan before and the one after
    say together: all of what they are off by. The scatter of that around is what it is judged by."""
    if view.layer is None or view.phi.shape[0] < FEWEST_SCANS:
        return 0.0, ()
    told = view.known & ~left_out & without_crystals(view.fraction)
    rest = np.where(told, view.logarithm - view.layer.logarithm, np.nan)
    off, noise = _off_in_time(rest, view.grid.time, view.relative)
    alone = np.zeros(rest.shape)
    for scan, height in np.argwhere(np.nan_to_num(np.abs(off)) > ALONE * noise):
        usual = _usual_around(off, int(scan), int(height), view.cut)
        if abs(off[scan, height]) > ALONE * max(usual, float(noise[scan, height])):
            own, by = _blamed(off, int(scan), int(height), ends=not view.cut[height])
            alone[own, height] = max(alone[own, height], by)
    if not alone.any():
        return 0.0, ()
    return alone, (
        f"phi of {int(np.count_nonzero(alone))} frame(s) is not what the scans before and after say, by up to"
        f" {100.0 * alone.max():.2g} %: less than its curve and light tell; it is in its sigma",
    )


def _off_in_time(rest: FloatArray, time: FloatArray, relative: FloatArray) -> tuple[FloatArray, FloatArray]:
    """By how much `rest` (scan, height) is not on the line between the scans before and after, and the noise of that, infinite
    where nothing tells."""
    share = (time[1:-1] - time[:-2]) / (time[2:] - time[:-2])
    own, ends = np.square(relative), ((1, 1), (0, 0))
    off = rest[1:-1] - (1.0 - share) * rest[:-2] - share * rest[2:]
    noise = np.sqrt(own[1:-1] + np.square(1.0 - share) * own[:-2] + np.square(share) * own[2:])
    return np.pad(off, ends, constant_values=np.nan), np.pad(
        np.nan_to_num(noise, nan=np.inf), ends, constant_values=np.inf
    )


def _usual_around(off: FloatArray, scan: int, height: int, cut: BoolArray) -> float:
    """How far frames around one are off, as a standard deviation: of its height and those beside, without what it is part of
    itself, the wider of the two; infinite where too few tell. Beside the electrode (cut) a height tells of itself alone."""
    beside = [j for j in (height - 1, height + 1) if 0 <= j < off.shape[1] and not cut[j] and not cut[height]]
    around = np.abs(off[:, [height, *beside]])
    around[max(scan - 1, 0) : scan + 2, 0] = np.nan
    groups = [around[:, :1], around] if cut[height] else [around]
    if any(np.isfinite(group).sum() < FEWEST_AROUND for group in groups):
        return np.inf
    return max(float(np.nanmedian(group)) for group in groups) / MEDIAN


def _blamed(off: FloatArray, scan: int, height: int, *, ends: bool) -> tuple[int, float]:
    """The scan whose frame is off, and by how much, 0 where no single frame makes such a course: one that is off by x makes
    those before and after so by -x / 2, and the first or the last of all its only neighbour."""
    size, last = off[scan, height], off.shape[0] - 1
    beside = [-off[k, height] / size for k in (scan - 1, scan + 1) if np.isfinite(off[k, height])]
    at_the_end = len(beside) == 1 and scan in (1, last - 1)
    if at_the_end and abs(beside[0]) < NOTHING_BESIDE:
        return 0 if scan == 1 else last, 2.0 * abs(float(size)) * ends
    if beside and all(BESIDE[0] < share < BESIDE[1] for share in beside):
        return scan, abs(float(size))
    return scan, 0.0
