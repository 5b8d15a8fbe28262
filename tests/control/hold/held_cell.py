"""A small cell with a truth of its own, and the loop around it; frames are numbers with noise, not images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from electrosaxs.control.hold.beginning import Beginning
from electrosaxs.control.hold.belief import belief, with_solubility
from electrosaxs.control.hold.estimator import Estimator
from electrosaxs.control.hold.holder import Decision, Holder, Wanted
from electrosaxs.control.hold.tracked_cell import Footprints, TrackedCell
from electrosaxs.control.limits import Limits
from electrosaxs.control.plant import Plant
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import VoltageProgram
from electrosaxs.transport import SizeClasses, graded_grid

EXAMPLE = Path(__file__).parents[3] / "examples" / "plan_constant_flux.toml"
HEIGHTS_UM = np.array([0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 600.0, 1400.0, 2600.0, 3400.0])
FWHM_UM = 34.0
LINES_SIGMA = 4e-4
GRID = graded_grid(3.5e-3, shortest_decay=8e-5, cells=70)


def plant_with(**values: float) -> Plant:
    settings = read_experiment(EXAMPLE)
    sizes = SizeClasses.gaussian(7.1, 1.1, classes=3)
    plant = Plant(settings.cell, settings.solution, sizes, settings.transport, settings.growth)
    return plant.with_parameters(values)


def wanted(**changes: object) -> Wanted:
    given = {"kind": "slice", "set_point": 2e-10, "start_V": 15.0, "fallback_V": 5.0, "stale_after_s": 600.0}
    return Wanted(**{**given, **changes})  # type: ignore[arg-type]


@dataclass
class HeldCell:
    """Truth and loop; decisions so far. A scan of HEIGHTS_UM begins every 300 s; noise: relative, of each frame. looks: so many
    frames of the lowest two heights are taken in each step between scans while the loop asks for them. shown: of flat crystals,
    what a beam on the anode shows by lines, 0: none; flat: what its phi reads of them. false_lines: times (s) of steps whose
    frames show lines of nothing. late: how crystals begin, None: at the solubility itself."""

    truth: Plant
    want: Wanted = field(default_factory=wanted)
    limits: Limits = field(default_factory=lambda: Limits(highest=40.0, ramp=0.5))
    noise: float = 0.03
    seed: int = 1
    step_s: float = 60.0
    looks: int = 0
    shown: float = 0.0
    flat: float = 1.0
    false_lines: tuple[float, ...] = ()
    late: Beginning | None = None
    believed: Plant = field(default_factory=plant_with)
    scanned: float = -math.inf

    def __post_init__(self) -> None:
        start = self.truth if self.late is None else with_solubility(self.truth, math.inf)
        self.cell = TrackedCell(start, GRID)
        self.footprints = Footprints(GRID, FWHM_UM)
        estimator = Estimator(belief(self.believed, charge_sigma=0.3), GRID, fwhm_um=FWHM_UM)
        self.holder = Holder(estimator, self.want, self.limits, self.step_s)
        self.random, self.decisions = np.random.default_rng(self.seed), list[Decision]()
        self.volt, self.time, self.fluxes = 0.0, 0.0, list[float]()
        self.holder.read(0.0, 0.0)

    def run(self, until_s: float, *, frames: bool = True, bad: bool = False, factor: float = 1.0) -> Decision:
        """On to `until_s`; `bad`: no frame can be used; factor: by which all frames are wrong."""
        while self.time < until_s:
            decision = self.holder.decide(self.time)
            self.decisions.append(decision)
            scan = (
                frames and (self.time + 1e-6) % 300.0 < self.step_s - 1e-3 and self.time >= self.scanned + self.step_s
            )
            self.scanned = self.time if scan else self.scanned
            look = np.resize(HEIGHTS_UM[:2], self.looks if self.holder.uneasy else 0)
            self._step(decision.voltage, HEIGHTS_UM if scan else look, factor=np.nan if bad else factor)
        return self.decisions[-1]

    def _step(self, volt: float, heights: np.ndarray, *, factor: float) -> None:
        ramp = abs(volt - self.volt) / self.limits.ramp + 1e-3
        begin, end = self.time, self.time + self.holder.next_s
        along = VoltageProgram(time_s=[begin, begin + ramp, end + 1.0], voltage_V=[self.volt, volt, volt])
        for time in (begin + ramp, end):
            self.holder.read(time, volt)
        self._begin_late()
        times = begin + np.linspace(0.6, 0.95, heights.size) * (end - begin)
        solution, crystals = self.cell.go_on(along, end, self.footprints.looks(times, heights))
        noise = self.noise * self.random.standard_normal(times.size)
        for time, height, phi, of_crystals, off in zip(
            times, heights, solution + self.flat * crystals, crystals, noise, strict=True
        ):
            lines = self._lines(height, phi, self.shown * of_crystals)
            self.holder.frame(time, height, factor * phi * (1.0 + off), self.noise * phi, lines)
        self.time, self.volt = end, volt
        self.fluxes.append(self.cell.slice_flux(volt))

    def _begin_late(self) -> None:
        """Crystals, once the wall is as far beyond the solubility as they need."""
        solubility = self.truth.growth.solubility
        if self.late is None or self.cell.crystals_m() > 0.0 or solubility is None:
            return
        if self.cell.wall_phi() > math.exp(self.late.beyond) * solubility:
            state, self.cell = self.cell.state, self.late.cell(self.truth, GRID)
            self.cell.state = state

    def _lines(self, height: float, phi: float, shown: float) -> tuple[float, float] | None:
        """phi of crystals by their lines, and its sigma; seen from 8 sigma on."""
        sigma = LINES_SIGMA * phi
        shown = 10.0 * sigma if self.time in self.false_lines else shown
        return (shown, sigma) if shown > 8.0 * sigma and self.holder.looks_for_lines(height) else None
