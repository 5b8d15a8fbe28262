"""A beam that moves against the anode changes what passes steadily; a frame that was read wrong, or gas, does not."""

import numpy as np
import pytest
from scipy.special import ndtr

from electrosaxs.analysis.concentration.beam_motion import scatter_of_the_stage, wander
from electrosaxs.analysis.concentration.two_measures import SIGNIFICANT, two_measures
from electrosaxs.recipes.analyse.drift import beam_moves, film_or_beam, moved_um

FWHM = 24.0
SPREAD = FWHM / (8.0 * np.log(2.0)) ** 0.5
HEIGHT = np.array([0.0, 30.0, 60.0, 130.0, 350.0, 900.0])
SCANS = 9
TIME = np.add.outer(90.0 * np.arange(SCANS), 12.0 * np.arange(HEIGHT.size))
CUT = HEIGHT < 35.0
SIGMA = 3e-3


def edge(moved: np.ndarray, wider: np.ndarray | float = 1.0) -> np.ndarray:
    """ln of what passes (scan, height) over what an edge that stands still lets pass."""
    wide = np.broadcast_to(wider, SCANS)[:, None] * SPREAD
    return np.log(ndtr((HEIGHT + moved[:, None]) / wide) / ndtr(HEIGHT / SPREAD))


def measured(light: np.ndarray, seed: int = 3):
    noise = SIGMA * np.random.default_rng(seed).standard_normal(light.shape)
    model = np.full(light.shape, SIGMA)
    return two_measures(light + noise, model, np.zeros(light.shape), time_s=TIME, cut=CUT, wanders=CUT)


@pytest.mark.parametrize("far", [3.0, 12.0, -6.0])
def test_a_beam_that_walks_leaves_no_frame_out_and_is_told_to_a_tenth(far: float) -> None:
    found = measured(edge(np.linspace(0.0, far, SCANS)))
    assert np.nanmax(np.abs(found.significance)) < SIGNIFICANT
    moved = np.ptp([moved_um(float(w), 0.0, FWHM) for w in found.wander[:, 0]])
    assert abs(moved / abs(far) - 1.0) < 0.1
    told, words = beam_moves(found, HEIGHT, FWHM)
    assert told != 0.0
    assert "moves by up to" in words[0]


def test_a_beam_that_widens_shows_where_its_tail_is_cut() -> None:
    found = measured(edge(np.zeros(SCANS), np.linspace(1.0, 2.0, SCANS)))
    assert np.any(found.wander[:, 1] != 0.0)
    assert np.nanmax(np.abs(found.significance)) < SIGNIFICANT


def test_an_edge_that_stands_still_stays_still() -> None:
    for seed in range(40):
        assert not np.any(measured(edge(np.zeros(SCANS)), seed).wander)
        assert not np.any(measured(edge(np.full(SCANS, 4.0)), seed).wander)


@pytest.mark.parametrize("frames", [[3], [4, 5], [7, 8]])
def test_gas_or_a_frame_read_wrong_is_no_path(frames: list[int]) -> None:
    light = edge(np.zeros(SCANS))
    light[frames, 0] += 0.2
    found = measured(light)
    assert not np.any(found.wander)
    assert np.all(found.significance[frames, 0] > SIGNIFICANT)


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_a_stage_that_does_not_come_back_leaves_no_frame_out(spread: float) -> None:
    """1 um of a beam of 24 um is 8 % of what an edge lets pass; six runs of nine scans each, most of which it moves."""
    for seed in range(6):
        turns = np.random.default_rng(40 + seed).permuted(np.linspace(0.4, 1.6, SCANS)) * (-1.0) ** np.arange(SCANS)
        moved = spread * turns
        found = measured(edge(moved), seed)
        assert np.nanmax(np.abs(found.significance)) < SIGNIFICANT
        told, words = beam_moves(found, HEIGHT, FWHM)
        assert 0.3 * np.ptp(moved) < abs(told) < 1.2 * np.ptp(moved)
        assert "goes up and down from scan to scan" in words[0]


def test_gas_in_one_scan_of_a_stage_that_does_not_come_back_is_still_gas() -> None:
    light = edge(np.tile([1.0, -1.0], SCANS)[:SCANS])
    light[5, 0] += 0.6
    assert measured(light).significance[5, 0] > SIGNIFICANT


def test_one_wild_frame_of_a_beam_that_walks_is_still_wild() -> None:
    light = edge(np.linspace(0.0, 6.0, SCANS))
    light[4, 0] += 0.3
    found = measured(light)
    assert found.significance[4, 0] > SIGNIFICANT


def test_a_path_shorter_than_a_micrometre_is_not_told() -> None:
    assert beam_moves(measured(edge(np.linspace(0.0, 0.4, SCANS))), HEIGHT, FWHM) == (0.0, ())


def test_few_scans_tell_no_path() -> None:
    light = edge(np.linspace(0.0, 6.0, SCANS))[:4]
    assert not np.any(wander(light, np.full(light.shape, SIGMA), TIME[:4], CUT))


def test_light_that_stays_away_without_crystals_may_be_a_lower_stage() -> None:
    missing = np.zeros((SCANS, HEIGHT.size))
    missing[5:, 0] = -edge(np.full(SCANS, -12.0))[5:, 0]
    lower, words = film_or_beam(missing, HEIGHT, FWHM)
    assert abs(lower + 12.0) < 1e-6
    assert "from scan 5 on" in words[0]
    assert "12.0 um lower" in words[0]


def test_a_stage_that_does_not_come_back_scatters() -> None:
    rest = edge(np.array([1.0, -1.0, 2.0, -2.0, 1.5, 0.0, -1.5, 1.0, -1.0]))
    assert scatter_of_the_stage(rest, np.full(rest.shape, SIGMA), CUT)[0] > 0.03
    assert np.isinf(scatter_of_the_stage(rest[:2], np.full((2, HEIGHT.size), SIGMA), CUT)[0])
