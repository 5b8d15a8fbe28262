"""One command, one folder: what stands in it, whatever the run was like."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from closeness import assert_close
from simulated_runs import QUIET, analysed, edit_column, replace_text, simulated

from electrosaxs.command_line.app import run as command_line
from electrosaxs.errors import CalibrationError, InputFileError
from electrosaxs.io.numbers_json import read_numbers
from electrosaxs.io.results import read_results
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.analyse import analyse_run as recipe
from electrosaxs.recipes.analyse.analyse_run import summary
from electrosaxs.recipes.analyse.crystals import CrystalCurves, Crystals
from electrosaxs.recipes.analyse.measured_run import MeasuredRun
from electrosaxs.recipes.analyse.sizes import SizeStudy

NULLS = {"onset_time", "onset_volume_fraction", "lattice_constant_solvated", "crystalline_fraction"}


@pytest.fixture(scope="module")
def again(quiet_nexus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, Path]:
    """Results as they were returned, and their folder, in which curves of an earlier, longer run lay."""
    out = tmp_path_factory.mktemp("again") / "out"
    stale = out / "curves" / "scan_099.h5"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    return analysed(quiet_nexus, out), out


def test_the_folder_holds_what_was_returned(again: tuple[RunResults, Path]) -> None:
    results, folder = again
    assert {"results.nxs", "numbers.json", "frames.csv", "provenance.json", "curves"} <= {
        f.name for f in folder.iterdir()
    }
    assert not list(folder.glob("*.part*"))
    stored = read_results(folder / "results.nxs")
    assert_close(stored.volume_fraction.values, results.volume_fraction.values, rel=1e-12)
    assert_close(stored.volume_fraction.total_sigma, results.volume_fraction.total_sigma, rel=1e-9)
    numbers = read_numbers(folder / "numbers.json")
    assert {k: (n.value, n.unit) for k, n in numbers.items()} == {
        k: (n.value, n.unit) for k, n in results.numbers.items()
    }
    assert {k for k, n in numbers.items() if n.value is None} >= NULLS
    assert len(list((folder / "curves").glob("scan_*.h5"))) == 4
    inputs = json.dumps(json.loads((folder / "provenance.json").read_text()))
    assert all(name in inputs for name in ("run.toml", "geometry.poni", "mask.edf", "frames.nxs"))


def test_stored_curves_are_the_intensities_of_their_voxels(quiet_results: tuple[RunResults, Path]) -> None:
    _, folder = quiet_results
    with h5py.File(folder / "results.nxs") as file, h5py.File(folder / "curves" / "scan_002.h5") as scan:
        group = file["entry/intensity"]
        intensity = group[group.attrs["signal"]][1, 3]
        entries = [scan[name] for name in scan if name.startswith("sasentry")]
        assert len(entries) == 5
        curve = entries[3]["sasdata/I"][()]
    assert_close(curve, intensity[np.isfinite(intensity)], rel=1e-6)


def test_curves_of_an_earlier_longer_run_do_not_stay(again: tuple[RunResults, Path]) -> None:
    assert not (again[1] / "curves" / "scan_099.h5").exists()


def test_the_command_prints_the_numbers_and_where_the_report_is(
    quiet_nexus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "write_report", lambda *args, **kwargs: None)
    monkeypatch.setattr(recipe, "size_distributions", lambda *args, **kwargs: SizeStudy(None))
    monkeypatch.setattr("electrosaxs.recipes.progress.LINE_EVERY_S", 3600.0)  # a slow machine says where it is
    assert command_line(["analyse", str(quiet_nexus), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "nothing grows: 49 of 49 frames used" in printed.out
    assert re.search(r"  onset_time +none: no onset", printed.out)
    assert f"report: {tmp_path / 'out' / 'report.html'}" in printed.out
    assert command_line(["analyse", str(quiet_nexus), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_fits_with_crystals_miss_makes_numbers_doubtful(
    quiet_nexus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked of fits that had been let go before, and nothing was ever doubtful."""
    find = recipe.find_crystals

    def found(measured: MeasuredRun, **options: Any) -> Crystals:
        one, curve = np.full(1, 5.0), np.ones((1, measured.reduced.q.size))
        return replace(
            find(measured, **options), curves=CrystalCurves(np.array([0]), curve, curve, *[one] * 4, 2.8 * one)
        )

    monkeypatch.setattr(recipe, "find_crystals", found)
    monkeypatch.setattr(recipe, "size_distributions", lambda *args, **kwargs: SizeStudy(None))
    results = recipe.analyse_run(quiet_nexus, tmp_path / "out", figures="none")
    why = "solution and superlattice do not describe the curves with crystals (reduced chi-squared 14)"
    assert why in results.numbers["anode_diameter"].quality


def test_the_summary_has_a_line_for_every_number(quiet_results: tuple[RunResults, Path]) -> None:
    assert summary(quiet_results[0], "there").count("\n") == len(quiet_results[0].numbers) + 1


@pytest.mark.parametrize(
    ("scan", "shape", "nulls"),
    [
        ({"scans": 1}, (1, 5), {"slice_flux", "supply_flux"}),
        ({"heights_um": [0.0]}, (4, 1), {"mass_balance_error", "supply_flux"}),
        ({"heights_um": [1000.0, 1500.0]}, (4, 2), {"mass_balance_error", "slice_flux"}),
        ({"reference_frames": 1, "solvent_frames": 1}, (4, 5), {"normalisation_noise"}),
    ],
)
def test_what_a_small_run_cannot_say_is_null_with_a_reason(
    scan: dict[str, object], shape: tuple[int, int], nulls: set[str], tmp_path: Path
) -> None:
    run = simulated(tmp_path / "run", scan=scan)
    results = analysed(run, tmp_path / "out")
    truth = read_results(run.parent / "truth.nxs")
    assert results.volume_fraction.values.shape == shape
    assert {k for k, n in results.numbers.items() if n.value is None} >= nulls | NULLS
    assert all(len(n.source) > 10 for n in results.numbers.values())
    assert_close(results.volume_fraction.values, truth.volume_fraction.values, rel=0.05)  # no slope: no footprint


def test_the_order_of_the_table_does_not_matter(
    cbf_run: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    table = cbf_run.parent / "frames.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, *np.random.default_rng(2).permutation(rows)]) + "\n")
    shuffled, whole = analysed(cbf_run, tmp_path / "out"), quiet_results[0]
    for name in ("volume_fraction", "diameter", "deviation"):
        assert_close(getattr(shuffled, name).values, getattr(whole, name).values, rel=1e-6)


def test_a_row_that_stands_twice_is_used_once(cbf_run: Path, tmp_path: Path) -> None:
    table = cbf_run.parent / "frames.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[-1]]) + "\n")
    record = analysed(cbf_run, tmp_path / "out").frames[-1]
    assert (record.used, record.reason) == (False, "same time and height as frame 48")


def test_light_beyond_the_cathode_is_impossible(nexus_run: Path, tmp_path: Path) -> None:
    replace_text(nexus_run, "gap_mm = 3.5", "gap_mm = 3.0")
    with pytest.raises(
        CalibrationError, match=r"3450 um above the anode, in 4 sample frames: light passes there.*gap_mm"
    ):
        analysed(nexus_run, tmp_path / "out")


def test_frames_that_were_all_taken_at_once_are_impossible(cbf_run: Path, tmp_path: Path) -> None:
    edit_column(cbf_run.parent / "frames.csv", "time_s", lambda i, row: "5")
    with pytest.raises(InputFileError, match=r"frames\.csv: time_s = 5: is the same for all 20 sample frames"):
        analysed(cbf_run, tmp_path / "out")


def test_the_quiet_experiment_is_not_at_a_default() -> None:
    assert QUIET["cell"]["anode_height_um"] != 0.0
