"""What a cell is said to be turns drift and diffusion into charge: its errors are the charge's, whatever the fit says."""

import sys
from pathlib import Path

import numpy as np
from closeness import assert_close

from electrosaxs.inference.forward import predict
from electrosaxs.inference.parameters import Model
from electrosaxs.nouns import Number
from electrosaxs.recipes.fit.scale_errors import powers, step_sentences, with_scale_errors

sys.path.insert(0, str(Path(__file__).parents[2] / "inference"))
from dataclasses import replace

from fit_cases import TRUTH, empty_run

LARGER = 1.01


def run_with(**cell):
    run = empty_run(scans=2, duration=600.0)
    return replace(run, cell=run.cell.model_copy(update=cell))


def test_the_map_stays_as_it_is_where_charge_and_diffusion_follow_gap_voltage_and_temperature() -> None:
    run = run_with()
    model, truth = Model(), dict(TRUTH)
    before = predict(run, model, truth)
    near = run.height < 1500.0  # the cathode stands elsewhere
    program = run.program.model_copy(update={"voltage_V": [LARGER * v for v in run.program.voltage_V]})
    others = {
        "gap": run_with(gap_mm=LARGER * run.cell.gap_mm),
        "voltage": replace(run, program=program),
        "temperature": run_with(temperature_K=LARGER * run.cell.temperature_K),
    }
    for scale, other in others.items():
        values = {name: truth[name] * LARGER ** powers(name, run).get(scale, 0.0) for name in truth}
        after = predict(other, model, values)
        unlike = predict(other, model, truth)
        moved = np.max(np.abs(unlike.volume_fraction / before.volume_fraction - 1.0)[near])
        left = np.max(np.abs(after.volume_fraction / before.volume_fraction - 1.0)[near])
        assert moved > 2e-3, scale
        assert left < 0.1 * moved, scale


def test_errors_of_the_cell_are_parts_of_the_sigma_and_missing_ones_are_named() -> None:
    run = run_with(gap_mm_sigma=0.035, voltage_V_sigma=0.1)
    numbers = {"effective_charge": Number(0.045, 1e-4, "e", "fit"), "charge_exponent": Number(2.0, 0.01, "one", "fit")}
    found = with_scale_errors(numbers, [run])
    charge = found["effective_charge"]
    assert_close(charge.contributions["gap"], 0.045 * 0.035 / run.cell.gap_mm, rel=1e-9)
    assert charge.contributions["voltage"] < 0.0
    assert charge.sigma > charge.sigma_counting
    assert_close(charge.sigma_counting, 1e-4, rel=1e-9)
    assert "not included: errors of temperature (no sigma given)" in charge.source
    assert found["charge_exponent"] == numbers["charge_exponent"]


def test_a_step_that_only_frames_know_is_a_part_of_the_charge_and_one_that_was_told_is_not() -> None:
    run = run_with(gap_mm_sigma=0.035, voltage_V_sigma=0.1, temperature_K_sigma=0.1)
    end = float(run.time.max())
    middle = 0.5 * end
    numbers = {"effective_charge": Number(0.045, 1e-4, "e", "fit"), "solubility": Number(0.01, 1e-4, "one", "fit")}
    parts = {}
    for name, width in (("frames", 60.0), ("told", 1e-3)):
        times, volts = [0.0, middle - 0.5 * width, middle + 0.5 * width, end], [20.0, 20.0, 40.0, 40.0]
        program = run.program.model_copy(update={"time_s": times, "voltage_V": volts})
        stepped = replace(run, program=program)
        parts[name] = with_scale_errors(numbers, [stepped])["effective_charge"].contributions["voltage_steps"]
        assert bool(step_sentences([stepped])) == (name == "frames")
    dose = 30.0 * end
    assert_close(abs(parts["frames"]), 0.045 * 20.0 * 60.0 / np.sqrt(12.0) / dose, rel=1e-6)
    assert abs(parts["told"]) < 1e-4 * abs(parts["frames"])
    assert "voltage_steps" not in with_scale_errors(numbers, [run])["effective_charge"].contributions


def test_of_several_runs_in_one_cell_the_least_well_known_counts() -> None:
    runs = [run_with(gap_mm_sigma=sigma) for sigma in (0.01, 0.05, 0.02)]
    found = with_scale_errors({"effective_charge": Number(0.045, 1e-4, "e", "fit")}, runs)["effective_charge"]
    assert_close(found.contributions["gap"], 0.045 * 0.05 / runs[0].cell.gap_mm, rel=1e-9)
