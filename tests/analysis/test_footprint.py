"""A beam of finite height under-weights what absorbs; the correction gives the mean over the footprint back."""

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.footprint import (
    at_the_mean_height,
    attenuation_per_volume_fraction,
    footprint_correction,
    gradient_at_fixed_time,
)
from electrosaxs.nouns import Solution

SOLUTION = Solution(volume_fraction=8e-4)
TIMES = np.array([[0.0, 20.0, 40.0], [300.0, 320.0, 340.0]])
SPREAD = 34.0 / 2.3548200450309493


def test_silver_at_the_starting_concentration_absorbs_what_the_tables_say() -> None:
    a = attenuation_per_volume_fraction(SOLUTION, core_share=0.44, energy_keV=13.3, path_length_mm=10.0)
    # mu t of silver 0.20 at phi = 8e-4; ligand for toluene changes little
    assert_close(a * 8e-4, 0.204, rel=0.02)


def apparent_and_mean(height: float, decay_um: float, phi_wall: float, a: float) -> tuple[float, float]:
    z = np.linspace(max(0.0, height - 8 * SPREAD), height + 8 * SPREAD, 200_001)
    weight = np.exp(-0.5 * ((z - height) / SPREAD) ** 2)
    phi = phi_wall * np.exp(-z / decay_um)
    absorbed = weight * np.exp(-a * phi)
    return float(np.sum(absorbed * phi) / np.sum(absorbed)), float(np.sum(weight * phi) / np.sum(weight))


def test_the_mean_over_the_footprint_comes_back_for_an_exponential_profile() -> None:
    a, decay, wall = 250.0, 100.0, 0.012
    beam = np.array([0.0, 50.0, 100.0, 150.0, 250.0])
    read = beam + SPREAD * np.where(beam == 0.0, np.sqrt(2 / np.pi), 0.0)
    pairs = [apparent_and_mean(h, decay, wall, a) for h in beam]
    apparent = np.array([[p[0] for p in pairs]])
    mean = np.array([p[1] for p in pairs])
    factor = footprint_correction(
        apparent,
        time_s=np.zeros((1, 5)),
        beam_height_um=beam,
        read_height_um=read,
        fwhm_um=34.0,
        attenuation=np.array(a),
    ).factor
    uncorrected = np.abs(apparent[0] / mean - 1.0)
    assert uncorrected[1] > 0.02
    assert np.all(np.abs(factor[0] * apparent[0] / mean - 1.0) < 0.15 * uncorrected + 1e-4)


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
        time_s=np.zeros((1, 4)),
        beam_height_um=beam,
        read_height_um=beam,
        fwhm_um=34.0,
        attenuation=np.array(a),
    )
    step = at_the_mean_height(np.array([seen]), correction, read_height_um=beam, time_s=np.zeros((1, 4)))[0]
    missing = np.array(there) - np.array(seen)
    assert missing[0] > 0.008
    assert np.all(np.abs(step - missing) < 0.1 * missing[0])


def test_a_uniform_solution_needs_no_correction() -> None:
    heights = np.array([0.0, 50.0, 100.0])
    correction = footprint_correction(
        np.full((2, 3), 8e-4),
        time_s=TIMES,
        beam_height_um=heights,
        read_height_um=heights,
        fwhm_um=34.0,
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
