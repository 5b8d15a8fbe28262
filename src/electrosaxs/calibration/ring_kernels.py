"""The loop over crest points that weighs a distance of the detector. Private: `ring_search.distance_candidates` calls it.

Two thousand distances with 800 points each are tried for every centre: array by array this was a quarter of a calibration.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import compiled

RING_FRACTION = 0.8  # share of crest points taken to be on rings in the likelihood of the distance
FAR = 10.0  # widths from a ring beyond which its Gaussian, 2e-22, does not count


@compiled()
def ring_likelihood(
    radius: npt.NDArray[np.float64], rings: npt.NDArray[np.float64], width: npt.NDArray[np.float64]
) -> float:
    """Mean log ratio of "rings and scatter" over "scatter" for points at `radius`; rings and width in its unit.

    Points on rings are spread evenly over the rings within the range of the points, Gaussian across; the rest evenly
    over the range.
    """
    low, high, widest = radius.min(), radius.max(), width.max()
    first = np.searchsorted(rings, low - 2 * widest, side="right")
    last = np.searchsorted(rings, high + 2 * widest)
    visible = last - first
    if visible <= 0:
        return np.log(1.0 - RING_FRACTION)
    length = max(high - low, 10.0 * widest)
    alone, total = np.log1p(-RING_FRACTION), 0.0
    for j in range(len(radius)):
        after = min(np.searchsorted(rings[first:last], radius[j]) + first, last - 1)
        off = min(abs(radius[j] - rings[after]), abs(radius[j] - rings[max(after - 1, first)])) / width[j]
        if off > FAR:
            total += alone
            continue
        spike = np.exp(-0.5 * off * off) / (np.sqrt(2.0 * np.pi) * width[j])
        total += np.log1p(RING_FRACTION * (spike * length / visible - 1.0))
    return total / len(radius)
