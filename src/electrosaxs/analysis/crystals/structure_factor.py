"""S(q) = I / (fitted form factor), measured and as the fitted superlattice has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipp as sc

from ...nouns import FloatArray, SampleIntensity, StructureFactor
from ...physics.sphere_kernels import skewed_form_factor, sphere_and_gradient
from ..spheres.fit import SphereFit
from .bragg import LatticeModel
from .lattice_fit import LatticeFit
from .parameters import PARAMETERS
from .weighted_curve import bin_means


def structure_factor(sample: SampleIntensity, fit: SphereFit) -> StructureFactor:
    """S = (I - background) / (scale P), dims of `sample`; `fit` has one row per frame.

    Variances: counting of the frame. Shared: `background`, the solvent's counting, where the sample has it, and
    `form_factor`, the fitted sizes' covariance. Masked `weak` where S is not known to better than 1: minima of P,
    bins without counts.
    """
    q = sample.coord("q")
    shape = sample.values.shape
    particles = fit.particles(q).reshape(shape)
    values = (sample.values - fit.background.reshape(-1, *[1] * (len(shape) > 1))) / particles
    sigma = sample.sigma / particles
    shared = {"form_factor": (np.abs(values) * _relative_form_factor_sigma(q, fit).reshape(shape))}
    if "background" in sample.shared:
        shared["background"] = np.asarray(sample.shared["background"].values) / particles
    coords = {
        key: (c.dims, c.values) for key, c in sample.data.coords.items() if key in ("q", "time", "height", "scan")
    }
    out = StructureFactor.from_arrays(
        values, dims=sample.dims, coords=coords, sigma=None if sample.data.variances is None else sigma, shared=shared
    )
    out.data.masks["weak"] = sc.array(dims=list(sample.dims), values=_weak(sigma))
    return out


def _weak(sigma: FloatArray) -> npt.NDArray[np.bool_]:
    """Bins whose sigma of S is 1 or more, or 0 (nothing counted); none where no variances are known."""
    return np.asarray(~(sigma > 0.0) | (sigma >= 1.0)) & ~np.isnan(sigma).all()


def _relative_form_factor_sigma(q: FloatArray, fit: SphereFit) -> FloatArray:
    """Standard deviation of ln(scale P) (frame, q) that the covariance of scale, d, delta and skewness gives."""
    rows = []
    for theta, covariance in zip(fit.theta, fit.covariance + fit.shared_covariance, strict=True):
        p = np.array([sphere_and_gradient(x, theta[1], theta[2], theta[4]) for x in q])
        slopes = np.column_stack(
            [np.full(q.size, 1.0 / theta[0]), p[:, 1:3] / p[:, :1], np.zeros(q.size), p[:, 3] / p[:, 0]]
        )
        rows.append(np.sqrt(np.maximum(np.einsum("qi,ij,qj->q", slopes, covariance, slopes), 0.0)))
    return np.array(rows)


def fitted_structure_factor(fit: LatticeFit, q: FloatArray) -> FloatArray:
    """S(q) (q,) of the fitted grains and solution, without the smooth correction; 1 where there are no grains. As the fitted
    curve's bins show it."""
    p = fit.outcome.parameters[: len(PARAMETERS) + fit.model.textured]
    value, _ = LatticeModel(q, fit.lattice, fit.model.textured, np.zeros((q.size, 0)))(p)
    value = bin_means(q, value) if fit.curve.binned else value
    s = fit.solution
    return np.asarray((value - s.background) / (s.scale * skewed_form_factor(q, s.diameter, s.deviation, s.skewness)))


def spheres_of(fits: Sequence[LatticeFit], q: FloatArray) -> SphereFit:
    """The solution part of lattice fits as a SphereFit on the bins `q` (1/nm), one row per fit.

    Influence is zero on bins that a fit did not use. Covariances are widened as the fit's own sigmas.
    """
    size = len(fits[0].solution)
    theta = np.array([one.solution for one in fits])
    influence = np.zeros((len(fits), size, q.size))
    shared = np.zeros((len(fits), size, size))
    covariance = np.zeros_like(shared)
    for i, one in enumerate(fits):
        influence[i][:, np.searchsorted(q, one.curve.q)] = one.outcome.influence[:size]
        shared[i] = one.outcome.shared_covariance[:size, :size]
        covariance[i] = one.outcome.covariance[:size, :size] * one.widening**2 - shared[i]
    scale, diameter, deviation, background, skewness = (np.ascontiguousarray(column) for column in theta.T)
    return SphereFit(
        scale=scale,
        diameter=diameter,
        deviation=deviation,
        background=background,
        skewness=skewness,
        covariance=covariance,
        shared_covariance=shared,
        influence=influence,
        chi_squared=np.array([one.outcome.chi_squared for one in fits]),
        degrees_of_freedom=np.array([one.degrees_of_freedom for one in fits]),
        converged=np.array([one.outcome.converged for one in fits]),
        flags=tuple(_flags(one) for one in fits),
    )


def _flags(one: LatticeFit) -> tuple[str, ...]:
    return (() if one.outcome.converged else ("not converged",)) + (("poor fit",) if one.widening > 1.0 else ())
