"""A mass balance of what one scan sees: particles over those that are expected."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

FEWEST_FRAMES = 4


def excess(
    height_um: FloatArray, off: FloatArray, sigma: FloatArray, common: FloatArray, counts: npt.NDArray[np.bool_]
) -> float:
    """Particle volume of frames over what is expected, in sigma of it; every frame counts with the height that it stands for.

    All (frame,): heights; phi over that expected, its own sigma and that which all share; whether a frame counts. 0 where there
    are too few, or one height comes twice.
    """
    order = np.flatnonzero(counts)
    order = order[np.argsort(height_um[order], kind="stable")]
    if order.size < FEWEST_FRAMES or not np.all(np.diff(height_um[order]) > 0.0):
        return 0.0
    width = np.zeros(height_um.size)
    width[order] = np.gradient(height_um[order])
    return float(width @ off) / float(np.hypot(np.linalg.norm(width * sigma), width @ common))
