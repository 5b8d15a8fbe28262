"""What the bulk of the cell says of a drift is what phi is uncertain by."""

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.concentration.bulk_level import BulkLevel
from electrosaxs.recipes.analyse.drift import drift_of_bulk

TIME = 100.0 * np.arange(4)[:, None] + np.array([0.0, 10.0])
SIGMA = 2e-3


def level(change: list[float]) -> BulkLevel:
    return BulkLevel(np.array(change), np.full(4, SIGMA), np.ones((4, 2), dtype=bool))


def test_a_bulk_that_drifts_is_what_phi_is_off_by_with_its_sigma() -> None:
    found, words = drift_of_bulk(level([0.0, -0.01, -0.02, -0.03]), TIME, np.zeros(TIME.shape), ())
    expected = -np.hypot(np.interp(TIME, TIME.mean(axis=1), [0.0, -0.01, -0.02, -0.03]), SIGMA)
    assert_close(found[1:], expected[1:], rel=1e-9)
    assert_close(np.abs(found[0]), np.abs(expected[0]), rel=1e-9)
    assert "by up to -3 %" in words[0]


def test_where_the_transmission_says_that_it_goes_on_it_does() -> None:
    """No bulk after the second scan: the larger of both where they have one sign."""
    bulk = level([0.01, 0.02, np.nan, np.nan])
    drift = np.array([0.0, 0.0, 0.05, -0.05])[:, None] * np.ones(2)
    found, _ = drift_of_bulk(bulk, TIME, drift, ())
    assert_close(found[2], np.hypot(0.05, SIGMA), rel=1e-9)
    assert_close(found[3], np.hypot(0.02, SIGMA), rel=1e-9)


def test_a_bulk_that_stays_leaves_what_was_found() -> None:
    drift = np.full(TIME.shape, 0.01)
    assert drift_of_bulk(level([0.0, 1e-3, 0.0, 1e-3]), TIME, drift, ("words",)) == (drift, ("words",))
