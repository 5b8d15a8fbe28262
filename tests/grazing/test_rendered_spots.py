"""Where spots lie beside their reflections: pixels drawn one by one and fitted, against the shifts that are taken off; and
copies that are no copies."""

from dataclasses import replace

import numpy as np
import pytest
from film_planes import plane

from electrosaxs.grazing.expected import Expected, Setup, incidence_of, match
from electrosaxs.grazing.geometry import film_coordinates, place_of_reflection
from electrosaxs.grazing.intensities import Envelope
from electrosaxs.grazing.likelihood import explain
from electrosaxs.grazing.noise import NoiseModel
from electrosaxs.grazing.rendered_spots import drawn_shifts
from electrosaxs.grazing.spot_fit import fit_spot
from electrosaxs.grazing.spot_search import Candidate
from electrosaxs.grazing.spots import prepare
from electrosaxs.grazing.surroundings import surroundings
from electrosaxs.nouns.film import FilmConstants, Spot
from electrosaxs.physics.film_frame import channel_fields, q_along_normal
from electrosaxs.physics.refraction import FilmMedium, Index, material_index

ANGLE, HEIGHT = np.radians(0.31), 1e6
SETUP = Setup(plane(), FilmMedium(Index(7.4e-6, 3e-7), 0.0), material_index("Si", 2.33, 10.0), 5e4, 5.0)
TRUE = FilmConstants(13.2, 0.0, (ANGLE,), SETUP.film.index.critical_angle)
FLAT = Envelope(0.0, 7.0, 0.1, 0.0, np.inf)


@pytest.mark.parametrize(
    ("parallel", "normal", "domain", "mosaic_deg"),
    [(1.6, 0.6, 0.02, 1.5), (0.78, 0.5, 0.02, 0.5), (0.8, 1.9, 0.02, 2.0)],
)
def test_spots_lie_where_their_drawing_has_them(parallel: float, normal: float, domain: float, mosaic_deg: float):
    incidence, none = incidence_of(TRUE, 0, SETUP.film), np.zeros(1, dtype=bool)
    place = np.stack(
        place_of_reflection(SETUP.plane, incidence, np.array([parallel]), np.array([normal]), none), axis=1
    )
    row, column = np.indices(SETUP.plane.shape)
    p, exit_sine = film_coordinates(SETUP.plane, incidence, row, column)
    z = q_along_normal(exit_sine, wavenumber=SETUP.plane.wavenumber, incidence=incidence, reflected=False)
    length, q = np.hypot(parallel, normal), np.hypot(p, z)
    turned = length * (np.arctan2(p, z) - np.arctan2(parallel, normal))
    across = np.hypot(domain, length * np.radians(mosaic_deg))
    arc = np.exp(-0.5 * (np.square((q - length) / domain) + np.square(turned / across))) / np.maximum(np.abs(p), 0.03)
    field = channel_fields(exit_sine, incidence, SETUP.substrate, thickness_k=SETUP.thickness_k)[0]
    light = np.nan_to_num(np.where((exit_sine > 0.0) & (p > 0.0), arc * field, 0.0))
    image = HEIGHT * light / light.max() + 1.0
    at = Candidate(place[0, 0], place[0, 1], 4.0, 100.0)
    fitted = fit_spot(image, np.zeros(image.shape, dtype=bool), NoiseModel(True, 1.0, 0.0), at, np.empty((0, 2)))
    assert fitted is not None
    spot = Spot(
        0, *fitted.centre, fitted.covariance, fitted.shape, fitted.intensity, 1.0, fitted.background, parallel, normal,
        (0.0, 0.0), 0.01,
    )  # fmt: skip
    shift, by_field = drawn_shifts(SETUP, TRUE, 0, [spot], place, none, None)
    moved = fitted.centre - place[0]
    assert np.abs(moved).max() > 0.08
    assert np.abs(moved - shift[0] - by_field[0]).max() < 0.03 + 0.06 * np.abs(moved).max()


def test_a_spot_that_outshines_what_the_reflected_beam_can_make_is_no_copy():
    one = np.ones(1)
    copy = Expected(
        np.array([[1, 1, 1]]), one, one, np.array([True]), 100.0 * one, 100.0 * one, one, 1e-6 * one, np.array([""])
    )
    spot = Spot(0, 100.0, 100.0, 1e-4 * np.eye(2), np.eye(2), 1e4, 1e2, 1.0, 1.0, 1.0, (0.0, 0.0), 0.01)
    seen = {"tolerance": 1.0, "relative": 0.0, "known": True}
    assert match([spot], copy, intensity=np.array([1.0]), **seen)[0] == -1
    assert match([spot], copy, intensity=np.array([1e3]), **seen)[0] == 0
    in_plane = replace(copy, normal=np.zeros(1))
    assert match([spot], in_plane, intensity=np.array([1.0]), **seen)[0] == 0
    direct = replace(copy, reflected=np.array([False]))
    assert match([spot], direct, intensity=np.array([1.0]), **seen)[0] == 0


def test_constants_that_put_every_reflection_beside_the_detector_explain_no_spot():
    none = np.zeros(0)
    nothing = Expected(
        np.zeros((0, 3), dtype=int), none, none, none.astype(bool), none, none, none, none, none.astype(str)
    )
    spot = Spot(0, 100.0, 100.0, 1e-4 * np.eye(2), np.eye(2), 1e4, 1e2, 1.0, 1.0, 1.0, (0.0, 0.0), 0.01)
    image = prepare(np.random.default_rng(1).poisson(5.0, SETUP.plane.shape), np.zeros(SETUP.plane.shape, dtype=bool))
    view = surroundings(image, SETUP.plane)
    assert explain([spot], np.array([-1]), nothing, view, envelope=FLAT, sigma=1.0).score == 0.0
