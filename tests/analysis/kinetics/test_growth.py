from dataclasses import replace

import numpy as np
import pytest
import scipp as sc
from closeness import assert_close
from synthetic_maps import DECAY_UM, GAP_UM, HEIGHTS_UM, RATE, START, frame_times, growing_layer, volume_fraction_map

from electrosaxs.analysis.kinetics.growth import (
    growth_curve,
    growth_line,
    slice_flux_curve,
    slice_mean_curve,
    slice_mean_flux_curve,
)
from electrosaxs.errors import FitError
from electrosaxs.nouns import GrowthCurve

TIME = frame_times()


def noisy_curve(seed, *, relative=0.01, scatter=1.0, phi=None):
    truth = growing_layer(TIME) if phi is None else phi
    sigma = relative * truth
    noise = scatter * sigma * np.random.default_rng(seed).standard_normal(truth.shape)
    return growth_curve(volume_fraction_map(truth + noise, TIME, sigma=sigma))


def test_the_slice_flux_is_the_slice_thickness_times_the_slope_at_the_anode():
    curve = growth_curve(volume_fraction_map(growing_layer(TIME), TIME))
    number = growth_line(curve, onset_s=1e9).slice_flux(50.0)
    assert_close(number.value, 50e-6 * RATE, rel=1e-9)
    assert number.unit == "m/s"


def test_the_mean_over_the_slice_gains_what_the_profile_integral_gains():
    phi = volume_fraction_map(growing_layer(TIME), TIME)
    curve = slice_mean_curve(phi, gap_um=GAP_UM, start=START, slice_um=70.0)
    number = growth_line(curve).slice_flux(70.0, "mean phi of the slice")
    gained = RATE * DECAY_UM * 1e-6 * (1.0 - np.exp(-0.7))
    assert_close(number.value, gained, rel=1e-3)
    every = slice_mean_flux_curve(curve, slice_um=70.0)
    assert every.NAME == "flux_slice_mean"
    assert_close(every.values, gained, rel=1e-3)


def test_slice_flux_pulls_have_unit_width():
    pulls = []
    for seed in range(200):
        number = growth_line(noisy_curve(seed)).slice_flux(50.0)
        pulls.append((number.value - 50e-6 * RATE) / number.sigma)
    assert abs(np.mean(pulls)) < 0.2
    assert 0.9 < np.std(pulls) < 1.15


def test_scatter_beyond_counting_widens_the_sigma_and_is_named():
    flux = [growth_line(noisy_curve(seed, scatter=4.0)).slice_flux(50.0) for seed in range(100)]
    assert sum("scatter beyond counting" in f.source for f in flux) > 95
    pulls = [(f.value - 50e-6 * RATE) / f.sigma for f in flux]
    assert 0.8 < np.std(pulls) < 1.3


def test_a_common_scale_error_is_part_of_the_slice_flux():
    truth = growing_layer(TIME)
    curve = growth_curve(volume_fraction_map(truth, TIME, shared={"reference": 0.03 * truth}))
    number = growth_line(curve).slice_flux(50.0)
    assert_close(number.sigma, 0.03 * number.value, rel=1e-6)


def test_the_line_ends_at_the_onset():
    bent = growing_layer(TIME) + np.where(TIME > 1800.0, 5e-6 * (TIME - 1800.0), 0.0)
    line = growth_line(noisy_curve(3, phi=bent), onset_s=1800.0).line
    assert line.t_end < 1800.0
    assert_close(line.slope, RATE, rel=0.1)


def test_a_curve_that_saturates_is_said_to_bend():
    tau = 900.0
    filling = START + RATE * tau * (1.0 - np.exp(-TIME / tau)) * np.exp(-HEIGHTS_UM / DECAY_UM)
    result = growth_line(noisy_curve(3, phi=filling))
    assert "the curve bends" in result.words
    assert "bends" not in growth_line(noisy_curve(3)).words


def bent_curve(share, *, relative_sigma=1e-9, times=None):
    """phi = parabola whose ends depart from its least-squares line by `share` of the rise, with sigma `relative_sigma` of
    the rise."""
    t = np.linspace(100.0, 3400.0, 12) if times is None else times
    x = (t - t.mean()) / np.ptp(t)
    rise = 4e-3
    phi = START + rise * (1.0 + x - 6.0 * share * x**2)
    sigma = np.full(t.size, relative_sigma * rise)
    return t, rise, GrowthCurve.from_arrays(phi, dims=("scan",), coords={"time": (("scan",), t)}, sigma=sigma)


def test_the_slope_of_a_curve_that_bends_is_the_one_in_the_middle_of_the_window():
    t, rise, curve = bent_curve(0.25)
    found = growth_line(curve)
    assert_close(found.line.slope, rise / np.ptp(t), rel=1e-9)
    assert_close(np.mean(found.line.offset + found.line.slope * t), np.mean(curve.values), rel=1e-9)
    assert "departs from the line by 25% of the rise" in found.words
    assert growth_line(curve, onset_s=t[6]).line.slope > 1.3 * found.line.slope  # it falls towards the end


@pytest.mark.parametrize(("share", "said"), [(0.09, False), (0.11, True), (-0.11, True)])
def test_a_bend_is_said_from_a_tenth_of_the_rise_on_either_way(share, said):
    assert ("the curve bends" in growth_line(bent_curve(share)[2]).words) is said


@pytest.mark.parametrize(("share", "doubtful"), [(0.16, False), (0.175, True), (-0.175, True)])
def test_a_line_over_growth_that_stops_is_doubtful(share, doubtful):
    """The slope of the parabola at its ends is (1 +- 6 share) times the line's: from 1/6 on it comes to nothing."""
    number = growth_line(bent_curve(share)[2]).slice_flux(50.0)
    assert number.quality.startswith("doubtful: no one rate") is doubtful


@pytest.mark.parametrize(("noise", "said"), [(2.5, False), (3.5, True)])
def test_a_bend_is_said_where_it_stands_out_of_the_noise(noise, said):
    """Sigma of the quadratic term from the residual of x^2 to its line: 1 / sqrt(sum (x^2 - mean)^2)."""
    t = np.linspace(100.0, 3400.0, 12)
    square = ((t - t.mean()) / np.ptp(t)) ** 2
    bend_sigma = 1.0 / np.sqrt(np.sum((square - square.mean()) ** 2)) / 6.0  # of a departure, per sigma of a point
    assert (
        "the curve bends" in growth_line(bent_curve(0.2, relative_sigma=0.2 / (noise * bend_sigma))[2]).words
    ) is said


def test_local_slopes_follow_a_parabola_exactly():
    curve = growth_curve(volume_fraction_map(growing_layer(TIME, curvature=5e-10), TIME))
    found = slice_flux_curve(curve)
    assert_close(found.values, 50e-6 * (RATE + 1e-9 * TIME[:, 0]), rel=1e-9)


def test_beside_a_bend_no_scan_is_surer_of_its_rate_than_its_neighbours():
    """A rate that doubles 30 % after a scan: where a cubic happens to agree with the parabola, both are off."""
    time = TIME[:, 0]
    for after in (0.1, 0.3, 0.5, 0.7, 0.9):
        bend = time[5] + after * (time[6] - time[5])
        phi = 1e-3 + RATE * (time + np.maximum(time - bend, 0.0))
        sigma = np.full(time.size, 1e-4 * phi.max())
        curve = GrowthCurve.from_arrays(phi, dims=("scan",), coords={"time": (("scan",), time)}, sigma=sigma)
        found = slice_flux_curve(curve)
        right = 50e-6 * RATE * (1.0 + (time > bend))
        assert np.max(np.abs(found.values - right) / found.total_sigma) < 4.5


def test_local_slope_pulls_have_unit_width():
    pulls = [
        (found.values - 50e-6 * RATE) / found.sigma
        for found in (slice_flux_curve(noisy_curve(seed)) for seed in range(200))
    ]
    assert 0.9 < np.std(pulls) < 1.1


def test_a_missing_anode_frame_leaves_a_hole_that_nothing_uses():
    missing = np.zeros(TIME.shape, dtype=bool)
    missing[4, 0] = True
    curve = growth_curve(volume_fraction_map(growing_layer(TIME), TIME, missing=missing))
    found = slice_flux_curve(curve)
    assert np.isnan(found.values[4])
    assert_close(np.delete(found.values, 4), np.full(11, 50e-6 * RATE), rel=1e-9)
    assert_close(growth_line(curve).line.slope, RATE, rel=1e-9)


def test_a_scan_that_starts_far_from_the_anode_has_no_growth_curve():
    far = HEIGHTS_UM >= 200
    time = frame_times(heights=int(far.sum()))
    phi = volume_fraction_map(growing_layer(time, HEIGHTS_UM[far]), time, heights=HEIGHTS_UM[far])
    with pytest.raises(FitError, match="scan from the anode upwards"):
        growth_curve(phi)


def test_two_scans_before_the_onset_are_not_a_line():
    curve = growth_curve(volume_fraction_map(growing_layer(TIME), TIME))
    with pytest.raises(FitError, match="scan faster"):
        growth_line(curve, onset_s=400.0)


def test_a_point_far_noisier_than_the_rest_is_left_out_of_the_line_and_one_a_little_noisier_is_not():
    """Equal weights: a frame of 8 times the median sigma would decide the slope, one of 3 times counts."""
    t = 100.0 + 300.0 * np.arange(10)
    for noisier, points in ((8.0, 9), (3.0, 10)):
        sigma, phi = np.full(t.size, 1e-5), START + RATE * t
        sigma[-1], phi[-1] = noisier * 1e-5, phi[-1] + 8e-5
        curve = GrowthCurve.from_arrays(phi, dims=("scan",), coords={"time": (("scan",), t)}, sigma=sigma)
        found = growth_line(curve)
        assert f"{points} scans" in found.words
        assert (abs(found.line.slope / RATE - 1.0) < 1e-9) is (points == 9)


def test_what_the_interpolation_may_hide_of_the_slices_mean_is_what_straight_lines_would_make_of_it():
    heights = np.array([0.0, 50.0, 100.0, 150.0, 200.0, 1000.0, 3000.0])
    time = frame_times(heights=heights.size)
    profile = START * (1.0 + (heights / 200.0) ** 2)  # not a layer at the anode: cubic between the heights
    phi = volume_fraction_map(np.broadcast_to(profile, time.shape), time, heights=heights)
    curve = slice_mean_curve(phi, gap_um=GAP_UM, start=START, slice_um=100.0)
    lines = np.trapezoid(profile[:3], heights[:3]) / 100.0
    assert abs(curve.values[5] / lines - 1.0) > 1e-3
    assert_close(curve.shared["interpolation"].values[5], abs(lines - curve.values[5]), rel=1e-6)


def test_what_a_parabola_hides_of_a_local_slope_is_what_a_cubic_finds():
    t = 100.0 + 300.0 * np.arange(9) + 40.0 * np.sin(np.arange(9))
    phi = START + 1e-12 * (t - 900.0) ** 3
    curve = GrowthCurve.from_arrays(phi, dims=("scan",), coords={"time": (("scan",), t)}, sigma=np.full(t.size, 1e-15))
    found = slice_flux_curve(curve)
    exact = 50e-6 * 3e-12 * (t - 900.0) ** 2
    off = np.pad(np.abs(found.values - exact), 1)
    of_three = np.max([off[:-2], off[1:-1], off[2:]], axis=0)
    assert_close(found.shared["interpolation"].values, of_three, rel=1e-4)


@pytest.mark.parametrize("lost", [[0, 1], [4, 5], [10, 11]])
def test_scans_that_are_lost_from_a_curve_that_bends_are_in_the_slopes_sigma(lost):
    t = 75.0 + 150.0 * np.arange(12)
    phi = 8e-4 + 4e-6 * t**0.8
    whole, gone = (
        GrowthCurve.from_arrays(
            phi,
            dims=("scan",),
            coords={"time": (("scan",), t)},
            sigma=np.full(12, 1e-8),
            masks={"lost": (("scan",), mask)},
        )
        for mask in (np.zeros(12, bool), np.isin(np.arange(12), lost))
    )
    one, other = growth_line(whole), growth_line(gone)
    assert one.shared["missing_scans"] == 0.0
    assert abs(one.line.slope - other.line.slope) < 2.0 * other.line.slope_sigma
    assert other.line.slope_sigma < 0.1 * other.line.slope


@pytest.mark.parametrize("power", [0.5, 0.7])
@pytest.mark.parametrize("lost", [[0], [0, 1], [11]])
def test_what_lost_scans_are_said_to_change_is_no_less_than_what_they_do(lost, power):
    """The first ones are worst: a parabola through the scans after them sees the steep beginning too flat."""
    t = 75.0 + 150.0 * np.arange(12)
    curve = GrowthCurve.from_arrays(
        START + 1e-5 * t**power, dims=("scan",), coords={"time": (("scan",), t)}, sigma=np.full(12, 1e-9)
    )
    mask = sc.array(dims=["scan"], values=np.isin(np.arange(12), lost))
    gone = growth_line(replace(curve, data=curve.data.assign_masks(lost=mask)))
    off = abs(gone.line.slope - growth_line(curve).line.slope)
    assert 0.4 * gone.shared["missing_scans"] < off < gone.shared["missing_scans"]


@pytest.mark.parametrize("lost", [[1], [1, 4], [1, 5], [2, 3]])
def test_scans_that_are_lost_one_by_one_are_in_the_slopes_sigma_although_their_errors_cancel(lost):
    """A layer grows with the root of time: beside its steep beginning a parabola in time is off by more."""
    t = 4.0 + 88.0 * np.arange(8)
    curve = GrowthCurve.from_arrays(
        START + 1.7e-4 * np.sqrt(t), dims=("scan",), coords={"time": (("scan",), t)}, sigma=np.full(8, 1e-7)
    )
    mask = sc.array(dims=["scan"], values=np.isin(np.arange(8), lost))
    gone = growth_line(replace(curve, data=curve.data.assign_masks(lost=mask)))
    off = abs(gone.line.slope - growth_line(curve).line.slope)
    assert 0.5 * gone.shared["missing_scans"] < off < 1.2 * gone.shared["missing_scans"]


def stepped(t, step, *, power=0.5):
    """phi that grows evenly, and from `step` on loses with a power of the time since; its rate."""
    since = np.maximum(t - step, 0.0)
    with np.errstate(divide="ignore"):
        loss = np.where(since > 0.0, power * 4e-5 * since ** (power - 1.0), 0.0)
    return START + RATE * t - 4e-5 * since**power, RATE - loss


@pytest.mark.parametrize("step", [620.0, 700.0, 740.0])
def test_a_step_of_the_voltage_is_in_the_rates_beside_it_and_leaves_the_others_alone(step):
    """Six scans before the step, which know nothing of it, and six after; the first of these sees a rate that has no end."""
    t = 60.0 + 120.0 * np.arange(12)
    phi, rate = stepped(t, step)
    curve = GrowthCurve.from_arrays(phi, dims=("scan",), coords={"time": (("scan",), t)}, sigma=np.full(12, 1e-9))
    found = slice_flux_curve(curve, start=START, steps_s=[step])
    off = np.abs(found.values - 50e-6 * rate) / found.total_sigma
    assert off.max() < 3.0
    before = t < step - 240.0
    assert np.all(found.total_sigma[before] < 0.01 * 50e-6 * RATE)
    last, blind = np.flatnonzero(t < step)[-1], slice_flux_curve(curve, start=START)
    assert abs(blind.values[last] - 50e-6 * rate[last]) > 0.1 * 50e-6 * RATE
    assert_close(found.values[last], 50e-6 * RATE, rel=1e-6)


def test_the_first_scan_knows_how_far_the_start_lies_below_it():
    """A layer that has grown with the square root of time: what was before the first scan is known by phi0 alone."""
    t = 9.0 + 150.0 * np.arange(6)
    phi = START + 1e-4 * np.sqrt(t) + 1e-5 * t
    rate = 0.5e-4 / np.sqrt(t) + 1e-5
    curve = GrowthCurve.from_arrays(phi, dims=("scan",), coords={"time": (("scan",), t)}, sigma=np.full(6, 1e-8))
    found, blind = slice_flux_curve(curve, start=START), slice_flux_curve(curve)
    assert abs(found.values[0] - 50e-6 * rate[0]) < 1.5 * found.total_sigma[0]
    assert abs(blind.values[0] - 50e-6 * rate[0]) > 2.0 * blind.total_sigma[0]
