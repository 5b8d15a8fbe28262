"""Structure factors: powder of superlattice grains, hard spheres (Percus-Yevick), and polydispersity by decoupling.

Lengths in nm, q in 1/nm, S without unit. Pure functions of arrays.
"""

from __future__ import annotations

import numpy as np

from ..nouns.base import FloatArray
from .lattice_kernels import powder_sum
from .lattices import lattice_named, reflections

REACH = 1.25  # reflections are summed up to 1.25 q_max + 4 FWHM, so that Z does not sag at the upper end of the window


def powder_structure_factor(
    q: FloatArray, lattice: str, a: float, fwhm: float, *, lorentzian: float = 0.0
) -> FloatArray:
    """Z(q) of a powder of grains whose particles sit exactly on their sites; 1 on average at large q.

    Z = 2 pi^2 / (v_p q) sum_hkl m |F|^2/n^2 / q_hkl [L(q - q_hkl) - L(q + q_hkl)], v_p the volume per particle, L of
    unit area and FWHM `fwhm` (grain size), `lorentzian` its Lorentzian share. The 1/(q q_hkl), not 1/q^2 or 1/q_hkl^2,
    is what the spherical average of isotropic Gaussian spots gives, and makes the integral of Z q^2 exact for any
    width. Holds for q > 0. Source: Warren, X-ray Diffraction (1969), ch. 4 and 5.
    """
    return powder_gradient(q, lattice, a, fwhm, lorentzian=lorentzian)[0]


def powder_gradient(q: FloatArray, lattice: str, a: float, fwhm: float, *, lorentzian: float = 0.0) -> FloatArray:
    """Z and its derivatives by a (1/nm), fwhm (nm) and lorentzian; shape (4, q)."""
    centre, area = powder_reflections(lattice, a, float(q[-1]), fwhm)
    out = powder_sum(np.ascontiguousarray(q), centre, area, fwhm, lorentzian)
    out[1] = -(2.0 * out[0] + out[1]) / a
    return out


def powder_reflections(lattice: str, a: float, q_max: float, fwhm: float) -> tuple[FloatArray, FloatArray]:
    """Positions q_hkl (1/nm) and areas 2 pi^2 m |F|^2/n^2 / v_p (1/nm^3) of the families that matter up to `q_max`."""
    s_max = (REACH * q_max + 4.0 * fwhm) * a / (2.0 * np.pi)
    families = reflections(lattice, 0.5 * np.ceil(2.0 * s_max))
    volume = lattice_named(lattice).volume_per_particle * a**3
    return 2.0 * np.pi * families.s / a, 2.0 * np.pi**2 * families.weight / volume


def superlattice_structure_factor(
    q: FloatArray,
    lattice: str,
    a: float,
    fwhm: float,
    mean_square: float,
    *,
    beta: FloatArray | float = 1.0,
    fraction: float = 1.0,
    lorentzian: float = 0.0,
) -> FloatArray:
    """S(q) of a voxel of which the share `fraction` of the particles sits in grains, the rest in dilute solution.

    S = 1 + X beta exp(-q^2 u^2) (Z - 1): displacements of mean square `mean_square` (u^2, nm^2) along one axis move
    intensity from the peaks to the diffuse rest (Debye-Waller), and so does polydispersity without correlation between
    size and site (Laue), beta = <F>^2 / <F^2>. The integral of (S - 1) q^2 is zero where beta is 1 and u^2 is 0.
    Source: Warren, X-ray Diffraction (1969), ch. 11 and 12.
    """
    order = powder_structure_factor(q, lattice, a, fwhm, lorentzian=lorentzian) - 1.0
    return np.asarray(1.0 + fraction * beta * np.exp(-(q**2) * mean_square) * order)


def percus_yevick(q: FloatArray, radius: float, volume_fraction: float) -> FloatArray:
    """S(q) of hard spheres of `radius` (nm) in the Percus-Yevick approximation.

    1/S = |1 - 12 phi int_0^1 Q(t) exp(i x t) dt|^2, x = 2 q R, Q = a (t^2 - 1)/2 + b (t - 1), a = (1 + 2 phi)/(1 -
    phi)^2, b = -3 phi / (2 (1 - phi)^2): Baxter's factorisation, positive by construction. Source: Baxter, Aust. J.
    Phys. 21, 563 (1968).
    """
    x = np.atleast_1d(2.0 * np.asarray(q, dtype=np.float64) * radius)
    a = (1.0 + 2.0 * volume_fraction) / (1.0 - volume_fraction) ** 2
    b = -1.5 * volume_fraction / (1.0 - volume_fraction) ** 2
    m0, m1, m2 = _moments(x)
    factor = 1.0 - 12.0 * volume_fraction * (0.5 * a * (m2 - m0) + b * (m1 - m0))
    return np.asarray(1.0 / np.abs(factor) ** 2)


def _moments(x: FloatArray) -> np.ndarray:
    """int_0^1 t^n exp(i x t) dt for n = 0, 1, 2, shape (3, x): recurrence for x > 2, where it is stable, else power
    series."""
    safe = 1j * np.maximum(x, 2.0)
    end = np.exp(safe)
    m0 = (end - 1.0) / safe
    m1 = (end - m0) / safe
    m2 = (end - 2.0 * m1) / safe
    order = np.arange(3)[:, None]
    term, series = np.ones_like(x, dtype=complex), np.zeros((3, x.size), dtype=complex)
    for k in range(1, 32):
        series += term / (k + order)
        term = term * 1j * np.minimum(x, 2.0) / k
    return np.where(x > 2.0, np.stack([m0, m1, m2]), series)


def decoupled(structure: FloatArray, beta: FloatArray | float) -> FloatArray:
    """Effective S(q) of polydisperse particles, S' = 1 + beta (S - 1), beta = <F>^2 / <F^2>: sizes and places
    independent.

    Source: Kotlarchyk & Chen, J. Chem. Phys. 79, 2461 (1983).
    """
    return np.asarray(1.0 + beta * (structure - 1.0))
