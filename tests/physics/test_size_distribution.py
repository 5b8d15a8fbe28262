"""Moments of the diameters against the distribution itself."""

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st

from electrosaxs.errors import ShapeError
from electrosaxs.physics.size_distribution import gaussian_moment, mean_volume, shell_volume_ratio, skewed_moment


@pytest.mark.parametrize("n", range(9))
def test_moments_are_those_of_the_normal(n):
    z, weight = np.polynomial.hermite_e.hermegauss(40)
    d, delta = np.array([5.6, 7.1]), np.array([[1.5], [0.4]])
    expected = (d[..., None] + delta[..., None] * z) ** n @ weight / weight.sum()
    assert_close(gaussian_moment(n, d, delta), expected, rel=1e-12)


@given(st.floats(3.0, 12.0), st.floats(0.1, 2.0), st.floats(-1.0, 1.0))
def test_skewness_leaves_mean_and_deviation_and_is_the_third_moment(d, delta, skewness):
    first, second, third = (float(skewed_moment(n, d, delta, skewness)) for n in (1, 2, 3))
    assert_close(first, d, rel=1e-12)
    assert_close(second - first**2, delta**2, rel=1e-9)
    central = third - 3 * first * second + 2 * first**3
    assert_close(central, skewness * delta**3, rel=1e-9, floor=1e-11 * d**3)


def test_shell_counts_for_more_on_small_particles():
    ratio = shell_volume_ratio(np.array([5.0, 7.1, 9.0]), 1.1, 1.115)
    assert np.all(np.diff(ratio) < 0)
    one = shell_volume_ratio(7.1, 1e-9, 1.115)
    assert_close(one, (1 + 2.23 / 7.1) ** 3, rel=1e-12)
    assert_close(1 / shell_volume_ratio(7.1, 1.1, 1.115), 0.4535, rel=1e-4)


def test_mean_volume_exceeds_the_volume_of_the_mean():
    assert_close(mean_volume(7.1, 1.1) / (np.pi / 6 * 7.1**3), 1 + 3 * (1.1 / 7.1) ** 2, rel=1e-12)


def test_a_ninth_moment_is_refused():
    with pytest.raises(ShapeError, match="between 0 and 8"):
        gaussian_moment(9, 7.1, 1.1)
