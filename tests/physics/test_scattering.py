"""Sum rules and limits of the form factor, with units."""

import numpy as np
import pytest
import scipp as sc
from closeness import assert_close

from electrosaxs.errors import UnitError
from electrosaxs.physics.scattering import (
    decoupling_factor,
    form_factor,
    form_factor_invariant,
    guinier_radius,
    mean_amplitude,
    porod_constant,
)

SIZES = {"d": sc.scalar(6.4, unit="nm"), "delta": sc.scalar(13.0, unit="angstrom")}


def curve(q, **more):
    return form_factor(sc.array(dims=["q"], values=q, unit="1/nm"), **SIZES, **more)


@pytest.mark.parametrize("skewness", [0.0, 0.5])
def test_the_invariant_counts_volume_whatever_the_sizes(skewness):
    top = 200.0
    q = np.linspace(0.0, top, 200_001)
    inside = np.trapezoid(q**2 * curve(q, skewness=skewness).values, q)
    beyond = porod_constant(**SIZES).value / top
    assert_close(inside + beyond, form_factor_invariant(**SIZES, skewness=skewness).value, rel=1e-6)


def test_fringes_average_to_the_porod_constant():
    q = np.linspace(300.0, 310.0, 2001)
    assert_close(np.mean(q**4 * curve(q).values), porod_constant(**SIZES).value, rel=1e-4)


def test_small_angles_give_the_guinier_radius():
    q = np.array([0.0, 0.004])
    p = curve(q).values
    slope = -3.0 * np.log(p[1] / p[0]) / q[1] ** 2
    assert_close(np.sqrt(slope), guinier_radius(**SIZES).value, rel=1e-4)


def test_polydispersity_removes_interference_between_zero_and_one():
    beta = decoupling_factor(sc.linspace("q", 0.05, 3.0, 200, unit="1/nm"), **SIZES).values
    assert np.all(beta > -1e-15)
    assert np.all(beta < 1.0)


def test_wave_numbers_may_come_in_any_unit_of_inverse_length():
    nm = sc.linspace("q", 0.1, 3.0, 30, unit="1/nm")
    angstrom = nm.to(unit="1/angstrom")
    assert_close(form_factor(angstrom, **SIZES).values, form_factor(nm, **SIZES).values, rel=1e-12)
    assert str(mean_amplitude(nm, **SIZES).unit) == "nm^3"
    with pytest.raises(UnitError, match="1/nm"):
        form_factor(nm * sc.scalar(1.0, unit="m"), **SIZES)
