"""Photons that are scattered more than once on their way through the cell, at small angles.

With f(q) = t dSigma/dOmega the photons scattered once per steradian and unscattered one, and k the wave number, directions are
q / k in a plane. In the plane's Fourier space each scattering is a factor, so that all orders together are exactly

    f^(r) = 2 pi / k^2 int f(q) J0(q r) q dq,    all orders: exp(f^(r)) - 1,    f^(0) = tau,

relative to the beam that comes through unscattered, which is exp(-tau) weaker than absorption leaves it. tau is what scatters
of the beam: 1/120 of it in the starting solution of Yu 2018. Beside the unscattered beam what is scattered once stays as it is.
Source: Moliere, Z. Naturforsch. 3a, 78 (1948); for small-angle scattering Schelten &
Schmatz, J. Appl. Cryst. 13, 385 (1980). Holds for angles below a few degrees and a sample wide against what photons
move sideways on their way (20 um in 10 mm).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..materials import core_of, scattering_length_density_per_m2, solvent_of, wavelength_nm
from ..nouns.base import FloatArray
from ..nouns.run import Solution
from .quadrature import gauss_legendre

FARTHEST_NM, NODES = 60.0, 400
"""Beyond it the pattern of particles of some nm has no Fourier part whose square counts; Gauss-Legendre nodes before it."""
COARSE = 500
"""Points of q at which what is scattered more than once is computed: it is smooth."""


def contrast_per_m4(solution: Solution, energy_keV: float) -> float:
    """(rho_core - rho_solvent)^2 in 1/m^4."""
    metal, liquid = core_of(solution), solvent_of(solution)
    rho_core = scattering_length_density_per_m2(metal.formula, metal.density_g_cm3, energy_keV)
    rho_solvent = scattering_length_density_per_m2(liquid.formula, liquid.density_g_cm3, energy_keV)
    return (rho_core - rho_solvent) ** 2


@dataclass(frozen=True, eq=False)
class MultipleScattering:
    """For curves on q (n,) in 1/nm, from 0 on, rising: weights of the scattered share, whole (n,), of the transform there
    (r, n), and back (coarse, r) onto the q of `coarse`."""

    q: FloatArray
    whole: FloatArray
    there: FloatArray
    back: FloatArray
    coarse: FloatArray

    @classmethod
    def of(cls, q: FloatArray, energy_keV: float, *, coarse: FloatArray | None = None) -> MultipleScattering:
        """For curves on `q` and photons of this energy."""
        from scipy.special import j0  # a quarter of a second: only where photons are scattered again

        wave_number = 2.0 * np.pi / wavelength_nm(energy_keV)
        node, weight = gauss_legendre(NODES)
        r = 0.5 * FARTHEST_NM * (1.0 + node)
        wanted = np.linspace(0.0, float(q[-1]), COARSE) if coarse is None else coarse
        step = np.diff(q)
        whole = np.pi / wave_number**2 * (np.append(step, 0.0) + np.insert(step, 0, 0.0)) * q  # trapezoidal rule
        back = wave_number**2 / (4.0 * np.pi) * FARTHEST_NM * weight * r * j0(wanted[:, None] * r)
        return cls(q, whole, whole * j0(r[:, None] * q), back, wanted)

    def scattered(self, once: FloatArray) -> FloatArray:
        """tau (...) of `once` (..., q)."""
        return np.asarray(once @ self.whole)

    def fourier(self, once: FloatArray) -> FloatArray:
        """f^ (..., r) of `once` (..., q)."""
        return np.asarray(once @ self.there.T)

    def more_than_once(self, fourier: FloatArray) -> FloatArray:
        """Per steradian and unscattered photon, (..., coarse): exp(f^) - 1 - f^ transformed back."""
        return np.asarray((np.expm1(fourier) - fourier) @ self.back.T)

    def more_than_once_of_all(self, fourier: FloatArray) -> FloatArray:
        """The same from the transform F^ (..., r) of what is scattered once and again: F^ - ln(1 + F^) transformed back."""
        return np.asarray((fourier - np.log1p(fourier)) @ self.back.T)
