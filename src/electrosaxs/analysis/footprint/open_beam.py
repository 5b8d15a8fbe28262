"""What a beam of finite height reads of a profile in front of the anode, which cuts it: where, how much, and how strongly
it sees what lies on the surface."""

from __future__ import annotations

import numpy as np

from ...nouns import FloatArray
from ...physics.beam import FWHM_PER_SIGMA, beam_deviation, read_over_point, surface_weight
from ...physics.quadrature import gauss_legendre

OVER_FLAT = 1.5 / surface_weight(0.0, 1.0)
"""Length of crystals over that of a film all in the light, at most (chosen): 1.5 FWHM for a beam on the edge."""
HIGHEST_UM = 3.0
"""Of superlattices on the anode (Yu 2018: 1 to 2 um, by AFM)."""
FILM_NODES = 8
STEEPEST = 3.0
"""Beam deviations over the decay length, at most (chosen): between heights closer than the beam is wide, what looks steeper is
noise of the two."""


def crystal_length(height: float, fwhm: float) -> tuple[float, float]:
    """Length by which a voxel's reading of crystals is multiplied to give their volume per area, and its relative sigma.

    How many stand in the light is not measured: all of them count with the beam's density at the surface (`surface_weight`,
    0.53 FWHM for a beam on the edge); an anode that is rough or tilted along the path hides some, up to a length of 1.5
    FWHM. The middle is taken, with the deviation of an even distribution in between. Of those in the light: `lit_length`.
    """
    flat = surface_weight(height, fwhm)
    middle = 0.5 * (1.0 + OVER_FLAT)
    return middle * flat, (OVER_FLAT - 1.0) / np.sqrt(12.0) / middle


def lit_length(height: float, fwhm: float, *, height_sigma: float = 0.0, waviness: float = 0.0) -> tuple[float, float]:
    """The same (um) of the crystals that stand in the light: on the anode's highest lines, up to HIGHEST_UM high.

    s sqrt(2 pi) exp(h^2 / 2 s^2) Phi(h / s) over the mean of exp(h z / s^2 - z^2 / 2 s^2) up to their height, of which the
    middle between none and the highest is taken. height_sigma: of the beam over the anode; waviness: spread of its lines, which
    broadens what the beam sees of them.
    """
    s = float(np.hypot(beam_deviation(fwhm), waviness))
    flat = surface_weight(height, FWHM_PER_SIGMA * s)
    node, weight = gauss_legendre(FILM_NODES)
    z = 0.5 * HIGHEST_UM * (1.0 + node)
    tall = 1.0 / float(0.5 * weight @ np.exp((height * z - 0.5 * z**2) / s**2))
    middle = 0.5 * (1.0 + tall)
    by_height = height_sigma * (height / s**2 + 1.0 / flat)
    return middle * flat, float(np.hypot((tall - 1.0) / np.sqrt(12.0) / middle, by_height))


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
    if fwhm <= 0.0:
        return np.ones(excess.size + 1)
    steepest = STEEPEST / beam_deviation(fwhm)
    slope = np.clip(np.log(ratio) / np.diff(position), -steepest, steepest)
    lower = read_over_point(height[:-1], position[:-1], slope, fwhm)
    upper = read_over_point(height[1:], position[1:], slope, fwhm)
    # crystals on the surface steepen the first step; the second still is that of the solution
    lowest = read_over_point(height[:1], position[:1], slope[min(1, slope.size - 1)], fwhm)
    return np.concatenate([1.0 / lowest, 1.0 / np.sqrt(lower * upper), [1.0]])
