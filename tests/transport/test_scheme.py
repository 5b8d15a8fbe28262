"""The flux between two nodes is exact where the flux is constant."""

import numpy as np
from closeness import assert_close

from electrosaxs.nouns import FloatArray
from electrosaxs.transport.scheme import InnerFaces, bernoulli

Z = np.array([0.0, 1e-6, 3e-6, 9e-6, 40e-6])
DRIFT = np.array([7.0e-7, -3.0e-7])
DIFFUSION = np.array([7.4e-11, 5.0e-11])
FACES = np.tile(DRIFT, (Z.size - 1, 1))


def terms(phi: FloatArray, drift: FloatArray, diffusion: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Drift and diffusion through the inner faces."""
    return InnerFaces.of(np.diff(Z), drift, diffusion).terms(phi)[1:]


def test_bernoulli_function_is_smooth_through_zero() -> None:
    x = np.array([-1e-3, -9.9e-5, 0.0, 9.9e-5, 1.01e-4, 1e-3])
    assert_close(np.array([bernoulli(one) for one in x]), 1.0 - x / 2 + x**2 / 12 - x**4 / 720, rel=1e-13)
    assert_close(bernoulli(-3.0) - bernoulli(3.0), 3.0, rel=1e-14)


def test_bernoulli_function_is_that_of_expm1_at_any_size() -> None:
    x = np.geomspace(1e-12, 300.0, 200)
    computed = np.array([bernoulli(one) for one in x])
    assert_close(computed[x < 1.0], (x / np.expm1(x))[x < 1.0], rel=2e-15)
    assert_close(computed[x < 40.0], (x / np.expm1(x))[x < 40.0], rel=3e-14)
    assert_close(computed, x / np.expm1(x), rel=1e-10)
    assert 0.0 <= bernoulli(1e5) < 1e-300


def test_no_flux_passes_a_boltzmann_profile() -> None:
    phi = np.exp(-Z[:, None] * DRIFT / DIFFUSION)
    drift, diffusion = terms(phi, FACES, DIFFUSION)
    assert_close(diffusion, -drift, rel=1e-11)


def test_a_constant_flux_is_found_exactly_on_any_spacing() -> None:
    flux = np.array([5.0e-10, -2.0e-10])
    phi = flux / DRIFT + 1e-3 * np.exp(-Z[:, None] * DRIFT / DIFFUSION)
    drift, diffusion = terms(phi, FACES, DIFFUSION)
    assert_close(drift + diffusion, np.tile(flux, (4, 1)), rel=1e-11)


def test_drift_term_is_the_drift_of_what_is_on_the_face() -> None:
    flux, decay = np.array([5.0e-10, -2.0e-10]), DIFFUSION / DRIFT
    middle = 0.5 * (Z[1:] + Z[:-1])[:, None]
    phi = flux / DRIFT + 1e-3 * np.exp(-Z[:, None] / decay)
    drift, _ = terms(phi, FACES, DIFFUSION)
    assert_close(drift, flux + 1e-3 * DRIFT * np.exp(-middle / decay), rel=1e-11)


def test_without_drift_the_flux_is_ficks() -> None:
    phi = np.linspace(1e-3, 2e-3, 5)[:, None] * np.ones(2)
    drift, diffusion = terms(phi, np.zeros((4, 2)), DIFFUSION)
    assert not np.any(drift)
    assert_close(diffusion, DIFFUSION * np.diff(phi, axis=0) / np.diff(Z)[:, None], rel=1e-12)


def test_what_does_not_diffuse_is_carried_from_upstream() -> None:
    phi = np.array([1.0, 2.0, 3.0, 4.0, 5.0])[:, None] * np.ones(2)
    drift, diffusion = terms(phi, FACES, np.zeros(2))
    assert_close(drift[:, 0], DRIFT[0] * phi[1:, 0], rel=1e-14)
    assert_close(drift[:, 1], DRIFT[1] * phi[:-1, 1], rel=1e-14)
    assert_close(drift + diffusion, drift, rel=1e-14)


def test_coefficients_are_positive_and_differ_by_the_drift() -> None:
    faces = InnerFaces.of(np.diff(Z), FACES * 1e4, DIFFUSION)
    assert np.all(faces.above >= 0.0)
    assert np.all(faces.below >= 0.0)
    assert_close(faces.above - faces.below, FACES * 1e4, rel=1e-12)
