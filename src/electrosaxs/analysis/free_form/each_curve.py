"""Free-form size distributions: each curve inverted on its own, non-negative, as rough as its evidence asks for.

I(q) = sum over d of density(d) F^2 / v + background (physics.sphere_matrix) with the Poisson weights of the model
(sphere_fit.BinNoise). What is assumed of a distribution stands in free_form_basis; bands are the posterior's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ConvergenceError, ShapeError
from ...nouns import FloatArray, SampleIntensity
from .basis import TREND, SizeBasis
from .inversion import (
    BoolArray,
    Curve,
    Inversion,
    curves_of,
    design_matrix,
    invert,
    particles_seen,
    unit_density,
)
from .kernels import product, solve_positive, weighted_square


@dataclass(frozen=True, eq=False)
class FreeFormFit:
    """One row per curve; NaN where no particles are seen (flagged).

    density (frame, node): volume (core + dry shell) per nm of core diameter; relative scale, or d phi / dd once
    calibrated. covariance (frame, node, node): counting and what the prior leaves open; shared_covariance: what the
    subtracted solvent's counting adds, one error for all frames. undetected (frame, node, population): error of the
    density if the particles hold a narrow population that the curve would show at UNDETECTED sigma only, one column for
    each size. freedom: parameters that the curve fixes. weight
    (frame, q): 1 / variance used. flags say in words what is wrong.
    """

    basis: SizeBasis
    density: FloatArray
    covariance: FloatArray
    shared_covariance: FloatArray
    undetected: FloatArray
    background: FloatArray
    chi_squared: FloatArray
    freedom: FloatArray
    bins: npt.NDArray[np.int64]
    weight: FloatArray
    flags: tuple[tuple[str, ...], ...]

    @property
    def seen(self) -> BoolArray:
        """(frame,) True where there are particles."""
        return np.asarray(np.all(np.isfinite(self.density), axis=1))

    @property
    def sigma(self) -> FloatArray:
        """Counting sigma of the density, (frame, node)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    @property
    def shared_sigma(self) -> FloatArray:
        """Sigma of the density from the solvent's counting, (frame, node)."""
        return np.sqrt(np.diagonal(self.shared_covariance, axis1=1, axis2=2))

    @property
    def model(self) -> FloatArray:
        """Fitted curves (frame, q) in the scale of the intensities; valid before calibration."""
        return np.asarray(self.density @ self.basis.matrix.T + self.background[:, None])


def free_form_sizes(sample: SampleIntensity, basis: SizeBasis, *, workers: int = 2) -> FreeFormFit:
    """Size distribution of every frame of `sample`, dims (frame, q) or (q,), each on its own.

    Raises ShapeError where the curves have other bins than the basis.
    """
    if sample.coord("q").shape != basis.q.shape or not np.allclose(sample.coord("q"), basis.q, rtol=1e-9, atol=0.0):
        raise ShapeError("free-form sizes: the curves have other q than the basis; build it with SizeBasis.of(q, ...)")
    curves = curves_of(sample)
    _ = basis.modes  # made once, before the threads
    design = design_matrix(basis)

    def run(curve: Curve) -> Solution | None:
        try:
            return Solution.of(invert(curve, basis), design)
        except ConvergenceError:
            return None

    with ThreadPoolExecutor(max(1, workers)) as pool:
        return gathered(basis, curves, list(pool.map(run, curves)))


UNDETECTED = 2.0
"""Sigmas at which a population may go unseen: the evidence asks for more before it departs from a smooth distribution."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What the fit of one curve holds, in the units of its inversion: x (node + 1,), covariance (node + 1, node + 1),
    influence (node, q) = d density / d intensity of this curve, shared_influence the same of all curves together, freedom:
    parameters that the curve fixes."""

    inversion: Inversion
    x: FloatArray
    covariance: FloatArray
    influence: FloatArray
    shared_influence: FloatArray
    freedom: float

    @classmethod
    def of(cls, inversion: Inversion, design: FloatArray) -> Solution:
        """A curve on its own."""
        influence = product(inversion.counting[:-1], (design * inversion.weight[:, None]).T)
        best = inversion.optimum
        return cls(inversion, best.x[0], inversion.covariance, influence, influence, inversion.freedom)


def gathered(basis: SizeBasis, curves: list[Curve], solutions: list[Solution | None]) -> FreeFormFit:
    """The fit of all curves in the unit of the intensities; None where a curve did not converge."""
    frames, nodes = len(curves), basis.diameter.size
    density, covariance, shared, undetected = (np.full((frames, *[nodes] * k), np.nan) for k in (1, 2, 2, 2))
    background, chi_squared, freedom = np.full((3, frames), np.nan)
    weight = np.zeros((frames, basis.q.size))
    flags: list[tuple[str, ...]] = []
    for f, (curve, got) in enumerate(zip(curves, solutions, strict=True)):
        if got is None:
            flags.append(("not converged",))
            continue
        inversion = got.inversion
        unit = inversion.scale / unit_density(basis)
        weight[f], background[f] = inversion.weight / inversion.scale**2, inversion.scale * got.x[-1]
        chi_squared[f] = inversion.misfit.chi_squared(got.x)
        freedom[f] = got.freedom
        flags.append(() if particles_seen(inversion) else ("no particles seen",))
        if not flags[f]:
            density[f] = unit * got.x[:nodes]
            both = weighted_square(np.ascontiguousarray(got.influence.T), curve.solvent_variance) / inversion.scale**2
            covariance[f] = unit**2 * (got.covariance[:nodes, :nodes] - both)
            undetected[f] = unit * _undetected(basis, got)
            common = weighted_square(np.ascontiguousarray(got.shared_influence.T), curve.solvent_variance)
            shared[f] = common / unit_density(basis) ** 2
    bins = np.array([int(curve.used.sum()) for curve in curves])
    return FreeFormFit(
        basis, density, covariance, shared, undetected, background, chi_squared, freedom, bins, weight, tuple(flags)
    )


def _undetected(basis: SizeBasis, solution: Solution) -> FloatArray:
    """Error (node, population) of the density, in the unit of the inversion, when a narrow population k of the volume a is
    there and the fit does not follow it: a (k - what the fit makes of it), a = UNDETECTED sigma of its amplitude
    beside a normal distribution and a background."""
    inversion = solution.inversion
    smooth = np.ascontiguousarray(inversion.optimum.jacobian[0][:, [*range(TREND), -1]])
    information = smooth.T @ inversion.misfit.fisher @ smooth
    population = basis.matrix @ basis.narrow / unit_density(basis)
    pulled = smooth.T @ (design_matrix(basis).T @ (population * inversion.weight[:, None]))
    own = np.sum(population**2 * inversion.weight[:, None], axis=0)
    left = own - np.sum(pulled * solve_positive(information, pulled)[0], axis=0)
    sigma = 1.0 / np.sqrt(np.maximum(left, 1e-9 * own))
    return np.asarray(UNDETECTED * sigma * (basis.narrow - product(solution.influence, population)))
