"""The wall is held just below the phi at which crystals begin; then a step of the flux lets islands nucleate at that flux."""

from dataclasses import dataclass, field

import numpy as np
from closeness import assert_close
from held_cell import GRID, HeldCell, plant_with, wanted

from electrosaxs.control.hold.below_onset import MARGIN, Nucleation, Wall, begins_on_the_way, wall_voltage
from electrosaxs.control.hold.next_voltage import Range
from electrosaxs.control.hold.tracked_cell import TrackedCell
from electrosaxs.control.limits import Limits
from electrosaxs.nouns import VoltageProgram

SOLUBILITY, FLUX = 0.004, 1.2e-10


@dataclass
class Watched(HeldCell):
    """Also writes down time, phi at the wall, slice flux before the step and just after its voltage has come (m/s), and
    crystals (m)."""

    seen: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def _step(self, volt: float, heights: np.ndarray, *, factor: float) -> None:
        before, after = self.cell.slice_flux(self.volt), self.cell.slice_flux(volt)
        super()._step(volt, heights, factor=factor)
        self.seen.append((self.time, self.cell.wall_phi(), before, after, self.cell.crystals_m()))


def test_the_wall_stays_just_below_onset_and_then_crystals_begin_at_the_wanted_flux() -> None:
    want = wanted(kind="wall", set_point=2.5e-10, wall_share=0.97, nucleation=Nucleation(960.0, FLUX))
    known = {"solubility": SOLUBILITY, "effective_charge": 0.04, "charge_exponent": 1.8}
    held = Watched(plant_with(**known), want, noise=0.01, step_s=20.0, believed=plant_with(solubility=SOLUBILITY))
    held.run(1060.0)
    time, wall, flux, highest, crystals = np.array(held.seen).T
    resting = (time > 720.0) & (time <= 960.0)
    assert_close(wall[resting] / SOLUBILITY, np.full(resting.sum(), 0.97), rel=0.02 / 0.97)
    assert not np.any(crystals[time <= 960.0])
    onset = int(np.flatnonzero(crystals)[0])
    assert time[onset] < 1060.0
    assert_close(flux[onset], FLUX, rel=0.03)
    assert_close(highest[onset], FLUX, rel=0.09)  # 0.22 where decisions come no sooner
    goals = np.array([decision.wall_goal for decision in held.decisions])
    assert_close(goals[resting[: goals.size]], np.full(resting.sum(), 0.97 * SOLUBILITY), rel=1e-6)
    assert np.isnan(goals[-1])
    last = [d for d in held.decisions if d.time < 940.0][-1]
    assert abs(last.wall - wall[np.searchsorted(time, last.time)]) < 3.0 * last.wall_sigma


def test_the_wall_comes_to_rest_without_going_beyond_its_goal() -> None:
    cell = TrackedCell(plant_with(solubility=0.3), GRID)
    cell.go_on(VoltageProgram(time_s=[0.0, 1.0], voltage_V=[0.0, 20.0]), 600.0)
    goal, volts, walls = 1.1 * cell.wall_phi(), [20.0], [cell.wall_phi()]
    for _ in range(20):
        end = cell.state.time + 20.0
        allowed = Range(40.0, 10.0)
        chosen, _ = wall_voltage([(1.0, cell)], Wall(cell.wall_phi(), goal), volts[-1], end, 20.0, allowed)
        cell.state = cell.ahead(chosen.voltage, end)
        assert_close(chosen.flux, cell.wall_phi(), rel=1e-6)
        volts.append(chosen.voltage)
        walls.append(cell.wall_phi())
    assert max(walls) < 1.001 * goal
    assert_close(walls[-1], goal, rel=2e-3)
    assert volts[-1] < volts[1]


def test_a_step_that_the_ramp_is_too_slow_for_says_so() -> None:
    cell = TrackedCell(plant_with(solubility=0.3), GRID)
    cell.go_on(VoltageProgram(time_s=[0.0, 1.0], voltage_V=[0.0, 20.0]), 900.0)
    solubility = cell.wall_phi() / 0.97
    slow, fast = (begins_on_the_way([(1.0, cell)], solubility, 20.0, 23.0, ramp) for ramp in (0.2, 5.0))
    assert slow
    assert not fast
    assert not begins_on_the_way([(1.0, cell)], solubility, 20.0, 20.0, 0.3)


def test_a_wall_that_falls_at_the_highest_voltage_ends_the_run() -> None:
    want = wanted(kind="wall", set_point=4e-10, start_V=20.0)
    held = HeldCell(
        plant_with(solubility=SOLUBILITY), want, Limits(highest=22.0, ramp=0.5), noise=0.01, step_s=20.0,
        believed=plant_with(solubility=SOLUBILITY),
    )  # fmt: skip
    held.run(660.0)
    assert held.decisions[-1].mode == "hold"  # the set-point is out of reach on the way up: that is no end
    held.holder._highest = 8.0
    last = held.run(1100.0)
    assert last.mode == "ended"
    assert "at the wall" in last.reason
    wall = Wall(1.0, 1.0, 0.999 - MARGIN)
    assert wall.falls_short()
    assert not Wall(0.9, 1.0, 0.95).falls_short()
