"""The model of the cell where the estimate is, and once more for each unknown: what frames see, with derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from ...nouns import FloatArray
from ...transport import Grid
from .belief import WALK, WALK_S, Belief, with_solubility
from .measured_voltage import MeasuredVoltage
from .tracked_cell import Changes, Looks, TrackedCell

RAMP_PIECES = 4
"""In which the solubility changes between two times."""
OF_CRYSTALS = ("solubility", "attachment_time", *WALK)
"""Unknowns that nothing depends on before crystals begin."""
LENT_M = 1e-7
"""Crystals (m) that a run is lent at a held onset: it gives back what it takes up too early, and derivatives see both ways."""


@dataclass(frozen=True)
class HeldOnset:
    """When crystals begin, whatever the other unknowns are.

    at_s: a time (s) shortly before. over_wall: logarithm of the solubility over phi at the wall then; centre, sigma: what is
    known of it. A derivative by the charge, say, has the solubility that makes crystals begin when they did.
    """

    at_s: float
    over_wall: float
    centre: float
    sigma: float


class RunAbout:
    """Runs from field-on at the coordinates `x` (unknown,) and with each of them changed by its step.

    grown: with crystals, else those of crystals are asleep. held: then x of the solubility follows from it, once the run has
    come to the onset; until then nothing grows. true_move (unknown, unknown): of the coordinates for a move of each unknown,
    one but for the solubility of a held onset, which follows the others.
    """

    def __init__(
        self, believed: Belief, grid: Grid, x: FloatArray, *, grown: bool = False, held: HeldOnset | None = None
    ) -> None:  # fmt: skip
        self.belief, self._grid, self.x, self.grown, self.held = believed, grid, np.array(x), grown, held
        self.of_crystals = np.array([one.name in OF_CRYSTALS for one in believed.unknown])
        self.steps = np.array([one.step for one in believed.unknown])
        self.true_move = np.eye(self.x.size)
        self._grows, self._walked, self._came = grown and held is None, 0, list[TrackedCell]()
        self.tracks = list[TrackedCell]()
        for step, asleep in zip(self._shifts(), [False, *self._asleep_now()], strict=True):
            self.tracks.append(self.tracks[0] if asleep else self._track(self.x + step))

    @property
    def time(self) -> float:
        """Seconds since field-on that the runs have come to."""
        return self.tracks[0].state.time

    @property
    def asleep(self) -> np.ndarray:
        """True for the unknowns of crystals while there are none, and for what comes later after a held onset."""
        waiting = ~self.walked
        waiting[: self.belief.walk.start] = False
        return np.asarray((self.of_crystals & (not self.grown)) | waiting)

    def go_on(
        self, voltage: MeasuredVoltage, until_s: float, looks: Looks | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """All runs to `until_s`; what the frames `looks` on the way see of the solution and of flat crystals, (2, frame), with
        derivatives, (2, frame, unknown)."""
        number = 0 if looks is None else looks.time.size
        seen, slope = np.zeros((2, number)), np.zeros((2, number, self.x.size))
        done = np.zeros(number, dtype=bool)
        while True:
            at_s = self._next_event()
            last = until_s < at_s
            here = ~done & (True if last or looks is None else looks.time <= at_s)
            part = looks.part(here) if looks is not None else None
            seen[:, here], slope[:, here] = self._went_on(voltage, min(until_s, at_s), part)
            done |= here
            if last:
                return seen, slope
            self._begin() if not self._grows else self._walk()

    def _next_event(self) -> float:
        """Time (s) of the held onset, or of the next change of the solubility after it; inf where there is none."""
        if self.held is None or self._walked == len(WALK):
            return math.inf
        return self.held.at_s if not self._grows else self.held.at_s + WALK_S[self._walked]

    def known(self, measure: Callable[[TrackedCell], float]) -> tuple[float, FloatArray]:
        """A quantity of the cell now, and its derivatives (unknown,)."""
        values = np.array([measure(track) for track in self.tracks])
        return float(values[0]), (values[1:] - values[0]) / self.steps

    def moved(self, step: FloatArray) -> RunAbout:
        """This run with the coordinates `step` (unknown,) from here: from its held onset on where only crystals' move, from
        field-on where others do, too."""
        x, held, k = self.belief.within(self.x + step), self.held, self.belief.number("solubility")
        if held is not None:
            held = replace(held, over_wall=held.over_wall + float(step[k]))
        if not self._came or np.any(step[~self.of_crystals] != 0.0):
            return RunAbout(self.belief, self._grid, x, grown=self.grown, held=held)
        other = copy(self)
        other.x, other.held, other.tracks = x, held, list(self._came)
        other.true_move, other._grows, other._walked = np.eye(x.size), False, 0
        return other

    def room(self) -> tuple[FloatArray, FloatArray]:
        """The lowest and the highest move that leave every unknown within its limits, (unknown,) each."""
        low, high = (np.array([getattr(one, end) for one in self.belief.unknown]) for end in ("low", "high"))
        return np.minimum(low - self.x, 0.0), np.maximum(high - self.x, 0.0)

    @property
    def walked(self) -> np.ndarray:
        """True for what the solubility has begun to change by since a held onset, (unknown,)."""
        begun = np.zeros(self.x.size, dtype=bool)
        begun[self.belief.walk] = np.arange(len(WALK)) < self._walked
        return begun

    def believed(self) -> tuple[FloatArray, FloatArray]:
        """How far the belief lies from here, and its sigma; 0 for what is asleep, (unknown,) each."""
        back, sigma = self.belief.x0 - self.x, np.where(self.asleep, 0.0, self.belief.sigma)
        if self.held is not None:
            k = self.belief.number("solubility")
            back[k], sigma[k] = self.held.centre - self.held.over_wall, self.held.sigma
        return back, sigma

    def news(self, persists: float) -> FloatArray:
        """What is new in each change of the solubility, as far as it has come, where the share `persists` of one goes on in the
        next: (change,)."""
        walk = self.x[self.belief.walk]
        told = np.linalg.solve(self.belief.by_news(self.walked, persists)[self.belief.walk, self.belief.walk], walk)
        return np.where(self.walked[self.belief.walk], told, 0.0)

    def _shifts(self) -> FloatArray:
        return np.concatenate([np.zeros((1, self.x.size)), np.diag(self.steps)])

    def _asleep_now(self) -> list[bool]:
        asleep = self.of_crystals & (not self._grows)
        asleep[self.belief.walk] = True
        return [bool(one) for one in asleep]

    def _track(self, x: FloatArray) -> TrackedCell:
        plant = self.belief.plant_at(x)
        return TrackedCell(plant if self._grows else with_solubility(plant, math.inf), self._grid)

    def _walk(self) -> None:
        """The next change of the solubility may begin: one run with it."""
        k, first = self.belief.walk.start + self._walked, self.tracks[0]
        self.tracks[1 + k] = first.changing((*first.changes, *self._ramp(self._walked, self.steps[k])))
        self._walked += 1

    def _ramp(self, number: int, by: float) -> Changes:
        """The logarithm of the solubility changed by `by` between two of WALK_S, evenly."""
        assert self.held is not None
        edges = np.linspace(WALK_S[number], WALK_S[number + 1], RAMP_PIECES + 1)
        middles = self.held.at_s + 0.5 * (edges[1:] + edges[:-1])
        return tuple((float(t), math.exp(by / RAMP_PIECES)) for t in middles) if by != 0.0 else ()

    def _begin(self) -> None:
        """Crystals from here on: each run with the solubility that its own wall has passed."""
        held = self.held
        assert held is not None
        k, self._grows = self.belief.number("solubility"), True
        self._came = self.tracks
        came = [track.state for track in self.tracks]
        walls = [math.log(track.wall_phi()) for track in self.tracks]
        self.x[k] = walls[0] + held.over_wall
        self.true_move[k] += (np.array(walls[1:]) - walls[0]) / self.steps
        self.tracks = []
        walk = sum((self._ramp(n, by) for n, by in enumerate(self.x[self.belief.walk])), ())
        for n, (state, wall, step) in enumerate(zip(came, walls, self._shifts(), strict=True)):
            if n > self.belief.walk.start:
                self.tracks.append(self.tracks[0])
                continue
            x = self.x + step
            x[k] += wall - walls[0]
            track = self._track(x)
            track.state = state
            track.lend(LENT_M)
            self.tracks.append(track.changing(walk))

    def _went_on(self, voltage: MeasuredVoltage, until_s: float, looks: Looks | None) -> tuple[FloatArray, FloatArray]:
        program = voltage.program(self.time, until_s)
        done = {id(track): track.go_on(program, until_s, looks) for track in dict.fromkeys(self.tracks)}
        seen = np.array([done[id(track)] for track in self.tracks])
        return seen[0], np.moveaxis((seen[1:] - seen[0]) / self.steps[:, None, None], 0, -1)
