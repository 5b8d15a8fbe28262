"""A Gaussian beam above an edge that cuts it: how much passes, where the passing part sits, how strongly it sees the edge.

Heights and FWHM are in one unit, any; heights count from the edge (the anode's surface) to the beam centre.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtr

from ..errors import ShapeError
from ..nouns.base import FloatArray

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def beam_deviation(fwhm: float) -> float:
    """Standard deviation s of a Gaussian beam from its FWHM. Raises ShapeError where that is not a length above 0."""
    if not (np.isfinite(fwhm) and fwhm > 0.0):
        raise ShapeError(f"beam fwhm = {fwhm}: must be a length above 0; give beam.fwhm_um of the run")
    return float(fwhm / FWHM_PER_SIGMA)


def open_fraction(height: npt.ArrayLike, fwhm: float) -> FloatArray:
    """Share of the beam that passes above the edge, Phi(h / s)."""
    return np.asarray(ndtr(np.asarray(height, dtype=np.float64) / beam_deviation(fwhm)))


def open_beam_centre(height: npt.ArrayLike, fwhm: float) -> FloatArray:
    """Mean height of the passing part, h + s n(h/s) / Phi(h/s): mean of a normal distribution cut at 0.

    A voxel reads phi there, to first order in the gradient: at h = 0 a 34 um beam reads phi at 11.5 um.
    """
    s = beam_deviation(fwhm)
    x = np.asarray(height, dtype=np.float64) / s
    hazard = np.exp(-0.5 * np.square(x) - 0.5 * np.log(2.0 * np.pi) - log_ndtr(x))
    return np.asarray(s * (x + hazard))


def surface_weight(height: float, fwhm: float) -> float:
    """Length by which the reading of a voxel is multiplied to give the particle volume per area on the edge's surface.

    s sqrt(2 pi) exp(h^2 / 2 s^2) Phi(h / s): the passing part of the beam over its density at the surface; 18.1 um for a
    34 um beam centred on the edge.
    """
    s = beam_deviation(fwhm)
    return float(s * np.sqrt(2.0 * np.pi) * np.exp(0.5 * (height / s) ** 2) * ndtr(height / s))
