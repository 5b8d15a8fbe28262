"""A planned program does in the model what was asked for, keeps within its limits, and says why where it cannot."""

import json
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.control.holding_time import HELD_WITHIN, Programmed
from electrosaxs.control.limits import Limits
from electrosaxs.control.plant import Plant, flux_into_slice
from electrosaxs.control.programs import hold_supply_flux, onset_at
from electrosaxs.control.slice_flux import hold_slice_flux
from electrosaxs.control.targets import Calibration, Target, parse_target
from electrosaxs.errors import ElectrosaxsError, InputFileError
from electrosaxs.io.calibration_table import read_calibration
from electrosaxs.io.numbers_json import write_numbers
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import Experiment, Number, VoltageProgram
from electrosaxs.recipes.plan.plan import plan, summary
from electrosaxs.recipes.predict import predict
from electrosaxs.transport import SizeClasses
from electrosaxs.transport.onset import onset_time

EXAMPLE = Path(__file__).parents[3] / "examples" / "experiment.toml"


@pytest.fixture(scope="module")
def settings() -> Experiment:
    whole = read_experiment(EXAMPLE)
    scan = whole.scan.model_copy(update={"heights_um": [0.0, 50.0, 1000.0], "scans": 3})
    return whole.model_copy(update={"scan": scan})


@pytest.fixture(scope="module")
def plant(settings: Experiment) -> Plant:
    sizes = SizeClasses.gaussian(7.1, 1.1, classes=11)
    return Plant(settings.cell, settings.solution, sizes, settings.transport, settings.growth)


@pytest.mark.parametrize("flux", [1e-10, 3.4e-10])
def test_flux_into_the_slice_stays_at_the_target_between_the_points_of_the_program(plant: Plant, flux: float) -> None:
    made = hold_slice_flux(plant, flux, 3300.0, Limits())
    assert made.held is not None
    assert_close(made.held[1], 3300.0, rel=1e-9)
    times = np.linspace(made.held[0], 3300.0, 1500)
    got = flux_into_slice(plant.run(made.program, times), plant.slice_m)  # at other moments than the plan looked at
    assert_close(got, np.full(1500, flux), rel=HELD_WITHIN)


def test_program_keeps_within_voltage_and_ramp(plant: Plant) -> None:
    limits = Limits(highest=25.0, ramp=0.02)
    made = hold_slice_flux(plant, 6e-10, 3300.0, limits)
    times, volts = np.array(made.program.time_s), np.array(made.program.voltage_V)
    assert volts[0] == 0.0
    assert volts.max() <= 25.0 + 1e-9
    assert np.abs(np.diff(volts) / np.diff(times)).max() <= 0.02 * (1.0 + 1e-9)
    assert made.limited_by in ("the highest voltage", "the largest ramp")
    assert times.size < 100  # intervals are cut where the voltage has a kink, and nowhere else


def test_current_limit_holds_in_a_solution_that_conducts(plant: Plant) -> None:
    conducting = {"field_model": "conduction", "carrier_share": 0.4, "conductivity_nS_per_m": 40.0}
    from dataclasses import replace

    transport = plant.transport.model_copy(update=conducting)
    cell = plant.cell.model_copy(update={"electrode_area_mm2": 100.0})
    plant = replace(plant, transport=transport, cell=cell)
    limits = Limits(current=1.5e-8)
    top, cause = limits.highest_voltage(cell, transport)
    assert cause == "the largest current"
    assert_close(top, 1.5e-8 * 3.5e-3 / (40e-9 * 100e-6), rel=1e-12)
    made = hold_slice_flux(plant, 6e-10, 1500.0, limits)
    history = plant.run(made.program, np.linspace(1.0, 1500.0, 40))
    assert (history.current_density() * 100e-6).max() <= 1.5e-8 * (1.0 + 1e-9)


def test_without_conductivity_a_current_limit_is_refused(plant: Plant) -> None:
    with pytest.raises(InputFileError, match="conductivity_nS_per_m"):
        hold_slice_flux(plant, 3e-10, 1000.0, Limits(current=1e-8))


def test_a_constant_voltage_gives_the_wanted_supply_until_the_solution_is_depleted(plant: Plant) -> None:
    made = hold_supply_flux(plant, 6e-10, 6000.0, Limits())
    assert made.held is not None
    volt = made.program.voltage_V[-1]
    times = np.array(made.held)
    history = plant.run(made.program, [*times, times[1] + 120.0])
    arriving = [np.interp(500e-6, history.edges, row) for row in history.flux_terms().total.sum(axis=1)]
    assert_close(arriving[:2], np.full(2, 6e-10), rel=HELD_WITHIN)
    assert arriving[2] < (1.0 - HELD_WITHIN) * 6e-10
    # the sharp front of the mean size comes later than the first that is missed
    mean_front = (3.5e-3 - 0.5e-3) * plant.solution.volume_fraction / 6e-10
    assert 0.5 * mean_front < made.held[1] < mean_front
    assert 18.0 < volt < 20.0
    assert_close(made.reached, 6e-10, rel=1e-6)


def test_crystals_begin_when_they_should(plant: Plant) -> None:
    made = onset_at(plant, 1500.0, Limits())
    onset = onset_time(plant.run(made.program, [2000.0]))
    assert onset is not None
    assert_close(onset, 1500.0, rel=2e-3)
    later = onset_at(plant, 2500.0, Limits())
    assert later.program.voltage_V[-1] < made.program.voltage_V[-1]


@pytest.mark.parametrize("target", ["slice-flux=3e-10", "supply-flux=8e-10", "enrichment=12", "onset-time=1200"])
def test_a_plan_whose_ramp_is_too_slow_says_that_the_ramp_limits_it(
    settings: Experiment, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # neither the page nor what could be held instead is looked at here
    monkeypatch.setattr("electrosaxs.recipes.predict.write_report", lambda *args, **kwargs: None)
    monkeypatch.setattr("electrosaxs.recipes.plan.planner.longest_held", lambda *args: None)
    made = plan(settings, target, tmp_path, limits=Limits(ramp=0.001))
    reached = made.prediction.results.numbers["plan_reached"]
    assert "limited by the largest ramp" in reached.source
    assert reached.value is None or (reached.value < float(target.partition("=")[2]))
    voltage = tomllib.loads((tmp_path / "plan.toml").read_text())["voltage"]
    assert np.max(np.diff(voltage["voltage_V"]) / np.diff(voltage["time_s"])) <= 0.001 * (1.0 + 1e-6)


def test_a_supply_that_is_not_held_to_the_end_says_by_how_much_it_is_missed(settings: Experiment) -> None:
    numbers = plan(settings, "supply-flux=9e-10").prediction.results.numbers
    until = numbers["plan_held_until"]
    assert until.value is not None
    assert until.value < 3300.0
    assert "within 2% of the target until it departs from it, most by -" in until.source
    assert "at 3300 s" in until.source


def test_no_program_beyond_the_limits_is_written(
    settings: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beyond = Programmed(VoltageProgram(time_s=[0.0, 1.0], voltage_V=[0.0, 10.0]), 1.0, None, "")
    monkeypatch.setattr("electrosaxs.recipes.plan.planner.enrich_to", lambda *_: beyond)
    with pytest.raises(ElectrosaxsError, match=r"10 V/s exceed the largest ramp, 1 V/s; nothing was written"):
        plan(settings, "enrichment=12", tmp_path / "out", limits=Limits(ramp=1.0))
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("unrendered")
def test_planned_folder_holds_a_program_that_predicts_the_same(settings: Experiment, tmp_path: Path) -> None:
    made = plan(settings, "enrichment=12", tmp_path)
    table = tomllib.loads((tmp_path / "plan.toml").read_text())["voltage"]
    assert_close(table["voltage_V"], made.programmed.program.voltage_V, rel=1e-5)
    again = predict(tmp_path / "experiment.toml")
    np.testing.assert_array_equal(again.results.volume_fraction.values, made.prediction.results.volume_fraction.values)
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert_close(numbers["plan_reached"]["value"], 12.0, rel=5e-3)
    assert numbers["plan_reached"]["sigma"] is None
    assert (tmp_path / "figures" / "voltage_program.svg").is_file()
    assert 'id="voltage_program"' in (tmp_path / "report.html").read_text()
    assert "plan_reached" in summary(made, tmp_path)


def test_sigma_of_the_charge_is_carried_to_what_is_reached(settings: Experiment, tmp_path: Path) -> None:
    write_numbers(
        tmp_path / "numbers.json",
        {
            "effective_charge": Number(0.05, 0.001, "e", "fit"),
            "charge_exponent": Number(2.0, None, "one", "held"),
            "solubility": Number.absent("one", "no crystals"),
        },
    )
    made = plan(settings, "supply-flux=5e-10", fit=tmp_path / "numbers.json")
    reached = made.prediction.results.numbers["plan_reached"]
    assert made.experiment.transport.effective_charge == 0.05
    assert reached.value is not None
    assert reached.sigma is not None
    assert_close(reached.sigma / reached.value, 0.02, rel=1e-3)  # the supply is proportional to the charge
    told = summary(made, tmp_path)
    assert "correlations between the parameters of the fit are not known" in told
    assert "the fit has no value for solubility: those of the experiment are taken" in told
    assert set(made.notes) <= set(made.prediction.results.notes)


def test_covariance_beside_the_numbers_is_used(settings: Experiment, tmp_path: Path) -> None:
    write_numbers(
        tmp_path / "numbers.json",
        {
            "effective_charge": Number(0.045, 0.0009, "e", "fit"),
            "diffusivity_scale": Number(1.0, 0.04, "one", "fit"),
        },
    )
    alone = plan(settings, "enrichment=12", fit=tmp_path)
    with h5py.File(tmp_path / "results.nxs", "w") as file:
        group = file.create_group("entry/parameters")
        group.create_dataset("names", data=["effective_charge", "diffusivity_scale"], dtype=h5py.string_dtype())
        both = 0.99 * 0.0009 * 0.04
        group["covariance"] = np.array([[0.0009**2, both], [both, 0.04**2]])
    together = plan(settings, "enrichment=12", fit=tmp_path)
    apart, joined = (p.prediction.results.numbers["plan_reached"].sigma for p in (alone, together))
    assert apart is not None
    assert joined is not None
    assert not any("not known" in note for note in together.notes)
    assert joined < 0.5 * apart  # more charge fills, more diffusion empties: together they cancel


def test_density_is_planned_through_the_calibration(settings: Experiment, tmp_path: Path) -> None:
    table = tmp_path / "nucleation.csv"
    table.write_text("supply_flux_m_per_s, density_per_mm2\n2e-10, 10\n8e-10, 160\n")
    made = plan(settings, "nucleation-density=40", calibration=table)
    numbers = made.prediction.results.numbers
    assert_close(numbers["plan_nucleation_density"].value or 0.0, 40.0, rel=1e-3)
    assert_close(numbers["plan_reached"].value or 0.0, 4e-10, rel=1e-3)
    assert "exponent 2.00" in numbers["plan_nucleation_density"].source
    with pytest.raises(InputFileError, match="knows 10 to 160"):
        plan(settings, "nucleation-density=400", calibration=table)
    with pytest.raises(InputFileError, match="needs a calibration"):
        plan(settings, "nucleation-density=40")


def test_a_power_law_is_interpolated_exactly() -> None:
    flux = np.array([1e-10, 3e-10, 9e-10])
    assert_close(Calibration("slice-flux", flux, 7.0 * flux**1.3).flux_for(7.0 * 5e-10**1.3), 5e-10, rel=1e-12)


@pytest.mark.parametrize(
    "table",
    [
        "flux,density\n1,2\n",
        "slice_flux_m_per_s,density_per_mm2\n1e-10,5\n2e-10,4\n",
        "slice_flux_m_per_s,density_per_mm2\n1e-10,a\n2e-10,4\n",
    ],
)
def test_a_bad_calibration_is_one_line(tmp_path: Path, table: str) -> None:
    (tmp_path / "n.csv").write_text(table)
    with pytest.raises(InputFileError, match=r"n\.csv.*give columns"):
        read_calibration(tmp_path / "n.csv")


@pytest.mark.parametrize("text", ["slice-flux", "slice-flux=fast", "slice-flux=-1e-10", "speed=3", "enrichment=nan"])
def test_a_target_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InputFileError, match="--target"):
        parse_target(text)
    assert parse_target("onset-time=1500") == Target("onset-time", 1500.0)


@pytest.mark.parametrize("bad", [{"highest": -1.0}, {"ramp": 0.0}, {"current": float("nan")}, {"lowest": 5.0}])
def test_limits_that_allow_nothing_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputFileError, match="plan: --"):
        Limits(**bad)


def test_an_onset_needs_a_solubility(settings: Experiment) -> None:
    dissolved = settings.model_copy(update={"growth": type(settings.growth)()})
    with pytest.raises(InputFileError, match=r"growth\.solubility"):
        plan(dissolved, "onset-time=1500")
