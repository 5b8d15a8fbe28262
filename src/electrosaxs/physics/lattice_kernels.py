"""Powder reflections summed over q, and the solution beside them: numba kernels, lengths in nm, q in 1/nm, arrays
float64 and contiguous."""

from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled
from ..nouns.base import FloatArray
from .sphere_kernels import spheres_and_gradients

GAUSS_REACH = 4.0  # in FWHM: exp(-4 ln2 16) = 5e-20


@compiled()
def _cauchy(x: float, fwhm: float) -> tuple[float, float, float]:
    """Lorentzian (w / 2 pi) / (x^2 + w^2/4) of unit area, and its derivatives by x and w; one division, no branch."""
    inverse = 1.0 / (x * x + 0.25 * fwhm * fwhm)
    value = fwhm * (0.5 / math.pi) * inverse
    return value, -2.0 * value * x * inverse, value * (1.0 / fwhm - 0.5 * fwhm * inverse)


@compiled()
def _gauss(x: float, fwhm: float) -> tuple[float, float, float]:
    """Gaussian sqrt(4 ln2 / pi) / w exp(-4 ln2 x^2 / w^2) of unit area, and its derivatives by x and w."""
    steep = 4.0 * math.log(2.0) / (fwhm * fwhm)
    value = math.sqrt(steep / math.pi) * math.exp(-steep * x * x)
    return value, -2.0 * steep * x * value, value * (2.0 * steep * x * x - 1.0) / fwhm


@compiled()
def powder_sum(q: FloatArray, centre: FloatArray, area: FloatArray, fwhm: float, lorentzian: float) -> FloatArray:
    """sum_k area_k [L(q - q_k) - L(q + q_k)] / (q q_k), and its derivatives; shape (4, q), `q` ascending.

    L = eta Lorentzian + (1 - eta) Gaussian, both of FWHM w (pseudo-Voigt). Row 0 the sum; 1 its derivative when all
    centres grow by one factor (by its logarithm, area_k / q_k held); 2 by fwhm; 3 by the Lorentzian share. The mirror
    term keeps it regular at q = 0; with it the spherical average of isotropic Gaussian spots in reciprocal space is
    exact. At a share of exactly 0 tails are left out, and row 3 is 0.
    """
    out = np.zeros((4, q.size))
    reach, share = GAUSS_REACH * fwhm, 1.0 - lorentzian
    for k in range(centre.size):
        place, weight = centre[k], area[k] / centre[k]
        if lorentzian > 0.0:
            for i in range(q.size):
                near, far = _cauchy(q[i] - place, fwhm), _cauchy(q[i] + place, fwhm)
                out[0, i] += weight * lorentzian * (near[0] - far[0])
                out[1, i] -= weight * lorentzian * place * (near[1] + far[1])
                out[2, i] += weight * lorentzian * (near[2] - far[2])
                out[3, i] += weight * (near[0] - far[0])
        for i in range(np.searchsorted(q, place - reach), np.searchsorted(q, place + reach)):
            _add_gauss(out, i, _gauss(q[i] - place, fwhm), weight, share, place)
        for i in range(np.searchsorted(q, reach - place)):
            mirror = _gauss(q[i] + place, fwhm)
            _add_gauss(out, i, (-mirror[0], mirror[1], -mirror[2]), weight, share, place)
    return out / q


@compiled()
def _add_gauss(
    out: FloatArray, i: int, peak: tuple[float, float, float], weight: float, share: float, place: float
) -> None:
    out[0, i] += weight * share * peak[0]
    out[1, i] -= weight * share * place * peak[1]
    out[2, i] += weight * share * peak[2]
    out[3, i] -= weight * peak[0]


@compiled()
def peak_profile(q: FloatArray, centre: float, fwhm: float, lorentzian: float) -> FloatArray:
    """One peak L(q - centre) of unit area (nm) and its derivatives by centre, fwhm and Lorentzian share; shape
    (4, q)."""
    out = np.zeros((4, q.size))
    for i in range(q.size):
        x = q[i] - centre
        near, wide = _cauchy(x, fwhm), (0.0, 0.0, 0.0)
        if abs(x) < GAUSS_REACH * fwhm:
            wide = _gauss(x, fwhm)
        out[0, i] = lorentzian * near[0] + (1.0 - lorentzian) * wide[0]
        out[1, i] = -lorentzian * near[1] - (1.0 - lorentzian) * wide[1]
        out[2, i] = lorentzian * near[2] + (1.0 - lorentzian) * wide[2]
        out[3, i] = near[0] - wide[0]
    return out


@compiled()
def sphere_gradient(q: FloatArray, d: float, delta: float, skewness: float) -> FloatArray:
    """<F^2> (nm^6) of the solution and its derivatives by d, delta and skewness; shape (4, q)."""
    out = np.empty((4, q.size))
    spheres_and_gradients(q, d, delta, skewness, out[0], out[1], out[2], out[3])
    return out
