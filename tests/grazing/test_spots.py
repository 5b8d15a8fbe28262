"""Spots: found where they are, with sigmas that are true, and nowhere else."""

import numpy as np
import pytest
from closeness import assert_close
from film_planes import plane

from electrosaxs.grazing.geometry import film_coordinates
from electrosaxs.grazing.noise import noise_of
from electrosaxs.grazing.spot_fit import fit_spot
from electrosaxs.grazing.spot_search import Candidate, find_candidates, odd_pixels
from electrosaxs.grazing.spots import find_spots, prepare
from electrosaxs.physics.film_frame import Incidence
from electrosaxs.physics.refraction import Index

SHAPE = (240, 260)
PLACES = np.array([(60.3, 70.6), (150.4, 70.1), (61.7, 190.5), (160.8, 200.2)])


def spots(height: float) -> np.ndarray:
    """Expected counts: four tilted Gaussian spots on a background with a bright ridge and a slope."""
    y, x = np.indices(SHAPE).astype(float)
    image = 2.0 + 0.01 * x + 40.0 * np.exp(-0.5 * ((y - 110.0) / 3.0) ** 2)
    for row, column in PLACES:
        u, v = (y - row) + 0.5 * (x - column), (x - column) - 0.5 * (y - row)
        image += height * np.exp(-0.5 * ((u / 2.5) ** 2 + (v / 4.0) ** 2))
    return image


def found_at(image: np.ndarray, bad: np.ndarray) -> np.ndarray:
    noise = noise_of(image, bad)
    return np.array([(c.row, c.column) for c in find_candidates(image, bad, noise)]).reshape(-1, 2)


def test_spots_are_found_and_ridges_slopes_and_gaps_are_not():
    image = np.random.default_rng(3).poisson(spots(12.0)).astype(float)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[:, 120:128] = bad[200:206] = True
    image[bad] = -1.0
    found = found_at(image, bad)
    assert len(found) == len(PLACES)
    for place in PLACES:
        assert np.min(np.linalg.norm(found - place, axis=1)) < 2.5


def test_noise_has_no_spots():
    rng = np.random.default_rng(4)
    bad = np.zeros(SHAPE, dtype=bool)
    assert len(found_at(rng.poisson(0.4, SHAPE).astype(float), bad)) == 0
    assert len(found_at(rng.normal(20.0, 7.0, SHAPE), bad)) == 0


def test_a_hot_pixel_is_no_spot_and_a_seam_is_left_out():
    image = np.random.default_rng(5).poisson(400.0, SHAPE).astype(float)
    image[50, 60] = 40000.0
    image[:, 130] = 9.0
    bad = np.zeros(SHAPE, dtype=bool)
    odd = odd_pixels(image, bad, noise_of(image, bad))
    assert odd[50, 60]
    assert odd[:, 130].mean() > 0.9
    assert odd.sum() < 260
    assert len(found_at(image, odd)) == 0


def test_noise_of_a_detector_that_does_not_count_photons_is_measured():
    rng = np.random.default_rng(6)
    mean = np.linspace(50.0, 4000.0, 512)[None, :] * np.ones((512, 1))
    noise = noise_of(mean + rng.normal(0.0, np.sqrt(900.0 + 3.0 * mean)), np.zeros(mean.shape, dtype=bool))
    assert not noise.counting
    assert_close(noise.variance(np.array([200.0, 3000.0])), [1500.0, 9900.0], rel=0.1)


@pytest.mark.parametrize("height", [6.0, 60.0])
def test_centres_scatter_as_their_sigmas_say(height):
    rng, expected, bad = np.random.default_rng(7), spots(height), np.zeros(SHAPE, dtype=bool)
    noise = noise_of(rng.poisson(expected).astype(float), bad)
    pulls = []
    for _ in range(40):
        image = rng.poisson(expected).astype(float)
        for i, (row, column) in enumerate(PLACES):
            fitted = fit_spot(image, bad, noise, Candidate(row, column, 3.0, 10.0), np.delete(PLACES, i, axis=0))
            assert fitted is not None
            pulls.append((fitted.centre - (row, column)) / np.sqrt(np.diag(fitted.covariance)))
    assert 0.85 < np.sqrt(np.mean(np.square(pulls))) < 1.15
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.3


def test_whole_numbers_of_a_ccd_are_no_photons():
    rng = np.random.default_rng(9)
    mean = np.linspace(200.0, 5000.0, 128)[:, None] * np.ones(160)
    unused = np.zeros(mean.shape, dtype=bool)
    ccd = noise_of(np.round(9.0 * rng.poisson(mean / 9.0)), unused)
    assert not ccd.counting
    assert_close(ccd.variance(np.array([1000.0])), [9000.0], rel=0.15)
    assert noise_of(rng.poisson(mean).astype(float), unused).counting


def test_a_spot_below_the_horizon_is_no_spot_of_the_film():
    """The film's surface hides what leaves it downwards: 28 rows above the direct beam at 0.31 degrees and 0.9 m."""
    detector, incidence = plane(), Incidence(np.radians(0.31), Index(5e-6, 1e-8))
    row, column = (float(x[0]) for x in detector.pixel(np.array([[1.0, 0.0, 0.0]])))
    above, below = (np.array([row + side * 60.0, column + 70.0]) for side in (1.0, -1.0))
    leaving = [float(film_coordinates(detector, incidence, *place)[1]) for place in (above, below)]
    if leaving[0] < leaving[1]:
        above, below = below, above
    y, x = np.indices(detector.shape).astype(float)
    image = 5.0 + sum(200.0 * np.exp(-0.5 * ((y - r) ** 2 + (x - c) ** 2) / 9.0) for r, c in (above, below))
    seen = np.random.default_rng(2).poisson(image)
    found = find_spots(prepare(seen, np.zeros(detector.shape, dtype=bool)), detector, incidence)
    said = {spot.excluded for spot in found if np.hypot(spot.row - below[0], spot.column - below[1]) < 2.0}
    assert said == {"below the horizon"}
    assert [s.excluded for s in found if np.hypot(s.row - above[0], s.column - above[1]) < 2.0] == [""]


def test_a_detector_noisier_than_its_counts_leaves_centres_less_sure():
    """Three times the noise of the counts, as of an image that was summed from scaled ones: pulls stay about one."""
    rng, expected, bad = np.random.default_rng(11), spots(60.0), np.zeros(SHAPE, dtype=bool)
    noise = noise_of(rng.poisson(expected).astype(float), bad)
    pulls = []
    for _ in range(25):
        image = rng.normal(expected, 3.0 * np.sqrt(expected))
        for i, (row, column) in enumerate(PLACES):
            fitted = fit_spot(image, bad, noise, Candidate(row, column, 3.0, 10.0), np.delete(PLACES, i, axis=0))
            assert fitted is not None
            pulls.append((fitted.centre - (row, column)) / np.sqrt(np.diag(fitted.covariance)))
    assert 0.8 < np.sqrt(np.mean(np.square(pulls))) < 1.25
