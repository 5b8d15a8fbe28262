"""Anode height from what the anode cuts out of the beam."""

import re

import numpy as np
import pytest
from closeness import assert_close
from scipy.special import ndtr
from scipy.stats import truncnorm

from electrosaxs.errors import CalibrationError, ShapeError
from electrosaxs.nouns import Number
from electrosaxs.physics.beam import open_beam_centre, open_fraction
from electrosaxs.reduction.alignment import (
    anode_height_from_alignment,
    anode_height_from_scans,
    beam_width_from_alignment,
)

FWHM = 34.0
SPREAD = FWHM / np.sqrt(8.0 * np.log(2.0))


def knife_edge(
    seed: int, frames: int = 21, reach: float = 60.0, h0: float = 3.3, constant: float = 0.005, relative: float = 0.005,
    shut: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    height = np.linspace(-reach, reach, frames)
    light = shut + (0.55 - shut) * ndtr((height - h0) / SPREAD)
    noise = np.random.default_rng(seed).normal(size=frames) * np.hypot(0.55 * constant, light * relative)
    return height, light + noise


@pytest.mark.parametrize("height", [-80.0, -14.0, 0.0, 9.0, 200.0])
def test_light_above_the_edge_is_a_cut_off_gaussian(height: float) -> None:
    """scipy's truncated normal is the second route."""
    cut = truncnorm(-height / SPREAD, np.inf, loc=height, scale=SPREAD)
    assert_close(open_beam_centre(height, FWHM), cut.mean(), rel=1e-6)
    assert_close(open_fraction(height, FWHM), ndtr(height / SPREAD), rel=1e-12)


def test_a_half_blocked_beam_is_read_at_four_fifths_of_its_sigma() -> None:
    assert_close(open_beam_centre(0.0, FWHM), np.sqrt(2.0 / np.pi) * SPREAD, rel=1e-12)
    assert_close(open_fraction(0.0, FWHM), 0.5, rel=1e-12)
    deep = open_beam_centre([-500.0, -300.0], FWHM)
    assert np.all(deep > 0.0)
    assert deep[1] > deep[0]


@pytest.mark.parametrize(
    ("frames", "reach", "constant", "relative", "shut"),
    [
        (25, 60.0, 0.002, 0.02, 0.0),
        (21, 60.0, 0.02, 0.01, 0.03),
        (15, 70.0, 0.03, 0.0, 0.0),
    ],
)
def test_sigma_is_the_scatter_whatever_the_noise(
    frames: int, reach: float, constant: float, relative: float, shut: float
) -> None:
    pulls = []
    for seed in range(200):
        h0 = np.random.default_rng(10_000 + seed).uniform(-10.0, 10.0)
        found = anode_height_from_alignment(
            *knife_edge(seed, frames, reach, h0, constant, relative, shut), fwhm_um=FWHM
        )
        assert found.value is not None
        assert found.sigma is not None
        pulls.append((found.value - h0) / found.sigma)
    assert 0.9 < np.std(pulls) < 1.15
    assert abs(np.mean(pulls)) < 0.3


def test_exact_transmission_gives_a_small_sigma_that_is_not_zero() -> None:
    found = anode_height_from_alignment(*knife_edge(0, constant=0.0, relative=0.0), fwhm_um=FWHM)
    assert isinstance(found, Number)
    assert_close(found.value, 3.3, rel=2e-3)
    assert found.sigma is not None
    assert 1e-4 < found.sigma < 0.02


def test_steps_wider_than_the_beam_leave_the_height_open_by_the_step() -> None:
    """With frames 100 um apart the edge is only known to lie between two of them, less what a beam of 34 um would show."""
    height = np.arange(-350.0, 400.0, 100.0)
    noise = 0.005 * np.random.default_rng(2).normal(size=height.size)
    found = anode_height_from_alignment(height, 0.5 * ndtr(height / SPREAD) + noise, fwhm_um=FWHM)
    assert found.sigma is not None
    assert found.value is not None
    assert 5.0 < found.sigma < 30.0
    assert abs(found.value) < 2.0 * found.sigma


def test_one_wild_frame_and_missing_ones_do_no_harm() -> None:
    for wild in range(21):
        height, light = knife_edge(wild)
        light[wild] = 0.5 - 0.9 * light[wild]
        light[(wild + 7) % 21] = np.nan
        found = anode_height_from_alignment(height, light, fwhm_um=FWHM)
        assert found.value is not None
        assert abs(found.value - 3.3) < 0.6


def test_frames_that_never_see_the_edge_give_none_and_say_why() -> None:
    height, light = knife_edge(1)
    flat = 0.5 + 0.001 * np.random.default_rng(0).normal(size=height.size)
    for h, t, why in (
        (height + 150.0, flat, "no edge"),
        (height[11:], light[11:], "both sides|no edge"),
        (height[:10], light[:10], "both sides"),
        (height[:3], light[:3], "3 usable frames"),
    ):
        found = anode_height_from_alignment(h, t, fwhm_um=FWHM)
        assert found.value is None
        assert re.search(why, found.source)


def test_a_stage_that_counts_the_other_way_is_told_so() -> None:
    height, light = knife_edge(1)
    with pytest.raises(CalibrationError, match="change the sign of height_um"):
        anode_height_from_alignment(-height, light, fwhm_um=FWHM)


def test_lengths_and_beam_are_checked() -> None:
    with pytest.raises(ShapeError, match="lengths"):
        anode_height_from_alignment([1.0, 2.0], [0.1], fwhm_um=FWHM)
    with pytest.raises(ShapeError, match="fwhm_um"):
        open_fraction(0.0, 0.0)


def scans(seed: int, h0: float, densify: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Twelve scans, the solution becoming denser at the anode; expected transmission right up to 3 %."""
    generator = np.random.default_rng(seed)
    heights = np.array([0.0, 50.0, 100.0, 150.0, 300.0, 1000.0, 3000.0])
    height, time = np.tile(heights, 12), np.repeat(np.arange(12), heights.size) / 12.0
    expected = 0.4 * np.exp(-0.2 - densify * time * np.exp(-height / 100.0))
    light = 1.03 * expected * ndtr((height - h0) / SPREAD) * (1.0 + 0.01 * generator.normal(size=height.size))
    return height, light, expected


@pytest.mark.parametrize("densify", [0.0, 0.8])
def test_half_blocked_sample_frames_give_the_height(densify: float) -> None:
    pulls = []
    for seed in range(60):
        h0 = np.random.default_rng(500 + seed).uniform(-10.0, 10.0)
        found = anode_height_from_scans(*scans(seed, h0, densify), fwhm_um=FWHM)
        assert found.value is not None
        assert found.sigma is not None
        pulls.append((found.value - h0) / found.sigma)
    assert 0.7 < np.std(pulls) < 1.3


def test_scans_that_scatter_less_than_a_dense_layer_may_do_not_know_the_anode_better() -> None:
    """UNEVEN of the depth is a bound: frames that happen to agree with a cut beam leave the sigma that it gives."""
    found = []
    for noise in (0.01, 0.0):
        height, light, expected = scans(1, 2.0, 2.0)
        exact = 1.03 * expected * ndtr((height - 2.0) / SPREAD)
        found.append(anode_height_from_scans(height, exact + noise / 0.01 * (light - exact), expected, fwhm_um=FWHM))
    noisy, quiet = (one.sigma for one in found)
    assert noisy is not None
    assert quiet is not None
    assert quiet > 0.5 * noisy


def test_frames_of_a_dense_layer_say_less_about_the_anode() -> None:
    """The same noise: a beam that is not evenly absorbed shows an edge elsewhere, so those frames count less."""
    even, dense = (anode_height_from_scans(*scans(1, 2.0, densify), fwhm_um=FWHM) for densify in (0.0, 2.0))
    assert even.sigma is not None
    assert dense.sigma is not None
    assert dense.sigma > 2.0 * even.sigma


def test_open_frames_alone_do_not_give_a_height() -> None:
    found = anode_height_from_scans(*scans(1, -60.0, 0.8), fwhm_um=FWHM)
    assert found.value is None
    assert "partly blocked" in found.source


def test_the_edge_tells_the_width_of_the_beam_whatever_it_is_said_to_be() -> None:
    pulls = []
    for seed in range(30):
        found = [beam_width_from_alignment(*knife_edge(seed, shut=0.01), fwhm_um=said) for said in (34.0, 20.0, 55.0)]
        values, sigmas = (np.array([getattr(one, name) for one in found]) for name in ("value", "sigma"))
        assert_close(values, np.full(3, values[0]), rel=0.01)
        assert np.all(sigmas < 2.0)
        pulls.append((values[0] - FWHM) / sigmas[0])
    assert abs(np.mean(pulls)) < 0.6
    assert 0.7 < np.std(pulls) < 1.5


def test_where_no_edge_is_seen_no_width_is() -> None:
    height = np.linspace(100.0, 300.0, 15)
    light = 0.55 + 0.002 * np.random.default_rng(1).normal(size=15)
    assert beam_width_from_alignment(height, light, fwhm_um=34.0).value is None


def test_a_transmission_that_belongs_to_other_frames_is_not_called_constant() -> None:
    """The diode's column is six rows late: the frames far below the edge have what passed before the stage went down."""
    height = np.linspace(-40.0, 40.0, 15)
    light = np.roll(0.6 * ndtr(height / 14.4), 6)
    told = anode_height_from_alignment(height, light, fwhm_um=34.0)
    assert told.value is None
    assert "do the rows have the transmission of their own frames?" in told.source
    steady = anode_height_from_alignment(height, 0.6 + 1e-4 * np.cos(7.0 * height), fwhm_um=34.0)
    assert "does not change over the frames" in steady.source
