"""Derivatives of a cell whose crystals begin when their lines say."""

import numpy as np
from closeness import assert_close
from held_cell import FWHM_UM, GRID, plant_with

from electrosaxs.control.hold.belief import PERSISTS_FROM, WALK, WALK_S, belief
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
    while wall.tracks[0].wall_phi() < 0.0075:
        wall.go_on(constant(20.0), max(wall.time + 1.0, AT_S))
    over = float(np.log(0.0075 / wall.tracks[0].wall_phi()))
    assert wall.time > AT_S
    held = run(HeldOnset(wall.time, over, over, 0.005))
    assert_close(held.tracks[0].crystals_m(), free.tracks[0].crystals_m(), rel=3e-3)
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
    assert list(about.walked[BELIEVED.walk]) == [True] * 3 + [False] * (len(WALK) - 3)
    assert list(about.asleep[BELIEVED.walk]) == [False] * 3 + [True] * (len(WALK) - 3)
    _, sigma = about.believed()
    assert_close(sigma[BELIEVED.walk][:3], BELIEVED.sigma[BELIEVED.walk][:3], rel=1e-12)


def test_a_change_goes_on_but_for_what_is_new() -> None:
    """In the logarithm of time; what has not begun is no part of it."""
    about = RunAbout(BELIEVED, GRID, BELIEVED.x0, grown=True, held=HeldOnset(AT_S, -0.01, -0.01, 0.005))
    walked, first = np.zeros(BELIEVED.x0.size, dtype=bool), BELIEVED.walk.start
    walked[first : first + PERSISTS_FROM + 2] = True
    by_news = BELIEVED.by_news(walked, 0.7)
    folds = np.log(np.array(WALK_S[2:]) / np.array(WALK_S[1:-1]))
    going_on = np.zeros(len(WALK))
    going_on[PERSISTS_FROM - 1] = 0.02
    for n in range(PERSISTS_FROM, PERSISTS_FROM + 2):
        going_on[n] = 0.7 * going_on[n - 1] * folds[n - 1] / folds[n - 2]
    assert_close(by_news[BELIEVED.walk, first + PERSISTS_FROM - 1], going_on / 0.02, rel=1e-9, floor=1e-12)
    about._walked = PERSISTS_FROM + 2
    about.x[BELIEVED.walk] = going_on
    assert_close(about.news(0.7), 0.02 * (np.arange(len(WALK)) == PERSISTS_FROM - 1), rel=1e-9, floor=1e-12)


def test_what_is_known_of_a_held_onset_takes_the_place_of_the_belief() -> None:
    held = RunAbout(BELIEVED, GRID, BELIEVED.x0, grown=True, held=HeldOnset(AT_S, 0.02, 0.023, 0.004))
    back, sigma = held.believed()
    assert_close(back[SOLUBILITY], 0.003, rel=0.0, floor=1e-9)
    assert_close(sigma[SOLUBILITY], 0.004, rel=1e-9)


def test_a_run_goes_on_from_its_onset_as_from_field_on() -> None:
    """Where only the unknowns of crystals move: the same frames, flux and derivatives, for the time since the onset."""
    about, step = run(HeldOnset(AT_S, -0.01, -0.01, 0.02)), np.zeros(BELIEVED.x0.size)
    step[[SOLUBILITY, BELIEVED.walk.start]] = -0.01, 0.02
    later = about.moved(step)
    assert later.time == AT_S
    step[CHARGE] = 1e-12
    whole = about.moved(step)
    assert whole.time == 0.0
    looks = Footprints(GRID, FWHM_UM).looks(np.array([AT_S + 60.0, AT_S + 100.0]), np.array([50.0, 0.0]))
    first, second = (one.go_on(constant(20.0), END_S, looks) for one in (later, whole))
    assert_close(first[0], second[0], rel=1e-6)
    assert_close(first[1][..., BELIEVED.walk], second[1][..., BELIEVED.walk], rel=1e-4, floor=1e-12)
    fluxes = [one.known(lambda track: track.slice_flux(20.0)) for one in (later, whole)]
    assert_close(fluxes[0][0], fluxes[1][0], rel=1e-6)
    assert_close(later.true_move, whole.true_move, rel=1e-6, floor=1e-9)
    assert about.time == END_S  # and this one stays where it is


def test_derivatives_see_crystals_that_have_not_begun() -> None:
    """A solubility above the wall: what would dissolve is lent, so that the flux changes as much either way."""
    fluxes, crystals = [], []
    for over in (-0.02, 0.0, 0.05, 0.07):
        about = RunAbout(BELIEVED, GRID, BELIEVED.x0, grown=True, held=HeldOnset(AT_S, over, over, 0.02))
        about.go_on(constant(20.0), AT_S + 40.0)
        fluxes.append(about.tracks[0].slice_flux(20.0))
        crystals.append(about.tracks[0].crystals_m())
    assert crystals[0] > 1e-9
    assert crystals[3] < crystals[2] < -1e-9
    assert_close(fluxes[2] - fluxes[3], fluxes[0] - fluxes[1], rel=0.1)
    assert fluxes[3] < fluxes[2] < fluxes[1] < fluxes[0]


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


def test_the_room_of_a_move_ends_where_the_unknowns_do() -> None:
    about = RunAbout(BELIEVED, GRID, BELIEVED.x0)
    low, high = about.room()
    ends = [BELIEVED.within(about.x + move) for move in (low, high)]
    assert_close(ends[0], [one.low for one in BELIEVED.unknown], rel=1e-12)
    assert_close(ends[1], [one.high for one in BELIEVED.unknown], rel=1e-12)
