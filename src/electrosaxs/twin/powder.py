"""A powder standard in the beam of the twin: rings of silver behenate on a background."""

from __future__ import annotations

import numpy as np

from ..nouns import FloatArray

LAMELLAE_NM = 5.8380
"""d(001) of silver behenate (Huang et al. 1993)."""
RING_WIDTH_PER_NM = 0.012
"""Standard deviation of a ring, chosen: the beam and the detector's pixels widen it."""
BACKGROUND = 0.02
"""Of the first ring's height."""


def silver_behenate(q: FloatArray, height: float) -> FloatArray:
    """Photons per steradian over q (1/nm): ring n at 2 pi n / d, its height that of the first over n.

    The heights of real rings follow the electron density of the lamellae; a calibration does not use them.
    """
    n = np.arange(1, int(q[-1] * LAMELLAE_NM / (2.0 * np.pi)) + 2)
    rings = 2.0 * np.pi * n / LAMELLAE_NM
    lines = np.exp(-0.5 * np.square((q[:, None] - rings) / RING_WIDTH_PER_NM)) / n
    return np.asarray(height * (lines.sum(axis=1) + BACKGROUND))
