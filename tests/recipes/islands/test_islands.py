"""The commands: simulated micrographs, their islands counted, the result held against the truth; and what is refused."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from matplotlib.path import Path as Polygon
from PIL import Image
from refused import refused
from tifffile import imwrite

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.micrograph import read_micrograph
from electrosaxs.micrographs.find import find_islands

SETTINGS = """[micrograph]
images = 2
width_px = 360
height_px = 300
islands = 9
dust = 1
seed = 2
"""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `fields` (simulated) and `islands` (counted)."""
    folder = tmp_path_factory.mktemp("islands")
    (folder / "m.toml").write_text(SETTINGS)
    assert command_line(["simulate", str(folder / "m.toml"), "--out", str(folder / "fields"), "--quiet"]) == 0
    images = [str(folder / "fields" / f"field00{k}.tif") for k in (1, 2)]
    truth = ["--truth", str(folder / "fields" / "truth.csv")]
    assert command_line(["islands", *images, "--out", str(folder / "islands"), *truth, "--quiet"]) == 0
    return folder


def test_the_density_of_a_sample_is_found_within_its_sigma(counted: Path) -> None:
    numbers = json.loads((counted / "islands" / "numbers.json").read_text())
    with (counted / "fields" / "truth.csv").open() as file:
        true = sum(row["counted"] == "yes" for row in csv.DictReader(file))
    density = numbers["nucleation_density"]
    area = 2 * 360 * 300 * 0.2**2 * 1e-6
    assert density["unit"] == "1/mm^2"
    assert_close(numbers["area"]["value"], area, rel=1e-9)
    assert abs(density["value"] - true / area) < density["sigma"]
    assert_close(numbers["base_edge_mean"]["value"], 12.0, rel=0.15)
    assert numbers["island_thickness"]["value"] is None
    assert "TIFF resolution" in numbers["area"]["source"]


def test_known_outlines_are_found(counted: Path) -> None:
    scored = json.loads((counted / "islands" / "score.json").read_text())
    assert scored["recall"] >= 0.9
    assert scored["precision"] >= 0.9
    assert abs(scored["edge_error_um"]) < 0.4


def test_every_file_of_the_folder_is_there(counted: Path) -> None:
    names = {p.name for p in (counted / "islands").rglob("*") if p.is_file()}
    assert {"islands.csv", "images.csv", "results.nxs", "report.html", "provenance.json", "overlay_field001.png",
            "size_distribution.svg", "density_by_image.png"} <= names  # fmt: skip
    assert Image.open(counted / "islands" / "figures" / "overlay_field001.png").width >= 900
    with (counted / "islands" / "islands.csv").open() as file:
        row = next(csv.DictReader(file))
    assert 0.0 <= float(row["rotation_deg"]) < 120.0
    assert len(row["outline_px"].split(";")) in (3, 6)


def test_what_the_frame_and_other_islands_hide_of_an_outline_is_not_visible(counted: Path) -> None:
    """Points along each outline, counted by the rule of matplotlib's polygons."""
    rows = list(csv.DictReader((counted / "islands" / "islands.csv").open()))
    cut = 0
    for row in rows:
        corners = _corners(row)
        sides = zip(corners, np.roll(corners, -1, 0), strict=True)
        along = [a + t * (b - a) for a, b in sides for t in np.arange(0.0, 1.0, 0.25 / np.hypot(*(b - a)))]
        at = np.array(along)
        share = ((at > 0.0) & (at < [359.0, 299.0])).all(axis=1)
        for other in rows:
            if other is not row and other["image"] == row["image"]:
                share &= ~Polygon(_corners(other)).contains_points(at)
        assert float(row["visible_share"]) <= share.mean() + 0.08, row["island"]
        cut += row["border"] == "yes" and share.mean() < 0.8
    assert cut > 0


def test_images_searched_side_by_side_are_as_each_alone(counted: Path) -> None:
    """The command searched both at a time; to the last digit written, and in their order."""
    with (counted / "islands" / "islands.csv").open() as file:
        rows = [(row["image"], row["x_px"], row["y_px"], row["base_edge_um"]) for row in csv.DictReader(file)]
    alone = []
    for name in ("field001", "field002"):
        picture = read_micrograph(counted / "fields" / f"{name}.tif")
        view = find_islands(picture.pixels, picture.scale)
        alone += [(name, f"{i.x:.3f}", f"{i.y:.3f}", f"{i.edge * view.scale.length:.7g}") for i in view.islands]
    assert rows == alone


def _corners(row: dict[str, str]) -> np.ndarray:
    return np.array([[float(v) for v in point.split()] for point in row["outline_px"].split(";")])


def test_a_scale_that_contradicts_the_file_is_refused(counted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = counted / "fields" / "field001.tif"
    line = refused(capsys, "islands", image, "--um-per-pixel", "200", "--out", counted / "no")
    assert "contradicts --um-per-pixel" in line


def test_two_scales_in_one_call_are_refused(counted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    imwrite(counted / "other.tif", pixels, resolution=(9e4, 9e4), resolutionunit="CENTIMETER")
    line = refused(
        capsys, "islands", counted / "fields" / "field001.tif", counted / "other.tif", "--out", counted / "no"
    )
    assert "contradicts field001.tif" in line


def test_labels_given_as_an_image_are_refused(counted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "islands", counted / "fields" / "field001_labels.tif", "--out", counted / "no")
    assert "labels" in line
    assert not (counted / "no").exists()


@pytest.mark.parametrize("crop", ["0,0,5000,20", "1,2,3", "a,b,c,d"])
def test_a_crop_outside_the_image_is_refused(counted: Path, capsys: pytest.CaptureFixture[str], crop: str) -> None:
    assert "--crop" in refused(
        capsys, "islands", counted / "fields" / "field001.tif", "--crop", crop, "--out", counted / "no"
    )


def test_a_misspelt_key_of_the_section_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.toml").write_text("[micrograph]\nimage = 2\n")
    assert "did you mean images?" in refused(capsys, "simulate", tmp_path / "m.toml", "--out", tmp_path / "out")
