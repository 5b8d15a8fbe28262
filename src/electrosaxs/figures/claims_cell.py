"""The cell under the paper's voltages: onset, profiles, sizes, the kink at nucleation, and two gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray
from ..nouns.claims import Curve
from .style import (
    BLACK,
    BLUE,
    GREEN,
    HEIGHT_LABEL,
    ORANGE,
    PURPLE,
    ROOT_HEIGHT_LABEL,
    SKY,
    TIME_LABEL,
    VERMILION,
    Omitted,
    height_scale,
    letter,
    new_figure,
    ordered_colours,
    styled,
)

FIELD_COLOURS = (BLACK, VERMILION, BLUE, GREEN)
"""14, 28, 57, 86 V/cm as in the paper: black, red, blue, green."""
ONSET_TOP = 2.0
"""Upper end of the axis of growth curves (%)."""
KINK_HEADROOM = 1.5
"""Over the highest curve of the solution, for the legend."""
BAND: dict[str, Any] = {"color": "#d9d9d9", "lw": 0, "zorder": 0}


@styled
def onset(slices: Sequence[Curve], profiles: Sequence[Curve], band: tuple[float, float]) -> Figure | Omitted:
    """phi (%) of the lowest 50 um against time (min) at each field with the onset band (a); profiles at 57 V/cm (b)."""
    figure, (upper, lower) = new_figure(104.0, 2, 1)
    for curve, colour in zip(slices, FIELD_COLOURS, strict=True):
        upper.plot(curve.x, curve.y, color=colour)
        _name_line(upper, curve, colour)
    upper.axhspan(*band, **BAND)
    upper.text(175.0, 0.5 * sum(band), "onset band", ha="right", va="center", color="#555555")
    upper.set(xlabel=TIME_LABEL, ylabel="φ, mean of lowest 50 µm (%)", xlim=(0.0, 180.0), ylim=(0.0, 2.0))
    for curve, colour in zip(profiles, ordered_colours(len(profiles)), strict=True):
        lower.plot(curve.x, curve.y, color=colour, label=curve.label)
    lower.set(xlabel=HEIGHT_LABEL, ylabel="φ (%)", xlim=(0.0, 500.0), ylim=(0.0, 2.6))
    lower.axvspan(0.0, 250.0, **BAND)
    lower.text(245.0, 2.45, "250 µm", ha="right", va="top", color="#555555")
    lower.legend(loc="upper right", title="57 V/cm")
    letter(upper, "a")
    letter(lower, "b")
    return figure


def _name_line(axes: Axes, curve: Curve, colour: str) -> None:
    """The label right of where the line leaves the top, or over its end."""
    leaves = bool(curve.y[-1] > ONSET_TOP)
    k = int(np.searchsorted(curve.y, 0.93 * ONSET_TOP)) if leaves else curve.y.size - 1
    axes.annotate(
        curve.label, (curve.x[k], curve.y[k]), xytext=(4, 0) if leaves else (-3, 3), textcoords="offset points",
        ha="left" if leaves else "right", va="center" if leaves else "bottom", color=colour, fontsize=6,
    )  # fmt: skip


@styled
def sizes(
    models: Sequence[tuple[Curve, Curve]],
    published: tuple[FloatArray, FloatArray, FloatArray],
    start: tuple[float, float],
) -> Figure | Omitted:
    """Mean diameter (a) and delta / d (b) over height (um) for each model, and published heights, d, delta (nm)."""
    figure, (upper, lower) = new_figure(104.0, 2, 1, sharex=True)
    styles = ((BLUE, "-"), (ORANGE, ":"), (ORANGE, "--"), (ORANGE, "-"), (PURPLE, "-."))
    for pair, (colour, dashes) in zip(models, styles, strict=True):
        for axes, curve in zip((upper, lower), pair, strict=True):
            axes.plot(curve.x, curve.y, color=colour, ls=dashes, label=curve.label)
    height, mean, deviation = published
    upper.plot(height, mean, "s", color="black", label="Yu et al. 2018", zorder=5)
    lower.plot(height, 100.0 * deviation / mean, "s", color="black", zorder=5)
    for axes, value in zip((upper, lower), start, strict=True):
        axes.axhline(value, color="#8a8a8a", ls="--", lw=0.8, zorder=0)
    upper.set(ylabel="mean core diameter d (nm)", ylim=(5.3, 7.8))
    lower.set(xlabel=ROOT_HEIGHT_LABEL, ylabel="polydispersity δ/d (%)", ylim=(10.0, 30.0))
    height_scale(lower, float(models[0][0].x[-1]))
    upper.legend(loc="lower left", fontsize=6.0)
    letter(upper, "a")
    letter(lower, "b")
    return figure


@styled
def kink(
    solution: Sequence[Curve], read: Sequence[Curve], nucleation: float, band: tuple[float, float]
) -> Figure | Omitted:
    """phi (%) of the solution (a) and as the beam reads it with crystals (b) against time (min), without and with."""
    figure, panels = new_figure(52.0, 1, 2)
    for axes, curves, title, mark in zip(
        panels, (solution, read), ("solution, lowest 50 µm", "beam on the surface"), "ab", strict=True
    ):
        for curve, (colour, dashes) in zip(curves, (("black", "-"), (VERMILION, "-"), (SKY, "--")), strict=True):
            axes.plot(curve.x, curve.y, color=colour, ls=dashes, label=curve.label)
        axes.axvline(nucleation, color="#8a8a8a", lw=0.7, ls=":")
        axes.axhspan(*band, **BAND)
        axes.set(xlabel="time t (min)", ylabel="φ (%)", xlim=(0.0, 55.0))
        axes.set_ylim(0.0, None)
        axes.set_title(title)
        letter(axes, mark)
    panels[0].set_ylim(0.0, KINK_HEADROOM * max(float(curve.y.max()) for curve in solution))
    panels[0].legend(loc="upper left", handlelength=1.6)
    return figure


@styled
def gaps(curves: Sequence[Curve], needed: float, end: float) -> Figure | Omitted:
    """phi (%) at the wall against time (min) for the same voltage over both gaps; what nucleation needs; the end."""
    figure, axes = new_figure(58.0)
    styles = ((BLACK, "-"), (BLACK, "--"), (GREEN, "-"), (GREEN, "--"))
    for curve, (colour, dashes) in zip(curves, styles, strict=True):
        axes.plot(curve.x, curve.y, color=colour, ls=dashes, label=curve.label)
    axes.axhline(needed, color=VERMILION, lw=0.8)
    axes.text(
        0.985, 1.04 * needed, "needed for nucleation", transform=axes.get_yaxis_transform(), ha="right", color=VERMILION
    )
    axes.axvline(end, color="#8a8a8a", lw=0.7, ls=":")
    axes.set(
        xlabel=TIME_LABEL,
        ylabel="φ at the wall (%)",
        xlim=(0.0, 180.0),
        yscale="log",
        ylim=(0.07, 6.0),
    )
    axes.set_yticks([0.1, 0.2, 0.5, 1.0, 2.0, 5.0], ["0.1", "0.2", "0.5", "1", "2", "5"])
    axes.legend(loc="lower right")
    return figure
