"""Whether crystals have begun, and at which phi: a bank of runs, each with a solubility of its own, weighed by the frames.

Derivatives do not see crystals that have not begun, and the wall passes one solubility after the other between two scans
that could tell. So every solubility that the wall passes gets a run that goes on from there, with crystals; all that lie
above it are one run without. What has next to no weight is given up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from ...nouns import FloatArray, VoltageProgram
from ...transport import Grid
from .beginning import Beginning, beginnings
from .belief import WALK, Belief, with_solubility
from .least_squares import Rows, solve
from .run_about import HeldOnset
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
SEEN, SEEN_SIGMA = 0.65, 0.35
"""What a beam at the anode reads of crystals over what it would of flat ones: they stand on a rough, tilted anode."""
GROWN, DISORDERED = 0.2, 0.35
"""By so much what shows may change while crystals grow, that in the shadow of others, say; so much less lines may show than
phi does: a deposit is not all crystal (chosen)."""
SHARES = np.array([SEEN_SIGMA, GROWN, DISORDERED])
"""Sigmas of those unknowns."""
SEEN_SPREAD = 0.1
"""Scatter between frames of what crystals read, of that; what is above all frames share."""
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
    walk: FloatArray = field(default_factory=lambda: np.zeros(len(WALK)))

    @property
    def log_solubility(self) -> float:
        """Logarithm of the solubility, inf without crystals."""
        return self.log_onset - self.begins.beyond

    def against(
        self, rows: Rows, own_sigma: FloatArray, near: npt.NDArray[np.bool_], scatter: float, by_walk: FloatArray
    ) -> tuple[Rows, float]:  # fmt: skip
        """The frames against this run, and what the width of their sigmas adds to chi-squared.

        A beam that touches the anode (`near`) may see crystals, less than flat ones would give: by how much, and how that
        changes as they grow, are unknowns that all frames share, with a relative `scatter` between them. The columns of SHARES.
        """
        dissolved, crystals = self.seen
        there = np.where(near, crystals, 0.0)
        sigma = np.where(near, np.hypot(own_sigma, scatter * crystals), rows.sigma)
        shares = np.column_stack([there, self._grown(there), np.zeros(there.size)])
        slope = np.concatenate([rows.slope, shares], axis=1)
        if math.isfinite(self.log_onset):
            slope[:, rows.slope.shape[1] - len(WALK) : rows.slope.shape[1]] += np.where(
                near[:, None], SEEN * by_walk, 0.0
            )
        return Rows(rows.measured - SEEN * there, sigma, dissolved, slope), _width(sigma[near], own_sigma[near])

    def _grown(self, crystals: FloatArray) -> FloatArray:
        """Crystals (frame,) times how far they have grown, from 0 to 1."""
        return crystals * crystals / max(float(self.seen[1].max(initial=0.0)), 1e-30)

    def shown(self, lines: FloatArray) -> float:
        """Of this run's crystals, what all lines together show."""
        seen = np.isfinite(lines[0])
        crystals = self.seen[1, seen]
        return float(lines[0, seen] @ crystals) / max(float(crystals @ crystals), 1e-30)

    def against_lines(self, lines: FloatArray, unknowns: int, by_walk: FloatArray) -> tuple[Rows, float]:
        """The same of the crystals that lines show (phi and its sigma, (2, frame), NaN where none were seen): how much less of
        flat ones lines show than phi is the last unknown."""
        seen = np.isfinite(lines[0])
        phi, own = lines[:, seen]
        crystals = self.seen[1, seen]
        sigma = np.hypot(own, SEEN_SPREAD * phi)
        shares = np.column_stack([crystals, self._grown(crystals), -crystals])
        slope = np.concatenate([np.zeros((phi.size, unknowns - len(WALK))), SEEN * by_walk[seen], shares], axis=1)
        return Rows(phi - SEEN * crystals, sigma, np.zeros(phi.size), slope), _width(sigma, own)


class OnsetBank:
    """Runs at the coordinates `x` of all other unknowns. `none`: without crystals; `begun`: with.

    spacing: of the logarithm of the solubilities. since_s: time (s) after which crystals may begin.
    dead: onsets (numbers of `spacing`, and how they begin) that are not tried again. none_by_solution: probability that there
    are no crystals, lines left aside. begin: how they may begin, with probabilities; None: at the solubility.
    """

    def __init__(
        self, believed: Belief, grid: Grid, x: FloatArray, dead: frozenset[tuple[int, Beginning]] = frozenset(), *,
        spacing: float = SPACING, since_s: float = -math.inf, begin: dict[Beginning, float] | None = None,
    ) -> None:  # fmt: skip
        self.belief, self.grid, self.x, self.dead, self.spacing = believed, grid, x, dead, spacing
        track = TrackedCell(with_solubility(believed.plant_at(x), math.inf), grid)
        self.none, self.begun = Member(math.inf, track, np.zeros((2, 0))), list[Member]()
        k = believed.number("solubility")
        self.none_by_solution = 1.0
        self._mean, self._sigma = float(believed.x0[k]), float(believed.sigma[k])
        self._beginnings = {Beginning(): 1.0} if begin is None else begin
        self.open, self._since = True, since_s
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
        return [self.none, *self.begun] if self.open else self.begun

    @property
    def crystals(self) -> float:
        """Probability that there are some."""
        return 1.0 - self.none.weight

    def beginning(self, speed: float | None) -> float:
        """Probability that crystals cover the anode at that speed."""
        return sum(m.weight for m in self.begun if m.begins.speed == speed)

    @property
    def best(self) -> Member:
        return max(self.members, key=lambda m: m.weight)

    def onset(self) -> HeldOnset:
        """When crystals begin, over the wall's phi where the first run that counts has them."""
        best, (mean, sigma) = self.best_begun, self.log_solubility()
        alike = [m for m in self._counting() if not m.begins.beyond]
        first = best if best.begins.beyond else min(alike, key=lambda m: m.since)
        over_wall = best.log_solubility - first.passed
        return HeldOnset(first.since, over_wall, mean - first.passed, sigma, best.begins.speed)

    def log_solubility(self) -> tuple[float, float]:
        """Logarithm of the solubility and its sigma, where there are crystals."""
        counting = self._counting()
        total = sum(m.weight for m in counting)
        mean = sum(m.weight * m.log_solubility for m in counting) / total
        variance = sum(m.weight * (m.log_solubility - mean) ** 2 for m in counting) / total
        return mean, math.hypot(math.sqrt(variance), self.between)

    @property
    def between(self) -> float:
        """Sigma of the logarithm of the solubility by what lies between the likeliest run with crystals and the next."""
        return math.hypot(self.spacing / math.sqrt(12.0), self.best_begun.begins.between)

    def spread(self, measure: Callable[[TrackedCell], float]) -> float:
        """Variance of a quantity of the cell between the runs."""
        values, weights = np.array([measure(m.track) for m in self.members]), np.array([m.weight for m in self.members])
        mean = weights @ values / weights.sum()
        return float(weights @ (values - mean) ** 2 / weights.sum())

    def _counting(self) -> list[Member]:
        return [m for m in self.begun if m.weight > COUNTS] or [self.best_begun]

    @property
    def x_of_best(self) -> FloatArray:
        """Coordinates at which the likeliest run with crystals is, with what its solubility has changed by."""
        x = self.x.copy()
        x[self.belief.number("solubility")] = self.best_begun.log_solubility
        x[self.belief.walk] = self.best_begun.walk
        return x

    @property
    def best_begun(self) -> Member:
        """The likeliest run with crystals."""
        return max(self.begun, key=lambda m: m.weight)

    def go_on(self, program: VoltageProgram, until_s: float, looks: Looks | None = None) -> None:
        """All runs to `until_s`, and a new one for each solubility that the wall has passed meanwhile."""
        for member in self.members:
            member.seen = np.concatenate([member.seen, member.track.go_on(program, until_s, looks)], axis=1)
        if not self.open:
            return
        top = math.floor(math.log(self.none.track.wall_phi()) / self.spacing)
        for number in range(self._passed + 1, top + 1) if until_s > self._since else ():
            self._add(number)
        self._passed = max(self._passed, top)

    def close(self) -> None:
        """Crystals are sure, and no more begin: the runs that count are left, as what they leave open."""
        self.open, self.begun, self.none.weight = False, self._counting(), 0.0
        total = sum(m.weight for m in self.begun)
        for member in self.begun:
            member.weight /= total

    def unasked(self, predicted: FloatArray) -> None:
        """Frames that came late (frame,) tell no run from another until the bank is filled again."""
        for member in self.members:
            member.seen = np.concatenate([member.seen, [predicted, np.zeros(predicted.size)]], axis=1)

    def weigh(
        self, rows: Rows, own_sigma: FloatArray, near: npt.NDArray[np.bool_], misfit: float, lines: FloatArray,
        walk: tuple[FloatArray, float],
    ) -> None:  # fmt: skip
        """Weights from the frames and from what was believed of the solubility; members without any are given up.

        own_sigma (frame,): also of the frames at the anode, `near` (frame,), which do not count in `rows`. lines (2, frame):
        phi of crystals by their lines and its sigma, NaN where none were seen.
        """
        members = sorted(self.members, key=lambda m: m.log_onset)
        pairs = [self._costs(member, rows, own_sigma, near, misfit, lines, walk) for member in members]
        alone, with_lines = np.array(pairs).T
        believed = np.array([self._believed(m) for m in members]) + 1e-12
        self.none_by_solution = float(_shares(believed, alone)[-1])  # the last one: no solubility is too low
        for member, share in zip(members, _shares(believed, with_lines), strict=True):
            member.weight = float(share)
        self.dead |= {self._name(m) for m in self.begun if m.weight < GIVEN_UP}
        self.begun = [m for m in self.begun if self._name(m) not in self.dead]

    def _costs(
        self, member: Member, rows: Rows, own_sigma: FloatArray, near: npt.NDArray[np.bool_], misfit: float, lines: FloatArray,
        walk: tuple[FloatArray, float],
    ) -> tuple[float, float]:  # fmt: skip
        """What the frames leave of a run, -2 ln of their probability: the solution alone, and with the lines.

        Without lines nothing holds the frames at the anode together: each may be off as far as all of them.
        """
        of_crystals = [self.belief.number("solubility"), self.belief.number("attachment_time")]
        believed = self.belief.sigma.copy()
        believed[of_crystals] = 0.0
        begun = math.isfinite(member.log_onset)
        told_walk = np.any(rows.slope[:, self.belief.walk] != 0.0, axis=0) & begun
        by_walk, scale = walk
        believed[self.belief.walk] *= told_walk * scale
        back = np.append(self.belief.x0 - self.x, np.zeros(SHARES.size))
        back[self.belief.walk] = 0.0  # its track has none

        def left(against: Rows, width: float, shares: FloatArray) -> tuple[float, FloatArray]:
            of_run = np.concatenate([believed[self.belief.walk], shares])
            told = of_run * against.slope[:, -of_run.size :] / against.sigma[:, None]
            volume = float(np.linalg.slogdet(np.eye(of_run.size) + told.T @ told)[1])  # of what the frames rule out
            found = solve(against, back, np.append(believed, shares), misfit)
            return found.cost + width + volume, found.move[self.belief.walk]

        alone, member.walk = left(*member.against(rows, own_sigma, near, SEEN_SIGMA, by_walk), np.zeros(SHARES.size))
        shown, wider = member.against_lines(lines, self.x.size, by_walk)
        if not shown.measured.size:
            return alone, alone
        frames, width = member.against(rows, own_sigma, near, SEEN_SPREAD * member.shown(lines), by_walk)
        together, moved = left(frames.and_those(shown), width + wider, SHARES)
        false = alone + _against_false_lines(lines)
        if together < false:
            member.walk = moved
        return alone, min(together, false)

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


def _width(sigma: FloatArray, own: FloatArray) -> float:
    """What sigmas that are wider than the frames' own add to chi-squared."""
    return 2.0 * float(np.sum(np.log(sigma / own)))


def _against_false_lines(lines: FloatArray) -> float:
    """What lines leave of the belief that they are of something else, as `Member.against_lines`: of any strength, every one
    alike in its logarithm. Crystals that grow as a run says are soon far better."""
    phi, sigma = lines[:, np.isfinite(lines[0])]
    return FALSE + 2.0 * float(np.sum(np.log(FALSE_RANGE * phi / (math.sqrt(2.0 * math.pi) * sigma))))
