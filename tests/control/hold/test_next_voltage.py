"""The next voltage gives the flux, as the transport model itself says."""

import numpy as np
import pytest
from closeness import assert_close
from held_cell import FWHM_UM, GRID, plant_with

from electrosaxs.control.hold.measured_voltage import MeasuredVoltage
from electrosaxs.control.hold.next_voltage import Range, voltage_for
from electrosaxs.control.hold.tracked_cell import Footprints, TrackedCell, as_absorbed
from electrosaxs.control.plant import flux_into_slice
from electrosaxs.nouns import VoltageProgram

STEP_S = 60.0


@pytest.fixture
def track() -> TrackedCell:
    cell = TrackedCell(plant_with(), GRID)
    cell.go_on(VoltageProgram(time_s=[0.0, 1.0], voltage_V=[0.0, 20.0]), 900.0)
    return cell


def test_the_flux_of_a_profile_is_linear_in_the_voltage(track: TrackedCell) -> None:
    low, middle, high = (track.slice_flux(v) for v in (18.0, 20.0, 22.0))
    assert_close(high - middle, middle - low, rel=1e-3)
    assert high > middle > low


def test_a_step_to_the_chosen_voltage_ends_at_the_wanted_flux(track: TrackedCell) -> None:
    """By the planner's own road through the transport model: other code runs the step and takes the flux."""
    wanted = 1.3 * track.slice_flux(20.0)
    end = track.state.time + STEP_S
    chosen = voltage_for(lambda v: track.slice_flux(v, track.ahead(v, end)), wanted, 20.0, Range(40.0, 30.0))
    assert chosen.limited_by == ""
    constant = VoltageProgram(time_s=[0.0], voltage_V=[chosen.voltage])
    plant = plant_with()
    history = plant.run(constant, [end], grid=GRID, start=track.state)
    assert_close(flux_into_slice(history, plant.slice_m)[0], wanted, rel=1e-3)
    at_once = voltage_for(lambda v: track.slice_flux(v), wanted, 20.0, Range(40.0, 30.0))
    assert chosen.voltage > 1.02 * at_once.voltage  # the profile relaxes within the step


@pytest.mark.parametrize(
    ("allowed", "volt", "why"),
    [
        (Range(40.0, 0.5), 20.5, "the largest ramp"),
        (Range(21.0, 30.0), 21.0, "the highest voltage"),
        (Range(22.0, 30.0, highest_is="the largest current"), 22.0, "the largest current"),
    ],
    ids=["ramp", "voltage", "current"],
)
def test_a_limit_is_kept_and_named(track: TrackedCell, allowed: Range, volt: float, why: str) -> None:
    chosen = voltage_for(track.slice_flux, 4.0 * track.slice_flux(20.0), 20.0, allowed)
    assert_close(chosen.voltage, volt, rel=1e-9)
    assert chosen.limited_by == why
    assert_close(chosen.flux, track.slice_flux(volt), rel=1e-9)


@pytest.mark.parametrize("last", [3.0, 6.0])
def test_where_the_flux_runs_back_at_the_highest_voltage_it_is_that_which_limits(last: float) -> None:
    """As in a profile that a higher voltage made: a run that does not say so never ends."""
    chosen = voltage_for(lambda volt: 5e-11 * (volt - 12.0), 2e-10, last, Range(6.0, 30.0))
    assert chosen.voltage == 6.0
    assert chosen.limited_by == "the highest voltage"
    assert_close(chosen.flux, -3e-10, rel=1e-9)


def test_noise_of_the_meter_is_no_change_of_the_voltage() -> None:
    voltage = MeasuredVoltage()
    noise = 1e-4 * np.sin(np.arange(1000.0))
    for time, off in zip(np.arange(1.0, 1001.0), noise, strict=True):
        voltage.read(float(time), 20.0 + float(off) if time > 500.0 else 10.0)
    kept = voltage.program(0.0, 2000.0)
    assert len(kept.time_s) < 8
    assert_close(np.interp([250.0, 750.0, 1500.0], kept.time_s, kept.voltage_V), [10.0, 20.0, 20.0], rel=1e-3)
    assert voltage.program(700.0, 800.0).voltage_V[-1] == voltage.last_V


@pytest.mark.parametrize("height_um", [0.0, 50.0, 200.0])
def test_what_absorbs_more_counts_less_in_a_frame(height_um: float) -> None:
    """Against the integral over the beam, of an exponential profile at ten times the starting phi."""
    z, attenuation = GRID.z, 264.0
    phi = 8e-4 * (1.0 + 9.0 * np.exp(-z / 120e-6))
    looks = Footprints(GRID, FWHM_UM).looks(np.zeros(1), np.array([height_um]))
    weights = looks.weights[0]
    exact = weights @ (phi * np.exp(-attenuation * phi)) / (weights @ np.exp(-attenuation * phi))
    read = as_absorbed(weights @ phi, looks.spread[0] @ phi, attenuation)
    assert_close(read, exact, rel=2e-3)
    assert_close(exact / (weights @ phi), 1.0, rel=0.05)
    assert height_um > 100.0 or exact < 0.995 * (weights @ phi)
