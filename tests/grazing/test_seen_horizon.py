"""The horizon of an image tells the direct beam's row less the angle of incidence, and nothing where none is seen."""

from dataclasses import replace

import numpy as np
from film_planes import plane

from electrosaxs.grazing.geometry import film_coordinates
from electrosaxs.grazing.seen_horizon import seen_horizon
from electrosaxs.grazing.spots import prepare
from electrosaxs.physics.film_frame import Incidence
from electrosaxs.physics.refraction import Index

ANGLE, CRITICAL = np.radians(0.31), np.radians(0.2)


def image(film: float, arcs: float = 0.0) -> np.ndarray:
    """Counts of diffuse scattering that leaves through a surface, |2 s / (s + s')|^2, on air scattering; arcs: bands of light
    0.25 deg above the horizon."""
    detector = plane()
    row, column = np.indices(detector.shape)
    parallel, s = film_coordinates(detector, Incidence(ANGLE, Index(0.0, 0.0)), row, column)
    through = np.where(s > 0.0, np.abs(2.0 * s / (s + np.sqrt(s**2 - CRITICAL**2 + 2e-8j))) ** 2, 0.0)
    arc = arcs * (1.0 + np.sin(9.0 * parallel)) * np.exp(-0.5 * np.square((s - np.radians(0.35)) / 1e-3)) * (s > 0.0)
    return np.random.default_rng(3).poisson(1.0 + film * through / (1.0 + np.abs(parallel)) + arc)


def told(counts: np.ndarray, rows: float = 0.0, hidden: slice | None = None) -> tuple[float, float] | None:
    """What is told where the geometry has the direct beam `rows` too far down."""
    bad = np.zeros(counts.shape, dtype=bool)
    if hidden is not None:
        bad[hidden] = True
    right = plane()
    return seen_horizon(prepare(counts, bad), replace(right, origin=right.origin - rows * right.by_row), ANGLE, [])


def test_the_horizon_lies_where_the_geometry_has_it():
    found = told(image(60.0))
    assert found is not None
    assert abs(found[0]) < 2.0 * found[1] < np.radians(0.05)


def test_a_direct_beam_that_is_stated_too_far_down_has_the_horizon_above_its_place():
    found = told(image(60.0), rows=15.0)
    assert found is not None
    assert abs(found[0] - 15.0 * 172e-6 / 0.9) < 2.0 * found[1]


def test_air_scattering_and_an_image_without_pixels_have_no_horizon():
    assert told(image(0.0)) is None
    assert told(image(60.0), hidden=slice(None)) is None


def test_a_gap_over_the_horizon_is_no_horizon():
    right = plane()
    row = round(float(right.pixel(np.array([[np.cos(ANGLE), np.sin(ANGLE), 0.0]]))[0][0]))
    found = told(image(60.0), hidden=slice(row - 12, row + 8))
    assert found is None or abs(found[0]) < np.radians(0.1)


def test_arcs_above_it_are_not_taken_for_the_horizon():
    found = told(image(20.0, arcs=200.0))
    assert found is None or abs(found[0]) < 3.0 * found[1]
