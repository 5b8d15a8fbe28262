"""Weighted least squares whose weights follow the model (Fisher scoring), with bounds and Gaussian priors.

For counts this is the maximum-likelihood fit as soon as the weights are those of the fitted model; weights from
the counts themselves would pull it down at low counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .weighted_curve import WeightedCurve

STEPS = 120  # scale, smooth correction and sizes of the grains trade against each other in a long valley
TOLERANCE = 1e-4  # of chi-squared: a hundredth of a sigma
ROUGHLY = 0.01  # a tenth of a sigma: for fits that only choose, or that the next one changes anyway
HOPELESS = (1.5, 50.0)  # a start whose score exceeds 1.5 times the best one's + 50 after the race goes no further
LOST = (1.1, 50.0)  # the same after as many steps as most fits need
Model = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


class Limit(NamedTuple):
    """Bounds of a parameter, and mean and standard deviation of its Gaussian prior (infinite: none)."""

    lower: float = -np.inf
    upper: float = np.inf
    mean: float = 0.0
    sd: float = np.inf


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What is known of each parameter before the fit, arrays (p,): start, bounds, prior mean and weight 1/sd^2 (0:
    none), and whether it may move."""

    start: FloatArray
    lower: FloatArray
    upper: FloatArray
    prior: FloatArray
    prior_weight: FloatArray
    free: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, start: FloatArray, limits: Sequence[Limit], *, held: Sequence[int] = ()) -> Knowledge:
        """From one limit for each parameter, and the places of those that do not move."""
        free = np.ones(start.size, dtype=bool)
        free[list(held)] = False
        lower, upper, mean = (np.array([getattr(one, name) for one in limits]) for name in ("lower", "upper", "mean"))
        return cls(start, lower, upper, mean, np.array([one.sd**-2 for one in limits]), free)


@dataclass(frozen=True, eq=False)
class FitOutcome:
    """Parameters (p,); model, its variance and that of the shared solvent measurement (q,), slopes of the model (q, p);
    chi-squared of the data, penalty of the priors, curvature (p, p) of both, the information matrix of the data, and which
    parameters moved: neither held nor at a bound. What is wanted of few fits is worked out where it is asked for."""

    parameters: FloatArray
    model: FloatArray
    slopes: FloatArray
    variance: FloatArray
    shared_variance: FloatArray
    chi_squared: float
    prior_penalty: float
    curvature: FloatArray
    information: FloatArray
    moved: npt.NDArray[np.bool_]
    converged: bool

    @cached_property
    def covariance(self) -> FloatArray:
        """(p, p), 0 for parameters that did not move."""
        index = np.flatnonzero(self.moved)
        scale = np.sqrt(np.diag(self.curvature)[index])
        matrix = self.curvature[np.ix_(index, index)] / np.outer(scale, scale)
        covariance = np.zeros_like(self.curvature)
        inverse = np.linalg.pinv(matrix, rcond=1e-12, hermitian=True)
        covariance[np.ix_(index, index)] = inverse / np.outer(scale, scale)
        return covariance

    @cached_property
    def influence(self) -> FloatArray:
        """(p, q): d parameter / d intensity."""
        return np.asarray(self.covariance @ (self.slopes.T / self.variance))

    @cached_property
    def shared_covariance(self) -> FloatArray:
        """The part of the covariance (p, p) that the shared solvent measurement gives."""
        return np.asarray((self.influence * self.shared_variance) @ self.influence.T)


def fit(
    curve: WeightedCurve,
    model: Model,
    known: Knowledge,
    *,
    steps: int = STEPS,
    robust: float = 0.0,
    tolerance: float = TOLERANCE,
) -> FitOutcome:
    """Levenberg-Marquardt on sum (I - M)^2 / variance(M) + priors; `model(p)` returns M (q,) and dM/dp (q, p).

    Every accepted step renews the variance. Converged: the last one, hardly damped, moved chi-squared by less than `tolerance`;
    where that is not so after `steps`, the outcome says it and its numbers are no answer, only a place to go on from.
    `robust` above 0 gives a bin that is z sigma off the weight
    1 / (1 + (z / robust)^2), for a start that peaks shall not pull.
    """
    p, damping = known.start.copy(), 1e-3
    value, slopes = (curve.seen(one) for one in model(p))
    converged = False
    for _ in range(steps):
        weight = _weights(curve, value, robust)
        gradient, curvature, free = _normal_equations(curve, value, slopes, weight, p, known)
        objective = _objective(curve, value, weight, p, known)
        accepted, easy = False, 0.2
        while damping < 1e12 and not accepted:
            step = _step(gradient, curvature, free, damping)
            trial = np.clip(p + step, known.lower, known.upper)
            new_value, new_slopes = (curve.seen(one) for one in model(trial))
            gain = objective - _objective(curve, new_value, weight, trial, known)
            accepted = bool(np.isfinite(gain) and gain >= -1e-9 * abs(objective))
            damping = max(damping * easy, 1e-9) if accepted else damping * 8.0
            easy = 1.0  # a step that had to be shortened is no reason to take a longer one next
        if not accepted:
            break
        small = float(np.sum((trial - p) * (curvature @ (trial - p)))) < tolerance
        p, value, slopes = trial, new_value, new_slopes
        if small and damping < 1.0:
            converged = True
            break
    return _outcome(curve, value, slopes, p, known, converged)


def _weights(curve: WeightedCurve, value: FloatArray, robust: float) -> FloatArray:
    variance = curve.variance(value)
    if robust <= 0.0:
        return 1.0 / variance
    return 1.0 / (variance + (curve.intensity - value) ** 2 / robust**2)


def _objective(curve: WeightedCurve, value: FloatArray, weight: FloatArray, p: FloatArray, known: Knowledge) -> float:
    return float(np.sum(weight * (curve.intensity - value) ** 2) + np.sum(known.prior_weight * (p - known.prior) ** 2))


def _normal_equations(
    curve: WeightedCurve, value: FloatArray, slopes: FloatArray, weight: FloatArray, p: FloatArray, known: Knowledge
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Gradient, curvature and the parameters that may move: free and not pressed against a bound."""
    gradient = slopes.T @ (weight * (curve.intensity - value)) + known.prior_weight * (known.prior - p)
    curvature = slopes.T @ (weight[:, None] * slopes) + np.diag(known.prior_weight)
    pressed = ((p <= known.lower) & (gradient < 0.0)) | ((p >= known.upper) & (gradient > 0.0))
    return gradient, curvature, known.free & ~pressed & (np.diag(curvature) > 0.0)


def _step(gradient: FloatArray, curvature: FloatArray, free: npt.NDArray[np.bool_], damping: float) -> FloatArray:
    index = np.flatnonzero(free)
    scale = np.sqrt(np.diag(curvature)[index])
    matrix = curvature[np.ix_(index, index)] / np.outer(scale, scale) + damping * np.eye(index.size)
    step = np.zeros_like(gradient)
    step[index] = np.linalg.solve(matrix, gradient[index] / scale) / scale  # damping keeps the matrix regular
    return step


def _outcome(
    curve: WeightedCurve, value: FloatArray, slopes: FloatArray, p: FloatArray, known: Knowledge, converged: bool
) -> FitOutcome:
    variance = curve.variance(value)
    _, curvature, free = _normal_equations(curve, value, slopes, 1.0 / variance, p, known)
    return FitOutcome(
        parameters=p,
        model=value,
        slopes=slopes,
        variance=variance,
        shared_variance=curve.shared_variance,
        chi_squared=float(np.sum((curve.intensity - value) ** 2 / variance)),
        prior_penalty=float(np.sum(known.prior_weight * (p - known.prior) ** 2)),
        curvature=curvature,
        information=curvature - np.diag(known.prior_weight),
        moved=free,
        converged=converged,
    )


def local_excess(curve: WeightedCurve, outcome: FitOutcome) -> FloatArray:
    """Factor (q,) by which the variance must grow for the residuals of a fit to be as large as expected, at least 1.

    Squared residuals in sigma, averaged over a window of a tenth of the curve and corrected for the fitted parameters.
    """
    squares = (curve.intensity - outcome.model) ** 2 / outcome.variance
    half = max(squares.size // 20, 8)
    window = np.full(2 * half + 1, 1.0 / (2 * half + 1))
    level = np.convolve(np.pad(squares, half, mode="reflect"), window, mode="valid")
    level *= squares.size / max(squares.size - int(outcome.moved.sum()), 1)
    smooth = np.convolve(np.pad(level, half, mode="edge"), window, mode="valid")
    return np.asarray(np.maximum(smooth, 1.0) * curve.excess)


def score(outcome: FitOutcome, known: Knowledge) -> float:
    """Chi-squared + priors + what the freedom costs: twice the negative logarithm of the evidence but for a constant.

    ln n for each parameter without prior (Schwarz 1978), ln det(1 + sd information sd) for those with one.
    """
    constrained = known.prior_weight > 0.0
    index = np.flatnonzero(constrained & known.free)
    spread = 1.0 / np.sqrt(known.prior_weight[index])
    matrix = np.eye(index.size) + outcome.information[np.ix_(index, index)] * np.outer(spread, spread)
    cost = int(np.sum(known.free & ~constrained)) * np.log(outcome.model.size) + np.linalg.slogdet(matrix)[1]
    return float(outcome.chi_squared + outcome.prior_penalty + cost)


def hopeless(score: float, best: float, margin: tuple[float, float] = HOPELESS) -> bool:
    """Whether a fit that has run some steps is too far behind the best one to be gone on with."""
    return score > margin[0] * best + margin[1]
