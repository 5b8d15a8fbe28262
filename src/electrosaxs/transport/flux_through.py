"""The flux through a height of the cell as it is now."""

from __future__ import annotations

import numpy as np

from .problem import Problem, State


def flux_through(problem: Problem, state: State, voltage_V: float, height_m: float) -> float:
    """J (m/s) towards the anode through `height_m` at a voltage: what the scheme carries over the faces next to it.

    J = from_above phi_above - from_below phi_below on each face, linear in between.
    """
    around = problem.surroundings(state.u)
    given = None if around is None else around[None]
    above, below = problem.coefficients(np.array([voltage_V]), given)
    faces = (above[0, 1:] * state.u[1:] - below[0, 1:] * state.u[:-1]).sum(axis=1)
    return float(np.interp(height_m, problem.grid.edges[1:-1], faces))
