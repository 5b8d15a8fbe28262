"""Whether crystals have begun, and at which phi: a bank of runs, each with a solubility of its own, weighed by the frames.

Derivatives do not see crystals that have not begun, and the wall passes one solubility after the other between two scans
that could tell. So every solubility that the wall passes gets a run that goes on from there, with crystals; all that lie
above it are one run without. What has next to no weight is given up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from ...nouns import FloatArray, VoltageProgram
from ...transport import Grid
from .beginning import Beginning, beginnings
from .belief import Belief, with_solubility
from .least_squares import Rows, solve
from .run_about import OF_CRYSTALS, HeldOnset
from .seen_crystals import SEEN, SEEN_FOLDS, SEEN_SPREAD, SHARES, SeenCrystals
from .tracked_cell import Looks, TrackedCell

SPACING, FINE = 0.03, 0.005
"""Of the logarithm of the solubilities in the bank; and once lines of crystals are seen, which tell the onset to seconds."""
UNSEEN_S, FINE_PIECE_S = 60.0, 10.0
"""Crystals may have begun so long before a look that shows no lines; from there on a run that is repeated looks every
FINE_PIECE_S which solubilities the wall has passed."""
FALSE, FALSE_RANGE = 14.0, 6.0
"""-2 ln of the probability that lines are of something else (one in a thousand), and over how many e-foldings their strength
may then lie, from what is just seen to all particles."""
COUNTS = 0.01
"""Weight of a run from which on it is looked at."""
TAIL, NEVER = 3.0, 0.1
"""Degrees of freedom of Student's distribution for the solubility, and the probability that nothing crystallises (chosen):
with a normal one crystals would be the likelier the longer none begin, and a flux that is right would be lowered for them."""
GIVEN_UP = 1e-4
"""Weight below which a solubility is not looked at again."""
BEYOND_SIGMA = 0.04
"""Of the logarithm of the wall's phi over the solubility when crystals begin (chosen): nothing is known of it before."""
PIECE_S = 60.0
"""A run that is repeated looks so often which solubilities the wall has passed."""
MANY, WEIGHED_EVERY = 8, 3
"""Runs with crystals from which on a bank that is filled again is weighed on its way, every so many pieces: a weighing costs
what a piece does."""
Weighed = Callable[["OnsetBank", npt.NDArray[np.intp]], None]


@dataclass(eq=False)
class Member:
    """One run: logarithm of phi at the wall at which its crystals begin (inf: none do), where it is, and what it predicts of
    the frames so far, the solution and flat crystals, (2, frame). since: time (s) from which on it has them, passed: logarithm
    of phi at the wall then."""

    log_onset: float
    track: TrackedCell
    seen: FloatArray
    weight: float = 1.0
    since: float = 0.0
    passed: float = math.inf
    begins: Beginning = field(default_factory=Beginning)

    @property
    def log_solubility(self) -> float:
        """Logarithm of the solubility, inf without crystals."""
        return self.log_onset - self.begins.beyond

    def crystals(self, near: npt.NDArray[np.bool_], lines: FloatArray, unknowns: int) -> SeenCrystals:
        """What frames see of this run's crystals; its unknowns do not move them."""
        crystals = self.seen[1]
        return SeenCrystals(crystals, np.zeros((crystals.size, unknowns)), near, lines, np.zeros(SHARES.size))


class OnsetBank:
    """Runs at the coordinates `x` of all other unknowns. `none`: without crystals; `begun`: with.

    spacing: of the logarithm of the solubilities. since_s: time (s) after which crystals may begin.
    dead: onsets (numbers of `spacing`, and how they begin) that are not tried again. begin: how they may begin, with
    probabilities; None: at the solubility.
    """

    def __init__(
        self, believed: Belief, grid: Grid, x: FloatArray, dead: frozenset[tuple[int, Beginning]] = frozenset(), *,
        spacing: float = SPACING, since_s: float = -math.inf, begin: dict[Beginning, float] | None = None,
    ) -> None:  # fmt: skip
        self.belief, self.grid, self.x, self.dead, self.spacing = believed, grid, x, dead, spacing
        track = TrackedCell(with_solubility(believed.plant_at(x), math.inf), grid)
        self.none, self.begun = Member(math.inf, track, np.zeros((2, 0))), list[Member]()
        k = believed.number("solubility")
        self._of_crystals = np.array([one.name in OF_CRYSTALS for one in believed.unknown])
        self._mean, self._sigma = float(believed.x0[k]), float(believed.sigma[k])
        self._beginnings = {Beginning(): 1.0} if begin is None else begin
        self._since = since_s
        self._passed = math.floor(believed.unknown[k].low / spacing)

    def again(
        self, x: FloatArray, program: VoltageProgram, until_s: float, looks: Looks, weighed: Weighed,
        begun_after: float | None = None,
    ) -> OnsetBank:  # fmt: skip
        """The same solubilities from field-on with other coordinates.

        weighed: weighs a bank by the frames of these numbers. begun_after: time (s) of the last look without lines, where lines
        were seen since: then those that the wall has passed since about then, FINE apart.
        """
        pieces = np.append(np.arange(PIECE_S, until_s, PIECE_S), until_s)
        if begun_after is None:
            other = OnsetBank(self.belief, self.grid, x, self.dead)
        else:
            k = self.belief.number("attachment_time")
            x = np.where(
                np.arange(x.size) == k, self.belief.x0, x
            )  # least squares know it of one law; its runs differ in it
            begin = min(max(begun_after - UNSEEN_S, FINE_PIECE_S), until_s)
            pieces = np.append(pieces[pieces < begin], np.append(np.arange(begin, until_s, FINE_PIECE_S), until_s))
            other = OnsetBank(self.belief, self.grid, x, spacing=FINE, since_s=begin, begin=self._alive())
        other._repeat(program, pieces, looks, weighed)
        return other

    def _alive(self) -> dict[Beginning, float]:
        """How crystals may begin: what has next to no weight at any onset that lines allow is not tried again."""
        if self.spacing > FINE or not self.begun:
            return beginnings()
        return {one: share for one, share in self._beginnings.items() if any(m.begins == one for m in self.begun)}

    def _repeat(self, program: VoltageProgram, edges: FloatArray, looks: Looks, weighed: Weighed) -> None:
        """From field-on in pieces that end at `edges` (s); solubilities are passed at their ends. Runs that the frames of
        WEIGHED_EVERY pieces have ruled out go no further, as when those frames came."""
        which = np.searchsorted(edges, looks.time)
        order = np.argsort(which, kind="stable")  # frames may have come late
        for number, end in enumerate(edges):
            here = which == number
            self.go_on(program, float(end), looks.part(here) if np.any(here) else None)
            if len(self.begun) >= MANY and number % WEIGHED_EVERY == 0 and end < edges[-1]:
                weighed(self, order[: np.count_nonzero(which <= number)])
        for member in self.members:
            member.seen = member.seen[:, np.argsort(order)]

    @property
    def members(self) -> list[Member]:
        return [self.none, *self.begun]

    @property
    def crystals(self) -> float:
        """Probability that there are some."""
        return 1.0 - self.none.weight

    @property
    def best(self) -> Member:
        return max(self.members, key=lambda m: m.weight)

    def onset(self) -> HeldOnset:
        """When crystals begin, over the wall's phi where the first run that counts has them; how far beyond the solubility,
        their lines do not tell."""
        best, counting = self.best_begun, self._counting()
        alike = [m for m in counting if not m.begins.beyond]
        first = best if best.begins.beyond else min(alike, key=lambda m: m.since)
        logs, weights = (np.array([getattr(m, name) for m in counting]) for name in ("log_solubility", "weight"))
        mean = float(weights @ logs / weights.sum())
        sigma = math.sqrt(float(weights @ (logs - mean) ** 2 / weights.sum()))
        over_wall = best.log_solubility - first.passed
        return HeldOnset(first.since, over_wall, mean - first.passed, math.hypot(sigma, BEYOND_SIGMA))

    def _counting(self) -> list[Member]:
        return [m for m in self.begun if m.weight > COUNTS] or [self.best_begun]

    @property
    def best_begun(self) -> Member:
        """The likeliest run with crystals."""
        return max(self.begun, key=lambda m: m.weight)

    def go_on(self, program: VoltageProgram, until_s: float, looks: Looks | None = None) -> None:
        """All runs to `until_s`, and a new one for each solubility that the wall has passed meanwhile."""
        for member in self.members:
            member.seen = np.concatenate([member.seen, member.track.go_on(program, until_s, looks)], axis=1)
        top = math.floor(math.log(self.none.track.wall_phi()) / self.spacing)
        for number in range(self._passed + 1, top + 1) if until_s > self._since else ():
            self._add(number)
        self._passed = max(self._passed, top)

    def unasked(self, predicted: FloatArray) -> None:
        """Frames that came late (frame,) tell no run from another until the bank is filled again."""
        for member in self.members:
            member.seen = np.concatenate([member.seen, [predicted, np.zeros(predicted.size)]], axis=1)

    def weigh(
        self, rows: Rows, own_sigma: FloatArray, near: npt.NDArray[np.bool_], misfit: float, lines: FloatArray
    ) -> None:
        """Weights from the frames and from what was believed of the solubility; members without any are given up.

        own_sigma (frame,): also of the frames at the anode, `near` (frame,), which do not count in `rows`. lines (2, frame):
        phi of crystals by their lines and its sigma, NaN where none were seen.
        """
        members = sorted(self.members, key=lambda m: m.log_onset)
        costs = np.array([self._cost(member, rows, own_sigma, near, misfit, lines) for member in members])
        believed = np.array([self._believed(m) for m in members]) + 1e-12
        for member, share in zip(members, _shares(believed, costs), strict=True):
            member.weight = float(share)
        self.dead |= {self._name(m) for m in self.begun if m.weight < GIVEN_UP}
        self.begun = [m for m in self.begun if self._name(m) not in self.dead]

    def _cost(
        self, member: Member, rows: Rows, own_sigma: FloatArray, near: npt.NDArray[np.bool_], misfit: float, lines: FloatArray
    ) -> float:  # fmt: skip
        """What the frames leave of a run, -2 ln of their probability, with lines where there are some.

        Without lines nothing holds the frames at the anode together: each may be off as far as all of them.
        """
        believed = np.where(self._of_crystals, 0.0, self.belief.sigma)
        back = np.append(self.belief.x0 - self.x, np.zeros(SHARES.size))
        seen, rows = member.crystals(near, lines, self.x.size), replace(rows, predicted=member.seen[0])

        def left(against: Rows, own: FloatArray, shares: FloatArray) -> float:
            told = shares * against.slope[:, -shares.size :] / against.sigma[:, None]
            volume = float(np.linalg.slogdet(np.eye(shares.size) + told.T @ told)[1])  # of what the frames rule out
            counts = np.isfinite(against.sigma)
            wider = 2.0 * float(np.sum(np.log(against.sigma[counts] / own[counts])))
            return solve(against, back, np.append(believed, shares), misfit).cost + volume + wider

        alone = left(seen.against(rows, own_sigma, SEEN * SEEN_FOLDS), own_sigma, np.zeros(SHARES.size))
        shown = seen.against_lines()
        if not shown.measured.size:
            return alone
        own = np.append(own_sigma, lines[1, np.isfinite(lines[0])])
        both = seen.against(rows, own_sigma, SEEN_SPREAD * seen.shown()).and_those(shown)
        return min(left(both, own, SHARES), alone + _against_false_lines(lines))

    def _believed(self, member: Member) -> float:
        """Probability of the solubilities that a member stands for, before any frame."""
        if math.isinf(member.log_onset):
            return self._above(self._passed + 0.5)
        number, begins = self._name(member)
        return (self._above(number - 0.5) - self._above(number + 0.5)) * self._beginnings[begins]

    def _above(self, number: float) -> float:
        """Probability of a solubility above that number of `spacing`, or of none, before any frame."""
        return NEVER + (1.0 - NEVER) * float(stdtr(TAIL, (self._mean - number * self.spacing) / self._sigma))

    def _add(self, number: int) -> None:
        """Runs with crystals from where the one without them is now; they take their share of that one's weight."""
        track, onset = self.none.track, number * self.spacing
        since, passed = track.state.time, math.log(track.wall_phi())
        whole = self.none.weight * (1.0 - self._above(number + 0.5) / self._above(number - 0.5))
        for begins, share in self._beginnings.items():
            if (number, begins) in self.dead:
                continue
            solubility = math.exp(onset - begins.beyond)
            grown = begins.cell(with_solubility(self.belief.plant_at(self.x), solubility), self.grid)
            grown.state = track.state
            self.none.weight -= whole * share
            self.begun.append(Member(onset, grown, self.none.seen.copy(), whole * share, since, passed, begins))

    def _name(self, member: Member) -> tuple[int, Beginning]:
        return round(member.log_onset / self.spacing), member.begins


def _shares(believed: FloatArray, costs: FloatArray) -> FloatArray:
    """Probabilities from what was believed before and -2 ln of the likelihoods."""
    weight = believed * np.exp(-0.5 * (costs - costs.min()))
    return np.asarray(weight / weight.sum())


def _against_false_lines(lines: FloatArray) -> float:
    """What lines leave of the belief that they are of something else (`SeenCrystals.against_lines`): of any strength, every
    one alike in its logarithm. Crystals that grow as a run says are soon far better."""
    phi, sigma = lines[:, np.isfinite(lines[0])]
    return FALSE + 2.0 * float(np.sum(np.log(FALSE_RANGE * phi / (math.sqrt(2.0 * math.pi) * sigma))))
