"""Height maps and images of particles given to `islands`: files, numbers, and what is refused."""

import csv
import json
from pathlib import Path

import gwyfile
import numpy as np
import pytest
from closeness import assert_close
from particle_faces import face, relief
from refused import refused
from tifffile import imwrite

from electrosaxs.command_line.app import run as command_line

ISLANDS = [(1.3, 1.5, 1.6, 0.25, 20.0), (3.5, 3.4, 1.3, 0.25, 75.0)]
NUMBERS = ("particle_spacing", "packing_angle", "lattice_constant_from_packing", "packing_order")


def write_face(path: Path, **given: float) -> Path:
    levels = np.clip(face(size=220, **given)[..., 0], 0.0, 255.0).astype(np.uint8)
    imwrite(path, levels, resolution=(1e4 / 0.0007, 1e4 / 0.0007), resolutionunit="CENTIMETER")
    return path


def write_gwy(path: Path) -> Path:
    heights = relief(ISLANDS)
    field = gwyfile.objects.GwyDataField(1e-6 * heights, xreal=5e-6, yreal=5e-6)
    field.si_unit_xy, field.si_unit_z = (gwyfile.objects.GwySIUnit(unitstr="m") for _ in range(2))
    container = gwyfile.objects.GwyContainer()
    container["/0/data"], container["/0/data/title"] = field, "Height"
    container.tofile(str(path))
    return path


def results(folder: Path) -> dict:
    return json.loads((folder / "numbers.json").read_text())


def test_a_map_of_gwyddion_and_a_face_make_one_page(tmp_path: Path) -> None:
    height_map, particles = write_gwy(tmp_path / "afm.gwy"), write_face(tmp_path / "face.tif")
    out = tmp_path / "out"
    options = ["--height-map", str(height_map), "--packing", str(particles), "--out", str(out), "--quiet"]
    assert command_line(["islands", *options]) == 0
    numbers = results(out)
    assert_close(numbers["island_thickness_afm"]["value"], 0.25, rel=0.01)
    assert numbers["thickness_ratio"]["value"] is None
    assert_close(numbers["particle_spacing"]["value"], 0.7 * 13.0, rel=3e-3)
    with (out / "height_islands.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["map"] for row in rows] == ["afm", "afm"]
    assert_close(float(rows[0]["base_edge_um"]), 1.6, rel=0.02)
    for name in ("height_map", "height_profile", "packing"):
        assert (out / "figures" / f"{name}.png").stat().st_size > 10_000
    assert "height map(s)" in (out / "report.html").read_text()


@pytest.mark.usefixtures("unrendered")
def test_several_faces_may_follow_one_option(tmp_path: Path) -> None:
    images = [str(write_face(tmp_path / f"face{k}.tif", seed=k)) for k in (1, 2)]
    bare = tmp_path / "bare.tif"
    imwrite(bare, np.random.default_rng(1).normal(100.0, 8.0, (200, 200)).astype(np.uint8))
    assert command_line(["islands", str(bare), "--packing", *images, "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert "2 grain(s)" in results(tmp_path / "out")["particle_spacing"]["source"]
    assert results(tmp_path / "out")["nucleation_density"]["value"] == 0.0


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("ending", ["tif", "txt"])
def test_a_plain_map_needs_the_size_of_pixel_and_level(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"map.{ending}"
    if ending == "tif":
        imwrite(path, (1000.0 * relief(ISLANDS) + 500.0).astype(np.float32))
    else:
        np.savetxt(path, 1000.0 * relief(ISLANDS))
    given = ["islands", "--height-map", str(path), "--out", str(tmp_path / "out"), "--quiet"]
    assert "--um-per-pixel" in refused(capsys, *given)
    assert "--um-per-level" in refused(capsys, *given, "--um-per-pixel", "0.025")
    assert command_line([*given, "--um-per-pixel", "0.025", "--um-per-level", "0.001"]) == 0
    assert_close(results(tmp_path / "out")["island_thickness_afm"]["value"], 0.25, rel=0.01)


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("no.gwy", b"GWYPnothing", "no channel of heights"),
        ("no.ibw", b"nothing", "no channel of heights"),
        ("no.spm", b"nothing", "no channel of heights"),
        ("no.xyz", b"nothing", "must be .gwy"),
        ("no.txt", b"a b c", "no rectangle of numbers"),
    ],
)
def test_what_is_no_map_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    options = ["--um-per-pixel", "0.025", "--um-per-level", "0.001", "--out", str(tmp_path / "out")]
    line = refused(capsys, "islands", "--height-map", tmp_path / name, *options)
    assert rule in line
    assert name in line
    assert not (tmp_path / "out").exists()


def test_islands_wants_something_to_look_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "at least one image" in refused(capsys, "islands", "--out", tmp_path / "out")


@pytest.mark.usefixtures("unrendered")
def test_a_scale_a_hundred_times_off_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levels = np.clip(face(size=220)[..., 0], 0.0, 255.0).astype(np.uint8)
    imwrite(tmp_path / "face.tif", levels)
    options = ["--packing", str(tmp_path / "face.tif"), "--um-per-pixel", "0.07", "--out", str(tmp_path / "out")]
    assert command_line(["islands", *options]) == 0
    assert "unusual for nanocrystals" in capsys.readouterr().out
