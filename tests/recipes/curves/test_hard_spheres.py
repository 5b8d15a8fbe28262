"""Robust fits of spheres to plain curves: where they begin, and that their sigmas are those of the scatter."""

from dataclasses import replace

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.crystals.weighted_curve import curve_from_arrays
from electrosaxs.physics.sphere_kernels import squared_form_factor
from electrosaxs.recipes.curves.hard_spheres import (
    HardSphereModel,
    expected_diameter,
    fit_hard_spheres,
    robust_sigma,
)
from electrosaxs.recipes.curves.spheres import clearly_hard

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


def test_spheres_that_would_overlap_are_not_hard():
    """The contact of a fit that is clear else, moved to nine tenths of the core's diameter."""
    truth = np.array([1e3 / FORM[0], 7.1, 1.1, 1.0, 0.25, 9.0])
    expected = HardSphereModel(Q, "product")(truth)[0]
    noisy = np.random.default_rng(4).normal(expected, 0.01 * expected)
    curve = curve_from_arrays(Q, noisy, 0.01 * expected)
    dilute, hard = fit_hard_spheres(curve, ""), fit_hard_spheres(curve, "product")
    assert dilute is not None
    assert hard is not None
    assert clearly_hard(curve, dilute, hard, "product")
    overlapping = hard.parameters.copy()
    overlapping[5] = 0.9 * overlapping[1]
    assert not clearly_hard(curve, dilute, replace(hard, parameters=overlapping), "product")
