"""Derivatives of a cell whose crystals begin when their lines say."""

import numpy as np
from closeness import assert_close
from held_cell import FWHM_UM, GRID, plant_with

from electrosaxs.control.hold.belief import belief
from electrosaxs.control.hold.measured_voltage import MeasuredVoltage
from electrosaxs.control.hold.onset_bank import OnsetBank
from electrosaxs.control.hold.run_about import HeldOnset, RunAbout
from electrosaxs.control.hold.tracked_cell import Footprints

BELIEVED = belief(plant_with(solubility=0.0075), charge_sigma=0.3)
CHARGE, SOLUBILITY = BELIEVED.number("effective_charge"), BELIEVED.number("solubility")
AT_S, END_S = 950.0, 1060.0


def constant(volt: float) -> MeasuredVoltage:
    voltage = MeasuredVoltage()
    for time in (0.0, END_S + 1.0):
        voltage.read(time, volt)
    return voltage


def run(held: HeldOnset | None) -> RunAbout:
    about = RunAbout(BELIEVED, GRID, BELIEVED.x0, grown=True, held=held)
    about.go_on(constant(20.0), END_S)
    return about


def test_a_held_onset_stays_where_it_is_under_another_charge() -> None:
    """With a solubility that stays, 2 % of charge change the amount of young crystals by tens of percent."""
    free = run(None)
    wall = RunAbout(BELIEVED, GRID, BELIEVED.x0)
    wall.go_on(constant(20.0), AT_S)
    over = float(np.log(0.0075 / wall.tracks[0].wall_phi()))
    assert over > 0.0
    held = run(HeldOnset(AT_S, over, over, 0.005))
    assert_close(held.tracks[0].crystals_m(), free.tracks[0].crystals_m(), rel=1e-3)
    assert_close(held.x[SOLUBILITY], BELIEVED.x0[SOLUBILITY], rel=0.0, floor=1e-6)
    _, with_charge = free.known(lambda track: np.log(track.crystals_m()))
    _, at_onset = held.known(lambda track: np.log(track.crystals_m()))
    assert with_charge[CHARGE] > 10.0
    assert abs(at_onset[CHARGE]) < 4.0
    assert held.true_move[SOLUBILITY, CHARGE] > 0.5  # more charge, more at the wall


def test_frames_of_a_held_onset_keep_their_order() -> None:
    looks = Footprints(GRID, FWHM_UM).looks(np.array([1020.0, 300.0, 1050.0, 800.0]), np.array([50.0, 0.0, 50.0, 50.0]))
    about = RunAbout(BELIEVED, GRID, BELIEVED.x0, grown=True, held=HeldOnset(AT_S, 0.01, 0.01, 0.005))
    (seen, crystals), (slope, of_crystals) = about.go_on(constant(20.0), END_S, looks)
    assert seen[3] > 1.3 * seen[1] > 0.0
    assert slope.shape == (4, BELIEVED.x0.size)
    assert not slope[[1, 3], SOLUBILITY].any()
    assert slope[2, SOLUBILITY] > 0.0
    assert not crystals[[1, 3]].any()
    assert of_crystals[2, SOLUBILITY] < 0.0 < crystals[2]


def test_the_solubility_may_change_after_a_held_onset_and_frames_are_linear_in_that() -> None:
    """No law that the loop has: the solubility falls by 3 % between half a minute and a minute after the onset, evenly."""
    held, k = HeldOnset(AT_S, -0.01, -0.01, 0.005), BELIEVED.walk.start + 1
    looks = Footprints(GRID, FWHM_UM).looks(np.array([AT_S + 20.0, AT_S + 95.0]), np.array([50.0, 50.0]))
    about, x = RunAbout(BELIEVED, GRID, BELIEVED.x0, grown=True, held=held), BELIEVED.x0.copy()
    seen, slope = about.go_on(constant(20.0), END_S, looks)
    x[k] = -0.03
    other = RunAbout(BELIEVED, GRID, x, grown=True, held=held)
    changed, _ = other.go_on(constant(20.0), END_S, looks)
    assert_close(changed[0, 0], seen[0, 0], rel=1e-9)
    assert_close(changed[0, 1] - seen[0, 1], -0.03 * slope[0, 1, k], rel=0.05)
    assert abs(changed[0, 1] / seen[0, 1] - 1.0) > 2e-3
    flux, by = about.known(lambda track: track.slice_flux(20.0))
    other_flux, _ = other.known(lambda track: track.slice_flux(20.0))
    assert_close(other_flux - flux, -0.03 * by[k], rel=0.05)
    assert other_flux > 1.05 * flux
    growth = other.tracks[0].problem.growth
    assert_close(growth.solubility / about.tracks[0].problem.growth.solubility, np.exp(-0.03), rel=1e-9)


def test_what_comes_later_after_an_onset_is_not_known_to_move_before() -> None:
    about = RunAbout(BELIEVED, GRID, BELIEVED.x0, grown=True, held=HeldOnset(AT_S, -0.01, -0.01, 0.005))
    assert about.asleep[BELIEVED.walk].all()
    about.go_on(constant(20.0), AT_S + 70.0)
    assert about.walks
    assert list(about.asleep[BELIEVED.walk]) == [False] * 3 + [True] * 7
    _, sigma = about.believed(walk=5.0)
    assert_close(sigma[BELIEVED.walk][:3], 5.0 * BELIEVED.sigma[BELIEVED.walk][:3], rel=1e-12)


def test_what_is_known_of_a_held_onset_takes_the_place_of_the_belief() -> None:
    held = run(HeldOnset(AT_S, 0.02, 0.02, 0.01))
    held.hold(float(held.x[SOLUBILITY]) + 0.003, 0.004)
    back, sigma = held.believed()
    assert_close(back[SOLUBILITY], 0.003, rel=0.0, floor=1e-9)
    assert_close(sigma[SOLUBILITY], 0.004, rel=1e-9)


def test_late_frames_keep_their_places_in_a_bank_that_is_filled_again() -> None:
    times, heights = np.array([500.0, 800.0, 1020.0, 1050.0]), np.array([0.0, 50.0, 0.0, 50.0])
    footprints, bank = Footprints(GRID, FWHM_UM), OnsetBank(BELIEVED, GRID, BELIEVED.x0)
    in_order = bank.again(
        BELIEVED.x0, constant(20.0).program(0.0, END_S), END_S, footprints.looks(times, heights), lambda *_: None
    )
    late = [2, 0, 3, 1]
    looks = footprints.looks(times[late], heights[late])
    again = bank.again(BELIEVED.x0, constant(20.0).program(0.0, END_S), END_S, looks, lambda *_: None)
    assert in_order.begun
    assert_close(again.none.seen, in_order.none.seen[:, late], rel=1e-9)


def test_a_held_onset_without_the_bank_leaves_open_how_far_beyond_the_solubility_it_was() -> None:
    free = HeldOnset(AT_S, 0.02, 0.02, 0.003, speed=4.0).let_go()
    assert free.speed == 4.0
    assert free.sigma > 10.0 * 0.003
    assert (free.at_s, free.centre, free.over_wall) == (AT_S, 0.02, 0.02)


def test_the_room_of_a_move_ends_where_the_unknowns_do() -> None:
    about = RunAbout(BELIEVED, GRID, BELIEVED.x0)
    low, high = about.room()
    ends = [BELIEVED.within(about.x + move) for move in (low, high)]
    assert_close(ends[0], [one.low for one in BELIEVED.unknown], rel=1e-12)
    assert_close(ends[1], [one.high for one in BELIEVED.unknown], rel=1e-12)
