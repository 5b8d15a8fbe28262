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


NO_LIGHT, FEWEST_DARK = 1e-7, 3
"""Transmission behind an edge that is a tenth of a photodiode's noise, and the fewest readings that tell a scatter."""


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


@dataclass(frozen=True, eq=False)
class EdgeReadings:
    """Diodes across the anode without frames: stage height (um) and transmission, (reading,), in exposures of exposure_s (s);
    the edge's height and its sigma (um), fwhm_um of the beam."""

    height_um: FloatArray
    transmission: FloatArray
    exposure_s: float
    edge_um: float
    edge_sigma_um: float
    fwhm_um: float


def noise_behind(edge: EdgeReadings) -> DiodeNoise | None:
    """The diode's noise by readings so far behind the anode that no light is left there; None where they do not tell.

    Without counts of a detector nobody knows what the edge scatters: their common mean is taken for it, and what it changes by
    from height to height counts as noise.
    """
    known = np.isfinite(edge.transmission)
    beyond, reading = (edge.height_um - edge.edge_um)[known], edge.transmission[known]
    wide = edge.fwhm_um / np.sqrt(8.0 * np.log(2.0))
    free = beyond > edge.fwhm_um
    if not free.any():
        return None
    light = float(np.median(reading[free])) * ndtr((beyond + SIGMAS * edge.edge_sigma_um) / wide)
    least = reading == reading.min()
    clipped = least & (np.count_nonzero(least) > 1)  # readings of noise are not alike
    dark = (beyond < 0.0) & (light < NO_LIGHT) & ~clipped
    number = int(dark.sum())
    if number < FEWEST_DARK:
        return None
    rest = (reading[dark] - reading[dark].mean()) * np.sqrt(number / (number - 1.0))
    return DiodeNoise(diode_noise(rest, light[dark]), edge.exposure_s, f"by {number} readings behind the anode")


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
