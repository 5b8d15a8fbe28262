"""What a cut Gaussian beam reads of the surface, and of a layer, by summing the beam over the profile."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.footprint.open_beam import beam_sharpness, crystal_length, lit_length
from electrosaxs.physics.beam import beam_deviation, open_beam_centre, surface_weight

FWHM = 34.0
Z = np.linspace(0.0, 400.0, 400001)


def beam(height: float) -> np.ndarray:
    """Share of the passing light per um at Z above the anode."""
    light = np.exp(-4.0 * np.log(2.0) * ((Z - height) / FWHM) ** 2)
    return np.asarray(light / np.trapezoid(light, Z))


@pytest.mark.parametrize("height", [-12.0, 0.0, 9.0, 30.0])
def test_a_film_on_the_surface_reads_as_its_content_over_the_surface_weight(height: float) -> None:
    """1 um of particles in the lowest 0.1 um of the beam."""
    film = np.where(Z <= 0.1, 1.0 / 0.1, 0.0)
    reading = np.trapezoid(np.where(Z <= 0.1, film * beam(height), 0.0), Z)
    assert_close(1.0 / reading, surface_weight(height, FWHM), rel=2e-2)


def test_a_beam_on_the_edge_weighs_the_surface_with_18_um() -> None:
    assert_close(surface_weight(0.0, FWHM), 18.096, rel=1e-4)
    assert_close(surface_weight(0.0, 2.0 * FWHM), 2.0 * 18.096, rel=1e-4)


@pytest.mark.parametrize("height", [-9.0, 0.0, 6.0, 25.0])
def test_of_crystals_all_or_a_third_stand_in_the_light_whatever_the_height(height: float) -> None:
    """Middle and deviation of an even distribution from the surface's weight to 2.82 times that, 1.5 FWHM on the edge."""
    flat = 1.0 / beam(height)[0]
    length, relative = crystal_length(height, FWHM)
    assert_close(length, 0.5 * (flat + 2.82 * flat), rel=1e-3)
    assert_close(relative * length, 1.82 * flat / np.sqrt(12.0), rel=2e-3)


@pytest.mark.parametrize("height", [-10.0, 0.0, 9.0])
@pytest.mark.parametrize("thick", [0.01, 1.0, 3.0])
def test_what_stands_in_the_light_is_known_to_how_high_it_stands(height: float, thick: float) -> None:
    """1 um of particles in the lowest `thick` of the beam, read by summing it."""
    fine = np.linspace(0.0, thick, 1001)
    light = np.exp(-4.0 * np.log(2.0) * ((fine - height) / FWHM) ** 2)
    whole = np.trapezoid(np.exp(-4.0 * np.log(2.0) * ((Z - height) / FWHM) ** 2), Z)
    reading = np.trapezoid(light, fine) / thick / whole
    length, relative = lit_length(height, FWHM)
    assert relative < 0.03
    assert abs(reading * length - 1.0) < 2.0 * relative


def test_a_height_that_is_not_known_and_a_wavy_edge_move_what_the_beam_sees_of_its_edge() -> None:
    known = lit_length(4.0, FWHM)
    shift = (surface_weight(5.0, FWHM) / surface_weight(3.0, FWHM) - 1.0) / 2.0
    assert_close(np.sqrt(lit_length(4.0, FWHM, height_sigma=1.0)[1] ** 2 - known[1] ** 2), shift, rel=0.1)
    rows = np.array([-8.0, 8.0])  # of the edge, half of the beam's width each: density at both over what passes
    seen = np.mean(np.exp(-4.0 * np.log(2.0) * (rows / FWHM) ** 2))
    passing = np.sqrt(np.pi / np.log(2.0)) / 2.0 * FWHM / 2.0
    even, wavy = (lit_length(0.0, FWHM, waviness=spread)[0] for spread in (0.0, 8.0))
    assert_close(wavy / even, passing / seen / surface_weight(0.0, FWHM), rel=0.03)


def test_an_exponential_layer_is_sharper_than_the_beam_reads_it() -> None:
    """The factors of wall_to_wall's panels from a profile of decay length 60 um, as the beam sums it."""
    base, decay = 8e-4, 60.0
    height = np.array([0.0, 30.0, 70.0, 120.0])
    position = open_beam_centre(height, FWHM)
    layer = base * (1.0 + 4.0 * np.exp(-Z / decay))
    read = np.array([np.trapezoid(layer * beam(h), Z) for h in height])
    truth = base * (1.0 + 4.0 * np.exp(-position / decay))
    excess = (truth - base) / (read - base)
    found = beam_sharpness(truth, height, position, base, FWHM)
    assert_close(found, [excess[0], *np.sqrt(excess[:-1] * excess[1:]), 1.0], rel=1e-5)
    assert np.all(found[:-1] < 1.0 - 1e-3)


def test_a_beam_without_extent_or_a_profile_at_its_base_reads_what_is_there() -> None:
    height = np.array([10.0, 50.0, 90.0])
    assert_close(beam_sharpness(np.array([3.0, 2.0, 1.0]), height, height, 0.5, 0.0), np.ones(4), rel=1e-12)
    assert_close(beam_sharpness(np.array([0.4, 0.4, 0.4]), height, height, 0.5, FWHM), np.ones(4), rel=1e-12)
    assert_close(beam_deviation(FWHM), 14.438, rel=1e-4)


def test_heights_closer_than_the_beam_is_wide_have_a_finite_sharpness_whatever_their_noise() -> None:
    height = np.array([2.0, 3.0, 5.0, 60.0])
    noisy = np.array([40.0, 1.001, 30.0, 2.0])
    found = beam_sharpness(noisy, height, open_beam_centre(height, FWHM), 1.0, FWHM)
    assert np.all(np.isfinite(found))
    assert np.all(found > 0.0)
