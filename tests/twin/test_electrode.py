"""The anode in the beam: what a tilted or wavy one hides, and what islands on it take of the light."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.nouns.imperfections import Imperfections
from electrosaxs.physics.beam import surface_weight
from electrosaxs.twin.electrode import Electrode, Film, film_of, footprint_above
from electrosaxs.twin.exposure import footprint

FWHM, GAP = 34.0, 3500.0
FILM = Film(height=3.0, coverage=0.3, inside=np.array([0.2, 0.29]))


def electrode(**wrong: object) -> Electrode:
    found = Electrode.of(Imperfections(islands=True, **wrong), 10.0, 5)
    assert found is not None
    return found


def lit(surface: Electrode) -> float:
    """Crystals in the open beam on the edge, as the share of the path that is met, mean over it."""
    beam, share = footprint_above(surface, 0.0, FILM, fwhm_um=FWHM, gap_um=GAP)
    return float(beam.share @ share / beam.open)


def test_an_even_film_stands_in_the_light_with_all_that_it_holds() -> None:
    """Volume per area over the length that a beam on the edge weighs the surface with (18.1 um)."""
    expected = FILM.height * FILM.coverage / surface_weight(0.0, FWHM)
    assert_close(lit(electrode()), expected, rel=0.01)  # the beam falls by 2 % over 3 um


def test_of_a_tilted_anode_only_the_last_part_of_the_film_rises_above_the_edge() -> None:
    """h / 2 theta L of it, the triangle between the film's top and the ray along the edge."""
    whole = lit(electrode())
    for mrad in (1.0, 5.0):
        assert_close(
            lit(electrode(anode_tilt_mrad=mrad)) / whole, FILM.height / (2.0 * mrad * 10.0), rel=0.03
        )  # 400 places of the path
    assert lit(electrode(anode_roughness_um=2.0)) < 0.8 * whole


def test_an_even_tilt_does_not_blur_the_edge_and_waviness_does() -> None:
    def passes(surface: Electrode, centre: float) -> float:
        return footprint_above(surface, centre, None, fwhm_um=FWHM, gap_um=GAP)[0].open

    sharp = [footprint(z, fwhm_um=FWHM, gap_um=GAP).open for z in (-20.0, 0.0, 20.0)]
    assert_close([passes(electrode(anode_tilt_mrad=3.0), z) for z in (-20.0, 0.0, 20.0)], sharp, rel=1e-9)
    wavy = electrode(anode_roughness_um=6.0)
    assert passes(wavy, -20.0) > 1.05 * sharp[0]
    assert passes(wavy, 20.0) < sharp[2]


def test_the_solution_is_as_far_from_the_surface_as_that_lies_below_the_edge() -> None:
    flat, tilted = (
        footprint_above(electrode(anode_tilt_mrad=mrad), 50.0, None, fwhm_um=FWHM, gap_um=GAP)[0] for mrad in (0.0, 2.0)
    )
    assert_close(tilted.height - flat.height, np.full(flat.height.size, 10.0), rel=3e-3)


@pytest.mark.parametrize("per_area", [0.05, 0.5])
def test_islands_hold_the_crystals_and_no_more(per_area: float) -> None:
    volume = np.array([300.0, 500.0])
    amount = per_area * np.array([0.4, 0.6])
    film = film_of(amount, volume, 15.1, 1e-4)
    assert film is not None
    assert_close(film.height * film.coverage * film.inside, amount, rel=1e-12)
    sites = float(np.sum(film.inside / volume))
    assert_close(sites * 15.1**3, 4.0, rel=1e-12)
    assert film_of(0.0 * amount, volume, 15.1, 1e-4) is None


def test_many_islands_close_to_a_film_whose_thickness_is_its_volume() -> None:
    film = film_of(np.array([0.5]), np.array([425.0]), 15.1, 1.0)
    assert film is not None
    assert_close(film.coverage, 1.0, rel=1e-12)
    assert_close(film.height * film.inside.sum(), 0.5, rel=1e-12)


def test_without_imperfections_there_is_no_such_surface() -> None:
    assert Electrode.of(Imperfections(), 10.0, 5) is None
