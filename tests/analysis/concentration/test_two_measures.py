"""Half of the frames may be wrong, and drift, place and slope are still those of the other half."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.concentration.two_measures import TwoMeasures, _distance_to_all, two_measures

RANDOM = np.random.default_rng(4)
SHAPE = (4, 7)
TIME = 30.0 + 500.0 * np.arange(4)[:, None] + 70.0 * np.arange(7)
CUT = np.arange(7) == 0
EXCESS = 0.2 * np.exp(-np.arange(7) / 2.0) * np.arange(1, 5)[:, None] ** 1.5
NOISE = 2e-4 * RANDOM.standard_normal(SHAPE)
MODEL = 3e-4 + 2e-3 * EXCESS


def parts(difference: np.ndarray) -> TwoMeasures:
    return two_measures(difference, MODEL, EXCESS, time_s=TIME, cut=CUT)


def test_a_clean_map_holds_no_contradiction() -> None:
    found = parts(NOISE)
    assert np.max(np.abs(found.significance)) < 4.0
    assert np.max(np.abs(found.drift)) < 5e-4
    assert 1e-4 <= found.noise < 4e-4


def test_a_drift_that_all_heights_share_is_found_within_each_scan() -> None:
    drift = 0.01 * TIME / TIME.max()
    found = parts(NOISE + drift)
    assert np.max(np.abs(found.drift - drift)) < 8e-4
    assert np.nanmax(np.abs(found.significance)) < 5.5


@pytest.mark.parametrize("size", [0.05, -0.05])
def test_half_of_the_scans_wrong_at_one_height_are_found_and_no_other(size: float) -> None:
    for height in (0, 3, 6):
        wrong = NOISE.copy()
        wrong[1:3, height] += size
        found = parts(wrong + np.where(CUT, 0.002, 0.0))
        assert [tuple(map(int, p)) for p in np.argwhere(np.abs(found.significance) > 5.5)] == [(1, height), (2, height)]


def test_an_edge_that_cuts_the_beam_elsewhere_than_said_is_no_contradiction() -> None:
    found = parts(NOISE + np.where(CUT, 0.3, 0.0))
    assert_close(found.place[0], 0.3, rel=0.01)
    assert np.max(np.abs(found.significance)) < 4.0


def test_frames_with_crystals_do_not_tell_where_the_electrode_is() -> None:
    crystals = CUT & (np.arange(4)[:, None] > 0)
    wrong = NOISE + np.where(CUT, 0.1, 0.0) - np.where(crystals, 0.5 * np.arange(4)[:, None], 0.0)
    found = two_measures(wrong, MODEL, EXCESS, time_s=TIME, cut=CUT, crystals=crystals)
    assert_close(found.place[0], 0.1, rel=0.03)
    assert abs(found.significance[0, 0]) < 4.0
    always = two_measures(wrong, MODEL, EXCESS, time_s=TIME, cut=CUT, crystals=crystals | CUT)
    assert_close(always.place[0], parts(wrong).place[0], rel=1e-12)  # then they are all there is


def test_what_goes_with_phi_is_the_slope() -> None:
    found = parts(NOISE - 0.02 * EXCESS)
    assert_close(found.slope, -0.02, rel=0.3)
    assert np.max(np.abs(found.significance)) < 4.0


def test_three_frames_tell_nothing_of_their_noise() -> None:
    few = np.full(SHAPE, np.nan)
    few[0, 1:4] = [0.0, 1e-3, 0.3]
    assert np.flatnonzero(np.abs(parts(few).significance[0]) > 5.5).tolist() == [3]


@pytest.mark.parametrize("whose", ["monitor", "diode"])
def test_no_frame_of_a_drift_contradicts_itself_however_much_or_little_it_holds(whose: str) -> None:
    start, size = 0.21, -0.05 * TIME / TIME.max()
    depth = start + EXCESS - np.where(np.arange(7) == 6, 0.2, 0.0)
    excess = depth - start
    drift = -size * depth if whose == "monitor" else size * (1.0 - depth)
    found = two_measures(NOISE + drift, MODEL, excess, time_s=TIME, cut=CUT, start_depth=start)
    assert np.nanmax(np.abs(found.significance)) < 4.5
    assert np.max(found.share[:, 0]) > 5.0 if whose == "monitor" else np.min(found.share[:, 0]) < -1.0
    even = two_measures(NOISE + drift, MODEL, excess, time_s=TIME, cut=CUT)
    assert np.std(even.residual[:, 1:]) > 3.0 * np.std(found.residual[:, 1:])


def test_sorted_bends_give_the_distance_to_all_others() -> None:
    value, sigma = RANDOM.normal(scale=0.01, size=300), RANDOM.uniform(1e-4, 0.03, 300)
    pairs = np.minimum(np.abs(value[:, None] - value) / sigma, 3.0).sum(axis=1)
    assert_close(_distance_to_all(value, sigma), pairs, rel=1e-12)
