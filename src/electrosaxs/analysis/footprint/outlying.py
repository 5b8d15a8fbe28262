"""Voxels whose phi and transmission contradict each other as those of no other voxel do: a monitor that was read wrong.

A wrong monitor multiplies one frame's phi and leaves its transmission, which is a ratio of two counters, as it is. Through
the profile across the beam such a voxel would move its neighbours; it is left out before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

SIGNIFICANT = 6.0
"""Sigmas of counting and of the transmission's noise, which the map itself shows."""
LEAST = 0.10
"""Of phi (chosen): in the first scan of a steep layer phi and transmission differ by 5 % without a fault, because the beam sees
the one at one height and the other at another."""
LEAST_ABSORBED = 0.05
"""Optical depth of particles below which a transmission says too little about them (chosen)."""
KNOWN = 0.05
"""Largest relative sigma of a voxel that is judged or that others are judged by."""
MOST_SHARE = 0.1
"""Of the voxels; where more do not fit, it is not single frames that are wrong."""
POLISHINGS = 3
BoolArray = npt.NDArray[np.bool_]


def against_light(phi: FloatArray, absorbed: FloatArray, relative_sigma: FloatArray) -> FloatArray:
    """phi over what the transmission says (scan, height) where the two differ otherwise than in the rest of the map.

    absorbed: optical depth of the particles by transmission. Only single voxels show: what scan or height have in common
    (position of the anode, drift of the transmission, sizes) is taken off, as medians.
    """
    ratio = np.full(phi.shape, np.nan)
    known = np.isfinite(phi) & (phi > 0.0) & (absorbed > LEAST_ABSORBED) & (relative_sigma < KNOWN)
    x = np.log(np.where(known, phi, 1.0) / np.where(known, absorbed, 1.0))
    for _ in range(POLISHINGS):
        for axis in (1, 0):
            x = x - _median(x, known, axis)
    if not known.any():
        return ratio
    light = 1.4826 * float(np.median(np.abs(x * absorbed)[known]))  # sigma of the logarithm of the transmission
    sigma = np.sqrt(np.square(light / np.where(known, absorbed, 1.0)) + np.square(relative_sigma))
    odd = known & (np.abs(x) > np.maximum(SIGNIFICANT * sigma, LEAST))
    if odd.sum() <= MOST_SHARE * known.sum():
        ratio[odd] = np.exp(x[odd])
    return ratio


def _median(values: FloatArray, known: BoolArray, axis: int) -> FloatArray:
    """Median of what is known along `axis`; 0 where fewer than three are, which it would follow instead of telling."""
    enough = known.sum(axis=axis, keepdims=True) >= 3
    safe = np.where(known | ~enough, values, np.nan)
    return np.where(enough, np.nanmedian(safe, axis=axis, keepdims=True), 0.0)
