"""A beam of finite height under-weights what absorbs; the correction gives the mean over the footprint back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.footprint import correction as correction_module
from electrosaxs.analysis.footprint.beam_profile import (
    BeamView,
    after_a_step,
    gradient_at_fixed_time,
    rate_uncertainty,
    rates_since_start,
)
from electrosaxs.analysis.footprint.correction import (
    FootprintCorrection,
    at_the_mean_height,
    footprint_correction,
    noise_at_the_mean_height,
)
from electrosaxs.nouns import FloatArray, Solution
from electrosaxs.physics.absorption import attenuation_per_volume_fraction
from electrosaxs.physics.beam import open_beam_centre

SOLUTION = Solution(volume_fraction=8e-4)
TIMES = np.array([[0.0, 20.0, 40.0], [300.0, 320.0, 340.0]])
SPREAD = 34.0 / 2.3548200450309493


def test_silver_at_the_starting_concentration_absorbs_what_the_tables_say() -> None:
    a = attenuation_per_volume_fraction(SOLUTION, core_share=0.44, energy_keV=13.3, path_length_mm=10.0)
    # mu t of silver 0.20 at phi = 8e-4; ligand for toluene changes little
    assert_close(a * 8e-4, 0.204, rel=0.02)


def apparent_and_mean(height: float, profile: Callable[[FloatArray], FloatArray], a: float) -> tuple[float, float]:
    z = np.linspace(max(0.0, height - 8 * SPREAD), height + 8 * SPREAD, 200_001)
    weight = np.exp(-0.5 * ((z - height) / SPREAD) ** 2)
    phi = profile(z)
    absorbed = weight * np.exp(-a * phi)
    return float(np.sum(absorbed * phi) / np.sum(absorbed)), float(np.sum(weight * phi) / np.sum(weight))


def layer(z: FloatArray) -> FloatArray:
    """Eleven times the start at the wall, decay length 100 um."""
    return 8e-4 * (1.0 + 10.0 * np.exp(-z / 100.0))


def test_the_mean_over_the_footprint_comes_back_for_a_layer_on_the_starting_solution() -> None:
    a, beam = 250.0, np.array([0.0, 50.0, 100.0, 150.0, 250.0, 400.0])
    apparent, mean = np.array([apparent_and_mean(h, layer, a) for h in beam]).T
    correction = footprint_correction(
        apparent[None],
        BeamView.of(beam, 34.0),
        time_s=np.zeros((1, 6)),
        attenuation=np.array(a),
    )
    uncorrected = np.abs(apparent / mean - 1.0)
    left = np.abs(correction.factor[0] * apparent / mean - 1.0)
    assert uncorrected[1] > 0.02
    assert np.all(left < 0.01 * uncorrected + 6e-5)
    assert np.all(left[:4] < correction.sigma[0, :4])


def test_an_attenuation_that_grows_towards_the_wall_is_followed_within_the_beam() -> None:
    # large particles are near the wall and hold more core
    def attenuation(z: FloatArray) -> FloatArray:
        return 250.0 * (1.0 + 0.03 * np.exp(-z / 200.0))

    beam = np.array([0.0, 50.0, 100.0, 150.0, 250.0, 400.0])
    apparent, mean = np.empty(6), np.empty(6)
    for k, height in enumerate(beam):
        z = np.linspace(max(0.0, height - 8 * SPREAD), height + 8 * SPREAD, 200_001)
        weight = np.exp(-0.5 * ((z - height) / SPREAD) ** 2)
        light = weight * np.exp(-attenuation(z) * layer(z))
        apparent[k], mean[k] = np.average(layer(z), weights=light), np.average(layer(z), weights=weight)
    read = open_beam_centre(beam, 34.0)
    factor = footprint_correction(
        apparent[None],
        BeamView.of(beam, 34.0),
        time_s=np.zeros((1, 6)),
        attenuation=attenuation(read)[None],
    ).factor
    assert_close(factor[0] * apparent, mean, rel=3e-4)


def corrected(apparent: FloatArray, beam: FloatArray, **more: Any) -> FootprintCorrection:
    return footprint_correction(
        apparent,
        BeamView.of(beam, 34.0),
        attenuation=np.array(250.0),
        **more,
    )


def test_a_voxel_with_crystals_does_not_bend_the_profile_of_its_neighbours() -> None:
    beam = np.array([0.0, 50.0, 100.0, 150.0, 250.0, 400.0])
    apparent, mean = np.array([apparent_and_mean(h, layer, 250.0) for h in beam]).T
    wrong = apparent * np.array([0.8, 1.0, 1.0, 1.0, 1.0, 1.0])
    crystals = np.array([[True, False, False, False, False, False]])
    kept = corrected(wrong[None], beam, time_s=np.zeros((1, 6)), sees_crystals=crystals, start=8e-4).factor[0]
    misled = corrected(wrong[None], beam, time_s=np.zeros((1, 6))).factor[0]
    assert abs(kept[1] * apparent[1] / mean[1] - 1.0) < 0.0003
    assert abs(misled[1] * apparent[1] / mean[1] - 1.0) > 0.006
    # the shape of the others serves the voxel itself too
    assert abs((kept[0] - 1.0) / (mean[0] / apparent[0] - 1.0) - 1.0) < 0.25


def test_one_height_or_steps_too_wide_for_the_layer_leave_a_sigma_as_large_as_what_is_missed() -> None:
    for heights in ([0.0], [50.0], [0.0, 900.0, 1800.0, 2700.0]):
        beam = np.array(heights)
        apparent, mean = np.array([apparent_and_mean(h, layer, 250.0) for h in beam]).T
        times = np.tile([[100.0], [400.0], [700.0]], beam.size)
        correction = corrected(np.tile(apparent, (3, 1)), beam, time_s=times, start=8e-4)
        missed = abs(correction.factor[1, 0] * apparent[0] / mean[0] - 1.0)
        assert missed > 0.005
        assert missed < correction.sigma[1, 0] < 5.0 * missed
        assert np.all(correction.sigma[1, 1:] < 1e-4)


def few_heights(hidden: int = 0) -> tuple[FloatArray, FloatArray]:
    """Relative errors and sigma (height,) at four heights of a layer of 70 um over a cell that empties from the cathode; the
    lowest `hidden` of them see crystals."""

    def cell(z: FloatArray) -> FloatArray:
        return 8e-4 * (1.0 + 10.0 * np.exp(-z / 70.0)) * (1.0 - 0.99 * np.exp((z - 3500.0) / 400.0))

    beam = np.array([0.0, 50.0, 1000.0, 3400.0])
    apparent, mean = np.array([apparent_and_mean(h, cell, 250.0) for h in beam]).T
    times = np.tile([[100.0], [400.0], [700.0]], beam.size)
    crystals = np.tile(np.arange(beam.size) < hidden, (3, 1))
    found = corrected(np.tile(apparent, (3, 1)), beam, time_s=times, start=8e-4, sees_crystals=crystals)
    return found.factor[1] * apparent / mean - 1.0, found.sigma[1]


def test_four_heights_leave_a_sigma_that_holds_what_a_spline_through_them_misses() -> None:
    error, sigma = few_heights()
    assert np.all(np.abs(error[:3]) < 2.5 * sigma[:3] + 1e-4)
    assert sigma[0] < 0.05
    assert abs(error[2]) < 2e-4  # the spline through all four would bend by 0.3 % of phi there


def test_beside_crystals_the_next_height_is_no_better_known_than_by_the_one_far_above_it() -> None:
    error, sigma = few_heights(hidden=1)
    assert abs(error[1]) > 0.01
    assert abs(error[1]) < 2.5 * sigma[1]
    assert sigma[0] > 0.01


def test_a_single_scan_knows_that_the_profile_grew_while_it_lasted() -> None:
    beam = np.array([0.0, 50.0, 100.0, 150.0, 250.0, 400.0])
    times = 200.0 + 4.0 * beam

    def growing(z: FloatArray, time: float) -> FloatArray:
        return 8e-4 * (1.0 + 10.0 * time / 400.0 * np.exp(-z / 100.0))

    pairs = [apparent_and_mean(h, lambda z, t=t: growing(z, t), 250.0) for h, t in zip(beam, times, strict=True)]
    apparent, mean = np.array(pairs).T
    blind = corrected(apparent[None], beam, time_s=times[None])
    aware = corrected(apparent[None], beam, time_s=times[None], start=8e-4)
    left, before = (np.abs(c.factor[0] * apparent / mean - 1.0) for c in (aware, blind))
    assert before[1] > 0.004
    assert left[1] < 0.1 * before[1]
    assert aware.sigma[0, 1] > 0.2 * before[1]


def test_sizes_are_brought_from_where_the_light_sees_to_the_mean_of_the_particles() -> None:
    a, decay, wall = 250.0, 100.0, 0.012
    beam = np.array([50.0, 100.0, 150.0, 250.0])
    z = np.linspace(0.0, 400.0, 400_001)
    size = 7.5 - 0.004 * z + 2e-6 * z**2
    phi = wall * np.exp(-z / decay)
    apparent, seen, there = [], [], []
    for height in beam:
        weight = np.exp(-0.5 * ((z - height) / SPREAD) ** 2)
        light = weight * np.exp(-a * phi)
        apparent.append(np.sum(light * phi) / np.sum(light))
        seen.append(np.sum(light * phi * size) / np.sum(light * phi))
        there.append(np.sum(weight * phi * size) / np.sum(weight * phi))
    correction = footprint_correction(
        np.array([apparent]),
        replace(BeamView.of(beam, 34.0), read_um=beam),
        time_s=np.zeros((1, 4)),
        attenuation=np.array(a),
    )
    step = at_the_mean_height(np.array([seen]), correction, read_height_um=beam, time_s=np.zeros((1, 4)))[0]
    missing = np.array(there) - np.array(seen)
    assert missing[0] > 0.008
    assert np.all(np.abs(step - missing) < 0.1 * missing[0])


def test_a_size_moved_along_a_noisy_slope_scatters_as_its_sigma_says() -> None:
    """Heights closer than the beam is wide: the slope of the sizes between them is mostly noise, and moves them by it."""
    beam, times, sigma = (
        np.array([0.0, 20.0, 40.0, 60.0, 100.0]),
        np.zeros((1, 5)),
        np.array([[3.0, 2.0, 1.0, 1.5, 1.0]]),
    )
    correction = footprint_correction(
        1e-2 * np.exp(-beam[None] / 60.0),
        replace(BeamView.of(beam, 50.0), read_um=beam),
        time_s=times,
        attenuation=np.array(200.0),
    )
    assert correction.rise_um.max() > 5.0
    random, moved = np.random.default_rng(5), []
    for _ in range(4000):
        sizes = sigma * random.normal(size=(1, 5))
        moved.append(sizes + at_the_mean_height(sizes, correction, read_height_um=beam, time_s=times))
    said = noise_at_the_mean_height(sigma, correction, read_height_um=beam, time_s=times)
    assert_close(np.std(moved, axis=0), said, rel=0.05)
    assert np.max(said / sigma) > 1.2


def test_a_uniform_solution_needs_no_correction() -> None:
    heights = np.array([0.0, 50.0, 100.0])
    correction = footprint_correction(
        np.full((2, 3), 8e-4),
        replace(BeamView.of(heights, 34.0), read_um=heights),
        time_s=TIMES,
        attenuation=np.array(250.0),
    )
    assert_close(correction.factor, np.ones((2, 3)), rel=1e-12)
    assert_close(correction.rise_um, np.zeros((2, 3)), rel=0.0, floor=1e-9)


def test_the_slope_of_an_exponential_is_found_beside_a_missing_frame() -> None:
    heights = np.array([0.0, 50.0, 100.0, 150.0])
    logarithm = -heights[None, :] / 80.0
    logarithm[0, 2] = np.nan
    assert_close(gradient_at_fixed_time(logarithm, heights, np.zeros((1, 4)))[0], np.full(4, -1 / 80.0), rel=1e-9)


def test_growth_during_a_scan_is_not_taken_for_a_slope() -> None:
    heights, starts = np.array([0.0, 50.0, 100.0, 150.0]), np.array([0.0, 300.0, 600.0])
    time = starts[:, None] + 0.4 * heights
    logarithm = -heights / 80.0 + 1e-3 * time
    assert_close(gradient_at_fixed_time(logarithm, heights, time), np.full((3, 4), -1 / 80.0), rel=1e-9)


def test_the_first_frames_after_a_step_go_on_with_the_square_root_of_the_time_since() -> None:
    """A layer that grows evenly loses 4e-5 sqrt(t - 440) from 440 s on: steepest where scans know least of it."""
    time = 150.0 * np.arange(6)[:, None] + np.array([0.0, 40.0]) + 10.0
    since = np.maximum(time - 440.0, 0.0)
    values = 1e-3 + 2e-6 * time - 4e-5 * np.sqrt(since)
    found = after_a_step(values, time, 440.0)
    assert np.all(np.isnan(np.delete(found, 3, axis=0)))
    assert_close(found[3], -2e-5 / np.sqrt(since[3]) + 2e-6 * 0.5, rel=0.05)
    plain, off = (rate_uncertainty(values, time, None, steps) for steps in ((), (440.0,)))
    right = 2e-6 - 2e-5 / np.sqrt(since[3])
    used = rates_since_start(values, time, None)[3]
    assert np.all(np.abs(right - used) < 1.2 * np.abs(off[3]))
    assert abs(right[0] - used[0]) > 3.0 * abs(plain[3, 0])
    assert np.array_equal(np.delete(off, 3, axis=0), np.delete(plain, 3, axis=0))


def test_two_exposures_at_each_height_do_not_turn_their_noise_into_growth() -> None:
    heights, starts = np.array([0.0, 50.0, 100.0, 150.0]), np.array([0.0, 2.0, 300.0, 302.0, 600.0, 602.0])
    time = starts[:, None] + 0.4 * heights
    noise = 0.01 * np.array([1.0, -1.0, -1.0, 1.0, 1.0, -1.0])[:, None]
    logarithm = -heights / 80.0 + 1e-3 * time
    measured = gradient_at_fixed_time(logarithm + noise, heights, time)
    assert_close(measured, np.full((6, 4), -1 / 80.0), rel=1e-3)


def test_noise_of_a_voxel_and_its_neighbours_reaches_the_corrected_value_as_sampling_shows() -> None:
    beam = np.array([0.0, 50.0, 100.0, 150.0, 200.0, 300.0])
    apparent, _ = np.array([apparent_and_mean(h, layer, 250.0) for h in beam]).T
    noise = 0.01 * np.random.default_rng(4).standard_normal((400, 6))
    times = np.tile(300.0 * np.arange(1.0, 401.0)[:, None], 6)
    noisy = corrected(apparent * (1.0 + noise), beam, time_s=times)
    sampled = np.std(noisy.factor * (1.0 + noise), axis=0)
    told = corrected(np.tile(apparent, (3, 1)), beam, time_s=times[:3]).counting_sigma(np.full((3, 6), 0.01))[1]
    assert sampled[0] > 0.0115
    assert_close(told, sampled, rel=0.12)


def test_noise_as_large_as_phi_itself_leaves_a_correction():
    """A voxel that seems to lose more than all of its phi between two frames has no negative profile."""
    height, scans = np.arange(0.0, 500.0, 50.0), np.arange(4)[:, None]
    noise = np.random.default_rng(3).standard_normal((4, height.size))
    found = footprint_correction(
        8e-4 * (1.0 + 4.0 * np.exp(-height / 100.0)) * np.exp(1.5 * noise),
        BeamView.of(height, 34.0),
        time_s=100.0 + 300.0 * scans + 25.0 * np.arange(height.size),
        attenuation=np.array(20.0),
        start=8e-4,
    )
    assert np.all(np.isfinite(found.factor))
    assert np.all(np.isfinite(found.response))


def test_scans_are_unfolded_in_blocks_and_come_out_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    height = np.array([0.0, 40.0, 90.0, 160.0, 300.0])
    scans = np.arange(7)[:, None]
    phi = 8e-4 * (1.0 + (1.0 + scans) * np.exp(-height / 80.0))
    phi[3, 2] = np.nan

    def found() -> FootprintCorrection:
        return corrected(phi, height, time_s=100.0 + 300.0 * scans + 25.0 * np.arange(height.size), start=8e-4)

    whole = found()
    monkeypatch.setattr(correction_module, "BLOCK", 3)
    parts = found()
    for name in ("factor", "sigma", "rise_um", "depth", "in_time", "response"):
        assert_close(getattr(parts, name), getattr(whole, name), rel=1e-4, floor=1e-5)
