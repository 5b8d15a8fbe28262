"""Trends of a campaign: numbers of runs, films and micrographs against field and flux, each with its fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..nouns.trends import VOLTAGE, Published, Trend
from ..units import NM_PER_M
from .digits import value_with_sigma
from .style import BLACK, BLUE, PURPLE, Omitted, letter, new_figure, styled

FIELD_LABEL, VOLTAGE_LABEL = "field V/L (V/cm)", "voltage (V)"
EITHER_LABEL = "field (V/cm); voltage (V) where gaps differ"
LEGEND_ROW = 0.08  # of the height of a figure of 62 mm


@dataclass(frozen=True)
class Series:
    """A trend as it is drawn: values times `scale`, with the exponent or slope in the legend."""

    trend: Trend
    label: str
    colour: str
    marker: str
    scale: float = 1.0
    x_scale: float = 1.0


@styled
def flux_against_field(slice_flux: Trend, supply: Trend, published: Sequence[Published] = ()) -> Figure | Omitted:
    """Slice flux and supply (nm/s) against field on logarithmic axes."""
    series = [Series(slice_flux, "slice", BLUE, "o", NM_PER_M), Series(supply, "supply φ₀v", BLACK, "s", NM_PER_M)]
    return _figure(series, _x_label([one.trend for one in series]), "flux (nm/s)", published, power=True)


@styled
def nucleation_density_against_field(density: Trend, published: Sequence[Published] = ()) -> Figure | Omitted:
    """Islands per mm2 against field, as Fig. 2c."""
    return _figure([Series(density, "islands", BLACK, "s")], _x_label([density]), "nucleation density (mm$^{-2}$)", published,
                   power=True)  # fmt: skip


@styled
def nucleation_density_against_flux(
    slice_flux: Trend, supply: Trend, published: Sequence[Published] = ()
) -> Figure | Omitted:
    """Islands per mm2 against the slice flux and against the supply (nm/s)."""
    series = [
        Series(slice_flux, "slice flux", BLUE, "o", x_scale=NM_PER_M),
        Series(supply, "supply φ₀v", BLACK, "s", x_scale=NM_PER_M),
    ]
    return _figure(series, "flux (nm/s)", "nucleation density (mm$^{-2}$)", published, power=True)


@styled
def lattice_constant_against_field(
    solvated: Trend, dried: Trend, published: Sequence[Published] = ()
) -> Figure | Omitted:
    """Lattice constants of solvated (blue diamonds) and dried (black squares) crystals against field, as Fig. 6b; each with an
    axis of its own, for their trends are small against the contraction."""
    series = [Series(solvated, "solvated", BLUE, "D"), Series(dried, "dried", BLACK, "s")]
    having = [one for one in series if one.trend.points]
    if not having:
        return Omitted(solvated.number.source)
    figure, grid = new_figure(20.0 + 36.0 * len(having), len(having), 1, sharex=True, squeeze=False)
    for axes, one, mark in zip(grid[:, 0], having, "ab", strict=False):
        _draw(axes, one)
        publish(axes, [_of_series(marks, one, having) for marks in published])
        axes.set_ylabel("lattice constant a (nm)")
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.margins(y=0.25)
        axes.legend(loc="best")
        if len(having) > 1:
            letter(axes, mark)
    furthest = max(point.x for one in having for point in one.trend.points)
    grid[-1, 0].set(xlabel=_x_label([solvated, dried]), xlim=(0.0, 1.05 * furthest))
    return figure


def _of_series(marks: Published, one: Series, having: Sequence[Series]) -> Published:
    """Those marks that are nearer to this series than to the other."""
    middles = [float(np.mean([point.y for point in each.trend.points])) for each in having]
    own = having.index(one)
    kept = [
        (x, y)
        for x, y in zip(marks.x, marks.y, strict=True)
        if int(np.argmin([abs(y - middle) for middle in middles])) == own
    ]
    return Published(marks.label, tuple(x for x, _ in kept), tuple(y for _, y in kept), marks.is_truth)


@styled
def amounts(crystallised: Trend, islands: Trend, published: Sequence[Published] = ()) -> Figure | Omitted:
    """Particle volume per area (um) that runs miss, and that islands hold, against field."""
    series = [
        Series(crystallised, "missing from the mass balance", BLUE, "D"), Series(islands, "in islands", BLACK, "s"),
    ]  # fmt: skip
    return _figure(
        series, _x_label([one.trend for one in series]), "particle volume per area (µm)", published, power=False
    )


@styled
def anode_sizes_against_field(
    diameter: Trend,
    polydispersity: Trend,
    start: tuple[float | None, float | None],
    published: Sequence[Published] = (),
) -> Figure | Omitted:
    """Mean core diameter (a) and delta / d in % (b) at the anode in the last scan; dashed: starting solution. published: two
    marks for each panel, or none."""
    if not diameter.points and not polydispersity.points:
        return Omitted("no run has a size at the anode")
    figure, panels = new_figure(88.0, 2, 1, sharex=True)
    rows = (
        (Series(diameter, "at the anode", BLUE, "o"), "core diameter d (nm)", start[0], published[:2]),
        (Series(polydispersity, "at the anode", BLUE, "o", 100.0), "polydispersity δ/d (%)",
         None if start[1] is None else 100.0 * start[1], published[2:4]),
    )  # fmt: skip
    for axes, (series, label, value, marks), mark in zip(panels, rows, "ab", strict=True):
        _draw(axes, series)
        publish(axes, marks)
        if value is not None:
            axes.axhline(value, color="#8a8a8a", ls="--", lw=0.8, zorder=0, label="starting solution")
        axes.set(ylabel=label, xlim=(0.0, None))
        axes.margins(y=0.2)
        axes.set_ylim(top=axes.get_ylim()[1] + 0.35 * float(np.ptp(axes.get_ylim())))
        axes.legend(loc="upper center", ncols=2)
        letter(axes, mark)
    panels[1].set_xlabel(_x_label([diameter, polydispersity]))
    return figure


def _x_label(trends: Sequence[Trend]) -> str:
    """Field, or the voltage where cells of different gap were joined so."""
    kinds = {trend.abscissa for trend in trends if trend.points}
    return VOLTAGE_LABEL if kinds == {VOLTAGE} else FIELD_LABEL if VOLTAGE not in kinds else EITHER_LABEL


def _figure(
    series: Sequence[Series], x_label: str, y_label: str, published: Sequence[Published], *, power: bool
) -> Figure | Omitted:
    having = [one for one in series if one.trend.points]
    if not having:
        return Omitted(series[0].trend.number.source)
    figure, axes = new_figure(62.0)
    for one in having:
        _draw(axes, one, power=power)
    publish(axes, published)
    axes.set(xlabel=x_label, ylabel=y_label)
    if power:
        _logarithmic(axes)
    else:
        axes.set_xlim(0.0, None)
        axes.margins(y=0.2)
        low, high = axes.get_ylim()
        rows = len(axes.get_legend_handles_labels()[1])
        axes.set_ylim(low, high + LEGEND_ROW * rows * (high - low))  # "best" knows of no error bars
    axes.legend(loc="best" if power else "upper right")
    return figure


def _draw(axes: Axes, one: Series, *, power: bool = False) -> None:
    """Points with both errors, and the fitted line with its number in the legend."""
    points = one.trend.points
    x, dx, y, dy = (
        np.array([getattr(p, name) for p in points], dtype=float) for name in ("x", "x_sigma", "y", "y_sigma")
    )
    axes.errorbar(
        one.x_scale * x, one.scale * y, one.scale * dy, one.x_scale * dx if np.any(dx > 0.0) else None, fmt=one.marker,
        color=one.colour, lw=0.8, capsize=1.2, label=_label(one),
    )  # fmt: skip
    if one.trend.line is None:
        return
    drawn = x[x > 0.0]
    reach = np.geomspace(drawn.min(), drawn.max(), 80) if power else np.linspace(drawn.min(), drawn.max(), 80)
    axes.plot(one.x_scale * reach, one.scale * one.trend.at(reach), color=one.colour, lw=0.7, alpha=0.8)


def _label(one: Series) -> str:
    number = one.trend.number
    if number.value is None or not one.trend.power:
        return one.label
    return f"{one.label}: exponent {value_with_sigma(number.value, number.sigma)}"


def publish(axes: Axes, published: Sequence[Published]) -> None:
    """Marks of a paper (crosses) and of the truth (grey)."""
    for mark in published:
        look: dict[str, Any] = {"marker": "x", "color": PURPLE, "ms": 4.5, "zorder": 6}
        if mark.is_truth:
            look = {"marker": "+", "color": "#8a8a8a", "ms": 7.0, "zorder": 1}
        axes.plot(mark.x, mark.y, ls="", mew=1.2, label=mark.label, **look)


def _logarithmic(axes: Axes) -> None:
    """Both axes logarithmic, with plain numbers at 1, 2 and 5."""
    axes.set(xscale="log", yscale="log")
    axes.margins(x=0.1, y=0.12)
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        steps = (1.0, 2.0, 5.0) if high < 300.0 * low else (1.0,)
        axis.set_major_locator(LogLocator(subs=steps))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
