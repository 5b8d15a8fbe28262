"""What is taken of a sample beside its micrographs: heights as a tip follows them, and the face of an island."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from refused import refused

from electrosaxs.command_line.app import run as command_line
from electrosaxs.micrographs.heights import study_relief
from electrosaxs.nouns.heights import HeightMap, Relief
from electrosaxs.nouns.micrograph import HeightMapSettings
from electrosaxs.twin.height_map import simulate_height_map
from electrosaxs.twin.islands import PlacedIsland

FACET_PX = 3.0
ALONE = PlacedIsland(200.0, 180.0, 90.0, 25.0, 0.0, FACET_PX)
OTHER = PlacedIsland(60.0, 60.0, 60.0, 70.0, 0.05, FACET_PX)
UM_PER_PIXEL = 0.2


def measured(**changes: float) -> Relief:
    settings = HeightMapSettings(side_um=36.0, pixels=240, **changes)
    found = simulate_height_map(settings, [ALONE, OTHER], UM_PER_PIXEL, (400, 400), np.random.default_rng(3))
    return study_relief(HeightMap("map", 1e-3 * found.heights_nm, settings.um_per_pixel, "twin"))


def test_a_map_has_the_thickness_of_its_island_whatever_the_scanner_does() -> None:
    """Facets at 70.5 degrees: 2 sqrt(2) times their width."""
    for changes in ({}, {"tilt_nm_per_um": 20.0, "bow_nm": -300.0, "line_offset_nm": 15.0}):
        island = measured(**changes).islands[0]
        assert_close(island.thickness_um, np.tan(np.arccos(1.0 / 3.0)) * FACET_PX * UM_PER_PIXEL, rel=2e-3)
        assert_close(island.base_edge_um, 90.0 * UM_PER_PIXEL, rel=0.02)


def test_the_map_is_taken_where_an_island_stands_alone() -> None:
    island = measured().islands[0]
    assert abs(island.x - 119.5) < 2.0
    assert abs(island.y - 119.5) < 2.0


def test_a_blunt_tip_widens_the_base_and_leaves_the_terrace() -> None:
    sharp, blunt = (measured(tip_half_angle_deg=angle).islands[0] for angle in (5.0, 45.0))
    assert_close(blunt.thickness_um, sharp.thickness_um, rel=2e-3)
    wider = 2.0 * np.sqrt(3.0) * sharp.thickness_um * (np.tan(np.radians(45.0)) - np.sqrt(1.0 / 8.0))
    assert_close(blunt.base_edge_um - sharp.base_edge_um, wider, rel=0.15)


@pytest.mark.usefixtures("unrendered")
def test_a_simulated_sample_is_measured_in_all_three_ways(tmp_path: Path) -> None:
    """Of one TOML: fields, height map and face, and the command that takes them finds what went in."""
    (tmp_path / "sample.toml").write_text(
        "[micrograph]\nimages = 1\nwidth_px = 360\nheight_px = 360\nislands = 4\nbase_edge_um = 20.0\n"
        "thickness_um = 2.0\nbase_edge_spread = 0.05\nmerged = 0.0\ndust = 0\n"
        "[height_map]\nside_um = 40.0\npixels = 200\n[packing]\npixels = 240\ndrift = [0.0, 0.0]\n"
    )
    fields, out = tmp_path / "fields", tmp_path / "out"
    assert command_line(["simulate", str(tmp_path / "sample.toml"), "--out", str(fields), "--quiet"]) == 0
    options = ["--height-map", str(fields / "height_map.tif"), "--um-per-level", "0.001"]
    options += ["--packing", str(fields / "packing.tif"), "--out", str(out), "--quiet"]
    assert command_line(["islands", str(fields / "field001.tif"), *options]) == 0
    numbers = json.loads((out / "numbers.json").read_text())
    assert_close(numbers["island_thickness_afm"]["value"], 2.0, rel=5e-3)
    assert_close(numbers["lattice_constant_from_packing"]["value"], 13.2, rel=2e-3)
    assert abs(numbers["thickness_ratio"]["value"] - 1.0) < 0.06
    with (fields / "truth.csv").open() as file:
        on_map = [row for row in csv.DictReader(file) if row["image"] == "height_map"]
    assert any(row["counted"] == "yes" for row in on_map)
    for name in ("height_map", "height_profile", "packing", "closest"):
        assert (out / "figures" / f"{name}.png").is_file()


@pytest.mark.parametrize(("line", "rule"), [("core_diameter_nm = 9.8", "touch"), ("nm_per_pixel = 3.0", "resolved")])
def test_a_face_that_cannot_be_is_refused(
    tmp_path: Path, line: str, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sample.toml").write_text(f"[micrograph]\n[packing]\n{line}\n")
    assert rule in refused(capsys, "simulate", tmp_path / "sample.toml", "--out", tmp_path / "out")
