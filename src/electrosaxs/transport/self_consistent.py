"""One step where the field or the interactions follow from the solution itself: sweeps until both agree.

The coefficients of a stage are those of the profile at its time, a cubic between the profiles and rates at both ends of
the step. Each sweep takes the whole step with the coefficients of the sweep before; Anderson mixing (Anderson 1965) of
the two sums that matter makes the sweeps converge where plain ones would not. Fluxes are combined as in any other step,
so mass is kept to rounding by every sweep, converged or not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..nouns import FloatArray
from .hermite import hermite, parabola_rate
from .problem import Problem, State

SWEEPS = 12
AGREEMENT = 0.1
"""Sweeps stop when the sums change by less than this share of rtol, relative to the local value plus the starting one."""
HOPELESS = 4.0
"""An error this many times the tolerance will not be within it after another sweep."""
DEPTH = 4
Try = Callable[[State, float, tuple[FloatArray, FloatArray]], tuple[State, FloatArray, float]]


def consistent_step(
    try_step: Try, problem: Problem, state: State, rate: FloatArray | None, dt: float, rtol: float, stages: FloatArray
) -> tuple[State, FloatArray, float]:
    """The state dt later with its rate and error, as `try_step` gives them; the error is above rtol where sweeps fail.

    rate: d u/dt at the start of the step, None where not known. stages: times of the stages in units of dt.
    """
    medium = problem.medium
    voltages = problem.program.at(state.time + dt * stages)
    begin = medium.surroundings(state.u)
    slope = None if rate is None else medium.surroundings(rate)
    ahead = dt * stages[:, None, None] * (np.zeros_like(begin) if slope is None else slope)
    around, mixer, scale = np.maximum(begin + ahead, 0.0), _Mixer(), np.abs(begin).mean(axis=0)
    for sweep in range(SWEEPS):
        tried, new_rate, error = try_step(state, dt, problem.coefficients(voltages, around))
        if not np.isfinite(error):  # nor would another sweep be; a shorter step may
            return tried, new_rate, HOPELESS * rtol
        if sweep > 0 and error > HOPELESS * rtol:
            return tried, new_rate, error
        end, after = medium.surroundings(tried.u), medium.surroundings(new_rate)
        before = parabola_rate(begin, end, after, dt) if slope is None else slope
        found = hermite(begin, end, before, after, dt, stages[:, None, None])
        change = np.abs(found - around) / (np.abs(found) + scale)
        if float(change.max()) <= AGREEMENT * rtol:
            return tried, new_rate, error
        around = np.maximum(mixer.following(around, around + (found - around) * medium.caution(around)), 0.0)
    return tried, new_rate, max(error, HOPELESS * rtol)


class _Mixer:
    """Anderson mixing of one fixed-point iteration: the combination of the last sweeps whose residuals cancel best."""

    def __init__(self) -> None:
        self._points: list[FloatArray] = []
        self._residuals: list[FloatArray] = []

    def following(self, point: FloatArray, found: FloatArray) -> FloatArray:
        """The next point to try, from the last one and what it led to."""
        self._points = [*self._points, found.ravel()][-DEPTH:]
        self._residuals = [*self._residuals, (found - point).ravel()][-DEPTH:]
        if len(self._points) == 1:
            return found
        last = self._residuals[-1]
        steps = np.stack([last - r for r in self._residuals[:-1]], axis=1)
        weights = np.linalg.lstsq(steps, last, rcond=1e-10)[0]
        moved = np.stack([self._points[-1] - p for p in self._points[:-1]], axis=1)
        return np.asarray((self._points[-1] - moved @ weights).reshape(found.shape))
