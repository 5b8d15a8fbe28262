"""Powder reflections summed over q, and the solution beside them: numba kernels, lengths in nm, q in 1/nm, arrays
float64 and contiguous."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..nouns.base import FloatArray
from .sphere_kernels import sphere_and_gradient

GAUSS_REACH = 4.0  # in FWHM: exp(-4 ln2 16) = 5e-20


@njit(cache=True, nogil=True)
def _peak(x: float, fwhm: float, lorentzian: float) -> tuple[float, float, float, float]:
    """Pseudo-Voigt of unit area at distance x from its centre, and its derivatives by x, fwhm and lorentzian share.

    L = eta (w / 2 pi) / (x^2 + w^2/4) + (1 - eta) sqrt(4 ln2 / pi) / w exp(-4 ln2 x^2 / w^2), both parts of FWHM w.
    """
    below = x * x + 0.25 * fwhm * fwhm
    cauchy = fwhm / (2.0 * math.pi) / below
    gauss = 0.0
    if abs(x) < GAUSS_REACH * fwhm:
        gauss = math.sqrt(4.0 * math.log(2.0) / math.pi) / fwhm * math.exp(-4.0 * math.log(2.0) * (x / fwhm) ** 2)
    share = 1.0 - lorentzian
    value = lorentzian * cauchy + share * gauss
    by_x = -lorentzian * cauchy * 2.0 * x / below - share * gauss * 8.0 * math.log(2.0) * x / (fwhm * fwhm)
    by_fwhm = lorentzian * cauchy * (1.0 / fwhm - 0.5 * fwhm / below)
    by_fwhm += share * gauss * (8.0 * math.log(2.0) * x * x / fwhm**3 - 1.0 / fwhm)
    return value, by_x, by_fwhm, cauchy - gauss


@njit(cache=True, nogil=True)
def powder_sum(q: FloatArray, centre: FloatArray, area: FloatArray, fwhm: float, lorentzian: float) -> FloatArray:
    """sum_k area_k [L(q - q_k) - L(q + q_k)] / (q q_k), and its derivatives; shape (4, q).

    Row 0 the sum; 1 its derivative when all centres grow by one factor (by its logarithm, area_k / q_k held); 2 by
    fwhm; 3 by the Lorentzian share. The mirror term keeps it regular at q = 0; with it the spherical average of
    isotropic Gaussian spots in reciprocal space is exact.
    """
    out = np.zeros((4, q.size))
    for k in range(centre.size):
        for i in range(q.size):
            near = q[i] - centre[k]
            if lorentzian == 0.0 and abs(near) > GAUSS_REACH * fwhm and q[i] > GAUSS_REACH * fwhm:
                continue
            value, by_x, by_fwhm, by_share = _peak(near, fwhm, lorentzian)
            mirror = _peak(q[i] + centre[k], fwhm, lorentzian)
            weight = area[k] / (q[i] * centre[k])
            out[0, i] += weight * (value - mirror[0])
            out[1, i] -= weight * centre[k] * (by_x + mirror[1])
            out[2, i] += weight * (by_fwhm - mirror[2])
            out[3, i] += weight * (by_share - mirror[3])
    return out


@njit(cache=True, nogil=True)
def peak_profile(q: FloatArray, centre: float, fwhm: float, lorentzian: float) -> FloatArray:
    """One peak L(q - centre) of unit area (nm) and its derivatives by centre, fwhm and Lorentzian share; shape
    (4, q)."""
    out = np.empty((4, q.size))
    for i in range(q.size):
        value, by_x, by_fwhm, by_share = _peak(q[i] - centre, fwhm, lorentzian)
        out[0, i], out[1, i], out[2, i], out[3, i] = value, -by_x, by_fwhm, by_share
    return out


@njit(cache=True, nogil=True)
def sphere_gradient(q: FloatArray, d: float, delta: float, skewness: float) -> FloatArray:
    """<F^2> (nm^6) of the solution and its derivatives by d, delta and skewness; shape (4, q)."""
    out = np.empty((4, q.size))
    for i in range(q.size):
        out[0, i], out[1, i], out[2, i], out[3, i] = sphere_and_gradient(q[i], d, delta, skewness)
    return out
