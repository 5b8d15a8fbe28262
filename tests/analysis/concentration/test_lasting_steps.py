"""phi that steps at one height and stays is told from a bend, from a single frame and from noise."""

import numpy as np
import pytest

from electrosaxs.analysis.concentration.lasting_steps import lasting_steps

SHAPE, NOISE = (8, 4), 7e-4
TIME = 150.0 * np.arange(8.0)[:, None] + 15.0 * np.arange(4.0)
SMOOTH = 3e-6 * (TIME - 500.0) + 2e-9 * np.square(TIME - 300.0)  # what the layer's model misses


def found(off: np.ndarray | float = 0.0, *, seed: int = 0, relative: float = NOISE) -> np.ndarray:
    rest = SMOOTH + off + relative * np.random.default_rng(seed).standard_normal(SHAPE)
    return lasting_steps(rest, TIME, np.full(SHAPE, relative), least=np.array([3.5, 4.5, 4.5, 4.5]))


def from_scan(scan: int, height: int, size: float) -> np.ndarray:
    off = np.zeros(SHAPE)
    off[scan:, height] = size
    return off


@pytest.mark.parametrize(("scan", "size"), [(2, -0.015), (5, -0.015), (6, 0.03)])
def test_a_step_is_found_where_it_is_and_as_large(scan: int, size: float) -> None:
    for seed in range(5):
        level = found(from_scan(scan, 0, size), seed=seed)
        assert np.all(level[:scan] == 0.0)
        assert np.all(np.abs(level[scan:, 0] - size) < 5.0 * NOISE)
        assert not np.any(level[:, 1:])


def test_what_comes_and_goes_is_two_steps() -> None:
    level = found(from_scan(2, 2, -0.02) - from_scan(5, 2, -0.02), seed=3)
    assert np.all(level[2:5, 2] < -0.016)
    assert np.all(np.abs(level[5:, 2]) < 5.0 * NOISE)


def test_noise_bends_and_single_frames_are_no_steps() -> None:
    assert sum(np.any(found(seed=seed)) for seed in range(100)) <= 1
    bend = np.maximum(TIME - 460.0, 0.0) * 1e-4 * (np.arange(4) == 0)
    single = from_scan(4, 1, 0.01) - from_scan(5, 1, 0.01)
    assert (
        sum(np.any(found(bend + single, seed=seed)) for seed in range(40)) <= 2
    )  # noise makes a bend a step once in thirty


def test_a_step_within_the_noise_is_none_and_few_scans_tell_nothing() -> None:
    assert not np.any(found(from_scan(4, 0, -0.015), relative=0.01))
    short = SMOOTH[:5] + from_scan(2, 0, -0.05)[:5]
    assert not np.any(lasting_steps(short, TIME[:5], np.full((5, 4), NOISE), least=np.full(4, 3.5)))
