"""Frames whose monitor was read wrong tell what may be wrong with the others, as far as these do not rule it out."""

import numpy as np

from electrosaxs.analysis.concentration.hidden_misreads import Misreads

FRAMES, SEEN = 120, 4.5


def drawn(share: float, spread: float, sigma: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """x of frames, and what they say of it."""
    random = np.random.default_rng(seed)
    wrong = random.random(FRAMES) < share
    x = np.where(wrong, spread * random.standard_normal(FRAMES), 0.0)
    return x, x + sigma * random.standard_normal(FRAMES)


def test_what_is_left_open_is_what_frames_are_off_by() -> None:
    """Forty runs in which one frame in ten is off by 1 %, each known to 0.2 %: those that stay, and those of them that look
    wrong, which are few and told apart."""
    sigma, off, said = np.full(FRAMES, 2e-3), [], []
    for seed in range(40):
        x, told = drawn(0.1, 0.01, 2e-3, seed)
        stays = np.abs(told) < SEEN * sigma
        off.append(x[stays])
        said.append(Misreads.of(told, sigma).left_open(told[stays], sigma[stays]))
    x, open_to = np.concatenate(off), np.concatenate(said)
    for lower in (0.0, 3e-4, 1e-3):
        group = open_to >= lower
        ratio = np.sqrt(np.mean(np.square(x[group]))) / np.sqrt(np.mean(np.square(open_to[group])))
        assert 0.7 < ratio < 1.3, (lower, ratio)


def test_a_few_gross_misreads_leave_little_open_in_the_others() -> None:
    sigma = np.full(FRAMES, 2e-3)
    _, told = drawn(0.0, 0.0, 2e-3, 1)
    told[:3] = 0.23, 0.21, 0.26
    found = Misreads.of(told, sigma)
    assert 0.1 < found.spread < 0.5
    assert found.share < 0.06
    assert np.median(found.left_open(told[3:], sigma[3:])) < 1e-4


def test_a_frame_that_tells_less_is_left_more_open() -> None:
    _, told = drawn(0.1, 0.01, 2e-3, 2)
    found = Misreads.of(told, np.full(FRAMES, 2e-3))
    sharp, blunt = (found.left_open(np.zeros(1), np.array([sigma]))[0] for sigma in (1e-3, 8e-3))
    assert 0.0 < sharp < blunt < found.spread
