"""Which frames of a map see crystals on the anode."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from ...physics.beam import beam_deviation

ANODE_IN_BEAM = 2.5
"""Beam deviations above the anode within which crystals on it count: beyond, with less than 1/20 of what they do at 0."""


def sees_crystals(
    crystalline_fraction: FloatArray, height_um: FloatArray, fwhm_um: float, phi: FloatArray
) -> npt.NDArray[np.bool_]:
    """(scan, height): True where the beam reaches the anode in a scan that found crystals anywhere, or that comes later and has
    no phi there that would say that they are gone."""
    reaches = height_um < ANODE_IN_BEAM * beam_deviation(fwhm_um)
    found = np.any(crystalline_fraction > 0.0, axis=1)
    unseen = ~np.any(np.isfinite(phi) & reaches, axis=1)
    for scan in range(1, found.size):
        found[scan] |= found[scan - 1] & unseen[scan]
    return np.asarray(found[:, None] & reaches)
