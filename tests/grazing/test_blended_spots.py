"""Two reflections that make one spot: parted where the image parts them, and one spot stays one."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.grazing.blended_spots import PARTED
from electrosaxs.grazing.noise import noise_of
from electrosaxs.grazing.spot_fit import fit_pair, fit_spot
from electrosaxs.grazing.spot_search import Candidate
from electrosaxs.nouns.film_experiment import FilmDetector, FilmExperiment, FilmSettings
from electrosaxs.recipes.film.inputs import FilmOptions, read_inputs
from electrosaxs.recipes.film.study import study_film
from electrosaxs.recipes.film.tables import final_spots, reflections, spot_rows
from electrosaxs.recipes.simulate_film import simulate_film

SHAPE, WIDTHS, LEVEL = (80, 100), (3.0, 4.2), 3.0
FIRST, NONE = np.array([40.3, 44.2]), np.zeros((0, 2))


def counts(seed: int, apart: float, second: float) -> np.ndarray:
    y, x = np.indices(SHAPE).astype(float)
    image = np.full(SHAPE, LEVEL)
    for column, height in ((FIRST[1], 10.0), (FIRST[1] + apart, 10.0 * second)):
        image += height * np.exp(-0.5 * (((y - FIRST[0]) / WIDTHS[0]) ** 2 + ((x - column) / WIDTHS[1]) ** 2))
    return np.random.default_rng(seed).poisson(image).astype(float)


def parted(image: np.ndarray, apart: float):
    bad = np.zeros(SHAPE, dtype=bool)
    noise = noise_of(image, bad)
    one = fit_spot(image, bad, noise, Candidate(FIRST[0], FIRST[1] + 0.5 * apart, 5.0, 20.0), NONE)
    return fit_pair(image, bad, noise, one, FIRST + np.array([[0.8, -0.7], [-0.6, apart + 0.9]]), NONE)


def test_two_spots_three_widths_apart_are_told_with_true_sigmas():
    pulls = []
    for seed in range(30):
        pair, gain = parted(counts(seed, 12.0, 0.7), 12.0)
        assert gain > PARTED
        for spot, column in zip(pair, (FIRST[1], FIRST[1] + 12.0), strict=True):
            off = spot.centre - (FIRST[0], column)
            pulls.append(off / np.sqrt(np.diag(spot.covariance)))
    assert np.abs(np.mean(pulls)) < 0.25
    assert 0.8 < np.std(pulls) < 1.2


def test_one_spot_is_not_made_two():
    gains = [made[1] for seed in range(40) if (made := parted(counts(seed, 12.0, 0.0), 12.0)) is not None]
    assert max(gains, default=0.0) < PARTED


@pytest.fixture(scope="module", params=[1.83301, 0.7], ids=["far", "near"])
def film_110(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """FCC (110): (0 2 4) and (-1 3 3) lie 12 pixels apart at 1.83 m, and 4.6 at 0.7 m."""
    near = request.param < 1.0
    detector = FilmDetector(distance_m=request.param)
    film = FilmSettings(normal=[1, 1, 0], domain_nm=100.0 if near else 250.0)
    made = simulate_film(FilmExperiment(film=film, detector=detector), tmp_path_factory.mktemp("film"))
    options = FilmOptions((0.327,), 10.0)
    inputs = read_inputs([made.image], made.geometry, options)
    return inputs, study_film(inputs, options), near


def test_reflections_that_lie_close_have_a_spot_each_or_are_told_as_a_blend(film_110):
    inputs, study, near = film_110
    spots = final_spots(study)
    marks = reflections(study)
    rows = spot_rows(inputs, study, spots, marks)
    told = [row[-1] for row in rows if "a blend of" in row[-1]]
    of_pair = [m for m in marks if m.hkl in {(0, 2, 4), (-1, 3, 3)} and m.channel == "T"]
    assert study.assignment.orientation.name == "FCC (110)"
    assert_close(study.constants.a, 13.2, rel=1e-3 if near else 5e-4)
    if near:
        assert sum("(0 2 4)" in words and "(-1 3 3)" in words for words in told) >= 1
        assert "in a blend" in {m.status for m in of_pair}
    else:
        assert not told
        assert [m.status for m in of_pair] == ["found"] * 4
    for mark in marks:
        if mark.spot is not None:
            spot = spots[mark.spot]
            assert np.hypot(spot.row - mark.row, spot.column - mark.column) < 5.0
