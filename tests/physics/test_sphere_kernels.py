"""The closed form of polydisperse spheres against quadrature, sum rules and tables of other programs."""

import math

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.physics.sphere_kernels import (
    amplitude,
    skewed_form_factor,
    sphere_and_gradient,
    squared_form_factor,
    squared_form_factor_gradient,
)

Z = np.linspace(-9.0, 9.0, 6001)
WEIGHTS = np.exp(-0.5 * Z**2)


def sine_difference(x):
    """sin x - x cos x without cancellation: its series below 1."""
    series = sum((-1) ** (k + 1) * 2 * k / math.factorial(2 * k + 1) * x ** (2 * k + 1) for k in range(1, 14))
    return np.where(np.abs(x) < 1.0, series, np.sin(x) - x * np.cos(x))


def by_quadrature(q, d, delta, power):
    """<F^power> by the trapezoid rule, which a Gaussian makes exact; negative tail included as in the closed form."""
    r = 0.5 * (d + delta * Z)
    one = 4.0 * np.pi * sine_difference(np.outer(q, r)) / q[:, None] ** 3
    return one**power @ WEIGHTS / WEIGHTS.sum()


@pytest.mark.parametrize("width", [0.005, 0.05, 0.155, 0.35])
def test_closed_form_is_the_average_over_the_normal(width):
    d, q = 6.3, np.geomspace(1e-4, 100.0, 150) * 2.0 / 6.3
    assert_close(squared_form_factor(q, d, width * d), by_quadrature(q, d, width * d, 2), rel=1e-9)


@pytest.mark.parametrize("width", [0.005, 0.155, 0.35])
def test_mean_amplitude_is_the_average_over_the_normal(width):
    d, q = 6.3, np.geomspace(1e-4, 30.0, 100) * 2.0 / 6.3
    expected = by_quadrature(q, d, width * d, 1)
    assert_close(amplitude(q, d, width * d), expected, rel=1e-9, floor=1e-13 * expected.max())


@pytest.mark.parametrize("half_x", [1e-4, 0.3, 0.3999, 0.4001, 3.7, 24.0, 100.0])
def test_closed_form_keeps_nine_digits_against_sixty(half_x):
    mp = pytest.importorskip("mpmath", reason="mpmath is not installed")
    d, delta, skewness = 7.3, 0.9, -0.6
    q = 2.0 * half_x / d
    with mp.workdps(60):
        u, t = mp.mpf(q) * mp.mpf(d) / 2, mp.mpf(q) * mp.mpf(delta) / 2
        e, w = mp.exp(2j * u - 2 * t**2), u + 2j * t**2
        square = (w**2 + t**2) * e
        f = (1 + u**2 + t**2) / 2 - (e.real - square.real) / 2 - (w * e).imag
        third = 2 * e.imag - 4 * (w * e).real + 4 * square.imag
        exact = float(16 * mp.pi**2 * (f + skewness * t**3 / 6 * third) / mp.mpf(q) ** 6)
    assert_close(skewed_form_factor(np.array([q]), d, delta, skewness), [exact], rel=1e-12)


def test_gradient_is_the_slope_of_the_curve():
    q, at = np.geomspace(0.01, 8.0, 60), np.array([7.3, 1.2, 0.4])
    rows = np.array([sphere_and_gradient(k, *at) for k in q])
    for i, step in enumerate(1e-4 * np.eye(3)):
        five = [skewed_form_factor(q, *(at + n * step)) for n in (-2, -1, 1, 2)]
        slope = (five[0] - 8 * five[1] + 8 * five[2] - five[3]) / (12 * step[i])
        assert_close(rows[:, 1 + i] / rows[:, 0], slope / rows[:, 0], rel=1e-6, floor=1e-8)
    p, by_d, by_delta = squared_form_factor_gradient(q, 7.3, 1.2)
    assert_close(p, squared_form_factor(q, 7.3, 1.2), rel=1e-15)
    plain = np.array([sphere_and_gradient(k, 7.3, 1.2, 0.0) for k in q])
    assert_close(np.stack([by_d, by_delta]), plain[:, 1:3].T, rel=1e-15)


def test_forward_scattering_is_the_mean_squared_volume():
    d, delta = 6.1, 1.4
    sixth = d**6 + 15 * d**4 * delta**2 + 45 * d**2 * delta**4 + 15 * delta**6
    assert_close(squared_form_factor(np.array([0.0]), d, delta), [(np.pi / 6) ** 2 * sixth], rel=1e-13)


def test_skewness_of_a_gamma_distribution_brings_the_curve_closer_to_it():
    shape, scale = 40.0, 0.17
    d = np.linspace(1e-3, 20.0, 8001)
    number = d ** (shape - 1) * np.exp(-d / scale)
    number /= number.sum()
    q = np.linspace(0.1, 3.5, 200)
    x = 0.5 * np.outer(q, d)
    exact = (4 * np.pi * sine_difference(x) / q[:, None] ** 3) ** 2 @ number
    mean, deviation = shape * scale, np.sqrt(shape) * scale
    normal = np.max(np.abs(squared_form_factor(q, mean, deviation) / exact - 1))
    skewed = np.max(np.abs(skewed_form_factor(q, mean, deviation, 2 / np.sqrt(shape)) / exact - 1))
    assert skewed < 0.35 * normal


def test_sasfit_table_of_gaussian_spheres(reference_data):
    rows = [line.split(";")[:2] for line in (reference_data / "gaussian_spheres/sasfit_sphere_IQD.txt").open()]
    q, p = np.array([[float(v) for v in row] for row in rows if row[0].strip()]).T
    ours = squared_form_factor(10.0 * q, 4.0, 0.4)
    ratio = p / ours
    assert_close(ratio, np.full(q.size, np.median(ratio)), rel=2e-4)


def test_matlab_table_of_amplitudes_and_decoupling(reference_data):
    table = np.loadtxt(reference_data / "gaussian_spheres/testPolydisperseGaussianSphere.dat", skiprows=2)
    q, mean, square, _, beta = table[:, :5].T
    f, p = amplitude(10.0 * q, 4.0, 0.4), squared_form_factor(10.0 * q, 4.0, 0.4)
    at_zero = np.median(mean[:5] / f[:5])
    assert_close(mean, at_zero * f, rel=1e-3, floor=1e-4 * mean.max())
    assert_close(square / square[0], p / p[0], rel=1e-3, floor=1e-6)
    assert_close(beta, f**2 / p, rel=1e-3, floor=1e-4)
