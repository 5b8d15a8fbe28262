"""Sum rules and limits of the form factor."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.physics.size_distribution import mean_volume, skewed_moment
from electrosaxs.physics.sphere_kernels import amplitude, skewed_form_factor

D, DELTA = 6.4, 1.3
POROD = 2.0 * np.pi**2 * float(skewed_moment(2, D, DELTA, 0.0))
"""lim q^4 <F^2> = 2 pi <S>, mean over the fringes at large q."""


@pytest.mark.parametrize("skewness", [0.0, 0.5])
def test_the_invariant_counts_volume_whatever_the_sizes(skewness):
    """Integral of q^2 <F^2> dq from 0 to infinity = 2 pi^2 <V> (Porod 1951)."""
    top = 200.0
    q = np.linspace(0.0, top, 200_001)
    inside = np.trapezoid(q**2 * skewed_form_factor(q, D, DELTA, skewness), q)
    assert_close(inside + POROD / top, 2.0 * np.pi**2 * float(mean_volume(D, DELTA, skewness)), rel=1e-6)


def test_fringes_average_to_the_porod_constant():
    q = np.linspace(300.0, 310.0, 2001)
    assert_close(np.mean(q**4 * skewed_form_factor(q, D, DELTA, 0.0)), POROD, rel=1e-4)


def test_small_angles_give_the_guinier_radius():
    """<F^2> = <V^2> (1 - (q R_g)^2 / 3) with R_g^2 = 3/20 <d^8> / <d^6>."""
    q = np.array([0.0, 0.004])
    p = skewed_form_factor(q, D, DELTA, 0.0)
    slope = -3.0 * np.log(p[1] / p[0]) / q[1] ** 2
    eighth, sixth = (float(skewed_moment(n, D, DELTA, 0.0)) for n in (8, 6))
    assert_close(slope, 0.15 * eighth / sixth, rel=2e-4)


def test_polydispersity_removes_interference_between_zero_and_one():
    q = np.linspace(0.05, 3.0, 200)
    beta = amplitude(q, D, DELTA) ** 2 / skewed_form_factor(q, D, DELTA, 0.0)
    assert np.all(beta > -1e-15)
    assert np.all(beta < 1.0)
