"""Scattering curves: log I and Kratky (paper Fig. 3b), Porod plots with the sphere fits (Fig. 5a)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from ..nouns import CurveSet, FloatArray, RunResults
from .digits import short
from .style import PER_CENT, SHADE, Omitted, blank_figure, letter, log_ticks, new_figure, ordered_colours, styled

Q_LABEL = "q (nm$^{-1}$)"
STEP = 1.15  # between Porod plots, in units of their largest value
LARGEST_SIGMA = 0.3  # of the largest value: points less certain are not drawn in the Porod plot
CLEAR = 3.0
PANEL_MM = 17.0


@styled
def scattering_curves(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 3b: log I, shifted by powers of ten (a); a Kratky plot per height with the invariant shaded (b), on one scale but
    for the magnification that each panel names. Points measured, lines fitted."""
    curves = results.curves
    if curves is None or curves.height.size == 0:
        return Omitted("no curves were kept")
    order = _by_height(curves)
    figure = blank_figure(PANEL_MM * max(order.size, 3) + 12.0)
    grid = figure.add_gridspec(order.size, 2, wspace=0.03, hspace=0.0)
    left = figure.add_subplot(grid[:, 0])
    panels = [figure.add_subplot(grid[0, 1])]
    panels += [figure.add_subplot(grid[row, 1], sharex=panels[0], sharey=panels[0]) for row in range(1, order.size)]
    colours = ordered_colours(order.size)
    _shifted(left, curves, order, colours)
    top = max(_largest_counted(curves, k) for k in order)
    for axes, k, colour in zip(panels, order[::-1], colours[::-1], strict=True):
        _kratky(axes, results, k, colour, top)
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    panels[-1].set_xlabel(Q_LABEL)
    middle = order.size // 2
    panels[middle].set_ylabel("q$^2$ I (largest = 1)", y=1.0 if order.size % 2 == 0 else 0.5)
    letter(left, "a")
    letter(panels[0], "b")
    return figure


def _shifted(axes: Axes, curves: CurveSet, order: npt.NDArray[np.intp], colours: Sequence[Any]) -> None:
    """log I of every curve, each above the one before."""
    q = curves.intensity.coord("q")
    shift, previous, lowest = 1.0, 0.0, np.inf
    for k, colour in zip(order, colours, strict=True):
        intensity, sigma = curves.intensity.values[k], np.nan_to_num(curves.intensity.sigma[k])
        level = _largest(np.ones_like(q), curves, k)
        shift = 10.0 ** np.ceil(np.log10(CLEAR * previous / level)) if previous > 0.0 else 1.0
        previous = shift * level
        shown = intensity > CLEAR * sigma
        lowest = min(lowest, float(np.min(shift * intensity[shown], initial=np.inf)))
        axes.plot(q[shown], shift * intensity[shown], ".", ms=1.2, color=colour, rasterized=True)
        axes.plot(q, shift * curves.model[k], color=colour, lw=0.8)
    axes.set(xlabel=Q_LABEL, ylabel="I (arb. units), shifted by powers of ten", yscale="log", xlim=(0, q.max()))
    axes.set_ylim(0.5 * lowest if np.isfinite(lowest) else None, 3.0 * previous)
    axes.yaxis.set_major_formatter(FuncFormatter(log_ticks))
    axes.xaxis.set_major_locator(MultipleLocator(1.0))
    axes.annotate(_time_text(curves), (0.96, 0.985), xycoords="axes fraction", ha="right", va="top")


def _kratky(axes: Axes, results: RunResults, k: int, colour: Any, top: float) -> None:
    """q^2 I of one height over `top`, magnified by a round factor where it is small; grey: what the invariant sums."""
    curves = results.curves
    assert curves is not None
    q, intensity = curves.intensity.coord("q"), curves.intensity.values[k]
    times = _magnification(top / _largest_counted(curves, k))
    scale = times / top
    sigma = np.nan_to_num(curves.intensity.sigma[k])
    if curves.counted is not None:
        axes.stairs(scale * q**2 * curves.counted[k], bin_edges(q), fill=True, color=SHADE, lw=0, zorder=0)
    axes.fill_between(
        q, scale * q**2 * (intensity - sigma), scale * q**2 * (intensity + sigma), color=colour, alpha=0.3, lw=0
    )
    axes.plot(q, scale * q**2 * intensity, ".", ms=1.2, color=colour, rasterized=True)
    axes.plot(q, scale * q**2 * curves.model[k], color=colour, lw=0.8)
    axes.axhline(0.0, color="#999999", lw=0.4, zorder=0)
    text = _height_text(curves, k) + (f", × {short(times, 1).removeprefix('1·')}" if times > 1.0 else "")
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.5}
    axes.annotate(text, (0.97, 0.93), xycoords="axes fraction", ha="right", va="top", color=colour, bbox=box)
    if curves.window is not None and curves.invariant is not None and curves.invariant[k] > 0.0:
        share = f"{PER_CENT * curves.window[k] / curves.invariant[k]:.0f} % in the window"
        axes.annotate(share, (0.97, 0.70), xycoords="axes fraction", ha="right", va="top", fontsize=6, bbox=box)
    axes.set(xlim=(0, q.max()), ylim=(-0.1, 1.4), yticks=(0, 1))
    axes.xaxis.set_major_locator(MultipleLocator(1.0))


def _magnification(ratio: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... that is not above `ratio`."""
    if not ratio > 1.0:
        return 1.0
    decade = 10.0 ** np.floor(np.log10(ratio))
    return float(decade * max(step for step in (1.0, 2.0, 5.0) if step * decade <= ratio * (1.0 + 1e-9)))


def _largest_counted(curves: CurveSet, k: int) -> float:
    """Largest q^2 I of what the invariant sums, by the fit; of the whole curve where that was not kept."""
    q = curves.intensity.coord("q")
    if curves.counted is None or not np.isfinite(curves.counted[k]).any():
        return _largest(q**2, curves, k)
    sigma = q**2 * np.nan_to_num(curves.intensity.sigma[k])
    counted = q**2 * curves.counted[k]
    clear = counted[counted > CLEAR * sigma]
    return float(np.quantile(clear, 0.98)) if clear.size else float(np.nanmax(counted))


def bin_edges(q: FloatArray) -> FloatArray:
    """Edges of the bins midway between their centres, the outer ones as far out as in."""
    edges = 0.5 * (q[1:] + q[:-1])
    return np.concatenate(([2.0 * q[0] - edges[0]], edges, [2.0 * q[-1] - edges[-1]]))


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
    if not np.isfinite(curves.model[k]).any():
        return "no spheres fitted"
    if not np.isfinite(curves.diameter[k]):
        return "sizes not known"
    peaks = ", with peaks" if curves.with_peaks is not None and curves.with_peaks[k] else ""
    return f"{curves.diameter[k]:.1f} ± {curves.deviation[k]:.1f} nm{peaks}"


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
