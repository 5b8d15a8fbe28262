"""Least squares within limits: Levenberg-Marquardt with frozen limits, stopped by what is left to gain in chi-squared.

Derivatives are computed where they are not known; a step that brought what they promised carries them along (Broyden 1965).
"""

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
GAIN_STUCK = 1.0
"""Where no step at all lowers it, this much (1 sigma): weak data and an onset near the end of a scan make it rougher, and a
minimum may be a kink, to both sides of which it rises. The step that was promised is then part of sigma (covariance.py)."""
KEPT = 0.2
"""Share of the promised gain that a step must bring for the next one to be worth while below GAIN_TOLERATED."""
MOST_ITERATIONS = 60
PATIENCE = 6
"""Iterations after which a minimum that promises to stay above `hopeless` is given up."""
MOST_TRIES = 14
FIRST_DAMPING = 1e-3
FAITHFUL = 0.25
"""A step that brings what its derivatives promised within this share (chosen) leaves them good enough for the next one."""
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
    """x (free,), residual (value,) and jacobian (value, free) there, computed or carried along; at_limit (free,): held by a
    limit; beyond: the largest chi-squared that a full step promised after PATIENCE iterations: with a `hopeless` below it, it
    would have been given up. promised (free,): the step that derivatives say is left where none lowers chi-squared."""

    x: FloatArray
    residual: FloatArray
    jacobian: FloatArray
    at_limit: npt.NDArray[np.bool_]
    beyond: float = -np.inf
    promised: FloatArray | None = None

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
    slopes: FloatArray | None = None,
    certain: bool = True,
) -> Minimum:
    """The x within [low, high] with the least sum of squares of residual(x); reach: largest change in one step.

    rough: share of chi-squared that may be left to gain. hopeless: chi-squared above which a minimum is of no interest.
    slopes: derivatives near the start, where they are known; certain: those of the minimum are computed at the minimum.
    A try at which `residual` raises ElectrosaxsError counts as worse. Raises NotMinimal where the minimum is not
    reached, and what `residual` raises at the start.
    """
    x = _within(np.asarray(start, dtype=np.float64), low, high, reach)
    r, known, computed = residual(x), slopes, False
    damping, promised, came, beyond = FIRST_DAMPING, 0.0, np.inf, -np.inf
    for iteration in range(1, MOST_ITERATIONS + 1):
        if known is None:
            known, computed = _computed(jacobian, x, r, beyond), True
        gradient, normal = known.T @ r, known.T @ known
        frozen = ((x <= low) & (gradient > 0.0)) | ((x >= high) & (gradient < 0.0))
        gain = _gain(gradient, normal, ~frozen)
        unit = max(1.0, float(r @ r) / r.size)
        settled = gain < max(GAIN_LEFT * unit, rough * float(r @ r)) or (
            gain < GAIN_TOLERATED * unit and came < KEPT * promised
        )
        if settled and (computed or not certain):
            return Minimum(x, r, known, frozen, beyond)
        if settled:
            known = None
            continue
        if computed and iteration > PATIENCE:
            beyond = max(beyond, float(r @ r) - gain)
        if beyond > hopeless:
            raise _not_converged(
                r,
                f"is given up after {iteration} iterations: a full step would leave {float(r @ r) - gain:.3g}",
                beyond,
            )
        better = _better(residual, x, r, gradient, normal, ~frozen, damping, low, high, reach)
        if better is None and not computed:
            known = None
            continue
        if better is None:
            if gain < GAIN_STUCK * unit:
                return Minimum(x, r, known, frozen, beyond, _full_step(gradient, normal, ~frozen))
            raise _not_converged(r, f"could still fall by {gain:.3g}, but no step makes it smaller", beyond)
        promised, came = gain, float(r @ r - better[1] @ better[1])
        known, computed = _carried(known, (better[0] - x) / reach, r, better[1], reach), False
        x, r, damping = better
    raise _not_converged(r, f"could still fall by {gain:.3g} after {MOST_ITERATIONS} iterations", beyond)


def _computed(jacobian: Jacobian, x: FloatArray, r: FloatArray, beyond: float) -> FloatArray:
    try:
        return jacobian(x)
    except ElectrosaxsError as error:
        raise _not_converged(r, f"ends next to what is not physical: {error}", beyond) from None


def _carried(
    slopes: FloatArray, step: FloatArray, before: FloatArray, after: FloatArray, reach: FloatArray
) -> FloatArray | None:
    """Derivatives (value, free) that also explain a step (free,) in units of `reach`; None where it was none of theirs.

    J + (r' - r - J s) s^T / s^T s: of all that give r' - r along s the nearest (Broyden 1965). Where no more is missing than
    chi-squared is rough by they stay as they are: what is rough teaches nothing.
    """
    expected = before + slopes @ (reach * step)
    promise = float(before @ before - expected @ expected)
    missing = abs(float(before @ before - after @ after) - promise)
    if missing <= GAIN_TOLERATED * max(1.0, float(after @ after) / after.size):
        return slopes
    if missing > FAITHFUL * promise:
        return None
    return np.asarray(slopes + np.outer(after - expected, step / reach) / float(step @ step))


def _full_step(gradient: FloatArray, normal: FloatArray, moving: npt.NDArray[np.bool_]) -> FloatArray:
    """The Gauss-Newton step -H^-1 g (free,), 0 for what does not move."""
    step = np.zeros_like(gradient)
    if moving.any():
        step[moving] = -np.linalg.lstsq(normal[np.ix_(moving, moving)], gradient[moving], rcond=1e-14)[0]
    return step


def _gain(gradient: FloatArray, normal: FloatArray, moving: npt.NDArray[np.bool_]) -> float:
    """By how much a full Gauss-Newton step would lower chi-squared, g^T H^-1 g over what moves."""
    return -float(gradient @ _full_step(gradient, normal, moving))


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
