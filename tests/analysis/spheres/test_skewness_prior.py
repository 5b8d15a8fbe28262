"""The prior of the skewness speaks only where the counts say nothing."""

import numpy as np
import pytest
from analysis.synthetic_curves import gaussian_sizes, synthetic_sample
from closeness import assert_close

from electrosaxs.analysis.spheres.fit import bin_noise, fit_spheres
from electrosaxs.analysis.spheres.kernels import SKEWNESS_PRIOR
from electrosaxs.physics.sphere_kernels import skewed_form_factor


@pytest.mark.parametrize("gain", [0.003, 1e-4])
def test_the_information_on_the_sizes_is_that_of_the_counts_and_of_the_prior(gain: float) -> None:
    sample = synthetic_sample(gaussian_sizes(7.1, 1.1), gain=[gain], seed=5, solvent_level=0.5)
    fit, noise = fit_spheres(sample), bin_noise(sample)
    theta = fit.theta[0]

    def model(values: np.ndarray) -> np.ndarray:
        return values[0] * skewed_form_factor(noise.q, *values[[1, 2, 4]]) + values[3]

    steps = 1e-4 * np.array([theta[0], 1.0, 1.0, theta[0], 1.0])
    slopes = np.stack([(model(theta + h) - model(theta - h)) / (2.0 * h.sum()) for h in np.diag(steps)])
    information = slopes / noise.variance(model(theta)[None])[0] @ slopes.T
    information[4, 4] += SKEWNESS_PRIOR**-2
    scale = np.sqrt(np.diag(information))
    found = np.linalg.inv(fit.covariance[0])
    assert_close(found / np.outer(scale, scale), information / np.outer(scale, scale), rel=2e-3, floor=2e-3)
