"""The twelve parameters of a voxel with crystals: names, places, limits and priors. Lengths in nm, q in 1/nm.

An array of parameters (p,) begins with a `Solution`; `Grains` follow, then texture and smooth correction. Where free
peaks take the place of grains, their common Lorentzian share follows (PEAK_TAILS), smooth correction and peaks.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import numpy as np

from ...nouns import FloatArray
from ...physics.lattices import SHAPES, neighbour_distance, reflections
from ..spheres.kernels import LARGEST_SKEWNESS, SKEWNESS_PRIOR
from .weighted_fit import Limit

T = TypeVar("T")
WIDEST = 0.12  # chosen: FWHM over q beyond which a peak is a liquid's; grains of fewer than eight spacings
NO_TAILS = 1e-12  # least Lorentzian share where it may grow: at exactly 0 the kernels skip tails and their derivatives
LINDEMANN = 0.005  # prior mean and sd of u^2 over the squared neighbour distance: u = 0.07, half of where crystals melt
SELECTED_SD = 0.03  # chosen: prior sd of size_ratio about 1; a voxel of Yu 2018 and the next one differ by 0.03


class Solution(NamedTuple, Generic[T]):
    """Of all particles, as spheres.fit.ORDER: scale, mean and deviation of d (nm), background, skewness."""

    scale: T
    diameter: T
    deviation: T
    background: T
    skewness: T


class Grains(NamedTuple, Generic[T]):
    """Of those in grains: their share, a (nm), FWHM of the peaks (1/nm), mean square displacement u^2 (nm^2), Lorentzian
    share of the peaks, mean and deviation of d over those of all, and the number that the lattice leaves open
    (physics.lattices.SHAPES; 0 where none)."""

    fraction: T
    a: T
    fwhm: T
    mean_square: T
    lorentzian: T
    size_ratio: T
    shape: T


PARAMETERS = Solution._fields + Grains._fields
SLOT = {name: place for place, name in enumerate(PARAMETERS)}
PEAK_TAILS = len(Solution._fields)
NO_GRAINS = Grains(fraction=0.0, a=1.0, fwhm=1.0, mean_square=0.0, lorentzian=0.0, size_ratio=1.0, shape=0.0)

SOLUTION_LIMITS = Solution(
    scale=Limit(0.0),
    diameter=Limit(0.5, 100.0),
    deviation=Limit(1e-3, 50.0),
    background=Limit(),
    skewness=Limit(-LARGEST_SKEWNESS, LARGEST_SKEWNESS, sd=SKEWNESS_PRIOR),
)
SMOOTH = Limit(-0.9, 5.0, sd=0.2)  # a coefficient of the smooth correction
TEXTURE = Limit(-1.0, 10.0, sd=0.5)  # chosen: how far grains that are few or oriented may change a powder's reflection


def solution_of(p: FloatArray) -> Solution[float]:
    """The solution's part of an array of parameters."""
    return Solution(*p[: len(Solution._fields)].tolist())


def grains_of(p: FloatArray) -> Grains[float]:
    """The grains' part of an array of parameters."""
    return Grains(*p[len(Solution._fields) : len(PARAMETERS)].tolist())


def open_shape(lattice: str | None, shape: float) -> float | None:
    """`shape` where the lattice leaves it open."""
    return shape if lattice in SHAPES else None


def grain_limits(lattice: str, a: float, shape: float, bin_width: float, *, tails: bool) -> Grains[Limit]:
    """Limits of grains near the lattice constant `a` and `shape`, in bins of `bin_width` (1/nm).

    The fraction may go below 0, so that noise around 0 averages to 0, and above 1 (all particles ordered) with texture.
    """
    spacing = neighbour_distance(lattice, a, open_shape(lattice, shape))
    displaced = LINDEMANN * spacing**2
    return Grains(
        fraction=Limit(-1.0, 3.0),
        a=Limit(0.93 * a, 1.07 * a),
        fwhm=Limit(0.7 * bin_width, WIDEST * first_reflection(lattice, a, shape)),
        mean_square=Limit(0.0, 0.1 * spacing**2, displaced, displaced),
        lorentzian=Limit(NO_TAILS if tails else 0.0, 1.0),
        size_ratio=Limit(0.7, 1.4, 1.0, SELECTED_SD),
        shape=Limit(SHAPES[lattice].lower, SHAPES[lattice].upper) if lattice in SHAPES else Limit(),
    )


def first_reflection(lattice: str, a: float, shape: float = 0.0) -> float:
    """q (1/nm) of the first family."""
    return float(2.0 * np.pi * reflections(lattice, 2.0, open_shape(lattice, shape)).s[0] / a)
