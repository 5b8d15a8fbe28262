"""The best move of the coordinates ends at the limits of the unknowns, and the others explain the frames without it."""

import numpy as np
from closeness import assert_close
from scipy.optimize import lsq_linear

from electrosaxs.control.hold.least_squares import SCALE_SIGMA, Rows, solve

RANDOM = np.random.default_rng(5)


def test_a_move_ends_at_a_limit_as_a_bounded_least_squares_does() -> None:
    """Errors so large that none of the frames counts for less."""
    sigma, slope, predicted = 0.5, RANDOM.standard_normal((40, 3)), np.ones(40)
    off = slope @ [0.3, -0.4, 0.2] + 0.1 * RANDOM.standard_normal(40)
    rows = Rows(predicted + off, np.full(40, sigma), predicted, slope)
    low, high = np.array([-1.0, -0.15, -1.0]), np.ones(3)
    found = solve(rows, np.zeros(3), np.ones(3), 1.0, (low, high)).move
    assert solve(rows, np.zeros(3), np.ones(3)).move[1] < -0.3
    whole = np.concatenate([rows.full / sigma, np.diag([1.0, 1.0, 1.0, 1.0 / SCALE_SIGMA])])
    ends = (np.append(low, -np.inf), np.append(high, np.inf))
    bounded = lsq_linear(whole, np.append(off / sigma, np.zeros(4)), ends, tol=1e-14).x
    assert_close(found, bounded, rel=1e-5, floor=1e-8)
    assert found[1] == -0.15


def test_limits_that_are_not_met_change_nothing() -> None:
    slope = RANDOM.standard_normal((20, 2))
    measured = 1.0 + slope @ [0.1, -0.1]
    rows = Rows(measured, np.full(20, 0.05), np.full(20, 1.0), slope)
    free = solve(rows, np.zeros(2), np.ones(2))
    kept = solve(rows, np.zeros(2), np.ones(2), 1.0, (np.full(2, -1.0), np.full(2, 1.0)))
    assert np.array_equal(free.move, kept.move)
    assert np.array_equal(free.covariance, kept.covariance)
