"""Scattering curves: log I and Kratky (paper Fig. 3b), Porod plots with the sphere fits (Fig. 5a)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from ..nouns import CurveSet, RunResults
from .style import Omitted, letter, log_ticks, new_figure, ordered_colours, styled

LOG_OFFSET = 10.0
Q_LABEL = "q (nm$^{-1}$)"


@styled
def scattering_curves(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 3b: log I, curves a decade apart, and Kratky plots on one scale; points measured, lines fitted spheres."""
    curves = results.curves
    if curves is None or curves.height.size == 0:
        return Omitted("no curves were kept")
    figure, (left, right) = new_figure(72.0, 1, 2)
    q, order = curves.intensity.coord("q"), _by_height(curves)
    colours = ordered_colours(order.size)
    top = _largest_kratky(curves)
    for place, (k, colour) in enumerate(zip(order, colours, strict=True)):
        intensity, sigma = curves.intensity.values[k], np.nan_to_num(curves.intensity.sigma[k])
        shift = LOG_OFFSET**place
        shown = intensity > sigma
        left.plot(q[shown], shift * intensity[shown], ".", ms=1.2, color=colour, rasterized=True)
        left.plot(q, shift * curves.model[k], color=colour, lw=0.8)
        kratky, spread = q**2 * intensity / top, q**2 * sigma / top
        right.fill_between(q, kratky - spread, kratky + spread, color=colour, alpha=0.3, lw=0)
        right.plot(q, kratky, ".", ms=1.2, color=colour, rasterized=True)
        right.plot(q, q**2 * curves.model[k] / top, color=colour, lw=0.8, label=_height_text(curves, k))
    left.set(xlabel=Q_LABEL, ylabel="I (arb. units), a decade apart", yscale="log", xlim=(0, q.max()))
    left.set_ylim(bottom=_lowest_shown(curves))
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
        scale = float(np.nanmax(q**4 * curves.model[k])) or 1.0
        shift = 1.15 * place
        porod = q**4 * curves.intensity.values[k] / scale + shift
        spread = q**4 * np.nan_to_num(curves.intensity.sigma[k]) / scale
        axes.fill_between(q, porod - spread, porod + spread, color=colour, alpha=0.25, lw=0)
        axes.plot(q, porod, ".", ms=1.4, color=colour, rasterized=True)
        axes.plot(q, q**4 * curves.model[k] / scale + shift, color="black", lw=0.7)
        axes.annotate(
            f"{_height_text(curves, k)}:  {curves.diameter[k]:.1f} ± {curves.deviation[k]:.1f} nm",
            (0.98, shift + 0.82), xycoords=("axes fraction", "data"), ha="right", color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
        )  # fmt: skip
    axes.set(xlabel=Q_LABEL, ylabel="q$^4$ I (each to its largest, shifted)", xlim=(0, q.max()))
    axes.set_ylim(-0.2, 1.15 * (order.size - 1) + 1.35)
    axes.set_yticks([])
    axes.annotate(_time_text(curves), (0.02, 0.98), xycoords="axes fraction", va="top")
    return figure


def _by_height(curves: CurveSet) -> npt.NDArray[np.intp]:
    """Highest position last, so that it lies on top as in the paper."""
    return np.argsort(curves.height, kind="stable")


def _height_text(curves: CurveSet, k: int) -> str:
    return f"{curves.height[k]:.0f} µm"


def _time_text(curves: CurveSet) -> str:
    minutes = curves.time / 60.0
    if np.ptp(minutes) < 0.5:
        return f"{np.mean(minutes):.0f} min"
    return f"{np.min(minutes):.0f} to {np.max(minutes):.0f} min"


def _largest_kratky(curves: CurveSet) -> float:
    q = curves.intensity.coord("q")
    return float(np.nanmax(q**2 * curves.model)) or 1.0


def _lowest_shown(curves: CurveSet) -> float:
    lowest = curves.model[_by_height(curves)[0]]
    positive = lowest[np.isfinite(lowest) & (lowest > 0)]
    return float(np.quantile(positive, 0.02)) / 3.0 if positive.size else 1e-3
