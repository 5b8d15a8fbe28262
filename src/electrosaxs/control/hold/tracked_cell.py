"""The cell for one set of parameters, run along the measured voltage; what a beam sees of it, and its flux."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...errors import ShapeError
from ...nouns import FloatArray, VoltageProgram
from ...transport import CellHistory, Grid, State
from ...transport.flux_through import flux_through
from ...transport.integrate import integrate
from ...transport.problem import Knots
from ...transport.simulate import problem_of
from ...transport.weights import beam_weights
from ..plant import Plant

CELLS, RTOL = 120, 5e-4
"""Of the model in the loop: phi and flux within 0.3 % of a grid five times as fine, at a tenth of the time."""


COVERING_M, LEAST_COVERED, COVER_PIECE_S, COVER_PIECE = 40e-9, 0.05, 5.0, 0.3
"""Particle volume per area (m) from which on all of the anode takes up particles, and the share of it that does so where
crystals have just begun (chosen: an anode may be slower or faster, which is what `CoveringCell.speed` is for); a run looks
every so many s how much that is, and less often where that takes longer to change: COVER_PIECE of a doubling."""


Changes = tuple[tuple[float, float], ...]
"""Times (s) at which the solubility is multiplied, and by what."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What frames looked at: time (s) of each, and which row its beam has of `weights` (row, node) and of `density`
    (row,), 1/m, with which it reads a layer on the anode; (frame,). spread (row, node): weights of how much phi differs
    within the beam; attenuation: ln of the transmission that phi = 1 takes (t d mu / d phi)."""

    time: FloatArray
    which: npt.NDArray[np.intp]
    weights: FloatArray
    density: FloatArray
    spread: FloatArray
    attenuation: float

    def part(self, here: npt.NDArray[np.bool_]) -> Looks:
        """Some of them."""
        return Looks(self.time[here], self.which[here], self.weights, self.density, self.spread, self.attenuation)


class Footprints:
    """Weights of the beam on the nodes of a grid, one row a height; heights (um) to a tenth."""

    def __init__(self, grid: Grid, fwhm_um: float, *, attenuation: float = 0.0) -> None:
        self._grid, self._fwhm, self._attenuation = grid, fwhm_um, attenuation
        self._rows: dict[float, int] = {}
        self._weights: list[FloatArray] = []
        self._density: list[float] = []
        self._spread: list[FloatArray] = []

    def looks(self, time_s: FloatArray, height_um: FloatArray) -> Looks:
        """The looks of frames at these times and heights."""
        which = np.array([self._row(round(float(height), 1)) for height in height_um], dtype=np.intp)
        beams = (np.array(self._weights), np.array(self._density), np.array(self._spread))
        return Looks(np.asarray(time_s, dtype=np.float64), which, *beams, self._attenuation)

    def passes(self, height_um: float) -> bool:
        """Whether a beam there passes between the electrodes."""
        try:
            self._row(round(height_um, 1))
        except ShapeError:
            return False
        return True

    def _row(self, height_um: float) -> int:
        if height_um not in self._rows:
            rows, density = beam_weights(self._grid.z, [1e-6 * height_um], 1e-6 * self._fwhm)
            self._rows[height_um] = len(self._weights)
            self._weights.append(rows[0])
            self._density.append(float(density[0]))
            off = self._grid.z - float(rows[0] @ self._grid.z)
            width = float(np.sqrt(max(float(rows[0] @ off**2), 1e-24)))
            self._spread.append(rows[0] * off / width)
        return self._rows[height_um]


class TrackedCell:
    """One set of parameters; `state` is where it has come to. It goes on from there and keeps nothing of the past."""

    def __init__(self, plant: Plant, grid: Grid) -> None:
        resting = VoltageProgram(time_s=[0.0], voltage_V=[0.0])
        self.slice_m = plant.slice_m
        self.problem, self._classes = problem_of(
            plant.cell, plant.solution, plant.classes, plant.transport, plant.growth, resting, grid=grid
        )
        self.changes: Changes = ()
        self.lent_m = 0.0
        self.start_phi = plant.solution.volume_fraction
        self.state: State = self.problem.start(self.start_phi)

    def go_on(self, program: VoltageProgram, until_s: float, looks: Looks | None = None) -> FloatArray:
        """Along `program` to `until_s`; what the frames `looks` on the way saw of the solution (phi), and what they would
        see of crystals that lie flat, (2, frame)."""
        number = 0 if looks is None else looks.time.size
        seen, done = np.zeros((2, number)), np.zeros(number, dtype=bool)
        while self.changes and self.changes[0][0] < until_s:
            (end, factor), self.changes = self.changes[0], self.changes[1:]
            here = ~done if looks is None else ~done & (looks.time <= end)
            seen[:, here] = self._piece(program, end, None if looks is None else looks.part(here))
            self._times_solubility(factor)
            done |= here
        seen[:, ~done] = self._piece(program, until_s, None if looks is None else looks.part(~done))
        return seen

    def _times_solubility(self, factor: float) -> None:
        self.problem = replace(
            self.problem, growth=replace(self.problem.growth, solubility=factor * self.problem.growth.solubility)
        )

    def _piece(self, program: VoltageProgram, until_s: float, looks: Looks | None) -> FloatArray:
        """As `go_on`, where the solubility does not change."""
        number = 0 if looks is None else looks.time.size
        if until_s <= self.state.time and not number:
            return np.zeros((2, 0))
        along = replace(self.problem, program=program)
        knots = Knots()
        knots.begin(self.state)
        self.state = integrate(along, self.state, until_s, rtol=RTOL, knots=knots)
        if looks is None or not number:
            return np.zeros((2, 0))
        history = CellHistory(along, self._classes, 0.0, np.zeros(0), np.array([until_s]), knots, self.state)
        both, rows = np.concatenate([looks.weights, looks.spread]), len(looks.weights)
        pairs = history.observe(np.tile(looks.time, 2), both, np.concatenate([looks.which, looks.which + rows]))
        seen, spread = pairs.sum(axis=1).reshape(2, number)
        dissolved = np.maximum(as_absorbed(seen, spread, looks.attenuation), 0.0)
        crystals = history.crystals_at(looks.time).sum(axis=1) - self.lent_m
        return np.array([dissolved, looks.density[looks.which] * crystals])

    def ahead(self, voltage_V: float, until_s: float, *, from_V: float | None = None) -> State:
        """The state at `until_s` where the voltage is constant from now on, or rises until then from `from_V`; this one
        stays where it is."""
        times, volts = [until_s], [voltage_V]
        if from_V is not None:
            times, volts = [self.state.time, until_s], [from_V, voltage_V]
        along = replace(self.problem, program=VoltageProgram(time_s=times, voltage_V=volts))
        return integrate(along, self.state, until_s, rtol=RTOL)

    def slice_flux(self, voltage_V: float, state: State | None = None) -> float:
        """J (m/s) into the slice at the anode: its accumulation rate, crystals counted; of `state`, or now."""
        return flux_through(self.problem, self.state if state is None else state, voltage_V, self.slice_m)

    def changing(self, changes: Changes) -> TrackedCell:
        """This cell where it is; its solubility changes as `changes` say and no other way."""
        other = copy(self)
        other.changes = tuple(sorted(one for one in changes if one[0] >= self.state.time))
        return other

    def supply_per_volt(self) -> float:
        """phi0 v per volt (m/s/V) of the starting solution."""
        columns = self.problem.columns
        per_field = self.start_phi * float(columns.share @ columns.mobility)
        return per_field * (1.0 - self.problem.medium.loss) / self.problem.grid.gap

    def wall_phi(self) -> float:
        """phi of the solution on the anode now."""
        return float(self.state.u[0].sum())

    def crystals_m(self) -> float:
        """Particle volume per area in crystals (m) now."""
        return float(self.state.crystals.sum()) - self.lent_m

    def lend(self, crystals_m: float) -> None:
        """Crystals (m) that are not there, of what is at the wall: a solubility above it gives back what it took too much."""
        share = self.state.u[0] / self.state.u[0].sum()
        self.lent_m += crystals_m
        self.state = replace(self.state, crystals=self.state.crystals + crystals_m * share)

    def dissolved_m(self) -> float:
        """Particle volume per area in solution (m) now."""
        return float(self.problem.grid.widths @ self.state.u.sum(axis=1))


class CoveringCell(TrackedCell):
    """A cell whose crystals have yet to cover the anode: the more there is of them, the faster they take up particles.

    Islands of a constant number take up as their area does, the 2/3 power of their volume, until the whole anode does. speed:
    of the whole anode over what the attachment time says.
    """

    def __init__(self, plant: Plant, grid: Grid, speed: float) -> None:
        super().__init__(plant, grid)
        self._piece_s, self._rate = COVER_PIECE_S, 0.0
        self._whole = replace(self.problem.growth, slowness=self.problem.growth.slowness / speed)

    def _piece(self, program: VoltageProgram, until_s: float, looks: Looks | None) -> FloatArray:
        number = 0 if looks is None else looks.time.size
        seen, done = np.zeros((2, number)), np.zeros(number, dtype=bool)
        while self.state.time < until_s or not done.all():
            begin, before = self.state.time, self.crystals_m()
            end = until_s if self.covered() >= 1.0 else min(begin + self._piece_s, until_s)
            share = covered(before + 0.5 * self._rate * (end - begin))
            self.problem = replace(self.problem, growth=replace(self._whole, slowness=self._whole.slowness / share))
            here = ~done if looks is None else ~done & ((looks.time <= end) | (end >= until_s))
            seen[:, here] = super()._piece(program, end, None if looks is None else looks.part(here))
            done |= here
            if end > begin:
                self._rate = (self.crystals_m() - before) / (end - begin)
            doubled = self.crystals_m() / self._rate if self._rate > 0.0 else 0.0
            self._piece_s = max(COVER_PIECE_S, COVER_PIECE * doubled)
        return seen

    def _times_solubility(self, factor: float) -> None:
        super()._times_solubility(factor)
        self._whole = replace(self._whole, solubility=factor * self._whole.solubility)

    def covered(self) -> float:
        """Share of the anode that takes up particles now."""
        return covered(self.crystals_m())


def covered(crystals_m: float) -> float:
    """Share of the anode that takes up particles where there is so much of crystals (m)."""
    return float(np.clip((max(crystals_m, 0.0) / COVERING_M) ** (2.0 / 3.0), LEAST_COVERED, 1.0))


def cell_with(plant: Plant, grid: Grid, speed: float | None) -> TrackedCell:
    """A cell whose crystals cover the anode at `speed` (`CoveringCell`); None: all of it takes up particles at once."""
    return TrackedCell(plant, grid) if speed is None else CoveringCell(plant, grid, speed)


def as_absorbed(mean_phi: FloatArray, spread: FloatArray, attenuation: float) -> FloatArray:
    """What a frame that is divided by its own transmission reads of a profile: what absorbs more counts less.

    <phi exp(-a phi)> / <exp(-a phi)> = <phi> - a var(phi) to first order in a times the spread of phi within the beam.
    """
    return mean_phi - attenuation * spread**2
