"""What fits of spheres leave of sizes that the field has sorted: the fourth moment, which no curve of one frame tells.

A normal distribution with a skewness answers an excess kurtosis k of the true sizes with d off by 0.08 k delta and delta by
-0.115 k delta (expected curves of simulated cells at 20 and 30 V, all heights and times: 0.06 to 0.10, 0.09 to 0.13). The
starting solution has no k by definition of its Gaussian; sorting brings it together with a skewness, and both move through
the cell, so that where one is 0 a neighbour shows the other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

BoolArray = npt.NDArray[np.bool_]

PER_KURTOSIS = {"diameter": 0.08, "deviation": -0.115}
"""Change of the fitted d and delta over k delta."""
PER_SKEWNESS = 0.5
"""Sigma of k over the largest |skewness| of a voxel and its neighbours in height (simulated cells: at most twice that)."""


def kurtosis_sigma(
    skewness: FloatArray, skewness_sigma: FloatArray, *, beside_crystals: BoolArray | None = None
) -> FloatArray:
    """Sigma of the excess kurtosis (scan, height) from what exceeds noise of the skewness there, above and below.

    beside_crystals: voxels whose skewness, read through a structure factor, says nothing about their neighbours.
    """
    own = np.sqrt(np.maximum(np.nan_to_num(skewness) ** 2 - np.nan_to_num(skewness_sigma) ** 2, 0.0))
    told = own if beside_crystals is None else np.where(beside_crystals, 0.0, own)
    padded = np.pad(told, ((0, 0), (1, 1)))
    return PER_SKEWNESS * np.maximum(np.maximum(padded[:, :-2], padded[:, 2:]), own)


def shape_errors(diameter: FloatArray, deviation: FloatArray, kurtosis: FloatArray) -> dict[str, FloatArray]:
    """Signed change of d, delta (nm) and delta / d for one sigma `kurtosis` of the kurtosis, shapes of the maps."""
    d, delta = (PER_KURTOSIS[name] * kurtosis * deviation for name in PER_KURTOSIS)
    return {"diameter": d, "deviation": delta, "polydispersity": (delta - deviation / diameter * d) / diameter}
