"""Islands on simulated micrographs, whose truth is known, and on images that hold none."""

import re

import numpy as np
import pytest
from closeness import assert_close
from scipy import ndimage

from electrosaxs.micrographs.find import find_islands
from electrosaxs.nouns.islands import FieldOfView, Scale
from electrosaxs.nouns.micrograph import MicrographSettings
from electrosaxs.twin.micrograph import SimulatedField, simulate_field

PIXELS = Scale(None, "none")
SMALL = {"width_px": 400, "height_px": 360, "islands": 12, "dust": 2}


def field(seed: int = 1, **changes: object) -> SimulatedField:
    return simulate_field(MicrographSettings(**{**SMALL, **changes}), np.random.default_rng(seed))


def found(simulated: SimulatedField) -> FieldOfView:
    image = simulated.image.astype(float)
    return find_islands(image if image.ndim == 3 else image[..., None], PIXELS)


def nearest(view: FieldOfView, simulated: SimulatedField) -> list[tuple[float, float, float]]:
    """(distance of the centres, edge found over true one, rotation found less true one) of the islands that count."""
    pairs = []
    for true, counted in zip(simulated.islands, simulated.counted, strict=True):
        if counted:
            one = min(view.found, key=lambda i: np.hypot(i.x - true.x, i.y - true.y))
            turn = (one.rotation_deg - true.rotation_deg + 60.0) % 120.0 - 60.0
            pairs.append((float(np.hypot(one.x - true.x, one.y - true.y)), one.edge / true.edge, turn))
    return pairs


@pytest.mark.parametrize(
    "changes",
    [{}, {"merged": 0.6, "seed": 5}, {"microscope": "optical"}, {"contrast": -45.0, "facet_contrast": -60.0}],
    ids=["SEM", "merged", "optical", "dark"],
)
def test_every_island_is_found_once_where_it_lies(changes: dict[str, object]) -> None:
    simulated = field(**changes)
    view = found(simulated)
    pairs = nearest(view, simulated)
    assert abs(sum(i.counts for i in view.found) - simulated.counted.sum()) <= 1  # one centre may lie on the frame
    assert max(away for away, *_ in pairs) < 6.0
    assert_close(np.median([ratio for _, ratio, _ in pairs]), 1.0, rel=0.02)
    assert np.median([abs(turn) for *_, turn in pairs]) < 1.0
    assert not view.flags


def test_thickness_follows_from_resolved_facets() -> None:
    settings = MicrographSettings(**{**SMALL, "base_edge_um": 16.0, "thickness_um": 2.6, "islands": 8, "merged": 0.0})
    simulated = simulate_field(settings, np.random.default_rng(3))
    facets = [(i.edge - i.top_edge) / (2.0 * np.sqrt(3.0)) for i in found(simulated).found if np.isfinite(i.top_edge)]
    assert len(facets) >= 5
    assert_close(np.mean(facets), simulated.islands[0].facet, rel=0.06)


def test_a_facet_narrower_than_the_blur_gives_no_top_edge() -> None:
    view = found(field(thickness_um=0.5))
    assert all(np.isnan(i.top_edge) and i.why_no_top for i in view.found)


@pytest.mark.parametrize("level", [0.0, 255.0])
def test_an_empty_image_holds_nothing(level: float) -> None:
    view = find_islands(np.full((200, 200, 1), level), PIXELS)
    assert not view.islands
    assert view.flags == ("nothing stands out from the substrate",)


def test_noise_holds_nothing() -> None:
    view = find_islands(np.random.default_rng(0).normal(120.0, 20.0, (256, 256, 1)), PIXELS)
    assert not view.found
    assert view.flags


def test_round_particles_are_not_triangular() -> None:
    random = np.random.default_rng(2)
    y, x = np.mgrid[:400, :400]
    image = 80.0 + random.normal(0.0, 8.0, (400, 400))
    for cx, cy in 40.0 + 80.0 * np.indices((5, 5)).reshape(2, -1).T:
        image += 60.0 * (np.hypot(x - cx, y - cy) < random.uniform(16.0, 26.0))
    view = find_islands(image[..., None], PIXELS)
    assert not view.triangular


def test_only_the_part_used_is_searched() -> None:
    simulated = field()
    view = find_islands(simulated.image.astype(float)[..., None], PIXELS, used=(100, 60, 250, 240))
    inside = [
        i for i, c in zip(simulated.islands, simulated.counted, strict=True) if c and 110 < i.x < 340 and 70 < i.y < 290
    ]
    for true in inside:
        assert min(np.hypot(i.x - true.x, i.y - true.y) for i in view.found) < 4.0
    assert all(99.5 <= i.x < 349.5 and 59.5 <= i.y < 299.5 for i in view.found if i.counts)


@pytest.mark.parametrize("changes", [{"microscope": "optical"}, {}], ids=["optical", "SEM"])
def test_a_narrow_facet_does_not_draw_the_base_edge_inwards(changes: dict[str, object]) -> None:
    """Facets of 2.3 pixels at a blur of 1: no island shows its own, all together do."""
    simulated = field(3, **{"width_px": 560, "height_px": 560, "islands": 26, "dust": 0, **changes})
    pairs = nearest(found(simulated), simulated)
    assert abs(float(np.median([ratio for _, ratio, _ in pairs])) - 1.0) < 0.008


@pytest.mark.parametrize("corners", [4, 6])
def test_other_polygons_are_not_counted_as_several_triangles(corners: int) -> None:
    """Ninety squares were 278 islands +- 1.5 without a word."""
    random = np.random.default_rng(corners)
    y, x = np.mgrid[0:400, 0:400].astype(float)
    image = np.full((400, 400), 90.0)
    for cx in 50.0 + 60.0 * np.arange(6):
        for cy in 50.0 + 60.0 * np.arange(6):
            normals = random.uniform(0.0, 2.0 * np.pi) + 2.0 * np.pi / corners * np.arange(corners)
            near = np.s_[int(cy) - 24 : int(cy) + 25, int(cx) - 24 : int(cx) + 25]
            outwards = np.max([(x[near] - cx) * np.cos(n) + (y[near] - cy) * np.sin(n) for n in normals], axis=0)
            image[near] += 60.0 * np.clip(18.0 * np.cos(np.pi / corners) - outwards + 0.5, 0.0, 1.0)
    view = find_islands((image + random.normal(0.0, 4.0, image.shape))[..., None], PIXELS)
    assert not view.triangular


def test_specks_too_small_for_a_facet_are_no_error() -> None:
    """A fit of a shared facet had no width to choose from."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:500, 0:500].astype(float)
    image = np.full((500, 500), 90.0)
    for cx, cy in random.uniform(20.0, 480.0, (10, 2)):
        image += 60.0 * np.clip(random.uniform(4.0, 8.0) - np.hypot(x - cx, y - cy) + 0.5, 0.0, 1.0)
    view = find_islands((image + random.normal(0.0, 6.0, image.shape))[..., None], PIXELS)
    assert any("not triangular" in flag for flag in view.flags)


def test_a_ring_of_dried_solvent_is_filled_with_triangles_that_do_not_count() -> None:
    """A band as wide as islands, half as bright: without its own rule every triangle in it was an island, 144 for 81."""
    simulated = field(seed=2, width_px=560, height_px=560, islands=24, merged=0.0, dust=0)
    rows, columns = np.mgrid[:560, :560]
    away = np.hypot(rows - 280.0, columns - 290.0) - 170.0
    glow = 0.6 * (np.percentile(simulated.image, 99.0) - np.median(simulated.image)) * np.exp(-0.5 * (away / 11.0) ** 2)
    view = find_islands((simulated.image.astype(float) + glow)[..., None], PIXELS)
    assert any("on what looks like a ring or a scratch" in flag for flag in view.flags)
    on_the_band = sum(abs(np.hypot(i.y - 280.0, i.x - 290.0) - 170.0) < 15.0 for i in view.found)
    true = sum(abs(np.hypot(i.y - 280.0, i.x - 290.0) - 170.0) < 15.0 for i in simulated.islands)
    assert on_the_band <= true + 3
    assert abs(view.expected_count - simulated.counted.sum()) <= 4.0


@pytest.mark.parametrize(("tilt", "said"), [(10.0, True), (0.0, False)])
def test_a_tilted_view_is_said(tilt: float, said: bool) -> None:
    """Rows are shorter by cos 10 degrees, 1.5 %: all islands are longer along the rows."""
    simulated = field(seed=4, width_px=760, height_px=760, islands=40, merged=0.0, dust=0)
    shorter = ndimage.zoom(simulated.image.astype(float), (np.cos(np.radians(tilt)), 1.0), order=1)
    flags = [flag for flag in find_islands(shorter[..., None], PIXELS).flags if flag.startswith("stretched")]
    assert bool(flags) == said
    if said:
        told = re.search(r"longer along (\d+)° .* tilted by (\d+)°", flags[0])
        assert told is not None
        axis, angle = (int(part) for part in told.groups())
        assert min(axis, 180 - axis) <= 8
        assert abs(angle - tilt) <= 1
