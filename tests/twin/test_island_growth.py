"""Islands that the transport model feeds: what they hold is what left the solution."""

from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from shapely import unary_union
from shapely.geometry import Polygon, box

from electrosaxs.micrographs.find import find_islands
from electrosaxs.nouns import FloatArray
from electrosaxs.nouns.islands import Scale
from electrosaxs.nouns.nucleation import NucleationSettings
from electrosaxs.physics.tetrahedron import outline
from electrosaxs.twin.anode import Anode, anode
from electrosaxs.twin.island_growth import GrownIslands, GrowthRecord, volume_of
from electrosaxs.twin.micrograph import simulate_field

LAW = {"density_per_mm2": 40.0, "flux_m_per_s": 2e-10, "exponent": 1.5}


def grown(final_um: float = 0.2, flux: float = 2e-10, **changes: float) -> tuple[Anode, GrownIslands]:
    """An anode that was fed steadily for an hour, and one field of it."""
    time = np.linspace(600.0, 4200.0, 100)
    record = GrowthRecord(time, final_um * (time - 600.0) / 3600.0, np.full(time.size, 0.05), flux)
    made = anode(record, NucleationSettings(**{**LAW, **changes}), seed=1)
    return made, made.field(np.random.default_rng(7))


def area_um2(made: Anode) -> float:
    """Of the field and the margin of two mean spacings in which islands are made."""
    spacing = 1e3 / np.sqrt(made.nucleation.density(made.record.flux))
    return float((made.view.width_px * made.view.um_per_pixel + 4.0 * spacing) ** 2)


@pytest.mark.parametrize("final_um", [0.05, 0.6])
def test_islands_hold_what_left_the_solution(final_um: float) -> None:
    made, field = grown(final_um)
    held = volume_of(field.islands) * made.view.um_per_pixel**3 / area_um2(made)
    assert_close(held, final_um / 0.74, rel=0.01)


def test_the_rendered_surface_has_the_volume_of_its_islands() -> None:
    """Independent of how the volume was counted: heights of the picture's surface, facets at 70.5 degrees."""
    made, field = grown(0.4)
    side = made.view.width_px
    y, x = np.mgrid[:side, :side].astype(float)
    height: FloatArray = np.zeros((side, side))
    for i in field.islands:
        reach = i.reach
        rows = slice(max(0, int(i.y - reach)), max(0, int(i.y + reach) + 2))
        columns = slice(max(0, int(i.x - reach)), max(0, int(i.x + reach) + 2))
        dx, dy = x[rows, columns] - i.x, y[rows, columns] - i.y
        turned = np.radians(i.rotation_deg + 120.0 * np.arange(3)) + np.pi
        out = np.max([dx * np.cos(t) - dy * np.sin(t) for t in turned], axis=0)
        tips = np.max([-dx * np.cos(t) + dy * np.sin(t) for t in turned], axis=0)
        inside = np.minimum(i.reach / 2.0 - out, i.edge * (1 / np.sqrt(3.0) - i.truncation * np.sqrt(3.0) / 2.0) - tips)
        level = np.tan(np.arccos(1.0 / 3.0)) * np.clip(inside, 0.0, i.facet)
        height[rows, columns] = np.maximum(height[rows, columns], level)
    whole = height.mean() * made.view.um_per_pixel
    assert_close(whole, 0.4 / 0.74, rel=0.06)  # of one field, into whose frame islands reach from outside


def test_density_sizes_and_coverage_are_those_of_what_the_cell_fed() -> None:
    """Of 7 fields: as many as the flux asks for within counting, each of them of the film's share, and on the picture as much
    covered as their outlines cover."""
    made, _ = grown(0.2)
    wide = replace(made, view=made.view.model_copy(update={"width_px": 3000, "height_px": 3000}))
    fields = [wide.field(np.random.default_rng(seed)).islands for seed in range(7)]
    number, area = sum(map(len, fields)), 7 * area_um2(wide)
    wanted = made.nucleation.density(made.record.flux) * 1e-6
    assert abs(number / (wanted * area) - 1.0) < 3.0 / np.sqrt(wanted * area)
    held = sum(volume_of(islands) for islands in fields) * made.view.um_per_pixel**3
    assert_close(held / number, made.record.film_um[-1] * area / number, rel=0.01)
    shown = simulate_field(made.view, np.random.default_rng(8), made.first_field().islands)
    frame = box(-0.5, -0.5, made.view.width_px - 0.5, made.view.height_px - 0.5)
    outlines = [Polygon(outline(i.x, i.y, i.edge, i.rotation_deg, i.truncation)) for i in shown.islands]
    covered = unary_union(outlines).intersection(frame).area / frame.area
    assert_close(float((shown.labels > 0).mean()), covered, rel=0.01)


def test_more_flux_at_the_onset_makes_more_and_smaller_islands() -> None:
    weak, strong = grown(flux=2e-10)[0], grown(flux=8e-10)[0]
    assert_close(strong.nucleation.density(8e-10) / weak.nucleation.density(2e-10), 8.0, rel=1e-9)
    assert_close(weak.view.base_edge_um / strong.view.base_edge_um, 2.0, rel=1e-6)


def test_a_late_island_is_smaller_than_an_early_one() -> None:
    _, field = grown(nucleation_time_s=1e4)
    edges = np.array([i.edge for i in field.islands])
    late = field.born_s > np.quantile(field.born_s, 0.8)
    early = field.born_s < np.quantile(field.born_s, 0.2)
    assert edges[late].mean() < 0.85 * edges[early].mean()


def test_a_depletion_zone_keeps_islands_apart() -> None:
    nearest = []
    for zone in (0.01, 100.0):
        made, field = grown(depletion_length_um=zone)
        at = np.array([[i.x, i.y] for i in field.islands]) * made.view.um_per_pixel
        apart = np.hypot(*(at[:, None] - at[None]).T) + 1e9 * np.eye(len(at))
        nearest.append(float(np.quantile(apart.min(axis=1), 0.1)))
    assert nearest[1] > 1.5 * nearest[0]


def test_islands_are_counted_again_on_their_micrograph() -> None:
    made, field = grown(0.1)
    shown = simulate_field(made.view, np.random.default_rng(8), field.islands)
    view = find_islands(shown.image.astype(float)[..., None], Scale(None, "none"))
    assert abs(view.expected_count - shown.counted.sum()) <= 0.04 * shown.counted.sum() + 1.0
