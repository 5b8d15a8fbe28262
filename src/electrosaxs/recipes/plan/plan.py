"""The model turned round: from what is wanted to the voltage program, with the maps to expect and how sure they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from ...control.holding_time import Programmed
from ...control.limits import Limits
from ...control.plant import Plant
from ...control.reach import check_highest
from ...control.targets import UNITS, Calibration, FluxKind, Target, parse_target
from ...errors import InputFileError, bad_value
from ...figures.gallery import Drawn
from ...figures.plan import draw_plan
from ...figures.plan_measure import draw_measure
from ...io.atomic import replacing
from ...io.calibration_table import read_calibration
from ...io.fit_parameters import FittedParameters, read_fitted
from ...io.run_toml import write_experiment
from ...nouns import Experiment, Number, VoltageProgram
from ...report.number_text import number_lines
from ...report.pictures import Figures
from ...transport import SizeClasses
from ...twin.cell import starting_classes
from ...twin.schedule import schedule
from ..experiment_file import named, read_with_sizes
from ..fitted_parameters import FITTED, that_apply
from ..output_folder import output_folder, writing
from ..predict import Prediction, predicted, write_prediction
from ..progress import Progress, stage
from .measure import Measure, candidate_programs, measure_next
from .measure_files import FILE as FRAMES_FILE
from .measure_files import measure_numbers, picture, write_measure
from .planner import Planner

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Plan:
    """target as asked for, programmed: the program and what it reaches; both None where only a measurement was planned.

    measure: the frames that fix a parameter best, None where none was named. prediction of the experiment under the
    program; figures, numbers, notes: those of the plan; numbers and notes are among those of the prediction too.
    """

    target: Target | None
    programmed: Programmed | None = field(repr=False)
    measure: Measure | None = field(repr=False)
    prediction: Prediction
    experiment: Experiment
    figures: tuple[Drawn, ...] = field(repr=False)
    numbers: Mapping[str, Number]
    notes: tuple[str, ...]


def plan(
    experiment: str | Path | Experiment,
    target: str | Target | None = None,
    out: str | Path | None = None,
    *,
    measure: str | None = None,
    limits: Limits | None = None,
    fit: str | Path | None = None,
    calibration: str | Path | None = None,
    figures: Figures = "all",
    progress: Progress | None = None,
) -> Plan:
    """The voltage program that gives `target` ("slice-flux=3.4e-10"), and the frames that fix the parameter `measure` best.

    One of the two or both, in the cell of `experiment`; without a target the voltage is chosen for the measurement too.
    fit: numbers.json (or the folder) of a fit, whose parameters replace those of the experiment and whose sigmas are
    carried to what is reached and to what is measured. calibration: table of nucleation density against flux. With `out`
    leaves experiment.toml with the planned [voltage], plan.toml with that table alone, measure.csv and
    measure_voltages.csv, and the files of `predict` with its `figures`. Raises InputFileError for bad input, and before
    anything is computed where `out` holds an input or another command's results; a target out of reach is no error: the
    plan is the nearest one and its numbers say why.

    >>> from electrosaxs import plan
    >>> reached = plan("examples/plan_onset_time.toml", "onset-time=1200").numbers["plan_reached"]
    """
    settings, sizes, source = read_with_sizes(experiment)
    wanted = parse_target(target) if isinstance(target, str) else target
    if wanted is None and measure is None:
        raise bad_value(
            InputFileError, where="plan", field="--target", value="missing",
            rule="a plan needs something to reach or to measure",
            remedy="give --target NAME=VALUE, --measure PARAMETER, or both",
        )  # fmt: skip
    inputs = [Path(p) for p in (experiment, calibration, _numbers_of(fit)) if isinstance(p, (str, Path))]
    inputs += [] if settings.solution.distribution is None else [settings.solution.distribution]
    if out is not None and Path(out).exists():
        output_folder(out, inputs, command="plan")  # before anything is read
    table = None if calibration is None else _calibration(calibration)
    fitted = None if fit is None else read_fitted(fit, FITTED)
    if fitted is not None:
        _check_model(fitted, settings, fit)
    flux = None if wanted is None else _as_flux(wanted, table)
    with named(source):
        schedule(settings)  # what is wrong with the scan is told before anything is computed
        classes = starting_classes(settings, sizes)
        plant = Plant(settings.cell, settings.solution, classes, settings.transport, settings.growth)
    if fitted is not None:
        plant = _with_fit(plant, fitted, settings, fit)
    with nullcontext() if out is None else writing(out, inputs, command="plan", over="plan") as folder:
        with stage(progress, "voltage program"), named(source):
            made = _made(settings, sizes, source, plant, wanted, flux, measure, limits or Limits(), fitted, table)
        for note in made.notes:
            log.info("%s", note)
        if folder is not None:
            with stage(progress, "report"):
                _write(folder, made, inputs, figures)
    return made


def _made(
    settings: Experiment,
    sizes: SizeClasses | None,
    source: str,
    plant: Plant,
    wanted: Target | None,
    flux: Target | None,
    measure: str | None,
    limits: Limits,
    fitted: FittedParameters | None,
    table: Calibration | None,
) -> Plan:
    """Program, frames, prediction and numbers; nothing written. No program beyond the limits leaves here."""
    check_highest(plant, limits)
    numbers: dict[str, Number] = {}
    notes, figures = list(_notes(wanted, fitted)), []
    programmed = found = None
    if wanted is not None and flux is not None:
        planner = Planner(plant, settings.scan.duration_s, limits, flux)
        programmed = planner.program()
        numbers |= planner.numbers(programmed, wanted, table, fitted)
        notes.insert(0, _note(wanted, programmed))
        figures.append(draw_plan(planner.curves(programmed)))
    if measure is not None:
        asked = {"the plan": programmed.program} if programmed else candidate_programs(settings, plant, limits)
        found = measure_next(settings, plant, measure, asked, fitted=fitted)
        numbers |= measure_numbers(found)
    for one in [programmed, *(found.tried if found else ())]:
        if one is not None:
            limits.check(one.program, plant.cell, plant.transport)
    program = programmed.program if programmed else found.best.program if found else settings.voltage
    planned = settings.model_copy(update={"voltage": program, "transport": plant.transport, "growth": plant.growth})
    prediction = predicted(planned, sizes, source)
    if found is not None:
        figures.append(draw_measure(picture(found, prediction.profile)))
    results = replace(
        prediction.results,
        numbers={**numbers, **prediction.results.numbers},
        notes=(*notes, *prediction.results.notes),
    )
    told = replace(prediction, results=results)
    return Plan(wanted, programmed, found, told, planned, tuple(figures), numbers, tuple(notes))


def _note(wanted: Target, programmed: Programmed) -> str:
    limited = f"; limited by {programmed.limited_by}" if programmed.limited_by else ""
    return f"plan for {wanted.kind} = {wanted.value:g} {UNITS[wanted.kind]}{limited}"


def _notes(wanted: Target | None, fitted: FittedParameters | None) -> tuple[str, ...]:
    """Where the sigmas come from, and what the fit did not tell."""
    if fitted is None:
        return ("no sigma of what is reached: no fit was given",) if wanted is not None else ()
    carried = "sigmas carry the parameters of the fit with their covariance"
    if not fitted.correlated:
        carried = (
            "correlations between the parameters of the fit are not known (no results.nxs with their covariance beside "
            "numbers.json): sigmas take them as independent"
        )
    lacking = f"the fit has no value for {', '.join(fitted.lacking)}: those of the experiment are taken"
    return (carried, lacking) if fitted.lacking else (carried,)


def _write(folder: Path, made: Plan, inputs: list[Path], figures: Figures) -> None:
    write_prediction(folder, made.prediction, command="plan", inputs=inputs, more=made.figures, figures=figures)
    write_experiment(folder / "experiment.toml", made.experiment)
    with replacing(folder / "plan.toml") as part:
        part.write_text(_table(made.experiment.voltage), encoding="utf-8")
    if made.measure is not None:
        write_measure(folder, made.measure)


def _numbers_of(fit: str | Path | None) -> Path | None:
    """numbers.json of a fit."""
    if fit is None:
        return None
    return Path(fit) / "numbers.json" if Path(fit).is_dir() else Path(fit)


def _check_model(fitted: FittedParameters, settings: Experiment, fit: str | Path | None) -> None:
    """InputFileError where nothing of a fit was found, or where it assumes another charge model than the experiment."""
    asked = settings.transport.charge_model
    if "effective_charge" not in fitted.values:
        raise bad_value(
            InputFileError, where=str(_numbers_of(fit)), field="effective_charge", value="missing",
            rule="every fit gives it, so this is none", remedy="give the --out folder of electrosaxs fit",
        )  # fmt: skip
    if fitted.charge_model not in (None, asked):
        raise bad_value(
            InputFileError, where=str(fit), field="charge model", value=fitted.charge_model,
            rule=f"the experiment has transport.charge_model = {asked}, in which these parameters mean something else",
            remedy="give the experiment the model of the fit, or a fit with that model",
        )  # fmt: skip


def _with_fit(plant: Plant, fitted: FittedParameters, settings: Experiment, fit: str | Path | None) -> Plant:
    """The plant with the parameters of a fit; InputFileError where one of them is not physical."""
    try:
        return plant.with_parameters(that_apply(fitted.values, settings))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise bad_value(
            InputFileError, where=str(_numbers_of(fit)), field=str(first["loc"][-1]), value=first["input"],
            rule=first["msg"].replace("Input should", "must"), remedy="give the numbers.json of a finished fit",
        ) from None  # fmt: skip


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


def _table(program: VoltageProgram) -> str:
    """The table [voltage] of experiment.toml."""
    times = ", ".join(f"{t:.10g}" for t in program.time_s)
    volts = ", ".join(f"{v:.10g}" for v in program.voltage_V)
    rows = (
        "[voltage]  # piecewise linear; constant after the last point",
        f"time_s = [{times}]",
        f"voltage_V = [{volts}]",
    )
    return "\n".join(rows) + "\n"


def summary(made: Plan, out: str | Path) -> str:
    """What is reached, as text for the terminal."""
    asked = [f"plan for {made.target.kind} = {made.target.value:g}"] if made.target else []
    asked += [f"frames that fix {made.measure.parameter} best"] if made.measure else []
    rows = [f"{made.prediction.results.title}: {'; '.join(asked)}"]
    rows += [*number_lines(made.numbers, sources=True), *(f"  {note}" for note in made.notes)]
    frames = [f"frames: {Path(out) / FRAMES_FILE}"] if made.measure else []
    return "\n".join([*rows, f"program: {Path(out) / 'plan.toml'}", *frames, f"report: {Path(out) / 'report.html'}"])
