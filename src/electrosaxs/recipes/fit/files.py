"""The files of the command `fit`: numbers.json, results.nxs per run, figures, report.html, provenance.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...figures.digits import short
from ...inference.compare import Comparison
from ...io.atomic import replacing
from ...io.fit_parameters import FitRecord, add_parameters
from ...io.numbers_json import write_numbers
from ...io.results import write_results
from ...nouns import Noun, RunResults
from ...report.number_text import number_row
from ...report.pictures import Figures, already, saved
from ...report.provenance import FILE as PROVENANCE
from ...report.provenance import write_provenance
from ...report.provenance_rows import provenance_rows
from ...report.settings_rows import settings_rows
from ...report.template import numbered, render
from .fitted import FittedCell
from .maps import fitted_run, residuals_of

RESIDUAL = "residual_"
WALL = "wall_volume_fraction"


def write_fit(
    out: Path, fitted: FittedCell, *, inputs: Sequence[Path], asked: Mapping[str, Any], figures: Figures
) -> None:
    """Everything of a fit into `out`; of several runs each has its own folder run-1, run-2, ... with results.nxs.

    results.nxs in `out` itself is that of the first run.
    """
    out.mkdir(parents=True, exist_ok=True)
    maps = [fitted_run(fitted, number) for number in range(len(fitted.measured))]
    for number, results in enumerate(maps):
        if len(maps) > 1:
            _write_run(out / f"run-{number + 1}" / "results.nxs", fitted, number, results)
    _write_run(out / "results.nxs", fitted, 0, maps[0])
    write_numbers(out / "numbers.json", fitted.numbers)
    settings = {**asked, "model": fitted.fit.problem.model.name, "runs": [run.settings for run in fitted.measured]}
    write_provenance(out, "fit", settings, inputs=inputs)
    _write_report(out, fitted, maps, figures)


def _write_run(path: Path, fitted: FittedCell, number: int, results: RunResults) -> None:
    """The fitted maps of one run and beside them residuals, the wall and the parameters."""
    more = {RESIDUAL + name: residual for name, residual in residuals_of(fitted, number).items()}
    with replacing(path) as part:
        write_results(part, results, command="fit", more={**more, WALL: _wall(fitted, number)})
        add_parameters(part, _record(fitted))


def _wall(fitted: FittedCell, number: int) -> Noun:
    """phi of the solution at z = 0 over time, with the mean over the beam as a coordinate."""
    wall = fitted.walls[number]
    return Noun.from_arrays(
        wall.value, dims=("time",), coords={"time": (("time",), wall.time), "seen_by_beam": (("time",), wall.seen)},
        sigma=wall.sigma, shared={"starting_solution": wall.start_sigma * wall.value},
    )  # fmt: skip


def _record(fitted: FittedCell) -> FitRecord:
    """Free parameters with covariance of their values, correlation, and the models that were compared."""
    fit, candidates = fitted.fit, fitted.comparison.candidates
    slopes = np.array([item.parameter.slope(float(x)) for item, x in zip(fit.problem.layout.free, fit.x, strict=True)])
    return FitRecord(
        names=fit.labels,
        values=np.array([fit.value(label) for label in fit.labels]),
        sigma=np.array([fit.sigma(label) for label in fit.labels]),
        covariance=fit.covariance * np.outer(slopes, slopes),
        correlation=fit.correlation,
        models=tuple(candidate.model.name for candidate in candidates),
        models_bic=np.array([candidate.bayes for candidate in candidates]),
        models_chi_squared=np.array([candidate.reached for candidate in candidates]),
        statements=fitted.statements,
    )


@dataclass(frozen=True)
class ModelRow:
    """One line of the table of models."""

    name: str
    chi_squared: str
    parameters: str
    akaike: str
    bayes: str


def model_rows(comparison: Comparison) -> list[ModelRow]:
    """The models in order of the Bayesian criterion, as differences from the best."""
    best = comparison.candidates[0]
    rows = []
    for candidate in comparison.candidates:
        if candidate.fit is None:
            reached = short(candidate.reached, 4) if np.isfinite(candidate.reached) else "—"
            rows.append(ModelRow(candidate.model.name, reached, "—", "no minimum", "no minimum"))
            continue
        fit = candidate.fit
        rows.append(
            ModelRow(
                candidate.model.name, f"{short(fit.chi_squared, 4)} / {fit.degrees_of_freedom}", str(len(fit.labels)),
                short(candidate.akaike - best.akaike), short(candidate.bayes - best.bayes),
            )
        )  # fmt: skip
    return rows


def _write_report(out: Path, fitted: FittedCell, maps: Sequence[RunResults], figures: Figures) -> None:
    planned = []
    if figures != "none":
        from .pictures import pictures  # matplotlib: a fit without figures needs none

        planned = [already(drawn) for drawn in pictures(fitted, maps)]
    shown = saved(out / "figures", planned, figures)
    page = render(
        __package__,
        "report.html.j2",
        titles=[run.title for run in fitted.measured],
        model=fitted.fit.problem.model.name,
        numbers=[number_row(name, number) for name, number in fitted.numbers.items()],
        statements=fitted.statements,
        models=model_rows(fitted.comparison),
        settings=settings_rows(fitted.measured[0]) if len(fitted.measured) == 1 else [],
        figures=numbered(shown),
        omitted=[figure for figure in shown if not figure.png],
        provenance=provenance_rows(out / PROVENANCE),
    )
    with replacing(out / "report.html") as part:
        part.write_text(page, encoding="utf-8")
