"""Measured maps beside the fitted model: growth and profiles with the model as lines, and residuals in sigma."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray, Noun, RunResults
from .colour_bar import extend
from .style import (
    HEIGHT_LABEL,
    MARKERS,
    PER_CENT,
    ROOT_HEIGHT_LABEL,
    SECONDS_PER_MINUTE,
    TIME_LABEL,
    Omitted,
    chosen_scans,
    height_scale,
    letter,
    new_figure,
    ordered_colours,
    sigma_or_zero,
    styled,
)

CURVES = 5
TRACES = 5
NEAR_ANODE_UM = 600.0
LARGEST_RESIDUAL = 4.0
CHANNELS = {
    "volume_fraction": ("φ", "volume fraction φ (%)", PER_CENT),
    "diameter": ("d", "mean core diameter d (nm)", 1.0),
    "deviation": ("δ", "deviation δ (nm)", 1.0),
}


@dataclass(frozen=True, eq=False)
class ModelLines:
    """The fitted model as the beam would see it on a fine set of heights (um), (height,), at the times of each scan.

    values: quantity -> (scan, height); time (s), (scan, height).
    """

    height: FloatArray
    time: FloatArray
    values: dict[str, FloatArray]


@styled
def fit_growth(measured: RunResults, fitted: RunResults) -> Figure | Omitted:
    """phi against time at the heights next to the anode: points measured, lines the model."""
    phi, model = measured.volume_fraction, fitted.volume_fraction
    rows = np.flatnonzero(phi.good.sum(axis=0) >= 2)[:TRACES]
    if rows.size == 0:
        return Omitted("no height was measured twice")
    figure, axes = new_figure(66.0)
    time = phi.coord("time") / SECONDS_PER_MINUTE
    for place, (row, colour) in enumerate(zip(rows, ordered_colours(rows.size), strict=True)):
        good, known = phi.good[:, row], model.good[:, row]
        axes.plot(time[known, row], PER_CENT * model.values[known, row], color=colour, lw=0.9)
        axes.errorbar(
            time[good, row], PER_CENT * phi.values[good, row], PER_CENT * sigma_or_zero(phi, total=True)[good, row],
            fmt=MARKERS[place % len(MARKERS)], color=colour, label=f"{abs(phi.coord('height')[row]):.0f} µm", elinewidth=0.7,
            mfc="white" if place % 2 else colour, mew=0.7,
        )  # fmt: skip
    axes.set(xlabel=TIME_LABEL, ylabel="volume fraction φ (%)")
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="upper left")
    return figure


@styled
def fit_profiles(measured: RunResults, lines: ModelLines) -> Figure | Omitted:
    """phi near the anode and over the cell, and both size moments, at several times."""
    phi = measured.volume_fraction
    scans = chosen_scans(phi.good.sum(axis=1) >= 2, CURVES)
    if not scans:
        return Omitted("no scan has two usable heights")
    shown: list[tuple[str, Noun]] = [("volume_fraction", phi), ("volume_fraction", phi)]
    shown += [
        (name, noun) for name, noun in (("diameter", measured.diameter), ("deviation", measured.deviation)) if noun
    ]
    figure, panels = new_figure(12.0 + 46.0 * len(shown), len(shown), 1)
    for number, (axes, (name, noun)) in enumerate(zip(panels, shown, strict=True)):
        _profiles(axes, name, noun, scans, lines)
        letter(axes, "abcd"[number])
        if number == 0:
            highest = min(NEAR_ANODE_UM, float(phi.coord("height").max()))
            axes.set(xlim=(-0.02 * NEAR_ANODE_UM, 1.03 * highest), xlabel=HEIGHT_LABEL)
            axes.set_ylim(bottom=0.0)
            axes.legend(loc="upper right")
        else:
            height_scale(axes, max(float(phi.coord("height").max()), 50.0))
    bulk = phi.values[:, phi.coord("height") > NEAR_ANODE_UM]
    if np.isfinite(bulk).any():
        panels[1].set_ylim(0.0, 1.6 * PER_CENT * float(np.nanmax(bulk)))
    panels[-1].set_xlabel(ROOT_HEIGHT_LABEL)
    return figure


def _profiles(axes: Axes, name: str, noun: Noun, scans: list[int], lines: ModelLines) -> None:
    """Points with total sigma and the model's line, one colour per scan."""
    _, label, factor = CHANNELS[name]
    sigma = sigma_or_zero(noun, total=True)
    precise = noun.good & (sigma < 0.05 * np.abs(noun.values)) if name != "volume_fraction" else noun.good
    for place, (scan, colour) in enumerate(zip(scans, ordered_colours(len(scans)), strict=True)):
        good = precise[scan]
        minutes = np.nanmean(noun.coord("time")[scan]) / SECONDS_PER_MINUTE
        axes.plot(lines.height, factor * lines.values[name][scan], color=colour, lw=0.9)
        axes.errorbar(
            noun.coord("height")[good], factor * noun.values[scan, good], factor * sigma[scan, good],
            fmt=MARKERS[place % len(MARKERS)], color=colour, label=f"{minutes:.0f} min", elinewidth=0.7,
            mfc="white" if place % 2 else colour, mew=0.7,
        )  # fmt: skip
    axes.set_ylabel(label)
    if name != "volume_fraction" and precise.any():
        seen = noun.values[precise]
        margin = 0.08 * float(np.ptp(seen)) + 0.02
        axes.set_ylim(float(seen.min()) - margin, float(seen.max()) + margin)


@styled
def residual_maps(phi: Noun, residuals: dict[str, FloatArray]) -> Figure | Omitted:
    """(data - model) / sigma over height and time, one panel per quantity."""
    shown = [name for name in CHANNELS if name in residuals and np.isfinite(residuals[name]).any()]
    if not shown:
        return Omitted("there are no residuals")
    figure, panels = new_figure(10.0 + 44.0 * len(shown), len(shown), 1, sharex=True, squeeze=False)
    time = phi.coord("time") / SECONDS_PER_MINUTE
    height = np.broadcast_to(phi.coord("height"), time.shape)
    colours = mpl.cm.ScalarMappable(mpl.colors.Normalize(-LARGEST_RESIDUAL, LARGEST_RESIDUAL), "RdBu_r")
    for number, (axes, name) in enumerate(zip(panels[:, 0], shown, strict=True)):
        values = residuals[name]
        used = np.isfinite(values)
        axes.scatter(
            height[used], time[used], c=values[used], cmap=colours.cmap, norm=colours.norm,
            marker="s", s=9, linewidths=0.2, edgecolors="#bbbbbb",
        )  # fmt: skip
        spread = float(np.sqrt(np.mean(values[used] ** 2)))
        axes.set_title(f"{CHANNELS[name][0]}: r.m.s. {spread:.2f} σ, {used.sum()} values", loc="right", pad=2.0)
        axes.set_ylabel("t (min)")
        height_scale(axes, max(float(height.max()), 50.0))
        letter(axes, "abc"[number])
    panels[-1, 0].set_xlabel(ROOT_HEIGHT_LABEL)
    beyond = extend(np.concatenate([residuals[name].ravel() for name in shown]), -LARGEST_RESIDUAL, LARGEST_RESIDUAL)
    figure.colorbar(colours, ax=list(panels[:, 0]), label="(data − model) / σ", extend=beyond, aspect=40)
    return figure
