"""Settings arrive whole, or one line says what is wrong with them."""

import re
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from electrosaxs.errors import InputFileError
from electrosaxs.io.run_toml import read_experiment, read_run, write_experiment, write_run
from electrosaxs.nouns import Beam, Cell, RunTitle, Solution

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import PONI, RUN, write_run_folder

EXPERIMENT = """[cell]
gap_mm = 3.5
path_length_mm = 10.0
[solution]
volume_fraction = 8.0e-4
core_diameter_nm = 7.1
core_sigma_nm = 1.1
[voltage]
time_s = [0.0, 600]
voltage_V = [19.95, 10.0]
[transport]
effective_charge = 0.045
[growth]
solubility = 0.011
[scan]
duration_s = 3300.0
heights_um = [0, 50, 100]
scans = 12
[beam]
energy_keV = 13.3
fwhm_um = 34.0
"""


def test_paths_of_a_run_are_absolute_and_relative_to_its_file(tmp_path, monkeypatch):
    toml = write_run_folder(tmp_path / "folder with space")
    monkeypatch.chdir(tmp_path)
    run = read_run(toml.relative_to(tmp_path))
    assert run.detector.geometry == toml.parent / "geometry.poni"
    assert run.frames.images == toml.parent / "images"
    assert run.frames.table == toml.parent / "frames.csv"
    assert run.cell.gap_mm == 3.5
    assert run.run.title == "57 V/cm"


def test_images_without_a_folder_lie_beside_the_table(tmp_path):
    toml = write_run_folder(tmp_path, run=RUN.replace('images = "images"\n', ""))
    assert read_run(toml).frames.images == tmp_path


def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path):
    toml = write_run_folder(tmp_path)
    toml.write_bytes(b"\xef\xbb\xbf" + toml.read_bytes().replace(b"\n", b"\r\n"))
    assert read_run(toml).beam.energy_keV == 13.3


MISTAKES = [
    ("gap_mm = 3.5", "gap_mm = -3.5", "cell.gap_mm = -3.5: must be above 0; give the distance"),
    ("gap_mm = 3.5", "gap_m = 3.5", "cell.gap_m = 3.5: is not a known key; did you mean gap_mm?"),
    ("gap_mm = 3.5\n", "", "cell.gap_mm = missing: is required; give the distance between the electrodes in mm"),
    ("gap_mm = 3.5", 'gap_mm = "3.5"', 'cell.gap_mm = "3.5": must be a number'),
    ("gap_mm = 3.5", "gap_mm = true", "cell.gap_mm = true: must be a number"),
    ("gap_mm = 3.5", "gap_mm = nan", "cell.gap_mm = nan: must be a finite number; give"),
    ("[cell]", "[cel]", "did you mean cell?"),
    ("8.0e-4", "1.2", "solution.volume_fraction = 1.2: must be 0.74 or less; give the volume fraction"),
    ("energy_keV = 13.3", "energy_keV = 13300", "beam.energy_keV = 13300: must be below 200"),
    ('table = "frames.csv"', 'nexus = "f.nxs"', "in one HDF5 file or in images; give one of both, nexus or images"),
    ('table = "frames.csv"', "", "images needs table, the CSV"),
    (
        "[run]",
        "[analysis]\nq_min_per_nm = 5.0\n[run]",
        r"analysis\.q_min_per_nm = 5: must be below q_max_per_nm = 3\.5",
    ),
    ("geometry.poni", "geom.poni", "detector.geometry = .*geom.poni: there is no such file; paths are relative"),
    ('images = "images"', 'images = "image"', "frames.images = .*: there is no such folder"),
    ("frames.csv", "frame.csv", "frames.table = .*: there is no such file"),
    ('"geometry.poni"', '"geometry.poni"\nmask = "m.edf"', "detector.mask = .*m.edf: there is no such file"),
    ("gap_mm = 3.5", "gap_mm = ", r"TOML syntax = 'gap_mm =': Invalid value \(at line 5"),
    ("gap_mm = 3.5", "gap_mm = 3.5 mm", "TOML syntax"),
    ("[cell]", "cell = 3\n[cello]", "run.cell = 3: is not a known key; known keys here are title"),
    ("[run]", "beam = 3\n[run]", "TOML syntax = .*"),
]


@pytest.mark.parametrize(("good", "bad", "message"), MISTAKES)
def test_each_mistake_in_a_run_is_one_line_with_file_field_rule_and_remedy(tmp_path, good, bad, message):
    assert good in RUN
    toml = write_run_folder(tmp_path, run=RUN.replace(good, bad))
    with pytest.raises(InputFileError) as caught:
        read_run(toml)
    text = str(caught.value)
    assert re.search(message, text), text
    assert text.startswith(str(toml) + ": ")
    assert "\n" not in text
    assert "; " in text


def test_the_geometry_of_a_run_is_looked_into(tmp_path):
    toml = write_run_folder(tmp_path)
    (tmp_path / "geometry.poni").write_text(PONI.replace("1.99389", "1993.89"))
    with pytest.raises(
        InputFileError, match=r"geometry\.poni: Distance = 1993\.89: must be in m.*1993\.89 mm is 1\.99389 m"
    ):
        read_run(toml)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    for path, rule in ((tmp_path / "no.toml", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(InputFileError, match=rule):
            read_run(path)
    binary = tmp_path / "b.toml"
    binary.write_bytes(b"a = '\xff'")
    with pytest.raises(InputFileError, match="UTF-8"):
        read_run(binary)


def test_a_written_run_is_read_back_the_same_and_names_its_files_relatively(tmp_path):
    run = read_run(write_run_folder(tmp_path))
    write_run(tmp_path / "again.toml", run)
    assert read_run(tmp_path / "again.toml") == run
    assert str(tmp_path) not in (tmp_path / "again.toml").read_text()


def test_a_written_experiment_is_read_back_the_same(tmp_path):
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    experiment = read_experiment(tmp_path / "e.toml")
    assert experiment.voltage.time_s == [0.0, 600.0]
    write_experiment(tmp_path / "f.toml", experiment)
    assert read_experiment(tmp_path / "f.toml") == experiment


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        (
            "core_sigma_nm = 1.1\n",
            "",
            r"solution\.core_sigma_nm = missing: .*give core_diameter_nm and core_sigma_nm .*, or distribution",
        ),
        ("[19.95, 10.0]", "[19.95]", r"voltage\.voltage_V = 1 values: .*same length"),
        ("[0.0, 600]", "[0.0, -1.0]", r"voltage\.time_s = -1 after 0: time_s must increase"),
        ("scans = 12", "scans = 12.5", "scan.scans = 12.5: must be a whole number"),
        ("[0, 50, 100]", '[0, "x"]', r'scan.heights_um\[1\] = "x"'),
        (
            "[beam]",
            "[detector]\ndistance_m = 1993.89\n[beam]",
            "detector.distance_m = 1993.89: .*1993.89 mm is 1.99389",
        ),
        ("effective_charge", 'charge_model = "fast"\neffective_charge', "transport.charge_model = .*fast-exchange"),
    ],
)
def test_each_mistake_in_an_experiment_is_one_line(tmp_path, good, bad, message):
    assert good in EXPERIMENT
    (tmp_path / "e.toml").write_text(EXPERIMENT.replace(good, bad))
    with pytest.raises(InputFileError, match=message):
        read_experiment(tmp_path / "e.toml")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    title=st.text(st.characters(codec="utf-8")),
    gap=st.floats(1.0, 100.0),
    volts=st.floats(-1e3, 1e3),
    fwhm=st.floats(0.1, 999.0),
    phi=st.floats(1e-9, 0.74),
)
def test_any_settings_survive_writing_and_reading(tmp_path, title, gap, volts, fwhm, phi):
    run = read_run(write_run_folder(tmp_path)).model_copy(
        update={
            "run": RunTitle(title=title),
            "cell": Cell(gap_mm=gap, path_length_mm=10.0, voltage_V=volts),
            "beam": Beam(energy_keV=13.3, fwhm_um=fwhm),
            "solution": Solution(volume_fraction=phi, dry_shell_nm=1.115),
        }
    )
    write_run(tmp_path / "any.toml", run)
    assert read_run(tmp_path / "any.toml") == run
