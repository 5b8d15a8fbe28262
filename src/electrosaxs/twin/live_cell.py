"""The simulated cell as it is now: it goes on from its state under a voltage that is decided now.

What `simulate_cell` does for a schedule that is known, in pieces; nothing of the past is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..nouns import Experiment, FloatArray, VoltageProgram
from ..nouns.run import SLICE_UM
from ..physics.colloid import dry_shell_nm
from ..transport import SizeClasses
from ..transport.flux_through import flux_through
from ..transport.simulate import gone_on, problem_of
from ..transport.weights import point_weights
from ..units import METRE_PER_UM
from .cell import halvings, starting_classes
from .island_growth import GrowthRecord


class LiveCell:
    """A filled cell. time (s) from its filling; highest_V: what the voltage will not exceed, for which the grid is made.

    The crystals that there are, since they began, are in `growth_record`.
    """

    def __init__(self, experiment: Experiment, distribution: SizeClasses | None, *, highest_V: float) -> None:
        program = VoltageProgram(time_s=[0.0], voltage_V=[highest_V])
        solution = experiment.solution
        self._problem, self.classes = problem_of(
            experiment.cell, solution, starting_classes(experiment, distribution), experiment.transport,
            experiment.growth, program, halvings=halvings(experiment.transport),
        )  # fmt: skip
        self.dry_shell_nm = dry_shell_nm(solution)
        columns = self._problem.columns
        self.start_phi = solution.volume_fraction * columns.per_class(columns.share)
        self._state = self._problem.start(solution.volume_fraction)
        self._rests = True
        self._solubility = experiment.growth.solubility
        self._onset_flux = 0.0
        self._grown: list[tuple[float, float, float]] = []

    @property
    def time(self) -> float:
        """Seconds since the filling."""
        return self._state.time

    def go_on(self, voltage_V: float, until_s: float) -> None:
        """Until `until_s` (s since the filling) at this voltage; a homogeneous cell without field stays as it is."""
        if until_s <= self._state.time:
            return
        self._rests = self._rests and voltage_V == 0.0
        if self._rests:
            self._state = replace(self._state, time=until_s)
            return
        flux = flux_through(self._problem, self._state, voltage_V, METRE_PER_UM * SLICE_UM)
        self._state = gone_on(self._problem, self._state, voltage_V, until_s)
        crystals = 1e6 * float(self._state.crystals.sum())
        if self._solubility is None or not crystals > 0.0:
            self._grown = []
            return
        if not self._grown:
            self._onset_flux = flux
        self._grown.append((until_s, crystals, float(self._state.u[0].sum()) / self._solubility - 1.0))

    def growth_record(self) -> GrowthRecord | None:
        """How the crystals that there are grew since they began; None where there are none."""
        if len(self._grown) < 2:
            return None
        time, crystals, excess = np.array(self._grown).T
        return GrowthRecord(time, crystals, excess, self._onset_flux)

    def dissolved(self, height_um: FloatArray) -> FloatArray:
        """phi (height, class) of the solution now."""
        weights = point_weights(self._problem.grid.z, 1e-6 * height_um)
        return np.maximum(self._problem.columns.per_class(weights @ self._state.u), 0.0)

    def crystals_um(self) -> FloatArray:
        """Particle volume per area (um) in crystals on the anode now, (class,)."""
        return np.asarray(1e6 * np.maximum(self._problem.columns.per_class(self._state.crystals[None])[0], 0.0))
