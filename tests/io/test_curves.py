"""A curve arrives in 1/nm with its sigma, or the file says in which line it is none."""

import h5py
import numpy as np
import pytest
from closeness import assert_close
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sasdata.dataloader.loader import Loader

from electrosaxs.errors import InputFileError, ShapeError
from electrosaxs.io.contents import contents as contents_of_file
from electrosaxs.io.curve import q_factors
from electrosaxs.io.curves import read_curve
from electrosaxs.io.nxcansas import NxcansasFiles, read_nxcansas, write_nxcansas

Q = np.geomspace(0.11, 3.7, 40)  # 1/nm
I = 1e3 * np.exp(-Q) + 2.5  # noqa: E741  the name of the quantity
S = 0.02 * I


def text_of(columns, *, head="", separator=" ", end="\n"):
    rows = [separator.join(f"{v:.9e}" for v in row) for row in zip(*columns, strict=True)]
    return head + end.join(rows) + end


def read_text(tmp_path, text, **how):
    path = tmp_path / "curve.dat"
    path.write_text(text, encoding="utf-8", newline="")
    (curve,) = read_curve(path, **how)
    return curve


HEADS = {
    "# q (1/Angstrom), Intensity (arb)\n": 10,
    "#       q_nm^-1              I           sigma \n": 1,
    "q [Å⁻¹]\tI\n": 10,
    "Q (A^-1)  I(Q) (cm^-1)  Error (cm^-1)\n": 10,
    "q/nm-1,I,sigma\n": 1,
    "Sample A-1 of batch 3\n# unit of q: nm^{-1}\nsome words\n": 1,
    "; units: 1/nm\n12 13\n": 1,
    "Sv = 6e-5 1/A\nq in inverse nanometers\n": 1,
    "<X> 1/A\t<Y>\n": 10,
    "q_per_nm,intensity\n": 1,
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("separator", [" ", "\t", ",", ";", " , ", "   "])
def test_the_unit_of_q_is_found_beside_q_whatever_separates_the_columns(tmp_path, head, separator):
    factor = HEADS[head]
    curve = read_text(tmp_path, text_of((Q / factor, I, S), head=head, separator=separator, end="\r\n"))
    assert_close(curve.q, Q, rel=1e-9)
    assert_close(curve.intensity, I, rel=1e-9)
    assert_close(curve.sigma, S, rel=1e-9)


@pytest.mark.parametrize("head", ["", "Sv = 6e-5 1/A, Cp in A^-5\n", "q I sigma\n", "# q (furlongs)\n"])
def test_a_unit_that_nobody_states_is_asked_for_and_can_be_given(tmp_path, head):
    text = text_of((Q / 10, I, S), head=head)
    with pytest.raises(InputFileError, match=r'unit of q = unknown: .*q_unit="1/nm" or "1/A"'):
        read_text(tmp_path, text)
    assert_close(read_text(tmp_path, text, q_unit="1/A").q, Q, rel=1e-9)
    assert_close(read_text(tmp_path, text, q_unit="nm^-1").q, Q / 10, rel=1e-9)
    with pytest.raises(InputFileError, match="unit of q = '1/cm'"):
        read_text(tmp_path, text, q_unit="1/cm")


def test_a_given_unit_overrides_the_header_and_two_units_are_none(tmp_path):
    assert_close(read_text(tmp_path, text_of((Q, I), head="# q_A^-1 I\n"), q_unit="1/nm").q, Q, rel=1e-9)
    with pytest.raises(InputFileError, match="both stand in the header"):
        read_text(tmp_path, text_of((Q, I), head="# q in 1/nm (not 1/A)\n"))


@pytest.mark.parametrize("text", ["1/nm", "nm^-1", "nm⁻¹", "NM-1", "1 / nm", "nm^{-1}", "1/nanometer", "inverse nm"])
def test_ways_to_write_a_reciprocal_nanometre(text):
    assert q_factors(text) == {1.0}


@pytest.mark.parametrize(
    "text", ["1/A", "A^-1", "Å⁻¹", "\u212b-1", "1/angstrom", "1/Angstroms", "per_angstrom", "1/ang"]
)
def test_ways_to_write_a_reciprocal_angstrom(text):
    assert q_factors(text) == {10.0}


@pytest.mark.parametrize("text", ["1/cm", "nm", "A", "A^-5", "cm^-1 A^-10", "nm^-2", "sample 12", "1/amu", "1/nmol"])
def test_other_units_are_no_unit_of_q(text):
    assert q_factors(text) == set()


def test_columns_are_taken_by_name_where_they_are_named(tmp_path):
    curve = read_text(tmp_path, text_of((I, S, Q, S), head="intensity;dI;q (1/nm);T\n", separator=";"))
    assert_close(curve.q, Q, rel=1e-9)
    assert_close(curve.intensity, I, rel=1e-9)
    assert_close(curve.sigma, S, rel=1e-9)
    assert curve.notes == ("columns not used: T",)
    unnamed = read_text(tmp_path, text_of((Q, I, S), head="my gold sample\n"), q_unit="1/nm")
    assert_close(unnamed.sigma, S, rel=1e-9)
    other = read_text(tmp_path, text_of((Q, I, S), head="q(1/nm), P(q), S(q)\n", separator=","))
    assert other.sigma is None


@pytest.mark.parametrize("nothing", [0.0, -1.0])
def test_a_sigma_of_zero_or_minus_one_throughout_is_no_sigma(tmp_path, nothing):
    curve = read_text(tmp_path, text_of((Q, I, np.full_like(Q, nothing)), separator=";"), q_unit="1/nm")
    assert curve.sigma is None
    assert "taken as absent" in curve.notes[0]


def test_decimal_commas_blank_lines_comments_and_footers_do_not_disturb(tmp_path):
    rows = text_of((Q, I), separator=";").replace(".", ",").splitlines()
    rows[7:7] = ["", "# a comment"]
    text = "\n".join(["\ufeffq (1/nm);I", *rows, "# counter: 62.0", "the end"])
    curve = read_text(tmp_path, text)
    assert_close(curve.q, Q, rel=1e-9)
    assert_close(curve.intensity, I, rel=1e-9)


def broken(line, text):
    """The table with one line replaced; the header is line 1."""
    lines = text_of((Q, I, S), head="q(1/nm) I sigma\n").splitlines()
    lines[line - 1] = text
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (broken(9, "0.01 1 1"), "line 9, q = 0.01: must be larger than in the row before"),
        (broken(2, "-0.2 1 1"), "line 2, q = -0.2: must be above 0"),
        (broken(2, "0 1 1"), "line 2, q = 0: must be above 0"),
        (broken(5, "nan 1 1"), "line 5, q = nan: must be a finite number"),
        (broken(5, f"{Q[3]} nan 1"), "line 5, I = nan"),
        (broken(5, f"{Q[3]} 1 inf"), "line 5, sigma = inf"),
        (broken(5, f"{Q[3]} 1 -0.5"), "line 5, sigma = -0.5: must not be negative"),
        (broken(20, "abc"), "line 20 = 'abc': stands between rows"),
        (broken(3, "abc"), "line 3 = 'abc'"),
        (broken(41, "3.7 1"), "line 41 = '3.7 1'"),
        (broken(41, "3.7"), "line 41 = '3.7'"),
        ("q (1/nm) I\n1 2\n", "curve = 1 rows of numbers: needs 5 or more"),
        ("", "curve = 0 rows"),
    ],
)
def test_what_is_no_curve_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(InputFileError, match=message):
        read_text(tmp_path, text)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    for path, message in ((tmp_path / "none.dat", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(InputFileError, match=message):
            read_curve(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.floats(1e-3, 1.0), min_size=5, max_size=30),
    scale=st.floats(1e-12, 1e12),
    separator=st.sampled_from([" ", ",", ";", "\t"]),
    unit=st.sampled_from(["1/nm", "1/A"]),
)
def test_any_curve_survives_text_and_nxcansas(tmp_path, steps, scale, separator, unit):
    q = np.cumsum(steps)
    intensity = scale * np.cos(q)
    factor = 10 if unit == "1/A" else 1
    rows = separator.join(("{0!r}", "{1!r}", "{2!r}"))
    lines = [rows.format(*map(float, row)) for row in zip(q / factor, intensity, np.full_like(q, scale), strict=True)]
    curve = read_text(tmp_path, "\n".join([f"# q ({unit}) I sigma", *lines]))
    assert_close(curve.q, q, rel=1e-15)
    assert np.array_equal(curve.intensity, intensity)
    write_nxcansas(tmp_path / "c.h5", curve.q, curve.intensity, curve.sigma, {})
    (again,) = read_curve(tmp_path / "c.h5")
    for name in ("q", "intensity", "sigma"):
        assert np.array_equal(getattr(again, name), getattr(curve, name))


ABOUT = {"title": "57 V/cm", "run": "r7", "sample": "Ag", "wavelength_nm": 0.0932, "height_um": 50.0, "time_s": 12.5}


def test_sasview_reads_what_was_written_in_its_own_unit(tmp_path):
    path = tmp_path / "one.h5"
    write_nxcansas(path, Q, I, S, ABOUT)
    (data,) = Loader().load(str(path))
    assert data.errors == []
    assert data.x_unit == "A^{-1}"
    assert_close(data.x, Q / 10, rel=1e-12)
    assert_close(data.y, I, rel=1e-15)
    assert_close(data.dy, S, rel=1e-15)
    assert (data.title, data.sample.name, data.run) == ("57 V/cm", "Ag", ["r7"])
    assert_close(data.source.wavelength, 0.932, rel=1e-12)
    assert "height_um = 50.0" in str(data.process[0])


def test_several_curves_of_a_map_row_are_several_data_sets(tmp_path):
    path = tmp_path / "row.h5"
    values = np.array([I, 2 * I, 3 * I])
    write_nxcansas(path, Q, values, 0.1 * values, [{"title": f"h{i}", "height_um": 50.0 * i} for i in range(3)])
    loaded = Loader().load(str(path))
    assert [data.title for data in loaded] == ["h0", "h1", "h2"]
    for data, own, row in zip(loaded, read_nxcansas(path), values, strict=True):
        assert data.errors == []
        assert_close(data.y, row, rel=1e-15)
        assert_close(data.dy, 0.1 * row, rel=1e-15)
        assert np.array_equal(own.intensity, row)
        assert own.name == data.title
    assert read_nxcansas(path)[2].notes == ("height_um = 100.0",)


def contents(group):
    """Every data set and attribute below a group."""
    found = {}
    group.visititems(
        lambda name, item: found.update(
            {name: (item[()] if isinstance(item, h5py.Dataset) else None, dict(item.attrs))}
        )
    )
    return found


def test_a_curve_is_stored_as_on_its_own_whatever_stands_beside_it(tmp_path):
    about = [
        {"title": "lowest", "run": "3", "sample": "Ag", "wavelength_nm": 0.0932, "height_um": 0.0, "phi": 1e-3},
        {
            "title": "höher",
            "run": "14",
            "sample": "Ag in toluene",
            "wavelength_nm": 0.0954,
            "height_um": 52.5,
            "phi": 9e-4,
        },
        {"title": "without a place"},
        {"title": "lowest", "run": "15", "sample": "Ag", "wavelength_nm": 0.0932, "height_um": 7.0, "phi": 8e-4},
    ]
    values = np.array([I, 1.5 * I, 0.3 * I, 2.0 * I])
    write_nxcansas(tmp_path / "all.h5", Q, values, 0.1 * values, about)
    with h5py.File(tmp_path / "all.h5") as together:
        for i, one in enumerate(about):
            write_nxcansas(tmp_path / "one.h5", Q, values[i], 0.1 * values[i], one)
            with h5py.File(tmp_path / "one.h5") as alone:
                here, there = contents(together[f"sasentry{i + 1:02d}"]), contents(alone["sasentry01"])
            assert here.keys() == there.keys()
            for name, (value, attributes) in there.items():
                assert np.array_equal(here[name][0], value), name
                assert {key: str(text) for key, text in here[name][1].items()} == {
                    key: str(text) for key, text in attributes.items()
                }


def test_files_of_a_series_are_those_written_alone(tmp_path):
    """The second and third file are changed from the one before, the fourth has other keys, the fifth fewer curves."""
    about = [[{"title": f"µ{i} of {k}", "run": str(10 * k), "wavelength_nm": 0.1 + 0.01 * k, "t": k**3} for i in range(3)]
             for k in range(3)]  # fmt: skip
    about += [[{"title": "x"}, {"title": "y", "b": 1.0}, {}], [{"title": "one"}]]
    with NxcansasFiles() as files:
        for k, described in enumerate(about):
            values = np.array([(1.0 + k) * I, I / (2.0 + k), 3.0 * I])[: len(described)]
            files.write(tmp_path / "series.h5", Q, values, 0.1 * values, described)
            write_nxcansas(tmp_path / "alone.h5", Q, values, 0.1 * values, described)
            with h5py.File(tmp_path / "series.h5") as one, h5py.File(tmp_path / "alone.h5") as other:
                here, there = contents(one), contents(other)
            assert here.keys() == there.keys()
            assert len(here) > 10
            assert all(np.array_equal(here[name][0], value) for name, (value, _) in there.items())
            assert read_curve(tmp_path / "series.h5")[0].intensity == pytest.approx(values[0], rel=1e-15)


def test_a_curve_without_sigma_stays_without(tmp_path):
    write_nxcansas(tmp_path / "c.h5", Q, I, None, {"title": "t"})
    assert read_curve(tmp_path / "c.h5")[0].sigma is None
    assert Loader().load(str(tmp_path / "c.h5"))[0].errors == []


def test_curves_of_another_shape_are_refused(tmp_path):
    with pytest.raises(ShapeError, match="curves of shape"):
        write_nxcansas(tmp_path / "c.h5", Q, I[:-1], None, {})
    with pytest.raises(ShapeError, match="sigma the same"):
        write_nxcansas(tmp_path / "c.h5", Q, I, S[:-1], {})
    assert list(tmp_path.iterdir()) == []


def test_hdf5_in_angstrom_without_unit_or_without_curve(tmp_path):
    path = tmp_path / "c.h5"
    write_nxcansas(path, Q, I, S, {})
    with h5py.File(path, "a") as file:
        file["sasentry01/sasdata/Q"].attrs["units"] = "1/angstrom"
    assert_close(read_curve(path)[0].q, 10 * Q, rel=1e-15)
    with h5py.File(path, "a") as file:
        del file["sasentry01/sasdata/Q"].attrs["units"]
    with pytest.raises(InputFileError, match="/sasentry01/sasdata/Q@units = missing"):
        read_curve(path)
    assert_close(read_curve(path, q_unit="1/nm")[0].q, Q, rel=1e-15)
    with h5py.File(path, "a") as file:
        file["sasentry01/sasdata/I"][3] = np.nan
    with pytest.raises(InputFileError, match=r"sasdata\[3\], I = nan"):
        read_curve(path, q_unit="1/nm")
    with h5py.File(path, "w") as file:
        file.create_group("entry")
    with pytest.raises(InputFileError, match="holds no one-dimensional SASdata"):
        read_curve(path)


def test_measured_and_computed_files_of_others_are_read(reference_data):
    for path in sorted((reference_data / "pd_superlattice").glob("*/*.dat")):
        (curve,) = read_curve(path)
        assert (len(curve.q), curve.sigma) == (558, None)
        assert_close(curve.q[[0, -1]], [0.2029070354705, 5.998764389897], rel=1e-12)
    (reduced,) = read_curve(next((reference_data / "agbeh_pilatus1m" / "run5").glob("*_SAXS.dat")))
    assert_close([reduced.q[0], reduced.intensity[0], reduced.sigma[0]], [3.736144e-2, 20.1398, 0.2793253], rel=1e-7)
    for path in sorted((reference_data / "invariant").glob("*.txt")):
        with pytest.raises(InputFileError, match="unit of q = unknown"):
            read_curve(path)
        (curve,) = read_curve(path, q_unit="1/A")
        assert_close([curve.q[0], curve.intensity[0], curve.sigma[0]], [0.01, 2410.0, 24.1], rel=1e-12)
    for path in sorted((reference_data / "gaussian_spheres").glob("*")):
        (curve,) = read_curve(path, q_unit="1/A")
        assert curve.sigma is None
        assert len(curve.q) >= 200


def test_what_was_said_of_a_curve_comes_back_in_the_order_it_was_said(tmp_path):
    """More than nine terms: HDF5 lists term10 before term2."""
    said = {f"step_{n}": float(n) for n in range(1, 13)}
    write_nxcansas(tmp_path / "curve.h5", np.linspace(0.1, 1.0, 10), np.ones(10), None, said)
    (curve,) = read_curve(tmp_path / "curve.h5")
    assert list(curve.notes) == [f"{name} = {value}" for name, value in said.items()]


@pytest.mark.parametrize("name", ["f.dat", "f.csv", "f.json", "f.poni"])
def test_what_is_larger_than_any_text_is_not_read_into_memory(tmp_path, name):
    """A sparse file of 50 GB."""
    with (tmp_path / name).open("wb") as file:
        file.write(b"q I\n0.1 2\n")
        file.truncate(50_000_000_000)
    with pytest.raises(InputFileError, match=r"is larger than 200 MB, which is no text"):
        contents_of_file(tmp_path / name)
