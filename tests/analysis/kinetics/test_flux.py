import numpy as np
import pytest
from closeness import assert_close
from exact_transport import closed_walls
from synthetic_maps import (
    DECAY_UM,
    GAP_UM,
    HEIGHTS_UM,
    RATE,
    START,
    beside_crystals,
    frame_times,
    growing_layer,
    moving_front,
    volume_fraction_map,
)

from electrosaxs.analysis.kinetics import flux_operators
from electrosaxs.analysis.kinetics.flux import continuity_flux
from electrosaxs.analysis.kinetics.supply import supply_flux
from electrosaxs.errors import FitError
from electrosaxs.physics.beam import open_beam_centre

TIME = frame_times()
FINE_UM = np.concatenate(
    [np.arange(0.0, 800.0, 25.0), np.arange(800.0, 3451.0, 125.0)]
)  # where the layer is, and above
FIVE_UM = np.array([0.0, 50.0, 600.0, 1800.0, 3400.0])
DIFFUSIVITY = 7.4e-11  # m2/s, of a particle of 10.68 nm in toluene
PECLET_PER_VOLT = 1.75  # of 0.045 elementary charges


def remembered(function):
    """`function`, computed once for the same arguments: a hundred noises of a map have the same times, and so the same local
    polynomials."""
    known = {}

    def asked(*given):
        key = tuple((x.tobytes(), x.shape, x.dtype.str) if isinstance(x, np.ndarray) else x for x in given)
        if key not in known:
            known[key] = function(*given)
        return known[key]

    return asked


@pytest.fixture(autouse=True, scope="module")
def _operators_made_once():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_window", "_local_polynomial", "_operator"):
            patch.setattr(flux_operators, name, remembered(getattr(flux_operators, name)))
        yield


def flux_of(phi, **options):
    return continuity_flux(phi, gap_um=GAP_UM, start=START, **options).flux


def layer_flux(heights, time, *, rate=RATE, curvature=0.0):
    """-d/dt of the layer's volume above z (m/s): the layer that grows without loss elsewhere comes out of the anode."""
    above = DECAY_UM * 1e-6 * (np.exp(-heights / DECAY_UM) - np.exp(-GAP_UM / DECAY_UM))
    return -(rate + 2.0 * curvature * time) * above


def sealed_cell(time, heights, *, volts):
    """phi and J (m/s) of a sealed cell with one particle size (Mason & Weaver 1924), and its supply phi0 v (m/s)."""
    peclet, gap = PECLET_PER_VOLT * volts, GAP_UM * 1e-6
    supply = START * peclet * DIFFUSIVITY / gap
    step = 1e-4
    phi, flux = np.empty(time.shape), np.empty(time.shape)
    for scan, at in enumerate(time):
        for k, x in enumerate(heights / GAP_UM):
            below, here, above = closed_walls(
                x + step * np.array([-1.0, 0.0, 1.0]), DIFFUSIVITY * at[k] / gap**2, peclet
            )
            phi[scan, k] = START * here
            flux[scan, k] = supply * (here + 0.5 * (above - below) / step / peclet)
    flux[:, heights == 0.0] = 0.0
    return phi, flux, supply


def pulls_in_a_sealed_cell(heights, *, volts, scans, duration_s, seeds=3, **options):
    """(value - truth) / total sigma (seed, scan, height) above the anode, 0.3 % noise; and sigma over the supply."""
    time = frame_times(scans=scans, heights=heights.size, period=duration_s / scans)
    truth, expected, supply = sealed_cell(time, heights, volts=volts)
    pulls, sigmas = [], []
    for seed in range(seeds):
        noisy = truth * (1.0 + 0.003 * np.random.default_rng(seed).standard_normal(truth.shape))
        phi = volume_fraction_map(noisy, time, heights=heights, sigma=0.003 * truth)
        found = flux_of(phi, anode_closed_until_s=np.inf, **options)
        pulls.append((found.values - expected)[:, 1:] / found.total_sigma[:, 1:])
        sigmas.append(found.total_sigma[:, 1:] / supply)
    return np.array(pulls), np.array(sigmas)


def test_an_exponential_layer_between_close_heights_gives_the_closed_form_at_the_time_of_each_frame():
    time = frame_times(heights=FINE_UM.size)
    phi = volume_fraction_map(growing_layer(time, FINE_UM, curvature=4e-10), time, heights=FINE_UM)
    expected = layer_flux(FINE_UM, time, curvature=4e-10)
    assert_close(flux_of(phi, visits=3).values, expected, rel=2e-3, floor=5e-3 * np.abs(expected).max())


def test_on_the_papers_heights_the_bias_for_a_layer_of_100_um_is_below_a_percent_of_the_layers_flux():
    phi = volume_fraction_map(growing_layer(TIME), TIME)
    error = flux_of(phi, visits=3).values - layer_flux(HEIGHTS_UM, TIME)
    whole = RATE * DECAY_UM * 1e-6
    assert np.max(np.abs(error[2:])) < 0.01 * whole
    # in the first scans the layer is hardly above the start, where the steps are taken as linear
    assert np.max(np.abs(error[:2])) < 0.02 * whole


def test_from_the_closed_anode_the_layer_is_what_has_arrived():
    low = HEIGHTS_UM <= 1000
    time = frame_times(heights=int(low.sum()))
    phi = volume_fraction_map(growing_layer(time, HEIGHTS_UM[low]), time, heights=HEIGHTS_UM[low])
    found = flux_of(phi, anode_closed_until_s=np.inf)
    arrived = RATE * DECAY_UM * 1e-6 * (1.0 - np.exp(-HEIGHTS_UM[low] / DECAY_UM))
    assert_close(found.values, np.broadcast_to(arrived, time.shape), rel=0.015)


def test_a_front_that_leaves_the_cathode_carries_the_supply():
    heights = np.arange(0.0, 3401.0, 200.0)
    time = frame_times(heights=heights.size)
    phi = volume_fraction_map(moving_front(time, heights), time, heights=heights)
    found = flux_of(phi, visits=3)
    supply = START * 0.7e-6
    assert_close(found.values[5:9, 1], np.full(4, supply), rel=0.02)


def test_simultaneous_and_scanned_frames_give_the_same_flux():
    slow, fast = TIME, np.broadcast_to(TIME[:, :1], TIME.shape).copy()
    found = [flux_of(volume_fraction_map(growing_layer(t), t), visits=3).values for t in (slow, fast)]
    assert_close(found[0][4:], found[1][4:], rel=1e-6, floor=1e-6 * np.abs(found[1]).max())


def test_many_scans_give_the_same_flux_in_blocks_as_at_once(monkeypatch):
    time = frame_times(scans=31)
    phi = volume_fraction_map(growing_layer(time), time, sigma=0.01 * START * np.ones(time.shape))
    options = {"anode_closed_until_s": float(np.median(time)), "steps_s": (float(time[9, 2]),)}
    at_once = flux_of(phi, **options)
    monkeypatch.setattr("electrosaxs.analysis.kinetics.flux.BLOCK", 5 * time.shape[1])
    found = flux_of(phi, **options)
    for part in ("values", "sigma"):
        assert_close(getattr(found, part), getattr(at_once, part), rel=1e-9)
    for name, sigma in at_once.shared.items():
        assert_close(found.shared[name].values, sigma.values, rel=1e-9)


def test_flux_pulls_have_unit_width():
    truth = growing_layer(TIME)
    sigma = 0.02 * np.sqrt(truth * START)
    exact = flux_of(volume_fraction_map(truth, TIME, sigma=sigma), visits=3)
    pulls = []
    for seed in range(100):
        noisy = truth + sigma * np.random.default_rng(seed).standard_normal(truth.shape)
        found = flux_of(volume_fraction_map(noisy, TIME, sigma=sigma), visits=3)
        pulls.append((found.values - exact.values) / found.sigma)
    width = np.std(pulls, axis=0)
    assert 0.9 < np.sqrt(np.mean(width**2)) < 1.1
    assert width.min() > 0.8
    assert width.max() < 1.25


def test_with_both_walls_and_chosen_windows_the_error_is_covered_by_the_total_sigma():
    truth = growing_layer(TIME, sealed=True)
    sigma = 0.01 * np.sqrt(truth * START)
    above = DECAY_UM * 1e-6 * np.exp(-HEIGHTS_UM / DECAY_UM) - DECAY_UM * 1e-6 * (1.0 - HEIGHTS_UM / GAP_UM)
    expected = -RATE * above * np.ones_like(TIME)
    pulls = []
    for seed in range(40):
        noisy = truth + sigma * np.random.default_rng(seed).standard_normal(truth.shape)
        phi = volume_fraction_map(noisy, TIME, sigma=sigma)
        found = flux_of(phi, anode_closed_until_s=np.inf)
        pulls.append((found.values - expected)[:, 1:] / found.total_sigma[:, 1:])
    # pulls stay below one where the interpolation, not counting, is what is left uncertain
    assert 0.3 < np.sqrt(np.mean(np.square(pulls))) < 1.15


@pytest.mark.parametrize("volts", [5.0, 10.0])
@pytest.mark.parametrize("scans", [12, 30])
def test_a_front_that_passes_between_two_of_five_heights_is_covered_by_the_sigma(volts, scans):
    # the solution leaves the cathode, and 1800 um sees it only when half of the particles there have passed unseen
    pulls, _ = pulls_in_a_sealed_cell(FIVE_UM, volts=volts, scans=scans, duration_s=3300.0)
    assert np.sqrt(np.mean(np.square(pulls))) < 1.3
    assert np.abs(pulls).max() < 4.0


@pytest.mark.parametrize(("volts", "scans", "duration_s"), [(5.0, 24, 10800.0), (5.0, 30, 3300.0), (10.0, 12, 3300.0)])
def test_the_window_with_the_least_risk_is_not_believed_beyond_its_neighbours(volts, scans, duration_s):
    pulls, sigmas = pulls_in_a_sealed_cell(HEIGHTS_UM, volts=volts, scans=scans, duration_s=duration_s, seeds=6)
    assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.2
    assert np.abs(pulls).max() < 5.0
    # and it stays a measurement: 14 heights give the flux to a few percent of the supply
    assert np.median(sigmas) < 0.04


def test_once_the_layer_stands_still_nothing_passes_unseen_between_the_heights():
    time = frame_times(scans=24, heights=5, period=450.0)
    phi, _, supply = sealed_cell(time, FIVE_UM, volts=20.0)
    found = flux_of(volume_fraction_map(phi, time, heights=FIVE_UM), anode_closed_until_s=np.inf)
    # a front crosses the cell in 40 minutes; after two hours and a quarter the cell is within 1 % of its steady state
    assert found.total_sigma[3:6, 2].min() > 0.2 * supply
    assert found.total_sigma[18:].max() < 0.02 * supply


def test_what_enters_the_crystals_is_open_by_the_layer_that_no_height_resolves():
    heights = np.array([0.0, 850.0, 1700.0, 2550.0, 3400.0])
    time = frame_times(scans=12, heights=5, period=900.0)
    phi, _, supply = sealed_cell(time, open_beam_centre(heights, 34.0), volts=10.0)
    found = flux_of(volume_fraction_map(phi, time, heights=heights, sigma=0.003 * phi), beam_fwhm_um=34.0)
    # nothing grows, but all that the anode's voxel gains may be crystals as far as these heights tell
    missed = np.abs(found.values[1:, 0])
    assert missed.max() > 0.3 * supply
    assert np.all(missed < 3.0 * found.total_sigma[1:, 0])


def test_a_common_scale_error_scales_the_flux():
    truth = growing_layer(TIME)
    found = flux_of(volume_fraction_map(truth, TIME, shared={"reference": 0.01 * truth}), visits=3)
    # the reference is the start itself: at field-on no contribution, so the first scan, which uses it, is left out
    assert_close(found.shared["reference"].values[2:], 0.01 * np.abs(found.values[2:]), rel=2e-2, floor=1e-16)


def test_an_error_of_the_start_scales_the_flux_in_every_scan():
    truth = growing_layer(TIME)
    found = flux_of(volume_fraction_map(truth, TIME, shared={"starting_solution": 0.01 * truth}), visits=3)
    assert_close(found.shared["starting_solution"].values, 0.01 * np.abs(found.values), rel=2e-2, floor=1e-16)


def test_a_missing_frame_is_bridged_and_a_missing_height_is_left_out():
    missing = np.zeros(TIME.shape, dtype=bool)
    missing[5, 2] = True
    missing[:, 8] = True
    truth = growing_layer(TIME)
    found = flux_of(volume_fraction_map(truth, TIME, missing=missing), visits=3)
    assert np.isnan(found.values[:, 8]).all()
    kept = np.delete(np.arange(HEIGHTS_UM.size), 8)
    expected = layer_flux(HEIGHTS_UM, TIME)[:, kept]
    assert_close(found.values[:, kept], expected, rel=0.0, floor=0.05 * np.abs(expected).max())


def test_heights_that_the_unfinished_scan_did_not_reach_are_masked():
    missing = np.zeros(TIME.shape, dtype=bool)
    missing[-2:, 4:] = True
    found = flux_of(volume_fraction_map(growing_layer(TIME), TIME, missing=missing), visits=3)
    assert not found.good[-1, :].any()
    assert found.good[:-3].all()


def test_a_turning_point_that_is_read_twice_at_once_does_not_blow_up_the_sigma():
    scans = np.repeat(np.arange(6), 2)[:, None]
    phase = 0.95 * np.arange(HEIGHTS_UM.size) / HEIGHTS_UM.size
    snake = 20.0 + 275.0 * np.where(np.arange(12)[:, None] % 2 == 0, 2 * scans + phase, 2 * scans + 1.9 - phase)
    truth = growing_layer(snake)
    sigma = 0.01 * truth
    there_and_back = flux_of(volume_fraction_map(truth, snake, sigma=sigma), visits=3)
    upwards = flux_of(volume_fraction_map(truth, TIME, sigma=sigma), visits=3)
    inner = slice(2, -2)
    assert there_and_back.sigma[inner].max() < 2.5 * upwards.sigma[inner].max()
    assert_close(there_and_back.values[inner], layer_flux(HEIGHTS_UM, snake)[inner], rel=0.0, floor=3e-12)


def test_no_derivative_is_taken_across_a_step_of_the_voltage():
    """J of a layer that grows for five scans and then shrinks: next to the step it is that of its own side."""
    time = frame_times()
    step = float(time[5].max() + time[6].min()) / 2.0
    turned = time - 2.0 * np.maximum(time - step, 0.0)
    phi = volume_fraction_map(growing_layer(turned), time)
    found, blind = (flux_of(phi, steps_s=steps) for steps in ((step,), ()))
    right = layer_flux(HEIGHTS_UM, time) * np.where(time < step, 1.0, -1.0)
    plain = flux_of(volume_fraction_map(growing_layer(time), time)).values
    near = slice(5, 7)
    assert_close(found.values[near], (plain * np.where(time < step, 1.0, -1.0))[near], rel=1e-6, floor=1e-16)
    assert np.nanmax(np.abs(blind.values - right)[near]) > 0.2 * np.nanmax(np.abs(right))


def test_two_scans_give_no_flux():
    with pytest.raises(FitError, match="scan the cell more often"):
        flux_of(volume_fraction_map(growing_layer(TIME[:2]), TIME[:2]))


def test_without_the_upper_cell_and_with_an_open_anode_there_is_no_flux():
    low = HEIGHTS_UM <= 1000
    time = frame_times(heights=int(low.sum()))
    phi = volume_fraction_map(growing_layer(time, HEIGHTS_UM[low]), time, heights=HEIGHTS_UM[low])
    with pytest.raises(FitError, match="upper cell was not scanned"):
        flux_of(phi)


def test_the_supply_is_the_growth_of_the_layer_while_the_solution_above_is_undisturbed():
    truth = growing_layer(TIME)
    sigma = 0.01 * truth
    pulls = []
    for seed in range(200):
        noisy = truth + sigma * np.random.default_rng(seed).standard_normal(truth.shape)
        found = supply_flux(volume_fraction_map(noisy, TIME, sigma=sigma), gap_um=GAP_UM, start=START)
        pulls.append((found.value - RATE * DECAY_UM * 1e-6) / found.sigma)
    # below one: what is left uncertain is mostly the interpolation between the heights
    assert abs(np.mean(pulls)) < 1.0
    assert 0.25 < np.std(pulls) < 1.15
    assert "phi0 v" in found.source


def test_one_dim_scan_does_not_take_the_supply_from_the_others():
    time = frame_times(scans=6)
    truth = growing_layer(time)
    sigma = 0.003 * truth
    alone = supply_flux(volume_fraction_map(truth, time, sigma=sigma), gap_um=GAP_UM, start=START)
    for scan in (0, 2, 5):
        dim = sigma.copy()
        dim[scan] *= 60.0
        noisy = truth.copy()
        noisy[scan] += dim[scan] * np.random.default_rng(scan).standard_normal(truth.shape[1])
        found = supply_flux(volume_fraction_map(noisy, time, sigma=dim), gap_um=GAP_UM, start=START)
        assert abs(found.value - alone.value) < 3.0 * found.sigma
        assert found.sigma < 3.0 * alone.sigma


def test_without_frames_at_the_anode_the_growth_of_the_layer_is_not_known():
    """A beam that walked off the anode left its frames out, and the supply 55 % (15 sigma) high by what stood in for them."""
    time = frame_times(scans=6)
    seen = growing_layer(time)
    late = seen.copy()
    late[1:, 0] = np.nan
    found = supply_flux(volume_fraction_map(late, time, sigma=0.003 * late), gap_um=GAP_UM, start=START)
    assert found.value is None
    assert "layer at the anode was not measured" in found.source
    hole = seen.copy()
    hole[2, 0] = np.nan
    found = supply_flux(volume_fraction_map(hole, time, sigma=0.003 * hole), gap_um=GAP_UM, start=START)
    assert abs(found.value - RATE * DECAY_UM * 1e-6) < 3.0 * found.sigma


def test_scans_of_which_nothing_was_seen_are_none_of_the_supply_s_line():
    time = frame_times(scans=6)
    seen = growing_layer(time)
    seen[3:] = np.nan
    found = supply_flux(volume_fraction_map(seen, time, sigma=0.003 * seen), gap_um=GAP_UM, start=START)
    assert "line over 3 scans" in found.source
    assert abs(found.value - RATE * DECAY_UM * 1e-6) < 3.0 * found.sigma
    seen[2] = np.nan
    assert supply_flux(volume_fraction_map(seen, time, sigma=0.003 * seen), gap_um=GAP_UM, start=START).value is None


def test_the_supply_through_a_layer_that_ends_within_a_wide_step_is_right_to_a_percent():
    heights = np.array([0, 50, 100, 150, 200, 300, 700, 1200, 2000, 2700, 3400], dtype=float)
    time = frame_times(heights=heights.size)
    found = supply_flux(
        volume_fraction_map(growing_layer(time, heights), time, heights=heights), gap_um=GAP_UM, start=START
    )
    assert_close(found.value, RATE * DECAY_UM * 1e-6, rel=0.01)


def test_the_supply_through_a_layer_that_no_height_resolves_has_a_sigma_that_says_so():
    heights = np.array([0.0, 875.0, 1750.0, 2625.0, 3450.0])
    time = frame_times(heights=5)
    phi = volume_fraction_map(growing_layer(time, open_beam_centre(heights, 34.0)), time, heights=heights)
    found = supply_flux(phi, gap_um=GAP_UM, start=START, beam_fwhm_um=34.0)
    missed = abs(found.value - RATE * DECAY_UM * 1e-6)
    assert missed > 0.2 * RATE * DECAY_UM * 1e-6
    assert missed < 2.0 * found.sigma


def test_there_is_no_supply_number_where_nothing_stays_undisturbed():
    phi = volume_fraction_map(growing_layer(TIME) * (1.0 + 1e-3 * TIME), TIME)
    found = supply_flux(phi, gap_um=GAP_UM, start=START)
    assert found.value is None
    assert "3 are needed" in found.source


def test_what_enters_the_crystals_is_the_flux_at_the_anode_although_the_beam_sees_the_crystals():
    heights = np.concatenate([HEIGHTS_UM[:7], np.arange(400.0, 3401.0, 200.0)])
    time = frame_times(heights=heights.size)
    phi = moving_front(time, heights)
    supply = START * 0.7e-6
    # all that arrives crystallises: the solution near the anode stays as it is
    phi[:, 0] += supply * time[:, 0] / 34.5e-6
    found = continuity_flux(volume_fraction_map(phi, time, heights=heights), gap_um=GAP_UM, start=START,
                            beam_fwhm_um=34.0, visits=3).flux  # fmt: skip
    assert_close(found.values[5:9, 0], np.full(4, supply), rel=0.02)


def test_crystals_that_a_wide_beam_sees_from_above_the_anode_are_no_solution():
    # 60 um beams 50 um above the anode read a fourteenth of what those on it do; at the anode no light passes from scan 6 on
    heights = np.concatenate([HEIGHTS_UM[:7], np.arange(400.0, 3401.0, 200.0)])
    time, supply_um_s = frame_times(heights=heights.size), START * 0.7
    phi = beside_crystals(time, heights, fwhm_um=60.0, supply_um_s=supply_um_s)
    unseen = np.zeros(phi.shape, dtype=bool)
    unseen[6:, 0] = True
    found = flux_of(volume_fraction_map(phi, time, heights=heights, missing=unseen), anode_closed_until_s=1.0,
                    beam_fwhm_um=60.0)  # fmt: skip
    expected = np.full(6, supply_um_s * 1e-6)
    assert_close(found.values[5:11, 0], expected, rel=0.05)
    assert np.all(np.abs(found.values[5:11, 0] - expected) < 2.0 * found.total_sigma[5:11, 0])
