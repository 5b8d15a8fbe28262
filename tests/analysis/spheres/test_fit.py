"""Fits of counted curves: honest sigma at any count rate, no bias where the field has shaped the sizes."""

import numpy as np
import pytest
from analysis.synthetic_curves import (
    cut_sizes,
    field_selected_sizes,
    form_factor,
    gaussian_sizes,
    synthetic_sample,
    window,
)
from closeness import assert_close
from scipy.optimize import least_squares

from electrosaxs.analysis.spheres.fit import ORDER, bin_noise, fit_spheres
from electrosaxs.analysis.spheres.kernels import Curve, StartTable, fit_frame
from electrosaxs.errors import FitError, ShapeError
from electrosaxs.nouns import SampleIntensity
from electrosaxs.physics.sphere_kernels import skewed_form_factor

SOLVENTS, FRAMES = 20, 10


def draws(sizes, gain, *, phi=8e-4, solvent_level=2.0):
    """SOLVENTS measurements of FRAMES frames, each measurement with its own solvent of 6 frames."""
    return [
        synthetic_sample(sizes, phi, gain=[gain] * FRAMES, seed=s, solvent_gain=6 * gain, solvent_level=solvent_level)
        for s in range(1, SOLVENTS + 1)
    ]


def errors_and_sigmas(fits, name, truth):
    error = np.concatenate([getattr(fit, name) - truth for fit in fits])
    return error, np.concatenate([np.hypot(fit.sigma(name), fit.shared_sigma(name)) for fit in fits])


@pytest.mark.parametrize(
    ("gain", "solvent_level"),
    [(2.5, 2.0), (0.05, 2.0), (0.001, 0.1)],
    ids=["5 counts per pixel", "0.1 counts per pixel", "two counts per pixel at the centre, none outside"],
)
def test_reported_sigma_is_the_scatter(gain, solvent_level):
    sizes = field_selected_sizes(0.02)
    fits = [fit_spheres(s, workers=1) for s in draws(sizes, gain, solvent_level=solvent_level)]
    assert all(fit.converged.all() and not any(fit.flags) for fit in fits)
    for name, truth in (("diameter", sizes.mean), ("deviation", sizes.deviation), ("skewness", sizes.skewness)):
        error, sigma = errors_and_sigmas(fits, name, truth)
        assert 0.85 < np.std(error / sigma) < 1.15, name  # 200 draws: 1.00 +/- 0.05, three of them
        floor = 0.005 if name == "skewness" else 0.001  # the distribution is not quite the model's
        assert abs(np.mean(error)) < 0.3 * np.mean(sigma) + floor, name
    chi = np.mean([fit.chi_squared / fit.degrees_of_freedom for fit in fits])
    assert_close(chi, 1.0, rel=0.02)


@pytest.mark.parametrize(
    "sizes",
    [field_selected_sizes(-0.02), field_selected_sizes(0.1), cut_sizes(7.5), cut_sizes(6.5), cut_sizes(6.5, -0.8)],
    ids=["anode", "far", "front", "depleted", "first arrivals"],
)
def test_sizes_that_the_field_has_shaped_are_found_within_0_02_nm(sizes):
    fit = fit_spheres(synthetic_sample(sizes, seed=None))
    assert abs(fit.diameter[0] - sizes.mean) < 0.02
    assert abs(fit.deviation[0] - sizes.deviation) < 0.02


def test_a_normal_misses_a_cut_distribution_by_more_than_0_03_nm():
    sizes = cut_sizes(6.5)
    fit = fit_spheres(synthetic_sample(sizes, seed=None), skewed=False)
    assert fit.diameter[0] - sizes.mean > 0.03
    assert fit.deviation[0] - sizes.deviation < -0.05


def test_poisson_likelihood_has_its_maximum_where_the_fit_ends():
    sample = synthetic_sample(gaussian_sizes(), gain=[0.002], seed=5)
    fit, noise = fit_spheres(sample), bin_noise(sample)
    expected = (fit.model(noise.q) + noise.solvent) / noise.per_count
    score = (noise.intensity + noise.solvent) / noise.per_count / expected - 1.0
    for name in ("scale", "diameter", "deviation"):
        step = {"scale": 1e-4 * fit.scale[0], "diameter": 1e-3, "deviation": 1e-3}[name]
        up = [getattr(fit, key)[0] + (step if key == name else 0.0) for key in ORDER]
        moved = fit_curve(noise.q, up) - fit_curve(noise.q, [getattr(fit, key)[0] for key in ORDER])
        slope = np.sum(score * moved / noise.per_count) / step
        assert abs(slope) * fit.sigma(name)[0] < 0.02, name


def fit_curve(q, values):
    scale, d, delta, background, skewness = values
    return scale * skewed_form_factor(q, d, delta, skewness) + background


def test_batch_is_single_to_the_last_bit():
    sizes = [gaussian_sizes(d, 0.15 * d) for d in (5.6, 6.3, 7.1, 7.6)]
    batch = synthetic_sample(sizes * 3, gain=np.geomspace(0.01, 1.0, 12))
    together = fit_spheres(batch, workers=2)
    for f in (0, 5, 11):
        alone = fit_spheres(SampleIntensity(batch.data["frame", f : f + 1].copy()), workers=1)
        assert np.array_equal(alone.theta[0], together.theta[f])
        assert np.array_equal(alone.covariance[0], together.covariance[f])


def test_optimum_is_that_of_sasmodels_and_scipy(monkeypatch):
    core = pytest.importorskip("sasmodels.core", reason="sasmodels is not installed")
    from sasmodels.direct_model import call_kernel

    q = window(200)
    kernel = core.load_model("sphere").make_kernel([q / 10.0])
    sample = synthetic_sample(gaussian_sizes(6.6, 0.9), q=q, gain=[0.3], seed=3)
    sigma = np.sqrt(sample.values[0] + sample.coord("solvent")) * np.sqrt(sample.coord("per_count")[0])
    fixed = SampleIntensity.from_arrays(
        sample.values, dims=("frame", "q"), coords={"q": (("q",), q)}, sigma=sigma[None]
    )

    def residual(p):
        pars = {"radius": 5.0 * p[1], "radius_pd": p[2] / p[1], "radius_pd_n": 200, "radius_pd_nsigma": 7.0}
        curve = call_kernel(kernel, {"scale": 1.0, "background": 0.0, "sld": 1.0, "sld_solvent": 0.0, **pars})
        return (sample.values[0] - 1e-3 * p[0] * curve - p[3]) / sigma

    peer = least_squares(residual, [1e3, 6.5, 1.0, 0.0], x_scale=[1e3, 1.0, 1.0, 0.1], xtol=1e-12, ftol=1e-12)
    ours = fit_spheres(fixed, skewed=False)
    assert abs(peer.x[1] - ours.diameter[0]) < 0.1 * ours.sigma("diameter")[0]
    assert abs(peer.x[2] - ours.deviation[0]) < 0.1 * ours.sigma("deviation")[0]
    assert abs(peer.x[3] - ours.background[0]) < 0.1 * ours.sigma("background")[0]
    peer_sigma = np.sqrt(np.diag(np.linalg.inv(peer.jac.T @ peer.jac)))
    assert_close(ours.sigma("diameter"), peer_sigma[1:2], rel=0.02)
    assert_close(ours.sigma("deviation"), peer_sigma[2:3], rel=0.02)


@pytest.mark.parametrize("d", [1.5, 3.0, 7.1, 15.0, 30.0])
@pytest.mark.parametrize("width", [0.05, 0.15, 0.3])
def test_no_starting_values_are_needed(d, width):
    q = window()
    values = (
        1e3 * form_factor(q, gaussian_sizes(d, width * d)) / form_factor(np.array([1e-3]), gaussian_sizes(d, width * d))
    )
    sample = SampleIntensity.from_arrays(values, dims=("q",), coords={"q": (("q",), q)}, sigma=0.01 * values + 0.01)
    fit = fit_spheres(sample, skewed=False)
    assert_close(fit.diameter, [d], rel=2e-3)
    assert_close(fit.deviation, [width * d], rel=0.02)


def test_influence_carries_an_error_of_the_curve_into_the_fit():
    sample = synthetic_sample(gaussian_sizes(), seed=None)
    fit = fit_spheres(sample)
    bump = 1e-3 * np.exp(-0.5 * ((fit_q := sample.coord("q")) - 0.6) ** 2 / 0.1**2)
    moved = fit_spheres(SampleIntensity(sample.data + as_curve(sample, bump)))
    for i, name in ((1, "diameter"), (2, "deviation")):
        predicted = fit.influence[0, i] @ bump
        assert_close(getattr(moved, name) - getattr(fit, name), [predicted], rel=0.02)
    assert fit_q.size == fit.influence.shape[2]


def as_curve(sample, values):
    import scipp as sc

    return sc.array(dims=["q"], values=values, unit="one")


def test_solvent_noise_is_one_error_for_all_frames():
    sizes = gaussian_sizes()
    together = np.array(
        [
            fit_spheres(synthetic_sample(sizes, gain=[50.0, 50.0], seed=s, solvent_gain=0.02)).diameter
            for s in range(1, 61)
        ]
    )
    fit = fit_spheres(synthetic_sample(sizes, gain=[50.0, 50.0], seed=1, solvent_gain=0.02))
    expected = fit.shared_sigma("diameter")[0]
    assert expected > 5.0 * fit.sigma("diameter")[0]
    assert_close(np.std(together[:, 0]), expected, rel=0.3)  # 60 draws: 9 %
    assert np.std(together[:, 0] - together[:, 1]) < 0.4 * expected


def test_bins_without_an_intensity_take_no_part_and_a_bragg_peak_is_a_poor_fit():
    sample = synthetic_sample(gaussian_sizes(), gain=[1.0], seed=2)
    peak = np.abs(sample.coord("q") - 0.7207) < 0.03
    holed = fit_spheres(SampleIntensity(sample.data + as_curve(sample, np.where(peak, np.nan, 0.0))))
    assert np.all(np.abs(holed.theta - fit_spheres(sample).theta)[:, :3] < np.sqrt(np.diag(holed.covariance[0]))[:3])
    assert np.all(holed.influence[:, :, peak] == 0.0)
    dirty = SampleIntensity(sample.data + as_curve(sample, np.where(peak, 300.0, 0.0)))
    assert "poor fit" in fit_spheres(dirty).flags[0]


@pytest.mark.parametrize(("d", "delta"), [(5.0, 0.5), (9.5, 2.5), (12.0, 0.8)])
def test_the_optimum_is_the_same_from_a_far_start(d, delta):
    sample = synthetic_sample(gaussian_sizes(), gain=[0.3], seed=8)
    known, noise = fit_spheres(sample), bin_noise(sample)
    p = skewed_form_factor(noise.q, d, delta, 0.0)
    far = StartTable(np.array([d]), np.array([delta]), p[None], 1)
    theta, covariance, influence = np.zeros(5), np.zeros((5, 5)), np.zeros((5, noise.q.size))
    curve = Curve(noise.q, noise.intensity[0], noise.fixed[0], noise.per_count[0], noise.solvent, noise.used[0])
    bounds = np.array([0.3, 60.0])
    assert fit_frame(curve, far, np.ones(5, dtype=bool), bounds, theta, covariance, influence)
    sigma = np.sqrt(np.diag(known.covariance[0]))
    assert np.all(np.abs(theta - known.theta[0]) < 1e-3 * sigma)
    assert np.abs(d - known.diameter[0]) > 30.0 * sigma[1]
    assert_close(covariance, known.covariance[0], rel=1e-3, floor=1e-4 * np.abs(known.covariance[0]).max())


def test_a_curve_that_has_no_optimum_is_flagged_and_is_no_number():
    """Below zero everywhere no scale is positive; its neighbour in the batch is not touched."""
    sample = synthetic_sample(gaussian_sizes(), gain=[0.3, 0.3], seed=8)
    data = sample.data.copy()
    data.values = np.stack([sample.values[0], -1.0 - sample.values[1]])
    fit = fit_spheres(SampleIntensity(data, sample.shared))
    assert fit.converged.tolist() == [True, False]
    assert "not converged" in fit.flags[1]
    assert all(np.isnan(part[1]).all() for part in (fit.theta, fit.covariance, fit.influence))
    assert np.array_equal(fit.theta[0], fit_spheres(sample).theta[0])


def test_residual_background_is_found():
    sample = synthetic_sample(gaussian_sizes(), background=0.2, seed=None)
    fit = fit_spheres(sample)
    assert_close(fit.background, [0.2], rel=0.01)
    assert abs(fit.diameter[0] - 7.1) < 1e-3


def test_curves_without_sigma_take_the_noise_from_their_residuals():
    q, rng = window(300), np.random.default_rng(7)
    p = form_factor(q, gaussian_sizes(6.4, 0.8))
    scatter = 0.02 * np.sqrt(p * p[0] * 1e-3)
    errors = []
    for _ in range(60):
        sample = SampleIntensity.from_arrays(
            p + scatter * rng.normal(size=q.size), dims=("q",), coords={"q": (("q",), q)}
        )
        fit = fit_spheres(sample)
        errors.append((fit.diameter[0] - 6.4) / fit.sigma("diameter")[0])
    assert 0.6 < np.std(errors) < 1.6  # the guess I / q is not the truth; its size is


def test_what_is_wrong_is_said_in_words():
    noise_only = synthetic_sample(gaussian_sizes(), 1e-12, gain=[0.01], seed=4)
    assert set(fit_spheres(noise_only).flags[0]) & {"not converged", "too few counts", "diameter at bound"}
    with pytest.raises(ShapeError, match="frame, q"):
        fit_spheres(SampleIntensity(noise_only.data.rename_dims(frame="scan")))
    with pytest.raises(FitError, match="more points"):
        fit_spheres(SampleIntensity(noise_only.data["q", :4].copy()))


def test_few_solvent_counts_do_not_bias_the_background():
    fits = [
        fit_spheres(synthetic_sample(gaussian_sizes(), 8e-5, gain=[1.0], seed=s, solvent_gain=0.02), workers=1)
        for s in range(1, 101)
    ]
    background = np.array([fit.background[0] for fit in fits])
    assert abs(np.mean(background)) < 4.0 * np.std(background) / 10.0


@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_the_prior_of_the_skewness_is_part_of_what_is_known_of_it(gain):
    """covariance = (F + 1)^-1 in the skewness: what the counts say, influence x derivative, and sigma^2 add up to 1."""
    sample = synthetic_sample(gaussian_sizes(), gain=[gain], seed=3)
    fit, q = fit_spheres(sample), sample.coord("q")
    above, below = (fit_curve(q, fit.theta[0] + step * np.eye(5)[4]) for step in (1e-4, -1e-4))
    told = fit.influence[0, 4] @ ((above - below) / 2e-4)
    assert_close(told + fit.covariance[0, 4, 4], 1.0, rel=1e-5)


@pytest.mark.parametrize(("reduced", "poor"), [(1.3, False), (1.5, True)])
def test_a_fit_is_poor_six_sigmas_above_the_chi_squared_of_noise(reduced, poor):
    """500 bins that miss the curve by sqrt(reduced) sigma, up and down in turn: 6 sqrt(2 / 495) = 0.38 above 1."""
    q = window()
    p = form_factor(q, gaussian_sizes()) / form_factor(np.array([1e-3]), gaussian_sizes())
    sigma = 1e-3 + 0.01 * p
    y = p + np.sqrt(reduced) * sigma * np.where(np.arange(q.size) % 2, 1.0, -1.0)
    fit = fit_spheres(SampleIntensity.from_arrays(y, dims=("q",), coords={"q": (("q",), q)}, sigma=sigma))
    assert_close(fit.chi_squared / fit.degrees_of_freedom, [reduced], rel=0.02)
    assert ("poor fit" in fit.flags[0]) is poor


def test_curves_of_a_noun_are_fitted_by_the_kernel_for_all_others():
    """Coordinates of a part of a noun cannot be written to, which numba takes for another type: each kernel would be compiled
    twice."""
    whole = synthetic_sample(field_selected_sizes(0.02), 8e-4, gain=[2.5, 2.5], seed=3)
    shared = {name: sigma["frame", :1] for name, sigma in whole.shared.items()}
    sample = SampleIntensity(whole.data["frame", :1], shared)
    assert not sample.coord("q").flags.writeable
    fit_spheres(sample, workers=1).particles(sample.coord("q"))
    for kernel in (fit_frame, skewed_form_factor):
        assert kernel.signatures
        assert not any("readonly" in str(signature) for signature in kernel.signatures)
