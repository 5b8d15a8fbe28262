"""`electrosaxs inspect` says what is in a file, whoever wrote it."""

import json
import re
from pathlib import Path

import fabio.edfimage
import h5py
import numpy as np
import pytest
from fake_results import fake_results
from PIL import Image
from refused import refused

from electrosaxs.command_line.app import run as command_line
from electrosaxs.errors import InputFileError
from electrosaxs.io.campaign_nexus import write_campaign_results
from electrosaxs.io.island_files import write_island_results
from electrosaxs.io.numbers_json import write_numbers
from electrosaxs.io.results import write_results
from electrosaxs.nouns import Number
from electrosaxs.nouns.islands import Distribution
from electrosaxs.nouns.trends import Member
from electrosaxs.recipes.inspect.inspect_files import inspect_files


def what(path: Path) -> tuple[str, dict[str, str]]:
    (found,) = inspect_files([path])
    return found.kind, {part.name: part.text for part in found.parts}


def numbers(path: Path) -> dict[str, Number]:
    (found,) = inspect_files([path])
    return dict(found.numbers)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    write_results(tmp_path / "results" / "results.nxs", fake_results(), command="analyse")
    return tmp_path / "results"


def test_results_tell_the_command_the_maps_and_the_numbers(results: Path) -> None:
    kind, parts = what(results)
    assert kind.startswith("results of electrosaxs analyse 0.")
    shape = fake_results().diameter.values.shape
    assert parts["diameter"] == f"(scan {shape[0]}, height {shape[1]}), nm"
    assert numbers(results) == fake_results().numbers
    assert (kind, parts) == what(results / "results.nxs")


def test_results_of_every_command_are_looked_into(tmp_path: Path) -> None:
    """Those of islands and campaigns keep their numbers in numbers.json alone."""
    sizes = Distribution("base_edge", "edge", np.arange(3.0), np.ones(3), np.ones(3), "um")
    write_island_results(tmp_path / "results.nxs", "fields", [sizes])
    assert what(tmp_path)[1]["base_edge"] == "(0 3), 1"
    assert numbers(tmp_path) == {}
    area = {"area": Number(0.02, None, "mm^2", "two fields")}
    write_numbers(tmp_path / "numbers.json", area)
    assert numbers(tmp_path) == area
    run = Member("run", "57", 20.0, 3.5, numbers={"slice_flux": Number(3e-10, 2e-12, "m/s", "line")})
    write_campaign_results(tmp_path / "results.nxs", "all", [run], ["slice_flux", "onset_time"], command="campaign")
    kind, parts = what(tmp_path / "results.nxs")
    assert kind.startswith("results of electrosaxs campaign 0.")
    assert parts == {"title": "all", "slice_flux": "(0 1), m/s"}


def test_an_hdf5_file_of_a_beamline_tells_stacks_columns_and_broken_links(tmp_path: Path) -> None:
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "entry/data/frames", data=np.zeros((4, 3, 2), np.uint16), chunks=(1, 3, 2), compression="gzip"
        )
        file["entry/sam_z"] = np.array([-1.5, 0.0, np.nan, 2.5])
        file["entry/sam_z"].attrs["units"] = "mm"
        file["entry/role"] = ["sample", "sample", "solvent", "sample"]
        file["entry/lost"] = h5py.ExternalLink("gone.h5", "/data")
    kind, parts = what(path)
    assert kind == "HDF5"
    assert parts["/entry/data/frames"] == "4 x 3 x 2 uint16, gzip"
    assert parts["/entry/sam_z"] == "4 values, -1.5 to 2.5 mm"
    assert parts["/entry/role"] == "3 x sample, solvent"
    assert parts["/entry/lost"] == "what it leads to is missing"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("[frames]", "run"),
        ("[source_meter]\n[frames]\n[scan]", "plan of a run"),
        ("[film]", "film"),
        ("[micrograph]", "micrographs"),
        ("[scan]", "experiment"),
        ('runs = ["a"]', "campaign"),
        ("[other]", "settings"),
    ],
)
def test_a_toml_file_tells_what_it_describes(tmp_path: Path, key: str, kind: str) -> None:
    (tmp_path / "a.toml").write_text(f"{key}\n")
    assert what(tmp_path / "a.toml")[0] == f"{kind} (TOML)"


def test_text_is_a_frame_table_or_a_curve(tmp_path: Path) -> None:
    table, curve = tmp_path / "frames.csv", tmp_path / "curve.dat"
    rows = ["0,12.5,1,30000,0.83,a.cbf,sample", "50,17.5,1,30000,0.82,b.cbf,sample"]
    table.write_text("\n".join(["height_um,time_s,exposure_s,monitor_counts,transmission,file,role", *rows]))
    curve.write_text("q (1/nm) I\n" + "\n".join(f"{q} {1 / q}" for q in (0.1, 0.2, 0.3, 0.35, 0.4)))
    kind, parts = what(table)
    assert (kind, parts["role"], parts["height"]) == ("frame table", "2 x sample", "2 values, 0 to 50")
    kind, parts = what(curve)
    assert (kind, parts["q"]) == ("curve I(q)", "5 values, 0.1 to 0.4 1/nm")


def test_images_tell_size_range_and_header(tmp_path: Path) -> None:
    frame = np.arange(6, dtype=np.int32).reshape(2, 3)
    fabio.edfimage.EdfImage(data=frame, header={"Sample": "silver"}).write(str(tmp_path / "a.edf"))
    Image.fromarray(frame.astype(np.uint8)).save(tmp_path / "a.png")
    kind, parts = what(tmp_path / "a.edf")
    assert (kind, parts["pixels"], parts["Sample"]) == ("image", "2 x 3 int32, 0 to 5", "silver")
    assert what(tmp_path / "a.png") == ("picture", {"pixels": "2 x 3 L"})


def test_geometry_numbers_and_folders_are_known(tmp_path: Path) -> None:
    lines = "".join(f"{key}: 0.1\n" for key in ("Poni1", "Poni2", "Rot1", "Rot2", "Rot3"))
    (tmp_path / "geometry.poni").write_text(
        f"# made\nDetector: Pilatus100k\nDistance: 2.0\n{lines}Wavelength: 9.3e-11\n"
    )
    kind, parts = what(tmp_path / "geometry.poni")
    assert kind == "detector geometry (pyFAI)"
    assert (parts["detector"], parts["distance_m"], parts["wavelength_m"]) == ("Pilatus100k", "2.0", "9.3e-11")
    none = {"value": None, "sigma": None, "unit": "s", "source": "nothing grew"}
    (tmp_path / "numbers.json").write_text(json.dumps({"onset_time": none}))
    assert what(tmp_path / "numbers.json")[0] == "numbers (JSON)"
    assert numbers(tmp_path / "numbers.json") == {"onset_time": Number.absent("s", "nothing grew")}
    assert what(tmp_path) == ("folder", {".json": "1", ".poni": "1"})


def test_what_cannot_be_read_does_not_cost_the_others(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = results / "broken.toml"
    broken.write_text("[cell")
    found = inspect_files([broken, results, results / "absent.h5"])
    assert next(found).path == results
    with pytest.raises(InputFileError, match=r"broken\.toml.*is not TOML.*absent\.h5.*no such file"):
        next(found)
    assert command_line(["inspect", str(results)]) == 0
    told = capsys.readouterr().out
    assert "results of electrosaxs analyse" in told
    assert re.search(r"onset_time +\d+ ± \d+ s", told)
    assert "absent.h5: file = absent.h5: there is no such file" in refused(capsys, "inspect", results / "absent.h5")
