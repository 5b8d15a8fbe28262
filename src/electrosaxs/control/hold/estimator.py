"""The cell's unknowns from all frames so far: least squares about a run of the transport model along the measured voltage.

The model and its derivatives (one run more for each unknown) go on with the clock. A frame adds a row to the normal
equations, so that the estimate follows it at once; where the estimate has moved away from the run, the model is run
again from field-on at the new estimate (Gauss-Newton over all frames). Whether crystals have begun is not a matter of
derivatives: a bank of runs says (`onset_bank`). Why not another filter: docs/decisions/0026; how a flux is steered
while crystals may be beginning: 0052.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...errors import ElectrosaxsError
from ...nouns import FloatArray
from ...transport import Grid
from .after_onset import after_onset, cost_of_walk
from .belief import Belief
from .estimate import Estimate
from .expected_frames import cost_of_run, expected
from .least_squares import Rows, Solution, solve
from .measured_voltage import MeasuredVoltage
from .onset_bank import FINE, OnsetBank
from .run_about import RunAbout
from .scan_balance import FEWEST_FRAMES, excess
from .seen_crystals import SEEN_SPREAD, SHARES, SeenCrystals
from .steering import LIKELY, steered_by
from .tracked_cell import Footprints, Looks, TrackedCell

MODEL_SHARE, MODEL_FLOOR = 0.01, 0.01
"""Of phi that the model itself may be off by, and of the starting phi: no frame counts for more."""
FLUX_SHARE, WALL_SHARE = 0.01, 0.003
"""Of the flux, and of phi at the wall, that grid, size classes and steps of the model leave open."""
REACH = 8.0
"""Largest move in one run of the model, in steps of the derivatives."""
MOVED, MOVED_CRYSTALS = 0.3, 1.0
"""A move of the estimate by so many of its own sigmas asks for a new run of the model; of the unknowns of crystals, in which
frames are nearly linear."""
WALKED = 0.03
"""And so does one of the solubility's changes by so much: frames are linear in them, but for the size of particles."""
LEFT_OUT_SIGMA = 5.0
"""A frame farther than this from what is expected does not count, unless many agree (`believe_frames`)."""
MOST_RUNS = 3
TRIED_AGAIN = 14
"""Frames after which a run that explained them no better is tried again, once crystals are sure: moved as far as it is linear
the estimate follows them without."""
NOT_MORE = 1e-3
"""Weight of no crystals below which they are sure."""


class Estimator:
    """Frames and voltages in, an estimate out. run: the model where the estimate is, with its derivatives.

    attenuation: of the beam in the solution, per phi (`tracked_cell.as_absorbed`). waits: crystals count for the voltage
    once they are LIKELY, not before.
    """

    waits = False

    def __init__(self, believed: Belief, grid: Grid, *, fwhm_um: float, attenuation: float = 0.0) -> None:
        self.belief, self._grid, self.voltage = believed, grid, MeasuredVoltage()
        self._footprints, self._fwhm = Footprints(grid, fwhm_um, attenuation=attenuation), fwhm_um
        self._time: list[float] = []
        self._height: list[float] = []
        self._lines = np.zeros((2, 0))
        self.run = RunAbout(believed, grid, believed.x0)
        self.bank: OnsetBank | None = OnsetBank(believed, grid, self.run.x)
        self._rows, self._own = Rows.none(self.run.x.size), np.zeros(0)
        self._flat = (np.zeros(0), np.zeros((0, self.run.x.size)))
        self._shares = np.zeros(SHARES.size)
        self._near = self._far = np.zeros(0, dtype=bool)
        self.solution = self._solved()
        self._since_run = 0

    @property
    def time(self) -> float:
        """Seconds since field-on that the model has come to."""
        return self.run.time

    def go_on(self, until_s: float) -> None:
        """Let the model come to `until_s` (s) along the measured voltage."""
        self._observed(until_s, None)

    def touches(self, height_um: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether a beam at these heights above the anode touches what grows there."""
        return np.asarray(height_um) < self._fwhm

    def sees(self, height_um: float) -> bool:
        """Whether a beam at this height above the anode passes through the cell."""
        return self._footprints.passes(height_um)

    def add(
        self, time_s: FloatArray, height_um: FloatArray, phi: FloatArray, sigma: FloatArray, lines: FloatArray | None = None
    ) -> FloatArray:  # fmt: skip
        """Frames in the order of their times; returns how far each was from what was expected, in sigma of the difference.

        `sigma` is a frame's own; what the model may be off by is added. lines (2, frame): phi of the crystals whose lines it
        shows, and its sigma, NaN where it shows none. The estimate follows.
        """
        lines = np.full((2, phi.size), np.nan) if lines is None else lines
        self._lines = np.concatenate([self._lines, lines], axis=1)
        late, number = bool(np.min(time_s) < self.time), phi.size
        own = np.hypot(sigma, MODEL_SHARE * phi)
        own = np.hypot(own, MODEL_FLOOR * self.belief.plant.solution.volume_fraction)
        # crystals stand in a beam that touches the anode, and nobody knows how
        near = self.touches(height_um) & self._crystals_possible()
        self._own, self._near = np.concatenate([self._own, own]), np.concatenate([self._near, near])
        self._far = np.concatenate([self._far, np.zeros(number, dtype=bool)])
        own = np.where(near, np.inf, own)
        self._time += [float(t) for t in time_s]
        self._height += [float(z) for z in height_um]
        if late:  # the whole way again
            self._rows = self._rows.and_those(Rows(phi, own, phi, np.zeros((number, self.run.x.size))))
            self._run(
                RunAbout(self.belief, self._grid, self.run.x, grown=self.run.grown, held=self.run.held), self.time
            )
            if self.bank is not None:
                self.bank.unasked(self._rows.predicted[-number:])
        else:
            seen, slope = self._observed(max(float(time_s[-1]), self.time), self._footprints.looks(time_s, height_um))
            self._flat = (np.append(self._flat[0], seen[1]), np.concatenate([self._flat[1], slope[1]]))
            self._rows = self._rows.and_those(Rows(phi, own, seen[0], slope[0]))
        expected, spread = self._expected(number)
        off = (phi - expected) / spread
        self._far[-number:] = np.abs(off) > LEFT_OUT_SIGMA
        self._since_run += number
        self._count()
        return np.asarray(off)

    def believe_frames(self) -> None:
        """Frames that were left out because nothing like them was expected count from now on: the estimate was wrong."""
        self._far[:] = False
        self._since_run = FEWEST_FRAMES
        self._count()

    def _count(self) -> None:
        """The estimate from the frames that count."""
        sigma = np.where(self._near | self._far, np.inf, self._own)
        self._rows = replace(self._rows, sigma=sigma)
        self.solution = self._solved()
        if self.bank is None or self.bank.spacing > FINE:  # lines are looked for, and tell at once
            self._weigh()

    def _crystals_possible(self) -> bool:
        return self.bank is None or self.bank.none.weight < 1.0 - NOT_MORE

    def _expected(self, number: int) -> tuple[FloatArray, FloatArray]:
        """What the last `number` frames were expected to read before they were counted, and the sigma of the difference."""
        mean, variance = expected(self._rows, self.solution, self.bank, number)
        return mean, np.sqrt(variance + (self.solution.misfit * self._rows.sigma[-number:]) ** 2)

    def settle(self) -> bool:
        """Run the model again where the estimate has moved away from its run; True where it did."""
        if self._since_run < FEWEST_FRAMES and not self._lines_are_new():
            return False
        self._since_run = 0
        if self._lines_are_new():
            self._fill_bank()
        else:
            self._weigh()
        ran, crystals = self._with_crystals(), self.run.of_crystals
        for _ in range(int(not ran) if self.run.grown else MOST_RUNS):
            move, spread = self.solution.move[:-1], np.sqrt(np.diag(self.solution.covariance)[:-1])
            moved = np.abs(move) > np.where(crystals, MOVED_CRYSTALS, MOVED) * spread
            moved[self.belief.walk] = np.abs(np.cumsum(move[self.belief.walk])) > WALKED
            if not np.any(moved[~crystals]):
                move = np.where(crystals, move, 0.0)  # from the onset on
            if not (np.any(moved) and self._moved(move)):
                break
            ran = True
        if self._bank_is_behind():
            self._fill_bank()
        return ran

    def _bank_is_behind(self) -> bool:
        """The run has moved away from the bank's in what is no matter of crystals."""
        spread = np.sqrt(np.diag(self.solution.covariance)[:-1])
        others = ~self.run.of_crystals
        return self.bank is not None and bool(np.any((np.abs(self.run.x - self.bank.x) > MOVED * spread)[others]))

    def start_again(self, until_s: float) -> None:
        """From the belief, with all frames so far."""
        self.bank, self._shares = OnsetBank(self.belief, self._grid, self.belief.x0), np.zeros(SHARES.size)
        self._run(RunAbout(self.belief, self._grid, self.belief.x0), until_s)
        self._fill_bank()

    def _moved(self, move: FloatArray) -> bool:
        """The model run where the estimate is, as far as one run may go; False where it explains the frames no better."""
        kept, cost = (self.run, self._rows, self._flat, self._shares, self.solution), self._cost()
        step = move / max(1.0, float(np.max(np.abs(move) / (REACH * self.run.steps))))
        for share in (1.0, 0.3) if self.bank is not None else (1.0,):
            try:
                self._run(kept[0].moved(share * step), kept[0].time)
            except ElectrosaxsError:
                pass
            else:
                if self._cost() < cost + 0.1:
                    return True
            self.run, self._rows, self._flat, self._shares, self.solution = kept
        if self.bank is None:
            self._since_run -= TRIED_AGAIN
        return False

    def _cost(self) -> float:
        misfit = self.solution.misfit
        if self.bank is None:
            left = cost_of_run(self._with_lines(self._shares), self.run, misfit, (-self._shares, SHARES))
            return left + cost_of_walk(self.run)
        return cost_of_run(self._rows, self.run, misfit)

    def estimate(self, voltage_V: float) -> Estimate:
        """What is known now, at this voltage."""
        flux, flux_sigma = self._known(lambda track: track.slice_flux(voltage_V), FLUX_SHARE)
        wall, wall_sigma = self._known(TrackedCell.wall_phi, WALL_SHARE)
        supply, supply_slope = self.run.known(lambda track: track.supply_per_volt() * voltage_V)
        variance, move = self.solution.covariance[:-1, :-1], self.solution.move[:-1]
        values, ends = self._values()
        first, likely = self.run.tracks[0], 1.0 if self.bank is None else self.bank.crystals
        supply += float(supply_slope @ move)
        return Estimate(
            self.time, flux, flux_sigma,
            supply, math.hypot(math.sqrt(float(supply_slope @ variance @ supply_slope)), 0.1 * FLUX_SHARE * supply),
            values["effective_charge"], ends["effective_charge"], wall, wall_sigma, values, ends, self.solution.misfit,
            first.crystals_m(), first.dissolved_m(), likely,
        )  # fmt: skip

    def solubility(self) -> float:
        """phi at which crystals are steered by, or are expected to begin."""
        if self.bank is not None and self.bank.none.weight <= 1.0 - LIKELY:
            counting = [(m.weight, m.log_solubility) for m in self.bank.begun]
            return math.exp(sum(w * log for w, log in counting) / sum(w for w, _ in counting))
        return self._values()[0]["solubility"]

    def _values(self) -> tuple[dict[str, float], dict[str, float]]:
        """The unknowns and their sigmas by name; of the solubility, what it has changed by since crystals began."""
        moves = self.run.true_move.copy()
        moves[self.belief.number("solubility")] += self.run.walked
        x = self.run.x + moves @ self.solution.move[:-1]
        x[self.belief.number("solubility")] += float(self.run.x @ self.run.walked)
        spread = np.sqrt(np.diag(moves @ self.solution.covariance[:-1, :-1] @ moves.T))
        x = np.where(self.run.asleep, self.belief.x0, self.belief.within(x))
        three = list(zip(self.belief.unknown, x, np.where(spread > 0.0, spread, self.belief.sigma), strict=True))
        return (
            {u.name: u.value(c) for u, c, _ in three},
            {u.name: 0.5 * abs(u.value(c + s) - u.value(c - s)) for u, c, s in three},
        )

    def _known(self, measure: Callable[[TrackedCell], float], share: float) -> tuple[float, float]:
        """A quantity of the cell now and its sigma: of the run, moved by the estimate and to the runs that are steered by;
        the sigma has what all runs of the bank leave, and the `share` that the model leaves open."""
        value, slope = self.run.known(measure)
        if self.bank is not None:  # it knows of the onset what derivatives do not
            slope = np.where(self.run.of_crystals, 0.0, slope)
        variance = float(slope @ self.solution.covariance[:-1, :-1] @ slope)
        mixed, spread = self._mixed(measure)
        moved = value + mixed + float(slope @ self.solution.move[:-1])
        return moved, math.sqrt(variance + spread + (share * value) ** 2)

    def runs(self) -> list[tuple[float, TrackedCell]]:
        """The runs that are steered by, with their weights (sum 1)."""
        if self.bank is None or not self.bank.begun:
            return [(1.0, self.run.tracks[0])]
        return steered_by(self.bank, waits=self.waits)

    def _mixed(self, measure: Callable[[TrackedCell], float]) -> tuple[float, float]:
        """What the runs that are steered by add to a quantity of the estimate's run, and the variance that all runs of the
        bank leave about that."""
        if self.bank is None:
            return 0.0, 0.0
        mean = sum(weight * measure(track) for weight, track in self.runs())
        spread = sum(m.weight * (measure(m.track) - mean) ** 2 for m in self.bank.members)
        return mean - measure(self.run.tracks[0]), spread

    def excess(self, last: int) -> float:
        """Particle volume of the last `last` frames over what the estimate has in solution there, in sigma of it.

        Every frame counts with the height that it stands for: a mass balance of what is seen.
        """
        rows, (mean, _) = self._rows, expected(self._rows, self.solution, self.bank, last)
        own = self._own[-last:] * self.solution.misfit
        common = math.sqrt(float(self.solution.covariance[-1, -1])) * rows.predicted[-last:]
        counts = np.isfinite(rows.sigma[-last:])
        return excess(np.array(self._height[-last:]), rows.measured[-last:] - mean, own, common, counts)

    def _solved(self) -> Solution:
        misfit = self.solution.misfit if hasattr(self, "solution") else 1.0
        if self.bank is not None:
            return solve(self._rows, *self.run.believed(), misfit, self.run.room())
        solution, self._shares = after_onset(self._with_lines, self.run, misfit, self._shares)
        return solution

    def _with_lines(self, shares: FloatArray) -> Rows:
        """All frames and lines against the run, the crystals showing what `shares` (3,) say."""
        seen = SeenCrystals(*self._flat, self._near, self._lines, shares)
        return seen.against(self._rows, self._own, SEEN_SPREAD * seen.shown()).and_those(seen.against_lines())

    def _run(self, run: RunAbout, until_s: float) -> None:
        """`run` to `until_s`, from field-on or from where it is; the estimate from there."""
        looks = self._all_looks()
        here = looks.time > run.time if run.time > 0.0 else np.ones(looks.time.size, dtype=bool)
        self.run, (seen, slope) = run, run.go_on(self.voltage, until_s, looks.part(here))
        predicted, by, flat = self._rows.predicted.copy(), self._rows.slope.copy(), np.zeros(looks.time.size)
        by_flat = np.zeros_like(by)
        (predicted[here], flat[here]), (by[here], by_flat[here]) = seen, slope
        self._rows, self._flat = replace(self._rows, predicted=predicted, slope=by), (flat, by_flat)
        self.solution = self._solved()

    def _all_looks(self) -> Looks:
        return self._footprints.looks(np.array(self._time), np.array(self._height))

    def _observed(self, until_s: float, looks: Looks | None) -> tuple[FloatArray, FloatArray]:
        """Everything to `until_s`, and what frames on the way saw with its derivatives, (2, frame) and (2, frame, unknown)."""
        if self.bank is not None:
            self.bank.go_on(self.voltage.program(self.time, until_s), until_s, looks)
        return self.run.go_on(self.voltage, until_s, looks)

    def _weigh(self) -> None:
        if self.bank is not None:
            self._weigh_by(self.bank, np.arange(self._own.size))

    def _fill_bank(self) -> None:
        """The bank again, at the coordinates of the run."""
        if self.bank is not None:
            program = self.voltage.program(0.0, self.time)
            looks, begun = self._all_looks(), self._begun_after()
            self.bank = self.bank.again(self.run.x, program, self.time, looks, self._weigh_by, begun)
            self._weigh()

    def _weigh_by(self, bank: OnsetBank, frames: npt.NDArray[np.intp]) -> None:
        """`bank` by these frames, as far as they have come (they are its own)."""
        rows, own, near = self._rows.part(frames), self._own[frames], self._near[frames]
        bank.weigh(rows, own, near, self.solution.misfit, self._lines[:, frames])

    def _begun_after(self) -> float | None:
        """Time (s) of the last look at the anode before lines of crystals were seen; None where none were."""
        shown = np.isfinite(self._lines[0])
        if not shown.any():
            return None
        time = np.array(self._time)
        before = self.touches(np.array(self._height)) & (time < time[shown].min())
        return float(time[before].max(initial=0.0))

    def _lines_are_new(self) -> bool:
        """The bank does not know of the lines that have been seen."""
        return self.bank is not None and self.bank.spacing > FINE and self._begun_after() is not None

    def _with_crystals(self) -> bool:
        """Crystals that are sure are followed from their onset on, and the bank is closed; True where it was.

        Its runs follow laws of their own: they tell when, and least squares with their frames and lines what comes then.
        """
        if self.bank is None or self.bank.none.weight >= 1.0 - LIKELY:
            return False
        x, held = self.run.x + self.solution.move[:-1], self.bank.onset()
        x[self.run.of_crystals] = self.bank.x[self.run.of_crystals]
        self.bank = None
        self._run(RunAbout(self.belief, self._grid, self.belief.within(x), grown=True, held=held), self.time)
        return True
