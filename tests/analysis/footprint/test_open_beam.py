"""What a cut Gaussian beam reads of the surface, and of a layer, by summing the beam over the profile."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.footprint.open_beam import beam_sharpness, crystal_length
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


@pytest.mark.parametrize("height", [-9.0, 0.0, 6.0])
def test_crystals_lie_anywhere_between_flat_on_the_surface_and_spread_over_the_footprint(height: float) -> None:
    """Middle and deviation of an even distribution from the surface's weight to 1.5 FWHM = 51 um."""
    flat = 1.0 / beam(height)[0]
    length, relative = crystal_length(height, FWHM)
    assert_close(length, 0.5 * (flat + 51.0), rel=1e-6)
    assert_close(relative * length, (51.0 - flat) / np.sqrt(12.0), rel=1e-6)


def test_crystals_high_in_the_beam_count_as_the_surface_does() -> None:
    length, relative = crystal_length(25.0, FWHM)
    assert_close(length, surface_weight(25.0, FWHM), rel=1e-12)
    assert length > 51.0
    assert relative == 0.0


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
