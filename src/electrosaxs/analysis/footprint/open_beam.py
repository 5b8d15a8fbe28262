"""What a beam of finite height reads of a profile in front of the anode, which cuts it: where, how much, and how strongly
it sees what lies on the surface."""

from __future__ import annotations

import numpy as np

from ...nouns import FloatArray
from ...physics.beam import read_over_point, surface_weight

SPREAD_FWHM = 1.5


def crystal_length(height: float, fwhm: float) -> tuple[float, float]:
    """Length by which a voxel's reading of crystals is multiplied to give their volume per area, and its relative sigma.

    How crystals stand in the beam is not measured: flat on the surface they count with the beam's density there
    (`surface_weight`, 0.53 FWHM for a beam on the edge); on an anode that is rough or tilted along the path they are
    spread over the footprint, up to 1.5 FWHM. The middle is taken, with the deviation of an even distribution in between.
    """
    flat = surface_weight(height, fwhm)
    spread = max(SPREAD_FWHM * fwhm, flat)
    middle = 0.5 * (flat + spread)
    return middle, 0.5 * (spread - flat) / np.sqrt(3.0) / middle


def beam_sharpness(
    mean_profile: FloatArray, height: FloatArray, position: FloatArray, base: float, fwhm: float
) -> FloatArray:
    """Excess of the profile at `position` over what a Gaussian beam centred at `height` reads, one factor per panel of
    `wall_to_wall`, geometric mean of the ends; 1 where the profile is not above the base.

    Between two heights the profile is an exponential, see `read_over_point`.
    """
    excess = mean_profile - base
    positive = (excess[:-1] > 0.0) & (excess[1:] > 0.0)
    ratio = np.where(positive, excess[:-1], 1.0) / np.where(positive, excess[1:], 1.0)
    slope = np.log(ratio) / np.diff(position)
    if fwhm <= 0.0:
        return np.ones(slope.size + 2)
    lower = read_over_point(height[:-1], position[:-1], slope, fwhm)
    upper = read_over_point(height[1:], position[1:], slope, fwhm)
    # crystals on the surface steepen the first step; the second still is that of the solution
    lowest = read_over_point(height[:1], position[:1], slope[min(1, slope.size - 1)], fwhm)
    return np.concatenate([1.0 / lowest, 1.0 / np.sqrt(lower * upper), [1.0]])
