"""Whether the stage stands elsewhere when it comes from above than when it comes from below.

The screw of a stage has play: the beam is then s higher than said in frames that were approached from one side. Where phi falls
steeply towards the cathode these read phi(z + s), ln phi changed by s d ln phi / dz, against what the frames of the other side
at the same height say for the same time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray, Number
from ..footprint.beam_profile import gradient_at_fixed_time

BoolArray = npt.NDArray[np.bool_]
PARABOLA = 3
FEWEST_VISITS = 5
FEWEST_FREE = 3
FEWEST_TURNS, FEWEST_HEIGHTS = 2, 2
"""Changes of side from visit to visit of a height, without which growth looks like play; and heights that have them."""
CLEAR = 5.0
"""Sigma from which on a difference between the two sides is told."""
LEAST_UM = 0.5
STEEP_PER_UM = 1e-3
"""|d ln phi / dz| from which on a height says something."""
FLOOR = 1e-3
"""Of phi, what two frames of one height may differ by for other reasons (chosen)."""


def came_from_above(height_um: FloatArray, time_s: FloatArray) -> BoolArray:
    """Frames (frame,) at which the stage came from a greater height, in the order of time; where it stood still, as before."""
    order = np.argsort(time_s, kind="stable")
    came = np.sign(np.diff(height_um[order], prepend=height_um[order][:1]))
    last = np.maximum.accumulate(np.where(came != 0.0, np.arange(came.size), 0))
    above = np.zeros(height_um.size, dtype=bool)
    above[order] = came[last] < 0.0
    return above


def backlash(
    phi: FloatArray, relative: FloatArray, height_um: FloatArray, time_s: FloatArray, above: BoolArray
) -> Number:
    """By how much (um) the beam is higher where the stage came from above, from a map (scan, height): phi, its relative sigma,
    time and side; heights (height,).

    At each height ln phi is a parabola in the root of time (a layer at first grows so) plus the shift, which all heights share;
    scatter beyond the sigmas widens the answer. Scans in no order say nothing. Absent, with the reason, where scans of one
    direction leave it open or both sides agree.
    """
    logarithm = np.log(np.where(phi > 0.0, phi, np.nan))
    slope = gradient_at_fixed_time(logarithm, height_um, time_s)
    later = np.diff(time_s, axis=1)
    swept = np.all(later > 0.0, axis=1) | np.all(later < 0.0, axis=1)
    known = np.isfinite(logarithm) & np.isfinite(relative) & (time_s > 0.0) & swept[:, None]
    square, along, rest, freedom, heights = 0.0, 0.0, 0.0, -1, 0
    for j in range(height_um.size):
        visits = known[:, j]
        if (
            visits.sum() < FEWEST_VISITS
            or np.count_nonzero(np.diff(above[visits, j])) < FEWEST_TURNS
            or np.max(np.abs(slope[visits, j])) < STEEP_PER_UM
        ):
            continue
        sigma = np.hypot(relative[visits, j], FLOOR)
        smooth = np.sqrt(time_s[visits, j] / time_s.max())[:, None] ** np.arange(PARABOLA) / sigma[:, None]
        basis, _ = np.linalg.qr(smooth)
        columns = np.stack([slope[visits, j] * above[visits, j], logarithm[visits, j]], axis=1) / sigma[:, None]
        moved, left = (columns - basis @ (basis.T @ columns)).T
        square, along, rest = square + moved @ moved, along + moved @ left, rest + left @ left
        freedom, heights = freedom + int(visits.sum()) - PARABOLA, heights + 1
    if freedom < FEWEST_FREE or heights < FEWEST_HEIGHTS or square <= 0.0:
        return Number.absent("um", "too few heights of a steep profile were visited from both sides")
    shift = float(along / square)
    excess = max(1.0, float(np.sqrt(max(rest - along * shift, 0.0) / freedom)))
    sigma_um = excess / float(np.sqrt(square))
    if abs(shift) < max(CLEAR * sigma_um, LEAST_UM):
        return Number.absent("um", f"up and down scans agree: {shift:+.2f} +- {sigma_um:.2f} um")
    return Number(shift, sigma_um, "um", "phi of frames that the stage came to from above, against those from below")
