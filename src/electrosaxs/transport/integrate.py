"""From one state to a later one: adaptive implicit steps that meet the kinks of the voltage program.

SDIRK of order 4, L-stable, stiffly accurate, five stages with one matrix, embedded order 3 (Hairer & Wanner 1996,
table IV.6.5). Mass is kept because stages are combined as fluxes. A step that would take more out of a volume than it
holds leaves that much behind, first-order where phi is next to nothing, and is taken again, shorter, where it is more
than the tolerance.
"""

from __future__ import annotations

import numpy as np

from ..errors import ConvergenceError, ElectrosaxsError, bad_value
from ..nouns import FloatArray
from .problem import Knots, Problem, State
from .self_consistent import consistent_step
from .step_kernels import MAX_TRIES, NOT_FINITE, TOO_LONG, advance, following, share_of, take_step
from .step_parts import Content, Faces, Pairs, Record, Scratch, Stretch, Tableau, Wall
from .voltage import is_constant, kinks_between

SDIRK4 = Tableau(
    below=np.array(
        [
            [0, 0, 0, 0, 0],
            [1 / 2, 0, 0, 0, 0],
            [17 / 50, -1 / 25, 0, 0, 0],
            [371 / 1360, -137 / 2720, 15 / 544, 0, 0],
            [25 / 24, -49 / 48, 125 / 16, -85 / 12, 0],
        ]
    ),
    diagonal=1 / 4,
    weights=np.array([25 / 24, -49 / 48, 125 / 16, -85 / 12, 1 / 4]),
    error=np.array([-3 / 16, -27 / 32, 25 / 32, 0, 1 / 4]),
)
STAGE_TIMES = np.array([1 / 4, 3 / 4, 11 / 20, 1 / 2, 1.0])
FIRST_STEP_DIFFUSION = 0.1
"""First step in units of (first spacing)^2 / D."""
MAX_STEPS = 50_000
MAX_CONSISTENT_STEPS = 2_000
"""Where sweeps are needed; more steps than this are a sign that they no longer find each other (crowding above 0.43)."""
AT_A_TIME = 16
"""Steps between two looks at the clock where coefficients are constant."""


class _Stepper:
    """Steps of a problem; its arrays carry nothing from one step to the next."""

    def __init__(self, problem: Problem) -> None:
        nodes, m = len(problem.grid), problem.columns.share.size
        columns, stages, paired = problem.columns, SDIRK4.weights.size, problem.columns.states == 2
        self.problem = problem
        self.pairs = Pairs(columns.loss, columns.gain, columns.contact) if paired else None
        self.wall = Wall(columns.attaches, problem.growth.solubility, problem.growth.slowness)
        self.scratch = Scratch(
            volumes=np.repeat(problem.grid.widths[:, None], m, axis=1),
            inflow=np.zeros((stages, nodes, m)),
            attached=np.zeros((stages, m)),
            right=np.zeros((nodes, m)),
            inverse=np.zeros((4 if paired else 1, nodes, m // 2 if paired else m)),
            carry=np.zeros((0 if paired else nodes, m)),
            flux=np.zeros((nodes + 1, m)),
            corner=np.zeros((3, m)),
            rows=np.zeros((5, m)),
        )

    def first_step(self) -> float:
        """A step (s) that the first cell resolves."""
        fastest = float(self.problem.columns.diffusion.max())
        return FIRST_STEP_DIFFUSION * float(self.problem.grid.spacing[0]) ** 2 / max(fastest, 1e-30)

    def try_step(
        self, state: State, dt: float, coefficients: tuple[FloatArray, FloatArray]
    ) -> tuple[State, FloatArray, float]:
        """The state dt later, its rate of change, and the error relative to the local phi."""
        after, rate = Content(np.empty_like(state.u), np.empty_like(state.crystals)), np.empty_like(state.u)
        error = take_step(
            Content(state.u, state.crystals), Faces(self.problem.grid.widths, *coefficients), self.wall, self.pairs, dt,
            SDIRK4, self.scratch, after, rate,
        )  # fmt: skip
        return State(state.time + dt, after.u, after.crystals), rate, error

    def advanced(
        self, state: State, stop: float, rtol: float, coefficients: tuple[FloatArray, FloatArray], knots: Knots | None
    ) -> tuple[State, FloatArray | None, int]:
        """The state at `stop` or some steps nearer, the rate there and the number of steps, all appended to `knots`."""
        nodes, m = state.u.shape
        record = Record(
            np.empty(AT_A_TIME), np.empty((AT_A_TIME, nodes, m)), np.empty((AT_A_TIME, nodes, m)),
            np.empty((AT_A_TIME, m)), np.empty((AT_A_TIME, m)),
        )  # fmt: skip
        end, count, time, step = advance(
            Content(state.u, state.crystals), Stretch(state.time, state.step or self.first_step(), stop, rtol),
            Faces(self.problem.grid.widths, *coefficients), self.wall, self.pairs, SDIRK4, self.scratch, record,
        )  # fmt: skip
        if end == NOT_FINITE:
            raise _not_finite(time, rtol)
        if end == TOO_LONG:
            raise _too_long(time, rtol, step)
        if knots is not None:
            knots.extend(record, count)
        return State(time, record.u[count - 1], record.crystals[count - 1], step), record.rate[count - 1], count


def integrate(
    problem: Problem,
    state: State,
    end: float,
    *,
    rtol: float,
    knots: Knots | None = None,
    stop_at: FloatArray | None = None,
) -> State:
    """The state at time `end` (s). Every accepted step is appended to `knots`; steps also end at the times `stop_at`.

    Raises ConvergenceError where the tolerance cannot be reached.
    """
    stops = np.concatenate([kinks_between(problem.program, state.time, end), [end]])
    if stop_at is not None:
        stops = np.union1d(stops, stop_at[(stop_at > state.time) & (stop_at < end)])
    stepper = _Stepper(problem)
    rate, voltage, steps, known = None, np.nan, 0, None
    most = MAX_CONSISTENT_STEPS if problem.medium.depends_on_state else MAX_STEPS
    for stop in map(float, stops):
        constant = is_constant(problem.program, state.time, stop) and not problem.medium.depends_on_state
        if constant and float(problem.program.at(stop)) != voltage:
            voltage = float(problem.program.at(stop))
            known = problem.coefficients(np.array([voltage]))
        while state.time < stop:
            if constant and known is not None:
                state, rate, count = stepper.advanced(state, stop, rtol, known, knots)
            else:
                (state, rate), count = _accepted_step(stepper, state, rate, stop, rtol, knots), 1
            steps += count
            if steps > most:
                raise _not_converged(state.time, rtol, f"more than {most} steps")
    return state


def _accepted_step(
    stepper: _Stepper, state: State, rate: FloatArray | None, stop: float, rtol: float, knots: Knots | None
) -> tuple[State, FloatArray]:
    """Try steps, shorter each time, until one is within the tolerance; the state at its end and the rate there.

    `rate`: at the start, None where not known.
    """
    problem, left = stepper.problem, stop - state.time
    step = state.step or stepper.first_step()
    for _ in range(MAX_TRIES):
        dt = share_of(left, step)
        if problem.medium.depends_on_state:
            tried, after, error = consistent_step(stepper.try_step, problem, state, rate, dt, rtol, STAGE_TIMES)
        else:
            given = problem.coefficients(problem.program.at(state.time + dt * STAGE_TIMES))
            tried, after, error = stepper.try_step(state, dt, given)
        if not np.isfinite(error):
            raise _not_finite(state.time, rtol)
        step = following(step, dt, error, rtol)
        if error <= rtol:
            time = stop if dt >= left * (1.0 - 1e-9) else tried.time
            accepted = State(time, tried.u, tried.crystals, step)
            if knots is not None:
                knots.append(accepted, after, stepper.scratch.attached[-1].copy())
            return accepted, after
    raise _too_long(state.time, rtol, step)


def _not_finite(time: float, rtol: float) -> ElectrosaxsError:
    return _not_converged(time, rtol, "the solution is not finite")


def _too_long(time: float, rtol: float, step: float) -> ElectrosaxsError:
    return _not_converged(time, rtol, f"a step of {step:.3g} s is still too long")


def _not_converged(time: float, rtol: float, why: str) -> ElectrosaxsError:
    return bad_value(
        ConvergenceError,
        where="transport",
        field="rtol",
        value=rtol,
        rule=f"is not reached at t = {time:.6g} s: {why}",
        remedy="check charge, voltage and solubility (from Python a larger rtol may do)",
    )
