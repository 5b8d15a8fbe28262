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
LOWER, LOWER_OF_NORMAL = 0.3, 0.385
"""The share of a height's frames by which its scatter is taken, and how far from the mean, in sigmas, so many of a normal
distribution lie: one frame that is wrong makes three of its height so."""
MOSTLY = 0.8
"""Of its own (chosen): how far those beside may be off where one frame is, whose half they have."""
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
    say together: all of what they are off by. The scatter of that, of the height or of the run, is what it is judged by."""
    if view.layer is None or view.phi.shape[0] < FEWEST_SCANS:
        return 0.0, ()
    told = view.known & ~left_out & ~view.cut & without_crystals(view.fraction)
    rest = np.where(told, view.logarithm - view.layer.logarithm, np.nan)
    time, own = view.grid.time, np.square(view.relative)
    share = (time[1:-1] - time[:-2]) / (time[2:] - time[:-2])
    off = np.pad(rest[1:-1] - (1.0 - share) * rest[:-2] - share * rest[2:], ((1, 1), (0, 0)), constant_values=np.nan)
    noise = np.sqrt(own[1:-1] + np.square(1.0 - share) * own[:-2] + np.square(share) * own[2:])
    if np.isfinite(off).sum() < FEWEST_SCANS:
        return 0.0, ()
    heights = np.isfinite(off).any(axis=0)
    usual = np.full(off.shape[1], float(np.nanquantile(np.abs(off), LOWER)))
    usual[heights] = np.maximum(usual[heights], np.nanquantile(np.abs(off[:, heights]), LOWER, axis=0))
    beyond = np.pad(np.nan_to_num(noise, nan=np.inf), ((1, 1), (0, 0)), constant_values=np.inf)
    sigma = np.maximum(usual / LOWER_OF_NORMAL, beyond)
    plain = np.nan_to_num(np.abs(off))
    beside = np.pad(plain, ((1, 1), (0, 0)))
    alone = (plain > ALONE * sigma) & (np.maximum(beside[:-2], beside[2:]) < MOSTLY * plain)
    if not alone.any():
        return 0.0, ()
    return np.where(alone, plain, 0.0), (
        f"phi of {int(alone.sum())} frame(s) is not what the scans before and after say, by up to"
        f" {100.0 * plain[alone].max():.2g} %: less than its curve and light tell; it is in its sigma",
    )
