"""Scattering of a continuous distribution of sphere diameters as a matrix: intensities = matrix x volume density.

The volume density p(d) = d phi / dd (per nm of core diameter) is piecewise linear between nodes, so that each column is
an integral over one hat function h_j(d):

    I(q) = integral of p(d) F(q, d)^2 / v(d) dd = sum_j p_j integral of h_j(d) F(q, d)^2 / v(d) dd,

with F = V 3 (sin x - x cos x) / x^3, x = q d / 2, V = pi d^3 / 6 the scattering core (Guinier & Fournet 1955) and
v = pi (d + 2 s)^3 / 6 the volume that phi counts (core + dry shell s). Intensities are relative: contrast and the
number density that belongs to phi = 1 are one constant, known from the starting solution. nm and 1/nm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError, bad_value
from ..nouns import FloatArray

SERIES_BELOW = 0.05
NODES, WEIGHTS = np.polynomial.legendre.leggauss(4)
"""4 Gauss-Legendre points per interval: exact to 1e-8 where 2 x changes by less than 2 from node to node."""


def particle_volume(diameter: npt.ArrayLike, shell: float) -> FloatArray:
    """v = pi (d + 2 s)^3 / 6 (nm^3): core and dry shell of thickness s per side."""
    return np.asarray(np.pi / 6.0 * (np.asarray(diameter, dtype=np.float64) + 2.0 * shell) ** 3)


def squared_amplitude(q: FloatArray, diameter: FloatArray) -> FloatArray:
    """F^2 = V^2 [3 (sin x - x cos x) / x^3]^2 (nm^6) of one sphere; shape q x diameter; 1 - x^2 / 10 below x = 0.05."""
    x = 0.5 * np.multiply.outer(q, diameter)
    safe = np.maximum(x, SERIES_BELOW)
    shape = 3.0 * (np.sin(safe) - safe * np.cos(safe)) / safe**3
    shape = np.where(x < SERIES_BELOW, 1.0 - x * x / 10.0, shape)
    return np.asarray((np.pi / 6.0 * diameter**3 * shape) ** 2)


def hat_integrals(
    integrand: Callable[[FloatArray], FloatArray], nodes: FloatArray, limits: tuple[float, float] | None = None
) -> FloatArray:
    """Integrals (..., node) of integrand(d) (..., point) times each hat function, between `limits` where given.

    Raises ShapeError where the nodes are not positive and ascending.
    """
    if nodes.ndim != 1 or nodes.size < 3 or not nodes[0] > 0.0 or not np.all(np.diff(nodes) > 0.0):
        raise bad_value(
            ShapeError,
            where="sizes",
            field="diameter",
            value=f"{nodes.size} nodes",
            rule="must be at least 3 positive diameters in ascending order",
            remedy="leave the grid out to take the one that the q range gives",
        )
    low, high = (nodes[0], nodes[-1]) if limits is None else limits
    start, stop = np.clip(nodes[:-1], low, high), np.clip(nodes[1:], low, high)
    points = start[:, None] + np.multiply.outer(stop - start, 0.5 * (NODES + 1.0))  # (interval, point)
    weight = np.multiply.outer(stop - start, 0.5 * WEIGHTS)
    rise = (points - nodes[:-1, None]) / np.diff(nodes)[:, None]
    values = integrand(points.ravel())
    values = values.reshape(values.shape[:-1] + points.shape)
    result = np.zeros((*values.shape[:-2], nodes.size))
    result[..., :-1] += np.sum(values * (weight * (1.0 - rise)), axis=-1)
    result[..., 1:] += np.sum(values * (weight * rise), axis=-1)
    return result


def sphere_matrix(q: FloatArray, diameter: FloatArray, shell: float) -> FloatArray:
    """Matrix (q, diameter) in nm^3 x nm: intensity of a unit of volume density at each node. Raises ShapeError as above."""
    return hat_integrals(lambda d: squared_amplitude(q, d) / particle_volume(d, shell), diameter)
