"""A drift that no scan tells is told by all frames together, whoever it is that drifts."""

import numpy as np
import pytest

from electrosaxs.analysis.concentration.scaled_frames import Measure
from electrosaxs.analysis.concentration.slow_drift import SlowDrift, slow_drift

SHAPE = (6, 8)
TIME = 20.0 + 150.0 * np.arange(6)[:, None] + 15.0 * np.arange(8)
START = 0.21
DEPTH = START * np.maximum(1.0 + np.outer(np.arange(6), [2.0, 1.0, 0.4, 0.1, 0.0, 0.0, 0.0, -0.19]), 0.02)
LIGHT, SOLVENT, BULK = 3e-4 + 4e-3 * np.maximum(DEPTH - START, 0.0), np.full(SHAPE, 2.5e-3), np.full(SHAPE, 6e-4)


def drift(
    light: float = 0.0, monitor: float = 0.0, *, seed: int = 2, bulk: bool = True, understated: float = 1.0
) -> SlowDrift:
    """understated: times that the values scatter more than their sigmas say."""
    random, u = np.random.default_rng(seed), TIME / TIME.max()
    share = light + monitor
    nothing_arrived = np.isin(np.arange(8), [4, 5, 6]) & bulk
    seen = u * (light * (1.0 - DEPTH) - monitor * DEPTH) + 2e-4 + LIGHT * random.standard_normal(SHAPE)
    level = np.where(nothing_arrived, -u * share + 1e-4 + BULK * random.standard_normal(SHAPE), np.nan)
    solvent = u * share + SOLVENT * random.standard_normal(SHAPE)
    return slow_drift(
        *(Measure(x, sigma / understated) for x, sigma in ((seen, LIGHT), (solvent, SOLVENT), (level, BULK))), DEPTH,
        time_s=TIME, start_depth=START, start_sigma=3e-4,
    )  # fmt: skip


@pytest.mark.parametrize(("light", "monitor"), [(0.003, 0.0), (0.0, 0.003), (0.0, -0.003)])
def test_a_drift_of_a_third_of_a_per_cent_is_told(light: float, monitor: float) -> None:
    found = drift(light, monitor)
    assert found.told
    assert abs(found.size - light - monitor) < 3.0 * found.sigma
    off = found.of_phi(TIME)
    assert np.sign(off[-1, -1]) == -np.sign(light + monitor)
    assert 0.0025 < abs(off[-1, -1]) < 0.0037
    assert abs(off[0, 0]) < 2e-4


def test_without_a_bulk_depths_and_solvent_still_say_something() -> None:
    assert 3e-4 < drift(bulk=False).sigma < 2e-3


def test_its_sigma_is_honest_and_a_clean_run_has_no_drift() -> None:
    found = [drift(seed=seed) for seed in range(40)]
    pulls = np.array([one.size / one.sigma for one in found])
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.3
    assert not any(one.told for one in found)
    assert not np.any(found[0].of_phi(TIME))


def test_values_that_scatter_more_than_they_say_make_its_sigma_wider() -> None:
    pulls = [one.size / one.sigma for one in (drift(seed=seed, understated=3.0) for seed in range(40))]
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.7
