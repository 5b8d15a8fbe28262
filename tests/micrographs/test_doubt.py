"""What an image cannot tell is said and stands in sigma: where base edges lie beside dark rims, how many islands crowd."""

from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from scipy import ndimage

from electrosaxs.micrographs.density import count_variance
from electrosaxs.micrographs.find import find_islands
from electrosaxs.micrographs.stretch import Stretch
from electrosaxs.nouns.islands import FieldOfView, Scale
from electrosaxs.physics.tetrahedron import depth
from electrosaxs.recipes.islands.detection import Detection
from electrosaxs.recipes.islands.numbers import numbers_of, sample_of

EDGE, SIZE = 46.0, 480


def placed(number: int, apart: float) -> list[tuple[float, float, float]]:
    """Centres and rotations (deg), no two nearer than `apart` px."""
    random = np.random.default_rng(5)
    rows: list[tuple[float, float, float]] = []
    for _ in range(100 * number):
        x, y = random.uniform(0.0, SIZE, 2)
        if len(rows) == number:
            break
        if all(np.hypot(x - a, y - b) > apart for a, b, _ in rows):
            rows.append((x, y, random.uniform(0.0, 120.0)))
    return rows


def looked_at(
    rows: list[tuple[float, float, float]],
    edge: float,
    profile,
    blur: float = 1.0,
    noise: float = 5.0,
    reach: int = 40,
) -> FieldOfView:
    """A field of sharp triangles whose brightness over the substrate is `profile` of the depth in px within an island; `reach`:
    how far (px) from a centre it is not that of the substrate."""
    inside = np.full((SIZE, SIZE), -np.inf)
    for x, y, turn in rows:
        window = np.s_[max(0, int(y) - reach) : int(y) + reach, max(0, int(x) - reach) : int(x) + reach]
        grid = np.stack(np.meshgrid(np.arange(SIZE)[window[1]], np.arange(SIZE)[window[0]]), axis=-1)
        inside[window] = np.maximum(inside[window], depth(grid, x, y, edge, turn, 0.0))
    inside = np.minimum(inside, 20.0)
    image = ndimage.gaussian_filter(90.0 + profile(inside), blur)
    image += np.random.default_rng(6).normal(0.0, noise, image.shape)
    return find_islands(image[..., None], Scale(None, "none"))


@pytest.mark.parametrize(("rim", "width"), [(-90.0, 2.0), (-75.0, 2.0)])
def test_edges_beside_a_dark_rim_are_as_uncertain_as_it_is_wide(rim: float, width: float) -> None:
    """A fringe on the facets: base edges are 6 to 16 % short, the rim is said, sigma holds them, and there is no thickness."""
    view = looked_at(
        placed(22, 75.0),
        EDGE,
        lambda d: np.clip(d + 0.5, 0.0, 1.0) * (50.0 + rim * np.exp(-np.maximum(d, 0.0) / width)),
    )
    numbers = numbers_of(sample_of([view], Detection(0.01, 0.0, 0, 0), 13.2))
    found = numbers["base_edge_mean"]
    assert any("base edges may be up to" in flag for flag in view.flags)
    assert found.value is not None
    assert found.sigma is not None
    assert found.value < 0.96 * EDGE
    assert abs(found.value - EDGE) < 2.0 * found.sigma < 0.5 * EDGE
    assert numbers["island_thickness"].value is None
    assert "rim" in numbers["island_thickness"].source


def test_a_plain_step_and_a_halo_that_fades_are_no_rim() -> None:
    def step(d: np.ndarray) -> np.ndarray:
        return np.clip(d + 0.5, 0.0, 1.0) * 50.0

    def halo(d: np.ndarray) -> np.ndarray:
        return np.where(d < 0.0, -3.0 * np.exp(np.minimum(d, 0.0) / 12.0), 50.0)

    for profile in (step, halo):
        view = looked_at(placed(12, 75.0), EDGE, profile, reach=SIZE)
        assert view.edge_shared == 0.0
        assert np.median([i.edge for i in view.found]) == pytest.approx(EDGE, rel=0.02)


@pytest.mark.parametrize(("blur", "noise"), [(1.0, 1.5), (2.0, 2.5)])
def test_clear_islands_without_a_facet_are_given_none(blur: float, noise: float) -> None:
    """A second step took up what a side's own blur differs by: edges of clear islands were 3 to 6 % long."""
    view = looked_at(placed(22, 75.0), EDGE, lambda d: np.clip(d + 0.5, 0.0, 1.0) * 60.0, blur, noise)
    assert np.median([i.edge for i in view.found]) == pytest.approx(EDGE, rel=0.006)
    assert view.edge_hidden == pytest.approx(2.0 * view.blur)


def test_a_facet_that_blur_hides_is_in_the_sigma_of_base_edges() -> None:
    """2 px of a sixth of the height before a blur of 2 px: the step's middle lies 1.7 px within the base edge."""
    view = looked_at(
        placed(22, 75.0),
        EDGE,
        lambda d: np.clip(d + 0.5, 0.0, 1.0) * 10.0 + np.clip(d - 1.5, 0.0, 1.0) * 50.0,
        2.0,
        4.0,
    )
    found = numbers_of(sample_of([view], Detection(0.01, 0.0, 0, 0), 13.2))["base_edge_mean"]
    assert found.value is not None
    assert found.sigma is not None
    assert found.value < 0.92 * EDGE
    assert abs(found.value - EDGE) < 2.0 * found.sigma < 0.25 * EDGE
    assert "no facet is seen" in found.source


@pytest.mark.parametrize(("height", "fades"), [(0.3, 6.0), (0.2, 10.0), (-0.25, 8.0)])
def test_a_halo_of_charging_is_no_part_of_an_island(height: float, fades: float) -> None:
    """It fades where a facet ends at an edge: edges were 30 to 60 % long without a word."""
    view = looked_at(
        placed(12, 85.0),
        EDGE,
        lambda d: np.where(d < 0.0, 60.0 * height * np.exp(np.minimum(d, 0.0) / fades), 60.0),
        reach=SIZE,
    )
    numbers = numbers_of(sample_of([view], Detection(0.01, 0.0, 0, 0), 13.2))
    found = numbers["base_edge_mean"]
    assert any("a halo fades over" in flag for flag in view.flags)
    assert found.value is not None
    assert found.sigma is not None
    assert abs(found.value - EDGE) < min(2.0 * found.sigma, 0.04 * EDGE)
    assert numbers["island_thickness"].value is None
    assert "halo" in numbers["island_thickness"].source


@pytest.mark.parametrize(("height", "fades", "blur"), [(0.3, 3.0, 2.0), (-0.15, 3.0, 1.0)])
def test_what_may_be_a_halo_of_few_blurs_or_a_facet_is_in_the_sigma(height: float, fades: float, blur: float) -> None:
    """It was taken for a facet: edges 20 to 45 % long, 12 to 30 sigma, without a word."""
    view = looked_at(
        placed(12, 85.0),
        EDGE,
        lambda d: np.where(d < 0.0, 60.0 * height * np.exp(np.minimum(d, 0.0) / fades), 60.0),
        blur=blur,
    )
    numbers = numbers_of(sample_of([view], Detection(0.01, 0.0, 0, 0), 13.2))
    found = numbers["base_edge_mean"]
    assert any("facets or a halo" in flag for flag in view.flags)
    assert found.value is not None
    assert found.sigma is not None
    assert abs(found.value - EDGE) < 2.2 * found.sigma
    assert numbers["island_thickness"].value is None
    assert "not told apart" in numbers["island_thickness"].source


@pytest.mark.parametrize("level", [15.0, 40.0, 100.0])
def test_a_blurred_facet_is_no_halo(level: float) -> None:
    """It ends within a few blurs: a halo was taken off that was none, and edges came out up to a quarter short."""
    view = looked_at(
        placed(12, 85.0), EDGE, lambda d: np.where(d < 0.0, 0.0, np.where(d < 8.0, 60.0 - level, 60.0)), blur=2.0
    )
    assert not any("halo" in flag for flag in view.flags)


@pytest.mark.parametrize(("level", "blur"), [(18.0, 2.2), (9.0, 2.0), (15.0, 2.0)])
def test_tops_within_faint_wide_facets_are_one_island_each(level: float, blur: float) -> None:
    """Three corners and a top were four islands, and the facet a halo: 150 counted for 38, edges 45 % short. A facet is flat
    and ends at an edge, also where outlines follow the top edge and it lies far beyond them."""
    view = looked_at(
        placed(12, 85.0), 60.0, lambda d: np.where(d < 0.0, 0.0, np.where(d < 8.0, level, 60.0)), blur=blur
    )
    edges = [i.edge for i in view.found if i.counts]
    assert len(edges) in (11, 12)  # the frame cuts one
    assert not any("halo" in flag for flag in view.flags)
    assert_close(np.median(edges), 60.0, rel=0.03)


def test_base_edges_of_facets_within_a_halo_are_those_before_it() -> None:
    """Half of facets of 6 px within a halo was taken off with it: edges 28 % short, 8 sigma where the halo is as bright."""
    view = looked_at(
        placed(12, 85.0),
        60.0,
        lambda d: np.where(d < 0.0, 12.0 * np.exp(np.minimum(d, 0.0) / 10.0), np.where(d < 6.0, 40.0, 60.0)),
        reach=SIZE,
    )
    found = numbers_of(sample_of([view], Detection(0.01, 0.0, 0, 0), 13.2))["base_edge_mean"]
    assert any("a halo fades over" in flag for flag in view.flags)
    assert found.value == pytest.approx(60.0, rel=0.05)
    assert found.sigma is not None
    assert abs(found.value - 60.0) < 2.0 * found.sigma
    widths = [(i.edge - i.top_edge) / (2.0 * np.sqrt(3.0)) for i in view.found if np.isfinite(i.top_edge)]
    assert np.median(widths) == pytest.approx(6.0, rel=0.1)


def test_blur_leaves_the_thickness_of_all_islands_open_alike() -> None:
    """Widths are 2 to 3 % short behind a blur of 2 px, where the sigma of the mean was 0.4 %."""
    view = looked_at(
        placed(30, 80.0),
        68.0,
        lambda d: np.where(d < 0.0, 0.0, np.where(d < 8.0, 30.0, 60.0)),
        blur=2.0,
        noise=3.0,
    )
    thick = numbers_of(sample_of([view], Detection(0.01, 0.0, 0, 0), 13.2))["island_thickness"]
    assert thick.value is not None
    assert thick.sigma is not None
    assert abs(thick.value - np.sqrt(8.0) * 8.0) < 2.0 * thick.sigma < 0.08 * thick.value
    assert thick.sigma > 0.015 * thick.value


@pytest.mark.parametrize(("apart", "edge"), [(32.0, 58.0), (40.0, 58.0)])
def test_a_crowd_that_is_miscounted_says_by_how_many(apart: float, edge: float) -> None:
    """Islands that overlap their neighbours: 193 are counted for 130, 126 for 107, with a sigma of 1 or 2 before."""
    rows = placed(130, apart)
    view = looked_at(rows, edge, lambda d: np.clip(d + 0.5, 0.0, 1.0) * np.where(d < 4.0, 75.0, 60.0))
    assert abs(view.expected_count - len(rows)) < 2.0 * np.sqrt(count_variance(view, 0.002))
    assert any("too crowded: the count may be" in flag for flag in view.flags)


def test_islands_that_are_counted_rightly_are_no_crowd() -> None:
    view = looked_at(placed(60, 52.0), EDGE, lambda d: np.clip(d + 0.5, 0.0, 1.0) * 60.0)
    assert view.unseen == 0.0
    assert not view.flags


def test_what_flags_say_against_numbers_is_in_their_quality() -> None:
    """They were good in numbers.json whatever the flags said, and a campaign took them without a word."""
    view = replace(
        looked_at(placed(6, 100.0), EDGE, lambda d: np.where(d < 0.0, 0.0, 60.0)), scale=Scale(400.0, "--um-per-pixel")
    )

    def qualities(*flags: str) -> dict[str, str]:
        numbers = numbers_of(sample_of([replace(view, flags=flags)], Detection(0.01, 0.0, 0, 0), 13.2))
        return {name: one.quality for name, one in numbers.items() if one.value is not None}

    assert set(qualities("faint: islands differ little").values()) == {"good"}
    crowded = qualities("perhaps not triangular, or too crowded: the count may be 9 too high")
    assert crowded["nucleation_density"].startswith("doubtful: image: perhaps not triangular")
    assert crowded["area"] == "good"
    scaled = qualities("scale: base edges of 2e+04 um are not those of islands")
    assert scaled["base_edge_mean"].startswith("doubtful: image: scale")
    assert scaled["island_count"] == "good"
    assert qualities("not triangular: squares")["base_edge_mean"].startswith("not trustworthy")


def test_what_is_stretched_much_is_perhaps_no_island() -> None:
    """A picture of text was 397 islands, stretched by 15 %, and their density good."""
    assert Stretch(0.02, 0.004, 30.0, 40).words.startswith("stretched: 40 islands")
    assert Stretch(0.15, 0.004, 30.0, 40).words.startswith("perhaps not triangular, or tilted: stretched: 40 islands")
