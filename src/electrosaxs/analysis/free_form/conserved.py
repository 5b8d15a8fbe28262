"""Size distributions of all heights of a scan together: a sealed cell keeps the particles of every size.

For each size the integral of its density over z is that of the starting solution times the gap,

    integral from 0 to L of p(d, z) dz = L p_start(d),

so all curves and that of the starting solution are inverted at once, tied by one linear sum per size. The integral's
weights are those of the profile integral (exponential boundary layer, each size with its own decay length), taken at
the distributions of the curves on their own. The frames of a scan have different times: a height that was measured
dt before the scan's mean counts with 1 + dt dln(phi)/dt. What the integral may miss (the other interpolation
rule, fronts lost between two heights, the drift of everything else) is the sum's sigma, alike for neighbouring sizes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...errors import FitError, ShapeError, bad_value
from ...nouns import FloatArray, SampleIntensity
from ..kinetics.profile_integral import enriched_steps, front_variances, integrate_panels, wall_to_wall
from .basis import TREND, SizeBasis
from .each_curve import FreeFormFit, Solution, gathered
from .inversion import Inversion, curves_of, design_matrix, invert, particles_seen
from .kernels import product
from .newton import Conservation, Misfit, Optimum, most_probable, prior_precision

INTEGRAL_UNCERTAINTY = 0.01
"""Relative (chosen): normalisation, alignment and gap between field-on and this scan, of every size alike."""
ALIKE = 0.3
"""Of ln d: sizes this far apart have errors of the integral of their own."""
ABSENT = 1e-3
"""Share of the largest density of the starting solution below which a size's sum says nothing by itself."""
TIME_UNCERTAINTY = 0.3
"""Relative, of the step to the scan's mean time: the rate is that of phi, not of the single size."""
TIES = 2
"""Joint inversions: the second with the weights of the first's profiles."""


@dataclass(frozen=True, eq=False)
class ConservedSizes:
    """fit: one row per height; start: the starting solution, one row. residual (node,): what is left of each size's sum
    over L p_start, sigma (node,): what it may be; NaN for sizes that the starting solution does not hold."""

    fit: FreeFormFit
    start: FreeFormFit
    residual: FloatArray
    sigma: FloatArray


@dataclass(frozen=True, eq=False)
class ScanGeometry:
    """Where and when: position (height,) ascending, um above the anode, at which each curve is read; gap (um); factor
    (height,) from what a curve shows to the mean over its footprint; time_step (height,) = (scan's mean time - own time) x
    dln(phi)/dt, 0 in a steady state."""

    position: FloatArray
    gap: float
    factor: FloatArray
    time_step: FloatArray


def conserved_sizes(
    sample: SampleIntensity, reference: SampleIntensity, basis: SizeBasis, geometry: ScanGeometry
) -> ConservedSizes:
    """Size distributions of the curves of one scan (frame = height) with the starting solution's curve (one frame).

    Raises ShapeError where curves and heights are not equally many, FitError where a curve shows no particles.
    """
    curves, start_curve = curves_of(sample), curves_of(reference)
    if len(curves) != geometry.position.size or len(start_curve) != 1 or len(curves) < 2:
        raise ShapeError(
            f"conserved sizes: {len(curves)} curves, {geometry.position.size} heights and {len(start_curve)} reference "
            "curves; give two or more curves, one per height, and one pooled reference"
        )
    every = [*curves, *start_curve]
    inversions = [invert(curve, basis) for curve in every]
    _refuse_empty(inversions)
    tau = float(np.median([i.misfit.tau for i in inversions]))  # the particles are the same in all curves
    inversions = [replace(i, misfit=replace(i.misfit, tau=tau)) for i in inversions]
    density = np.array([i.scale * i.optimum.x[0, :-1] for i in inversions])
    coefficients = np.array([i.optimum.coefficients[0] for i in inversions])
    misfits: list[Misfit] = [i.misfit for i in inversions]
    for _ in range(TIES):
        weight, sigma = _sums(density, geometry)
        tie = _tie(basis, weight, sigma, density[-1], np.array([i.scale for i in inversions]), geometry.gap)
        joint = most_probable(basis, misfits, coefficients, conservation=tie)
        coefficients = joint.coefficients
        density = np.array([i.scale for i in inversions])[:, None] * joint.x[:, :-1]
    solutions = _solutions(basis, inversions, joint)
    present = density[-1] > ABSENT * density[-1].max()
    total = np.where(present, geometry.gap * density[-1], np.nan)
    return ConservedSizes(
        fit=gathered(basis, curves, list(solutions[:-1])),
        start=gathered(basis, start_curve, list(solutions[-1:])),
        residual=np.sum(weight * density, axis=0) / total,
        sigma=np.where(present, sigma, np.nan),
    )


def _refuse_empty(inversions: list[Inversion]) -> None:
    for place, inversion in enumerate(inversions):
        if not particles_seen(inversion):
            raise bad_value(
                FitError,
                where="conserved sizes",
                field="curve",
                value=place if place < len(inversions) - 1 else "starting solution",
                rule="shows no particles, so that the sum over the cell is not known",
                remedy="leave the conservation out",
            )


def _sums(density: FloatArray, geometry: ScanGeometry) -> tuple[FloatArray, FloatArray]:
    """Weights (curve, node) of each size's sum, the last row the starting solution's -L; and its relative sigma (node,).

    A size that the starting solution does not hold takes the weights of the nearest size that it holds.
    """
    start, nodes = density[-1], density.shape[1]
    present = np.flatnonzero(start > ABSENT * start.max())
    moved = geometry.factor * (1.0 + geometry.time_step)
    weight, sigma, offset = np.zeros((density.shape[0], nodes)), np.zeros(nodes), np.zeros(nodes)
    for j in present:
        profile = moved * density[:-1, j] / start[j]
        weight[:-1, j], offset[j], sigma[j] = _integral_weight(profile, geometry)
        late = weight[:-1, j] * geometry.factor * geometry.time_step * density[:-1, j] / start[j]
        sigma[j] = np.hypot(sigma[j], TIME_UNCERTAINTY * float(np.sum(np.abs(late))) / geometry.gap)
    nearest = present[np.abs(np.arange(nodes)[:, None] - present).argmin(axis=1)]
    weight[:-1] = moved[:, None] * weight[:-1, nearest]
    weight[-1] = offset[nearest] - geometry.gap
    return weight, np.hypot(sigma[nearest], INTEGRAL_UNCERTAINTY)


def _integral_weight(profile: FloatArray, geometry: ScanGeometry) -> tuple[FloatArray, float, float]:
    """(w, w0, sigma): the integral (um) of `profile` (height,), in units of the start, is w @ profile + w0; sigma relative."""
    panels = wall_to_wall(geometry.position, geometry.gap, enriched_steps(profile, 1.0), 1.0)
    parts = integrate_panels(profile, panels)
    other = integrate_panels(profile, panels.other_rule())
    fronts = float(np.sum(front_variances(profile, panels)))
    total = float(np.sum(parts.value))
    weight = panels.onto_heights(parts.by_lower, parts.by_upper) + panels.bend.sum(axis=0)
    missed = float(np.hypot(total - np.sum(other.value), np.sqrt(fronts)))
    return weight, total - float(weight @ profile), missed / geometry.gap


def _tie(
    basis: SizeBasis, weight: FloatArray, sigma: FloatArray, start: FloatArray, scale: FloatArray, gap: float
) -> Conservation:
    """The sums in the units of the inversions; sigma gap start for each size, correlated over ALIKE of ln d."""
    unit = gap * float(start.max())
    error = sigma * np.maximum(start / start.max(), ABSENT)
    log_d = np.log(basis.diameter)
    alike = np.exp(-0.5 * np.square((log_d[:, None] - log_d) / ALIKE))
    covariance = np.outer(error, error) * (0.99 * alike + 0.01 * np.eye(log_d.size))
    return Conservation(weight * scale[:, None] / unit, np.linalg.inv(np.linalg.cholesky(covariance)))


def _solutions(basis: SizeBasis, inversions: list[Inversion], joint: Optimum) -> list[Solution]:
    """Each curve's part of the joint posterior; influence: of an error that all curves share."""
    design = design_matrix(basis)
    size = joint.coefficients.shape[1]
    unit = 1.0 / np.sqrt(np.diag(joint.hessian))  # coefficients differ by many orders in how well they are known
    inverse = unit[:, None] * np.linalg.inv(joint.hessian * np.outer(unit, unit)) * unit
    alike = _alike_priors(basis, inversions)
    covariance = inverse + inverse @ alike @ inverse
    # an error dy of all curves is dy / scale in the units of each inversion
    pull = np.concatenate(
        [
            product(j.T, (design * i.weight[:, None]).T) / i.scale
            for i, j in zip(inversions, joint.jacobian, strict=True)
        ]
    )
    response = inverse @ pull
    solutions = []
    for k, (inversion, j) in enumerate(zip(inversions, joint.jacobian, strict=True)):
        part = slice(k * size, (k + 1) * size)
        posterior = product(j, product(covariance[part, part], j.T))
        # the spread over the roughness shrinks with what the tie adds to the curve's own knowledge
        shrink = np.sqrt(np.minimum(np.diag(posterior) / np.maximum(np.diag(inversion.counting), 1e-300), 1.0))
        spread = (inversion.covariance - inversion.counting) * np.outer(shrink, shrink)
        information = product(j.T, product(inversion.misfit.fisher, j))
        own_pull = product(j.T, (design * inversion.weight[:, None]).T)
        influence = product(j[:-1], product(inverse[part, part], own_pull))
        shared = product(j[:-1], response[part]) * inversion.scale
        freedom = float(np.trace(inverse[part, part] @ information))
        solutions.append(Solution(inversion, joint.x[k], posterior + spread, influence, shared, freedom))
    return solutions


def _alike_priors(basis: SizeBasis, inversions: list[Inversion]) -> FloatArray:
    """Precision 1 / (tau tau') between the modes of different curves, over all coefficients.

    What regularisation smooths away is the same in all curves, because the particles are: their errors from it do not
    average out in the sum over the cell. With the truth's modes equal in all curves the optimum scatters by
    H^-1 (H + this) H^-1 about it.
    """
    modes = basis.modes.shape[1]
    roots = np.array([np.sqrt(prior_precision(i.misfit.tau, modes)) for i in inversions])
    roots[:, :TREND] = 0.0
    pairs = np.einsum("am,bm->abm", roots, roots)
    pairs[np.arange(len(roots)), np.arange(len(roots))] = 0.0
    return np.asarray(np.einsum("abm,mn->ambn", pairs, np.eye(modes + 1)).reshape([len(roots) * (modes + 1)] * 2))
