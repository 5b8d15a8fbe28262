"""The fitted model as the nouns of an analysis, so that model against data is a subtraction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...inference.forward import fine_numerics, predict
from ...inference.observations import CHANNELS, Observations
from ...inference.propagate import fitted_points
from ...inference.residuals import residual_maps
from ...nouns import Diameter, DiameterDeviation, FloatArray, Noun, Polydispersity, RunResults, VolumeFraction
from .fitted import FittedCell

if TYPE_CHECKING:
    from ...figures.fit_maps import ModelLines

FINE_HEIGHTS = 80


def fitted_run(fitted: FittedCell, number: int) -> RunResults:
    """The model's maps of a run at the frames' own heights and times, with the sigma that the parameters leave."""
    run = fitted.fit.problem.runs[number]
    points = fitted_points(fitted.fit, number)
    (phi, phi_sigma), (d, d_sigma), (delta, delta_sigma) = (
        (run.to_map(value), run.to_map(sigma)) for value, sigma in (points[name] for name in CHANNELS)
    )
    ratio_sigma = delta / d * np.hypot(d_sigma / d, delta_sigma / np.maximum(delta, 1e-12))
    maps = {
        "volume_fraction": _like(fitted.measured[number], VolumeFraction, phi, phi_sigma),
        "diameter": _like(fitted.measured[number], Diameter, d, d_sigma),
        "deviation": _like(fitted.measured[number], DiameterDeviation, delta, delta_sigma),
        "polydispersity": _like(fitted.measured[number], Polydispersity, delta / d, ratio_sigma),
    }
    return RunResults(
        title=f"model of {fitted.measured[number].title}",
        numbers=fitted.numbers,
        notes=fitted.statements,
        settings=fitted.measured[number].settings,
        **maps,  # type: ignore[arg-type]
    )


def residuals_of(fitted: FittedCell, number: int) -> dict[str, Noun]:
    """(data - model) / sigma of a run, common shifts taken off, as maps."""
    problem = fitted.fit.problem
    run, white = problem.runs[number], problem.whiteners[number]
    prediction = problem.predict(fitted.fit.x, number)
    maps = residual_maps(run, prediction, white, problem.layout.prior(fitted.fit.x, number)[0])
    return {name: _like(fitted.measured[number], Noun, values, None) for name, values in maps.items()}


def model_lines(fitted: FittedCell, number: int) -> ModelLines:
    """The model on a fine set of heights, each scan at the times that its frames have there."""
    from ...figures.fit_maps import ModelLines  # matplotlib: asked for where a figure is drawn

    run = fitted.fit.problem.runs[number]
    levels = np.unique(run.height)
    fine = np.square(np.linspace(np.sqrt(max(levels[0], 0.0)), np.sqrt(levels[-1]), FINE_HEIGHTS))
    time = _times(run, fine)
    known = np.flatnonzero(np.isfinite(time[:, 0]))
    scan, column = (index.ravel() for index in np.meshgrid(known, np.arange(fine.size), indexing="ij"))
    dense = replace(
        run, shape=time.shape, row=scan, column=column, time=time[scan, column], height=fine[column], channels={}
    )
    model = fitted.fit.problem.model
    classes, halvings = fine_numerics(model)
    made = predict(dense, model, fitted.fit.values(number), classes=classes, halvings=halvings)
    return ModelLines(fine, time, {name: dense.to_map(made.channel(name)) for name in CHANNELS})


def _times(run: Observations, heights: FloatArray) -> FloatArray:
    """Time (scan, height) between the frames of each scan, NaN for a scan without frames."""
    time = np.full((run.shape[0], heights.size), np.nan)
    for scan in np.unique(run.row):
        here = run.row == scan
        order = np.argsort(run.height[here])
        time[scan] = np.interp(heights, run.height[here][order], run.time[here][order])
    return time


def _like(measured: RunResults, kind: type[Noun], values: FloatArray, sigma: FloatArray | None) -> Noun:
    """Values on the heights and times of the measured map."""
    phi = measured.volume_fraction
    return kind.from_arrays(
        values, dims=("scan", "height"), sigma=sigma,
        coords={"height": (("height",), phi.coord("height")), "time": (("scan", "height"), phi.coord("time"))},
    )  # fmt: skip
