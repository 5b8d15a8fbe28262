"""What the layer says of a voltage in other units and of another solvent, and that it says nothing where it cannot."""

from types import SimpleNamespace

import numpy as np
import pytest
from recipes.analyse.reduced_runs import reduced_run

from electrosaxs.nouns import Run
from electrosaxs.nouns.voltage_pieces import Piece
from electrosaxs.recipes.analyse.motion import OF_THE_VOLTAGE, Motion, motion_of

DIFFUSION = 7.4e-11  # of 10.68 nm in toluene
SPEED = 1.11e-6  # of 0.045 e in 30 V over 3.5 mm


def run_in(solvent: str = "toluene", temperature: float = 298.15) -> Run:
    run = reduced_run(["reference", "sample"], counts=np.full((2, 2), 1e4), volume_fraction=8e-4).run
    cell = run.cell.model_copy(update={"gap_mm": 3.5, "temperature_K": temperature})
    return run.model_copy(update={"solution": run.solution.model_copy(update={"solvent": solvent}), "cell": cell})


def said(
    run: Run, voltage: float = 30.0, *, speed: float = SPEED, diffusion: float = DIFFUSION, misfit: float = 0.4
) -> Motion:
    layer = SimpleNamespace(
        parameters=np.log([speed, diffusion, np.e]), sigma=np.array([2e-3, 4e-3, 0.1]), misfit=misfit
    )
    return motion_of(layer, run, 7.1, (Piece(0.0, 1200.0, voltage, False, 0.0, 0.0),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("voltage", "unit"), [(0.03, "kV"), (30000.0, "mV")])
def test_a_voltage_in_other_units_asks_for_a_charge_that_no_particle_holds(voltage: float, unit: str) -> None:
    (doubt,) = said(run_in(), voltage).doubts
    assert doubt.names == OF_THE_VOLTAGE
    assert f"(it may be in {unit})" in doubt.why
    assert said(run_in(), voltage).notes[0].startswith("motion: at ")


def test_particles_that_gather_where_the_voltage_would_drive_them_away_are_said() -> None:
    (doubt,) = said(run_in(), -30.0).doubts
    assert "the voltage has the other sign" in doubt.why


@pytest.mark.parametrize("charge", [0.03, 1.0, 20.0])
def test_what_particles_may_hold_is_said_of_none(charge: float) -> None:
    assert said(run_in(), speed=charge * SPEED).notes == ()


@pytest.mark.parametrize(("solvent", "temperature"), [("hexane", 298.15), ("toluene", 323.15), ("toluene", 274.15)])
def test_another_solvent_or_temperature_has_another_viscosity(solvent: str, temperature: float) -> None:
    motion = said(run_in(solvent, temperature))
    assert motion.doubts == []
    assert "solvent, temperature or solvated shell are others" in motion.notes[0]


def test_a_layer_of_another_kind_and_what_a_shell_may_be_off_by_say_nothing() -> None:
    assert said(run_in(), diffusion=1.1 * DIFFUSION) == Motion()
    assert said(run_in("hexane"), 0.03, misfit=2.5) == Motion()
    assert motion_of(None, run_in(), 7.1, ()) == Motion()
