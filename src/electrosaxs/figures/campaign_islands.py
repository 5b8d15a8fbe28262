"""Islands of a campaign beside published numbers: a line over one of them, base edges, neighbours on a face (Fig. 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..nouns import Number
from ..nouns.islands import Distribution
from ..nouns.trends import Published
from .digits import value_with_sigma
from .style import BLUE, PURPLE, SKY, VERMILION, new_figure, styled

UNITS = {"um": "µm"}
TRUTH_COLOUR = "#6a6a6a"
SHELLS = (1.0, float(np.sqrt(3.0)), 2.0)
"""Distances of neighbours in a hexagonal layer, in spacings."""
SQUARE_SHELLS = (1.0, float(np.sqrt(2.0)), 2.0)


@styled
def height_profile(curve: Distribution, terrace: Number, published: Sequence[Published] = ()) -> Figure:
    """Height (um) along a line through an island, with the mean terrace and what is published of it."""
    figure, axes = new_figure(58.0)
    axes.axhline(0.0, color=SKY, lw=0.8)
    axes.plot(curve.axis, curve.values, color=BLUE, lw=0.9)
    if terrace.value is not None:
        axes.axhline(terrace.value, color=VERMILION, lw=0.8, label=f"T = {_with_unit(terrace)}")
    _lines(axes.axhline, published, lambda mark: mark.y)
    axes.set(xlabel="distance (µm)", ylabel="height over the substrate (µm)", xlim=(0.0, float(curve.axis[-1])))
    axes.set_ylim(top=1.6 * float(np.nanmax(curve.values)))
    axes.legend(loc="upper center", ncols=2)
    return figure


@styled
def base_edges(curve: Distribution, mean: Number, published: Sequence[Published] = ()) -> Figure:
    """Islands over their base edge, with the mean and what is published of it."""
    figure, axes = new_figure(58.0)
    width = float(curve.axis[1] - curve.axis[0])
    axes.bar(curve.axis, curve.values, 0.96 * width, color=SKY)
    if mean.value is not None:
        axes.axvline(mean.value, color=VERMILION, lw=0.9, label=f"mean {_with_unit(mean)}")
    _lines(axes.axvline, published, lambda mark: mark.x)
    axes.set(xlabel=f"base edge ({UNITS.get(curve.unit, curve.unit)})", ylabel="islands", xlim=(0.0, None))
    axes.set_ylim(top=1.45 * float(curve.values.max()))
    axes.legend(loc="upper left")
    return figure


@styled
def particle_distances(curve: Distribution, spacing: Number, published: Sequence[Published] = ()) -> Figure:
    """Pairs of particles over their distance, with the shells of the face's lattice and what is published of the spacing."""
    figure, axes = new_figure(58.0)
    axes.step(curve.axis, curve.values, where="mid", color=BLUE, lw=0.9)
    if spacing.value is not None:
        shells = SQUARE_SHELLS if "(100)" in spacing.source else SHELLS
        for k, shell in enumerate(shells):
            axes.axvline(
                shell * spacing.value,
                color=VERMILION,
                lw=0.8,
                label=None if k else f"spacing d = {_with_unit(spacing)}",
            )
    _lines(axes.axvline, published, lambda mark: mark.x)
    axes.set(xlabel=f"distance of two particles ({curve.unit})", ylabel="pairs", xlim=(0.0, float(curve.axis[-1])))
    axes.set_ylim(0.0, 1.1 * float(curve.values.max()))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=0.8, handlelength=1.2)
    return figure


def _lines(
    draw: Callable[..., Any], published: Sequence[Published], places: Callable[[Published], tuple[float, ...]]
) -> None:
    """Published values dashed in purple, the truth dotted in grey."""
    for mark in published:
        for k, place in enumerate(places(mark)):
            colour, dash = (TRUTH_COLOUR, ":") if mark.is_truth else (PURPLE, "--")
            draw(place, color=colour, ls=dash, lw=1.1, label=None if k else mark.label)


def _with_unit(number: Number) -> str:
    assert number.value is not None
    return f"{value_with_sigma(number.value, number.sigma)} {UNITS.get(number.unit, number.unit)}"
