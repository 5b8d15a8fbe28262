"""One curve turned into a size distribution: weights, start, the roughness of largest evidence.

The amplitude tau of the departure from a normal distribution is that of the largest evidence p(curve | tau) in
Laplace's approximation (MacKay, Neural Comput. 4, 415 (1992)); weights are the model's Poisson variances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.special import chdtrc

from ...errors import ConvergenceError, bad_value
from ...nouns import FloatArray, SampleIntensity
from ..spheres.fit import BinNoise, bin_noise
from .basis import TREND, SizeBasis
from .kernels import product, solve_positive, weighted_square
from .newton import Misfit, Optimum, most_probable, prior_precision

BoolArray = npt.NDArray[np.bool_]
ROUGHNESS = (4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.03)
"""tau tried, in this order; a search stops once the evidence has fallen by SURELY_WORSE from its best."""
SURELY_WORSE = 20.0
REWEIGHTINGS = 3
START_SMOOTHING = (9.0, 9e2, 9e4, 9e6)
"""Weights tried for the squared second differences of the non-negative start, in units of chi-squared."""
ROUNDING = 1e-12
START_FLOOR = 1e-3
FALSE_ALARM = 1e-4
"""Particles count as seen when noise and a flat background would fit that much worse once in 10,000 curves."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve ready to invert: y, variance of a model (q,) -> (q,), bins used, solvent variance, and its scale."""

    y: FloatArray
    variance: Callable[[FloatArray], FloatArray]
    used: BoolArray
    solvent_variance: FloatArray
    unknown: bool


def curves_of(sample: SampleIntensity) -> list[Curve]:
    """The frames of `sample`, each with its noise model."""
    noise = bin_noise(sample)
    used = noise.used

    def one(f: int) -> Curve:
        row = slice(f, f + 1)
        own = BinNoise(noise.q, noise.intensity[row], noise.fixed[row], noise.per_count[row], noise.solvent,
                       noise.solvent_variance[row], noise.unknown)  # fmt: skip
        return Curve(
            np.where(used[f], noise.intensity[f], 0.0), lambda model: own.variance(model[None])[0], used[f],
            np.where(used[f], noise.solvent_variance[f], 0.0), noise.unknown,
        )  # fmt: skip

    return [one(f) for f in range(len(used))]


@dataclass(frozen=True, eq=False)
class Inversion:
    """One inverted curve, in units of `scale` (intensity); weight (q,) = 1 / variance in that unit, 0 where unused.

    rivals (rival, node + 1), rival_share (rival,): solutions of other roughness and their share of the probability.
    """

    optimum: Optimum
    misfit: Misfit
    weight: FloatArray
    scale: float
    rivals: FloatArray
    rival_share: FloatArray

    @property
    def freedom(self) -> float:
        """Parameters that the curve fixes: trace of H^-1 (H - P)."""
        hessian, j = self.optimum.hessian, self.optimum.jacobian[0]
        return float(np.trace(solve_positive(hessian, product(j.T, product(self.misfit.fisher, j)))[0]))

    @property
    def covariance(self) -> FloatArray:
        """(node + 1, node + 1): the posterior's, and the spread of the solutions over the roughness."""
        apart = self.rivals - self.optimum.x[0]
        return self.counting + np.einsum("r,ri,rj->ij", self.rival_share, apart, apart)

    @property
    def counting(self) -> FloatArray:
        """J H^-1 J' (node + 1, node + 1), at the roughness taken."""
        j = self.optimum.jacobian[0]
        return np.asarray(product(j, solve_positive(self.optimum.hessian, np.ascontiguousarray(j.T))[0]))


def design_matrix(basis: SizeBasis) -> FloatArray:
    """(q, node + 1): spheres, scaled so that a density of order one gives an intensity of order one, and a constant."""
    return np.column_stack([basis.matrix / unit_density(basis), np.ones(basis.q.size)])


def unit_density(basis: SizeBasis) -> float:
    """Intensity at the lowest q of a density of one at the middle node: the unit in which densities are inverted."""
    return float(basis.matrix[0, basis.diameter.size // 2])


def invert(curve: Curve, basis: SizeBasis) -> Inversion:
    """The distribution of one curve with the most evident roughness. Raises ConvergenceError."""
    design = design_matrix(basis)
    scale = float(np.quantile(np.abs(curve.y[curve.used]), 0.98))
    y, factor = curve.y / scale, 1.0
    model = np.maximum(y, 0.0)
    tried: tuple[float, ...] = ROUGHNESS
    best = None
    for _ in range(REWEIGHTINGS):
        variance = (factor * curve.variance(model * scale) + curve.solvent_variance) / scale**2
        weight = np.where(curve.used, 1.0 / variance, 0.0)
        start = _start(basis, design, y, weight) if best is None else best.optimum.coefficients
        best = _most_evident(basis, design, y, weight, start, tried, scale)
        model = design @ best.optimum.x[0]
        place = ROUGHNESS.index(best.misfit.tau)
        tried = ROUGHNESS[max(place - 1, 0) : place + 2]
        if curve.unknown:
            left = max(float(curve.used.sum()) - best.freedom, 1.0)
            factor *= best.misfit.chi_squared(best.optimum.x[0]) / left
    assert best is not None
    return best


def _start(basis: SizeBasis, design: FloatArray, y: FloatArray, weight: FloatArray) -> FloatArray:
    """Coefficients (1, mode + 1) near a smooth non-negative least-squares solution."""
    nodes = basis.diameter.size
    solved = _non_negative(Misfit.of(design, y, weight), nodes)
    density, background = solved[:nodes], solved[nodes] - solved[nodes + 1]
    top = float(density.max())
    density = np.maximum(density, START_FLOOR * top if top > 0.0 else START_FLOOR)
    s, share = np.log(density / basis.volume), np.sqrt(density / density.max())
    weighted = share[:, None] * basis.modes
    ridge = np.diag(0.01 * prior_precision(1.0, basis.modes.shape[1])[:-1] + 1e-9)
    normal = weighted_square(basis.modes, share**2) + ridge
    fitted = solve_positive(normal, (weighted.T @ (share * s))[:, None])[0][:, 0]
    return np.append(fitted, background)[None]


def _non_negative(misfit: Misfit, nodes: int) -> FloatArray:
    """Smooth non-negative density (node), and the background as a difference of two non-negative numbers.

    The smoothing grows where a very bright curve leaves the active set no end. Raises ConvergenceError.
    """
    bend = np.diff(np.eye(nodes + 2), 2, axis=0)[:, 1:-1]
    for smoothing in START_SMOOTHING:
        normal = misfit.fisher + np.diag(ROUNDING * np.diag(misfit.fisher))
        normal[:nodes, :nodes] += smoothing * bend.T @ bend
        root = np.linalg.cholesky(normal)
        both_signs = np.column_stack([root.T, -root.T[:, -1]])
        try:
            return np.asarray(nnls(both_signs, np.linalg.solve(root, misfit.score))[0])
        except RuntimeError:  # scipy: too many exchanges between zero and positive
            continue
    raise bad_value(
        ConvergenceError,
        where="free-form sizes",
        field="smoothing of the start",
        value=START_SMOOTHING[-1],
        rule="no non-negative distribution was found near the curve",
        remedy="leave out bins that are not scattering of spheres",
    )


def _most_evident(
    basis: SizeBasis,
    design: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    start: FloatArray,
    roughness: tuple[float, ...],
    scale: float,
) -> Inversion:
    """The roughness of largest evidence: ln p = -value - ln det H / 2 + ln det P / 2."""
    plain = Misfit.of(design, y, weight)
    found: list[tuple[float, float, Optimum]] = []
    for tau in roughness:
        misfit = Misfit(plain.fisher, plain.score, plain.square, tau)
        optimum = most_probable(basis, [misfit], start)
        process = prior_precision(tau, start.shape[1] - 1)[TREND:-1]
        log_det = solve_positive(optimum.hessian, start.T)[1]
        evidence = -optimum.value - 0.5 * log_det + 0.5 * float(np.sum(np.log(process)))
        found.append((evidence, tau, optimum))
        start = optimum.coefficients
        if evidence < max(e for e, _, _ in found) - SURELY_WORSE:
            break
    evidence, tau, optimum = max(found, key=lambda one: one[0])
    share = np.exp(np.array([e for e, _, _ in found]) - evidence)
    rivals = np.array([o.x[0] for _, _, o in found])
    misfit = Misfit(plain.fisher, plain.score, plain.square, tau)
    return Inversion(optimum, misfit, weight, scale, rivals, share / share.sum())


def particles_seen(inversion: Inversion) -> bool:
    """Whether a flat background alone is refuted: chi-squared difference against the parameters that the curve fixes."""
    f, g, square = inversion.misfit.fisher[-1, -1], inversion.misfit.score[-1], inversion.misfit.square
    gain = square - g * g / f - inversion.misfit.chi_squared(inversion.optimum.x[0])
    return bool(chdtrc(max(inversion.freedom - 1.0, 1.0), max(gain, 0.0)) < FALSE_ALARM)
