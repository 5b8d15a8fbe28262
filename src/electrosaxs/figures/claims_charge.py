"""Which effective charges the paper's statements allow, and which ways of carrying charge reach the published rise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray
from ..nouns.claims import ChargeRange, Curve
from .style import BLUE, GREEN, ORANGE, PURPLE, SKY, TIME_LABEL, VERMILION, Omitted, letter, new_figure, styled

LIMITS = (0.0, 0.08)


@styled
def charge_ranges(ranges: Sequence[ChargeRange], common: tuple[float, float], best: float) -> Figure | Omitted:
    """A bar for each statement; dark: with sizes, light: with one size; shaded: where all hold; line: the charge used."""
    figure, axes = new_figure(20.0 + 8.0 * len(ranges))
    for row, found in enumerate(ranges):
        colour = GREEN if found.chosen else BLUE
        _bar(axes, row - 0.16, found.low, found.high, colour, 1.0)
        _bar(axes, row + 0.2, found.one_low, found.one_high, colour, 0.35)
    if common[0] < common[1]:
        axes.axvspan(*common, color="#dddddd", lw=0, zorder=0)
    axes.axvline(best, color=VERMILION, lw=0.9)
    axes.annotate(
        f"{best:g} e", (best, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
        color=VERMILION, ha="center", va="bottom",
    )  # fmt: skip
    axes.set(xlim=LIMITS, ylim=(len(ranges) - 0.45, -0.55), xlabel="effective charge (e)")
    axes.set_yticks(range(len(ranges)), [found.words.replace(": ", ":\n") for found in ranges])
    axes.tick_params(axis="y", length=0)
    return figure


def _bar(axes: Axes, row: float, low: float | None, high: float | None, colour: str, alpha: float) -> None:
    left, right = LIMITS[0] if low is None else low, LIMITS[1] if high is None else min(high, LIMITS[1])
    axes.barh(row, right - left, left=left, height=0.3 if alpha == 1.0 else 0.16, color=colour, alpha=alpha, lw=0)


@styled
def rises(curves: Sequence[Curve], goal: float) -> Figure | Omitted:
    """phi below 250 um over the start against time for each charge model, and the published rise."""
    figure, axes = new_figure(58.0)
    styles: tuple[dict[str, Any], ...] = (
        {"color": BLUE, "lw": 1.3}, {"color": ORANGE}, {"color": PURPLE, "ls": (0, (5, 2))}, {"color": PURPLE},
    )  # fmt: skip
    for curve, style in zip(curves, styles, strict=True):
        axes.plot(curve.x, curve.y, label=curve.label, **style)
    axes.plot(curves[0].x[-1], goal, "s", color="black", ms=4, label="Yu et al. 2018", clip_on=False, zorder=5)
    axes.set(xlabel=TIME_LABEL, ylabel="mean φ below 250 µm / start", xlim=(0.0, curves[0].x[-1]))
    axes.set_ylim(0.0, 12.0)
    axes.legend(loc="upper left")
    return figure


@styled
def fluxes(field: FloatArray, supply: FloatArray, mean: FloatArray, beam: FloatArray) -> Figure | Omitted:
    """Supply phi0 v and slice flux (m/s) against field (V/cm) on logarithmic axes (a), and their ratio (b)."""
    figure, (left, right) = new_figure(48.0, 1, 2)
    nm = 1e9
    left.plot(field, nm * supply, "-", color="black", label="supply φ₀v")
    left.plot(field, nm * mean * supply, "o-", color=BLUE, label="slice, mean of 50 µm")
    left.plot(field, nm * beam * supply, "^--", color=SKY, label="slice, beam on anode")
    left.set(xscale="log", yscale="log", xlabel="field (V/cm)", ylabel="flux (nm/s)")
    right.plot(field, mean, "o-", color=BLUE)
    right.plot(field, beam, "^--", color=SKY)
    right.axhline(1.0, color="black")
    right.set(xlabel="field (V/cm)", ylabel="slice flux / supply", xlim=(0.0, 100.0), ylim=(0.0, 1.1))
    left.set_xticks([10, 20, 50, 100], ["10", "20", "50", "100"])
    left.set_xticks([], minor=True)
    left.set_yticks([0.01, 0.1, 1.0, 10.0], ["0.01", "0.1", "1", "10"])
    left.set_ylim(0.01, 20.0)
    left.legend(loc="upper left", handlelength=1.2, fontsize=5.8)
    letter(left, "a")
    letter(right, "b")
    return figure


@styled
def knowledge(whole: FloatArray, anode: FloatArray) -> Figure | Omitted:
    """One-sigma ellipses of ln v and ln D (covariances (2, 2)): a whole map (a), the growth curve alone (b)."""
    figure, panels = new_figure(48.0, 1, 2)
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for axes, covariance, colour, title, mark in zip(
        panels, (whole, anode), (BLUE, VERMILION), ("whole map", "growth curve alone"), "ab", strict=True
    ):
        x, y = 100.0 * np.linalg.cholesky(covariance) @ circle
        axes.fill(x, y, color=colour, alpha=0.2, lw=0)
        axes.plot(x, y, color=colour)
        reach = 1.25 * max(np.abs(x).max(), np.abs(y).max())
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="error of v (%)", ylabel="error of D (%)")
        axes.set_box_aspect(1.0)
        axes.set_title(title)
        letter(axes, mark)
    return figure
