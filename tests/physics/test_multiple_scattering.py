"""Photons scattered again and again: a Gaussian pattern in closed form, and every photon is counted."""

import numpy as np
import pytest
from closeness import assert_close
from scipy.special import factorial

from electrosaxs.materials import wavelength_nm
from electrosaxs.physics.multiple_scattering import MultipleScattering
from electrosaxs.physics.sphere_kernels import squared_form_factor

ENERGY = 13.3
WAVE_NUMBER = 2.0 * np.pi / wavelength_nm(ENERGY)
Q = np.linspace(0.0, 6.0, 2001)
WIDTH = 0.35
SCATTERING = MultipleScattering.of(Q, ENERGY)


def gaussian(share: float, width: float, q: np.ndarray) -> np.ndarray:
    """Of which `share` is scattered, per steradian."""
    return share * WAVE_NUMBER**2 / (2.0 * np.pi * width**2) * np.exp(-0.5 * np.square(q / width))


@pytest.mark.parametrize(("tau", "width"), [(0.01, WIDTH), (0.1, WIDTH), (1.0, WIDTH), (0.1, 0.2)])
def test_a_gaussian_pattern_scattered_n_times_is_a_gaussian_of_root_n_times_its_width(tau: float, width: float) -> None:
    """The narrow one is that of particles of 12 nm."""
    found = SCATTERING.more_than_once(SCATTERING.fourier(gaussian(tau, width, Q)))
    exact = sum(
        gaussian(tau**n / factorial(n), width * np.sqrt(n), SCATTERING.coarse) for n in range(2, 25)
    )  # Poisson's chance of n, over that of none
    near = SCATTERING.coarse < 2.0
    assert_close(found[near], np.asarray(exact)[near], rel=1e-4, floor=1e-5 * float(np.max(exact)))


def test_every_photon_leaves_unscattered_once_or_more_often_scattered() -> None:
    once = gaussian(0.5, WIDTH, Q)
    q = SCATTERING.coarse
    again = SCATTERING.more_than_once(SCATTERING.fourier(once))
    solid = 2.0 * np.pi * q / WAVE_NUMBER**2
    tau = float(SCATTERING.scattered(once))
    assert_close(tau, 0.5, rel=1e-5)
    assert_close(np.exp(-tau) * (1.0 + tau + np.trapezoid(again * solid, q)), 1.0, rel=1e-4)


def test_it_fills_the_minima_of_the_form_factor() -> None:
    form = squared_form_factor(Q, 7.1, 0.2)
    once = 0.08 * form / float(SCATTERING.scattered(form))
    again = np.interp(Q, SCATTERING.coarse, SCATTERING.more_than_once(SCATTERING.fourier(once)))
    minimum = np.argmin(np.where((Q > 1.0) & (Q < 1.6), form, np.inf))
    assert again[minimum] > once[minimum]
    assert again[1] < 0.03 * once[1]
