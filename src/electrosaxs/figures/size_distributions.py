"""Size distributions against the distance to the anode, each beside that of the starting solution."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray, RunResults, SizeDistribution
from .digits import short
from .style import (
    BLACK,
    PER_CENT,
    POINTS,
    SECONDS_PER_MINUTE,
    Omitted,
    chosen_scans,
    letter,
    new_figure,
    ordered_colours,
    styled,
)

PANELS = 5
SHOWN_SHARE = 2e-3
"""The axis of diameters ends where every density has fallen below this share of its largest value."""


@styled
def size_distributions(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Volume share per nm at up to five heights of one scan, bands of total sigma; dashed: the starting solution;
    hatched: sizes that the curve cannot see."""
    sizes = results.size_distribution
    if sizes is None or sizes.dims != ("scan", "height", "diameter"):
        return Omitted("there are no free-form size distributions")
    known = np.asarray(np.any(sizes.good, axis=2))
    if not known.any():
        return Omitted("no height shows sizes that the curves can see")
    scan = int(np.flatnonzero(known.any(axis=1))[-1])
    heights = chosen_scans(known[scan], PANELS)
    figure, panels = new_figure(20.0 + 21.0 * len(heights), len(heights), 1, squeeze=False, sharex=True)
    for axes, height, colour in zip(panels[:, 0], heights, ordered_colours(len(heights)), strict=True):
        _one_height(axes, sizes, scan, height, colour)
    for axes, mark in zip(panels[:, 0], "abcde", strict=False):
        letter(axes, mark)
    if panels[0, 0].get_legend_handles_labels()[0]:
        panels[0, 0].legend(loc="upper left", bbox_to_anchor=(0.12, 1.0))
    panels[-1, 0].set_xlabel("core diameter d (nm)")
    panels[-1, 0].set_xlim(*_span(sizes, scan, heights))
    figure.supylabel("volume share per nm (%)", fontsize=POINTS)
    return figure


def _one_height(axes: Axes, sizes: SizeDistribution, scan: int, height: int, colour: object) -> None:
    diameter, good = sizes.coord("diameter"), sizes.good[scan, height]
    phi = np.trapezoid(sizes.values[scan, height, good], diameter[good])
    share = PER_CENT * sizes.shares[scan, height]
    sigma = PER_CENT * sizes.total_sigma[scan, height] / phi
    axes.fill_between(diameter, np.maximum(share - sigma, 0.0), share + sigma, color=colour, alpha=0.3, lw=0)
    axes.plot(diameter, share, color=colour)
    start = _start(sizes, good)
    if start is not None:
        axes.plot(diameter, start, color=BLACK, ls="--", lw=0.8, label="starting solution", zorder=1)
    for low, high in _gaps(diameter, good):
        axes.axvspan(low, high, facecolor="none", edgecolor="#bbbbbb", hatch="////", lw=0)
    minutes = sizes.coord("time")[scan, height] / SECONDS_PER_MINUTE
    axes.text(
        0.98, 0.92, f"z = {round(float(sizes.coord('height')[height]))} µm, {minutes:.0f} min\nφ = {short(PER_CENT * phi)} %",
        transform=axes.transAxes, ha="right", va="top", color=colour,
    )  # fmt: skip
    axes.set_ylim(bottom=0.0)


def _start(sizes: SizeDistribution, good: FloatArray) -> FloatArray | None:
    """The starting solution's volume share per nm (%) over the same sizes."""
    if "starting_solution" not in sizes.data.coords:
        return None
    density = np.where(good, sizes.coord("starting_solution"), np.nan)
    total = np.trapezoid(density[good], sizes.coord("diameter")[good])
    return np.asarray(PER_CENT * density / total)


def _gaps(diameter: FloatArray, good: FloatArray) -> list[tuple[float, float]]:
    """Ranges of diameters outside `good`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (~good.astype(bool)).astype(int), [0]])))
    last = diameter.size - 1
    return [(float(diameter[max(a - 1, 0)]), float(diameter[min(b, last)])) for a, b in edges.reshape(-1, 2)]


def _span(sizes: SizeDistribution, scan: int, heights: list[int]) -> tuple[float, float]:
    """From the smallest node to where the densities of all panels have gone."""
    diameter = sizes.coord("diameter")
    shares = np.nan_to_num(sizes.shares[scan, heights])
    present = np.any(shares > SHOWN_SHARE * shares.max(axis=1, keepdims=True), axis=0)
    return float(diameter[0]), float(diameter[min(int(np.flatnonzero(present)[-1]) + 4, diameter.size - 1)])
