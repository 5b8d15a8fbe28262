"""Light that is missing at the anode from some scan on: a film of crystals takes it and, in its own shadow, hardly scatters it.

What the transmission lacks beside what the scattering says grows with the film and does not come back; a frame that was read
wrong, or gas, is not like that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

SIGNIFICANT, STAYS = 3.0, 1.0
"""Sigmas that are missing in some scan, and from when on in every one (chosen)."""
FEWEST = 2
"""Scans in which it must be missing."""
OF_DEPTH = 0.02
"""Relative (chosen): what scattering and absorption of the solution itself may differ by beside crystals."""
OF_CRYSTALS = 0.05
"""The same of the crystals' depth: they need not be spread evenly over the beam."""
BoolArray = npt.NDArray[np.bool_]


def shadow_sigma(depth: FloatArray, crystals: FloatArray, noise: float) -> FloatArray:
    """Of ln T (scan, height), from the expected depths of all particles and of those in crystals."""
    return np.sqrt(noise**2 + np.square(OF_DEPTH * (depth - crystals)) + np.square(OF_CRYSTALS * crystals))


def lasting_shadow(missing: FloatArray, sigma: FloatArray, crystals: BoolArray, cut: BoolArray) -> FloatArray:
    """ln T that is missing (scan, height) at heights where the electrode cuts the beam, 0 where it is not.

    missing: expected less seen, NaN without a frame; crystals (scan, height): where peaks are seen. Each scan has the median
    of itself and its neighbours, so that no frame makes a shadow of its own; it begins at the first scan from which on all
    lack light, or show crystals.
    """
    shadow = np.zeros(missing.shape)
    for column in np.flatnonzero(cut):
        known = np.flatnonzero(np.isfinite(missing[:, column]))
        if known.size < FEWEST + 1:
            continue
        series, own = missing[known, column], sigma[known, column]
        smooth = _medians(series)
        lacks = (smooth > STAYS * own) | crystals[known, column]
        without = np.flatnonzero(~lacks)
        begun = np.arange(known.size) > (without[-1] if without.size else -1)
        if begun.sum() >= FEWEST and not begun.all() and np.any(smooth[begun] > SIGNIFICANT * own[begun]):
            shadow[known[begun], column] = np.maximum(smooth[begun], 1e-3 * own[begun])
    return shadow


def _medians(series: FloatArray) -> FloatArray:
    """Medians of three; the ends as the two beside would go on, if they do not go further themselves."""
    smooth = series.copy()
    smooth[1:-1] = np.median(np.stack([series[:-2], series[1:-1], series[2:]]), axis=0)
    for end, beside, next_one in ((0, 1, 2), (-1, -2, -3)):
        on = 2.0 * smooth[beside] - smooth[next_one]
        smooth[end] = float(np.median([series[end], smooth[beside], on]))
    return smooth
