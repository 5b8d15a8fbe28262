"""Distances between islands, with the frame corrected."""

import numpy as np
from closeness import assert_close

from electrosaxs.micrographs.bar import without_bar
from electrosaxs.micrographs.density import images_needed, sample_density
from electrosaxs.micrographs.pairs import Field, clustering, nearest_neighbours, pair_correlation
from electrosaxs.nouns.islands import FieldOfView, Island, Scale
from electrosaxs.nouns.micrograph import MicrographSettings
from electrosaxs.twin.micrograph import simulate_field


def random_fields(number: int, points: int) -> list[Field]:
    random = np.random.default_rng(4)
    return [Field(random.uniform(0.0, 1.0, (points, 2)) * [300.0, 200.0], 300.0, 200.0) for _ in range(number)]


def test_random_points_show_no_order_up_to_the_frame() -> None:
    fields = random_fields(6, 150)
    _, g, sigma = pair_correlation(fields)
    assert np.mean(np.abs(g - 1.0) < 2.0 * sigma) > 0.8
    assert_close(g.mean(), 1.0, rel=0.03)
    value, spread = clustering(fields)
    assert abs(value - 1.0) < 3.0 * spread


def test_points_on_a_lattice_avoid_each_other() -> None:
    points = 10.0 * np.indices((30, 20)).reshape(2, -1).T + 5.0
    field = Field(points, 300.0, 200.0)
    assert_close(nearest_neighbours([field]), 10.0, rel=1e-12)
    value, sigma = clustering([Field(points + np.random.default_rng(0).normal(0.0, 1.0, points.shape), 300.0, 200.0)])
    assert value < 1.0 - 3.0 * sigma


def test_pairs_of_islands_are_clustered() -> None:
    points = random_fields(1, 60)[0].points
    value, sigma = clustering([Field(np.concatenate([points, points + 3.0]), 303.0, 203.0)])
    assert value > 1.0 + 3.0 * sigma


def views(counts: list[int]) -> list[FieldOfView]:
    one = Island(5.0, 5.0, 9.0, 0.1, np.nan, np.nan, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1, False, True, np.zeros((3, 2)))
    scale = Scale(1.0, "set")
    return [FieldOfView("f", (1000, 1000), (0, 0, 1000, 1000), scale, (one,) * n, 0.1, 20.0, 1.0) for n in counts]


def test_poisson_fields_have_the_sigma_of_counting() -> None:
    errors = sample_density(views([95, 104, 101, 99]), 0.0)
    assert_close(errors.density, 399 / 4, rel=1e-12)
    assert_close(errors.sigma, np.sqrt(399) / 4, rel=1e-12)
    assert errors.dominant == "the number of islands counted"
    assert images_needed(errors, views([1] * 4), 0.02) == 22


def test_fields_that_differ_more_than_counting_add_their_scatter() -> None:
    errors = sample_density(views([20, 180, 60, 140]), 0.0)
    assert errors.dominant == "the scatter from field to field"
    assert_close(errors.sigma, np.std([20, 180, 60, 140], ddof=1) / 2.0, rel=0.03)


def test_what_may_be_missed_adds_to_the_sigma() -> None:
    assert_close(sample_density(views([100, 100]), 0.03).detection, np.sqrt(6.0) / 2.0, rel=1e-12)


def test_an_information_bar_is_left_out_and_a_picture_without_one_is_not_cut() -> None:
    settings = MicrographSettings(width_px=400, height_px=300, islands=8, bar_px=40)
    with_bar = simulate_field(settings, np.random.default_rng(0)).image.astype(float)[..., None]
    left, top, width, height = without_bar(with_bar)
    assert (left, top, width) == (0, 0, 400)
    assert 297 <= height <= 300
    assert without_bar(with_bar[:300]) == (0, 0, 400, 300)
    beside = without_bar(np.swapaxes(with_bar, 0, 1)[:, ::-1])
    assert (beside[1], beside[3]) == (0, 400)
    assert 40 <= beside[0] <= 43
    assert beside[0] + beside[2] == 340


def test_the_smooth_substrate_of_a_compressed_image_is_no_bar() -> None:
    across, down = np.meshgrid(np.linspace(-1.0, 1.0, 400), np.linspace(-1.0, 1.0, 300))
    lit = (
        np.round((120.0 + 3.0 * across * down + 14.0 * (1.0 + down) ** 2) / 2.0) * 2.0
    )  # flat along the rows, first of all above
    rng = np.random.default_rng(2)
    for x, y in rng.uniform(30.0, 270.0, (12, 2)):
        lit[(np.abs(across - across[0, int(x)]) < 0.08) & (np.abs(down - down[int(y), 0]) < 0.1)] += 60.0
    assert without_bar(lit[..., None]) == (0, 0, 400, 300)
