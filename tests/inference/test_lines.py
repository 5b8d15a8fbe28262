"""A line through points with errors in both axes: published solution, pulls, counts, shared errors, points that scatter."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import FitError
from electrosaxs.inference.lines import PowerCounts, PowerValues, Values, interpolation, line_through, one_sigma, within

FIELDS = np.log([14.0, 28.0, 57.0, 86.0])
SIX = np.log([20.0, 40.0, 60.0, 80.0, 100.0, 120.0])
SEEDS = 60


def pulls(draw, true):
    """(slope - true) / sigma over seeds: their standard deviation must lie from 0.8 to 1.2, their mean near 0."""
    rng = np.random.default_rng(5)
    found = [line_through(x, seen, x_covariance=c) for x, seen, c in (draw(rng) for _ in range(SEEDS))]
    return np.array([(line.slope - true) / line.slope_sigma for line in found])


def assert_fair(found):
    assert abs(found.mean()) < 3.0 / np.sqrt(SEEDS)
    assert 0.75 < found.std() < 1.25


def test_the_line_of_york_is_found_through_the_points_of_pearson():
    """York et al. 2004, Table III: slope -0.480533, intercept 5.479910, S 11.866353; sigma of the slope 0.0576 to 0.058.

    S per degree of freedom is 1.48: the scatter that points have beyond their sigmas is taken out of the comparison."""
    x = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
    y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
    of_x = np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1.0])
    of_y = np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500])
    more = 1.5**0.5  # sigmas with which S falls below 8 and nothing is added
    line = line_through(x, Values(y, more * of_y**-0.5), x_covariance=np.diag(more**2 / of_x))
    assert line.scatter == 0.0
    assert_close(line.slope, -0.480533, rel=2e-5)
    assert_close(line.intercept - line.slope * line.centre, 5.479910, rel=2e-5)
    assert_close(line.chi_squared, 11.866353 / 1.5, rel=1e-4)
    assert_close(line.slope_sigma, more * 0.0580, rel=0.01)


def test_exponents_of_fluxes_have_a_true_sigma():
    def draw(rng):
        sigma = np.array([0.15, 0.08, 0.06, 0.06])
        flux = np.exp(1.75 * FIELDS) * (1.0 + sigma * rng.normal(size=4))
        return FIELDS + 0.05 * rng.normal(size=4), PowerValues(flux, sigma * np.abs(flux)), np.diag(np.full(4, 0.05**2))

    assert_fair(pulls(draw, 1.75))


def test_exponents_of_few_counts_have_a_true_sigma():
    def draw(rng):
        counts = rng.poisson(2.5 * np.exp(1.3 * (SIX - SIX[0]) + 0.1 * rng.normal(size=6))).astype(float)
        return SIX, PowerCounts(counts, np.ones(6), np.full(6, 0.01)), None

    assert_fair(pulls(draw, 1.3))


def test_an_error_that_all_points_share_does_not_tilt_the_line():
    """Fluxes interpolated from the same run are wrong together: the slope is as well known as without, the level is not."""
    y, alone = np.exp(0.8 * SIX), 0.05**2 * np.eye(6)
    seen = PowerValues(y, 0.05 * y)
    own, both = (line_through(SIX, seen, x_covariance=c) for c in (alone, alone + 0.3**2))
    assert_close(both.slope_sigma, own.slope_sigma, rel=1e-3)
    assert both.covariance[0, 0] > 10.0 * own.covariance[0, 0]


def test_points_that_scatter_beyond_their_sigmas_widen_the_sigma():
    y = np.exp(1.75 * FIELDS) * np.array([1.1, 0.9, 1.1, 0.9])
    line = line_through(FIELDS, PowerValues(y, 0.001 * y))
    assert 0.05 < line.scatter < 0.3
    assert line.slope_sigma > 20.0 * 0.001
    few = np.array([40.0, 20.0, 160.0, 400.0])
    counted = line_through(FIELDS, PowerCounts(few, np.ones(4), np.zeros(4)))
    assert 0.1 < counted.scatter < 3.0
    assert counted.slope_sigma > 2.0 / np.sqrt(few @ (FIELDS - np.average(FIELDS, weights=few)) ** 2)


def test_no_island_at_all_is_a_measurement():
    """Without the empty field the exponent would be that of the two others, 1; with it the density rises more steeply."""
    x = np.log([10.0, 40.0, 80.0])
    line = line_through(x, PowerCounts(np.array([0.0, 20.0, 40.0]), np.ones(3), np.zeros(3)))
    assert line.slope > 1.1


def test_a_line_needs_two_places():
    with pytest.raises(FitError, match="two places"):
        line_through(np.array([2.0, 2.0]), Values(np.ones(2), np.ones(2)))


def test_between_runs_a_straight_line_and_beyond_them_nothing():
    weights, inside = interpolation(np.array([1.5, 3.0, 3.01, 3.5]), np.array([1.0, 2.0, 3.0]), alike=0.02)
    assert inside.tolist() == [True, True, True, False]
    assert_close(weights[:3], np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), rel=1e-12)


def test_a_scatter_that_few_points_tell_is_hardly_known():
    """Fluxes scatter by a fifth, their sigma is a twentieth: that of the exponent holds 68 % of 150 campaigns, of three and of
    four fields; without Student's factor it would hold half of them."""
    for fields in (FIELDS[1:], FIELDS):
        rng = np.random.default_rng(11)
        found = []
        for _ in range(150):
            true = np.exp(1.76 * (fields - fields.mean()))
            flux = true * np.exp(0.2 * rng.normal(size=len(fields))) + 0.05 * true * rng.normal(size=len(fields))
            line = line_through(fields, PowerValues(flux, 0.05 * true))
            found.append(abs(line.slope - 1.76) / line.slope_sigma)
        assert 0.58 < np.mean(np.array(found) < 1.0) < 0.78
    pair = line_through(FIELDS, Values(np.array([0.0, 1.0, 0.0, 1.0]), np.full(4, 1e-3)))
    assert_close(pair.tails, 2.0, rel=1e-3)  # nothing but scatter, of four points about a line
    assert_close(one_sigma(1.0), np.tan(0.5 * np.pi * 0.6826895), rel=1e-6)  # Cauchy
    # of Student's t with two degrees: w / sqrt(2 + w^2)
    assert_close(within(2.0 * one_sigma(pair.tails), pair.tails), 0.8824, rel=1e-3)


def test_a_low_point_weighs_no_more_than_a_high_one():
    """Points scatter by factors: a fifth pulls the middle of five equal ones down as five times pulls it up."""
    x = np.log([10.0, 20.0, 30.0, 40.0, 50.0])

    def middle(factor: float) -> float:
        y = np.array([1.0, 1.0, factor, 1.0, 1.0])
        line = line_through(x, PowerValues(y, 0.01 * y))
        return line.intercept + line.slope * (x.mean() - line.centre)

    assert -np.log(5.0) / 4.0 < middle(0.2) < 0.0 < middle(5.0) < np.log(5.0) / 2.0
