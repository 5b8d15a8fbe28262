"""What stands in for frames that are left out, in the profile of the beam that those around them make."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.two_measures import TwoMeasures
from ...analysis.footprint.correction import FootprintCorrection
from ...analysis.footprint.surface import Expected
from .causes import Contradiction
from .measured_view import MeasuredView

LEAST_STAND_IN, LEAST_STAND_IN_CUT = 4e-3, 1e-2
"""Of ln phi (chosen): how far what stands in by a frame's transmission is trusted, and where the electrode cuts the beam."""
PASSES = 3
BoolArray = npt.NDArray[np.bool_]


def stand_ins(
    view: MeasuredView,
    correction: FootprintCorrection,
    measures: TwoMeasures,
    left_out: BoolArray,
    contradictions: dict[tuple[int, int], Contradiction],
) -> Expected:
    """What stands in for missing frames: what the neighbours say and, where it is the monitor that was wrong, the frame's
    own transmission."""
    missing, seen = correction.missing, view.seen_depth(measures)
    phi = np.where(left_out, np.nan, view.phi)
    own = np.hypot(measures.noise, measures.place_sigma) / np.abs(seen)
    told = [place for place, c in contradictions.items() if c.light_fits and np.isfinite(own[place])]
    for _ in range(PASSES if told else 0):
        logarithm, sigma, depth = missing.logarithm.copy(), missing.sigma.copy(), view.depth(correction)
        for place in told:
            logarithm[place] += np.log(seen[place] / depth[place])
            least = LEAST_STAND_IN_CUT if view.cut[place[1]] else LEAST_STAND_IN
            sigma[place] = np.nanmin([correction.missing.sigma[place], max(own[place], least)])
        missing = Expected(logarithm, sigma)
        correction = view.profile(phi, missing)
    return missing
