"""The command `fit`: from results folders to numbers, maps and a page."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close
from every_data_set import silent
from page_words import WRONG, linked_figures, words_of

from electrosaxs.errors import InputFileError
from electrosaxs.inference.propagate import wall_concentration
from electrosaxs.io.results import read_results, write_results
from electrosaxs.nouns import Solution
from electrosaxs.recipes.fit.fit_cell import fit_cell, summary
from electrosaxs.recipes.fit.numbers import with_known_particles

sys.path.insert(0, str(Path(__file__).parents[2] / "inference"))
from fit_cases import GROWING, PHI0, TRUTH, as_results, empty_run, measured

NAMES = ("effective_charge", "charge_exponent", "diffusivity_scale", "solubility", "attachment_time")


def folder_with(results, folder):
    folder.mkdir(parents=True)
    write_results(folder / "results.nxs", results, command="analyse")
    return folder


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A run in which crystals grow, fitted with one charge model against another."""
    where = tmp_path_factory.mktemp("fit")
    run = measured(empty_run(scans=6, duration=1800.0), GROWING, noise=0.01, shared=0.005, seed=5)
    source = folder_with(as_results(run), where / "results")
    return fit_cell(
        [source], where / "out", charge_models=("fast-exchange", "neutralised-at-anode"), growth_models=("attachment",),
        field_models=("nominal",),
    ), where / "out"  # fmt: skip


def test_parameters_come_back_and_stand_in_the_file(fitted):
    cell, out = fitted
    stored = json.loads((out / "numbers.json").read_text())
    assert list(stored)[:5] == list(NAMES)
    for name in (*NAMES, "crystal_length"):
        number = stored[name]
        assert abs(number["value"] - TRUTH[name]) < 3.0 * number["sigma"], name
        assert "fast-exchange" in number["source"]
    assert_close(stored["effective_charge"]["value"], TRUTH["effective_charge"], rel=0.01)
    assert stored["effective_charge"]["unit"] == "e"
    assert "effective_charge" in summary(cell, out)


def test_charges_that_no_particle_holds_and_another_solvent_are_doubted(fitted):
    cell, _ = fitted
    run, numbers = cell.fit.problem.runs[0], cell.numbers
    assert with_known_particles(numbers, run) == numbers
    charge = numbers["effective_charge"]
    in_kilovolts = with_known_particles({**numbers, "effective_charge": replace(charge, value=1e3 * charge.value)}, run)
    assert "the voltage is in other units" in in_kilovolts["effective_charge"].quality
    assert in_kilovolts["diffusivity_scale"].quality == "good"
    spread = numbers["diffusivity_scale"]
    in_hexane = with_known_particles({**numbers, "diffusivity_scale": replace(spread, value=0.54 * spread.value)}, run)
    for name in ("effective_charge", "diffusivity_scale"):
        assert "solvent, temperature or solvated shell" in in_hexane[name].quality


def test_the_other_charge_model_is_rejected(fitted):
    cell, _ = fitted
    assert cell.fit.problem.model.charge == "fast-exchange"
    assert cell.fit.problem.model.growth == "attachment"
    said = [sentence for sentence in cell.statements if "neutralised-at-anode" in sentence]
    assert len(said) == 1
    assert "rejected" in said[0]


def test_fitted_maps_residuals_and_the_wall_are_in_the_results_file(fitted):
    cell, out = fitted
    model = read_results(out / "results.nxs")
    assert silent(out / "results.nxs") == []
    phi = cell.measured[0].volume_fraction
    with h5py.File(out / "results.nxs") as file:
        entry = file["entry"]
        residual = entry["residual_volume_fraction/residual_volume_fraction"][()]
        wall = entry["wall_volume_fraction"]
        assert wall.attrs["axes"].tolist() == ["time"]
        assert wall["wall_volume_fraction_errors"].shape == wall["time"].shape
        assert list(entry["parameters/names"].asstr()) == list(cell.fit.labels)
    expected = (phi.values - model.volume_fraction.values) / phi.sigma
    assert 0.5 < np.sqrt(np.mean(residual**2)) < 1.5
    assert np.corrcoef(residual.ravel(), expected.ravel())[0, 1] > 0.8
    assert_close(model.numbers["wall_volume_fraction"].value, cell.walls[0].value[-1], rel=1e-9)
    assert np.all(model.volume_fraction.sigma < phi.total_sigma)


def test_sigmas_of_what_follows_from_a_fit_have_all_their_parts(fitted):
    cell, out = fitted
    model, wall = read_results(out / "results.nxs"), cell.walls[0]
    d, delta, ratio = model.diameter, model.deviation, model.polydispersity
    assert_close(ratio.values, delta.values / d.values, rel=1e-12)
    parts = np.hypot(d.sigma / d.values, delta.sigma / delta.values)
    assert_close(ratio.sigma, ratio.values * parts, rel=1e-9)
    assert np.any(d.sigma / d.values > 0.02 * delta.sigma / delta.values)
    reduced = model.numbers["reduced_chi_squared"]
    assert_close(reduced.sigma, np.sqrt(2.0 / cell.fit.degrees_of_freedom), rel=1e-12)
    run = replace(cell.fit.problem.runs[0], solution=Solution(volume_fraction=PHI0, volume_fraction_sigma=0.03 * PHI0))
    known = replace(cell.fit, problem=replace(cell.fit.problem, runs=(run,)))
    assert_close(wall_concentration(known, 0).start_sigma, 0.03, rel=1e-12)
    assert wall.start_sigma == 0.0


def test_the_page_holds_its_figures(fitted):
    _, out = fitted
    page = (out / "report.html").read_text(encoding="utf-8")
    names = (
        "fit_growth",
        "fit_profiles",
        "residual_maps",
        "wall_concentration",
        "correlation_matrix",
        "likelihood_profiles",
    )
    for name in names:
        assert (out / "figures" / f"{name}.png").stat().st_size > 10_000
        assert f'id="{name}"' in page
    assert linked_figures(page)[0] == "figures/volume_fraction_map"
    assert WRONG.findall(words_of(page)) == []
    assert "What these data say" in page
    assert "http" not in page.split("Provenance")[0].replace("http://www.w3.org", "")


def test_the_anode_alone_says_so_in_its_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("electrosaxs.recipes.fit.files._write_report", lambda *args: None)
    run = measured(empty_run(np.array([0.0]), scans=30), sizes=False)
    source = folder_with(as_results(run), tmp_path / "anode")
    cell = fit_cell(
        [source], tmp_path / "out", charge_models=("fast-exchange",), growth_models=("none",), field_models=("nominal",),
        fixed={"charge_exponent": TRUTH["charge_exponent"]},
    )  # fmt: skip
    assert "v²/D only" in cell.statements[0]
    numbers = json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert "v²/D" in numbers["effective_charge"]["source"]
    assert numbers["charge_exponent"]["sigma"] is None
    assert "held fixed at 1.7" in numbers["charge_exponent"]["source"]
    assert numbers["solubility"]["value"] is None
    assert "no crystals" in numbers["solubility"]["source"]


@pytest.mark.usefixtures("unrendered")
def test_several_runs_have_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.setattr("electrosaxs.recipes.fit.fit_cell._profiles", lambda *args: {})  # one run's page has them
    runs = [measured(empty_run(scans=4, voltage=volts), seed=volts) for volts in (10, 20)]
    sources = [folder_with(as_results(run), tmp_path / run.title) for run in runs]
    cell = fit_cell(
        sources, tmp_path / "out", charge_models=("fast-exchange",), growth_models=("none",), field_models=("nominal",),
    )  # fmt: skip
    assert len(cell.walls) == 2
    for number in (1, 2):
        assert (tmp_path / "out" / f"run-{number}" / "results.nxs").is_file()
        assert (tmp_path / "out" / "figures" / f"fit_profiles_{number}.png").is_file()


def test_what_is_not_a_results_folder_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputFileError, match="is not a results folder") as raised:
        fit_cell([tmp_path], tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()
    run = as_results(measured(empty_run(scans=3)))
    silent = folder_with(replace(run, settings={**run.settings, "voltage": None}), tmp_path / "silent")
    with pytest.raises(InputFileError, match="needs the voltage"):
        fit_cell([silent], tmp_path / "out")


def test_frames_to_charge_with_nothing_told_in_between(quiet_results):
    """The master test: simulated frames, analysed, fitted; the twin was given 0.045 e."""
    results, _ = quiet_results
    from electrosaxs.inference.fit import fit_model
    from electrosaxs.inference.observations import observations
    from electrosaxs.inference.parameters import Model

    if results.settings.get("voltage") is None:
        results = replace(results, settings={**results.settings, "voltage": {"time_s": [0.0], "voltage_V": [30.0]}})
    fit = fit_model([observations(results)], Model(growth="none"))
    assert_close(fit.value("effective_charge"), 0.045, rel=0.01)
    for name, true in (("effective_charge", 0.045), ("charge_exponent", 2.0), ("diffusivity_scale", 1.0)):
        assert abs(fit.value(name) - true) < 3.0 * fit.sigma(name), (name, fit.value(name), fit.sigma(name))


def test_numbers_of_a_model_that_misses_the_maps_are_not_good(tmp_path):
    """phi swings from scan to scan by a third, which nothing that drifts does."""
    run = measured(empty_run(scans=6, duration=1800.0), noise=0.01, seed=5)
    channel = run.channels["volume_fraction"]
    swing = replace(channel, values=channel.values * np.where(run.row % 2, 1.3, 1.0))
    run = replace(run, channels={**run.channels, "volume_fraction": swing})
    source = folder_with(as_results(run), tmp_path / "results")
    cell = fit_cell(
        [source], tmp_path / "out", charge_models=("fast-exchange",), growth_models=("none",), field_models=("nominal",),
        figures="none",
    )  # fmt: skip
    quality = cell.numbers["effective_charge"].quality
    assert quality.startswith(("doubtful: the model misses", "not trustworthy: the model misses"))


def test_particles_that_leave_the_anode_are_refused_with_what_to_do(tmp_path):
    run = measured(empty_run(scans=6, duration=1800.0, voltage=-19.95), noise=0.01, seed=5)
    as_if = replace(run, program=run.program.model_copy(update={"voltage_V": [19.95]}))
    source = folder_with(as_results(as_if), tmp_path / "results")
    with pytest.raises(InputFileError, match=r"falls at 19.95 V.*\[voltage\] in run.toml"):
        fit_cell([source], tmp_path / "out")
