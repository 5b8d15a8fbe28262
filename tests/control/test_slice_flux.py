"""A program keeps within its limits whatever is asked of it, and a flux is held where the plan says so."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.control.holding_time import HELD_WITHIN, how_held
from electrosaxs.control.limits import Limits
from electrosaxs.control.plant import Plant, content_of_slice, flux_into_slice
from electrosaxs.control.programs import enrich_to, hold_supply_flux, onset_at
from electrosaxs.control.slice_flux import RISE_SHARE, THROUGHOUT_TO, hold_slice_flux, longest_held
from electrosaxs.errors import ElectrosaxsError
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import VoltageProgram
from electrosaxs.transport import SizeClasses

EXAMPLE = Path(__file__).parents[2] / "examples" / "plan_constant_flux.toml"
DURATION = 3000.0


@pytest.fixture(scope="module")
def plant() -> Plant:
    settings = read_experiment(EXAMPLE)
    sizes = SizeClasses.gaussian(7.1, 1.1, classes=7)
    return Plant(settings.cell, settings.solution, sizes, settings.transport, settings.growth)


def steepest(program: VoltageProgram) -> float:
    return float(np.max(np.abs(np.diff(program.voltage_V) / np.diff(program.time_s))))


def test_a_voltage_that_the_ramp_cannot_reach_is_approached_at_the_ramp(plant: Plant) -> None:
    limits = Limits(ramp=0.001)
    made = {
        "slice-flux": hold_slice_flux(plant, 3e-10, DURATION, limits),
        "supply-flux": hold_supply_flux(plant, 8e-10, DURATION, limits),
        "enrichment": enrich_to(plant, 12.0, DURATION, limits),
        "onset": onset_at(plant, 1200.0, limits),
    }
    for name, one in made.items():
        assert limits.exceeded(one.program, plant.cell, plant.transport) == "", name
        assert_close(steepest(one.program), 0.001, rel=1e-9)
        assert one.limited_by == "the largest ramp", name
        assert one.held is None, name
    assert_close(made["slice-flux"].program.voltage_V[-1], 3.0, rel=1e-9)
    assert_close(made["supply-flux"].reached, plant.supply_per_volt() * 3.0, rel=1e-9)


@pytest.mark.parametrize("ramp", [0.01, 0.5, np.inf])
def test_a_flux_is_held_at_every_moment_from_when_to_when_the_plan_says(plant: Plant, ramp: float) -> None:
    limits = Limits(ramp=ramp)
    made = hold_slice_flux(plant, 3e-10, DURATION, limits)
    assert made.held is not None
    assert made.departure is not None
    assert made.held[1] == DURATION
    assert made.held[0] < 30.0 or ramp == 0.01
    times = np.linspace(made.held[0], DURATION, 1999)  # crystals begin on the way, and the voltage has a kink there
    got = flux_into_slice(plant.run(made.program, times), plant.slice_m) / 3e-10 - 1.0
    assert np.abs(got).max() <= HELD_WITHIN
    assert abs(made.departure.share) >= 0.9 * np.abs(got).max()
    assert steepest(made.program) <= ramp * (1.0 + 1e-9)
    assert made.limited_by == ("the largest ramp" if ramp == 0.01 else "")


@pytest.mark.parametrize(("flux", "limits"), [(6.88e-10, Limits(highest=30.0)), (3e-10, Limits(ramp=0.02))])
def test_what_is_said_to_be_held_throughout_is(plant: Plant, flux: float, limits: Limits) -> None:
    found = longest_held(plant, flux, DURATION, limits)
    assert found is not None
    again = hold_slice_flux(plant, found.reached, DURATION, limits)
    assert again.held is not None
    assert again.held[0] <= (RISE_SHARE * DURATION if limits.ramp == 0.02 else 0.01)
    assert again.held[1] == DURATION
    assert again.limited_by == ""
    more = hold_slice_flux(plant, (1.0 + 2.0 * THROUGHOUT_TO) * found.reached, DURATION, limits)
    assert more.limited_by or more.held is None or more.held[0] > RISE_SHARE * DURATION


def test_a_moment_off_target_ends_what_is_held() -> None:
    times = np.arange(1.0, 11.0)
    flux = np.array([0.5, 1.0, 1.01, 0.9, 1.0, 1.0, 1.0, 0.99, 1.0, 1.0])
    held, largest = how_held(times, 3e-10 * flux, 3e-10)
    assert held == (5.0, 10.0)
    assert_close(largest.share, -0.01, rel=1e-9)
    assert largest.time == 8.0
    nowhere, nearest = how_held(times, 3e-10 * np.linspace(0.8, 0.9, 10), 3e-10)
    assert nowhere is None
    assert_close(nearest.share, -0.1, rel=1e-9)
    assert nearest.time == 10.0


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (
            VoltageProgram(time_s=[0.0], voltage_V=[10.0]),
            "a step to 10 V at field-on exceeds the largest ramp, 0.1 V/s",
        ),
        (VoltageProgram(time_s=[0.0, 90.0], voltage_V=[0.0, 10.0]), "0.111111 V/s exceed the largest ramp"),
        (VoltageProgram(time_s=[0.0, 300.0], voltage_V=[0.0, 21.0]), "21 V exceed the highest voltage, 20 V"),
        (VoltageProgram(time_s=[0.0, 300.0], voltage_V=[0.0, -1.0]), "-1 V are below the lowest voltage, 0 V"),
    ],
    ids=["step", "ramp", "high", "low"],
)
def test_no_program_beyond_the_limits_leaves_a_plan(plant: Plant, program: VoltageProgram, why: str) -> None:
    limits = Limits(highest=20.0, ramp=0.1)
    assert why in limits.exceeded(program, plant.cell, plant.transport)
    with pytest.raises(ElectrosaxsError, match=r"plan: voltage program = .*: must keep within .*; nothing was written"):
        limits.check(program, plant.cell, plant.transport)
    limits.check(VoltageProgram(time_s=[0.0, 100.0], voltage_V=[0.0, 10.0]), plant.cell, plant.transport)


def test_a_share_lost_at_the_electrodes_lets_the_current_have_more_voltage(plant: Plant) -> None:
    cell = plant.cell.model_copy(update={"electrode_area_mm2": 100.0})
    settings = {"conductivity_nS_per_m": 40.0, "field_model": "electrode-loss", "electrode_loss": 0.2}
    lossy = plant.transport.model_copy(update=settings)
    top, cause = Limits(current=1e-8).highest_voltage(cell, lossy)
    assert cause == "the largest current"
    assert_close(top, 1e-8 * 3.5e-3 / (40e-9 * 100e-6) / 0.8, rel=1e-12)


def test_the_slice_holds_solution_and_crystals_together(plant: Plant) -> None:
    history = plant.run(VoltageProgram(time_s=[0.0], voltage_V=[30.0]), [600.0, 2000.0])
    dissolved = history.slice_phi(plant.slice_m)
    crystals = history.crystals.sum(axis=1) / plant.slice_m
    assert crystals[1] > 0.1 * dissolved[1]
    assert_close(content_of_slice(history, plant.slice_m), dissolved + crystals, rel=1e-12)


def test_the_longest_of_several_stretches_is_what_is_held() -> None:
    good = np.array([1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 0.5, 1.0, 1.0])
    held, largest = how_held(np.arange(10.0), good, 1.0)
    assert held == (0.0, 3.0)
    assert_close(largest.share, -0.5, rel=1e-12)


def test_parameters_go_into_a_plant_and_come_out_by_the_names_of_a_fit(plant: Plant) -> None:
    given = {"effective_charge": 0.03, "attachment_time": 12.0, "immobile_diameter": 2.5, "charge_lifetime": 7.0}
    moved = plant.with_parameters(given)
    assert {name: moved.parameter(name) for name in given} == given
    assert moved.parameter("solubility") == plant.growth.solubility
    assert moved.parameter("starting_diameter") is None
