"""What a minimum of chi-squared says about the parameters: covariance, and which of them nothing is known of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import FitError
from ..nouns import FloatArray
from .minimise import Minimum
from .problem import Problem

NUMERICAL = 2e-5
"""What the numerics leave uncertain of each shared parameter (relative; of an exponent: absolute) once their error at the
minimum is taken off; with it in, charge would be 1.5e-4 and D 1e-4 off (benchmarks/transport_fit.py)."""
MISFIT_SIGMAS = 3.0
"""chi-squared per degree of freedom above 1 by this many of its own deviations is a misfit and widens every sigma."""
BEYOND = 4.0
"""Steps from a limit at which it is asked what a parameter held there would do: 4 s of an attachment time."""


def covariance_at(problem: Problem, minimum: Minimum) -> tuple[FloatArray, float, npt.NDArray[np.bool_]]:
    """Covariance (free, free), the factor by which misfit has widened its sigmas, and what the data do not see (free,).

    The inverse of the Fisher information; 0 for parameters held by a limit or not seen. A square root held at 0, as an
    attachment time, still counts in the others' sigma as if it were free: that it is 0 is not known, only that it is not
    negative. A step that derivatives promise and that lowers nothing counts as an error of its own size. FitError where a
    shared parameter changes nothing anywhere.
    """
    unseen = _unseen(problem, minimum)
    ends = minimum.at_limit & _starts_at_zero(problem, minimum)
    moving = ~(minimum.at_limit | unseen)
    counted = np.flatnonzero(moving | ends)
    slopes = np.array(minimum.jacobian)
    for k in np.flatnonzero(ends):
        slopes[:, k] = _beyond(problem, minimum, int(k))
    counted = counted[np.linalg.norm(slopes[:, counted], axis=0) > 0.0]
    whole = np.zeros((moving.size, moving.size))
    whole[np.ix_(counted, counted)] = inverse_information(slopes[:, counted])
    covariance = np.where(np.outer(moving, moving), whole, 0.0)
    freedom = minimum.residual.size - int(np.sum(~unseen))
    reduced = minimum.chi_squared / freedom
    widening = float(np.sqrt(reduced)) if reduced > 1.0 + MISFIT_SIGMAS * np.sqrt(2.0 / freedom) else 1.0
    promised = np.where(moving, 0.0 if minimum.promised is None else minimum.promised, 0.0)
    covariance = widening**2 * covariance + np.outer(promised, promised)
    shared = np.array([item.run is None and item.parameter.scale != "root" for item in problem.layout.free])
    return covariance + np.diag(NUMERICAL**2 * (shared & moving)), widening, unseen


def inverse_information(slopes: FloatArray) -> FloatArray:
    """(J^T J)^-1 through the singular values of J with columns of unit length, so that no unit matters."""
    length = np.linalg.norm(slopes, axis=0)
    _, strength, directions = np.linalg.svd(slopes / length, full_matrices=False)
    half = directions.T / np.maximum(strength, 1e-12 * strength[0]) / length[:, None]
    return np.asarray(half @ half.T)


def _starts_at_zero(problem: Problem, minimum: Minimum) -> npt.NDArray[np.bool_]:
    """Coordinates that are square roots and lie at 0, where their derivative vanishes though the value's does not."""
    roots = np.array([item.parameter.scale == "root" for item in problem.layout.free])
    return roots & (minimum.x <= problem.layout.limits()[0])


def _beyond(problem: Problem, minimum: Minimum, k: int) -> FloatArray:
    """What moving coordinate k off its limit does to the residuals, in any unit."""
    moved = np.array(minimum.x)
    moved[k] += BEYOND * problem.layout.steps()[k]
    return problem.residual(moved) - minimum.residual


def _unseen(problem: Problem, minimum: Minimum) -> npt.NDArray[np.bool_]:
    """Parameters of one run that change nothing there; FitError where a shared one changes nothing anywhere."""
    still = np.linalg.norm(minimum.jacobian, axis=0) == 0.0
    for item, nothing in zip(problem.layout.free, still, strict=True):
        if nothing and item.run is None:
            raise FitError(f"fit: {item.label} changes nothing that was measured; fix it, or choose a model without it")
    return still
