"""The polydisperse drift-diffusion model of the sealed cell: one call from settings to history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..errors import ElectrosaxsError, ShapeError, bad_value
from ..nouns import Cell, FloatArray, GrowthSettings, Solution, TransportSettings, VoltageProgram
from ..physics.colloid import dry_shell_nm
from .charge_models import Columns, columns
from .grid import Grid, graded_grid
from .growth import growth_from_settings
from .history import CellHistory
from .integrate import integrate
from .medium import medium_from_settings, refuse_frozen
from .problem import Knots, Problem, State
from .size_classes import SizeClasses
from .voltage import extreme_voltages

DEFAULT_RTOL = 2e-4
"""Error per step relative to the local phi; leaves about 1e-5 of the starting phi after an hour."""


def simulate(
    cell: Cell,
    solution: Solution,
    classes: SizeClasses,
    transport: TransportSettings,
    growth: GrowthSettings,
    program: VoltageProgram,
    times: npt.ArrayLike,
    *,
    grid: Grid | None = None,
    halvings: int = 0,
    rtol: float = DEFAULT_RTOL,
    start: State | None = None,
) -> CellHistory:
    """phi of every class at `times` (s, increasing, from 0 on or from the time of `start`) in a homogeneous cell.

    Solves d phi/dt = d/dz (D d phi/dz + v phi) per class (physics.md) between closed walls, or with crystals on the
    anode. `halvings`: how often the spacing of the default grid is cut in two, below 0 doubled. `start`: a state of an
    earlier run on the same `grid` (history.final, history.problem.grid).
    Raises ElectrosaxsError for unphysical parameters and ConvergenceError where `rtol` is not reached.
    """
    output = _output_times(times, 0.0 if start is None else start.time)
    _check(solution, growth, rtol)
    if grid is None and start is not None:
        raise ShapeError("transport: start needs the grid it was made on; pass grid=history.problem.grid")
    problem, all_classes = problem_of(cell, solution, classes, transport, growth, program, grid=grid, halvings=halvings)
    cols = problem.columns
    state = problem.start(solution.volume_fraction) if start is None else start
    if state.u.shape != (len(problem.grid), cols.share.size):
        raise ShapeError(
            f"transport: start has shape {state.u.shape}, but the grid and the classes are "
            f"{(len(problem.grid), cols.share.size)}; continue with the same grid, classes and charge model"
        )
    refuse_frozen(problem.medium, [state.u])
    knots = Knots()
    knots.begin(state)
    final = integrate(problem, state, float(output[-1]), rtol=rtol, knots=knots, stop_at=output)
    refuse_frozen(problem.medium, knots.u)
    start_phi = solution.volume_fraction * cols.per_class(cols.share)
    return CellHistory(problem, all_classes, dry_shell_nm(solution), start_phi, output, knots, final)


def problem_of(
    cell: Cell,
    solution: Solution,
    classes: SizeClasses,
    transport: TransportSettings,
    growth: GrowthSettings,
    program: VoltageProgram,
    *,
    grid: Grid | None = None,
    halvings: int = 0,
) -> tuple[Problem, SizeClasses]:
    """What does not change while the cell develops, and the size classes with what does not move among them."""
    all_classes, cols = columns(cell, solution, classes, transport)
    if grid is None:
        grid = default_grid(cell, cols, program).halved(halvings)
    medium = medium_from_settings(transport, cols, solution.volume_fraction)
    return Problem(grid, cols, growth_from_settings(growth, cols.reference_diffusion), program, medium), all_classes


def gone_on(problem: Problem, state: State, voltage_V: float, until_s: float, *, rtol: float = DEFAULT_RTOL) -> State:
    """The state at `until_s` (s) where the voltage is `voltage_V` from now on, whatever the program of `problem` says.

    Steps end where `until_s` are, so that a run in pieces is the run in one go that stops at the same times.
    """
    held = VoltageProgram(time_s=[state.time], voltage_V=[voltage_V])
    after = integrate(replace(problem, program=held), state, until_s, rtol=rtol)
    refuse_frozen(problem.medium, [after.u])
    return after


def default_grid(cell: Cell, cols: Columns, program: VoltageProgram) -> Grid:
    """Graded for the shortest decay length of any class at any voltage of the program; at both walls if it reverses."""
    low, high = extreme_voltages(program)
    fastest = float(np.max(np.abs(cols.mobility)))
    strongest = max(abs(low), abs(high)) / (cell.gap_mm * 1e-3)
    gap = cell.gap_mm * 1e-3
    pulled = fastest * strongest > 0.0
    shortest = float(np.max(cols.diffusion)) / (fastest * strongest) if pulled else gap
    towards_both = low * float(np.max(cols.mobility)) < 0.0 or high * float(np.min(cols.mobility)) < 0.0
    return graded_grid(gap, shortest_decay=min(shortest, gap), both_walls=towards_both)


def _output_times(times: npt.ArrayLike, start: float) -> FloatArray:
    output = np.atleast_1d(np.asarray(times, dtype=np.float64))
    increasing = output.ndim == 1 and output.size > 0 and bool(np.all(np.diff(output) > 0.0))
    if not (increasing and np.all(np.isfinite(output)) and output[0] >= start and output[-1] > start):
        raise bad_value(
            ShapeError,
            where="transport",
            field="times",
            value=f"{output.size} values",
            rule=f"must be finite, increase, and end after {start:g} s",
            remedy="sort them and drop equal ones; for pairs of time and height use CellHistory.at",
        )
    return output


def _check(solution: Solution, growth: GrowthSettings, rtol: float) -> None:
    if not 1e-12 <= rtol <= 0.1:
        raise bad_value(
            ElectrosaxsError,
            where="transport",
            field="rtol",
            value=rtol,
            rule="must lie between 1e-12 and 0.1",
            remedy=f"the default is {DEFAULT_RTOL:g}",
        )
    if growth.solubility is not None and growth.solubility <= solution.volume_fraction:
        raise bad_value(
            ElectrosaxsError,
            where="experiment",
            field="growth.solubility",
            value=growth.solubility,
            rule=f"must be above the starting phi, {solution.volume_fraction:g}: it would crystallise without a field",
            remedy="give phi at the wall in equilibrium with the superlattice",
        )
