"""Ridges, geometry and control points of powder rings."""

import numpy as np
import pytest
from closeness import assert_close
from powder_image import PIXEL, SILVER_BEHENATE_M, powder_image

from electrosaxs.calibration.quality import azimuth_covered
from electrosaxs.calibration.ring_fit import (
    RingPoints,
    careful_fit,
    energy_coupling,
    fit_geometry,
    numerical_jacobian,
    whitened,
)
from electrosaxs.calibration.ring_geometry import (
    beam_centre,
    residual_slopes,
    residuals_px,
    ring_tangents,
    to_pixel,
    to_polar,
    untilted,
)
from electrosaxs.calibration.ring_points import find_control_points
from electrosaxs.calibration.ring_search import (
    DISTANCE_RANGE_M,
    centre_candidates,
    coarse_geometry,
    distance_candidates,
)
from electrosaxs.calibration.rings import Ridges, binned, find_ridges, invalid_pixels

WAVELENGTH = 1.0332e-10
TILTED = np.array([0.43, 0.051, 0.037, 0.021, -0.034])


def test_angles_are_those_of_pyfai() -> None:
    """Two programs, one geometry: pyFAI 2025.3 or later."""
    from pyFAI.geometry import Geometry

    theirs = Geometry(*TILTED, 0.0, PIXEL[0], PIXEL[1], wavelength=WAVELENGTH)
    y, x = np.array([3.0, 250.0, 611.5]), np.array([480.2, 17.0, 222.0])
    tangent, azimuth = to_polar(TILTED, y + 0.5, x + 0.5, PIXEL)
    assert_close(tangent, np.tan(theirs.tth(y, x)), rel=1e-10)
    assert_close(azimuth, theirs.chi(y, x), rel=1e-10)


def test_beam_centre_is_where_pyfai_says_the_direct_beam_is() -> None:
    from pyFAI.geometry import Geometry

    fit2d = Geometry(*TILTED, 0.0, PIXEL[0], PIXEL[1], wavelength=WAVELENGTH).getFit2D()
    assert_close(beam_centre(TILTED, PIXEL), [fit2d["centerY"], fit2d["centerX"]], rel=1e-9)


def test_pixel_and_angle_are_inverse() -> None:
    tangent, azimuth = to_polar(TILTED, np.array([10.3, 500.7]), np.array([400.1, 33.3]), PIXEL)
    y, x = to_pixel(TILTED, tangent, azimuth, PIXEL)
    assert_close(y, [10.3, 500.7], rel=1e-11)
    assert_close(x, [400.1, 33.3], rel=1e-11)


def test_rings_of_a_layered_crystal_are_equidistant_near_the_beam_only() -> None:
    tangents = ring_tangents(SILVER_BEHENATE_M, WAVELENGTH)
    assert_close(np.diff(tangents)[:3], tangents[0], rel=5e-3)
    assert np.diff(tangents)[-1] > 1.5 * tangents[0]


def test_gaps_saturation_and_lonely_pixels_do_not_count_but_sharp_rings_do() -> None:
    image = powder_image(
        untilted(0.5, (120.0, 90.0), PIXEL), shape=(200, 200), wavelength_m=WAVELENGTH, peak=900, width_px=0.7
    )
    ring = invalid_pixels(image)
    assert ring.mean() < 1e-3
    image[50:60] = -1
    image[77, 33] = 4_190_000
    image[140, 10:12] = 90_000
    invalid = invalid_pixels(image)
    assert invalid[50:60].all()
    assert invalid[77, 33]
    assert invalid[140, 10:12].all()
    assert invalid_pixels(np.full((9, 9), 2**32 - 1, dtype=np.uint32)).all()


def test_binning_conserves_counts() -> None:
    image = np.arange(30.0).reshape(6, 5)
    assert binned(image, 2).sum() == image[:6, :4].sum()


def test_noise_has_no_ridges() -> None:
    noise = np.random.default_rng(4).poisson(3.0, (400, 400)).astype(float)
    for cell in (1, 2, 4):
        assert len(find_ridges(noise, np.ones(noise.shape, bool), cell)) < 60 / cell


def test_crest_normals_point_at_the_beam_and_crests_lie_on_rings() -> None:
    centre = (130.4, 90.7)
    image = powder_image(untilted(0.6, centre, PIXEL), shape=(300, 280), wavelength_m=WAVELENGTH, peak=60).astype(float)
    ridges = find_ridges(image, np.ones(image.shape, bool), 2)
    to_centre = np.arctan2(ridges.y - centre[0], ridges.x - centre[1])
    off = np.angle(np.exp(2j * (np.arctan2(ridges.normal_y, ridges.normal_x) - to_centre))) / 2
    assert np.median(np.abs(off)) < 0.08
    radius = np.hypot(ridges.y - centre[0], ridges.x - centre[1])
    spacing = 0.6 * WAVELENGTH / 58.38e-10 / PIXEL[0]
    phase = radius / spacing - np.round(radius / spacing)
    assert np.median(np.abs(phase)) * spacing < 0.7


@pytest.mark.parametrize("centre", [(130.4, 90.7), (-60.0, 150.0), (310.0, 330.0)])
def test_normals_meet_at_the_beam_also_off_the_detector_and_likelihood_numbers_the_rings(
    centre: tuple[float, float],
) -> None:
    image = powder_image(untilted(0.8, centre, PIXEL), shape=(300, 280), wavelength_m=WAVELENGTH, peak=60).astype(float)
    ridges = find_ridges(image, np.ones(image.shape, bool), 2)
    found = centre_candidates(ridges)[0]
    assert_close(found, centre, rel=0.0, floor=4.0)
    tangents = ring_tangents(SILVER_BEHENATE_M, WAVELENGTH)
    distances = distance_candidates(ridges, found, tangents, PIXEL, limits_m=DISTANCE_RANGE_M)
    assert_close(distances[0][0], 0.8, rel=0.02)
    assert distances[0][1] > 1.1 * distances[1][1]


def test_control_points_scatter_about_the_ring_by_their_sigma() -> None:
    geometry = untilted(0.9, (140.2, 150.6), PIXEL)
    tangents = ring_tangents(SILVER_BEHENATE_M, WAVELENGTH)
    pulls = []
    for seed in range(6):
        image = powder_image(geometry, shape=(300, 280), wavelength_m=WAVELENGTH, peak=25, seed=seed).astype(float)
        points = find_control_points(image, np.ones(image.shape, bool), geometry, tangents, PIXEL).points
        radius = np.hypot(points.y - 140.2, points.x - 150.6)
        pulls += list((radius - tangents[points.ring] * 0.9 / PIXEL[0]) / points.sigma)
    assert len(pulls) > 180
    assert 0.85 < np.std(pulls) < 1.15
    assert abs(np.mean(pulls)) < 0.2


def test_slopes_of_the_residuals_are_their_differences() -> None:
    """With both tilts far from 0, so that no term of the rotation can hide."""
    geometry, tangents = np.array([1.7, 0.11, 0.21, 0.13, -0.21]), ring_tangents(SILVER_BEHENATE_M, 0.93e-10)
    rng = np.random.default_rng(5)
    ring = np.repeat([0, 1, 4], 8)
    points = RingPoints(ring, rng.uniform(0.0, 1500.0, 24), rng.uniform(0.0, 1400.0, 24), rng.uniform(0.1, 0.4, 24))
    size = np.array([1.7, 1.7, 1.7, 1.0, 1.0])

    def white(residual: np.ndarray) -> np.ndarray:
        return whitened(residual, points, tangents, 1.7, PIXEL, 2e-3)

    differences = numerical_jacobian(
        lambda step: white(residuals_px(geometry + step * size, points, tangents, PIXEL)), np.zeros(5)
    )
    slopes = white(residual_slopes(geometry, points, tangents, PIXEL) * size)
    assert_close(slopes, differences, rel=1e-6, floor=1e-5 * float(np.abs(differences).max()))


def test_exact_points_give_the_exact_geometry() -> None:
    tangents = ring_tangents(SILVER_BEHENATE_M, WAVELENGTH)
    ring = np.repeat([0, 2, 5], 20)
    y, x = to_pixel(TILTED, tangents[ring], np.tile(np.linspace(0, 4.0, 20), 3), PIXEL)
    points = RingPoints(ring, y, x, np.full(60, 0.3))
    start = untilted(0.45, (300.0, 220.0), PIXEL)
    assert_close(fit_geometry(points, tangents, PIXEL, start, tilts=True).geometry, TILTED, rel=1e-6)


def test_whitening_removes_the_shift_that_points_of_a_ring_share() -> None:
    """Residuals drawn from sigma_i^2 + (s r)^2 within a ring come out independent with unit variance."""
    tangents = ring_tangents(SILVER_BEHENATE_M, WAVELENGTH)
    generator = np.random.default_rng(3)
    ring = np.repeat(np.arange(4), 6)
    points = RingPoints(ring, np.zeros(24), np.zeros(24), generator.uniform(0.2, 0.6, 24))
    radius = 0.7 * tangents[ring] / PIXEL[0]
    draws = np.stack(
        [
            whitened(
                generator.normal(size=24) * points.sigma + 0.01 * radius * generator.normal(size=4)[ring],
                points, tangents, 0.7, PIXEL, 0.01,
            )
            for _ in range(4000)
        ]
    )  # fmt: skip
    assert_close(np.cov(draws.T), np.eye(24), rel=0.0, floor=0.12)


def test_rings_at_large_angles_tell_that_the_energy_stated_is_too_high() -> None:
    """Rings of the true energy, numbered with one 1 % higher: the rings alone ask for 1 / 1.01 of it."""
    true, stated = (ring_tangents(SILVER_BEHENATE_M, w) for w in (WAVELENGTH, WAVELENGTH / 1.01))
    geometry = untilted(0.1, (300.0, 250.0), PIXEL)
    ring, azimuth = np.repeat(np.arange(0, 30, 3), 40), np.tile(np.linspace(-3.0, 3.0, 40), 10)
    y, x = to_pixel(geometry, true[ring], azimuth, PIXEL)
    fit = fit_geometry(RingPoints(ring, y, x, np.full(ring.size, 0.1)), stated, PIXEL, geometry, tilts=False)
    found = energy_coupling(fit, SILVER_BEHENATE_M, WAVELENGTH / 1.01, PIXEL)
    assert_close(found.energy_ratio, 1.0 / 1.01, rel=1e-3)
    assert found.energy_sigma < 1e-3


def test_azimuth_is_covered_by_a_step_to_either_side_of_a_point():
    assert_close(azimuth_covered(np.radians([91.0])), 6.0, rel=1e-12)
    assert_close(azimuth_covered(np.radians([1.0, 359.0])), 8.0, rel=1e-12)
    assert_close(azimuth_covered(np.radians(np.arange(-180.0, 0.0, 2.0) + 1.0)), 184.0, rel=1e-12)
    assert_close(azimuth_covered(np.radians(np.arange(0.0, 360.0, 3.0))), 360.0, rel=1e-12)


def test_points_that_scatter_along_their_rings_more_than_they_say_leave_the_geometry_less_sure():
    truth, tangents = untilted(0.4, (300.0, 250.0), PIXEL), ring_tangents(SILVER_BEHENATE_M, WAVELENGTH)[:4]
    ring, azimuth = (a.ravel() for a in np.meshgrid(np.arange(4), np.linspace(-np.pi, np.pi, 60), indexing="ij"))
    y, x = to_pixel(truth, tangents[ring], azimuth, PIXEL)
    off = np.random.default_rng(3).normal(0.0, 0.3, (2, ring.size))
    honest, boasting = (
        careful_fit(
            RingPoints(ring, y + off[0], x + off[1], np.full(ring.size, sigma)), tangents, PIXEL, truth, tilts=False
        )
        for sigma in (0.3, 0.1)
    )
    assert 0.2 < boasting.scatter_px < 0.4
    assert_close(boasting.sigmas[:3], honest.sigmas[:3], rel=0.3)


@pytest.mark.parametrize("seed", [45, 121, 173])
def test_scattered_points_that_shrink_onto_the_sample_are_no_geometry(seed: int) -> None:
    """The fit of the next round could not begin there."""
    random = np.random.default_rng(seed)
    count = int(random.integers(20, 60))
    y, x, one = random.uniform(0, 619, count), random.uniform(0, 487, count), np.ones(count)
    tangents = ring_tangents(SILVER_BEHENATE_M, 0.95e-10)
    found = coarse_geometry(Ridges(y, x, one, 0.0 * one, one, 4), (-200.0, 240.0), 3.0, tangents, PIXEL)
    assert found.score == -np.inf
