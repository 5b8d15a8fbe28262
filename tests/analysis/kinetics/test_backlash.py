"""A stage with play shows as a layer that stands elsewhere in frames approached from above."""

import numpy as np
import pytest

from electrosaxs.analysis.kinetics.backlash import backlash, came_from_above

HEIGHTS = np.array([0.0, 50.0, 100.0, 200.0, 400.0, 1000.0])
PERIOD = 150.0


def alternating(scans: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Time and side (scan, height) of scans up and down in turn."""
    visit = np.arange(HEIGHTS.size)
    place = np.stack([visit if scan % 2 == 0 else visit[::-1] for scan in range(scans)])
    time = 600.0 + PERIOD * np.arange(scans)[:, None] + PERIOD * place / HEIGHTS.size
    above = came_from_above(np.tile(HEIGHTS, scans), time.ravel()).reshape(time.shape)
    return time, above


def layer(time: np.ndarray, heights: np.ndarray) -> np.ndarray:
    return 8e-4 + 2.4e-6 * time * np.exp(-heights / 100.0)


@pytest.mark.parametrize("play", [4.0, -3.0])
def test_the_play_comes_back_from_scans_up_and_down(play: float) -> None:
    time, above = alternating()
    phi = layer(time, HEIGHTS + play * above)
    noisy = phi * (1.0 + 1e-3 * np.random.default_rng(3).standard_normal(phi.shape))
    found = backlash(noisy, np.full(phi.shape, 1e-3), HEIGHTS, time, above)
    assert found.value is not None
    assert abs(found.value - play) < max(4.0 * found.sigma, 0.15 * abs(play))


def test_frames_that_scatter_more_than_they_say_know_the_play_less() -> None:
    time, above = alternating()
    noisy = layer(time, HEIGHTS + 8.0 * above)
    noisy *= 1.0 + 5e-3 * np.random.default_rng(3).standard_normal(noisy.shape)
    honest, boasting = (
        backlash(noisy, np.full(noisy.shape, stated), HEIGHTS, time, above).sigma for stated in (5e-3, 1e-3)
    )
    assert honest is not None
    assert boasting is not None
    assert 0.6 < boasting / honest < 1.6


def test_a_stage_without_play_and_scans_of_one_direction_say_nothing() -> None:
    time, above = alternating()
    noisy = layer(time, HEIGHTS) * (1.0 + 1e-3 * np.random.default_rng(4).standard_normal(time.shape))
    assert "agree" in backlash(noisy, np.full(time.shape, 1e-3), HEIGHTS, time, above).source
    random = np.random.default_rng(5)
    mixed = np.stack([random.permutation(row) for row in time])
    sides = came_from_above(np.tile(HEIGHTS, len(mixed)), mixed.ravel()).reshape(mixed.shape)
    noisy = layer(mixed, HEIGHTS)
    assert backlash(noisy, np.full(time.shape, 1e-3), HEIGHTS, mixed, sides).value is None
    grown = layer(time, HEIGHTS)
    grown[:, 0] *= 1.0 + 0.5 * (time[:, 0] > time[2, 0])  # crystals on the anode, come to from above
    first = np.zeros(time.shape, dtype=bool)
    first[1:, 0] = True
    assert backlash(grown, np.full(time.shape, 1e-3), HEIGHTS, time, first).value is None
    up = np.zeros(time.shape, dtype=bool)
    assert backlash(noisy, np.full(time.shape, 1e-3), HEIGHTS, time, up).value is None


def test_the_side_of_a_frame_is_that_of_the_last_move() -> None:
    heights = np.array([0.0, 50.0, 100.0, 100.0, 50.0, 0.0, 0.0, 50.0])
    assert came_from_above(heights, np.arange(8.0)).tolist() == [False] * 4 + [True] * 3 + [False]
