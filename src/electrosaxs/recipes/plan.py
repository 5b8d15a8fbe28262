"""The model turned round: from what is wanted to the voltage program, with the maps to expect and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..control.limits import Limits
from ..control.plant import Plant
from ..control.programs import Programmed
from ..control.targets import UNITS, Calibration, FluxKind, Target, parse_target
from ..errors import InputFileError, bad_value
from ..figures.plan import draw_plan
from ..io.calibration_table import read_calibration
from ..io.fit_parameters import FittedParameters, read_fitted
from ..io.run_toml import write_experiment
from ..nouns import Experiment
from ..report.number_text import number_row
from ..transport import SizeClasses
from ..twin.cell import starting_classes
from .experiment_file import named, read_with_sizes
from .output_folder import output_folder
from .planner import Planner, that_apply
from .predict import Prediction, predicted, write_prediction

FITTED = (
    "effective_charge", "charge_exponent", "diffusivity_scale", "charge_of_charged", "charge_lifetime",
    "immobile_fraction", "immobile_diameter", "electrode_loss", "carrier_share", "solubility", "attachment_time",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Plan:
    """target as asked for; programmed: the program and what it reaches; prediction of the experiment under it."""

    target: Target
    programmed: Programmed
    prediction: Prediction
    experiment: Experiment


def plan(
    experiment: str | Path | Experiment,
    target: str | Target,
    out: str | Path | None = None,
    *,
    limits: Limits | None = None,
    fit: str | Path | None = None,
    calibration: str | Path | None = None,
) -> Plan:
    """Find the voltage program that gives `target` ("slice-flux=3.4e-10") in the cell of `experiment`.

    fit: numbers.json (or the folder) of a fit, whose parameters replace those of the experiment and whose sigmas are
    carried to what is reached. calibration: table of nucleation density against flux. With `out` leaves experiment.toml
    with the planned [voltage], plan.toml with that table alone, and the files of `predict`. Raises InputFileError for bad
    input; a target out of reach is no error: the plan is the nearest one and its numbers say why.
    """
    settings, sizes, source = read_with_sizes(experiment)
    wanted = parse_target(target) if isinstance(target, str) else target
    folder = None if out is None else output_folder(out)
    fitted = None if fit is None else read_fitted(fit, FITTED)
    table = None if calibration is None else _calibration(calibration)
    with named(source):
        classes = starting_classes(settings, sizes)
        plant = Plant(settings.cell, settings.solution, classes, settings.transport, settings.growth)
        if fitted is not None:
            plant = plant.with_parameters(that_apply(fitted.values, settings))
        planner = Planner(plant, settings.scan.duration_s, limits or Limits(), _as_flux(wanted, table))
        programmed = planner.program()
    planned = settings.model_copy(
        update={"voltage": programmed.program, "transport": plant.transport, "growth": plant.growth}
    )
    made = Plan(
        wanted, programmed, _with_plan(planned, sizes, source, planner, programmed, wanted, table, fitted), planned
    )
    if folder is not None:
        inputs = [Path(p) for p in (experiment, calibration) if isinstance(p, (str, Path))]
        write_prediction(folder, made.prediction, inputs=inputs, more=[draw_plan(planner.curves(programmed))])
        write_experiment(folder / "experiment.toml", planned)
        (folder / "plan.toml").write_text(_table(programmed), encoding="utf-8")
    return made


def _with_plan(
    planned: Experiment,
    sizes: SizeClasses | None,
    source: str,
    planner: Planner,
    programmed: Programmed,
    wanted: Target,
    table: Calibration | None,
    fitted: FittedParameters | None,
) -> Prediction:
    """The prediction of the planned experiment, the numbers of the plan before its own."""
    prediction = predicted(planned, sizes, source)
    numbers = planner.numbers(programmed, wanted, table, fitted)
    carried = "no sigma: no fit was given" if fitted is None else "sigma from the fit's parameters"
    if fitted is not None:
        carried += " with their covariance" if fitted.correlated else ", taken as independent"
    limited = f"; limited by {programmed.limited_by}" if programmed.limited_by else ""
    notes = (f"plan for {wanted.kind} = {wanted.value:g} {UNITS[wanted.kind]}{limited}; {carried}",)
    results = replace(
        prediction.results,
        numbers={**numbers, **prediction.results.numbers},
        notes=(*notes, *prediction.results.notes),
    )
    return replace(prediction, results=results)


def _calibration(path: str | Path) -> Calibration:
    kind, flux, density = read_calibration(path)
    of: FluxKind = "slice-flux" if kind == "slice-flux" else "supply-flux"
    return Calibration(of, flux, density)


def _as_flux(wanted: Target, table: Calibration | None) -> Target:
    """A density as the flux that gives it; everything else as it is."""
    if wanted.kind != "nucleation-density":
        return wanted
    if table is None:
        raise bad_value(
            InputFileError,
            where="plan",
            field="--calibration",
            value="missing",
            rule="a nucleation density needs a calibration",
            remedy="give a CSV table of density_per_mm2 against slice_flux_m_per_s or supply_flux_m_per_s",
        )
    return Target(table.flux, table.flux_for(wanted.value))


def _table(made: Programmed) -> str:
    """The table [voltage] of experiment.toml."""
    times = ", ".join(f"{t:.10g}" for t in made.program.time_s)
    volts = ", ".join(f"{v:.6g}" for v in made.program.voltage_V)
    rows = (
        "[voltage]  # piecewise linear; constant after the last point",
        f"time_s = [{times}]",
        f"voltage_V = [{volts}]",
    )
    return "\n".join(rows) + "\n"


def summary(made: Plan, out: str | Path) -> str:
    """What is reached, as text for the terminal."""
    numbers = made.prediction.results.numbers
    rows = [f"{made.prediction.results.title}: plan for {made.target.kind} = {made.target.value:g}"]
    for name, number in numbers.items():
        if name.startswith("plan_"):
            row = number_row(name, number)
            rows.append(f"  {name:<32} {row.text} {row.unit}  {row.source}")
    return "\n".join([*rows, f"program: {Path(out) / 'plan.toml'}", f"report: {Path(out) / 'report.html'}"])
