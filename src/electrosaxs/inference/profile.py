"""Profile likelihoods: chi-squared along one parameter with all others at their best, where it is not a parabola."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from ..errors import ConvergenceError, ElectrosaxsError
from ..nouns import FloatArray
from .fit import CellFit
from .minimise import Minimum, minimise
from .parameters import REACH
from .problem import Problem

MOST_STRETCHES = 4
"""How often a side is followed twice as far where chi-squared has not risen by 1."""
PARABOLA = 0.15
"""Largest departure from a parabola, as a share of the sigma that one level of chi-squared gives, that still counts as one."""


@dataclass(frozen=True, eq=False)
class Profile:
    """values (point,) of the parameter, ascending, and rise (point,) of chi-squared over its least, widening divided out.

    low, high: where it has risen by 1 (68 %), None where the data set no limit on that side. parabolic: the interval is
    that of the covariance.
    """

    label: str
    unit: str
    best: float
    sigma: float
    values: FloatArray
    rise: FloatArray
    low: float | None
    high: float | None
    parabolic: bool

    def curve(self, points: int = 120) -> tuple[FloatArray, FloatArray]:
        """A smooth line through the points: values and rise, (point,). Its root is monotone on either side."""
        from scipy.interpolate import PchipInterpolator

        side = np.where(self.values < self.best, -1.0, 1.0)
        through = PchipInterpolator(self.values, side * np.sqrt(self.rise))
        fine = np.linspace(self.values[0], self.values[-1], points)
        return fine, np.square(through(fine))


def profile(fit: CellFit, label: str) -> Profile:
    """The profile likelihood of a free parameter of a fit.

    Points where the other parameters find no minimum are left out; raises ConvergenceError where too few are left.
    """
    k = fit.problem.layout.index(label)
    parameter = fit.problem.layout.free[k].parameter
    sigma = float(np.sqrt(fit.covariance[k, k])) / fit.widening
    low, high = (float(limit[k]) for limit in fit.problem.layout.limits())
    unit = sigma if sigma > 0.0 else 4.0 * parameter.step
    best = float(fit.x[k])
    points = {best: 0.0}
    for side in (-1.0, 1.0):
        _follow(fit, k, best, side, unit, (low, high), points)
    places = np.array(sorted(points))
    rise = np.array([points[place] for place in places]) / fit.widening**2
    if places.size < 3:
        raise ConvergenceError(
            f"fit: the profile of {label} has no second point; fix a parameter that the data do not know"
        )
    ends = [_crossing(places, rise, best, side) for side in (-1.0, 1.0)]
    wide = fit.widening * sigma
    parabolic = sigma > 0.0 and all(end is not None and abs(abs(end - best) / wide - 1.0) < PARABOLA for end in ends)
    values = np.array([parameter.value(place) for place in places])
    intervals = [None if end is None else parameter.value(end) for end in ends]
    return Profile(
        label,
        parameter.unit,
        parameter.value(best),
        fit.sigma(label),
        values,
        rise,
        intervals[0],
        intervals[1],
        parabolic,
    )


def _follow(
    fit: CellFit, k: int, best: float, side: float, unit: float, limits: tuple[float, float], points: dict[float, float]
) -> None:
    """Add points 1 and 2 sigma away on one side, and further ones until chi-squared has risen by 1 or a limit is met."""
    away, at = 1.0, fit.minimum
    for _ in range(2 + MOST_STRETCHES):
        place = float(np.clip(best + side * away * unit, *limits))
        if place in points:
            return
        try:
            at = _best_beside(fit, k, place, at)
        except ElectrosaxsError:  # no minimum there, or not physical any more: a limit
            return
        rise = at.chi_squared - fit.chi_squared
        points[place] = max(rise, 0.0)
        if away >= 2.0 and rise > fit.widening**2:
            return
        away *= 2.0


def _best_beside(fit: CellFit, k: int, place: float, near: Minimum) -> Minimum:
    """The minimum with parameter k held at `place`, from a neighbouring one on, with x and derivatives of all parameters."""
    problem, others = fit.problem, np.arange(fit.x.size) != k
    guess = near.x[others] + _drag(fit, k, others) * (place - near.x[k])

    def whole(x: FloatArray) -> FloatArray:
        full = np.empty(others.size)
        full[others], full[k] = x, place
        return full

    low, high = (limit[others] for limit in problem.layout.limits())
    held = _without(problem, k)
    found = minimise(
        lambda x: problem.residual(whole(x)), lambda x: held.jacobian(whole(x))[:, others],
        np.clip(guess, low, high), low, high, REACH * problem.layout.steps()[others],
        slopes=near.jacobian[:, others], certain=False,
    )  # fmt: skip
    slopes = np.zeros((found.residual.size, others.size))
    slopes[:, others] = found.jacobian
    return replace(found, x=whole(found.x), jacobian=slopes)


def _drag(fit: CellFit, k: int, others: np.ndarray) -> FloatArray:
    """How the best values of the others move with parameter k: covariance over variance."""
    variance = fit.covariance[k, k]
    return np.asarray(fit.covariance[others, k] / variance) if variance > 0.0 else np.zeros(int(others.sum()))


def _without(problem: Problem, k: int) -> Problem:
    """The problem whose derivative for parameter k is not computed."""
    return replace(problem, still=(*problem.still, k))


def _crossing(places: FloatArray, rise: FloatArray, best: float, side: float) -> float | None:
    """Where the rise reaches 1 on one side of the minimum."""
    from scipy.interpolate import PchipInterpolator

    here = places >= best if side > 0 else places <= best
    distance, level = np.abs(places[here] - best), np.sqrt(rise[here])
    order = np.argsort(distance)
    distance, level = distance[order], level[order]
    if level.size < 2 or level.max() < 1.0:
        return None
    last = int(np.argmax(level >= 1.0))
    curve = PchipInterpolator(distance[: last + 2], level[: last + 2])
    return best + side * float(brentq(lambda x: float(curve(x)) - 1.0, distance[last - 1], distance[last]))
