"""The oracles agree with each other where they overlap."""

import itertools

import numpy as np
import pytest
from closeness import assert_close
from exact_transport import boltzmann, closed_walls, wall_relaxation

from electrosaxs.physics.one_wall import above_a_wall

X = np.linspace(0.0, 1.0, 101)


def mason_weaver_series(x: np.ndarray, theta: float, peclet: float, terms: int = 300) -> np.ndarray:
    """Mason & Weaver 1924: modes exp(-Pe x/2) (cos k x - Pe/(2k) sin k x), k = n pi; cancels like exp(Pe/2)."""
    n = np.arange(1, terms + 1)[:, None]
    k, half = n * np.pi, 0.5 * peclet
    slope = -half / k
    ends = np.exp(half) * (-1.0) ** n - 1.0
    overlap = (half * ends + slope * -k * ends) / (half**2 + k**2)
    weight = overlap / (0.5 * (1.0 + slope**2))
    modes = np.cos(k * x) + slope * np.sin(k * x)
    decay = np.exp(-(k**2 + half**2) * theta)
    return boltzmann(x, peclet) + np.exp(-half * x) * np.sum(weight * decay * modes, axis=0)


@pytest.mark.parametrize("theta", [1e-3, 1e-2, 0.05, 0.3])
@pytest.mark.parametrize("peclet", [8.0, 15.0, 20.0])
def test_contour_and_mason_weaver_series_meet_where_the_series_holds(peclet: float, theta: float) -> None:
    assert_close(closed_walls(X, theta, peclet), mason_weaver_series(X, theta, peclet), rel=0.0, floor=1e-10)


@pytest.mark.parametrize("peclet", [8.0, 35.0, 60.0, 100.0])
def test_contour_and_error_functions_meet_before_the_cathode_is_felt(peclet: float) -> None:
    low = X[X < 0.3]
    assert_close(closed_walls(low, 4e-4, peclet), above_a_wall(low, 4e-4, peclet, 1.0), rel=0.0, floor=1e-10)


@pytest.mark.parametrize("peclet", [35.0, 60.0])
def test_late_times_follow_the_series_at_high_peclet_too(peclet: float) -> None:
    assert_close(closed_walls(X, 0.1, peclet), mason_weaver_series(X, 0.1, peclet), rel=0.0, floor=1e-10)


@pytest.mark.parametrize("peclet", [8.0, 60.0])
def test_steady_state_is_boltzmanns(peclet: float) -> None:
    assert_close(closed_walls(X, 2.0, peclet), boltzmann(X, peclet), rel=0.0, floor=1e-10)


@pytest.mark.parametrize("theta", [1e-3, 0.02, 0.2])
@pytest.mark.parametrize("peclet", [8.0, 60.0])
def test_closed_walls_keep_the_particles(peclet: float, theta: float) -> None:
    node, weight = np.polynomial.legendre.leggauss(200)
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 12)])
    mass = sum(
        0.5 * (b - a) * weight @ closed_walls(0.5 * (a + b) + 0.5 * (b - a) * node, theta, peclet)
        for a, b in itertools.pairwise(edges)
    )
    assert_close(mass, 1.0, rel=1e-10)


def test_wall_relaxes_to_0_428_in_the_attachment_time() -> None:
    assert_close(wall_relaxation([0.0, 1.0]), [1.0, 0.427583576], rel=1e-8)
