"""Frames whose monitor was read wrong tell how far the others may be, unseen (analysis.concentration.hidden_misreads)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.hidden_misreads import Misreads
from ...analysis.concentration.scaled_frames import MONITOR, ScaledFrames
from ...nouns import FloatArray
from .causes import Contradiction
from .measured_view import MeasuredView

Place = tuple[int, int]
BoolArray = npt.NDArray[np.bool_]


def misread_monitors(
    view: MeasuredView, left_out: BoolArray, scaled: Mapping[Place, str], contradictions: Mapping[Place, Contradiction]
) -> tuple[FloatArray | float, tuple[str, ...]]:
    """Relative sigma (scan, height) of phi by a monitor that is read wrong by less than a frame tells, 0 where no frame is out
    for its monitor, and words. scaled: frames that are out for their scale, with why."""
    wrong = [place for place, words in scaled.items() if words.startswith(MONITOR)]
    wrong += [place for place, one in contradictions.items() if one.of_monitor and place not in scaled]
    told = np.isfinite(view.solvent.share) & np.isfinite(view.solvent.sigma)
    wrong = [place for place in wrong if told[place]]
    if not wrong:
        return 0.0, ()
    (solvent, light), depth, gain = view.shares(left_out)
    asked = view.known & ~left_out & ~view.beside_crystals
    lower = view.below_neighbours(left_out, asked)
    own = gain * depth
    frames = ScaledFrames.of(solvent, light, lower, depth=depth, own=own, solvent_depth=view.solvent_depth).by(MONITOR)
    others = asked & np.isfinite(frames.sigma)
    out = tuple(np.array(wrong).T)
    found = Misreads.of(
        np.concatenate([view.solvent.share[out], frames.share[others]]),
        np.concatenate([view.solvent.sigma[out], frames.sigma[others]]),
    )
    open_to = np.zeros(left_out.shape)
    open_to[others] = found.left_open(frames.share[others], frames.sigma[others])
    size = 100.0 * float(np.sqrt(np.mean(np.square(open_to[others])))) if others.any() else 0.0
    return np.maximum(gain, 1.0) * open_to, (
        f"monitor: read wrong in {len(wrong)} frame(s), which are out; others may be so by less than they tell (about"
        f" {100.0 * found.share:.2g} % of all, by {100.0 * found.spread:.2g} %): {size:.2g} % on average, in phi's sigma",
    )
