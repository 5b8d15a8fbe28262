"""What a fit knows of its parameters: correlations and profile likelihoods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray
from .style import BLUE, VERMILION, Omitted, new_figure, styled

NAMES = {
    "effective_charge": "effective charge",
    "charge_exponent": "charge exponent p",
    "diffusivity_scale": "D / Stokes–Einstein",
    "solubility": "solubility",
    "attachment_time": "attachment time",
    "charge_lifetime": "charge lifetime",
    "carrier_share": "carrier share",
    "immobile_fraction": "immobile fraction",
    "crystal_length": "crystal length",
    "starting_diameter": "starting d",
    "starting_polydispersity": "starting δ/d",
}
COLUMNS = 2
HIGHEST_RISE = 4.6


@dataclass(frozen=True, eq=False)
class LikelihoodCurve:
    """chi-squared above its least along one parameter: points, and a line through them.

    low, high: the 68 % interval, None without a limit.
    """

    name: str
    unit: str
    best: float
    sigma: float
    values: FloatArray
    rise: FloatArray
    line: tuple[FloatArray, FloatArray]
    low: float | None
    high: float | None
    parabolic: bool


@styled
def correlation_matrix(labels: Sequence[str], correlation: FloatArray) -> Figure | Omitted:
    """Correlations of the fitted parameters as colours and numbers."""
    if len(labels) < 2:
        return Omitted("one parameter has no correlation")
    count = len(labels)
    figure, axes = new_figure(min(34.0 + 6.5 * count, 98.0))
    image = axes.imshow(correlation, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    for i, j in np.ndindex(count, count):
        if i != j:
            colour = "white" if abs(correlation[i, j]) > 0.6 else "black"
            axes.text(j, i, _short(float(correlation[i, j])), ha="center", va="center", fontsize=5.2, color=colour)
    names = [_name(label) for label in labels]
    axes.set_xticks(range(count), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), names)
    axes.tick_params(length=0)
    ticks = [
        -1.0,
        -0.5,
        0.0,
        0.5,
        1.0,
    ]  # of a bar on top: beside the matrix its numbers would not fit into their squares
    figure.colorbar(image, ax=axes, label="correlation", location="top", fraction=0.04, aspect=30, ticks=ticks)
    return figure


@styled
def likelihood_profiles(curves: Sequence[LikelihoodCurve]) -> Figure | Omitted:
    """Profile likelihood of each parameter (points, line) with the parabola of its sigma (dashed)."""
    if not curves:
        return Omitted("no profile was asked for")
    rows = -(-len(curves) // COLUMNS)
    figure, panels = new_figure(8.0 + 36.0 * rows, rows, COLUMNS, squeeze=False)
    for axes, curve in zip(panels.flat, curves, strict=False):
        _likelihood(axes, curve)
    for axes in panels.flat[len(curves) :]:
        axes.axis("off")
    for axes in panels[:, 0]:
        axes.set_ylabel("rise of χ²")
    return figure


def _likelihood(axes: Axes, curve: LikelihoodCurve) -> None:
    low, high = float(curve.values.min()), float(curve.values.max())
    if curve.sigma > 0.0:
        fine = np.linspace(low, high, 200)
        axes.plot(fine, ((fine - curve.best) / curve.sigma) ** 2, color="#8a8a8a", ls="--", lw=0.8)
    colour = BLUE if curve.parabolic else VERMILION
    axes.plot(*curve.line, color=colour, lw=0.9)
    axes.plot(curve.values, curve.rise, "o", color=colour, ms=2.5)
    axes.axhline(1.0, color="black", lw=0.5, ls=":")
    for end in (curve.low, curve.high):
        if end is not None:
            axes.axvline(end, color=colour, lw=0.5, alpha=0.6)
    axes.set_ylim(-0.15, HIGHEST_RISE)
    unit = {"one": "", "um": " (µm)"}.get(curve.unit, f" ({curve.unit})")
    axes.set_xlabel(NAMES.get(curve.name, curve.name.replace("_", " ")) + unit)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(3))
    axes.ticklabel_format(axis="x", useOffset=False)


def _name(label: str) -> str:
    base, _, run = label.partition("[")
    return NAMES.get(base, base.replace("_", " ")) + (f" {run.rstrip(']')}" if run else "")


def _short(value: float) -> str:
    """Two digits without the 0; more of them where 1 would say that nothing is left."""
    text = f"{value:.2f}" if abs(value) < 0.995 else f"{value:.4f}"
    return "0" if float(text) == 0.0 else text.replace("0.", ".").replace("-", "−")
