"""What a table or a file of a beamline does not say is asked for in one line; what cannot be meant so is refused."""

import sys
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import FrameError, InputFileError
from electrosaxs.io.arriving import arriving
from electrosaxs.io.beamline.units import factor
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run

sys.path.insert(0, str(Path(__file__).parent))
import layouts


def table_of(folder: Path, frames_toml: str):
    return read_table(read_run(layouts.write_run(folder, frames_toml)))


def read_all(folder: Path, frames_toml: str) -> None:
    run = read_run(layouts.write_run(folder, frames_toml))
    open_frames(run, read_table(run)).close()


MISTAKES = [
    ('column = "sam_z", unit = "mm"', 'column = "sam_z"', "height.unit = missing: sam_z states no unit, .*give unit = .*mm"),
    ('unit = "mm"', 'unit = "s"', "height.unit = 's': cannot be converted to um"),
    ('column = "sam_z"', 'column = "samz"', "columns.height = samz: is no column of the table; columns are title, scan, sam_x"),
    ('over = "pind4"', 'over = "title"', r"transmission.over = title: holds text \(7 ascan"),
    (", empty = 0.913", "", "columns.transmission.empty = missing: is required beside over; .*empty beam"),
    ("sign = -1", "sign = -2", "height.sign = -2: must be"),
    (f"field_on = {layouts.FIELD_ON}", 'field_on = "yesterday"', "time = 'yesterday': is no date: ISO 8601"),
    (f"field_on = {layouts.FIELD_ON}", 'field_on = "2018-11-28T08:00:00"', "names no time zone, and the frames have seconds"),
    (f", field_on = {layouts.FIELD_ON}", ', field_on = 1500.0e6', "time_s = 433920.*cannot be seconds from field-on"),
    ('solvent = "2-3"', 'solvent = "2-30"', "role.solvent = 2-30: the table has rows 0 to 11"),
    ('solvent = "2-3"', 'solvent = "tol*"', r"role.solvent = tol\*: fits no row; names are not given"),
    ("scan.spec::7.1", "scan.spec::9.1", "frames.table = 9.1: the file has no scan 9.1; scans are 7.1"),
    ("scan.spec::7.1", "scan.csv::7.1", "frames.table = .*scan.csv: there is no such file"),
    ("run_master.h5", "runmaster.h5", "frames.nexus = .*runmaster.h5: there is no such file"),
    ('"run_master.h5"', '"run_master.h5"\ndata = "/entry/data/raw"', "is no image stack of the file; .*stacks are"),
    ("height = {", "heigth = {", "columns.heigth = .*is not a known key; did you mean height"),
]  # fmt: skip


@pytest.fixture(scope="module")
def eiger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("eiger")
    return folder, layouts.dectris(folder)


@pytest.mark.parametrize(("good", "bad", "message"), MISTAKES)
def test_each_mistake_is_one_line(eiger: tuple[Path, str], good: str, bad: str, message: str) -> None:
    folder, text = eiger
    assert good in text
    with pytest.raises(InputFileError, match=message) as caught:
        read_all(folder, text.replace(good, bad))
    assert "\n" not in str(caught.value)


def test_a_clock_may_show_the_start_or_the_end_and_field_on_is_found_from_the_voltage(eiger: tuple[Path, str]) -> None:
    folder, text = eiger
    for at, half in (("start", 0.5), ("middle", 0.0), ("end", -0.5)):
        moved = text.replace(f"field_on = {layouts.FIELD_ON}", f'field_on = {layouts.FIELD_ON}, at = "{at}"')
        assert_close(table_of(folder, moved).time, layouts.TIME_S + half * layouts.EXPOSURE_S, rel=1e-6)
    found = table_of(folder, text.replace(f", field_on = {layouts.FIELD_ON}", ""))
    first = layouts.TIME_S[layouts.VOLTAGE_V > 0].min()
    assert np.abs(found.time - (layouts.TIME_S - first)).max() < 1e-6
    assert any("up to 44.5 s late" in words for words in found.origin)


def test_frames_that_are_not_meant_are_left_out_with_their_pixels(eiger: tuple[Path, str]) -> None:
    folder, text = eiger
    run = read_run(layouts.write_run(folder, text.replace('reference = "0-1"', 'ignore = "0, 5", reference = "1"')))
    table = read_table(run)
    assert len(table) == layouts.N - 2
    with closing(open_frames(run, table)) as reader:
        assert np.array_equal(reader.read(4)[10:], layouts.frames()[6][10:])


def test_frames_of_a_beamline_are_not_followed_live(eiger: tuple[Path, str]) -> None:
    run = read_run(layouts.write_run(*eiger))
    with pytest.raises(InputFileError, match="are not followed while they are written; electrosaxs analyse reads them"):
        arriving(run)


def test_a_table_of_ours_beside_images_needs_no_columns(tmp_path: Path) -> None:
    text = layouts.aps_12id(tmp_path)
    names = [f"SAXS/S{i}.cbf" for i in (2, 1, *range(3, 13))]
    rows = [
        f"{name},{role},{height},{time},0.75,30000,0.4"
        for name, role, height, time in zip(names, layouts.ROLE, layouts.HEIGHT_UM, layouts.TIME_S, strict=True)
    ]
    head = "file,role,height_um,time_s,exposure_s,monitor_counts,transmission"
    (tmp_path / "frames.csv").write_text("\n".join([head, *rows]))
    run = read_run(
        layouts.write_run(tmp_path, text.partition("\n")[0] + '\nimages = "SAXS/*.cbf"\ntable = "frames.csv"\n')
    )
    table = read_table(run)
    assert table.file[:3] == ("S2.cbf", "S1.cbf", "S3.cbf")
    assert_close(table.height, layouts.HEIGHT_UM, rel=1e-12)
    assert_close(table.time, layouts.TIME_S, rel=1e-12)


def test_several_stacks_are_listed_and_their_frames_not_guessed(tmp_path: Path) -> None:
    text = layouts.i22(tmp_path)
    with h5py.File(tmp_path / "i22-300.nxs", "a") as file:
        file["entry1/WAXS/data"] = np.ones((12, 5, 4), np.uint16)
    with pytest.raises(
        InputFileError, match=r"there are several image stacks; .*/entry1/Pilatus2M/data .*/entry1/WAXS/data"
    ):
        table_of(tmp_path, text.replace('data = "/entry1/Pilatus2M/data"\n', ""))


def test_a_detector_s_file_that_was_not_copied_is_named(tmp_path: Path) -> None:
    text = layouts.i22(tmp_path)
    (tmp_path / "i22-Pilatus2M.h5").unlink()
    gone = r"is in i22-Pilatus2M\.h5, and there is no such file"
    with pytest.raises(InputFileError, match=f"frames.data = /entry1/Pilatus2M/data: {gone}"):
        table_of(tmp_path, text)
    with pytest.raises(
        InputFileError, match=f"several image stacks; .*/entry1/Pilatus2M/data .1 missing, the first {gone}"
    ):
        table_of(tmp_path, text.replace('data = "/entry1/Pilatus2M/data"\n', ""))


def test_a_counter_of_another_length_than_the_frames_is_refused(tmp_path: Path) -> None:
    text = layouts.i22(tmp_path)
    with h5py.File(tmp_path / "i22-300.nxs", "a") as file:
        file["entry1/short"] = np.ones(7)
    changed = text.replace('monitor = { column = "/entry1/I0/data"', 'monitor = { column = "/entry1/short"')
    with pytest.raises(InputFileError, match=r"/entry1/short = shape \(7,\): there are 12 rows in 6 x 2"):
        table_of(tmp_path, changed)


def test_as_many_rows_as_frames(tmp_path: Path) -> None:
    text = layouts.dectris(tmp_path)
    layouts.write_spec(tmp_path / "scan.spec", scans=(slice(0, 11),))
    run = read_run(layouts.write_run(tmp_path, text))
    with pytest.raises(InputFileError, match=r"data_\* = 12 frames: the table has 11 rows; .*ignore"):
        open_frames(run, read_table(run))
    text = layouts.aps_12id(tmp_path / "aps")
    (tmp_path / "aps" / "SAXS" / "S3.cbf").unlink()
    with pytest.raises(InputFileError, match=r"frames\.images = 11 frames: the table has 12 rows"):
        table_of(tmp_path / "aps", text)


def test_a_damaged_data_file_costs_its_frames_and_a_damaged_master_the_run(tmp_path: Path) -> None:
    text = layouts.dectris(tmp_path, per_file=3)
    (tmp_path / "run_data_000003.h5").write_bytes(b"nothing")
    run = read_run(layouts.write_run(tmp_path, text))
    table = read_table(run)
    with closing(open_frames(run, table)) as reader:
        assert reader.why_not(5) == ""
        assert "run_data_000003.h5, which is damaged or no HDF5 file" in reader.why_not(6)
        with pytest.raises(FrameError, match=r"frame 8 .*the frame is left out"):
            reader.read(8)
        assert np.array_equal(reader.read(11)[10:], layouts.frames()[11][10:])
    (tmp_path / "run_master.h5").write_bytes((tmp_path / "run_master.h5").read_bytes()[:-900])
    with pytest.raises(InputFileError, match=r"run_master\.h5: .*truncated file"):
        open_frames(run, table)


@pytest.mark.parametrize(
    ("unit", "ours", "expected"),
    [("mm", "um", 1e3), ("microns", "um", 1.0), ("m", "um", 1e6), ("\N{GREEK SMALL LETTER MU}m", "um", 1.0),
     ("msec", "s", 1e-3),
     ("minutes", "s", 60.0), ("eV", "keV", 1e-3), ("%", "one", 0.01), ("nA", "A", 1e-9), ("cts", "counts", 1.0),
     ("clicks", "um", None), ("V", "s", None)],
)  # fmt: skip
def test_units_are_understood_as_they_are_written(unit: str, ours: str, expected: float | None) -> None:
    found = factor(unit, ours)
    assert found is expected if expected is None else abs(found / expected - 1) < 1e-12
