"""Chosen frames and repeated scans, on information small enough to be written out."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.inference.design.cell import PHOTONS, FrameNoise, noise_of, unknowns
from electrosaxs.inference.design.frames import RIDGE, Candidates, Frames, best_frames, repeats

FOUR = Frames(np.arange(4), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))


def candidates(past: float = 0.0) -> Candidates:
    """Two parameters: the lower height tells of both, the upper one of the second only, later frames tell more."""
    vectors = np.zeros((9, 2, 1, 2))
    grows = 1.0 + np.arange(9)
    vectors[:, 0, 0], vectors[:, 1, 0, 1] = np.stack([grows, 2.0 * np.ones(9)], axis=1), 3.0
    return Candidates(vectors, past * np.eye(2), 0)


def test_variance_is_the_place_on_the_diagonal_of_the_inverse() -> None:
    found = candidates(0.5)
    chosen = [found.vectors[s, level, 0] for s, level in zip(FOUR.slot, FOUR.level, strict=True)]
    information = sum(np.outer(v, v) for v in chosen) + (0.5 + RIDGE) * np.eye(2)
    assert_close(found.variance(found.gathered(FOUR)), np.linalg.inv(information)[0, 0], rel=1e-9)


def test_one_more_frame_lowers_the_variance_by_what_is_promised() -> None:
    found, before = candidates(0.5), np.diag([0.7, 0.3]) + 0.1
    vector = found.vectors[3, 0]
    after = np.linalg.inv(np.linalg.inv(before) + vector.T @ vector)
    assert_close(found.fall(before, vector), before[0, 0] - after[0, 0], rel=1e-9)


def test_repeated_scans_reach_the_variance_that_was_asked_for() -> None:
    found = candidates(0.2)
    once = found.gathered(FOUR)
    for times in (1.7, 40.0):
        assert_close(repeats(found, FOUR, found.variance(times * once)), times, rel=2e-3)
    assert repeats(found, FOUR, 0.0) == np.inf
    assert repeats(found, FOUR, np.inf) == 1.0


def test_chosen_frames_are_later_and_keep_the_order_of_a_stage() -> None:
    found = candidates(0.2)
    best = best_frames(found, FOUR)
    assert found.variance(found.gathered(best)) < 0.5 * found.variance(found.gathered(FOUR))
    assert np.all(np.diff(best.slot) > 0)
    for scan in (0, 1):
        assert np.all(np.diff(best.level[best.scan == scan]) >= 0)


def test_four_times_the_light_halves_the_noise() -> None:
    least, brighter = FrameNoise(), noise_of(4.0 * PHOTONS, 3)
    for name in ("volume_fraction", "diameter", "deviation"):
        assert_close(getattr(brighter, name), 0.5 * getattr(least, name), rel=1e-12)
    assert brighter.reference_frames == 3


@pytest.mark.parametrize("frames", [1, 9])
def test_reference_frames_tell_the_sizes_of_the_start_as_well_as_they_were_counted(frames: int) -> None:
    values = {"diffusivity_scale": 2.0, "starting_diameter": 7.1, "starting_polydispersity": 0.15}
    covariance = np.array([[0.04]])  # of the value 2: a tenth of it
    known = unknowns(
        values, ("diffusivity_scale",), covariance, FrameNoise(diameter=0.02, deviation=0.01, reference_frames=frames)
    )
    assert known.names == ("diffusivity_scale", "starting_diameter", "starting_polydispersity")
    sigma = np.array([0.1, 0.02 / 7.1 / frames**0.5, 0.01 / (0.15 * 7.1) / frames**0.5])
    assert_close(np.diag(known.information), sigma**-2, rel=1e-6)
