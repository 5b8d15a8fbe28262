"""One frame with a wrong monitor is found, and nothing else; a smooth map holds none."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.footprint.outlying import against_light

HEIGHT = np.array([12.0, 50.0, 110.0, 180.0, 300.0, 600.0, 1100.0])
TIME = 40.0 + 300.0 * np.arange(6)[:, None] + 12.0 * np.arange(7)
PHI = 8e-4 * (1.0 + 3.0 * np.sqrt(TIME / 900.0) * np.exp(-HEIGHT / 140.0))
SIGMA = np.full(PHI.shape, 5e-4)
NOISE = np.random.default_rng(8).normal(size=PHI.shape)
ABSORBED = (
    230.0 * PHI * (1.0 + 0.02 * np.exp(-HEIGHT / 90.0)) + 2e-3 * NOISE
)  # the light sees a steep profile otherwise
PLACES = [(2, 3), (0, 0), (5, 6), (3, 1)]


def changed(times: float, *places: tuple[int, int]) -> np.ndarray:
    phi = PHI * (1.0 + 5e-4 * NOISE)
    for place in places:
        phi[place] *= times
    return phi


def found(ratio: np.ndarray) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(np.isfinite(ratio))]


def test_a_map_whose_light_differs_from_phi_as_a_whole_holds_no_outlying_voxel() -> None:
    assert found(against_light(changed(1.0), ABSORBED, SIGMA)) == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("times", [2.0, 0.5, 1.3])
def test_a_voxel_that_contradicts_its_transmission_is_found_at_the_edge_of_a_map_too(
    times: float, place: tuple[int, int]
) -> None:
    ratio = against_light(changed(times, place), ABSORBED, SIGMA)
    assert found(ratio) == [place]
    assert_close(ratio[place], times, rel=0.05)


def test_two_frames_in_a_row_are_found_and_a_whole_scan_is_not_called_single_frames() -> None:
    assert found(against_light(changed(1.3, (3, 2), (3, 3)), ABSORBED, SIGMA)) == [(3, 2), (3, 3)]
    scan = [(3, j) for j in range(7)]
    assert found(against_light(changed(1.3, *scan), ABSORBED, SIGMA)) == []


def test_a_noisy_transmission_finds_less_and_nothing_false() -> None:
    noisy = ABSORBED + 0.01 * np.random.default_rng(3).normal(size=PHI.shape)
    assert found(against_light(changed(1.0), noisy, SIGMA)) == []
    assert found(against_light(changed(2.0, (2, 0)), noisy, SIGMA)) == [(2, 0)]
