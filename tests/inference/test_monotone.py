"""A curve through points has no hill or valley that they do not have."""

import numpy as np
import pytest
from closeness import assert_close
from scipy.interpolate import PchipInterpolator

from electrosaxs.inference.monotone import MonotoneCurve

POINTS = {
    "rising": ([0.0, 0.4, 1.1, 1.9, 4.0], [0.0, 0.3, 1.3, 1.9, 6.5]),
    "a hill": ([-2.0, -1.0, 0.5, 1.0, 3.0], [0.2, 1.4, 1.5, 0.1, -3.0]),
    "flat in between": ([1.0, 2.0, 2.5, 4.0], [1.0, 3.0, 3.0, 3.1]),
    "an end that turns": ([0.0, 1.0, 1.2, 3.0], [0.0, 0.1, 5.0, 4.0]),
    "three": ([0.0, 0.3, 1.0], [2.0, 1.0, 0.9]),
    "two": ([0.5, 2.0], [1.0, -1.0]),
}


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS.keys())
def test_a_monotone_curve_is_scipys(points: tuple[list[float], list[float]]) -> None:
    x, y = np.array(points[0]), np.array(points[1])
    at = np.linspace(x[0], x[-1], 57)
    assert_close(MonotoneCurve(x, y)(at), PchipInterpolator(x, y)(at), rel=1e-12, floor=1e-13)


def test_where_a_level_is_reached_the_curve_has_it() -> None:
    curve = MonotoneCurve(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 0.8, 1.7, 4.1]))
    assert_close(curve(np.array(curve.reached(1.0, 1))), 1.0, rel=1e-14)
    falling = MonotoneCurve(np.array([0.0, 1.0, 2.0]), np.array([3.0, 0.8, 0.1]))
    assert_close(falling(np.array(falling.reached(2.0, 0))), 2.0, rel=1e-14)
