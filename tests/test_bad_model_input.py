"""Mistakes with predict, fit and plan come back as one line on stderr and exit code 2, and nothing is left behind."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from refused import refused
from simulated_runs import replace_text

from electrosaxs.io.numbers_json import write_numbers
from electrosaxs.io.results import write_results
from electrosaxs.nouns import Number, RunResults, VolumeFraction

sys.path.insert(0, str(Path(__file__).parent / "inference"))
from fit_cases import TRUTH, as_results, empty_run, measured

EXAMPLE = Path(__file__).parents[1] / "examples" / "experiment.toml"
CHARGE = "effective_charge = 0.045"

PREDICTIONS: list[tuple[str, str, str, str]] = [
    ("charge is no number", CHARGE, "effective_charge = nan", r"e\.toml: transport\.effective_charge = nan: must be .*; give"),
    ("charge missing", CHARGE, "", r"e\.toml: transport\.effective_charge = missing: is required; give"),
    ("negative diffusion", CHARGE, f"{CHARGE}\ndiffusivity_scale = -1", r"diffusivity_scale = -1: must be 1e-06 or more"),
    ("all immobile", CHARGE, f"{CHARGE}\nimmobile_fraction = 1", r"immobile_fraction = 1: must be below 1; give"),
    ("electrodes take all", CHARGE, f'{CHARGE}\nfield_model = "electrode-loss"\nelectrode_loss = 1.0', r"electrode_loss = 1"),
    ("loss without its model", CHARGE, f"{CHARGE}\nelectrode_loss = 0.2", r"electrode_loss = 0\.2: .*-loss.*; give"),
    ("solubility below the start", "solubility = 0.011", "solubility = 0.0001", r"growth\.solubility = 0\.0001: .*start.*; "),
    ("negative attachment", "attachment_time_s = 40.0", "attachment_time_s = -4", r"attachment_time_s = -4: must be 0 or more"),
    ("negative duration", "duration_s = 3300.0", "duration_s = -1", r"e\.toml: scan\.duration_s = -1: must be .*; give"),
    ("gap in micrometres", "gap_mm = 3.5", "gap_mm = 3500", r"e\.toml: cell\.gap_mm = 3500: must be 100 or less; give"),
    ("cathode below the heights", "gap_mm = 3.5", "gap_mm = 0.1", r"e\.toml: scan\.heights_um = .*100 um; correct"),
    ("voltage of another length", "voltage_V = [19.95]", "voltage_V = [1, 2]", r"voltage_V = 2 v.*same length.*; give"),
    ("wider than a Gaussian", "core_sigma_nm = 1.1", "core_sigma_nm = 50", r"solution\.core_sigma_nm = 50: .*0\.6 of"),
    ("beam in another unit", "fwhm_um = 34.0", "fwhm_um = 34000", r"beam\.fwhm_um = 34000: .*and cell\.gap_mm = 3\.5"),
    ("cores in angstrom", "core_diameter_nm = 7.1", "core_diameter_nm = 71", r"constant_nm = 15.1: .*diameter_nm = 71"),
    ("lattice in angstrom", "constant_nm = 15.1", "constant_nm = 151", r"constant_nm = 151: .*diameter_nm = 7.1"),
    ("millivolts", "voltage_V = [19.95]", "voltage_V = [19950]", r"voltage_V = 19950: .*57 kV/cm.*gap_mm = 3\.5.*; give"),
    ("kilovolts", "voltage_V = [19.95]", "voltage_V = [0.01995]", r"voltage_V = 0\.01995: nowhere.*; give volts"),
    ("heights in millimetres", "heights_um = [0, 50,", "heights_um = [0, 0.05]\n#", r"heights_um = 0 to 0\.05: .*; give .*um"),
    ("no heights", "heights_um = [0, 50,", "heights_um = []\n#", r"scan\.heights_um = \[\]: must hold .*1 value; give"),
    ("in milliseconds", "duration_s = 3300.0", "duration_s = 3.3e6", r"duration_s = 3300000\.0: must be 864000 or less; give"),
    ("degrees Celsius", "temperature_K = 298.15", "temperature_K = 25", r"temperature_K = 25: .*above 150; .*not degrees"),
    ("does not converge", "voltage_V = [19.95]", "voltage_V = [9e3]", r"e\.toml: transport: rtol .*not reached.*; .*voltage"),
]  # fmt: skip


def _ids(case: object) -> str | None:
    return case.replace(" ", "_") if isinstance(case, str) and re.fullmatch(r"[\w ]+", case) else ""


@pytest.mark.parametrize(("what", "old", "new", "line"), PREDICTIONS, ids=_ids)
@pytest.mark.parametrize("command", [["predict"], ["plan", "--target", "enrichment=12"]], ids=["predict", "plan"])
def test_an_experiment_that_cannot_be_is_refused(
    command: list[str], what: str, old: str, new: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if what in ("does not converge", "voltage of another length") and command[0] == "plan":
        pytest.skip("a plan has its own voltage")
    monkeypatch.setattr("electrosaxs.transport.integrate.MAX_STEPS", 40)
    experiment = Path(shutil.copy(EXAMPLE, tmp_path / "e.toml"))
    replace_text(experiment, old, new)
    said = refused(capsys, command[0], experiment, *command[1:], "--out", tmp_path / "out", "--quiet")
    assert re.search(line, said), said
    assert not list((tmp_path / "out").glob("*"))


TARGETS: list[tuple[str, list[str], str]] = [
    ("no name", ["--target", "3e-10"], r"--target = 3e-10: must be NAME=VALUE .*slice-flux.*; for example"),
    ("unknown name", ["--target", "flux=3e-10"], r"--target = flux=3e-10: must be NAME=VALUE .*; for example"),
    ("unit in the value", ["--target", "slice-flux=3e-10m/s"], r"--target = slice-flux=3e-10m/s: .*; for example .*\(m/s\)"),
    ("flux in another unit", ["--target", "slice-flux=3.4"], r"--target slice-flux = 3\.4: is .* times .*40 V.*; give .*m/s"),
    ("flux of no voltage", ["--target", "supply-flux=3e-20"], r"--target supply-flux = 3e-20: needs .* V, .*0\.05 V.*; give"),
    ("more than all", ["--target", "enrichment=1e10"], r"--target enrichment = 1e\+10: .*70.*all particles.*; give"),
    ("less than nothing", ["--target", "enrichment=1e-9"], r"--target enrichment = 1e-09: would empty the slice.*; give"),
    ("onset before all", ["--target", "onset-time=1e-3"], r"--target onset-time = 0\.001: is far before \d+ s.*; give.* in s"),
    ("negative", ["--target", "onset-time=-5"], r"--target = onset-time=-5: .*above 0; for example"),
    ("nothing asked", [], r"--target = missing: .*; give --target NAME=VALUE, --measure PARAMETER"),
    ("unknown parameter", ["--measure", "charge"], r"e\.toml: --measure = charge: is not among .*effective_charge.*; name"),
    ("voltage is a word", ["--target", "enrichment=12", "--max-voltage", "high"], r"--max-voltage'.*number.*'high'.*--help"),
    ("no voltage", ["--target", "enrichment=12", "--max-voltage", "0"], r"--max-voltage = 0\.0: .*; correct"),
    ("endless voltage", ["--target", "enrichment=12", "--max-voltage", "inf"], r"--max-voltage = inf: .*finite.*; correct"),
    ("negative ramp", ["--target", "enrichment=12", "--max-ramp", "-1"], r"--max-ramp = -1\.0: .*; correct"),
    ("current without area", ["--target", "enrichment=12", "--max-current", "1e-9"], r"--max-current = 1e-09: needs .*; give"),
    ("later than the end", ["--target", "onset-time=9000"], r"e\.toml: scan\.duration_s = 3300\.0: .*; make it longer"),
    ("density without table", ["--target", "nucleation-density=40"], r"--calibration = missing: .*; give a CSV table"),
    ("no such table", ["--target", "nucleation-density=40", "--calibration", "no.csv"], r"no\.csv: file = no\.csv: .*; give"),
    ("no density", ["--target", "nucleation-density=40", "--calibration", "n.csv"], r"n\.csv: .*islands.*; "),
    ("density not in the table", ["--target", "nucleation-density=999", "--calibration", "t.csv"], r"999\.0: .*10 to 90"),
    ("falling density", ["--target", "nucleation-density=40", "--calibration", "f.csv"], r"f\.csv: density_per_mm2 = .*rise"),
    ("density is a word", ["--target", "nucleation-density=40", "--calibration", "w.csv"], r"w\.csv: rows = .*'many'.*; give"),
    ("no such fit", ["--target", "enrichment=12", "--fit", "nowhere"], r"nowhere: file = nowhere: .*; give the numbers\.json"),
    ("another json", ["--target", "enrichment=12", "--fit", "a.json"], r"a\.json: file = a\.json: does not hold named num.*; "),
    ("numbers of no fit", ["--target", "enrichment=12", "--fit", "o.json"], r"o\.json: effective_charge = missing: .*; give"),
    ("fit without a charge", ["--target", "enrichment=12", "--fit", "c.json"], r"c\.json: effective_charge = null: .*; give"),
    ("fit of other results", ["--target", "enrichment=12", "--fit", "f"], r"numbers\.json: effective_charge = 0\.05: .*0\.04"),
    ("sigma of other results", ["--target", "enrichment=12", "--fit", "s"], r"sigma of effective_charge = 0\.002: .*; give"),
    ("unphysical fit", ["--target", "enrichment=12", "--fit", "u.json"], r"u\.json: diffusivity_scale = -1\.0: must .*; give"),
]  # fmt: skip
TABLES = {
    "n.csv": "slice_flux_m_per_s,islands\n1e-10,10\n2e-10,20\n",
    "t.csv": "slice_flux_m_per_s,density_per_mm2\n1e-10,10\n3e-10,90\n",
    "f.csv": "slice_flux_m_per_s,density_per_mm2\n1e-10,90\n3e-10,10\n",
    "w.csv": "slice_flux_m_per_s,density_per_mm2\n1e-10,many\n3e-10,10\n",
}


@pytest.mark.parametrize(("what", "options", "line"), TARGETS, ids=_ids)
def test_a_plan_that_cannot_be_is_refused(
    what: str, options: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLE, "e.toml")
    for name, text in TABLES.items():
        Path(name).write_text(text)
    Path("a.json").write_text(json.dumps({"a": 1}))
    write_numbers("o.json", {"onset_time": Number(1.0, 0.1, "s", "another")})
    charge = Number(0.05, 0.001, "e", "fit")
    write_numbers("u.json", {"effective_charge": charge, "diffusivity_scale": Number(-1.0, 0.1, "one", "broken")})
    write_numbers("c.json", {"effective_charge": Number.absent("e", "edited"), "diffusivity_scale": charge})
    for folder, changed, beside in (("f", charge, 0.04), ("s", replace(charge, sigma=0.002), 0.05)):
        Path(folder).mkdir()
        write_numbers(f"{folder}/numbers.json", {"effective_charge": changed})
        with h5py.File(f"{folder}/results.nxs", "w") as file:
            group = file.create_group("entry/parameters")
            group.create_dataset("names", data=["effective_charge"], dtype=h5py.string_dtype())
            group["values"], group["sigma"], group["covariance"] = [beside], [0.001], [[1e-6]]
    said = refused(capsys, "plan", "e.toml", *options, "--out", "out", "--quiet")
    assert re.search(line, said), said
    assert not list(Path("out").glob("*"))


def test_a_fit_of_another_charge_model_does_not_fit_the_experiment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_numbers(tmp_path / "numbers.json", {"effective_charge": Number(0.045, 0.001, "e", "fit")})
    with h5py.File(tmp_path / "results.nxs", "w") as file:
        file.create_dataset("entry/parameters/models", data=["permanent, no crystals"], dtype=h5py.string_dtype())
    said = refused(capsys, "plan", EXAMPLE, "--target", "enrichment=12", "--fit", tmp_path, "--out", tmp_path / "out")
    assert re.search(r"charge model = permanent: the experiment has .*fast-exchange.*; give", said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("holds", ["experiment", "fit", "predict"])
def test_a_plan_does_not_overwrite_what_it_is_made_from(
    holds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("electrosaxs.recipes.plan.plan.Planner", None)  # refused before anything is computed
    Path("own").mkdir()
    Path("other").mkdir()
    experiment = shutil.copy(EXAMPLE, "own/experiment.toml" if holds == "experiment" else "other/experiment.toml")
    fit = "own" if holds == "fit" else "other"
    write_numbers(f"{fit}/numbers.json", {"effective_charge": Number(0.045, 0.001, "e", "fit")})
    if holds == "predict":
        with h5py.File("own/results.nxs", "w") as file:
            file.create_group("entry").attrs["command"] = "predict"
    before = {path: path.read_bytes() for path in Path("own").iterdir()}
    said = refused(capsys, "plan", experiment, "--target", "enrichment=12", "--fit", fit, "--out", "own", "--quiet")
    what = {"experiment": r"experiment\.toml", "fit": r"numbers\.json", "predict": "results of .* predict"}[holds]
    assert re.search(rf"own: --out = own: .*holds .*{what}.*; choose another folder", said), said
    assert {path: path.read_bytes() for path in Path("own").iterdir()} == before


def same(results: RunResults) -> RunResults:
    return results


def nothing_measured(results: RunResults) -> RunResults:
    phi = results.volume_fraction
    coords = {name: (phi.data.coords[name].dims, phi.coord(name)) for name in ("height", "time")}
    empty = VolumeFraction.from_arrays(np.full(phi.values.shape, np.nan), dims=phi.dims, coords=coords, sigma=None)
    return replace(results, volume_fraction=empty)


def without(name: str) -> Callable[[RunResults], RunResults]:
    return lambda results: replace(results, settings={k: v for k, v in results.settings.items() if k != name})


FITS: list[tuple[str, Callable[[RunResults], RunResults], list[str], str]] = [
    ("nothing measured", nothing_measured, [], r"r: .*no voxel has a volume fraction"),
    ("no voltage", without("voltage"), [], r"r: settings\.voltage = missing: .*; give cell\.voltage_V"),
    ("no cell", without("cell"), [], r"r: settings\.cell = None: .*; give"),
    ("no beam", without("beam"), [], r"r: settings\.beam = None: .*; give"),
    ("fixed without a value", same, ["--fix", "charge_exponent"], r"--fix = charge_exponent: must be NAME=VALUE; for example"),
    ("fixed to a word", same, ["--fix", "charge_exponent=two"], r"--fix = charge_exponent=two: must be NAME=VALUE; for ex"),
    ("fixed out of range", same, ["--fix", "charge_exponent=200"], r"charge_exponent = 200: must lie between -4 and 8; give"),
    ("fixed twice", same, ["--fix", "charge_exponent=2", "--fix", "charge_exponent=1"], r"--fix = charge_exponent=1: .*once"),
    ("fixed below 0", same, ["--fix", "attachment_time=-40"], r"attachment_time = -40: must lie between 0 and 100000; give"),
    ("fixed above all", same, ["--fix", "solubility=1.1"], r"solubility = 1\.1: must lie between 1e-06 and 0\.5; give"),
    ("held and free", same, ["--fix", "immobile_fraction=0.1", "--free", "immobile_fraction"], r"to be held and to be fitted"),
    ("unknown parameter", same, ["--fix", "charge=2"], r"charge is not a parameter; .*effective_charge"),
    ("workers are a word", same, ["--workers", "many"], r"--workers'.*'many'.*--help"),
    ("the same folder twice", same, ["r/."], r"r: RESULTS = r: is given twice; name every results folder once"),
    ("unknown model", same, ["--model", "fast"], r"--model = fast: must be one of fast-exchange, .*; name one model"),
    ("free without meaning", same, ["--free", "charges"], r"charges is not a parameter; .*effective_charge"),
    ("no such folder", same, ["nowhere"], r"nowhere: RESULTS = nowhere: .*results\.nxs; give"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "options", "line"), FITS, ids=_ids)
def test_a_fit_that_cannot_be_is_refused(
    what: str, change: Callable[[RunResults], RunResults], options: list[str], line: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("r").mkdir()
    write_results("r/results.nxs", change(as_results(measured(empty_run(scans=3)))), command="analyse")
    said = refused(capsys, "fit", "r", *options, "--out", "out", "--quiet")
    assert re.search(line, said), said
    assert not list(Path("out").glob("*"))


def test_runs_of_different_particles_are_not_fitted_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = as_results(measured(empty_run(scans=3)))
    for name, core in (("silver", "Ag"), ("gold", "Au")):
        Path(name).mkdir()
        settings = {**results.settings, "solution": {**results.settings["solution"], "core": core}}
        write_results(f"{name}/results.nxs", replace(results, settings=settings), command="analyse")
    said = refused(capsys, "fit", "silver", "gold", "--out", "out", "--quiet")
    assert re.search(r"gold: settings\.solution\.core = Au: is not that of silver \(Ag\).*; fit them apart", said)
    assert not list(Path("out").glob("*"))


def test_runs_that_contradict_each_other_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for voltage, charge in ((20.0, 0.045), (10.0, 0.11)):
        Path(f"{voltage:g}").mkdir()
        run = measured(empty_run(voltage=voltage), truth={**TRUTH, "effective_charge": charge})
        write_results(f"{voltage:g}/results.nxs", as_results(run), command="analyse")
    told = [
        "--model",
        "fast-exchange",
        "--model",
        "none",
        "--model",
        "nominal",
        "--fix",
        "charge_exponent=1.7",
        "--quiet",
    ]
    said = refused(capsys, "fit", "20", "10", "--out", "out", *told)
    assert re.search(r"the runs contradict each other: .*Apart, \w+ is .* in '20 V'.*Fit them apart", said)
    assert not list(Path("out").glob("*"))


@pytest.mark.parametrize("command", ["fit", "predict", "plan", "simulate"])
def test_a_model_is_not_fitted_to_a_model(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r").mkdir()
    write_results("r/results.nxs", as_results(measured(empty_run(scans=3))), command=command)
    said = refused(capsys, "fit", "r", "--out", "out", "--quiet")
    assert re.search(
        rf"r: RESULTS = r: holds what electrosaxs {command} wrote, not measured maps; give the --out folder of ",
        said,
    )
    assert not Path("out").exists()


def test_a_fit_does_not_overwrite_what_it_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r").mkdir()
    write_results("r/results.nxs", as_results(measured(empty_run(scans=3))), command="analyse")
    before = Path("r/results.nxs").read_bytes()
    said = refused(capsys, "fit", "r", "--out", "r/.", "--quiet")
    assert re.search(
        r"--out = r: this folder holds an input of this command \(results\.nxs\); choose another folder", said
    )
    assert Path("r/results.nxs").read_bytes() == before
    assert len(list(Path("r").iterdir())) == 1
