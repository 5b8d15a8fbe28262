"""What happens at the anode over time: growth curve with line and onset (paper Fig. 4b), slice flux (Fig. 4c), and the
mass balance of the cell."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import Number, RunResults
from ..nouns.nucleation import ONSET_BAND
from .measured import was_measured
from .style import (
    AT_REST,
    BLACK,
    BLUE,
    GREEN,
    PER_CENT,
    SECONDS_PER_MINUTE,
    TIME_LABEL,
    TRUTH,
    VERMILION,
    Omitted,
    error_bars,
    new_figure,
    power_of_ten,
    sigma_or_zero,
    styled,
)

BAND_PERCENT = (100.0 * ONSET_BAND[0], 100.0 * ONSET_BAND[1])


@styled
def anode_growth(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 4b: phi at the anode against time, its line before the onset, the band in which crystals formed."""
    growth = results.growth
    if growth is None or not growth.good.any():
        return Omitted("no voxel at the anode was measured")
    figure, axes = new_figure(64.0)
    axes.axhspan(*BAND_PERCENT, color="#dedede", lw=0, zorder=0)
    axes.annotate(
        "onset, Yu et al. 2018", (0.99, BAND_PERCENT[0]), xycoords=("axes fraction", "data"),
        xytext=(0, 2), textcoords="offset points", va="bottom", ha="right", color="#555555", fontsize=6,
    )  # fmt: skip
    minutes, good = growth.coord("time") / SECONDS_PER_MINUTE, growth.good
    if truth is not None and truth.growth is not None:
        axes.plot(
            truth.growth.coord("time") / SECONDS_PER_MINUTE, PER_CENT * truth.growth.values, label="truth", **TRUTH
        )
    total = PER_CENT * sigma_or_zero(growth, total=True)
    axes.errorbar(
        minutes[good], PER_CENT * growth.values[good], error_bars(total[good]), fmt="o", color=BLUE, elinewidth=0.7,
        capsize=1.2, label="voxel at the anode",
    )  # fmt: skip
    _draw_line(axes, results, float(minutes[good].max()))
    _draw_onset(axes, results)
    highest = max(BAND_PERCENT[1] * 1.08, float(np.max(PER_CENT * growth.values[good])) * 1.12)
    axes.set(xlabel=TIME_LABEL, ylabel="volume fraction at the anode (%)", ylim=(0, highest))
    axes.set_xlim(0, float(minutes[good].max()) * 1.04)
    axes.legend(loc="upper left")
    return figure


@styled
def slice_flux(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 4c: flux into the slice at the anode over time, its mean before the onset, and the supply it is part of."""
    flux = results.flux_slice
    if flux is None or flux.dims != ("scan",) or not flux.good.any():
        return Omitted("the slice flux was not measured; the notes say why")
    minutes, good = flux.coord("time") / SECONDS_PER_MINUTE, flux.good
    supply, mean = results.numbers.get("supply_flux"), results.numbers.get("slice_flux")
    levels = [*flux.values[good], *(n.value for n in (supply, mean) if n is not None and n.value)]
    largest = float(np.nanmax(np.abs(levels)))
    if largest < AT_REST:
        return Omitted(f"nothing moves: the flux into the slice stays below {AT_REST:g} m/s, rounding")
    figure, axes = new_figure(64.0)
    exponent = power_of_ten(largest)
    scale = 10.0**-exponent
    if truth is not None and truth.flux_slice is not None and truth.flux_slice.dims == ("scan",):
        known = truth.flux_slice.good
        when = truth.flux_slice.coord("time")[known] / SECONDS_PER_MINUTE
        axes.plot(when, scale * truth.flux_slice.values[known], label="truth", **TRUTH)
    sigma = error_bars(scale * sigma_or_zero(flux, total=True)[good])
    axes.errorbar(
        minutes[good], scale * flux.values[good], sigma, fmt="o", color=BLUE, elinewidth=0.7, capsize=1.2,
        label="slice at the anode, scan by scan",
    )  # fmt: skip
    line = results.growth_line
    span = (minutes[good].min(), minutes[good].max())
    fitted = span if line is None else (line.t_start / SECONDS_PER_MINUTE, line.t_end / SECONDS_PER_MINUTE)
    _level(axes, mean, scale, fitted, BLACK, "slice flux from the line")
    _level(axes, supply, scale, span, GREEN, "supply φ$_0$v")
    _draw_onset(axes, results, label=False)
    axes.axhline(0.0, color="black", lw=0.5)
    axes.set(xlabel=TIME_LABEL, ylabel=f"flux (10$^{{{exponent}}}$ m s$^{{-1}}$)")
    lowest, highest = min(float(np.nanmin(levels)), 0.0), max(float(np.nanmax(levels)), 0.0)
    least = max(
        axes.get_ylim()[0], (lowest - 0.45 * largest) * scale
    )  # a bar that says nothing does not scale the axis
    axes.set_ylim(least, (highest + 0.45 * largest) * scale)
    axes.legend(loc="upper right")
    return figure


@styled
def mass_balance(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Particle volume in the cell over that at field-on; bars: counting, band: with what all scans share."""
    balance = results.mass_balance
    if balance is None or not balance.good.any():
        error = results.numbers.get("mass_balance_error")
        return Omitted("the mass balance was not measured" if error is None else error.source)
    if not was_measured(results):
        return Omitted("the model keeps every particle: exactly 1 at all times")
    figure, axes = new_figure(56.0)
    minutes, good = balance.coord("time") / SECONDS_PER_MINUTE, balance.good
    values, total = balance.values[good], sigma_or_zero(balance, total=True)[good]
    axes.axhline(1.0, color="black", lw=0.7, ls="--", label="sealed cell")
    axes.fill_between(minutes[good], values - total, values + total, color=BLUE, alpha=0.18, lw=0, label="total σ")
    if truth is not None and truth.mass_balance is not None:
        known = truth.mass_balance.good
        when = truth.mass_balance.coord("time")[known] / SECONDS_PER_MINUTE
        axes.plot(when, truth.mass_balance.values[known], label="truth", **TRUTH)
    axes.errorbar(
        minutes[good], values, sigma_or_zero(balance)[good], fmt="o", color=BLUE, elinewidth=0.7, capsize=1.2,
        label="measured, counting σ",
    )  # fmt: skip
    _draw_onset(axes, results)
    reach = max(0.05, 1.3 * float(np.max(np.abs(values - 1.0) + total)))
    axes.set(xlabel=TIME_LABEL, ylabel="inventory / inventory at field-on", ylim=(1.0 - reach, 1.0 + reach))
    axes.legend(loc="lower left", ncols=2)
    return figure


def _draw_line(axes: Axes, results: RunResults, last_minute: float) -> None:
    """The line over its window, dotted beyond."""
    line = results.growth_line
    if line is None:
        return
    inside = np.array([line.t_start, line.t_end])
    beyond = np.array([line.t_end, min(1.25 * line.t_end, last_minute * SECONDS_PER_MINUTE)])
    for when, style, label in ((inside, "-", "linear fit"), (beyond, ":", None)):
        phi = PER_CENT * (line.offset + line.slope * when)
        axes.plot(when / SECONDS_PER_MINUTE, phi, ls=style, color=BLACK, lw=0.9, label=label)


def _draw_onset(axes: Axes, results: RunResults, *, label: bool = True) -> None:
    """Onset as a vertical line with its sigma as a band; the kink as a second, dotted line."""
    onset, kink = results.numbers.get("onset_time"), results.numbers.get("onset_time_kink")
    if onset is not None and onset.value is not None:
        centre, sigma = onset.value / SECONDS_PER_MINUTE, (onset.sigma or 0.0) / SECONDS_PER_MINUTE
        axes.axvspan(centre - sigma, centre + sigma, color=VERMILION, alpha=0.18, lw=0)
        axes.axvline(centre, color=VERMILION, lw=0.9, ls="--", label="onset" if label else None)
    if kink is not None and kink.value is not None and label and (onset is None or kink.value != onset.value):
        axes.axvline(kink.value / SECONDS_PER_MINUTE, color=VERMILION, lw=0.8, ls=":", label="kink")


def _level(axes: Axes, number: Number | None, scale: float, span: tuple[float, float], colour: str, label: str) -> None:
    """A headline number as a level with its sigma as a band."""
    if number is None or number.value is None:
        return
    value, sigma = scale * number.value, scale * (number.sigma or 0.0)
    axes.fill_between(span, value - sigma, value + sigma, color=colour, alpha=0.18, lw=0)
    axes.plot(span, [value, value], color=colour, lw=1.0, label=label)
