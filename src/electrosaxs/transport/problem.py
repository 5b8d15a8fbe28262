"""The transport problem, the state that develops, and the record of its steps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..nouns import FloatArray, VoltageProgram
from .charge_models import Columns
from .grid import Grid
from .growth import Growth
from .medium import Medium
from .scheme import node_coefficients
from .step_parts import Record


@dataclass(frozen=True, eq=False)
class State:
    """All that a run needs to go on, apart from the problem.

    time (s); u (node, column), volume fraction; crystals (column,), particle volume per area (m); step (s) that was in
    use, 0: choose.
    """

    time: float
    u: FloatArray
    crystals: FloatArray
    step: float = 0.0


@dataclass(frozen=True, eq=False)
class Problem:
    """What does not change while a state develops."""

    grid: Grid
    columns: Columns
    growth: Growth
    program: VoltageProgram
    medium: Medium = field(default_factory=Medium)

    def start(self, phi: float) -> State:
        """A homogeneous solution at rest, at time 0."""
        u = np.tile(phi * self.columns.share, (len(self.grid), 1))
        return State(0.0, u, np.zeros(self.columns.share.size))

    def surroundings(self, u: FloatArray) -> FloatArray | None:
        """What of the profile u (node, column) the field and the interactions depend on; None where on nothing."""
        return self.medium.surroundings(u) if self.medium.depends_on_state else None

    def field(self, voltage: float, surroundings: FloatArray | None = None) -> FloatArray:
        """E (face,) in V/m at the inner faces."""
        return self.medium.field(voltage, self.grid.spacing, surroundings)

    def drift(self, voltage: float, surroundings: FloatArray | None = None) -> FloatArray:
        """v (face, column) in m/s at the inner faces."""
        return np.asarray(self.field(voltage, surroundings)[:, None] * self.columns.mobility)

    def push(self, surroundings: FloatArray | None) -> FloatArray | float:
        """Speed (face, column) in m/s from the repulsion of hard spheres, 0 without."""
        if surroundings is None or not self.medium.repulsion:
            return 0.0
        return self.medium.push(surroundings, self.grid.spacing, self.columns.diffusion)

    def mean_phi(self, state: State) -> float:
        """Particle volume in solution and crystals over the volume of the cell."""
        dissolved = self.grid.widths @ state.u.sum(axis=1)
        return float(dissolved + state.crystals.sum()) / self.grid.gap

    def coefficients(
        self, voltages: FloatArray, surroundings: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """`node_coefficients` for each voltage, (voltage, node, column).

        surroundings: (voltage, node, 2) where the medium depends on the state.
        """
        arounds = [None] * voltages.size if surroundings is None else list(surroundings)
        fields = np.stack(
            [self.field(voltage, around) for voltage, around in zip(voltages.tolist(), arounds, strict=True)]
        )
        drift = fields[:, :, None] * self.columns.mobility
        if self.medium.repulsion:
            drift += np.stack([self.push(around) for around in arounds])
        return node_coefficients(self.grid.spacing, drift, self.columns.diffusion)


@dataclass(eq=False)
class Knots:
    """Start and end of every accepted step: times (s), u (node, column), crystals (column,), and their rates.

    A rate is that at the end of the step and, because the voltage is continuous, that at the beginning of the next one;
    at the very beginning it is not known.
    """

    times: list[float] = field(default_factory=list)
    u: list[FloatArray] = field(default_factory=list)
    rate: list[FloatArray] = field(default_factory=list)
    crystals: list[FloatArray] = field(default_factory=list)
    crystal_rate: list[FloatArray] = field(default_factory=list)

    def begin(self, state: State) -> None:
        """The state that steps start from; its rate is not known and not used."""
        self.append(state, np.zeros_like(state.u), np.zeros_like(state.crystals))

    def append(self, state: State, rate: FloatArray, crystal_rate: FloatArray) -> None:
        self.times.append(state.time)
        self.u.append(state.u)
        self.rate.append(rate)
        self.crystals.append(state.crystals)
        self.crystal_rate.append(crystal_rate)

    def extend(self, record: Record, count: int) -> None:
        """The first `count` steps of a record."""
        self.times += record.times[:count].tolist()
        self.u += list(record.u[:count])
        self.rate += list(record.rate[:count])
        self.crystals += list(record.crystals[:count])
        self.crystal_rate += list(record.crystal_rate[:count])
