"""Profiles over the height: phi at several times (paper Fig. 4a), flux at several times, sizes (Fig. 5b)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import Noun, RunResults
from .style import (
    AT_REST,
    HEIGHT_LABEL,
    MARKERS,
    PER_CENT,
    ROOT_HEIGHT_LABEL,
    SECONDS_PER_MINUTE,
    TRUTH,
    Omitted,
    chosen_scans,
    error_bars,
    height_scale,
    letter,
    new_figure,
    ordered_colours,
    power_of_ten,
    sigma_or_zero,
    starting_volume_fraction,
    styled,
)

CURVES = 5
NEAR_ANODE_UM = 600.0
HEADROOM = 1.4  # over the highest curve, for the legend
LARGEST_BAND = 1.5  # of the highest value: bands that reach further run off the top


@styled
def volume_fraction_profiles(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 4a: phi(z) at several times, near the anode and, enlarged, over the whole cell."""
    phi = results.volume_fraction
    if phi.dims != ("scan", "height"):
        return Omitted("there is no map of scans over heights")
    scans = chosen_scans(phi.good.sum(axis=1) >= 2, CURVES)
    if not scans:
        return Omitted("no scan has two usable heights")
    figure, (near, whole) = new_figure(104.0, 2, 1)
    for axes in (near, whole):
        _profiles(axes, phi, scans, PER_CENT, None if truth is None else truth.volume_fraction)
    start = starting_volume_fraction(results)
    if start is not None:
        for axes in (near, whole):
            axes.axhline(PER_CENT * start, color="black", lw=0.7, ls=":", label="start", zorder=0)
    highest = float(phi.coord("height").max())
    near.set(xlim=(-0.02 * NEAR_ANODE_UM, min(NEAR_ANODE_UM, highest) * 1.03))
    near.set_ylim(bottom=0.0)
    height_scale(whole, highest)
    whole.set_ylim(0.0, _depletion_top(phi, start))
    near.legend(loc="upper right", title=None)
    for axes, text, label in ((near, "a", HEIGHT_LABEL), (whole, "b", ROOT_HEIGHT_LABEL)):
        axes.set(xlabel=label, ylabel="volume fraction φ (%)")
        letter(axes, text)
    return figure


@styled
def flux_profiles(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """J(z) from continuity at several times with its total sigma as a band; supply and slice flux beside it."""
    flux = results.flux
    if flux is None:
        return Omitted("the flux from continuity was not measured; the notes say why")
    scans = chosen_scans(flux.good.sum(axis=1) >= 2, CURVES)
    if not scans:
        return Omitted("the flux from continuity exists at no point of the map")
    known = np.abs(np.where(flux.good, flux.values, np.nan)[scans])
    if np.nanmax(known) < AT_REST:
        return Omitted(f"nothing moves: the flux stays below {AT_REST:g} m/s, rounding")
    figure, axes = new_figure(66.0)
    exponent = power_of_ten(float(np.nanmax(known)))
    _profiles(axes, flux, scans, 10.0**-exponent, None if truth is None else truth.flux, band=True)
    supply = results.numbers.get("supply_flux")
    if supply is not None and supply.value is not None:
        axes.axhline(supply.value / 10.0**exponent, color="black", ls="--", lw=0.8, label="supply φ$_0$v")
    axes.axhline(0.0, color="black", lw=0.5)
    height_scale(axes, float(flux.coord("height").max()))
    axes.set(xlabel=ROOT_HEIGHT_LABEL, ylabel=f"flux to the anode J (10$^{{{exponent}}}$ m s$^{{-1}}$)")
    shown = np.where(flux.good, np.abs(flux.values) + sigma_or_zero(flux, total=True), np.nan)[scans]
    largest = min(float(np.nanmax(shown)), LARGEST_BAND * float(np.nanmax(known))) / 10.0**exponent
    highest = max(float(np.nanmax(np.where(flux.good, flux.values, np.nan)[scans])) / 10.0**exponent, 0.0)
    axes.set_ylim(top=highest + (HEADROOM - 1.0) * largest if highest < largest else HEADROOM * largest)
    axes.legend(loc="upper right", ncols=2)
    return figure


@styled
def size_profiles(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 5b: diameter and polydispersity against height, first and last scan; dashed: the starting solution."""
    if results.diameter is None or results.polydispersity is None:
        return Omitted("the curves were not fitted with spheres")
    usable = results.diameter.good.sum(axis=1) >= 2
    scans = chosen_scans(usable, 3)
    if not scans:
        return Omitted("no scan has two fitted heights")
    figure, (upper, lower) = new_figure(96.0, 2, 1, sharex=True)
    _profiles(upper, results.diameter, scans, 1.0, None if truth is None else truth.diameter)
    _profiles(lower, results.polydispersity, scans, PER_CENT, None if truth is None else truth.polydispersity)
    for axes, name, factor in (
        (upper, "starting_diameter", 1.0),
        (lower, "starting_polydispersity", PER_CENT),
    ):
        start = results.numbers.get(name)
        if start is not None and start.value is not None:
            axes.axhline(factor * start.value, color="black", ls="--", lw=0.8, label="start", zorder=0)
        _limit_to_known(axes, results.diameter if axes is upper else results.polydispersity, factor)
    height_scale(lower, float(results.diameter.coord("height").max()))
    upper.set(ylabel="mean core diameter d (nm)")
    lower.set(ylabel="polydispersity δ/d (%)", xlabel=ROOT_HEIGHT_LABEL)
    upper.legend(loc="best", ncols=2)
    letter(upper, "a")
    letter(lower, "b")
    return figure


def _profiles(
    axes: Axes, noun: Noun, scans: list[int], factor: float, truth: Noun | None, *, band: bool = False
) -> None:
    """One curve per scan with error bars (total sigma), labelled by its time; the truth of the same scan in grey."""
    height, time = noun.coord("height"), noun.coord("time") / SECONDS_PER_MINUTE
    for place, (scan, colour) in enumerate(zip(scans, ordered_colours(len(scans)), strict=True)):
        good = noun.good[scan]
        values, sigma = factor * noun.values[scan, good], factor * sigma_or_zero(noun, total=True)[scan, good]
        if truth is not None and truth.data.shape == noun.data.shape:
            known = truth.good[scan]
            label = "truth" if place == len(scans) - 1 else None
            axes.plot(height[known], factor * truth.values[scan, known], label=label, **TRUTH)
        label = f"{np.mean(time[scan, good]):.0f} min"
        marker = MARKERS[place % len(MARKERS)]
        if band:
            axes.fill_between(height[good], values - sigma, values + sigma, color=colour, alpha=0.22, lw=0)
            axes.plot(height[good], values, marker=marker, color=colour, label=label, lw=0.8)
        else:
            axes.errorbar(
                height[good], values, error_bars(sigma), fmt=marker, color=colour, label=label, elinewidth=0.7, capsize=1.2,
                mfc="white" if place % 2 else colour, mew=0.7,
            )  # fmt: skip


def _limit_to_known(axes: Axes, noun: Noun, factor: float) -> None:
    """Range of the values known better than a tenth, so that one noisy voxel does not flatten all others."""
    known = noun.good & (sigma_or_zero(noun, total=True) < 0.1 * np.abs(noun.values))
    if known.any():
        lowest, highest = factor * float(noun.values[known].min()), factor * float(noun.values[known].max())
        margin = 0.15 * (highest - lowest) + 0.01 * highest
        axes.set_ylim(lowest - margin, highest + margin)


def _depletion_top(phi: Noun, start: float | None) -> float:
    """Upper end of the enlarged axis: 2.2 times the start, or the median of the map where the start is not known."""
    level = float(np.median(phi.values[phi.good])) if start is None else start
    return 2.2 * PER_CENT * level
