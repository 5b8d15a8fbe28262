"""Least squares within limits: Levenberg-Marquardt with frozen limits, stopped by what is left to gain in chi-squared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConvergenceError, ElectrosaxsError, bad_value
from ..nouns import FloatArray

GAIN_LEFT = 1e-3
"""Converged where a full step would lower chi-squared by less: within 0.03 sigma of the minimum. Where the model misfits,
sigma is wider and so is this: it counts in units of chi-squared per value."""
GAIN_TOLERATED = 0.04
"""Where no step lowers chi-squared any more, this much may be left (0.2 sigma): the onset of crystals falls into one step
of the integrator or into the next, and chi-squared is rough by some hundredths."""
GAIN_STUCK = 0.25
"""Where no step at all lowers it, this much (0.5 sigma): weak data and an onset near the end of a scan make it rougher."""
KEPT = 0.2
"""Share of the promised gain that a step must bring for the next one to be worth while below GAIN_TOLERATED."""
MOST_ITERATIONS = 60
PATIENCE = 6
"""Iterations after which a minimum that promises to stay above `hopeless` is given up."""
MOST_TRIES = 14
FIRST_DAMPING = 1e-3
AT_LIMIT = 1e-4
"""Nearer to a limit than this share of the largest step is at the limit."""


class NotMinimal(ConvergenceError):
    """The minimum was not reached; `least` is the smallest chi-squared that was found."""

    least: float = np.inf
    beyond: float = -np.inf


Residual = Callable[[FloatArray], FloatArray]
Jacobian = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Minimum:
    """x (free,), residual (value,) and jacobian (value, free) there; at_limit (free,): held by a limit; beyond: the largest
    chi-squared that a full step promised after PATIENCE iterations: with a `hopeless` below it, it would have been given up."""

    x: FloatArray
    residual: FloatArray
    jacobian: FloatArray
    at_limit: npt.NDArray[np.bool_]
    iterations: int
    beyond: float = -np.inf

    @property
    def chi_squared(self) -> float:
        return float(self.residual @ self.residual)


def minimise(
    residual: Residual,
    jacobian: Jacobian,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    reach: FloatArray,
    *,
    rough: float = 0.0,
    hopeless: float = np.inf,
) -> Minimum:
    """The x within [low, high] with the least sum of squares of residual(x); reach: largest change in one step.

    rough: share of chi-squared that may be left to gain. hopeless: chi-squared above which a minimum is of no interest.
    A try at which `residual` raises ElectrosaxsError counts as worse. Raises NotMinimal where the minimum is not
    reached, and what `residual` raises at the start.
    """
    x = _within(np.asarray(start, dtype=np.float64), low, high, reach)
    r = residual(x)
    damping, promised, came, beyond = FIRST_DAMPING, 0.0, np.inf, -np.inf
    for iteration in range(1, MOST_ITERATIONS + 1):
        try:
            slopes = jacobian(x)
        except ElectrosaxsError as error:
            raise _not_converged(r, f"ends next to what is not physical: {error}", beyond) from None
        gradient, normal = slopes.T @ r, slopes.T @ slopes
        frozen = ((x <= low) & (gradient > 0.0)) | ((x >= high) & (gradient < 0.0))
        gain = _gain(gradient, normal, ~frozen)
        unit = max(1.0, float(r @ r) / r.size)
        if gain < max(GAIN_LEFT * unit, rough * float(r @ r)) or (
            gain < GAIN_TOLERATED * unit and came < KEPT * promised
        ):
            return Minimum(x, r, slopes, frozen, iteration, beyond)
        if iteration > PATIENCE:
            beyond = max(beyond, float(r @ r) - gain)
        if beyond > hopeless:
            raise _not_converged(
                r,
                f"is given up after {iteration} iterations: a full step would leave {float(r @ r) - gain:.3g}",
                beyond,
            )
        better = _better(residual, x, r, gradient, normal, ~frozen, damping, low, high, reach)
        if better is None:
            if gain < GAIN_STUCK * unit:
                return Minimum(x, r, slopes, frozen, iteration, beyond)
            raise _not_converged(r, f"could still fall by {gain:.3g}, but no step makes it smaller", beyond)
        promised, came = gain, float(r @ r - better[1] @ better[1])
        x, r, damping = better
    raise _not_converged(r, f"could still fall by {gain:.3g} after {MOST_ITERATIONS} iterations", beyond)


def _gain(gradient: FloatArray, normal: FloatArray, moving: npt.NDArray[np.bool_]) -> float:
    """By how much a full Gauss-Newton step would lower chi-squared, g^T H^-1 g over what moves."""
    g, h = gradient[moving], normal[np.ix_(moving, moving)]
    return float(g @ np.linalg.lstsq(h, g, rcond=1e-14)[0]) if g.size else 0.0


def _better(
    residual: Residual,
    x: FloatArray,
    r: FloatArray,
    gradient: FloatArray,
    normal: FloatArray,
    moving: npt.NDArray[np.bool_],
    damping: float,
    low: FloatArray,
    high: FloatArray,
    reach: FloatArray,
) -> tuple[FloatArray, FloatArray, float] | None:
    """The first try with a smaller sum of squares and the damping to go on with; None where there is none."""
    g, h = gradient[moving], normal[np.ix_(moving, moving)]
    scale = np.maximum(np.diag(h), 1e-12 * max(float(np.diag(h).max()), 1e-300))
    for _ in range(MOST_TRIES):
        step = np.zeros_like(x)
        step[moving] = -np.linalg.solve(h + damping * np.diag(scale), g)
        step /= max(1.0, float(np.max(np.abs(step) / reach)))
        tried = _within(x + step, low, high, reach)
        try:
            new = residual(tried)
        except ElectrosaxsError:
            new = None
        if new is not None and new @ new < r @ r:
            return tried, new, max(damping / 10.0, 1e-9)
        damping = max(5.0 * damping, FIRST_DAMPING)
    return None


def _within(x: FloatArray, low: FloatArray, high: FloatArray, reach: FloatArray) -> FloatArray:
    """x at its limits where it is beyond them or as good as there: a derivative over a finite step misleads just inside."""
    near = AT_LIMIT * reach
    return np.where(x - low < near, low, np.where(high - x < near, high, x))


def _not_converged(residual: FloatArray, why: str, beyond: float) -> ElectrosaxsError:
    least = float(residual @ residual)
    error = bad_value(
        NotMinimal, where="fit", field="chi_squared", value=f"{least:.6g} for {residual.size} values", rule=why,
        remedy="give a nearer start, fix a parameter that the data do not know, or check voltage and times",
    )  # fmt: skip
    assert isinstance(error, NotMinimal)
    error.least, error.beyond = least, beyond
    return error
