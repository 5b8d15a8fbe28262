"""The invariant counts particle volume whatever its sizes; its sigma is the scatter, the fit's share included."""

from dataclasses import replace

import numpy as np
import pytest
import scipp as sc
from analysis.synthetic_curves import (
    DRY_SHELL_NM,
    Sizes,
    cut_sizes,
    form_factor,
    gaussian_sizes,
    number_density,
    synthetic_sample,
    window,
)
from closeness import assert_close

from electrosaxs.analysis.concentration.curve_invariant import _guinier, absolute_volume_fraction, invariant
from electrosaxs.analysis.concentration.invariant import bin_widths, particle_volume
from electrosaxs.analysis.spheres.fit import fit_spheres
from electrosaxs.errors import FitError, ShapeError
from electrosaxs.nouns import SampleIntensity


def measured(sample, **options):
    return particle_volume(sample, fit_spheres(sample), dry_shell_nm=DRY_SHELL_NM, **options)


def true_volume(sizes, phi):
    """2 pi^2 x number density x pi/6 <(d + 2 s)^3>."""
    return 2.0 * np.pi**2 * number_density(phi, sizes) * np.pi / 6.0 * sizes.moment(3, DRY_SHELL_NM)


@pytest.mark.parametrize("sizes", [gaussian_sizes(5.6, 1.5), gaussian_sizes(7.6, 0.9), cut_sizes(6.5)])
def test_volume_is_found_on_the_scale_of_the_intensity(sizes):
    volume = measured(synthetic_sample(sizes, 3e-4, seed=None))
    assert_close(volume.value, [true_volume(sizes, 3e-4)], rel=1.5e-3)
    assert_close(volume.window + volume.low + volume.high, volume.value / volume.shell_ratio, rel=1e-12)
    assert 0.001 < volume.low_share[0] < 0.02
    assert 0.05 < volume.high_share[0] < 0.15


@pytest.mark.parametrize("bins", [250, 1000])
def test_the_number_of_bins_does_not_change_the_invariant(bins):
    few, many = (measured(synthetic_sample(gaussian_sizes(), q=window(n), seed=None)) for n in (500, bins))
    assert_close(few.value, many.value, rel=1e-5)
    assert_close(few.window, many.window, rel=1e-3)


def test_another_window_moves_the_parts_and_not_the_sum():
    narrow = measured(synthetic_sample(gaussian_sizes(), q=window(400, 0.2, 2.5), seed=None))
    wide = measured(synthetic_sample(gaussian_sizes(), seed=None))
    assert narrow.low_share[0] > 3.0 * wide.low_share[0]
    assert_close(narrow.value, wide.value, rel=1e-4)


def test_missing_bins_are_filled_by_the_model():
    whole = synthetic_sample(gaussian_sizes(), seed=None)
    gap = np.abs(whole.coord("q") - 0.9) < 0.1
    values = np.where(gap, np.nan, whole.values)
    data = whole.data.copy()
    data.values = values
    assert_close(measured(SampleIntensity(data)).value, measured(whole).value, rel=1e-5)


def test_influence_is_the_derivative_through_window_and_fit():
    sample = synthetic_sample(gaussian_sizes(), 2e-4, gain=[1.0], seed=None)
    volume = measured(sample)
    for centre in (0.15, 0.6, 1.4, 3.0):
        bump = 2e-4 * volume.value[0] * np.exp(-0.5 * ((sample.coord("q") - centre) / 0.05) ** 2)
        up, down = (
            measured(SampleIntensity(sample.data + s * sc.array(dims=["q"], values=bump * 1e-3, unit="one"))).value[0]
            for s in (1.0, -1.0)
        )
        assert_close((up - down) / 2.0, 1e-3 * volume.influence[0] @ bump, rel=0.01)


def test_what_the_counts_say_twice_is_not_counted_twice():
    """Leaving out the correlation of window and fit gives another sigma than the scatter."""
    frames = synthetic_sample(gaussian_sizes(), 8e-5, gain=[0.05] * 400, seed=8, solvent_gain=1e5)
    fit = fit_spheres(frames)
    volume = particle_volume(frames, fit, dry_shell_nm=DRY_SHELL_NM)
    scatter = np.std(volume.value)
    assert_close(np.mean(volume.sigma), scatter, rel=0.1)  # 400 frames: 3.5 %
    q = frames.coord("q")
    window_alone = np.sqrt(np.sum((volume.shell_ratio[:, None] * q**2 * bin_widths(q)) ** 2 * volume.variance, axis=1))
    assert np.mean(window_alone) > 1.3 * scatter


def test_a_constant_that_the_solvent_lacks_is_not_particles():
    sample = synthetic_sample(gaussian_sizes(), 8e-5, background=0.02, seed=None)
    truth = true_volume(gaussian_sizes(), 8e-5)
    assert_close(measured(sample).value, [truth], rel=5e-4)


def test_sample_and_fit_must_belong_together():
    sample = synthetic_sample(gaussian_sizes(), gain=[1.0, 1.0])
    with pytest.raises(ShapeError, match="frames and bins"):
        particle_volume(SampleIntensity(sample.data["frame", :1].copy()), fit_spheres(sample), dry_shell_nm=1.0)


def silica(reference_data, name):
    """q in 1/nm, I in 1/cm."""
    rows = [line.split()[:3] for line in (reference_data / "invariant" / name).open(errors="replace")]
    numbers = [row for row in rows if len(row) == 3 and row[0][:1].isdigit() and "E" in row[0]]
    q, y, sigma = np.array(numbers, dtype=float).T
    return SampleIntensity.from_arrays(y, dims=("q",), coords={"q": (("q",), 10.0 * q)}, sigma=sigma)


def phi_of(result, **options):
    value = sc.scalar(result.invariant.values[0], unit="1/(cm*nm^3)")
    return absolute_volume_fraction(value, sc.scalar(2.2e-6, unit="1/angstrom^2"), **options).value


def test_one_percent_of_silica_spheres_by_guinier_and_porod(reference_data):
    """The computed curve has no interaction, hence no factor 1 - phi: 9.458e-5 1/(cm A^3) = Q (1 - 0.01)."""
    sample = silica(reference_data, "100nmSpheresNodQ.txt")
    result = invariant(sample, fit_spheres(sample))
    assert result.method == ("Guinier and Porod",)
    assert result.reason[0]
    assert_close(phi_of(result, two_phase=False), 0.01, rel=2e-3)
    assert_close(result.invariant.values[0] * 1e-3 * 0.99, 9.458e-5, rel=2e-3)
    assert 0.005 < result.low[0] / result.invariant.values[0] < 0.012
    outside = np.hypot(result.low[0], result.high[0])  # nothing vouches for either end
    assert_close(result.invariant.shared["extrapolation"].values, [outside], rel=1e-9)


def test_coarse_resolution_is_not_volume_but_looks_like_it(reference_data):
    sample = silica(reference_data, "100nmPinholeSphere.txt")
    result = invariant(sample, fit_spheres(sample))
    assert_close(phi_of(result), 0.0115, rel=0.01)


def test_a_good_sphere_fit_gives_the_invariant_of_a_plain_curve():
    q, sizes = window(300, 0.08, 3.0), gaussian_sizes(6.2, 0.7)
    y = 1e-4 * form_factor(q, sizes)
    sample = SampleIntensity.from_arrays(y, dims=("q",), coords={"q": (("q",), q)}, sigma=0.01 * y)
    result = invariant(sample, fit_spheres(sample))
    assert result.method == ("sphere fit",)
    assert result.reason == ("",)
    assert_close(result.invariant.values, [1e-4 * 2.0 * np.pi**2 * np.pi / 6.0 * sizes.moment(3)], rel=1e-4)


def test_two_phases_cannot_scatter_more_than_half_and_half():
    contrast = sc.scalar(1e-3, unit="1/nm^2")
    half = 2.0 * np.pi**2 * 1e-6 * 0.21
    phi = absolute_volume_fraction(sc.scalar(half, unit="1/nm^4"), contrast)
    assert_close(phi.value, 0.3, rel=1e-12)
    with pytest.raises(FitError, match=r"0\.25 or less"):
        absolute_volume_fraction(sc.scalar(1.3 * half, unit="1/nm^4"), contrast)


def test_what_the_window_misses_is_known_to_a_fifth_below_and_a_twentieth_beyond():
    volume = measured(synthetic_sample(gaussian_sizes(), seed=None))
    for low, high in ((3.0, 0.0), (0.0, 3.0), (1.0, 2.0)):
        there = replace(volume, low=low * volume.window, high=high * volume.window)
        expected = volume.window * volume.shell_ratio * np.hypot(0.20 * low, 0.05 * high)
        assert_close(there.extrapolation_sigma, expected, rel=1e-12)


def test_guiniers_law_is_read_where_it_holds():
    """Of one sphere, R_g^2 = 3/5 R^2, 200 bins: over q R_g < 1.3 to 2 % of R_g and 0.3 % of I(0), beyond it would be 4 %."""
    q = np.linspace(0.01, 1.0, 200)
    one = form_factor(q, Sizes(np.array([20.0]), np.ones(1)))
    y = 3.0 * one / form_factor(np.array([1e-6]), Sizes(np.array([20.0]), np.ones(1)))
    forward, radius = _guinier(q, y)
    assert_close(forward, 3.0, rel=3e-3)
    assert_close(radius, np.sqrt(0.6) * 10.0, rel=0.02)
    assert radius > np.sqrt(0.6) * 10.0 * 1.012  # it does use the range
