"""Peaks that are there are found with honest errors; peaks that are not there are hardly ever found."""

import numpy as np
from analysis.synthetic_crystals import crystals_in_solution
from analysis.synthetic_curves import cut_sizes, field_selected_sizes, gaussian_sizes, synthetic_sample
from closeness import assert_close

from electrosaxs.analysis.crystals import peaks
from electrosaxs.analysis.crystals.peaks import find_peaks, peak_threshold, start_solution
from electrosaxs.analysis.crystals.weighted_curve import (
    bin_means,
    curve_from_arrays,
    curve_of_frame,
    noise_from_scatter,
)
from electrosaxs.physics.lattices import reflection_positions
from electrosaxs.physics.sphere_kernels import squared_form_factor


def test_a_pure_solution_shows_no_peaks():
    """One curve in 500 may; 40 curves at three count rates and of sizes that are not normal show at most one."""
    cases = [
        (gaussian_sizes(), 1e-3),
        (gaussian_sizes(), 0.1),
        (cut_sizes(7.0), 0.1),
        (field_selected_sizes(0.02), 1.0),
    ]
    alarms = 0
    for sizes, gain in cases:
        for seed in range(10):
            sample = synthetic_sample(sizes, 2.4e-3, gain=gain, seed=seed)
            alarms += bool(find_peaks(curve_of_frame(sample, 0)).peaks)
    assert alarms <= 1


def test_the_threshold_follows_from_how_many_peaks_could_be_anywhere():
    narrow, wide = peak_threshold(3.0, np.array([0.01])), peak_threshold(3.0, np.array([0.1]))
    assert 4.0 < wide < narrow < 5.5


def test_pure_noise_passes_the_threshold_as_often_as_is_said(monkeypatch):
    """White noise under one Gaussian filter of 12 bins FWHM over 3000 bins, 1500 times: 1 - exp(-0.3) exceed it anywhere."""
    monkeypatch.setattr(peaks, "FALSE_ALARM", 0.3)
    fwhm, bins = 12.0, 3000
    x = np.arange(-40, 41)
    template = np.exp(-4.0 * np.log(2.0) * (x / fwhm) ** 2)
    template /= np.linalg.norm(template)
    noise = np.random.default_rng(2).normal(size=(1500, bins))
    highest = np.array([np.convolve(row, template, mode="same").max() for row in noise])
    share = np.mean(highest > peak_threshold(float(bins), np.array([fwhm])))
    assert_close(share, 1.0 - np.exp(-0.3), rel=0.14)


def test_a_bin_shows_the_mean_of_a_curve_over_its_width():
    """Of a parabola x^2 over a width h that is x^2 + h^2 / 12; slopes (q, p) likewise."""
    q = np.linspace(0.1, 1.0, 31)
    mean = q**2 + (q[1] - q[0]) ** 2 / 12.0
    assert_close(bin_means(q, q**2)[1:-1], mean[1:-1], rel=1e-12)
    assert_close(bin_means(q, np.column_stack([q**2, q]))[1:-1], np.column_stack([mean, q])[1:-1], rel=1e-12)


def test_reflections_of_a_powder_are_found_where_they_lie():
    curve = curve_of_frame(crystals_in_solution([0.05], gain=0.05, seed=4), 0)
    found = find_peaks(curve).peaks
    places = reflection_positions("FCC", 15.1, 0.9)[1]
    nearest = [min(found, key=lambda peak, q=q: abs(peak.q - q)) for q in places]
    for q, peak in zip(places, nearest, strict=True):
        assert abs(peak.q - q) < 4.0 * peak.q_sigma + 2e-4
        assert_close(peak.fwhm, 0.02, rel=0.2)


def test_the_area_of_a_lone_peak_has_an_honest_sigma():
    q = np.linspace(0.1, 3.0, 400)
    area, pulls = 0.004, []

    form = 3e-3 * squared_form_factor(q, 7.1, 0.9)
    clean = form * (1.0 + area / (0.0106 * np.sqrt(2 * np.pi)) * np.exp(-0.5 * ((q - 0.72) / 0.0106) ** 2)) + 1.0
    sigma = 0.02 * np.sqrt(clean)
    for seed in range(24):
        noisy = clean + sigma * np.random.default_rng(seed).normal(size=q.size)
        (peak,) = find_peaks(curve_from_arrays(q, noisy, sigma)).peaks
        pulls.append((peak.q - 0.72) / peak.q_sigma)
        assert abs(peak.area - area) < 5.0 * peak.area_sigma
    assert 0.75 < np.std(pulls) < 1.3


def test_sizes_are_found_without_a_guess():
    for d in (4.0, 7.1, 15.0):
        curve = curve_of_frame(synthetic_sample(gaussian_sizes(d, 0.12 * d), 8e-4, seed=1), 0)
        assert_close(start_solution(curve).diameter, d, rel=0.1)


def test_noise_of_a_curve_without_sigma_is_read_from_its_scatter():
    q = np.linspace(0.1, 3.0, 600)
    signal = 1000.0 * np.exp(-4.0 * q**2) + 2.0
    sigma = np.sqrt(0.02 * (signal + 1.0) / q)
    noisy = signal + sigma * np.random.default_rng(1).normal(size=q.size)
    per_count, solvent = noise_from_scatter(q, noisy)
    ratio = np.sqrt(per_count * (signal + solvent)) / sigma
    assert ratio.min() > 0.7
    assert ratio.max() < 1.4


def test_a_curve_that_no_size_explains_is_not_searched_and_is_no_error() -> None:
    q = np.linspace(0.1, 3.4, 400)
    rising = 1000.0 + 300.0 * q
    noise = np.sqrt(rising) * np.random.default_rng(4).normal(size=q.size)
    assert find_peaks(curve_from_arrays(q, rising + noise, np.sqrt(rising))) is None
