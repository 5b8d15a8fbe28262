"""The shape of an island: what its edges say about height and volume."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.physics.tetrahedron import (
    depth,
    facet_width,
    outline,
    thickness,
    top_edge_from_facet,
    volume,
)


def base_area(edge, truncation):
    """sqrt(3)/4 L^2 less three tips, triangles of edge t L."""
    return np.sqrt(3.0) / 4.0 * edge**2 * (1.0 - 3.0 * truncation**2)


def test_the_island_of_the_paper_is_as_thick_as_the_force_microscope_found() -> None:
    assert_close(thickness(28.5, 26.9), 1.3, rel=0.01)


def test_a_whole_tetrahedron_has_the_height_and_volume_of_a_regular_one() -> None:
    assert_close(thickness(3.0, 0.0), 3.0 * np.sqrt(2.0 / 3.0), rel=1e-12)
    assert_close(volume(3.0, 0.0, 0.0), 27.0 / (6.0 * np.sqrt(2.0)), rel=1e-12)
    assert_close(volume(3.0, 0.0, 0.0), base_area(3.0, 0.0) * thickness(3.0, 0.0) / 3.0, rel=1e-12)


def test_volume_is_the_sum_of_thin_layers() -> None:
    edges = np.linspace(2.0, 5.0, 4001)
    layers = base_area(0.5 * (edges[1:] + edges[:-1]), 0.11) * np.sqrt(2.0 / 3.0) * np.diff(edges)
    assert_close(volume(5.0, 2.0, 0.11), layers.sum(), rel=1e-6)


@pytest.mark.parametrize("truncation", [0.0, 0.07, 0.3])
def test_the_outline_encloses_the_base(truncation: float) -> None:
    x, y = outline(3.0, -2.0, 7.0, 25.0, truncation).T
    assert_close(0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))), base_area(7.0, truncation), rel=1e-12)
    corners = outline(3.0, -2.0, 7.0, 25.0, truncation)
    assert_close(depth(corners, 3.0, -2.0, 7.0, 25.0, truncation), 0.0, rel=0.0, floor=1e-12)
    middle = 0.5 * (corners + np.roll(corners, -1, axis=0))
    assert_close(depth(middle, 3.0, -2.0, 7.0, 25.0, truncation), 0.0, rel=0.0, floor=1e-12)


def test_rotation_turns_a_tip_counter_clockwise_as_one_sees_it() -> None:
    tip = outline(0.0, 0.0, np.sqrt(3.0), 30.0)[0]
    assert_close(tip, [np.cos(np.pi / 6), -0.5], rel=1e-12)


def test_facet_and_top_edge_are_inverse() -> None:
    assert_close(top_edge_from_facet(9.0, facet_width(9.0, 6.5)), 6.5, rel=1e-12)
