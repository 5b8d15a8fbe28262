"""Particles that drift in front of a wall: towards it a layer, from it a gap, and no particle is lost."""

import numpy as np
from closeness import assert_close
from exact_transport import closed_walls

from electrosaxs.physics.one_wall import above_a_wall

DRIFT, DIFFUSION, GAP = 1.1e-6, 7.4e-11, 3.5e-3


def test_what_is_above_the_start_is_what_drifted_to_the_wall() -> None:
    for time in (5.0, 100.0, 900.0):
        z = np.linspace(0.0, 3e-3, 60_001)
        excess = above_a_wall(z, time, DRIFT, DIFFUSION) - 1.0
        assert_close(float(np.trapezoid(excess, z)), DRIFT * time, rel=1e-5)


def test_both_walls_of_a_cell_are_one_wall_each_until_they_meet() -> None:
    z = np.linspace(0.0, GAP, 50)
    for time in (10.0, 300.0):
        below = above_a_wall(z, time, DRIFT, DIFFUSION)
        above = above_a_wall(GAP - z, time, -DRIFT, DIFFUSION)
        exact = closed_walls(z / GAP, DIFFUSION * time / GAP**2, DRIFT * GAP / DIFFUSION)
        assert np.max(np.abs(below + above - 1.0 - exact)) < 1e-8


def test_before_the_field_is_on_all_is_as_at_the_start():
    """A clock that is half a minute off has frames before the field: NaN and a warning, and the layer was not told."""
    with np.errstate(invalid="raise", divide="raise"):
        early = above_a_wall(np.array([0.0, 3e-5, 1e-3]), np.array([-30.0, -1.0, 0.0]), DRIFT, DIFFUSION)
    assert np.allclose(early, 1.0, rtol=1e-4, atol=0.0)
