"""Several images of one film: one fit whatever their order, exposures and stated angles; images of another film are named."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from electrosaxs.command_line.app import run as command_line
from electrosaxs.grazing.fold import near_the_fold
from electrosaxs.grazing.intensities import UNSEEN, envelopes_of_images, log_spheres
from electrosaxs.nouns.film_experiment import FilmBeam, FilmDetector, FilmExperiment, FilmSettings
from electrosaxs.recipes.film.contradictions import contradictions, silent_images
from electrosaxs.recipes.film.first_study import FilmStudy
from electrosaxs.recipes.film.inputs import FilmOptions, read_inputs
from electrosaxs.recipes.film.study import study_film
from electrosaxs.recipes.simulate_film import SimulatedFilm, simulate_film

DETECTOR = FilmDetector(name="Pilatus300k", distance_m=0.7, beam_row=560.0, beam_column=243.0, beam_stop_mm=4.0)


def image(folder: Path, angle: float, counts: float = 20000.0, **settings: object) -> SimulatedFilm:
    film = FilmSettings(**{"domain_nm": 120.0, "mosaic_deg": 0.4, **settings})
    beam = FilmBeam(brightest_counts=counts, incident_angle_deg=angle)
    return simulate_film(FilmExperiment(film=film, beam=beam, detector=DETECTOR), folder)


def study(images: list[SimulatedFilm], angles: list[float]) -> FilmStudy:
    options = FilmOptions(tuple(angles), 10.0)
    return study_film(read_inputs([one.image for one in images], images[0].geometry, options), options)


@pytest.fixture(scope="module")
def steep(tmp_path_factory: pytest.TempPathFactory) -> SimulatedFilm:
    return image(tmp_path_factory.mktemp("steep"), 0.4)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> SimulatedFilm:
    return image(tmp_path_factory.mktemp("flat"), 0.31)


@pytest.fixture(scope="module")
def alone(flat: SimulatedFilm) -> FilmStudy:
    return study([flat], [0.32])


def assert_within(found: FilmStudy, a: float, angles: list[float], sigmas: float = 3.5) -> None:
    assert found.indexed is not None
    refined, c = found.indexed.refined, found.indexed.refined.constants
    assert abs(c.a - a) < sigmas * refined.sigma("a")
    assert abs(c.contraction) < sigmas * refined.sigma("contraction")
    for i, angle in enumerate(angles):
        assert abs(c.incidence[i] - np.radians(angle)) < sigmas * refined.sigma(f"incidence {i}")


def test_an_angle_stated_too_small_does_not_hold_tails_from_below_the_horizon_above_it(steep: SimulatedFilm):
    """At 0.4 deg six spots are such tails, which have a ray only below 0.375 deg."""
    found = study([steep], [0.36])
    assert_within(found, 13.2, [0.4])
    assert found.indexed.refined.scatter < 0.05


def test_exchanged_angles_are_found_by_each_image_and_sigmas_are_smaller_than_of_one(flat, steep, alone):
    found = study([flat, steep], [0.4, 0.31])
    assert_within(found, 13.2, [0.31, 0.4])
    assert found.indexed.refined.sigma("a") < 0.75 * alone.indexed.refined.sigma("a")
    assert len([one for one in contradictions(found) if "was stated" in one]) == 2
    assert not any("not of one film" in one for one in contradictions(found))


def test_a_first_image_without_spots_changes_nothing_and_is_named(tmp_path, flat, alone):
    found = study([image(tmp_path, 0.31, texture="empty"), flat], [0.31, 0.32])
    assert silent_images(found) == ("image 1 shows no spot of the lattice: it adds nothing to the constants",)
    assert found.constants.a == pytest.approx(alone.constants.a, abs=0.1 * alone.indexed.refined.sigma("a"))
    assert found.indexed.refined.sigma("a") == pytest.approx(alone.indexed.refined.sigma("a"), rel=0.05)
    assert contradictions(found) == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lattice_constant_nm": 13.24}, "not of one film"),
        ({"lattice": "BCC", "normal": [1, 1, 0], "lattice_constant_nm": 10.6}, "image 2 hardly shows FCC"),
        ({"lattice_constant_nm": 13.5}, "no lattice in common"),
    ],
)
def test_images_of_two_films_are_said_to_be(tmp_path, flat, settings, words):
    said = contradictions(study([flat, image(tmp_path, 0.4, **settings)], [0.31, 0.4]))
    assert any(words in one for one in said)


def test_an_image_that_stands_twice_is_refused_and_names_tell_images_apart(tmp_path, flat, steep, capsys):
    call = ["gisaxs", str(flat.image), "--geometry", str(flat.geometry), "--energy-kev", "10", "--quiet"]
    copy = tmp_path / "copy.cbf"
    shutil.copy(flat.image, copy)
    assert command_line([*call, str(copy), "--incident-angle-deg", "0.31", "--out", str(tmp_path / "no")]) == 2
    assert "stands twice" in capsys.readouterr().err
    out = tmp_path / "out"
    angles = ["--incident-angle-deg", "0.31", "--incident-angle-deg", "0.4"]
    assert command_line([*call, str(steep.image), *angles, "--out", str(out)]) == 0
    with (out / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["image"] for row in rows}) == 2
    assert [row["orientation_alone"] for row in rows] == ["FCC (111)"] * 2


def test_near_the_critical_angle_sigmas_hold_both_sides_of_it(tmp_path):
    """With 3000 counts at 0.21 deg the critical angle came out 6.6 sigma off 0.2233 deg, its curvature saying 0.0003."""
    made = image(tmp_path, 0.21, 3000.0)
    refined = study([made], [0.216]).indexed.refined
    assert near_the_fold(refined.constants) == [0]
    critical = json.loads((tmp_path / "truth.json").read_text())["critical_angle"]
    for name, value, truth in (
        ("critical", refined.constants.critical, critical),
        ("incidence 0", refined.constants.incidence[0], 0.21),
    ):
        assert abs(np.degrees(value) - truth) < 2.5 * np.degrees(refined.sigma(name))
        assert np.degrees(refined.sigma(name)) > 8e-4


def test_an_exposure_of_its_own_is_all_by_which_envelopes_of_images_differ():
    q = np.linspace(0.7, 3.5, 40)
    logs = log_spheres(q, 7.1, 0.08) - 0.09 * q**2
    none = np.zeros(0)
    first, second, empty = envelopes_of_images(
        [(q[:4], logs[:4] - 3.0), (q, logs + 2.0), (none, none)], neighbour_nm=9.33
    )
    assert (first.diameter, first.square) == (second.diameter, second.square) == (empty.diameter, empty.square)
    assert second.level - first.level == pytest.approx(5.0, abs=0.2)
    assert second.square == pytest.approx(0.09, rel=0.2)
    assert empty.level == UNSEEN
