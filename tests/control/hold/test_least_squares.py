"""The best move of the coordinates ends at the limits of the unknowns, and the others explain the frames without it."""

import numpy as np
from closeness import assert_close
from scipy.optimize import lsq_linear
from scipy.stats import multivariate_normal

from electrosaxs.control.hold.least_squares import SCALE_SIGMA, Rows, mixed, solve

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


def test_beliefs_are_weighed_by_how_likely_they_make_the_frames() -> None:
    """The probability of all frames under each belief, its unknowns integrated out: another route to the same weights."""
    slope, sigma, predicted, before = RANDOM.standard_normal((12, 2)), 0.5, np.ones(12), [0.7, 0.3]
    measured = predicted + slope @ [0.4, -0.3] + sigma * RANDOM.standard_normal(12)
    rows, beliefs = Rows(measured, np.full(12, sigma), predicted, slope), (np.full(2, 0.1), np.full(2, 1.0))
    found = [solve(rows, np.zeros(2), one) for one in beliefs]
    both, weight = mixed(found, np.array([one.cost + one.volume for one in found]), before)
    covariances = [
        sigma**2 * np.eye(12) + (slope * one**2) @ slope.T + SCALE_SIGMA**2 * np.outer(predicted, predicted)
        for one in beliefs
    ]
    likely = np.array([multivariate_normal(predicted, one).pdf(measured) for one in covariances]) * before
    assert 0.02 < weight[0] < 0.98
    assert_close(weight, likely / likely.sum(), rel=1e-9)
    move = weight @ [one.move for one in found]
    assert_close(both.move, move, rel=1e-12)
    spread = sum(w * (np.diag(one.covariance) + (one.move - move) ** 2) for w, one in zip(weight, found, strict=True))
    assert_close(np.diag(both.covariance), spread, rel=1e-9)
