"""The posterior of a curve's sizes: a Gaussian where counts are many, and the share that it says where they are few."""

from dataclasses import replace

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.spheres.fit import bin_noise, fit_spheres
from electrosaxs.analysis.spheres.posterior import ONE_SIGMA, sphere_posterior
from electrosaxs.nouns import SampleIntensity
from electrosaxs.physics.sphere_kernels import skewed_form_factor

CURVES = 150
TWO_SIGMA = 0.954499736104


def curves(photons, bins, seed, number):
    """Curves with `photons` in the lowest bin, bins growing as q, of sizes drawn from the prior; and the sizes (curve, 2)."""
    rng, q = np.random.default_rng(seed), np.linspace(0.1, 3.5, bins)
    d = rng.uniform(5.0, 9.0, number)
    sizes = np.stack([d, d * rng.uniform(0.01, 0.4, number)], axis=1)
    skewness = np.clip(rng.standard_normal(number), -2.0, 2.0)
    form = np.stack([skewed_form_factor(q, *size, g) for size, g in zip(sizes, skewness, strict=True)])
    expected = photons * (form / form[:, :1] + 0.02)
    sigma = np.sqrt(np.maximum(expected, 1e-3) * q[0] / q)
    sample = SampleIntensity.from_arrays(
        expected + sigma * rng.standard_normal(expected.shape),
        dims=("frame", "q"),
        coords={"q": (("q",), q)},
        sigma=sigma,
    )
    return sample, sizes


def posteriors(sample):
    """Frame and posterior of the curves whose fit has no flag."""
    fit, noise = fit_spheres(sample), bin_noise(sample)
    found = ((f, sphere_posterior(noise, fit, f)) for f in range(len(fit.flags)) if not fit.flags[f])
    return fit, [(f, one) for f, one in found if one is not None]


def test_with_many_counts_the_posterior_is_the_covariance_of_the_fit():
    sample, _ = curves(3e5, 200, 1, 6)
    fit, found = posteriors(sample)
    assert len(found) >= 3
    for f, one in found:
        spread = fit.covariance[f, 1:3, 1:3]
        assert np.all(np.abs(one.mean - [fit.diameter[f], fit.deviation[f]]) < 0.25 * np.sqrt(np.diag(spread)))
        assert_close(np.sqrt(np.diag(one.covariance)), np.sqrt(np.diag(spread)), rel=0.1)
        low, high = one.interval(ONE_SIGMA)
        assert_close(0.5 * (high - low), np.sqrt(np.diag(spread)), rel=0.12)


def test_intervals_hold_the_truth_as_often_as_they_say():
    sample, sizes = curves(40.0, 100, 2, CURVES)
    _, found = posteriors(sample)
    assert len(found) > CURVES // 3
    for share in (ONE_SIGMA, TWO_SIGMA):
        ends = np.array([one.interval(share) for _, one in found])
        truth = sizes[[f for f, _ in found]]
        inside = np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]), axis=0)
        # three deviations of a binomial share
        assert np.all(np.abs(inside - share) < 3.0 * np.sqrt(share * (1.0 - share) / len(found)))


def test_noise_that_is_not_given_is_that_of_the_residuals():
    sample, _ = curves(3e4, 150, 3, 4)
    bare = SampleIntensity.from_arrays(sample.values, dims=("frame", "q"), coords={"q": (("q",), sample.coord("q"))})
    assert bin_noise(bare).unknown
    told, found = (sphere_posterior(bin_noise(one), fit_spheres(one), 0) for one in (sample, bare))
    assert told is not None
    assert found is not None
    # the residuals of 150 bins know the noise to 6 %, and I / q is not quite what counts scatter by
    assert_close(np.sqrt(np.diag(found.covariance)), np.sqrt(np.diag(told.covariance)), rel=0.3)


def test_a_fit_that_did_not_converge_has_no_posterior():
    sample, _ = curves(3e4, 60, 4, 1)
    fit = fit_spheres(sample)
    assert sphere_posterior(bin_noise(sample), replace(fit, converged=np.array([False]))) is None
