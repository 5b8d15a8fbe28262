"""The Yoneda band tells the mean density of what lies on the substrate, and nothing where there is no band."""

import numpy as np
from closeness import assert_close
from film_planes import plane

from electrosaxs.grazing.geometry import film_coordinates
from electrosaxs.grazing.spots import prepare
from electrosaxs.grazing.yoneda import yoneda_angle
from electrosaxs.physics.film_frame import Incidence
from electrosaxs.physics.refraction import Index

ANGLE, CRITICAL = np.radians(0.31), np.radians(0.15)


def image(band: bool) -> np.ndarray:
    """Counts of diffuse scattering that falls with q and leaves through a surface, |2 s / (s + s')|^2."""
    detector = plane()
    row, column = np.indices(detector.shape)
    parallel, s = film_coordinates(detector, Incidence(ANGLE, Index(0.0, 0.0)), row, column)
    inside = np.sqrt(s**2 - CRITICAL**2 + 2e-8j)
    through = np.where(s > 0.0, np.abs(2.0 * s / (s + inside)) ** 2, 0.0) if band else 1.0 * (s > 0.0)
    return np.random.default_rng(2).poisson(2.0 + 60.0 / (1.0 + np.abs(parallel)) * through)


def told(counts: np.ndarray) -> tuple[float, float] | None:
    return yoneda_angle(prepare(counts, np.zeros(counts.shape, dtype=bool)), plane(), ANGLE, [])


def test_the_band_lies_at_the_critical_angle():
    found = told(image(True))
    assert found is not None
    assert_close(found[0], CRITICAL, rel=0.15)
    assert abs(found[0] - CRITICAL) < 2.0 * found[1]


def test_a_horizon_alone_is_no_band():
    assert told(image(False)) is None


def test_an_image_without_usable_pixels_has_no_band():
    counts = image(True)
    assert yoneda_angle(prepare(counts, np.ones(counts.shape, dtype=bool)), plane(), ANGLE, []) is None
