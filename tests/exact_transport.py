"""Exact solutions for one size in a constant field, the oracles of the scheme.

Dimensionless: x = z / L, theta = D t / L^2, Pe = v L / D, phi in units of the starting phi.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx

from electrosaxs.nouns import FloatArray

CONTOUR_POINTS = 24
"""Nodes of the inverse Laplace contour: its error falls as 3.89^-N, the rounding error grows as its height."""


def boltzmann(x: npt.ArrayLike, peclet: float) -> FloatArray:
    """Steady state between closed walls, Pe exp(-Pe x) / (1 - exp(-Pe)); 1 without drift."""
    x = np.asarray(x, dtype=np.float64)
    if peclet == 0.0:
        return np.ones_like(x)
    return np.asarray(peclet * np.exp(-peclet * x) / -np.expm1(-peclet))


def closed_walls(x: npt.ArrayLike, theta: float, peclet: float) -> FloatArray:
    """Homogeneous start between closed walls (Mason & Weaver 1924), at any Pe > 0, to 1e-10 of the starting phi.

    The Laplace transform in time is a closed form; it is inverted on the contour of Weideman (2006). Their series in
    exp(Pe/2) cancels to nothing above Pe of about 50 at early times; this does not.
    """
    x = np.atleast_1d(np.asarray(x, dtype=np.float64))
    if theta <= 0.0:
        return np.ones_like(x)
    angle = np.pi * (2.0 * np.arange(CONTOUR_POINTS) + 1.0) / CONTOUR_POINTS - np.pi
    cot = 1.0 / np.tan(0.6407 * angle)
    s = CONTOUR_POINTS / theta * (0.5017 * angle * cot - 0.6122 + 0.2645j * angle)
    ds = CONTOUR_POINTS / theta * (0.5017 * cot - 0.5017 * 0.6407 * angle / np.sin(0.6407 * angle) ** 2 + 0.2645j)
    values = closed_walls_transform(x[:, None], np.asarray(s, dtype=np.complex128), peclet)
    return np.asarray(np.real(np.sum(np.exp(s * theta) * values * ds, axis=-1) / (1j * CONTOUR_POINTS)))


def closed_walls_transform(x: FloatArray, s: npt.NDArray[np.complex128], peclet: float) -> npt.NDArray[np.complex128]:
    """Laplace transform in theta of `closed_walls`.

    1/s + A exp(r1 x) + B exp(r2 x), r = -Pe/2 +- q, q^2 = Pe^2/4 + s, with phi' + Pe phi = 0 at x = 0 and 1. Written
    with decaying exponentials only.
    """
    q = np.sqrt(0.25 * peclet**2 + s)
    r1, r2 = q - 0.5 * peclet, -q - 0.5 * peclet
    wall = (peclet / s) / -np.expm1(-2.0 * q)
    upper = wall * np.expm1(r2) / (0.5 * peclet + q) * np.exp(r1 * (x - 1.0))
    lower = -wall * np.expm1(-r1) * (0.5 * peclet + q) / s * np.exp(r2 * x)
    return np.asarray(1.0 / s + upper + lower)


def cosine_mode(x: npt.ArrayLike, theta: float, mode: int, amplitude: float) -> FloatArray:
    """Free diffusion of phi = 1 + amplitude cos(mode pi x) between closed walls."""
    decay = np.exp(-((mode * np.pi) ** 2) * theta)
    return np.asarray(1.0 + amplitude * decay * np.cos(mode * np.pi * np.asarray(x, dtype=np.float64)))


def wall_relaxation(time_over_tau: npt.ArrayLike) -> FloatArray:
    """(phi_wall - phi_sat) over its start, no field, deep solution: exp(s) erfc(sqrt(s)), s = t / tau."""
    return np.asarray(erfcx(np.sqrt(np.asarray(time_over_tau, dtype=np.float64))))
