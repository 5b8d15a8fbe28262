"""Scattering curves: log I and Kratky (paper Fig. 3b), Porod plots with the sphere fits (Fig. 5a)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from ..nouns import CurveSet, FloatArray, RunResults
from .style import Omitted, letter, log_ticks, new_figure, ordered_colours, styled

Q_LABEL = "q (nm$^{-1}$)"
STEP = 1.15  # between Porod plots, in units of their largest value
LARGEST_SIGMA = 0.3  # of the largest value: points less certain are not drawn in the Porod plot
CLEAR = 3.0


@styled
def scattering_curves(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 3b: log I, shifted by powers of ten, and Kratky plots on one scale; points measured, lines fitted spheres."""
    curves = results.curves
    if curves is None or curves.height.size == 0:
        return Omitted("no curves were kept")
    figure, (left, right) = new_figure(72.0, 1, 2)
    q, order = curves.intensity.coord("q"), _by_height(curves)
    top = max(_largest(q**2, curves, k) for k in order)
    shift, previous, lowest = 1.0, 0.0, np.inf
    for k, colour in zip(order, ordered_colours(order.size), strict=True):
        intensity, sigma = curves.intensity.values[k], np.nan_to_num(curves.intensity.sigma[k])
        level = _largest(np.ones_like(q), curves, k)
        shift = 10.0 ** np.ceil(np.log10(CLEAR * previous / level)) if previous > 0.0 else 1.0
        previous = shift * level
        shown = intensity > CLEAR * sigma
        lowest = min(lowest, float(np.min(shift * intensity[shown], initial=np.inf)))
        left.plot(q[shown], shift * intensity[shown], ".", ms=1.2, color=colour, rasterized=True)
        left.plot(q, shift * curves.model[k], color=colour, lw=0.8)
        kratky, spread = q**2 * intensity / top, q**2 * sigma / top
        right.fill_between(q, kratky - spread, kratky + spread, color=colour, alpha=0.3, lw=0)
        right.plot(q, kratky, ".", ms=1.2, color=colour, rasterized=True)
        right.plot(q, q**2 * curves.model[k] / top, color=colour, lw=0.8, label=_height_text(curves, k))
    left.set(xlabel=Q_LABEL, ylabel="I (arb. units), shifted by powers of ten", yscale="log", xlim=(0, q.max()))
    left.set_ylim(0.5 * lowest if np.isfinite(lowest) else None, 3.0 * previous)
    left.yaxis.set_major_formatter(FuncFormatter(log_ticks))
    right.set(xlabel=Q_LABEL, ylabel="q$^2$ I (largest = 1)", xlim=(0, q.max()), ylim=(-0.04, 1.12))
    right.legend(loc="upper right", title=_time_text(curves))
    for axes in (left, right):
        axes.xaxis.set_major_locator(MultipleLocator(1.0))
    letter(left, "a")
    letter(right, "b")
    return figure


@styled
def porod_plots(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 5a: q^4 I with the polydisperse sphere fit, each with its d ± delta, shifted upwards."""
    curves = results.curves
    if curves is None or curves.height.size == 0:
        return Omitted("no curves were kept")
    figure, axes = new_figure(78.0)
    q, order = curves.intensity.coord("q"), _by_height(curves)
    for place, (k, colour) in enumerate(zip(order, ordered_colours(order.size), strict=True)):
        scale, shift = _largest(q**4, curves, k), STEP * place
        porod = q**4 * curves.intensity.values[k] / scale + shift
        spread = q**4 * np.nan_to_num(curves.intensity.sigma[k]) / scale
        known = (spread < LARGEST_SIGMA) & (porod < shift + STEP)
        axes.fill_between(q, porod - spread, porod + spread, where=known, color=colour, alpha=0.25, lw=0)
        axes.plot(q[known], porod[known], ".", ms=1.4, color=colour, rasterized=True)
        axes.plot(q, q**4 * curves.model[k] / scale + shift, color="black", lw=0.7)
        axes.annotate(
            f"{_height_text(curves, k)}:  {_size_text(curves, k)}",
            (0.98, shift + 0.82), xycoords=("axes fraction", "data"), ha="right", color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
        )  # fmt: skip
    axes.set(xlabel=Q_LABEL, ylabel="q$^4$ I (each to its largest, shifted)", xlim=(0, q.max()))
    axes.set_ylim(-0.2, STEP * (order.size - 1) + 1.35)
    axes.set_yticks([])
    axes.annotate(_time_text(curves), (0.02, 0.98), xycoords="axes fraction", va="top")
    return figure


def _largest(weight: FloatArray, curves: CurveSet, k: int) -> float:
    """Largest of weight x model; for a curve without a fit the level that a tenth of the clear points exceed (Bragg
    peaks may run off the top)."""
    model = weight * curves.model[k]
    if np.isfinite(model).any():
        return float(np.nanmax(model)) or 1.0
    measured, sigma = curves.intensity.values[k], np.nan_to_num(curves.intensity.sigma[k])
    clear = (weight * measured)[measured > 2.0 * CLEAR * sigma]
    return float(np.quantile(clear, 0.9)) if clear.size else 1.0


def _size_text(curves: CurveSet, k: int) -> str:
    if not np.isfinite(curves.diameter[k]):
        return "no spheres fitted"
    return f"{curves.diameter[k]:.1f} ± {curves.deviation[k]:.1f} nm"


def _by_height(curves: CurveSet) -> npt.NDArray[np.intp]:
    """Highest position last, so that it lies on top as in the paper."""
    return np.argsort(curves.height, kind="stable")


def _height_text(curves: CurveSet, k: int) -> str:
    return f"{round(float(curves.height[k]))} µm"


def _time_text(curves: CurveSet) -> str:
    minutes = curves.time / 60.0
    if np.ptp(minutes) < 0.5:
        return f"{np.mean(minutes):.0f} min"
    return f"{np.min(minutes):.0f} to {np.max(minutes):.0f} min"
