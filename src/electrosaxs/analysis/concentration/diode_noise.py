"""How far the transmission diode's readings scatter where hardly any light reaches it: where little passes, phi scatters by it.

phi is counts over transmission, so that a noise s of the reading, the same at every T, is s / T of phi: nothing in the bulk of
the cell, 1 % at T = 1e-4. Frames that are dark tell s: what they read beyond the light that the detector counts
in the same frame is noise, and what dark counts are left. The least number of a diode that never reads below 0 is where it is
clipped, and says nothing of how far others scatter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ...nouns import FloatArray

SIGMAS = 2.0
"""Of a normal distribution, whose share of readings is held."""
USUAL, WITHIN = 1e-6, 5.0
"""Noise of a photodiode over its reading of the beam without a cell, and the factor within which one lies (chosen): what few
readings leave open is taken from there."""


@dataclass(frozen=True)
class DiodeNoise:
    """Standard deviation of one reading of the transmission, whatever passes, in an exposure (s); NaN: of any. words: how it is
    known."""

    sigma: float
    exposure_s: float
    words: str

    def relative(self, transmission: FloatArray, exposure_s: FloatArray) -> FloatArray:
        """Of readings (frame,) in these exposures (s), which average less where they are shorter."""
        shorter = np.fmax(np.sqrt(self.exposure_s / exposure_s), 1.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(transmission > 0.0, self.sigma * shorter / transmission, 0.0))


def diode_noise(rest: FloatArray, sigma: FloatArray) -> float:
    """Half of what further readings lie within as often as within two sigmas, given these few and what photodiodes have.

    rest (frame,): transmissions less the light that the detector counts in the same frame; sigma: of that light.
    """
    trial = USUAL * np.geomspace(1e-3, 1e4, 240)
    variance = np.square(trial[:, None]) + np.square(sigma)
    likelihood = -0.5 * np.sum(np.square(rest) / variance + np.log(variance), axis=1)
    likelihood -= 0.5 * np.square(np.log(trial / USUAL) / np.log(WITHIN))
    share = np.exp(likelihood - likelihood.max())
    beyond = (2.0 * ndtr(-trial[:, None] / trial)) @ (share / share.sum())
    return float(np.interp(-2.0 * ndtr(-SIGMAS), -beyond, trial)) / SIGMAS
