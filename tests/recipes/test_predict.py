"""A prediction is the truth of the simulation of the same experiment, and what no beam can see."""

import json
import shutil
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close
from every_data_set import silent
from page_words import WRONG, linked_figures, words_of

from electrosaxs.errors import ConvergenceError, ElectrosaxsError, InputFileError
from electrosaxs.io.results import NOUNS, read_results
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import Experiment
from electrosaxs.recipes.predict import Prediction, predict, summary
from electrosaxs.recipes.simulate_run import simulate_run
from electrosaxs.report.provenance import write_provenance
from electrosaxs.twin.cell import cut_sizes

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def small() -> Experiment:
    settings = read_experiment(EXAMPLES / "experiment_small.toml")
    return changed(settings, scan={"scans": 4, "heights_um": [0.0, 50.0, 200.0, 800.0, 3200.0], "alignment": False})


@pytest.fixture(scope="module")
def written(small: Experiment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Prediction, Path]:
    out = tmp_path_factory.mktemp("prediction")
    return predict(small, out), out


def changed(settings: Experiment, **tables: dict[str, object]) -> Experiment:
    data = settings.model_dump()
    for name, keys in tables.items():
        data[name] |= keys
    return Experiment.model_validate(data)


def test_prediction_is_the_truth_that_the_simulation_leaves(
    small: Experiment, written: tuple[Prediction, Path], tmp_path: Path
) -> None:
    truth = read_results(simulate_run(small, tmp_path / "run").parent / "truth.nxs")
    got = read_results(written[1] / "results.nxs")
    for name in NOUNS:
        known, ours = getattr(truth, name), getattr(got, name)
        assert (known is None) == (ours is None), name
        if known is not None:
            np.testing.assert_array_equal(ours.values, known.values, err_msg=name)
            np.testing.assert_array_equal(
                ours.coord("time"), known.coord("time")
            ) if "time" in known.data.coords else None
    for name, number in truth.numbers.items():
        assert got.numbers[name] == number, name


def test_profile_on_the_fine_grid_comes_back_from_the_file(written: tuple[Prediction, Path]) -> None:
    prediction, out = written
    with h5py.File(out / "results.nxs") as file:
        group = file["entry/profile"]
        for field in fields(prediction.profile):
            np.testing.assert_array_equal(group[field.name][()], getattr(prediction.profile, field.name))
        assert group.attrs["signal"] == "volume_fraction"
        assert group["volume_fraction"].shape == (group["time"].size, group["height"].size)
        assert group["height"].attrs["units"] == "um"
    assert silent(out / "results.nxs") == []


def test_terms_of_the_flux_explain_how_the_profile_changes(written: tuple[Prediction, Path]) -> None:
    profile = written[0].profile
    content = np.diff(profile.edge) @ profile.volume_fraction.T + profile.crystals
    assert_close(content, np.full(profile.time.size, content[0]), rel=1e-12)
    assert_close(profile.flux[1:, 0], profile.attachment[1:], rel=1e-9, floor=1e-20)
    assert np.abs(profile.flux[:, -1]).max() < 1e-12 * np.abs(profile.drift).max()


def test_wall_is_denser_than_what_half_a_beam_sees(written: tuple[Prediction, Path]) -> None:
    results, profile = written[0].results, written[0].profile
    seen = results.quality["volume_fraction_at_centre"][-1, 0]
    assert_close(results.numbers["wall_volume_fraction"].value, profile.wall_volume_fraction[-1], rel=1e-12)
    assert_close(
        seen,
        np.interp(results.volume_fraction.coord("time")[-1, 0], profile.time, profile.wall_volume_fraction),
        rel=0.02,
    )
    first = results.volume_fraction.values[0, 0]
    assert first < np.interp(results.volume_fraction.coord("time")[0, 0], profile.time, profile.wall_volume_fraction)


def test_folder_has_numbers_report_and_figures(written: tuple[Prediction, Path]) -> None:
    prediction, out = written
    numbers = json.loads((out / "numbers.json").read_text())
    for name in ("supply_flux", "slice_flux", "onset_time", "wall_volume_fraction", "inventory", "current"):
        assert name in numbers
    assert numbers["current"]["value"] is None
    assert "conductivity" in numbers["current"]["source"]
    assert_close(numbers["inventory"]["value"], 2.8, rel=1e-9)
    page = (out / "report.html").read_text()
    for name in ("wall_concentration", "flux_terms", "volume_fraction_map"):
        assert (out / "figures" / f"{name}.svg").is_file()
        assert f'id="{name}"' in page
    assert "wall_volume_fraction" in summary(prediction, out)
    assert linked_figures(page)[0] == "figures/volume_fraction_map"
    assert WRONG.findall(words_of(page)) == []


@pytest.mark.parametrize("model", ["fast-exchange", "permanent", "neutralised-at-anode", "exchange"])
def test_every_charge_model_is_chosen_in_the_file(small: Experiment, model: str, tmp_path: Path) -> None:
    text = (EXAMPLES / "experiment_small.toml").read_text()
    text = text.replace("[transport]\n", f'[transport]\ncharge_model = "{model}"\n')
    (tmp_path / "experiment.toml").write_text(text)
    prediction = predict(tmp_path / "experiment.toml")
    states = 1 if model == "fast-exchange" else 2
    assert prediction.history.problem.columns.states == states
    assert f"charge model: {model}" in prediction.results.notes[0]


def test_conducting_solution_gives_the_current_in_amperes(small: Experiment) -> None:
    conducting = changed(
        small,
        cell={"electrode_area_mm2": 50.0},
        transport={"field_model": "conduction", "carrier_share": 0.3, "conductivity_nS_per_m": 40.0},
    )
    prediction = predict(conducting)
    start = 50e-6 * 40e-9 * 30.1 / 3.5e-3
    current = prediction.results.numbers["current"].value
    assert current is not None
    assert_close(current, 50e-6 * prediction.profile.current_density[-1], rel=1e-12)
    assert_close(50e-6 * prediction.profile.current_density[0], start, rel=1e-9)
    assert 0.5 * start < current < start
    assert_close(
        np.trapezoid(prediction.profile.field, prediction.profile.edge * 1e-4),
        np.full(prediction.profile.time.size, 30.1),
        rel=2e-2,
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("charge_exponent = 2.0", 'field_model = "conduction"', "carrier_share"),
        ("charge_exponent = 2.0", "electrode_loss = 0.2", "electrode_loss"),
        ("charge_exponent = 2.0", 'interactions = "soft"', "transport.interactions"),
        ("temperature_K = 298.15", "temperature_K = 400.0", "210 to 370 K"),
        ("solubility = 0.011", "solubility = 0.0005", "growth.solubility"),
        ('solvent = "toluene"', 'solvent = "water"', "solvent"),
        ("duration_s = 3300.0", "duration_s = 33.0", "scan"),
        ("volume_fraction = 8.0e-4", "volume_fraction = 0.5", "growth.solubility"),
        ("heights_um = [", "heights_um = [5000, ", "scan.heights_um"),
        ("fwhm_um = 34.0", "fwhm_um = 0.034", "beam.fwhm_um"),
    ],
)
def test_a_bad_experiment_is_one_line_that_names_the_file_and_writes_nothing(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    text = (EXAMPLES / "experiment.toml").read_text()
    assert old in text
    source = tmp_path / "bad.toml"
    source.write_text(text.replace(old, new))
    with pytest.raises((InputFileError, ElectrosaxsError)) as caught:
        predict(source, tmp_path / "out")
    message = str(caught.value)
    assert expected in message
    assert "bad.toml" in message
    assert "\n" not in message
    assert not (tmp_path / "out").exists()


def test_a_prediction_does_not_overwrite_its_input_nor_a_plan(small: Experiment, tmp_path: Path) -> None:
    source = tmp_path / "own" / "experiment.toml"
    source.parent.mkdir()
    source.write_text((EXAMPLES / "experiment_small.toml").read_text())
    with pytest.raises(InputFileError, match=r"--out.*holds an input of this command \(experiment.toml\)"):
        predict(source, source.parent)
    assert [file.name for file in source.parent.iterdir()] == ["experiment.toml"]
    (tmp_path / "other").mkdir()
    write_provenance(tmp_path / "other", "plan", {})
    with pytest.raises(InputFileError, match="results of electrosaxs plan"):
        predict(small, tmp_path / "other")
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["provenance.json"]


def test_an_earlier_prediction_is_replaced_with_its_figures(
    written: tuple[Prediction, Path], small: Experiment, tmp_path: Path
) -> None:
    slower = changed(small, transport={"effective_charge": 0.03})
    out = Path(shutil.copytree(written[1], tmp_path / "out"))
    before = json.loads((out / "numbers.json").read_text())["supply_flux"]["value"]
    assert list((out / "figures").iterdir())
    predict(slower, out, figures="none")
    assert not list((out / "figures").iterdir())  # they were those of the earlier one
    assert "None was drawn" in (out / "report.html").read_text(encoding="utf-8")
    after = json.loads((out / "numbers.json").read_text())["supply_flux"]["value"]
    assert_close(after / before, 0.03 / 0.045, rel=1e-9)


def test_a_table_of_sizes_is_among_the_inputs(small: Experiment, tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text("diameter_nm,number\n6.0,1.0\n7.0,2.0\n8.0,1.0\n")
    text = (EXAMPLES / "experiment_small.toml").read_text()
    text = text.replace("core_diameter_nm = 7.1\n", 'distribution = "sizes.csv"\n').replace("core_sigma_nm = 1.1\n", "")
    (tmp_path / "experiment.toml").write_text(text)
    prediction = predict(tmp_path / "experiment.toml", tmp_path / "out", figures="none")
    files = [item["file"] for item in json.loads((tmp_path / "out" / "provenance.json").read_text())["inputs"]]
    assert files == ["experiment.toml", "sizes.csv"]
    numbers = prediction.results.numbers
    assert_close(numbers["starting_diameter"].value, 7.0, rel=1e-12)
    assert_close(numbers["starting_polydispersity"].value, np.sqrt(0.5) / 7.0, rel=1e-12)


def test_conductivity_says_whose_charges_it_counts(small: Experiment) -> None:
    two = predict(changed(small, transport={"charge_of_charged": 2.0})).results.numbers["particle_conductivity"]
    one = predict(small).results.numbers["particle_conductivity"]
    assert_close(two.value / one.value, 2.0, rel=1e-9)
    assert_close(
        one.value, 39.0, rel=0.05
    )  # of one size; smaller ones carry less, tests/transport/test_field_models.py
    assert "2 e each" in two.source
    assert "charge_of_charged" in one.source


def test_a_model_that_does_not_converge_gives_no_profile(small: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("electrosaxs.transport.integrate.MAX_STEPS", 10)
    with pytest.raises(ConvergenceError, match="more than 10 steps"):
        predict(small)


def test_the_darkest_frame_is_one_of_the_map(small: Experiment, written: tuple[Prediction, Path]) -> None:
    aligned = predict(changed(small, scan={"alignment": True})).results  # its frames look behind the anode too
    known = written[0].results.numbers["lowest_transmission"].value
    assert_close(aligned.numbers["lowest_transmission"].value, known, rel=0.05)
    assert not any("too dark" in note for note in aligned.notes)


def test_sizes_that_are_cut_at_zero_are_told(small: Experiment) -> None:
    assert cut_sizes(small) == ()
    (told,) = cut_sizes(changed(small, solution={"core_sigma_nm": 4.2}))
    assert "the sizes are 7.52 ± 3.8 nm" in told


def test_a_wall_denser_than_spheres_can_be_is_told(small: Experiment, written: tuple[Prediction, Path]) -> None:
    dense = changed(small, solution={"volume_fraction": 0.05}, growth={"solubility": None})
    (told,) = [note for note in predict(dense).results.notes if "too dense" in note]
    assert "these numbers mean nothing there" in told
    assert not any("too dense" in note for note in written[0].results.notes)


def test_without_a_voxel_at_the_anode_no_number_is_said_to_be_from_there(
    small: Experiment, written: tuple[Prediction, Path]
) -> None:
    high = predict(changed(small, scan={"heights_um": [500.0, 800.0, 3200.0]})).results.numbers
    for name in ("anode_diameter", "anode_polydispersity"):
        assert high[name].value is None
        assert "no voxel at the anode: the lowest is at 500 um" in high[name].source
        assert written[0].results.numbers[name].value is not None
    assert high["supply_flux"].value is not None
