"""A knife edge that is broader than the beam: the anode is not at one height for all of it."""

import numpy as np
from closeness import assert_close

from electrosaxs.physics.beam import beam_deviation, share_above
from electrosaxs.reduction.alignment import anode_height_from_alignment
from electrosaxs.reduction.edge_spread import edge_spread, height_of_a_broad_edge

HEIGHT = np.arange(-96.7, 104.0, 10.0)


def edge(spread: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    light = 0.6 * share_above(HEIGHT, float(np.hypot(beam_deviation(34.0), spread)))
    return light * (1.0 + 2e-4 * random.standard_normal(HEIGHT.size)) + 1e-6 * random.standard_normal(HEIGHT.size)


def test_what_broadens_the_edge_beyond_the_beam_is_found_within_its_sigma() -> None:
    pulls = []
    for seed in range(8):
        found = edge_spread(HEIGHT, edge(3.0, seed), fwhm_um=34.0, path_um=1e4)
        pulls.append((found.value - 3.0) / found.sigma)
        assert found.sigma < 0.02
        assert "broader than the beam, as if 1 mrad" in found.source
    assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.7


def test_a_sharp_edge_is_as_sharp_as_the_beam() -> None:
    found = edge_spread(HEIGHT, edge(0.0, 1), fwhm_um=34.0, path_um=1e4)
    assert found.value < 0.4
    assert "as sharp as the beam" in found.source
    assert "not included: error of the beam width" in found.source


def test_a_beam_that_is_not_well_known_tells_no_small_spread() -> None:
    """1 % of the width of a beam of 14.4 um is as much as an edge of 2 um."""
    found = edge_spread(HEIGHT, edge(0.0, 1), fwhm_um=34.0, path_um=1e4, fwhm_sigma_um=0.34)
    assert 0.8 < found.value < 2.5
    wide = edge_spread(HEIGHT, edge(10.0, 1), fwhm_um=34.0, path_um=1e4, fwhm_sigma_um=0.34)
    assert_close(wide.value, 10.0, rel=0.03)
    assert_close(wide.sigma, beam_deviation(34.0) ** 2 * 0.01 / 10.0, rel=0.05)


def test_an_edge_without_noise_is_known_as_well_as_a_photodiode_tells_it() -> None:
    """1e-5 of the light, as of digits that a table cuts off, is no broad edge; 2e-4 of it is the diode's."""
    light = np.round(0.6 * share_above(HEIGHT, beam_deviation(34.0)), 5)
    found = edge_spread(HEIGHT, light, fwhm_um=34.0, path_um=1e4)
    assert 0.05 < found.sigma < 0.5
    assert "as sharp as the beam" in found.source
    broad = edge_spread(
        HEIGHT, 0.6 * share_above(HEIGHT, float(np.hypot(beam_deviation(34.0), 3.0))), fwhm_um=34.0, path_um=1e4
    )
    assert abs(broad.value - 3.0) < broad.sigma < 0.02


def test_frames_beside_the_edge_tell_nothing() -> None:
    assert edge_spread(HEIGHT[:3], HEIGHT[:3], fwhm_um=34.0, path_um=1e4).value is None
    assert edge_spread(HEIGHT, np.full(HEIGHT.size, 0.6), fwhm_um=34.0, path_um=1e4).value is None


def test_an_edge_sharper_than_the_stated_beam_is_no_spread_and_says_what_beam_it_is_of() -> None:
    found = edge_spread(HEIGHT, edge(0.0, 1), fwhm_um=36.0, path_um=1e4)
    assert 0.0 <= found.value < 0.1
    assert "sharper than the stated beam allows, as one of 34 um would see it" in found.source


def test_the_height_of_a_wavy_anode_is_that_of_the_mean_of_its_lines_within_its_sigma() -> None:
    """Lines across the beam at heights of their own, not even about their mean: with the beam's own width the tail is taken for
    the edge."""
    pulls, sharp_pulls = [], []
    for seed in range(12):
        random = np.random.default_rng(seed)
        lines = 2.0 * random.standard_normal(7)
        light = np.mean([share_above(HEIGHT - line, beam_deviation(34.0)) for line in lines - lines.mean()], axis=0)
        light = 0.6 * light * (1.0 + 2e-4 * random.standard_normal(HEIGHT.size)) + 1e-6 * random.standard_normal(
            HEIGHT.size
        )
        spread = edge_spread(HEIGHT, light, fwhm_um=34.0, path_um=1e4)
        sharp = anode_height_from_alignment(HEIGHT, light, fwhm_um=34.0)
        found = height_of_a_broad_edge(HEIGHT, light, fwhm_um=34.0, sharp=sharp, spread=spread)
        pulls.append(found.value / found.sigma)
        sharp_pulls.append(sharp.value / sharp.sigma)
    assert np.sqrt(np.mean(np.square(pulls))) < 1.4
    assert np.sqrt(np.mean(np.square(sharp_pulls))) > 3.0
    assert "broader than the beam" in found.source


def test_an_even_edge_stays_as_the_beam_sees_it() -> None:
    light = edge(0.0, 2)
    sharp = anode_height_from_alignment(HEIGHT, light, fwhm_um=34.0)
    spread = edge_spread(HEIGHT, light, fwhm_um=34.0, path_um=1e4)
    assert height_of_a_broad_edge(HEIGHT, light, fwhm_um=34.0, sharp=sharp, spread=spread) is sharp
