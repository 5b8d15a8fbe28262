"""Curves of a campaign, one for each field: growth at the anode, sizes over height, scattering at the anode, dried films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray
from ..nouns.nucleation import ONSET_BAND
from ..nouns.trends import Member, Published
from .campaign import publish
from .style import (
    PER_CENT,
    PURPLE,
    ROOT_HEIGHT_LABEL,
    SECONDS_PER_MINUTE,
    SHADE,
    TIME_LABEL,
    Omitted,
    error_bars,
    height_scale,
    letter,
    new_figure,
    ordered_colours,
    styled,
)

MOST_FIELDS = 8
MARKS = ("s", "o", "D", "^", "v", "P", "X", "<")
NAME_OVER = 6
"""Share of a curve, from its end, above which its name stands: one of so many."""
SHOWN_Q = (0.3, 2.2)
"""1/nm: where the rings of a solvated superlattice lie."""
LARGEST_Q = 3.5
"""1/nm: beyond it a film shows no ring."""
SHIFT = 10.0
"""From curve to curve, on logarithmic axes."""


def _by_field(members: Sequence[Member]) -> list[Member]:
    """In the order of the fields, at most MOST_FIELDS of them."""
    ordered = sorted(members, key=lambda m: m.field_V_per_cm or 0.0)
    if len(ordered) <= MOST_FIELDS:
        return ordered
    return [ordered[k] for k in np.round(np.linspace(0, len(ordered) - 1, MOST_FIELDS)).astype(int)]


@styled
def anode_growth_by_field(members: Sequence[Member]) -> Figure | Omitted:
    """phi at the anode (%) against time (min) for each run, with its line before the onset, as Fig. 4b."""
    runs = _by_field([m for m in members if m.run is not None and m.run.growth is not None])
    if not runs:
        return Omitted("no run has a growth curve")
    figure, axes = new_figure(66.0)
    axes.axhspan(*(PER_CENT * phi for phi in ONSET_BAND), color=SHADE, lw=0, zorder=0)
    for one, colour, mark in zip(runs, ordered_colours(len(runs)), MARKS, strict=False):
        assert one.run is not None
        growth, line = one.run.growth, one.run.growth_line
        assert growth is not None
        good = growth.good
        time = growth.coord("time")[good] / SECONDS_PER_MINUTE
        axes.errorbar(
            time, PER_CENT * growth.values[good], error_bars(PER_CENT * np.nan_to_num(growth.total_sigma[good])), fmt=mark,
            color=colour, lw=0.7, ms=2.6, label=one.label,
        )  # fmt: skip
        if line is not None:
            ends = np.array([line.t_start, line.t_end])
            axes.plot(ends / SECONDS_PER_MINUTE, PER_CENT * (line.offset + line.slope * ends), ":", color=colour)
    axes.set(xlabel=TIME_LABEL, ylabel="φ at the anode (%)", xlim=(0.0, None), ylim=(0.0, None))
    axes.legend(loc="best")
    return figure


@styled
def size_profiles_by_field(members: Sequence[Member], published: Sequence[Published] = ()) -> Figure | Omitted:
    """Mean core diameter (a) and delta / d (b) over height in the last scan of each run, as Fig. 5b. published: a mark for
    each panel, or none."""
    runs = _by_field([m for m in members if m.run is not None and m.run.diameter is not None])
    if not runs:
        return Omitted("no run has sizes")
    figure, (upper, lower) = new_figure(100.0, 2, 1, sharex=True)
    highest = 1.0
    for one, colour, mark in zip(runs, ordered_colours(len(runs)), MARKS, strict=False):
        assert one.run is not None
        for axes, noun, factor in ((upper, one.run.diameter, 1.0), (lower, one.run.polydispersity, PER_CENT)):
            if noun is None:
                continue
            last = _last_scan(noun.good)
            good = noun.good[last]
            height = noun.coord("height")[good]
            highest = max(highest, float(height.max(initial=1.0)))
            sigma = error_bars(factor * np.nan_to_num(noun.total_sigma[last][good]))
            axes.errorbar(height, factor * noun.values[last][good], sigma, fmt=f"{mark}-", color=colour, lw=0.7, ms=2.6,
                          label=one.label)  # fmt: skip
        start = [one.run.numbers.get(name) for name in ("starting_diameter", "starting_polydispersity")]
        for axes, number, factor in zip((upper, lower), start, (1.0, PER_CENT), strict=True):
            if one is runs[0] and number is not None and number.value is not None:
                axes.axhline(factor * number.value, color="#8a8a8a", ls="--", lw=0.8, zorder=0)
    for axes, mark_of_paper in zip((upper, lower), published, strict=False):
        publish(axes, [mark_of_paper])
    upper.set(ylabel="core diameter d (nm)")
    lower.set(xlabel=ROOT_HEIGHT_LABEL, ylabel="polydispersity δ/d (%)")
    height_scale(lower, highest)
    upper.legend(loc="best")
    letter(upper, "a")
    letter(lower, "b")
    return figure


def _last_scan(good: npt.NDArray[np.bool_]) -> int:
    having = np.flatnonzero(good.any(axis=1))
    return int(having[-1]) if having.size else 0


@styled
def anode_curves_by_field(members: Sequence[Member], published: Sequence[Published] = ()) -> Figure | Omitted:
    """Scattering at the anode in the last scan of each run, shifted by tens, as Fig. 5c. published: where peaks are."""
    runs = _by_field([m for m in members if m.run is not None and m.run.curves is not None])
    if not runs:
        return Omitted("no run has kept its curves")
    figure, axes = new_figure(76.0)
    for k, (one, colour) in enumerate(zip(runs, ordered_colours(len(runs)), strict=True)):
        assert one.run is not None
        curves = one.run.curves
        assert curves is not None
        row = int(np.lexsort((-curves.time, curves.height))[0])
        data = curves.intensity
        seen = data.good[row] & (data.values[row] > 0.0)
        q, intensity = data.coord("q")[seen], data.values[row][seen]
        shown = (q >= SHOWN_Q[0]) & (q <= SHOWN_Q[1])
        level = SHIFT ** (len(runs) - 1 - k) * intensity[shown] / intensity[0]
        _named_curve(axes, q[shown], level, colour, one.label)
    axes.set(yscale="log", xlabel="q (nm$^{-1}$)", ylabel="intensity, shifted by tens", xlim=SHOWN_Q)
    _peaks(axes, published)
    return figure


def _peaks(axes: Axes, published: Sequence[Published]) -> None:
    """Places of peaks as short strokes from the axis of q, below all curves."""
    if not published:
        return
    low, high = axes.get_ylim()
    axes.set_ylim(low * (low / high) ** 0.08, high)
    for mark in published:
        left, right = axes.get_xlim()
        shown = [x for x in mark.x if left <= x <= right]
        axes.vlines(shown, 0.0, 0.05, colors=PURPLE, lw=0.9, transform=axes.get_xaxis_transform(), label=mark.label)
    axes.legend(loc="upper right")


def _named_curve(axes: Axes, q: FloatArray, level: FloatArray, colour: Any, label: str) -> None:
    """A curve with its name over its right end."""
    axes.plot(q, level, color=colour, lw=0.8)
    last = float(np.max(level[-max(len(level) // NAME_OVER, 1) :]))
    axes.annotate(
        label, (float(q[-1]), last), xytext=(-3, 2), textcoords="offset points", ha="right", va="bottom", color=colour
    )


@styled
def radial_intensity_by_field(members: Sequence[Member], published: Sequence[Published] = ()) -> Figure | Omitted:
    """Intensity over |q| of each dried film, shifted by tens, as Fig. 6a; no powder average. published: where peaks are."""
    films = _by_field([m for m in members if m.radial is not None])
    if not films:
        return Omitted("no film has a radial intensity")
    figure, axes = new_figure(76.0)
    lowest, highest = np.inf, 0.0
    for k, (one, colour) in enumerate(zip(films, ordered_colours(len(films)), strict=True)):
        assert one.radial is not None
        seen = one.radial.good & (one.radial.values > 0.0)
        seen &= one.radial.coord("q") <= LARGEST_Q
        q, intensity = one.radial.coord("q")[seen], one.radial.values[seen]
        lowest, highest = min(lowest, float(q.min())), max(highest, float(q.max()))
        level = SHIFT ** (len(films) - 1 - k) * intensity / np.median(intensity)
        _named_curve(axes, q, level, colour, one.label)
    axes.set(yscale="log", xlabel="|q| (nm$^{-1}$)", ylabel="intensity, shifted by tens", xlim=(lowest, highest))
    _peaks(axes, published)
    return figure
