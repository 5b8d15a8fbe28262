"""Results folders to a fitted cell: the transport model against one or several runs together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from ...cluster.pieces import in_order
from ...cluster.scheduler import cluster_at
from ...errors import ElectrosaxsError, InputFileError, bad_value
from ...inference.agreement import agreement
from ...inference.compare import CHARGE, FIELD, GROWTH, Comparison, Each, compare
from ...inference.fit import CellFit
from ...inference.identifiability import knowledge
from ...inference.observations import Observations, observations
from ...inference.parameters import PER_RUN, GrowthModel, Model
from ...inference.profile import Profile, profile
from ...inference.propagate import wall_concentration
from ...inference.wording import statements
from ...io.results import read_results
from ...io.written_by import written_by
from ...nouns import RunResults
from ...nouns.experiment import ChargeModel, FieldModel
from ...report.number_text import number_lines
from ...report.pictures import Figures
from ..output_folder import writing
from ..progress import Progress, over, stage
from ..settings import as_paths
from .files import write_fit
from .fitted import FittedCell
from .numbers import fit_numbers, with_clocks, with_known_particles
from .scale_errors import step_sentences, with_scale_errors

RESULTS = "results.nxs"
NEAR, CLEAR, FEWEST_NEAR = 0.15, 0.1, 5
"""Share of the gap that counts as near the anode, change of phi over the start that is clear there, and the fewest voxels with
it (chosen)."""
log = logging.getLogger(__name__)
SAME = ("core", "ligand", "solvent", "dry_shell_nm")
"""What runs that share their parameters must have in common of the solution."""


def fit_cell(
    results: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    fixed: Mapping[str, float] | None = None,
    also: str | Iterable[str] = (),
    charge_models: Sequence[ChargeModel] = CHARGE,
    growth_models: Sequence[GrowthModel] = GROWTH,
    field_models: Sequence[FieldModel] = FIELD,
    figures: Figures = "all",
    workers: int = 2,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> FittedCell:
    """Fit the transport model to results folders and write numbers.json, results.nxs, figures and report.html to `out`.

    Runs share charge, diffusion, solubility and attachment. fixed: parameters to hold by name (inference.parameters); also:
    free beside all that the maps can tell; figures: "all", on the "page" alone, or "none"; scheduler: of Dask, whose workers
    fit models and profiles side by side (cluster.scheduler). Raises InputFileError for folders that cannot be fitted,
    FitError for contradictions, ConvergenceError where the minimum is not found.

    >>> from electrosaxs import fit_cell
    >>> charge = fit_cell(["results-30V", "results-20V"], "fit").numbers["effective_charge"]
    """
    folders, also = as_paths(results), (also,) if isinstance(also, str) else tuple(also)
    _check_models(charge_models=charge_models, growth_models=growth_models, field_models=field_models)
    _each_once(folders)
    measured = tuple(read_results(_file(folder)) for folder in folders)
    for folder in folders:
        _measured(folder)
    inputs = [_file(folder) for folder in folders]
    runs = [observations(run, where=str(folder)) for run, folder in zip(measured, folders, strict=True)]
    _same_particles(runs, folders)
    _something_moves(runs, folders)
    for run, folder in zip(runs, folders, strict=True):
        _gathers_at_the_anode(run, folder)

    def track(models: Sequence[Model]) -> Iterable[Model]:
        return over(progress, models, stage="models", total=len(models))

    with (
        writing(out, inputs, command="fit", over="fit") as folder,
        cluster_at(scheduler, workers) as cluster,
    ):
        each = None if cluster is None else partial(in_order, cluster, folder)
        comparison = compare(
            runs, charge_models=charge_models, growth_models=growth_models, field_models=field_models, fixed=fixed,
            also=also, workers=workers, track=track, each=each,
        )  # fmt: skip
        for candidate in comparison.candidates:
            log.info("model %s: chi-squared %.6g, BIC %.6g", candidate.model.name, candidate.reached, candidate.bayes)
        fitted = _told(comparison, measured, workers, progress, each)
        for said in fitted.statements:
            log.info("%s", said)
        with stage(progress, "report"):
            write_fit(folder, fitted, inputs=inputs, asked=_asked(fixed, also, folders), figures=figures)
    return fitted


MODELS = {"charge_models": ChargeModel, "growth_models": GrowthModel, "field_models": FieldModel}


def _check_models(**given: Sequence[str]) -> None:
    """InputFileError for the name of a model that is not known, and for none."""
    for which, names in given.items():
        known = get_args(MODELS[which])
        wrong = [name for name in names if name not in known] or ([] if names else ["none"])
        if wrong:
            rule, remedy = "is no such model", f"give one or some of {', '.join(known)}"
            raise bad_value(InputFileError, where="fit", field=which, value=wrong[0], rule=rule, remedy=remedy)


def _something_moves(runs: Sequence[Observations], folders: Sequence[Path]) -> None:
    """InputFileError where no run had a field: a homogeneous solution stays as it is, whatever charge and diffusion are."""
    if all(not np.any(run.program.voltage_V) for run in runs):
        raise bad_value(
            InputFileError, where=folders[0], field="voltage", value="0 V in every run",
            rule="no voltage: nothing moves, and the maps say nothing of charge or diffusion",
            remedy="fit a run with a field, alone or with this one; if there was one, give its voltage in run.toml",
        )  # fmt: skip


def _gathers_at_the_anode(run: Observations, folder: Path) -> None:
    """InputFileError where the anode loses what it should gather at this voltage: the model's charge is positive."""
    voltage = np.asarray(run.program.voltage_V)
    if not np.any(voltage) or (voltage.min() < 0.0 < voltage.max()):
        return
    channel, start = run.channels["volume_fraction"], run.solution.volume_fraction
    near = channel.used & (run.height < NEAR * 1e3 * run.cell.gap_mm)
    over = (channel.values[near] - start) * np.sign(voltage.sum())
    clear = np.abs(channel.values[near] - start) > CLEAR * start
    if np.count_nonzero(clear) < FEWEST_NEAR or np.median(over[clear]) >= 0.0:
        return
    larger = bool(voltage.sum() > 0.0)
    raise bad_value(
        InputFileError,
        where=folder,
        field="volume fraction at the anode",
        value=f"{'falls' if larger else 'rises'} at {voltage[np.argmax(np.abs(voltage))]:g} V",
        rule="particles of a positive charge gather at z = 0 where the voltage is positive, and this fit knows no other charge",
        remedy="if they are negative, give the voltage with the other sign ([voltage] in run.toml; their charge is then minus"
        " the fitted one); else check which electrode is at z = 0",
    )


def _told(
    comparison: Comparison,
    measured: tuple[RunResults, ...],
    workers: int,
    progress: Progress | None,
    each: Each | None,
) -> FittedCell:
    """What the best of the models says of the cell."""
    fit = comparison.best
    with stage(progress, "agreement of the runs"):
        agreed, known = agreement(fit, workers=workers), knowledge(fit)
    shapes = _profiles(fit, workers, progress, each)
    walls = tuple(wall_concentration(fit, number) for number in range(len(measured)))
    said = (*statements(fit, known, comparison, agreed), *step_sentences(fit.problem.runs))
    numbers = with_clocks(with_scale_errors(fit_numbers(fit, known, shapes, walls), fit.problem.runs), measured)
    numbers = with_known_particles(numbers, fit.problem.runs[0])
    return FittedCell(fit, comparison, known, shapes, walls, measured, said, numbers)


def _profiles(fit: CellFit, workers: int, progress: Progress | None, each: Each | None) -> dict[str, Profile]:
    """Profile likelihoods of the shared parameters, side by side; one that cannot be followed is left out."""
    labels = [item.label for item in fit.problem.layout.free if item.parameter.name not in PER_RUN]
    jobs = [(fit, label) for label in labels]
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(profile_of, jobs) if each is None else each(profile_of, jobs)
        shown = list(over(progress, found, stage="profile likelihoods", total=len(labels)))
    return {label: shape for label, shape in zip(labels, shown, strict=True) if shape is not None}


def profile_of(job: tuple[CellFit, str]) -> Profile | None:
    """The profile of a parameter of a fit, None where it cannot be followed."""
    try:
        return profile(*job)
    except ElectrosaxsError:
        return None


def _each_once(folders: Sequence[Path]) -> None:
    """The same photons counted twice would make every sigma too small."""
    seen = [folder.resolve() for folder in folders]
    for number, folder in enumerate(seen):
        if folder in seen[:number]:
            raise bad_value(
                InputFileError, where=folders[number], field="RESULTS", value=folders[number].name, rule="is given twice",
                remedy="name every results folder once",
            )  # fmt: skip


def _same_particles(runs: Sequence[Observations], folders: Sequence[Path]) -> None:
    """Charge, diffusion and solubility are those of one kind of particle in one solvent."""
    first = runs[0].solution
    for run, folder in zip(runs[1:], folders[1:], strict=True):
        for name in SAME:
            if getattr(run.solution, name) != getattr(first, name):
                raise bad_value(
                    InputFileError, where=folder, field=f"settings.solution.{name}", value=getattr(run.solution, name),
                    rule=f"is not that of {folders[0]} ({getattr(first, name)}), and runs fitted together share their "
                    "parameters", remedy="fit them apart, or correct run.toml and analyse again",
                )  # fmt: skip


def _file(folder: Path) -> Path:
    """results.nxs of a results folder, or the file itself."""
    file = folder / RESULTS if folder.is_dir() else folder
    if file.suffix != Path(RESULTS).suffix or not file.is_file():
        raise bad_value(
            InputFileError, where=folder, field="RESULTS", value=folder.name, rule=f"is not a results folder with {RESULTS}",
            remedy="give the folder that electrosaxs analyse wrote (its --out)",
        )  # fmt: skip
    return file


def _measured(folder: Path) -> None:
    """Maps of a model fit themselves, with sigmas that mean nothing."""
    command = written_by(_file(folder))
    if command not in (None, "analyse"):
        raise bad_value(
            InputFileError, where=folder, field="RESULTS", value=folder.name,
            rule=f"holds what electrosaxs {command} wrote, not measured maps",
            remedy="give the --out folder of electrosaxs analyse",
        )  # fmt: skip


def _asked(fixed: Mapping[str, float] | None, also: Sequence[str], folders: Sequence[Path]) -> dict[str, object]:
    return {"fixed": dict(fixed or {}), "also": list(also), "results": [folder.name for folder in folders]}


def summary(fitted: FittedCell, out: str | Path) -> str:
    """The numbers and the sentences for the terminal."""
    rows = [f"{fitted.fit.problem.model.name}: {fitted.fit.observed} values of {len(fitted.measured)} run(s)"]
    rows += [*number_lines(fitted.numbers), *(f"- {sentence}" for sentence in fitted.statements)]
    return "\n".join([*rows, f"report: {Path(out) / 'report.html'}"])
