"""Once crystals have begun: what frames and lines see of them, and how far their solubility may change."""

from types import SimpleNamespace

import numpy as np
import pytest
from closeness import assert_close
from scipy.stats import norm, t

from electrosaxs.control.hold.after_onset import SCALES, TAIL, after_onset, cost_of_walk
from electrosaxs.control.hold.least_squares import Rows
from electrosaxs.control.hold.seen_crystals import SEEN, SHARES, SeenCrystals

WIDTH, ERROR = 0.02, 0.01


def found(measured: float) -> tuple[float, float]:
    """The change of a solubility that a frame has measured, with ERROR, and its sigma; what crystals show has no part in it."""
    run = SimpleNamespace(
        x=np.zeros(1), belief=SimpleNamespace(walk=slice(0, 1), by_news=lambda *_: np.eye(1), sigma=np.array([WIDTH])),
        believed=lambda: (np.zeros(1), np.array([WIDTH])), room=lambda: (np.full(1, -9.0), np.full(1, 9.0)),
        walked=np.ones(1, dtype=bool), news=lambda _: np.zeros(1),
    )  # fmt: skip
    slope = np.concatenate([np.ones((1, 1)), np.zeros((1, SHARES.size))], axis=1)
    rows = Rows(np.array([measured]), np.array([ERROR]), np.zeros(1), slope)
    solution, shares = after_onset(lambda _: rows, run, 1.0, np.zeros(SHARES.size))  # type: ignore[arg-type]
    assert_close(shares, 0.0, rel=0.0, floor=1e-12)
    return float(solution.move[0]), float(np.sqrt(solution.covariance[0, 0]))


def integrated(measured: float) -> tuple[float, float]:
    """The same by sums over Student's distributions."""

    x = np.linspace(-0.1, 0.1, 20001) + measured
    prior = sum(p * t(TAIL, scale=s * WIDTH).pdf(x) for s, p in SCALES.items())
    weight = prior * norm(x, ERROR).pdf(measured)
    mean = float(x @ weight / weight.sum())
    return mean, float(np.sqrt((x - mean) ** 2 @ weight / weight.sum()))


@pytest.mark.parametrize("measured", [0.0, 0.02, 0.03, 0.08])
def test_one_change_may_be_large_and_others_small(measured: float) -> None:
    """A normal distribution of that width would take a fifth of the large one away."""
    (mean, sigma), (right, spread) = found(measured), integrated(measured)
    assert_close(mean, right, rel=0.05, floor=1e-9)
    assert_close(sigma, spread, rel=0.15)


def test_what_a_walk_costs_is_by_the_same_distribution() -> None:
    """A normal one of the belief's own width called a run worse that had come to where the frames are."""
    belief = SimpleNamespace(walk=slice(0, 2), sigma=np.array([WIDTH, WIDTH]))
    for news in ([0.0, 0.0], [0.01, -0.08]):
        run = SimpleNamespace(belief=belief, news=lambda _, news=news: np.array(news))
        heights = {s: np.prod(t(TAIL).pdf(np.array(news) / (s * WIDTH)) / t(TAIL).pdf(0.0)) for s in SCALES}
        right = -2.0 * np.log(sum(p * heights[s] for s, p in SCALES.items()))
        assert_close(cost_of_walk(run), float(right), rel=1e-9, floor=1e-12)  # type: ignore[arg-type]


def seen_with(shares: np.ndarray, x: float) -> tuple[Rows, Rows]:
    """Frames and lines against crystals that grow with the unknown `x`."""
    by_x = 1e-4 * np.array([0.0, 1.0, 3.0, 5.0])
    crystals = 1e-3 * np.array([0.0, 1.0, 2.0, 4.0]) + x * by_x
    lines = np.array([[np.nan, 4e-4, np.nan, 2e-3], [np.nan, 4e-6, np.nan, 4e-6]])
    near = np.array([False, True, True, True])
    seen = SeenCrystals(crystals, by_x[:, None], near, lines, shares)
    rows = Rows(np.full(4, 0.01), np.array([1e-4, np.inf, np.inf, np.inf]), np.full(4, 0.008), np.zeros((4, 1)))
    return seen.against(rows, np.full(4, 1e-4), 0.1), seen.against_lines()


def test_what_is_seen_of_crystals_has_the_derivatives_that_it_says() -> None:
    """By the run's unknown and by what shows; the most grown stays so."""
    here, step = np.array([0.2, -0.1, 0.3]), 1e-6
    for k in range(2):
        base = seen_with(here, 0.0)[k]
        for column in range(3):
            other = seen_with(here + step * (np.arange(3) == column), 0.0)[k]
            assert_close((base.measured - other.measured) / step, base.slope[:, 1 + column], rel=1e-4, floor=1e-12)
    frames = seen_with(here, 0.0)[0]
    last = SEEN * np.exp(0.2 - 0.1) * 5e-4
    assert_close(frames.slope[3, 0], last, rel=1e-12)
    assert frames.sigma[0] == 1e-4
    assert np.all(frames.sigma[1:] >= 1e-4)


def test_frames_above_the_anode_see_no_crystals() -> None:
    frames, lines = seen_with(np.zeros(3), 0.0)
    assert frames.measured[0] == 0.01
    assert not frames.slope[0].any()
    assert lines.measured.size == 2
