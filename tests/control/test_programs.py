"""A constant voltage for a target is found to the same share of itself whatever the highest voltage is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.control.limits import Limits
from electrosaxs.control.plant import Plant
from electrosaxs.control.programs import JUMPS, enrich_to, onset_at
from electrosaxs.control.reach import check_highest, check_moves
from electrosaxs.errors import InputFileError
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.transport import SizeClasses
from electrosaxs.transport.onset import onset_time

EXAMPLE = Path(__file__).parents[2] / "examples" / "plan_constant_flux.toml"


@pytest.fixture(scope="module")
def plant() -> Plant:
    settings = read_experiment(EXAMPLE)
    sizes = SizeClasses.gaussian(7.1, 1.1, classes=5)
    return Plant(settings.cell, settings.solution, sizes, settings.transport, settings.growth)


@pytest.mark.parametrize("highest", [40.0, 10000.0])
def test_a_plan_does_not_depend_on_voltages_that_it_does_not_need(plant: Plant, highest: float) -> None:
    made = onset_at(plant, 1200.0, Limits(highest=highest))
    assert made.limited_by == ""
    onset = onset_time(plant.run(made.program, np.linspace(100.0, 1300.0, 13)))  # other steps, and its own grid
    assert onset is not None
    assert_close(onset, 1200.0, rel=3e-3)
    richer = enrich_to(plant, 5.0, 3000.0, Limits(highest=highest))
    assert_close(richer.reached, 5.0, rel=1e-3)
    assert richer.limited_by == ""


def test_an_onset_that_comes_much_sooner_or_not_at_all_is_said_to_be_missed(plant: Plant) -> None:
    # permanent charges: what is charged is soon at the anode, and the wall is at its highest then
    transport = plant.transport.model_copy(update={"charge_model": "permanent"})
    made = onset_at(replace(plant, transport=transport), 1500.0, Limits())
    assert abs(made.reached / 1500.0 - 1.0) > 0.02
    assert made.limited_by == JUMPS
    soon = onset_at(replace(plant, transport=transport), 300.0, Limits())
    assert_close(soon.reached, 300.0, rel=3e-3)
    assert soon.limited_by == ""


@pytest.mark.parametrize("charge", [-0.045, 0.0])
def test_particles_that_no_voltage_brings_are_refused(plant: Plant, charge: float) -> None:
    transport = plant.transport.model_copy(update={"effective_charge": charge})
    with pytest.raises(InputFileError, match="no positive voltage moves these particles"):
        check_moves(replace(plant, transport=transport))


def test_a_highest_voltage_that_no_cell_stands_is_refused(plant: Plant) -> None:
    with pytest.raises(InputFileError, match=r"--max-voltage = 1e\+07: is a field of .* kV/cm"):
        check_highest(plant, Limits(highest=1e7))
    check_highest(plant, Limits(highest=10000.0))
