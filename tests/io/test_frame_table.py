"""A frame table is refused where it cannot be meant so, and one bad frame does not end a run."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.io.arriving import arriving
from electrosaxs.io.beamline.roles import roles
from electrosaxs.io.cbf import write_cbf
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run
from electrosaxs.io.table_csv import write_table_csv
from electrosaxs.io.table_nexus import write_nexus_table
from electrosaxs.nouns.frame_source import RoleReading

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import CSV, RUN, frame_table, with_nexus, write_run_folder


def table_of(tmp_path, csv, run=RUN):
    return read_table(read_run(write_run_folder(tmp_path, run=run, csv=csv)))


def nexus_run(tmp_path, change=lambda group: None, n=6):
    run = read_run(write_run_folder(tmp_path))
    path = tmp_path / "frames.nxs"
    with h5py.File(path, "w") as file:
        write_nexus_table(file.create_group("entry"), frame_table(n, path))
        change(file["entry/frames"])
    return with_nexus(run, path)


def test_a_table_has_one_row_per_frame_and_a_constant_voltage_where_no_column_gives_it(tmp_path):
    table = table_of(tmp_path, CSV)
    assert len(table) == 4
    assert table.file == ("a.cbf", "b.cbf", "c.cbf", "d.cbf")
    assert list(table.role) == ["sample", "sample", "reference", "solvent"]
    assert_close(table.height, [0, 50, 50, 50], rel=1e-15)
    assert np.isnan(table.time[2:]).all()
    assert_close(table.voltage, np.full(4, 19.95), rel=1e-15)
    assert table.current is None
    assert table_of(tmp_path, CSV, RUN.replace("voltage_V = 19.95\n", "")).voltage is None


def test_order_of_columns_further_columns_comments_spaces_and_line_ends_do_not_matter(tmp_path):
    plain = table_of(tmp_path, CSV)
    rows = [line.split(",") for line in CSV.splitlines()]
    for delimiter in (",", ";", "\t"):
        shuffled = [f" {delimiter} ".join([*row[::-1], "note"]) for row in rows]
        text = "\ufeff# logged by hand\r\n\r\n" + "\r\n# more\r\n".join(shuffled) + "\r\n\r\n"
        other = table_of(tmp_path, text)
        assert other.file == plain.file
        assert list(other.role) == list(plain.role)
        for name in ("height", "time", "exposure", "monitor", "transmission", "voltage"):
            assert np.array_equal(getattr(other, name), getattr(plain, name), equal_nan=True)


def without_column(csv, name):
    rows = [line.split(",") for line in csv.splitlines()]
    skip = rows[0].index(name)
    return "\n".join(",".join(cell for i, cell in enumerate(row) if i != skip) for row in rows)


MISTAKES = [
    (without_column(CSV, "transmission"), "column transmission = missing: .*not taken as 1.*2.2 times enrichment"),
    (without_column(CSV, "height_um"), "column height_um = missing: is required"),
    (without_column(CSV, "exposure_s"), "column exposure_s = missing"),
    (without_column(CSV, "file"), "column file = missing"),
    (CSV.replace("height_um", "height_mm"), "found height_mm: the unit is part of the name"),
    (CSV.replace("b.cbf,sample", "b.cbf,sampel"), r"row 2 \(line 3\), role = 'sampel': .*did you mean sample"),
    (CSV.replace("50,12.0", "50,12 s"), r"row 2 \(line 3\), time_s = '12 s': is not a number"),
    (CSV.replace("1.1e9,0.32", "1.1e9"), r"row 2 \(line 3\) = .*has 6 cells, the header has 7"),
    (CSV.replace("b.cbf,", ","), r"row 2 \(line 3\), file = empty"),
    (CSV.replace("0.3", "3").replace("0.4", "4"), "transmission = 31.5: .*looks like a percentage, divide by 100"),
    (CSV.replace(",0.33", ",-1"), r"transmission \(1 of 1 reference frames\) = -1: must be in \(0, 1\]"),
    (CSV.replace(",0.41", ","), r"transmission \(1 of 1 solvent frames\) = empty"),
    (CSV.replace("10.5", "").replace("12.0", ""), r"time_s \(2 of 2 sample frames\) = empty"),
    (CSV.replace("1e9", "0"), r"monitor_counts \(1 of 1 reference frames\) = 0: must be above 0|2 of"),
    (CSV.replace("reference", "empty"), "role reference = no frame"),
    (CSV.replace("solvent", "empty"), "role solvent = no frame"),
    (CSV.replace("sample", "alignment"), "role sample = no frame"),
    (CSV.replace("file,role", "file,role,role"), "role = twice"),
    ("", "table = empty"),
]


@pytest.mark.parametrize(("csv", "message"), MISTAKES)
def test_each_mistake_in_a_table_is_one_line(tmp_path, csv, message):
    with pytest.raises(InputFileError, match=message) as caught:
        table_of(tmp_path, csv)
    assert "frames.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def many(**cells):
    """20 sample rows, the cells of the fourth replaced."""
    head, *rest = CSV.splitlines()
    rows = [f"s{i}.cbf,sample,{50 * i},{10 + i},1,1e9,0.3" for i in range(20)]
    columns = head.split(",")
    row = rows[3].split(",")
    for name, value in cells.items():
        row[columns.index(name)] = value
    rows[3] = ",".join(row)
    return "\n".join([head, *rows, *rest[2:]])


@pytest.mark.parametrize(
    "cells",
    [{"transmission": v} for v in ("", "nan", "0", "-0.2", "1.7", "inf")]
    + [{"monitor_counts": "0"}, {"exposure_s": "-1"}, {"time_s": ""}, {"height_um": ""}],
)
def test_one_bad_frame_stays_in_the_table_and_does_not_end_the_run(tmp_path, cells):
    table = table_of(tmp_path, many(**cells))
    assert len(table) == 22
    good = (table.transmission > 0) & (table.transmission <= 1) & (table.monitor > 0) & (table.exposure > 0)
    good &= np.isfinite(table.height) & (np.isfinite(table.time) | (table.role != "sample"))
    assert np.flatnonzero(~good).tolist() == [3]


def test_a_csv_table_survives_writing_and_reading(tmp_path):
    before = frame_table(7, tmp_path, file=tuple(f"f{i},x.cbf" for i in range(7)))
    toml = write_run_folder(tmp_path)
    write_table_csv(tmp_path / "frames.csv", before)
    after = read_table(read_run(toml))
    assert after.file == before.file
    for name in ("role", "height", "time", "exposure", "monitor", "transmission", "voltage", "current"):
        a, b = getattr(after, name), getattr(before, name)
        assert np.array_equal(a, b, equal_nan=name == "time"), name


def test_a_nexus_table_gives_the_numbers_that_went_in(tmp_path):
    table = read_table(nexus_run(tmp_path))
    expected = frame_table(6, tmp_path)
    for name in ("role", "height", "time", "exposure", "monitor", "transmission", "voltage", "current"):
        assert np.array_equal(getattr(table, name), getattr(expected, name), equal_nan=name == "time"), name
    assert table.file == ()


def test_units_that_can_be_converted_are(tmp_path):
    def change(group):
        for name, unit, factor in (
            ("height", "mm", 1e-3),
            ("time", "ms", 1e3),
            ("voltage", "mV", 1e3),
            ("transmission", "percent", 100),
        ):
            group[name][...] = group[name][()] * factor
            group[name].attrs["units"] = unit

    table, expected = read_table(nexus_run(tmp_path, change)), frame_table(6, tmp_path)
    assert_close(table.height, expected.height, rel=1e-14)
    assert_close(table.time[2:], expected.time[2:], rel=1e-14)
    assert_close(table.voltage, expected.voltage, rel=1e-14)
    assert_close(table.transmission, expected.transmission, rel=1e-14)


def replace(group, name, data, units=None):
    old = group[name].attrs.get("units", "")
    del group[name]
    group.create_dataset(name, data=data).attrs["units"] = units or old


NEXUS_MISTAKES = [
    (lambda g: g["height"].attrs.__delitem__("units"), "height@units = missing: every column states its unit"),
    (lambda g: g["height"].attrs.__setitem__("units", "s"), "height@units = 's': cannot be converted to um"),
    (lambda g: g["height"].attrs.__setitem__("units", "furlong2"), "height@units = 'furlong2'"),
    (lambda g: g.__delitem__("transmission"), "/entry/frames/transmission = missing: .*not taken as 1"),
    (lambda g: replace(g, "time", np.arange(4.0)), r"time = shape \(4,\): role has shape \(6,\)"),
    (lambda g: replace(g, "time", np.ones((6, 2))), r"time = shape \(6, 2\)"),
    (lambda g: replace(g, "time", [b"a"] * 6), "time = type .*must be numbers"),
    (lambda g: g.__delitem__("role"), "/entry/frames/role = missing"),
    (lambda g: g["role"].__setitem__(2, "sampel"), "frame 2, role = 'sampel': .*did you mean sample"),
    (lambda g: g["transmission"].__setitem__(slice(None), np.full(6, 40.0)), "looks like a percentage"),
]


@pytest.mark.parametrize(("change", "message"), NEXUS_MISTAKES)
def test_each_mistake_in_a_nexus_table_is_one_line(tmp_path, change, message):
    with pytest.raises(InputFileError, match=message):
        read_table(nexus_run(tmp_path, change))


def test_a_nexus_file_without_table_and_a_file_that_is_none_are_refused(tmp_path):
    run = nexus_run(tmp_path)
    with h5py.File(run.frames.nexus, "w") as file:
        file.create_group("entry")
    with pytest.raises(InputFileError, match="/entry/frames = missing"):
        read_table(run)
    run.frames.nexus.write_text("hello " * 500)
    with pytest.raises(InputFileError, match="is not an HDF5 file"):
        read_table(run)


def with_times(csv, change):
    rows = [line.split(",") for line in csv.splitlines()]
    return (
        "\n".join([csv.splitlines()[0], *(",".join([*row[:3], change(row[3]), *row[4:]]) for row in rows[1:])]) + "\n"
    )


MANY = CSV.splitlines()[0] + "\n" + "\n".join(
    [f"s{i}.cbf,sample,{50 * i},{10.5 + 15 * i},1,1e9,0.31" for i in range(6)] + CSV.splitlines()[3:]
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: f"{float(t) + 1.7e9}",
            r"time_s = 17000000\d\d.*seconds since 1970 .* 2023-11-14 22:1.* subtract .*field",
        ),
        (lambda t: f"{1e3 * (float(t) + 1.7e9)}", r"milliseconds since 1970 .* 2023-11-14"),
        (lambda t: f"{float(t) - 1.7e9}", "cannot be seconds from field-on"),
        (lambda t: f"{float(t) - 400}", "most sample frames lie before field-on; "),
        (lambda t: f"{float(t) - 3600}", "before field-on, the first of them about an hour: .* daylight saving or UTC"),
        (lambda t: f"{float(t) - 7200}", "before field-on, the first of them about 2 hours: "),
        (lambda t: f"{float(t) / 3600}", r"6 frames of 1 s do not fit into 0\.02.*hours"),
        (lambda t: f"{1e3 * float(t)}", r"a frame of 1 s every 4\.2 h is no scan.*milliseconds"),
    ],
)
def test_times_that_are_not_seconds_from_field_on_are_refused(tmp_path, change, message):
    with pytest.raises(InputFileError, match=message):
        table_of(tmp_path, with_times(MANY, lambda t: change(t) if t else t))


def test_one_date_among_the_times_costs_its_frame_alone(tmp_path):
    table = table_of(tmp_path, MANY.replace(",25.5,", ",1700000025.5,"))
    assert list(np.isfinite(table.time[:6])) == [True, False, True, True, True, True]


def test_heights_of_which_some_are_in_mm_are_refused(tmp_path):
    again = [f"t{i}.cbf,sample,{50e-3 * i:g},{110.5 + 15 * i},1,1e9,0.31" for i in range(6)]
    head, *rows = MANY.splitlines()
    with pytest.raises(InputFileError, match=r"height_um = 0\.25: 5 heights are a thousandth of others.*in mm"):
        table_of(tmp_path, "\n".join([head, *rows[:6], *again, *rows[6:]]) + "\n")
    near = [f"t{i}.cbf,sample,{0.03 * i:g},{110.5 + 15 * i},1,1e9,0.31" for i in range(6)]  # a stage about 0
    assert len(table_of(tmp_path, "\n".join([head, *rows[:6], *near, *rows[6:]]) + "\n")) == len(rows) + 6


def test_paths_of_windows_are_read_and_its_disks_refused(tmp_path):
    assert table_of(tmp_path, CSV.replace("b.cbf", r"day 1\b.cbf")).file[1] == "day 1/b.cbf"
    for name in (r"D:\data\b.cbf", r"\\server\data\b.cbf"):
        with pytest.raises(
            InputFileError, match=r"row 2 .*b\.cbf: is on a disk of a Windows computer; .*frames\.images"
        ):
            table_of(tmp_path, CSV.replace("b.cbf", name))


def test_roles_may_be_written_in_capitals(tmp_path):
    assert list(table_of(tmp_path, CSV.replace("sample", "Sample").replace("solvent", "SOLVENT ")).role) == [
        "sample", "sample", "reference", "solvent",
    ]  # fmt: skip


def test_a_value_of_all_frames_and_an_axis_of_one_are_what_they_seem(tmp_path):
    def change(group):
        replace(group, "exposure", 0.75, "s")
        replace(group, "height", group["height"][:].reshape(-1, 1), "um")

    run = nexus_run(tmp_path, change)
    table, plain = read_table(run), frame_table(6, tmp_path)
    assert_close(table.exposure, plain.exposure, rel=1e-15)
    assert_close(table.height, plain.height, rel=1e-15)
    live = arriving(run).rows()
    assert_close([row.numbers["exposure"] for row in live], plain.exposure, rel=1e-15)
    assert_close([row.numbers["height"] for row in live], plain.height, rel=1e-15)


def test_images_may_be_named_from_the_folder_of_the_table(tmp_path):
    csv = CSV.replace("a.cbf", "images/a 1.cbf").replace("b.cbf", "./images/b.cbf")
    run = read_run(write_run_folder(tmp_path, csv=csv))
    for number, name in enumerate(("a 1", "b", "c", "d")):
        write_cbf(tmp_path / "images" / f"{name}.cbf", np.full((4, 6), 10 + number, np.int32), {})
    frames = open_frames(run, read_table(run))
    assert [frames.read(k)[2, 3] for k in range(4)] == [10, 11, 12, 13]
    live = arriving(run)
    assert [live.read(row)[2, 3] for row in live.rows()] == [10, 11, 12, 13]


def test_names_that_are_roles_mean_them():
    names = ["Reference", "solvent", "s1", "buffer"]
    reading = RoleReading(column="what", solvent="buffer")
    assert list(roles(reading, names, Path("t.csv"))) == ["reference", "sample", "sample", "solvent"]
