"""A Gaussian beam cut by an electrode: every closed form against the integral that it stands for."""

import numpy as np
import pytest
from closeness import assert_close
from scipy.integrate import quad

from electrosaxs.physics.beam import (
    open_beam_centre,
    open_fraction,
    open_nodes,
    read_over_point,
    relative_density,
    surface_weight,
)

FWHM = 34.0
SIGMA = FWHM / 2.3548200450309493


def integral(function, height: float, upper: float = np.inf) -> float:
    """Of function(z) x the beam's density over that in its centre, from the surface on."""
    top = min(height + 12.0 * SIGMA, upper)
    return quad(lambda z: function(z) * np.exp(-0.5 * ((z - height) / SIGMA) ** 2), 0.0, top, epsrel=1e-12)[0]


@pytest.mark.parametrize("height", [-12.0, 0.0, 9.0, 40.0])
def test_a_film_on_the_surface_weighs_as_the_passing_beam_over_its_density_there(height: float) -> None:
    """Its particle volume per area N reads N x density(0) / passing part, so that N is the reading x the inverse."""
    density = float(relative_density(height, SIGMA))
    assert_close(density, np.exp(-0.5 * (height / SIGMA) ** 2), rel=1e-12)
    assert_close(surface_weight(height, FWHM), integral(lambda z: 1.0, height) / density, rel=1e-9)


def test_a_beam_on_the_edge_has_its_centre_of_weight_11_5_um_above_and_a_surface_weight_of_18_1_um() -> None:
    assert_close(open_beam_centre(0.0, FWHM), 11.520, rel=1e-4)
    assert_close(surface_weight(0.0, FWHM), 18.096, rel=1e-4)


@pytest.mark.parametrize("height", [0.0, 30.0])
def test_a_beam_reads_more_of_a_layer_than_is_at_its_centre(height: float) -> None:
    decay, point = 1.0 / 100.0, 7.0
    mean = integral(lambda z: np.exp(-decay * z), height) / integral(lambda z: 1.0, height)
    read = read_over_point(np.array([height]), np.array([point]), decay, FWHM)
    assert_close(read, [mean / np.exp(-decay * point)], rel=1e-9)


@pytest.mark.parametrize("height", [-90.0, -20.0, 0.0, 200.0, 485.0])
def test_nodes_average_over_the_open_part_between_both_electrodes(height: float) -> None:
    gap = 500.0
    z, share = open_nodes(np.array([height, 250.0]), FWHM, gap=gap, nodes=24, reach=5.5)
    assert z.shape == share.shape == (2, 24)
    assert np.all((z > 0.0) & (z < gap))
    top = {"upper": gap}
    mean = integral(lambda z: np.exp(-z / 80.0), height, **top) / integral(lambda z: 1.0, height, **top)
    assert_close(share[0] @ np.exp(-z[0] / 80.0), mean, rel=2e-6)


def test_the_other_electrode_cuts_the_beam_as_this_one_does():
    gap, heights = 500.0, np.array([0.0, 7.0, 30.0, 470.0, 493.0, 500.0])
    z, weight = open_nodes(heights, FWHM, gap=gap, nodes=300, reach=8.0)
    assert_close(open_beam_centre(heights, FWHM, gap), np.sum(z * weight, axis=-1), rel=1e-6)
    passes = open_fraction(heights, FWHM, gap)
    assert_close(passes, passes[::-1], rel=1e-9)
    assert_close(passes[-1], 0.5, rel=1e-9)
