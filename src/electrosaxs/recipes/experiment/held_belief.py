"""What the loop believes of the cell at the start, from the plan's model or fit, and the loop itself."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from ...control.hold.belief import Belief, belief
from ...control.hold.below_onset import Nucleation
from ...control.hold.estimator import Estimator
from ...control.hold.holder import Holder, Wanted
from ...control.limits import Limits
from ...control.plant import Plant
from ...control.targets import Calibration, FluxKind
from ...errors import InputFileError, bad_value
from ...io.calibration_table import read_calibration
from ...io.fit_parameters import read_fitted
from ...io.run_toml import read_experiment
from ...nouns import Experiment
from ...nouns.run_plan import HeldFlux, RunPlan
from ...transport import SizeClasses, graded_grid
from ...transport.charge_models import columns
from ...units import METRE_PER_UM
from ..experiment_file import read_with_sizes
from ..fitted_parameters import FITTED, that_apply

PAPER = "demo.toml"
CLASSES, CELLS = 9, 120
"""Of the model in the loop: flux within 0.3 % of 41 classes and 600 cells."""
MOST_CHARGE = 2.0
"""Times what is believed, for which the grid still resolves the boundary layer."""
KNOWN_SOLUBILITY, UNKNOWN_SOLUBILITY = 0.02, 0.3
"""Relative sigma of the solubility, where the wall is held at a share of it and otherwise."""
SLICE: FluxKind = "slice-flux"
STEPS_A_PERIOD, LONGEST_STEP_S = 24, 10.0
FOLDER = "electrosaxs.recipes"


def believed_plant(plan: RunPlan) -> Plant:
    """The cell and solution of the plan with transport, growth and sizes of its model, and the parameters of its fit.

    InputFileError for a model or a fit that is none, and where the model's particles do not go to the anode.
    """
    assert plan.hold is not None
    settings, sizes, source = read_with_sizes(_model(plan.hold))
    solution = settings.solution
    if sizes is None and solution.core_diameter_nm is not None and solution.core_sigma_nm is not None:
        classes = SizeClasses.gaussian(solution.core_diameter_nm, solution.core_sigma_nm, CLASSES)
    else:
        assert sizes is not None
        classes = sizes
    slice_m = METRE_PER_UM * plan.analysis.slice_um
    plant = Plant(plan.cell, plan.solution, classes, settings.transport, settings.growth, slice_m)
    if plan.hold.fit is not None:
        fitted = read_fitted(plan.hold.fit, FITTED)
        plant = plant.with_parameters(that_apply(fitted.values, settings))
    if plant.transport.effective_charge <= 0.0:
        raise bad_value(
            InputFileError, where=source, field="transport.effective_charge", value=plant.transport.effective_charge,
            rule="no positive voltage moves these particles towards the anode", remedy="give a charge above 0",
        )  # fmt: skip
    if plan.hold.flux == "wall" and plant.growth.solubility is None:
        raise bad_value(
            InputFileError, where=source, field="growth.solubility", value="missing", rule="the wall is held at a share of it",
            remedy="give growth.solubility in the model, or a fit of a run with crystals",
        )  # fmt: skip
    nucleation_of(plan.hold)  # refused before anything is switched on
    return plant


def nucleation_of(hold: HeldFlux) -> Nucleation | None:
    """The step that nucleates, with the flux that the calibration gives for the wanted islands; None where there is none.

    InputFileError for a table that is none, that is of another flux, or that does not reach so far.
    """
    if (step := hold.nucleate) is None:
        return None
    kind, flux, density = read_calibration(step.calibration)
    if kind != SLICE:
        raise bad_value(
            InputFileError, where=step.calibration, field="columns", value=f"{kind} and density",
            rule="islands nucleate at a slice flux", remedy="give density_per_mm2 against slice_flux_m_per_s",
        )  # fmt: skip
    table = Calibration(SLICE, flux, density)
    return Nucleation(
        step.at_s, table.flux_for(step.islands_per_mm2, where="PLAN.toml", field="hold.nucleate.islands_per_mm2")
    )


def holder_for(plan: RunPlan, plant: Plant, *, sizes: SizeClasses | None, phi0: float, attenuation: float) -> Holder:
    """The loop for this cell. sizes: as measured, None where the model's are taken; phi0 of the starting solution, attenuation
    of the beam per phi."""
    hold, meter = plan.hold, plan.source_meter
    assert hold is not None
    classes = sizes or plant.classes
    solution = plant.solution.model_copy(update={"volume_fraction": phi0})
    plant = replace(plant, classes=classes, solution=solution)
    usual = KNOWN_SOLUBILITY if hold.flux == "wall" else UNKNOWN_SOLUBILITY
    solubility_sigma = usual if hold.solubility_prior is None else hold.solubility_prior
    believed: Belief = belief(plant, charge_sigma=hold.charge_prior, solubility_sigma=solubility_sigma)
    _, cols = columns(plant.cell, plant.solution, classes, plant.transport)
    strongest = MOST_CHARGE * float(np.max(np.abs(cols.mobility))) * meter.max_voltage_V / (1e-3 * plant.cell.gap_mm)
    shortest = float(np.max(cols.diffusion)) / strongest
    grid = graded_grid(1e-3 * plant.cell.gap_mm, shortest_decay=min(shortest, 1e-3 * plant.cell.gap_mm), cells=CELLS)
    wanted = Wanted(
        hold.flux, hold.set_point_m_per_s, hold.start_voltage_V, hold.fallback_voltage_V, hold.stale_after_s, hold.at_end,
        meter.compliance_A, hold.wall_share, nucleation_of(hold),
    )  # fmt: skip
    limits = Limits(highest=meter.max_voltage_V, ramp=meter.max_ramp_V_per_s)
    estimator = Estimator(believed, grid, fwhm_um=plan.beam.fwhm_um, attenuation=attenuation)
    return Holder(estimator, wanted, limits, min(LONGEST_STEP_S, plan.scan.period_s / STEPS_A_PERIOD))


def _model(hold: HeldFlux) -> Path | Experiment:
    """The model that the plan names; the paper's where a fit says all."""
    if hold.fit is None or "model" in hold.model_fields_set:
        return hold.model
    with as_file(files(FOLDER) / PAPER) as path:
        return read_experiment(path)
