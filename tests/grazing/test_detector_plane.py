"""Pixels to directions and back, on tilted detectors, against rotation matrices written out."""

import numpy as np
import pytest
from closeness import assert_close
from film_planes import PIXEL, plane

from electrosaxs.grazing.geometry import horizon
from electrosaxs.physics.film_frame import Incidence
from electrosaxs.physics.refraction import Index

ROW, COLUMN = np.array([12.0, 301.7, 480.2]), np.array([470.1, 33.3, 200.0])


def direction_by_matrices(rot1: float, rot2: float) -> np.ndarray:
    """pyFAI's rotations, written out: first about the vertical, then about the horizontal axis."""
    first, second, along = (ROW + 0.5) * PIXEL - 0.05, (COLUMN + 0.5) * PIXEL - 0.04, np.full(3, 0.9)
    c, s = np.cos(rot1), np.sin(rot1)
    second, along = c * second + s * along, -s * second + c * along
    c, s = np.cos(rot2), np.sin(rot2)
    first, along = c * first - s * along, s * first + c * along
    place = np.stack([along, -first, second], axis=-1)
    return place / np.linalg.norm(place, axis=-1, keepdims=True)


@pytest.mark.parametrize(("rot1", "rot2"), [(0.0, 0.0), (0.06, -0.04), (-0.2, 0.1)])
def test_directions_are_those_of_rotation_matrices(rot1, rot2):
    assert np.abs(plane(rot1, rot2).direction(ROW, COLUMN) - direction_by_matrices(rot1, rot2)).max() < 1e-12


def test_rays_meet_the_pixel_they_came_from():
    tilted = plane(0.06, -0.04, 0.3, turned=20.0)
    row, column = tilted.pixel(tilted.direction(ROW, COLUMN))
    assert_close(row, ROW, rel=1e-9)
    assert_close(column, COLUMN, rel=1e-9)


def test_a_film_that_is_turned_by_a_quarter_points_to_larger_columns():
    straight, turned = plane(), plane(turned=90.0)
    up = straight.direction(ROW, COLUMN)[:, 1]
    right = straight.direction(ROW, COLUMN)[:, 2]
    assert_close(turned.direction(ROW, COLUMN)[:, 1], right, rel=1e-12)
    assert_close(turned.direction(ROW, COLUMN)[:, 2], -up, rel=1e-12)


def test_the_horizon_lies_above_the_direct_beam_by_the_angle_of_incidence():
    flat, angle = plane(), np.radians(0.31)
    line = horizon(flat, Incidence(angle, Index(7e-6, 0.0)), points=201)
    beam_row, _ = flat.pixel(np.array([[1.0, 0.0, 0.0]]))
    assert_close(beam_row[0] - line[100, 0], 0.9 * np.tan(angle) / PIXEL, rel=1e-6)
