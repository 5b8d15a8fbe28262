"""Maps over height and time: volume fraction (paper Fig. 3c), flux, and the quality of the fits."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..nouns import FloatArray, Noun, RunResults, VolumeFraction
from .colour_bar import extend, ticks_within
from .style import (
    LEAST_SPAN,
    PER_CENT,
    ROOT_HEIGHT_LABEL,
    SECONDS_PER_MINUTE,
    TIME_LABEL,
    VERMILION,
    Omitted,
    height_scale,
    letter,
    log_ticks,
    new_figure,
    power_of_ten,
    styled,
)

NICE = tuple(float(f"{first}e{decade}") for decade in range(-9, 2) for first in (1, 2, 5))
"""Volume fractions in % that lines and colour bars are labelled at."""
QUALITIES: dict[str, float | None] = {"reduced_chi_squared": 1.0, "photons": None}
QUALITY_LABELS = {"reduced_chi_squared": "reduced χ² of the fit", "photons": "photons per frame"}
LARGEST_PLAIN = 50.0
SHORTEST = 1e-4  # % written without a power of ten
BRIDGE = 1.5
LABEL_POINTS = 6.2  # of numbers on lines of a map
LABEL_WIDTH, LABEL_HEIGHT = 0.09, 0.05  # of such a number, as shares of the map


@styled
def volume_fraction_map(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 3c: filled contours of phi in %, a factor of 2^(1/4) apart, with labelled lines at round values; dots where
    frames were taken, lines of the truth dashed."""
    return _map_of_phi(results, truth, "truth")


@styled
def fitted_volume_fraction_map(measured: RunResults, fitted: RunResults) -> Figure | Omitted:
    """The measured map with the lines of the fitted model."""
    return _map_of_phi(measured, fitted, "model")


def _map_of_phi(results: RunResults, other: RunResults | None, name: str) -> Figure | Omitted:
    """phi of `results`, filled and with labelled lines; dashed lines: those of `other`, called `name`."""
    phi = results.volume_fraction
    if phi.dims != ("scan", "height") or phi.data.shape[0] < 2 or phi.data.shape[1] < 2:
        return Omitted("a contour map needs at least 2 scans over 2 heights")
    figure, axes = new_figure(68.0)
    z, t, percent = _bridged(phi)
    positive = percent[np.isfinite(percent) & (percent > 0)]
    top = float(positive.max())
    bottom = min(max(float(np.quantile(positive, 0.05)), top / 200.0), top / LEAST_SPAN)
    levels = bottom * 2.0 ** (np.arange(4.0 * np.log2(top / bottom) + 1.0) / 4.0)
    filled = axes.contourf(
        z, t, np.ma.masked_invalid(np.maximum(percent, bottom)), levels=levels, norm=LogNorm(levels[0], levels[-1]),
        cmap="viridis", extend=extend(percent, levels[0], levels[-1], log=True),
    )  # fmt: skip
    axes.plot(z[phi.good], t[phi.good], ".", ms=0.8, color="white", alpha=0.7, rasterized=True)
    nice = [x for x in NICE if bottom <= x <= top]
    lines = axes.contour(z, t, np.ma.masked_invalid(percent), nice, colors="white", linewidths=0.7)
    if other is not None and other.volume_fraction.data.shape == phi.data.shape:
        true_z, true_t, theirs = _bridged(other.volume_fraction)
        theirs = np.ma.masked_invalid(theirs)
        axes.contour(true_z, true_t, theirs, nice, colors="black", linewidths=0.7, linestyles="dashed")
        axes.plot([], [], color="black", lw=0.7, ls="--", label=name)
    _label_lines(axes, lines)
    bar = figure.colorbar(filled, ax=axes, pad=0.02, aspect=28)
    _plain_ticks(bar.ax, nice or [top])
    bar.set_label("volume fraction φ (%)")
    _mark_onset(axes, results)
    _label_map(axes, z)
    return figure


@styled
def flux_map(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """J(z, t) from continuity, filled contours; positive towards the anode; hatched where J is below its own sigma."""
    flux = results.flux
    if flux is None:
        return Omitted("the flux from continuity was not measured; the notes say why")
    if not flux.good.any() or min(flux.data.shape) < 2:
        return Omitted("the flux from continuity exists at no point of the map")
    if not flux.values[flux.good].any():
        return Omitted("the flux is 0 at every point of the map")
    figure, axes = new_figure(68.0)
    z, t = _grid(flux)
    exponent = power_of_ten(float(np.nanmax(np.abs(np.where(flux.good, flux.values, np.nan)))))
    scaled = np.where(flux.good, flux.values, np.nan) / 10.0**exponent
    lowest, limit = _flux_limits(scaled)
    norm: Any = TwoSlopeNorm(0.0, lowest, limit) if lowest < 0 else None
    filled = axes.contourf(
        z, t, np.ma.masked_invalid(np.clip(scaled, lowest, limit)), levels=np.linspace(lowest, limit, 25), norm=norm,
        cmap="PuOr_r" if lowest < 0 else "viridis", extend=extend(scaled, lowest, limit),
    )  # fmt: skip
    unsure = np.where(flux.good, np.abs(flux.values) < flux.total_sigma, False).astype(float)
    if unsure.any():
        axes.contourf(z, t, unsure, levels=[0.5, 1.5], colors="none", hatches=["////"])
        axes.contour(z, t, unsure, levels=[0.5], colors="#777777", linewidths=0.4)
    axes.plot(z[flux.good], t[flux.good], ".", ms=0.8, color="white", alpha=0.7, rasterized=True)
    ticks = ticks_within(lowest, limit)
    lines = axes.contour(z, t, np.ma.masked_invalid(scaled), ticks[1:], colors="white", linewidths=0.5)
    _label_lines(axes, lines)
    bar = figure.colorbar(filled, ax=axes, pad=0.02, aspect=28, ticks=ticks)
    bar.set_label(f"flux to the anode J (10$^{{{exponent}}}$ m s$^{{-1}}$)")
    _mark_onset(axes, results)
    _label_map(axes, z)
    return figure


@styled
def quality_map(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Reduced chi-squared of the fits and, where known, the photons of each frame; crosses: left out, circles: flagged."""
    phi = results.volume_fraction
    names = [name for name in QUALITIES if np.shape(results.quality.get(name, ())) == phi.data.shape]
    if not names or phi.dims != ("scan", "height"):
        return Omitted("there is no quality map")
    figure, panels = new_figure(18.0 + 44.0 * len(names), len(names), 1, squeeze=False, sharex=True)
    z, t = _grid(phi)
    flagged = np.asarray(results.quality.get("flagged", np.zeros(phi.data.shape)), dtype=float) > 0
    for axes, name, mark in zip(panels[:, 0], names, "ab", strict=False):
        letter(axes, mark)
        values = np.asarray(results.quality[name], dtype=float)
        drawn = _coloured_points(axes, z, t, values, QUALITIES[name])
        for where, marker, label in ((flagged & phi.good, "o", "flagged"), (~phi.good, "x", "left out")):
            if where.any():
                axes.plot(z[where], t[where], marker, ms=4, mew=0.8, mfc="none", color=VERMILION, label=label)
        lowest, highest = drawn.get_clim()
        beyond = extend(np.asarray(drawn.get_array()), lowest, highest, log=True)
        bar = figure.colorbar(drawn, ax=axes, pad=0.02, aspect=16, extend=beyond)
        bar.set_label(QUALITY_LABELS[name])
        if highest < LARGEST_PLAIN:
            _plain_ticks(bar.ax, [x for x in NICE if lowest <= x <= highest])
        _label_map(axes, z)
    if panels[0, 0].get_legend_handles_labels()[0]:
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    for axes in panels[:-1, 0]:
        axes.set_xlabel("")
    return figure


def _flux_limits(flux: FloatArray) -> tuple[float, float]:
    """Ends of the bar of colours: 0 and the largest |J|, or both signs; less where a hundredth of the map goes beyond."""
    size = np.abs(flux)
    limit = min(float(np.nanmax(size)), 1.02 * float(np.nanquantile(size, 0.99)))
    return (-limit if np.nanmin(flux) < -0.1 * limit else 0.0), limit


def _coloured_points(axes: Axes, z: FloatArray, t: FloatArray, values: FloatArray, centre: float | None) -> Any:
    """One square per frame on a logarithmic scale, symmetric about `centre` where there is one."""
    shown = np.isfinite(values) & (values > 0)
    seen = values[shown] if shown.any() else np.ones(1)
    lowest, highest = float(seen.min()), float(seen.max()) * 1.001
    if centre is not None:
        spread = float(np.clip(max(centre / lowest, highest / centre), 2.1, 10.0))
        lowest, highest = centre / spread, centre * spread
    return axes.scatter(
        z[shown],
        t[shown],
        c=values[shown],
        marker="s",
        s=9,
        linewidths=0,
        cmap="viridis",
        norm=LogNorm(lowest, highest),
    )


def _grid(noun: Noun) -> tuple[FloatArray, FloatArray]:
    """Height (um) and time (min), both (scan, height)."""
    time = noun.coord("time")
    return np.broadcast_to(noun.coord("height"), time.shape), time / SECONDS_PER_MINUTE


def _bridged(phi: VolumeFraction) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Height (um), time (min) and phi (%), (scan, height), of what is drawn, NaN where nothing is.

    Scans of a few heights between whole ones leave the other heights out: there phi is interpolated in time between the frames
    of that height, unless these are farther apart than BRIDGE times as usual, because frames are missing.
    """
    z, t = _grid(phi)
    t, percent = t.copy(), PER_CENT * np.where(phi.good, phi.values, np.nan)
    some = phi.good.any(axis=1)
    of_scan = np.full(some.size, np.nan)
    of_scan[some] = np.nanmedian(np.where(phi.good, t, np.nan)[some], axis=1)
    for column in range(percent.shape[1]):
        seen = np.flatnonzero(phi.good[:, column])
        if seen.size < 2:
            continue
        at, gaps = t[seen, column], np.diff(t[seen, column])
        after = np.clip(np.searchsorted(at, of_scan), 1, at.size - 1)  # NaN: after the last
        inside = (of_scan > at[0]) & (of_scan < at[-1]) & (gaps[after - 1] <= BRIDGE * np.median(gaps))
        bridge = inside & ~phi.good[:, column]
        percent[bridge, column] = np.interp(of_scan[bridge], at, percent[seen, column])
        t[bridge, column] = of_scan[bridge]
    return z, t, percent


def _label_lines(axes: Axes, lines: Any) -> None:
    """The value of each line, white on grey: readable on every colour of the map; none that would cover another."""
    places: list[tuple[float, float]] = []
    highest, latest = axes.dataLim.max
    for label in axes.clabel(lines, fmt=_in_words, fontsize=LABEL_POINTS, inline_spacing=1):
        z, t = label.get_position()
        place = float(np.sqrt(max(z, 0.0) / highest)), float(t / latest)
        if any(abs(place[0] - x) < LABEL_WIDTH and abs(place[1] - y) < LABEL_HEIGHT for x, y in places):
            label.remove()
            continue
        places.append(place)
        label.set(color="white", rotation=0.0, zorder=4)
        label.set_bbox({"facecolor": "#404040", "edgecolor": "none", "alpha": 0.75, "pad": 0.6})


def _label_map(axes: Axes, z: FloatArray) -> None:
    height_scale(axes, float(z.max()))
    axes.set(xlabel=ROOT_HEIGHT_LABEL, ylabel=TIME_LABEL)


def _mark_onset(axes: Axes, results: RunResults) -> None:
    onset = results.numbers.get("onset_time")
    if onset is not None and onset.value is not None:
        axes.axhline(onset.value / SECONDS_PER_MINUTE, color=VERMILION, lw=0.9, ls="--", label="onset")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right")


def _plain_ticks(axes: Axes, ticks: list[float]) -> None:
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: _in_words(x)))


def _in_words(percent: float) -> str:
    """0.0005, and 5 · 10⁻⁵ below 0.0001."""
    return f"{percent:g}" if percent >= SHORTEST else log_ticks(percent)
