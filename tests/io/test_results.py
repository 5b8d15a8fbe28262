"""Results come back as they were written, and a plotting program opens the file on the volume-fraction map."""

import json
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipp as sc
import silx.io
from closeness import assert_close
from every_data_set import silent
from frames_csv import read_frames_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from silx.io import nxdata

from electrosaxs.errors import InputFileError, ShapeError
from electrosaxs.io.frames_csv import write_frames_csv
from electrosaxs.io.intensity import IntensityWriter
from electrosaxs.io.numbers_json import read_numbers, write_numbers
from electrosaxs.io.results import read_results, write_results
from electrosaxs.nouns import (
    CrystallineFraction,
    CurveSet,
    Diameter,
    DiameterDeviation,
    Flux,
    FrameRecord,
    GrowthCurve,
    LatticeAssignment,
    LatticeConstant,
    LineFit,
    MassBalance,
    Noun,
    Number,
    Peak,
    Polydispersity,
    RunResults,
    SampleIntensity,
    SliceFlux,
    SliceMeanFlux,
    StartingSizeErrors,
    StructureFactor,
    VolumeFraction,
    VoxelCorrelations,
)

SCANS, HEIGHTS, BINS = 4, 5, 60
RNG = np.random.default_rng(3)
HEIGHT = 50.0 * np.arange(HEIGHTS) + 7.5
TIME = 10.0 + 3.0 * np.arange(SCANS * HEIGHTS).reshape(SCANS, HEIGHTS)
Q = np.linspace(0.1, 3.5, BINS)


def a_map(kind, *, hole=False):
    values = RNG.uniform(0.5, 2.0, (SCANS, HEIGHTS))
    if hole:
        values[1, 2] = np.nan
    return kind.from_arrays(
        values,
        dims=("scan", "height"),
        coords={"height": (("height",), HEIGHT), "time": (("scan", "height"), TIME)},
        sigma=0.01 * values,
        shared={"background": 0.02 * values, "reference": 0.03 * values},
        masks={"outside": (("scan", "height"), np.isnan(values)), "low": (("height",), HEIGHT > 100)},
    )


def a_curve(kind):
    coords = {"time": (("scan",), TIME[:, 0])}
    return kind.from_arrays(RNG.uniform(1, 2, SCANS), dims=("scan",), coords=coords, sigma=np.full(SCANS, 0.1))


def everything():
    frame_q = RNG.uniform(1, 2, (3, BINS))
    peaks = (
        Peak(0.72, 0.001, 0.03, 0.2, 0.02, 10.0, (1, 1, 1)),
        Peak(0.83, 0.001, 0.03, float("nan"), 0.02, 10.0),
    )
    return RunResults(
        title="57 V/cm, µm",
        volume_fraction=a_map(VolumeFraction, hole=True),
        diameter=a_map(Diameter),
        deviation=a_map(DiameterDeviation),
        polydispersity=a_map(Polydispersity),
        mass_balance=a_curve(MassBalance),
        growth=a_curve(GrowthCurve),
        growth_line=LineFit(1.5e-6, 2e-8, 8e-4, 100.0, 3000.0),
        flux_slice=SliceFlux.from_arrays(np.float64(2.5e-10), dims=(), coords={}, sigma=1e-12),
        flux_slice_mean=SliceMeanFlux.from_arrays(np.float64(2.2e-10), dims=(), coords={}, sigma=1e-12),
        flux=a_map(Flux),
        structure_factor=StructureFactor.from_arrays(frame_q[0], dims=("q",), coords={"q": (("q",), Q)}),
        structure_factor_model=frame_q[1],
        lattice_constant=LatticeConstant.from_arrays(np.float64(15.1), dims=(), coords={}, sigma=0.1),
        crystalline_fraction=CrystallineFraction.from_arrays(np.full(SCANS, 0.3), dims=("scan",), coords={}),
        assignment=LatticeAssignment(
            "FCC",
            Number(15.1, 0.1, "nm", "peaks", "doubtful: few lines", {"energy": 0.03}),
            Number.absent("one", "no"),
            peaks,
            {"FCC": 1.5, "BCC": float("inf")},
            "111 and 200",
        ),
        quality={
            "chi_squared": RNG.uniform(1, 2, (SCANS, HEIGHTS)),
            "counts": RNG.uniform(1, 2, (SCANS, HEIGHTS)),
            "per_scan": np.arange(SCANS) + 0.5,
        },
        correlations=VoxelCorrelations(*(RNG.uniform(-1, 1, (SCANS, HEIGHTS)) for _ in range(3))),
        starting_errors=StartingSizeErrors(np.array([[4.0, 1.0], [1.0, 2.0]]), {"background_1": np.array([0.1, -0.2])}),
        curves=CurveSet(
            SampleIntensity.from_arrays(
                frame_q,
                dims=("frame", "q"),
                coords={"q": (("q",), Q), "per_count": (("frame", "q"), 1e-3 * frame_q)},
                sigma=0.1 * frame_q,
            ),
            frame_q * 1.01,
            HEIGHT[:3],
            TIME[0, :3],
            np.array([7.0, 7.1, 7.2]),
            np.array([1.0, 1.1, 1.2]),
        ),
        numbers={
            "onset_time": Number(1234.5, 12.0, "s", "kink of the growth curve"),
            "onset": Number.absent("one", "it never grew"),
        },
        frames=(
            FrameRecord(0, "a.cbf", "sample", 0, 3, 50.0, 12.5, True),
            FrameRecord(1, "b,c.cbf", "solvent", -1, -1, float("nan"), float("nan"), False, ("dark", "hot"), "no beam"),
        ),
        notes=("one", "two: 2 µm"),
        settings={"bins": 60, "nested": {"list": [1, 2.5, None, "x"], "on": True}},
    )


def assert_same_noun(read, written):
    assert type(read) is type(written)
    assert sc.identical(sc.values(read.data), sc.values(written.data), equal_nan=True)
    if written.data.variances is not None:
        assert_close(read.sigma[read.good], written.sigma[written.good], rel=1e-14)
    assert (read.data.variances is None) == (written.data.variances is None)
    assert read.shared.keys() == written.shared.keys()
    for name in written.shared:
        assert sc.identical(read.shared[name], written.shared[name], equal_nan=True)


def assert_same(read, written):
    if isinstance(written, Noun):
        assert_same_noun(read, written)
    elif isinstance(written, np.ndarray):
        assert np.array_equal(read, written, equal_nan=True)
    elif hasattr(written, "__dataclass_fields__"):
        for field in fields(written):
            assert_same(getattr(read, field.name), getattr(written, field.name))
    elif isinstance(written, dict):
        assert read.keys() == written.keys()
        for key in written:
            assert_same(read[key], written[key])
    elif isinstance(written, tuple):
        assert len(read) == len(written)
        for a, b in zip(read, written, strict=True):
            assert_same(a, b)
    else:
        assert read == written or (np.isnan(read) and np.isnan(written))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "results.nxs"
    results = everything()
    write_results(path, results, command="analyse")
    return path, results


def test_everything_that_was_written_is_read(stored):
    path, results = stored
    read = read_results(path)
    for field in fields(RunResults):
        assert_same(getattr(read, field.name), getattr(results, field.name))


def test_a_simulated_truth_that_has_only_a_map_is_read(tmp_path):
    write_results(tmp_path / "r.nxs", RunResults("truth", a_map(VolumeFraction)), command="analyse")
    read = read_results(tmp_path / "r.nxs")
    assert read.title == "truth"
    absent = [f.name for f in fields(RunResults) if getattr(read, f.name) is None]
    assert len(absent) == 18
    assert (read.numbers, read.quality, read.frames, read.notes, read.settings) == ({}, {}, (), (), {})


def test_errors_that_hang_together_stand_in_quality_under_their_documented_names(stored):
    path, results = stored
    with h5py.File(path) as file:
        group = file["entry/quality"]
        assert_close(group["correlation_phi_deviation"][()], results.correlations.phi_deviation, rel=1e-15)
        assert_close(group["starting_sizes_covariance"][()], results.starting_errors.covariance, rel=1e-15)
        assert_close(group["starting_sizes_background_1"][()], [0.1, -0.2], rel=1e-15)
        kinds = {name: data.attrs["content"] for name, data in group.items() if "label" not in data.attrs}
    assert set(kinds.values()) == {"quality", "index"}


def test_silx_opens_the_file_on_the_volume_fraction_map(stored):
    path, results = stored
    with silx.io.open(str(path)) as file:
        default = nxdata.get_default(file)
        assert default is not None
        assert default.is_valid, default.issues
        assert default.signal_name == "volume_fraction"
        assert default.axes_dataset_names == ["scan", "height"]
        assert np.array_equal(default.signal[()], results.volume_fraction.values, equal_nan=True)
        assert_close(default.axes[1][()], HEIGHT, rel=1e-15)
        assert_close(default.errors[1, 1], results.volume_fraction.sigma[1, 1], rel=1e-12)
        assert default.group["time"].shape == (SCANS, HEIGHTS)
        assert list(default.group.attrs["time_indices"]) == [0, 1]


def test_every_result_is_a_valid_group_with_units_directly_under_entry(stored):
    path, _ = stored
    units = {
        "volume_fraction": "1",
        "flux_slice": "m/s",
        "flux_slice_mean": "m/s",
        "flux": "m/s",
        "mass_balance": "1",
        "diameter": "nm",
        "polydispersity": "1",
        "structure_factor": "1",
        "lattice_constant": "nm",
    }
    with silx.io.open(str(path)) as file:
        for name, unit in units.items():
            data = nxdata.get_default(file[f"entry/{name}"])
            assert data.is_valid, data.issues
            assert data.signal_dataset_name == name
            assert data.signal.attrs["units"] == unit
        quality = nxdata.get_default(file["entry/quality"])
        assert quality.is_valid, quality.issues
        assert quality.signal_dataset_name == "chi_squared"
        assert quality.auxiliary_signals_dataset_names == [
            "counts", "correlation_phi_diameter", "correlation_phi_deviation", "correlation_diameter_deviation",
        ]  # fmt: skip
        for name, unit in {"height": "um", "time": "s"}.items():
            assert file[f"entry/volume_fraction/{name}"].attrs["units"] == unit
        assert file["entry/curves/q"].attrs["units"] == "1/nm"
        assert file["entry/volume_fraction/volume_fraction_background_errors"].attrs["units"] == "1"


def test_every_data_set_says_its_unit_dims_content_and_meaning(stored):
    assert silent(stored[0]) == []


def test_another_or_a_damaged_file_is_refused(tmp_path, stored):
    with h5py.File(tmp_path / "other.nxs", "w") as file:
        file.create_group("entry")
    with pytest.raises(InputFileError, match="holds no results"):
        read_results(tmp_path / "other.nxs")
    damaged = tmp_path / "damaged.nxs"
    damaged.write_bytes(stored[0].read_bytes())
    with h5py.File(damaged, "a") as file:
        file["entry/diameter/diameter"].attrs["units"] = "m"
    with pytest.raises(InputFileError, match="Diameter has unit m"):
        read_results(damaged)
    with h5py.File(damaged, "a") as file:
        del file["entry/summary/numbers"]
    with pytest.raises(InputFileError, match=r"damaged\.nxs"):
        read_results(damaged)


def test_a_failure_while_writing_leaves_the_older_file_alone(tmp_path, stored):
    path = tmp_path / "r.nxs"
    write_results(path, stored[1], command="analyse")
    before = path.read_bytes()
    with pytest.raises(InputFileError, match="no such file"):
        write_results(path, stored[1], intensity=tmp_path / "absent.nxs", command="analyse")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["r.nxs"]


def test_intensity_streams_in_blocks_and_lands_where_it_belongs(tmp_path, stored):
    values = RNG.uniform(1, 2, (SCANS, HEIGHTS, BINS))
    places = [(s, h) for s in range(SCANS) for h in (range(HEIGHTS) if s % 2 else reversed(range(HEIGHTS)))]
    places.remove((2, 2))
    with IntensityWriter(tmp_path / "i.nxs", SCANS, HEIGHTS, Q) as writer:
        for start in range(0, len(places), 3):
            scan, height = np.array(places[start : start + 3]).T
            writer.write(scan, height, values[scan, height], 0.1 * values[scan, height])
        writer.write(0, 0, values[0, 0], 0.1 * values[0, 0])
        writer.write_coordinates(HEIGHT, TIME, background_sigma=0.5 * Q)
        assert not (tmp_path / "i.nxs").exists()
    write_results(tmp_path / "r.nxs", stored[1], intensity=tmp_path / "i.nxs", command="analyse")
    with h5py.File(tmp_path / "r.nxs") as file:
        read = {name: data[()] for name, data in file["entry/intensity"].items()}
    assert np.isnan(read["intensity"][2, 2]).all()
    good = np.isfinite(read["intensity"])
    assert good.sum() == (SCANS * HEIGHTS - 1) * BINS
    assert_close(read["intensity"][good], values[good], rel=1e-7)
    assert_close(read["intensity_errors"][good], 0.1 * values[good], rel=1e-6)
    assert_close(read["intensity_background_errors"], 0.5 * Q, rel=1e-15)
    assert_close(read["height"], HEIGHT, rel=1e-15)
    with silx.io.open(str(tmp_path / "r.nxs")) as file:
        assert nxdata.get_default(file).signal_name == "volume_fraction"
        data = nxdata.get_default(file["entry/intensity"])
        assert data.is_valid, data.issues
        assert data.axes_dataset_names == ["scan", "height", "q"]
    read_results(tmp_path / "r.nxs")


def test_intensity_outside_the_map_is_refused_and_an_interrupted_file_does_not_appear(tmp_path):
    def write_outside():
        with IntensityWriter(tmp_path / "i.nxs", 2, 3, Q) as writer:
            writer.write([0, -1], [0, 0], np.ones((2, BINS)), np.ones((2, BINS)))

    with pytest.raises(ShapeError, match="outside the map"):
        write_outside()
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_strict_json_and_survive(tmp_path):
    numbers = {
        **everything().numbers,
        "odd": Number(np.float64(1.5), float("nan"), "m/s", "fit"),
        "given": Number(2.5, 0.0, "um", "x"),
    }
    write_numbers(tmp_path / "numbers.json", numbers)

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    text = Path(tmp_path / "numbers.json").read_text()
    plain = json.loads(text, parse_constant=refuse)
    absent = {"value": None, "sigma": None, "sigma_counting": None, "contributions": {}, "quality": None}
    assert plain["onset"] == {**absent, "unit": "one", "source": "it never grew"}
    assert plain["odd"] == {**absent, "value": 1.5, "unit": "m/s", "source": "fit", "quality": "good"}
    without = {name: replace(numbers[name], sigma=None) for name in ("odd", "given")}  # nobody knows a number exactly
    assert read_numbers(tmp_path / "numbers.json") == {**numbers, **without}
    (tmp_path / "numbers.json").write_text("[1]")
    with pytest.raises(InputFileError, match="does not hold named numbers"):
        read_numbers(tmp_path / "numbers.json")


word = st.text(st.characters(codec="utf-8", exclude_characters=";\r\n\x00", exclude_categories=("Cs",)), max_size=12)
record = st.builds(
    FrameRecord,
    index=st.integers(0, 10**6),
    file=word,
    role=st.sampled_from(["sample", "solvent"]),
    scan=st.integers(-1, 99),
    height_index=st.integers(-1, 99),
    height_um=st.floats(allow_infinity=False),
    time_s=st.floats(allow_infinity=False),
    used=st.booleans(),
    flags=st.lists(word.filter(bool), max_size=3).map(tuple),
    reason=word,
)


@settings(max_examples=50, deadline=None)
@given(records=st.lists(record, max_size=4).map(tuple))
def test_any_frame_records_survive_both_files(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("records")
    write_frames_csv(folder / "frames.csv", records)
    assert_same(read_frames_csv(folder / "frames.csv"), records)
    write_results(folder / "r.nxs", RunResults("t", a_map(VolumeFraction), frames=records), command="analyse")
    assert_same(read_results(folder / "r.nxs").frames, records)
