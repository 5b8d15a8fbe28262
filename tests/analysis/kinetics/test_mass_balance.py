import numpy as np
import pytest
from closeness import assert_close
from synthetic_maps import (
    DECAY_UM,
    GAP_UM,
    HEIGHTS_UM,
    RATE,
    START,
    beside_crystals,
    frame_times,
    growing_layer,
    volume_fraction_map,
)

from electrosaxs.analysis.kinetics.mass_balance import mass_balance
from electrosaxs.analysis.kinetics.profile_integral import (
    enriched_steps,
    front_variances,
    integrate_panels,
    solution_only,
    surface_content,
    up_to,
    wall_to_wall,
)
from electrosaxs.physics.beam import open_beam_centre

TIME = frame_times()


def test_a_sealed_cell_keeps_its_particles():
    cell = mass_balance(volume_fraction_map(growing_layer(TIME, sealed=True), TIME), gap_um=GAP_UM, start=START)
    assert cell.balance is not None
    assert_close(cell.balance.values, np.ones(12), rel=3e-3)
    assert abs(cell.error.value) < 3e-3
    assert abs(cell.error.value) < 2.0 * cell.error.sigma


def test_balance_pulls_have_unit_width():
    truth = growing_layer(TIME, sealed=True)
    sigma = 0.01 * truth
    exact = mass_balance(volume_fraction_map(truth, TIME, sigma=sigma), gap_um=GAP_UM, start=START)
    pulls, errors = [], []
    for seed in range(200):
        noisy = truth + sigma * np.random.default_rng(seed).standard_normal(truth.shape)
        cell = mass_balance(volume_fraction_map(noisy, TIME, sigma=sigma), gap_um=GAP_UM, start=START)
        pulls.append((cell.balance.values - exact.balance.values) / cell.balance.sigma)
        errors.append(cell.error.value)
    assert 0.9 < np.sqrt(np.mean(np.var(pulls, axis=0))) < 1.15
    interpolation = exact.balance.shared["interpolation"].values.mean()
    counting = np.sqrt(exact.error.sigma**2 - interpolation**2)
    assert 0.85 < np.std(errors) / counting < 1.15


def test_particles_that_leave_are_missed():
    lost = np.where(TIME > 1500.0, 0.9, 1.0)
    phi = volume_fraction_map(growing_layer(TIME, sealed=True) * lost, TIME)
    cell = mass_balance(phi, gap_um=GAP_UM, start=START, onset_s=1500.0)
    assert_close(cell.balance.values[-3:], np.full(3, 0.9), rel=3e-3)
    assert abs(cell.error.value) < 5e-3
    assert "before the onset" in cell.error.source


def test_what_leaves_the_solution_after_the_onset_may_be_crystals_that_the_beam_misses():
    lost = np.where(TIME > 1500.0, 0.9, 1.0)
    phi = volume_fraction_map(growing_layer(TIME, sealed=True) * lost, TIME)
    seen, unseen = (
        mass_balance(phi, gap_um=GAP_UM, start=START, beam_fwhm_um=34.0, onset_s=onset).balance
        for onset in (1500.0, None)
    )
    missing = np.where(TIME.mean(axis=1) > 1500.0, np.maximum(1.0 - seen.values, 0.0), 0.0)
    assert missing.max() > 0.05
    expected = np.hypot(unseen.shared["surface"].values, missing)
    assert_close(seen.shared["surface"].values, expected, rel=1e-9)


def test_a_scan_of_the_lower_third_cannot_measure_the_balance():
    low = HEIGHTS_UM <= 1000
    time = frame_times(heights=int(low.sum()))
    phi = volume_fraction_map(growing_layer(time, HEIGHTS_UM[low]), time, heights=HEIGHTS_UM[low])
    cell = mass_balance(phi, gap_um=GAP_UM, start=START)
    assert cell.balance is None
    assert cell.error.value is None
    assert "0 to 1000 um of the 3500 um gap" in cell.error.source


def test_a_common_scale_error_shifts_every_scan_by_the_same_share():
    truth = growing_layer(TIME, sealed=True)
    phi = volume_fraction_map(truth, TIME, shared={"reference": 0.02 * truth})
    balance = mass_balance(phi, gap_um=GAP_UM, start=START).balance
    assert_close(balance.shared["reference"].values[1:], 0.02 * np.ones(11), rel=0.02)


def test_the_balance_does_not_depend_on_how_well_the_start_is_known():
    truth = growing_layer(TIME, sealed=True)
    phi = volume_fraction_map(truth, TIME, shared={"starting_solution": 0.05 * truth})
    cell = mass_balance(phi, gap_um=GAP_UM, start=START)
    assert "starting_solution" not in cell.balance.shared
    assert cell.error.sigma < 0.01


def test_an_exponential_is_integrated_exactly_between_and_below_the_heights():
    z = np.array([30.0, 80.0, 200.0, 500.0])
    panels = wall_to_wall(z, 500.0, np.ones(3, dtype=bool))
    parts = integrate_panels(np.exp(-z / DECAY_UM)[None, :], panels)
    assert_close(parts.value.sum(), DECAY_UM * (1.0 - np.exp(-5.0)), rel=1e-12)
    lower = integrate_panels(np.exp(-z / DECAY_UM)[None, :], up_to(panels, z, 100.0))
    assert_close(lower.value.sum(), DECAY_UM * (1.0 - np.exp(-1.0)), rel=1e-12)


def test_derivatives_of_the_integral_are_those_of_finite_differences():
    z = np.array([10.0, 60.0, 150.0, 400.0, 900.0])
    panels = wall_to_wall(z, 1000.0, np.array([True, True, False, False]), base=0.3)
    profile = np.array([5.0, 3.0, 1.5, 1.0, 0.7])
    parts = integrate_panels(profile, panels)
    weight = panels.onto_heights(parts.by_lower, parts.by_upper) + panels.bend.sum(axis=0)
    for k in range(z.size):
        step = 1e-5 * np.eye(z.size)[k]
        ends = [integrate_panels(profile + sign * step, panels) for sign in (1, -1)]
        assert_close(weight[k], (ends[0].value.sum() - ends[1].value.sum()) / 2e-5, rel=1e-7)
        own = panels.lower == k
        second = (ends[0].by_lower - ends[1].by_lower)[own] / 2e-5
        assert_close(parts.by_lower_twice[own], second, rel=1e-6, floor=1e-9)


def test_a_front_lost_between_two_heights_is_uncertain_by_the_step_over_root_twelve():
    z = np.array([100.0, 900.0, 1700.0, 2500.0])
    panels = wall_to_wall(z, 2500.0, np.zeros(3, dtype=bool), base=1.0)
    lost = np.array([[1.0, 1.0, 0.0, 0.0]])
    assert_close(np.sqrt(front_variances(lost, panels).sum()), 800.0 / np.sqrt(12.0), rel=0.06)
    resolved = np.array([[0.9, 0.6, 0.3, 0.05]])
    assert front_variances(resolved, panels).sum() == 0.0


def test_a_layer_at_the_anode_shows_nothing_of_a_depletion_that_is_lost_beside_it():
    """Four heights: phi falls from six times the start to it, and then somewhere within 2.4 mm to nothing."""
    z = np.array([12.0, 50.0, 1000.0, 3400.0])
    panels = wall_to_wall(z, 3500.0, np.array([True, True, False]), base=1.0)
    profile = np.array([[10.0, 6.0, 1.0, 0.1]])
    assert_close(np.sqrt(front_variances(profile, panels)[0, 3]), 2400.0 * 0.9 / np.sqrt(12.0), rel=0.1)
    alike = front_variances(np.array([[10.0, 6.0, 3.0, 1.0]]), panels)
    assert alike[0, 3] < 0.2 * (2400.0 * 2.0) ** 2 / 12.0


def test_nothing_is_known_of_a_depletion_above_the_last_height():
    panels = wall_to_wall(np.array([100.0, 900.0, 1700.0]), 2000.0, np.zeros(2, dtype=bool), base=1.0)
    flat, depleted = np.array([[1.0, 1.0, 1.0]]), np.array([[1.0, 0.9, 0.5]])
    assert front_variances(flat, panels).sum() == 0.0
    assert_close(np.sqrt(front_variances(depleted, panels)[0, -1]), 300.0 * 0.5 / np.sqrt(12.0), rel=1e-9)


def test_half_a_beam_at_the_anode_reads_phi_at_its_centroid():
    # half-normal mean: s sqrt(2 / pi), s = 34 um / 2.3548
    assert_close(open_beam_centre(0.0, 34.0), 11.52, rel=1e-3)
    assert_close(open_beam_centre(200.0, 34.0), 200.0, rel=1e-12)


@pytest.mark.parametrize("length_um", [18.1, 35.0, 50.0])
def test_crystals_are_counted_within_what_is_known_of_how_they_stand_in_the_beam(length_um):
    # an area of particle volume g is read as g / 18.1 um flat on the anode, as g / 50 um spread over the footprint
    grown = 3e-11 * np.maximum(TIME[:, 0] - 1500.0, 0.0)
    centre = open_beam_centre(HEIGHTS_UM, 34.0)
    phi = growing_layer(TIME, centre, sealed=True) - grown[:, None] / (GAP_UM * 1e-6)
    phi[:, 0] += grown / (length_um * 1e-6)
    found = mass_balance(volume_fraction_map(phi, TIME), gap_um=GAP_UM, start=START, beam_fwhm_um=34.0)
    error, sigma = np.abs(found.balance.values - 1.0), found.balance.total_sigma
    assert np.all(error < 2.0 * sigma + 0.01)
    if length_um == 35.0:
        assert np.all(error < 0.01)


def test_the_solution_below_the_second_height_is_continued_from_above_it():
    z = np.array([11.5, 50.0, 100.0, 400.0])
    steps = wall_to_wall(z, 3500.0, np.ones(3, dtype=bool))
    profile = np.exp(-z / DECAY_UM)
    profile[0] *= 5.0
    below = up_to(solution_only(steps, z, 0.0), z, 100.0)
    assert_close(integrate_panels(profile, below).value.sum(), DECAY_UM * (1.0 - np.exp(-1.0)), rel=1e-9)
    extra = integrate_panels(profile, surface_content(steps, z, 18.1)).value.sum()
    assert_close(extra, 18.1 * 4.0 * np.exp(-0.115), rel=1e-6)


def test_a_layer_that_ends_within_a_wide_step_is_not_taken_for_a_line():
    z = np.array([0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 800.0])
    profile = 1.0 + np.exp(-z / DECAY_UM)
    panels = wall_to_wall(z, 800.0, enriched_steps(profile, 1.0), 1.0)
    exact = 800.0 + DECAY_UM * (1.0 - np.exp(-8.0))
    assert_close(integrate_panels(profile, panels).value.sum(), exact, rel=2e-3)
    line = wall_to_wall(z, 800.0, np.append(np.ones(5, dtype=bool), False), 1.0)
    assert abs(integrate_panels(profile, line).value.sum() / exact - 1.0) > 5e-3


def test_where_the_excess_is_lost_in_noise_the_integral_goes_on_smoothly():
    z = np.array([0.0, 500.0])
    panels = wall_to_wall(z, 500.0, np.array([True]), 1.0)
    upper = np.array([0.9, 1.0, 1.0 + 0.999 / 30.0, 1.0 + 1.001 / 30.0, 1.1])
    value = integrate_panels(np.column_stack([np.full(5, 2.0), upper]), panels).value.sum(axis=1)
    assert np.all(np.diff(value) > 0.0)
    assert value[3] - value[2] < 0.2


def test_a_short_step_shows_little_of_how_the_profile_goes_in_a_long_one_beside_it():
    z = np.array([0.0, 50.0, 200.0, 1000.0, 3400.0])
    flat = np.zeros(4, dtype=bool)
    falling = np.array([[1.4, 1.3, 1.2, 1.0, 0.5]])
    lost = front_variances(falling, wall_to_wall(z, 3400.0, flat, base=1.0))
    assert np.sqrt(lost.sum()) > 0.5 * 2400.0 * 0.5 / np.sqrt(12.0)
    even = front_variances(falling, wall_to_wall(np.linspace(0.0, 3400.0, 5), 3400.0, flat, base=1.0))
    assert np.sqrt(even.sum()) < 0.4 * np.sqrt(lost.sum())


def test_heights_too_few_for_layer_and_depletion_leave_a_balance_whose_sigma_says_so():
    heights = np.array([0.0, 50.0, 200.0, 1000.0, 3450.0])
    time = frame_times(heights=5)
    centre = open_beam_centre(heights, 34.0)
    layer, depleted = np.exp(-centre / 400.0), np.exp((centre - GAP_UM) / 400.0)
    phi = START * (1.0 + 2e-4 * time * (layer - depleted))
    found = mass_balance(volume_fraction_map(phi, time, heights=heights), gap_um=GAP_UM, start=START, beam_fwhm_um=34.0)
    error = np.abs(found.balance.values - 1.0)
    assert error.max() > 0.05
    assert np.all(error < 2.6 * found.balance.total_sigma + 0.005)


def test_a_layer_thinner_than_the_first_step_is_uncertain_by_that_step():
    heights = np.array([0.0, 875.0, 1750.0, 2625.0, 3450.0])
    time = frame_times(heights=5)
    phi = growing_layer(time, open_beam_centre(heights, 34.0))
    found = mass_balance(volume_fraction_map(phi, time, heights=heights), gap_um=GAP_UM, start=START, beam_fwhm_um=34.0)
    truth = 1.0 + RATE * time.mean(axis=1) * DECAY_UM / (START * GAP_UM)
    error = np.abs(found.balance.values - truth)
    assert error[-1] > 0.1
    assert np.all(error < 2.0 * found.balance.total_sigma)


def test_one_scan_says_that_its_frames_are_not_of_one_time():
    time = frame_times(scans=1, period=2400.0)
    phi = START * (1.0 + 0.2 * np.sqrt(time) * (np.exp(-HEIGHTS_UM / DECAY_UM) - DECAY_UM / GAP_UM))
    found = mass_balance(volume_fraction_map(phi, time), gap_um=GAP_UM, start=START)
    assert abs(found.error.value) > 0.03
    assert abs(found.error.value) < 2.0 * found.error.sigma


def test_what_left_the_solution_is_told_to_the_last_scan_although_crystals_take_all_light_at_the_anode():
    heights = np.concatenate([HEIGHTS_UM[:7], np.arange(400.0, 3401.0, 100.0)])
    time, supply_um_s = frame_times(heights=heights.size), START * 0.7
    phi = beside_crystals(time, heights, fwhm_um=60.0, supply_um_s=supply_um_s)
    unseen = np.zeros(phi.shape, dtype=bool)
    unseen[6:, 0] = True
    lost = mass_balance(volume_fraction_map(phi, time, heights=heights, missing=unseen), gap_um=GAP_UM, start=START,
                        beam_fwhm_um=60.0, onset_s=1.0).lost  # fmt: skip
    # the layer was never taken from anywhere, the front begins below the cathode
    last = time[-1, 1:].mean()  # of the frames that were seen
    expected = supply_um_s * last - 4.0 * START * 70.0 + START * (GAP_UM - 3400.0)
    assert f"at {last:.0f} s" in lost.source
    assert_close(lost.value, expected, rel=0.02)
    assert abs(lost.value - expected) < 2.0 * lost.sigma
