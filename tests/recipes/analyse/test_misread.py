"""A single frame whose phi the scans before and after do not foretell has what it is off by in its sigma, and stays."""

from types import SimpleNamespace

import numpy as np
import pytest

from electrosaxs.recipes.analyse.misread import _alone_in_time

SHAPE, START, NOISE = (8, 6), 1e-3, 3e-4
TIME = 90.0 * np.arange(8.0)[:, None] + 10.0 * np.arange(6.0)
TREND = 2e-6 * (TIME - 300.0) * np.linspace(1.0, -1.0, 6)  # what the layer's model misses is smooth in time


def seen(off: dict[tuple[int, int], float], *, seed: int = 0, crystals_from: int = 8) -> SimpleNamespace:
    rest = TREND + NOISE * np.random.default_rng(seed).standard_normal(SHAPE)
    for place, size in off.items():
        rest[place] += size
    fraction = np.zeros(SHAPE)
    fraction[crystals_from:, 0] = 0.2
    return SimpleNamespace(
        layer=SimpleNamespace(logarithm=np.zeros(SHAPE)), phi=START * np.exp(rest), logarithm=rest,
        relative=np.full(SHAPE, NOISE), run=SimpleNamespace(solution=SimpleNamespace(volume_fraction=START)),
        known=np.ones(SHAPE, dtype=bool),
        cut=np.arange(6) < 1, fraction=fraction, grid=SimpleNamespace(time=TIME),
    )  # fmt: skip


NOBODY = np.zeros(SHAPE, dtype=bool)


def test_frames_as_they_should_be_have_nothing_more_in_their_sigma() -> None:
    said = [_alone_in_time(seen({}, seed=seed), NOBODY)[1] for seed in range(30)]  # type: ignore[arg-type]
    assert sum(bool(words) for words in said) == 0


@pytest.mark.parametrize("size", [0.006, -0.02])
def test_two_single_frames_have_what_they_are_off_by(size: float) -> None:
    found, words = _alone_in_time(seen({(3, 4): size, (5, 2): size}), NOBODY)  # type: ignore[arg-type]
    assert np.argwhere(found).tolist() == [[3, 4], [5, 2]]
    assert np.all(np.abs(np.asarray(found)[[3, 5], [4, 2]] - abs(size)) < 4.0 * NOISE)
    assert words[0].startswith("phi of 2 frame(s) is not what the scans before and after say")


def test_what_stays_is_no_single_frame_and_crystals_are_not_asked() -> None:
    step = {(scan, 3): 0.01 for scan in range(4, 8)}
    assert not np.any(_alone_in_time(seen(step), NOBODY)[0])  # type: ignore[arg-type]
    assert not np.any(_alone_in_time(seen({(6, 3): 0.02}, crystals_from=5), NOBODY)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [(0, 3), (7, 3), (1, 3), (6, 3), (4, 0)])
def test_the_first_and_the_last_scan_and_the_height_at_the_anode_are_asked_too(place: tuple[int, int]) -> None:
    found, _ = _alone_in_time(seen({place: 0.006}, seed=2), NOBODY)  # type: ignore[arg-type]
    assert np.argwhere(found).tolist() == [list(place)]
    assert np.asarray(found)[place] == pytest.approx(0.006, abs=6.0 * NOISE)


def test_one_that_is_off_does_not_hide_another_of_its_height() -> None:
    found, _ = _alone_in_time(seen({(1, 3): 0.004, (5, 3): 0.004}), NOBODY)  # type: ignore[arg-type]
    assert np.argwhere(found).tolist() == [[1, 3], [5, 3]]


def test_what_bends_in_time_is_no_single_frame() -> None:
    """A layer that is thin yet is followed worst in the first scans."""
    bends = {(scan, height): 0.03 * np.exp(-1.5 * scan) for scan in range(8) for height in (0, 1)}
    assert not np.any(_alone_in_time(seen(bends), NOBODY)[0])  # type: ignore[arg-type]
