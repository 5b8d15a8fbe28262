"""A simulated run is a run folder like any other: read by the same readers, the same again from its seed."""

import csv
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closeness import assert_close
from tifffile import TiffFile

from electrosaxs.errors import InputFileError
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_experiment, read_run
from electrosaxs.nouns import Experiment, FrameTable, Role, Run
from electrosaxs.recipes.simulate_run import simulate_run
from electrosaxs.twin.schedule import schedule

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL: dict[str, dict[str, Any]] = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": 4.6},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0], "voltage_V": [30.0]},
    "transport": {"effective_charge": 0.045},
    "growth": {"solubility": 0.011, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1},
    "scan": {
        "duration_s": 900.0, "heights_um": [0.0, 50.0, 1000.0], "scans": 3, "reference_frames": 2, "solvent_frames": 2,
    },
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.8},
    "output": {"form": "nexus", "seed": 11},
}  # fmt: skip


def small(**changes: dict[str, Any]) -> Experiment:
    return Experiment.model_validate({k: {**v, **changes.get(k, {})} for k, v in SMALL.items()})


def everything(run_toml: Path) -> tuple[Run, FrameTable, list[np.ndarray]]:
    run = read_run(run_toml)
    table = read_table(run)
    with closing(open_frames(run, table)) as reader:
        return run, table, [np.array(reader.read(i)) for i in range(len(table))]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_run(small(), tmp_path_factory.mktemp("twin") / "run")


def test_folder_is_read_as_a_measured_one(simulated: Path) -> None:
    run, table, frames = everything(simulated)
    assert len(frames) == len(table) == 2 + 2 + 2 + 21 + 9
    assert run.cell.anode_height_um is None  # to be found from the alignment frames
    assert run.analysis.q_max_per_nm <= 3.5
    assert frames[0].shape == (195, 487)
    assert np.all(table.transmission > 0) & np.all(table.transmission <= 1)
    sample = table.is_role(Role.SAMPLE)
    assert np.isfinite(table.time[sample]).all()
    assert_close(table.voltage[sample], np.full(9, 30.0), rel=1e-12)
    assert_close(np.unique(table.height[sample]), [4.6, 54.6, 1004.6], rel=1e-9)


def test_geometry_and_mask_are_those_pyfai_and_fabio_read(simulated: Path) -> None:
    import fabio
    import pyFAI

    geometry = pyFAI.load(str(simulated.parent / "geometry.poni"))
    q = geometry.qArray((195, 487))
    mask = fabio.open(str(simulated.parent / "mask.edf")).data
    assert set(np.unique(mask)) == {0, 1}
    assert np.all(mask[q < 0.07] == 1)
    assert mask.mean() < 0.1
    assert_close(geometry.wavelength, 9.3221e-11, rel=1e-4)


def test_images_and_nexus_hold_the_same_counts(simulated: Path, tmp_path: Path) -> None:
    images = simulate_run(small(output={"form": "cbf"}), tmp_path / "cbf", workers=1)
    _, nexus_table, nexus_frames = everything(simulated)
    run, table, frames = everything(images)
    assert run.frames.images == (tmp_path / "cbf" / "images").resolve()
    assert all(np.array_equal(a, b) for a, b in zip(frames, nexus_frames, strict=True))
    assert_close(table.transmission, nexus_table.transmission, rel=1e-12)
    assert_close(table.monitor, nexus_table.monitor, rel=1e-12)


def test_one_seed_one_run_whatever_the_threads(simulated: Path, tmp_path: Path) -> None:
    again = simulate_run(small(), tmp_path / "again", workers=3)
    other = simulate_run(small(output={"seed": 12}), tmp_path / "other")
    assert all(np.array_equal(a, b) for a, b in zip(everything(simulated)[2], everything(again)[2], strict=True))
    assert not np.array_equal(everything(simulated)[2][3], everything(other)[2][3])


def test_truth_lies_beside_the_run(simulated: Path) -> None:
    truth = read_results(simulated.parent / "truth.nxs")
    assert truth.volume_fraction.values.shape == (3, 3)
    assert truth.numbers["anode_height"].value == 4.6
    assert truth.numbers["onset_time"].value < 900.0
    _, table, frames = everything(simulated)
    sample = table.is_role(Role.SAMPLE)
    assert_close(table.transmission[sample], truth.quality["transmission"].ravel(), rel=1e-3, floor=4e-6)
    for y, x in truth.quality["dead_pixels_yx"].astype(int):
        assert all(frame[y, x] == 0 for frame in frames)
    for y, x in truth.quality["hot_pixels_yx"].astype(int):
        assert all(frame[y, x] > 1000 for frame in frames)


def test_experiment_beside_the_run_simulates_it_again(simulated: Path) -> None:
    assert read_experiment(simulated.parent / "experiment.toml") == small()


def test_without_alignment_frames_the_anode_height_is_given(tmp_path: Path) -> None:
    run = read_run(simulate_run(small(scan={"alignment": False}), tmp_path / "run"))
    assert run.cell.anode_height_um == 4.6


def test_an_earlier_simulation_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    experiment = small(scan={"scans": 1, "alignment": False, "heights_um": [0.0]})
    folder = tmp_path / "run"
    simulate_run(experiment.model_copy(update={"output": experiment.output.model_copy(update={"form": "cbf"})}), folder)
    simulate_run(experiment, folder)
    assert not (folder / "images").exists()
    measured = tmp_path / "measured"
    measured.mkdir()
    (measured / "run.toml").write_text("precious")
    with pytest.raises(InputFileError, match=r"holds run\.toml: must be a new or empty folder"):
        simulate_run(experiment, measured)
    assert (measured / "run.toml").read_text() == "precious"


def test_any_distribution_of_sizes(tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text("diameter_nm,number\n5.0, 1\n8.0, 3\n6.0, 2\n")
    experiment = small(
        solution={"core_diameter_nm": None, "core_sigma_nm": None, "distribution": tmp_path / "sizes.csv"},
        scan={"scans": 1, "alignment": False, "heights_um": [1000.0]},
    )
    run = simulate_run(experiment, tmp_path / "run")
    truth = read_results(run.parent / "truth.nxs")
    assert_close(truth.diameter.values, [[(5.0 + 16.0 / 2 * 3 + 12.0) / 6]], rel=0.01)
    copied = read_experiment(run.parent / "experiment.toml").solution.distribution
    assert copied == (run.parent / "sizes.csv").resolve()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("diameter,number\n5,1\n", "diameter_nm = missing: this column is required"),
        ("diameter_nm,number\n5,many\n", "row 1, number = 'many': is not a number"),
        ("diameter_nm,number\n5,-1\n6,2\n", "number = -1: must be a number of particles, 0 or more"),
        ("diameter_nm,number\n5,1\n5,2\n", "increase"),
        ("diameter_nm,number\n5\n", "row 1, number = None: is not a number"),
        ("", "there is no size in it"),
    ],
)
def test_bad_distributions_are_refused_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "sizes.csv").write_text(text)
    experiment = small(
        solution={"core_diameter_nm": None, "core_sigma_nm": None, "distribution": tmp_path / "sizes.csv"}
    )
    with pytest.raises(InputFileError, match=r"sizes\.csv") as error:
        simulate_run(experiment, tmp_path / "run")
    assert named in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_examples_are_the_experiments_of_the_documentation() -> None:
    default = read_experiment(EXAMPLES / "experiment.toml")
    plan = schedule(default)
    assert len(plan) == 2 + 6 + 6 + 21 + 168
    assert default.detector.name == "Pilatus2M"
    assert default.growth.solubility == 0.011
    assert len(schedule(read_experiment(EXAMPLES / "experiment_small.toml"))) == 115


def test_nucleation_leaves_micrographs_of_what_the_cell_grew(tmp_path: Path) -> None:
    law = {
        "nucleation": {"density_per_mm2": 60.0, "flux_m_per_s": 5e-10, "exponent": 0.0},
        "dried_film": {"detector": {"name": "Pilatus100k", "distance_m": 0.4, "beam_row": 170.0, "beam_column": 243.0}},
    }
    settings = Experiment.model_validate({**SMALL, "scan": {**SMALL["scan"], "heights_um": [0.0], "scans": 1}, **law})
    folder = simulate_run(settings, tmp_path / "run").parent
    rows = list(csv.DictReader((folder / "micrographs" / "truth.csv").open(encoding="utf-8")))
    images = sorted((folder / "micrographs").glob("field???.tif"))
    with TiffFile(images[0]) as tiff:
        per_cm = tiff.pages[0].tags["XResolution"].value
        side_mm = 10.0 * tiff.pages[0].imagewidth * per_cm[1] / per_cm[0]
    counted = sum(row["counted"] == "yes" for row in rows)
    expected = 60.0 * side_mm**2 * len(images)
    assert abs(counted - expected) < 4.0 * np.sqrt(expected)
    assert all(0.0 < float(row["born_s"]) < 900.0 for row in rows)
    film, anode = (json.loads((folder / part / "truth.json").read_text()) for part in ("film", "micrographs"))
    assert film["film_um"] == anode["film_um"] > 0.0
    assert (film["lattice"], film["normal"]) == ("FCC", [1, 1, 1])
    assert (folder / "film" / "film.cbf").is_file()
    simulate_run(folder / "experiment.toml", folder)  # what was written is read again
    assert (folder / "film" / "film.cbf").is_file()
    simulate_run(small(scan={"heights_um": [0.0], "scans": 1}), folder)
    assert not (folder / "micrographs").exists()
    assert not (folder / "film").exists()


def test_a_dried_film_without_islands_is_refused() -> None:
    with pytest.raises(ValueError, match="nucleation"):
        Experiment.model_validate({**SMALL, "dried_film": {}})
