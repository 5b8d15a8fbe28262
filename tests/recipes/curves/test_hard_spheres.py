"""Robust fits of spheres to plain curves: where they begin, and that their sigmas are those of the scatter."""

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.crystals.weighted_curve import curve_from_arrays
from electrosaxs.physics.sphere_kernels import squared_form_factor
from electrosaxs.recipes.curves.hard_spheres import expected_diameter, fit_hard_spheres, robust_sigma

Q = np.linspace(0.08, 3.2, 300)
FORM = squared_form_factor(Q, 7.1, 1.1)


def test_a_flat_background_does_not_change_the_expected_diameter():
    """Of the volume 2 pi^2 I(0) / Q: that of spheres of one size is theirs."""
    narrow = squared_form_factor(Q, 6.0, 0.1)
    none, some = (expected_diameter(Q, narrow + level * narrow[0]) for level in (0.0, 0.02))
    assert_close(none, 6.0, rel=0.05)  # the window ends at q d = 19
    assert_close(some, none, rel=0.03)


def test_sigmas_follow_the_scatter_where_the_file_says_too_little():
    """Noise of twice what is stated: deviations from the truth stay about as large as the sigmas say."""
    curve = FORM / FORM[0] * 1e3 + 1.0
    sigma, pulls = 0.02 * curve + 0.05, []
    for seed in range(16):
        noisy = np.random.default_rng(seed).normal(curve, sigma)
        stated = curve_from_arrays(Q, noisy, 0.5 * sigma)
        outcome = fit_hard_spheres(stated, "")
        pulls.append((outcome.parameters[:3] - [1e3 / FORM[0], 7.1, 1.1]) / robust_sigma(stated, outcome, "")[:3])
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.4
