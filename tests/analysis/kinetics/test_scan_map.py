import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrosaxs.analysis.kinetics.scan_map import scan_map
from electrosaxs.errors import ShapeError

STEPS = np.array([0.0, 50.0, 100.0, 150.0, 400.0, 1000.0])


def run_of(heights):
    heights = np.asarray(heights, dtype=float)
    return heights, 5.0 * np.arange(heights.size), np.ones(heights.size, dtype=bool)


def test_scans_from_the_anode_upwards_fill_the_map_row_by_row():
    heights, time, used = run_of(np.tile(STEPS, 4))
    found = scan_map(heights, time, used)
    assert found.n_scans == 4
    np.testing.assert_array_equal(found.heights, STEPS)
    np.testing.assert_array_equal(found.time, time.reshape(4, -1))
    assert found.measured.all()


def test_a_scan_down_begins_where_the_turning_height_comes_twice():
    heights, time, used = run_of(np.concatenate([STEPS, STEPS[::-1], STEPS]))
    found = scan_map(heights, time, used)
    assert found.n_scans == 3
    np.testing.assert_array_equal(found.time[1], time[6:12][::-1])


def test_a_scan_down_without_a_second_exposure_at_the_turn_lacks_one_height():
    heights, time, used = run_of(np.concatenate([STEPS, STEPS[-2::-1], STEPS[1:]]))
    found = scan_map(heights, time, used)
    assert found.n_scans == 3
    np.testing.assert_array_equal(found.measured.sum(axis=1), [6, 5, 5])
    assert np.isfinite(found.time).all()


@pytest.mark.parametrize("exposures", [2, 3])
def test_repeated_exposures_at_each_height_are_interleaved_scans(exposures):
    heights, time, used = run_of(np.tile(np.repeat(STEPS, exposures), 2))
    found = scan_map(heights, time, used)
    assert found.n_scans == 2 * exposures
    assert found.measured.all()
    np.testing.assert_array_equal(found.time[1], time[1 : 6 * exposures : exposures])


def test_repeated_exposures_on_the_way_up_and_down():
    heights, time, used = run_of(np.repeat(np.concatenate([STEPS, STEPS[::-1]]), 2))
    found = scan_map(heights, time, used)
    assert found.n_scans == 4
    assert found.measured.all()


def test_heights_that_are_measured_once_more_on_the_way_make_a_scan_of_their_own():
    heights, time, used = run_of(np.tile(np.repeat(STEPS, [2, 1, 2, 1, 1, 1]), 3))
    found = scan_map(heights, time, used)
    assert found.n_scans == 6
    np.testing.assert_array_equal(found.measured.sum(axis=1), [6, 2] * 3)
    np.testing.assert_array_equal(found.time[2], time[8 + np.array([0, 2, 3, 5, 6, 7])])
    np.testing.assert_array_equal(found.time[3, [0, 2]], time[8 + np.array([1, 4])])
    np.testing.assert_allclose(found.time[3] - found.time[2], 5.0)  # what was not measured is of the same minute


@pytest.mark.parametrize("repeated", [0, 5])
def test_a_height_measured_twice_where_the_stage_flies_back_is_no_turn(repeated):
    times = np.ones(6, dtype=int)
    times[repeated] = 2
    heights, time, used = run_of(np.tile(np.repeat(STEPS, times), 3))
    found = scan_map(heights, time, used)
    rows = found.measured.sum(axis=1)
    assert (rows == 6).sum() == 3
    assert rows.sum() == heights.size


def test_scans_in_any_order_of_heights_are_whole_scans():
    random = np.random.default_rng(3)
    heights, time, used = run_of(np.concatenate([random.permutation(STEPS) for _ in range(4)]))
    assert scan_map(heights, time, used).measured.sum(axis=1).tolist() == [6, 6, 6, 6]


def test_an_unfinished_last_scan_leaves_holes_with_finite_times():
    heights, time, used = run_of(np.tile(STEPS, 3)[:-2])
    found = scan_map(heights, time, used)
    assert found.measured[-1].tolist() == [True] * 4 + [False] * 2
    np.testing.assert_allclose(found.time[-1, -2:], time[10:12] + 30.0)


def test_a_bad_frame_keeps_its_place_and_leaves_a_hole():
    heights, time, used = run_of(np.tile(STEPS, 3))
    used[8] = False
    found = scan_map(heights, time, used)
    values = found.to_map(np.arange(18.0))
    assert np.isnan(values[1, 2])
    assert np.isfinite(values).sum() == 17
    assert (found.scan[8], found.height_index[8]) == (1, 2)
    assert found.time[1, 2] == time[8]


def test_a_frame_that_was_never_taken_gets_the_time_between_its_neighbours():
    heights, time, used = (np.delete(column, 8) for column in run_of(np.tile(STEPS, 3)))
    found = scan_map(heights, time, used)
    assert not found.measured[1, 2]
    np.testing.assert_allclose(found.time[1, 2], 40.0)


def test_frames_without_time_have_no_place():
    heights, time, used = run_of(np.tile(STEPS, 2))
    time[3] = np.nan
    found = scan_map(heights, time, used)
    assert found.scan[3] == -1
    assert np.isnan(found.to_map(np.ones(12))[0, 3])


def test_a_stage_that_reads_back_with_jitter_still_has_the_same_heights():
    heights, time, used = run_of(np.tile(STEPS, 20))
    jitter = np.random.default_rng(1).normal(0.0, 0.3, heights.size)
    found = scan_map(heights + jitter, time, used)
    assert found.heights.size == STEPS.size
    np.testing.assert_allclose(found.heights, STEPS, atol=0.3)


def test_steps_of_a_micrometre_stay_apart():
    heights, time, used = run_of(np.tile(np.arange(0.0, 40.0), 3))
    assert scan_map(heights, time, used).heights.size == 40


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 8), st.integers(2, 6), st.randoms(use_true_random=False))
def test_the_order_of_the_table_does_not_matter(heights, scans, random):
    z, time, used = run_of(np.tile(np.linspace(0.0, 900.0, heights), scans))
    order = list(range(z.size))
    random.shuffle(order)
    shuffled = scan_map(z[order], time[order], used[order])
    np.testing.assert_array_equal(shuffled.to_map(time[order]), time.reshape(scans, heights))


def test_vectors_per_frame_become_maps_of_vectors():
    found = scan_map(*run_of(np.tile(STEPS, 2)))
    assert found.to_map(np.ones((12, 7))).shape == (2, 6, 7)
    with pytest.raises(ShapeError, match="one value per frame"):
        found.to_map(np.ones(11))


def test_no_frame_with_a_place_is_an_error():
    with pytest.raises(ShapeError, match="height and a time"):
        scan_map([np.nan], [0.0], [True])
