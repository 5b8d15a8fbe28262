"""Structure factors: powder of superlattice grains, hard spheres (Percus-Yevick), and polydispersity by decoupling.

Lengths in nm, q in 1/nm, S without unit. Pure functions of arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..nouns.base import FloatArray
from .hard_sphere_kernels import exponential_moments
from .lattice_kernels import powder_sum
from .lattices import SHAPES, STACKED, lattice_named, reflections
from .stacking import rod_sum, sharp_lines

SMALL_X = 1e-3
NEAR_ZERO = 1e-6  # 1/nm: Z is regular there, its formula divides by q
SHAPE_STEP = 1e-3  # of c/a and of the fault fraction, for derivatives
REACH = 1.25  # reflections are summed up to 1.25 q_max + 4 FWHM, so that Z does not sag at the upper end of the window


class Order(NamedTuple):
    """exp(-q^2 u^2) (Z - 1) of a superlattice, and its derivatives, each (q,); by_texture: one for each family that may
    deviate; by_shape: None where the lattice leaves nothing open."""

    value: FloatArray
    by_a: FloatArray
    by_fwhm: FloatArray
    by_mean_square: FloatArray
    by_lorentzian: FloatArray
    by_texture: tuple[FloatArray, ...] = ()
    by_shape: FloatArray | None = None


def superlattice_order(
    q: FloatArray,
    lattice: str,
    a: float,
    fwhm: float,
    mean_square: float,
    *,
    lorentzian: float = 0.0,
    texture: Sequence[float] = (),
    shape: float | None = None,
) -> Order:
    """What order adds to the scattering of separate particles: with the share X of them in grains, the rest in dilute
    solution, S = 1 + X beta exp(-q^2 u^2) (Z - 1).

    Z = 2 pi^2 / (v_p q) sum_hkl m |F|^2/n^2 / q_hkl [L(q - q_hkl) - L(q + q_hkl)] is a powder of grains whose particles
    sit exactly on their sites, 1 on average at large q: v_p the volume per particle, L of unit area and FWHM `fwhm`
    (grain size), `lorentzian` its Lorentzian share. The 1/(q q_hkl), not 1/q^2 or 1/q_hkl^2, is what the spherical
    average of isotropic Gaussian spots gives, and makes the integral of Z q^2 exact for any width. `texture`: relative
    deviations of the first families, of few or oriented grains. Displacements of mean square `mean_square` (u^2, nm^2)
    along one axis move intensity from the peaks to the diffuse rest (Debye-Waller), and so does polydispersity without
    correlation between size and site (Laue), beta = <F>^2 / <F^2>. The integral of (S - 1) q^2 is zero where beta is 1
    and u^2 is 0. Source: Warren, X-ray Diffraction (1969), ch. 4, 5, 11 and 12.
    """
    above = np.maximum(np.ascontiguousarray(q), NEAR_ZERO)
    centre, area = powder_reflections(lattice, a, float(q[-1]), fwhm, shape)
    families = [powder_sum(above, centre[k : k + 1], area[k : k + 1], fwhm, lorentzian) for k in range(len(texture))]
    z, by_shape = powder_sum(above, centre, area, fwhm, lorentzian), None
    if shape is not None and lattice == STACKED:
        rods = rod_sum(above, a, fwhm, lorentzian, shape, _s_max(a, float(q[-1]), fwhm))
        z, by_shape = z + rods[:4], rods[4]
    elif shape is not None:
        by_shape = _by_shape(above, lattice, a, fwhm, lorentzian, shape)
    for share, one in zip(texture, families, strict=True):
        z += share * one
    damping = np.exp(-(q**2) * mean_square)
    value = damping * (z[0] - 1.0)
    return Order(
        value=value,
        by_a=damping * -(2.0 * z[0] + z[1]) / a,
        by_fwhm=damping * z[2],
        by_mean_square=-(q**2) * value,
        by_lorentzian=damping * z[3],
        by_texture=tuple(damping * one[0] for one in families),
        by_shape=None if by_shape is None else damping * by_shape,
    )


def _by_shape(q: FloatArray, lattice: str, a: float, fwhm: float, lorentzian: float, shape: float) -> FloatArray:
    """dZ/d(shape) by central differences, one-sided at a limit."""
    below, above = max(shape - SHAPE_STEP, SHAPES[lattice].lower), min(shape + SHAPE_STEP, SHAPES[lattice].upper)
    sums = [
        powder_sum(q, *powder_reflections(lattice, a, float(q[-1]), fwhm, s), fwhm, lorentzian)[0]
        for s in (below, above)
    ]
    return np.asarray((sums[1] - sums[0]) / (above - below))


def powder_reflections(
    lattice: str, a: float, q_max: float, fwhm: float, shape: float | None = None
) -> tuple[FloatArray, FloatArray]:
    """Positions q_hkl (1/nm) and areas 2 pi^2 m |F|^2/n^2 / v_p (1/nm^3) of the families that matter up to `q_max`; of
    stacked layers those that stay sharp."""
    s_max = _s_max(a, q_max, fwhm)
    volume = lattice_named(lattice, shape).volume_per_particle * a**3
    if lattice == STACKED and shape is not None:
        s, weight = sharp_lines(s_max)
    else:
        families = reflections(lattice, s_max, shape)
        s, weight = families.s, families.weight
    return 2.0 * np.pi * s / a, 2.0 * np.pi**2 * weight / volume


def _s_max(a: float, q_max: float, fwhm: float) -> float:
    return float(0.5 * np.ceil(2.0 * (REACH * q_max + 4.0 * fwhm) * a / (2.0 * np.pi)))


def percus_yevick(
    q: FloatArray, radius: float | FloatArray, volume_fraction: float | FloatArray, stickiness: float = np.inf
) -> FloatArray:
    """S(q) of hard spheres of `radius` (nm) in the Percus-Yevick approximation; arrays that broadcast with q are taken too.

    1/S = |1 - 12 phi int_0^1 Q(t) exp(i x t) dt|^2, x = 2 q R, Q = a (t^2 - 1)/2 + b (t - 1) + lambda/12, a = (1 + 2 phi -
    mu)/(1 - phi)^2, b = (mu - 3 phi)/(2 (1 - phi)^2), mu = lambda phi (1 - phi): Baxter's factorisation, positive by
    construction. `stickiness` tau of the surface: lambda is the smaller root of phi/12 lambda^2 - (tau + phi/(1 - phi)) lambda
    + (1 + phi/2)/(1 - phi)^2, 0 without attraction. Source: Baxter, Aust. J. Phys. 21, 563 and J. Chem. Phys. 49, 2770 (1968).
    """
    x = np.atleast_1d(2.0 * np.asarray(q, dtype=np.float64) * radius)
    left = 1.0 - np.asarray(volume_fraction)
    bond = _bond(volume_fraction, stickiness)
    mu = bond * volume_fraction * left
    a = (1.0 + 2.0 * volume_fraction - mu) / left**2
    b = (0.5 * mu - 1.5 * volume_fraction) / left**2
    m0, m1, m2 = exponential_moments(x.ravel()).reshape(3, *x.shape)
    factor = 1.0 - 12.0 * volume_fraction * (0.5 * a * (m2 - m0) + b * (m1 - m0) + bond / 12.0 * m0)
    return np.asarray(1.0 / np.abs(factor) ** 2)


def _bond(volume_fraction: float | FloatArray, stickiness: float) -> float | FloatArray:
    """Baxter's lambda; where there is no fluid (the root is complex) that of the edge."""
    if np.isinf(stickiness):
        return 0.0
    left = 1.0 - np.asarray(volume_fraction)
    half = 0.5 * (stickiness + volume_fraction / left)
    constant = (1.0 + 0.5 * volume_fraction) / left**2
    root = np.sqrt(np.maximum(half**2 - volume_fraction / 12.0 * constant, 0.0))
    return np.asarray(constant / (half + root))


def pair_exclusion(x: FloatArray, diameter: FloatArray, stickiness: float = np.inf) -> FloatArray:
    """Minus the Fourier transform (nm^3) of the Mayer function of two hard or sticky spheres, x = q diameter, `diameter` the
    contact distance (nm): S = 1 - n times this to first order in the density n, also for mixtures."""
    x = np.maximum(x, SMALL_X)
    excluded = 4.0 * np.pi * diameter**3 * (np.sin(x) - x * np.cos(x)) / x**3
    return np.asarray(excluded - np.pi * diameter**3 / (3.0 * stickiness) * np.sin(x) / x)


def second_virial(stickiness: float) -> float:
    """Second virial coefficient over that of hard spheres of the same contact distance, 1 - 1 / (4 tau)."""
    return 1.0 - 0.25 / stickiness


def decoupled(structure: FloatArray, beta: FloatArray | float) -> FloatArray:
    """Effective S(q) of polydisperse particles, S' = 1 + beta (S - 1), beta = <F>^2 / <F^2>: sizes and places
    independent.

    Source: Kotlarchyk & Chen, J. Chem. Phys. 79, 2461 (1983).
    """
    return np.asarray(1.0 + beta * (structure - 1.0))
