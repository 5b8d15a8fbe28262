"""Height maps of truncated tetrahedra: thickness, edges and volume as they were made."""

import numpy as np
from closeness import assert_close
from particle_faces import relief

from electrosaxs.micrographs.heights import half_sample_mode, level, study_relief
from electrosaxs.nouns.heights import HeightMap, Relief
from electrosaxs.physics.tetrahedron import volume

TWO = [(1.3, 1.5, 1.6, 0.25, 20.0), (3.5, 3.4, 1.3, 0.3, 75.0)]


def studied(heights: np.ndarray) -> Relief:
    return study_relief(HeightMap("map", heights, 0.025, "test"))


def test_terraces_edges_and_volumes_are_those_of_the_tetrahedra() -> None:
    found = studied(relief(TWO))
    assert len(found.islands) == 2
    for island, (x, y, edge, thick, _) in zip(found.islands, TWO, strict=True):
        assert_close(island.x * 0.025, x, rel=0.0, floor=0.03)
        assert_close(island.y * 0.025, y, rel=0.0, floor=0.03)
        assert_close(island.thickness_um, thick, rel=0.01)
        assert abs(island.thickness_um - thick) < 4.0 * island.thickness_um_sigma
        top = edge - thick * np.sqrt(1.5)
        assert_close(island.base_edge_um, edge, rel=0.01)
        assert_close(island.top_edge_um, top, rel=0.02)
        assert_close(island.volume_um3, volume(edge, top, 0.0), rel=0.015)
        assert_close(island.rms_roughness_nm, 3.0, rel=0.3)


def test_a_whole_tetrahedron_has_its_tip_and_no_terrace() -> None:
    (island,) = studied(relief([(2.5, 2.5, 1.4, 5.0, 10.0)])).islands
    assert_close(island.thickness_um, np.sqrt(2.0 / 3.0) * 1.4, rel=0.03)
    assert island.top_edge_um == 0.0
    assert island.why_no_edges == "no flat terrace"


def test_islands_that_touch_have_a_thickness_and_no_edges() -> None:
    (pair,) = studied(relief([(2.2, 2.5, 1.4, 0.2, 20.0), (2.7, 2.7, 1.4, 0.2, 80.0)])).islands
    assert_close(pair.thickness_um, 0.2, rel=0.02)
    assert np.isnan(pair.base_edge_um)
    assert pair.why_no_edges == "not one triangle"


def test_an_island_that_the_frame_cuts_has_no_volume() -> None:
    (cut,) = studied(relief([(4.9, 2.5, 1.4, 0.2, 20.0)])).islands
    assert_close(cut.thickness_um, 0.2, rel=0.02)
    assert np.isnan(cut.volume_um3)


def test_a_bare_substrate_has_no_island() -> None:
    found = studied(relief([]))
    assert not found.islands
    assert found.flags == ("no island stands out from the substrate",)


def test_levelling_takes_tilt_bend_and_lines_away() -> None:
    heights, substrate = level(relief(TWO, lines=0.05))
    assert abs(np.median(heights[substrate])) < 1e-12
    assert float(np.std(heights[substrate].reshape(-1))) < 0.004


def test_sigma_of_the_thickness_holds_what_levelling_left() -> None:
    pulls = [
        (studied(relief(TWO[:1], seed=seed, noise=0.004)).islands[0].thickness_um - 0.25)
        / studied(relief(TWO[:1], seed=seed, noise=0.004)).islands[0].thickness_um_sigma
        for seed in range(10)
    ]
    assert np.sqrt(np.mean(np.square(pulls))) < 1.6


def test_the_mode_is_where_most_values_lie() -> None:
    random = np.random.default_rng(3)
    values = np.concatenate([random.normal(2.0, 0.1, 500), random.uniform(0.0, 10.0, 500)])
    assert_close(half_sample_mode(values), 2.0, rel=0.0, floor=0.15)
