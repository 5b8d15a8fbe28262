"""Weighted least squares whose weights follow the model (Fisher scoring), with bounds and Gaussian priors.

For counts this is the maximum-likelihood fit as soon as the weights are those of the fitted model; weights from
the counts themselves would pull it down at low counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .weighted_curve import WeightedCurve

STEPS = 120  # scale, smooth correction and sizes of the grains trade against each other in a long valley
TOLERANCE = 1e-4  # of chi-squared: a hundredth of a sigma
ROUGHLY = 0.01  # a tenth of a sigma: for fits that only choose, or that the next one changes anyway
HOPELESS = (1.5, 50.0)  # a start whose score exceeds 1.5 times the best one's + 50 after the race goes no further
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
    """Parameters (p,), covariance (p, p) in all (0 for held ones and those at a bound), the part of it that the shared
    solvent measurement gives; influence (p, q), d parameter / d intensity; model and variance (q,); chi-squared of the
    data, penalty of the priors, and the information matrix of the data."""

    parameters: FloatArray
    covariance: FloatArray
    shared_covariance: FloatArray
    influence: FloatArray
    model: FloatArray
    variance: FloatArray
    chi_squared: float
    prior_penalty: float
    information: FloatArray
    moved: npt.NDArray[np.bool_]
    converged: bool


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
        accepted = False
        while damping < 1e12 and not accepted:
            step = _step(gradient, curvature, free, damping)
            trial = np.clip(p + step, known.lower, known.upper)
            new_value, new_slopes = (curve.seen(one) for one in model(trial))
            gain = objective - _objective(curve, new_value, weight, trial, known)
            accepted = bool(np.isfinite(gain) and gain >= -1e-9 * abs(objective))
            damping = max(damping * 0.2, 1e-9) if accepted else damping * 8.0
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
    weight = 1.0 / variance
    _, curvature, free = _normal_equations(curve, value, slopes, weight, p, known)
    index = np.flatnonzero(free)
    scale = np.sqrt(np.diag(curvature)[index])
    inverse = np.linalg.pinv(curvature[np.ix_(index, index)] / np.outer(scale, scale), rcond=1e-12, hermitian=True)
    covariance, influence = np.zeros((p.size, p.size)), np.zeros((p.size, value.size))
    covariance[np.ix_(index, index)] = inverse / np.outer(scale, scale)
    influence[index] = covariance[np.ix_(index, index)] @ (slopes[:, index].T * weight)
    return FitOutcome(
        parameters=p,
        covariance=covariance,
        shared_covariance=(influence * curve.shared_variance) @ influence.T,
        influence=influence,
        model=value,
        variance=variance,
        chi_squared=float(np.sum((curve.intensity - value) ** 2 / variance)),
        prior_penalty=float(np.sum(known.prior_weight * (p - known.prior) ** 2)),
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


def hopeless(score: float, best: float) -> bool:
    """Whether a fit that has run some steps is too far behind the best one to be gone on with."""
    return score > HOPELESS[0] * best + HOPELESS[1]
