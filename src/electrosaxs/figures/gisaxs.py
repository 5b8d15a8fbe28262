"""GISAXS of a film: the indexed pattern in q and in pixels (paper Fig. 1e), intensity over q (Fig. 6a), residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..nouns import FloatArray
from ..nouns.film import Reflection, Spot
from ..nouns.film_maps import FilmPattern, RadialIntensity
from .style import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, Omitted, letter, log_ticks, new_figure, styled

LABELLED = 14
MARK = {"T": VERMILION, "R": SKY}
SECOND = GREEN
"""Colour of the direct beam's reflections from a second orientation."""
DARKEST, BRIGHTEST = 0.3, 0.9995
LOWEST_SHOWN = 0.02
UNSEEN = 0.35
SEEN = ("found", "not found")


@dataclass(frozen=True, eq=False)
class FilmPicture:
    """What the figures show. image (row, column) with NaN where it is not used; reflections of the first image; spots with
    their residuals (1/nm), NaN where they have no reflection; title: the assignment in words."""

    title: str
    image: FloatArray
    pattern: FilmPattern
    radial: RadialIntensity
    reflections: tuple[Reflection, ...]
    spots: tuple[Spot, ...]
    residuals: FloatArray
    channels: tuple[str, ...]
    horizon: FloatArray


@styled
def indexed_pattern(picture: FilmPicture) -> Figure | Omitted:
    """Fig. 1e: the pattern over (q_parallel, q_z) with the expected reflections, found (crosses) or not (points)."""
    figure, axes = new_figure(84.0)
    values = picture.pattern.values
    z, p = picture.pattern.coord("q_z"), picture.pattern.coord("q_parallel")
    half = 0.5 * (p[1] - p[0]), 0.5 * (z[1] - z[0])
    extent = (p[0] - half[0], p[-1] + half[0], z[0] - half[1], z[-1] + half[1])
    axes.imshow(
        values, cmap="gray", norm=_norm(values), origin="lower", extent=extent, aspect="auto", interpolation="nearest"
    )
    axes.set_facecolor("#3c3c50")
    _mark(axes, picture.reflections, [(m.q_parallel, _shown_q_z(m, picture)) for m in picture.reflections])
    _name_clearest(axes, picture.reflections, [(m.q_parallel, m.q_z) for m in picture.reflections])
    axes.set(xlabel="q$_∥$ (nm$^{-1}$)", ylabel="q$_z$ inside the film (nm$^{-1}$)")
    _zoom(axes, [(m.q_parallel, m.q_z) for m in picture.reflections], p, z)
    axes.set_title(picture.title)
    return figure


@styled
def indexed_image(picture: FilmPicture) -> Figure | Omitted:
    """The detector's pixels with the expected reflections and the spots (circles) that were found."""
    figure, axes = new_figure(92.0)
    axes.imshow(picture.image, cmap="gray", norm=_norm(picture.image), origin="upper", interpolation="nearest")
    axes.set_facecolor("#3c3c50")
    axes.plot(picture.horizon[:, 1], picture.horizon[:, 0], color=ORANGE, lw=0.5, ls=":")
    for left_out, colour in ((False, BLUE), (True, GREEN)):
        chosen = [(s.column, s.row) for s in picture.spots if bool(s.excluded) is left_out]
        axes.plot(*np.reshape(chosen, (-1, 2)).T, "o", ms=4.5, mfc="none", mec=colour, mew=0.5, ls="none")
    _mark(axes, picture.reflections, [(m.column, m.row) for m in picture.reflections])
    rows, columns = picture.image.shape
    axes.set(xlabel="column (pixels)", ylabel="row (pixels)", xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.set_title(picture.title)
    return figure


@styled
def radial_intensity(picture: FilmPicture) -> Figure | Omitted:
    """Fig. 6a: mean over the pixels above the horizon against |q|, with the reflections that were found."""
    figure, axes = new_figure(62.0)
    q, value, sigma = picture.radial.coord("q"), picture.radial.values, np.nan_to_num(picture.radial.sigma)
    shown = value > 0.0
    if not shown.any():
        return Omitted("no pixel above the horizon counts anything")
    axes.fill_between(
        q, np.maximum(value - sigma, 1e-3 * value[shown].min()), value + sigma, color=BLUE, alpha=0.3, lw=0
    )
    axes.plot(q[shown], value[shown], color=BLUE, lw=0.7)
    seen = {
        round(float(np.hypot(m.q_parallel, m.q_z)), 3)
        for m in picture.reflections
        if m.status == "found" and m.channel == "T"
    }
    for place in seen:
        axes.axvline(place, color=VERMILION, lw=0.35, alpha=0.7, zorder=0)
    lowest = 0.7 * float(np.quantile(value[shown], LOWEST_SHOWN))
    axes.set(xlabel="q (nm$^{-1}$)", ylabel="mean counts per pixel", yscale="log", ylim=(lowest, None))
    axes.set_xlim(0.0, min(1.15 * max(seen), float(q.max())) if seen else float(q.max()))
    axes.yaxis.set_major_formatter(log_ticks)
    return figure


@styled
def residuals(picture: FilmPicture) -> Figure | Omitted:
    """Found minus expected place of the indexed spots, along the surface and along the normal."""
    known = np.isfinite(picture.residuals).all(axis=1)
    if not known.any():
        return Omitted("no spot is indexed")
    figure, panels = new_figure(78.0, 2, 1, sharex=True)
    q = np.array([np.hypot(s.q_parallel, s.q_z) for s in picture.spots])
    for column, (axes, name) in enumerate(zip(panels, ("∥", "z"), strict=True)):
        for channel, colour in MARK.items():
            use = known & np.array([c == channel for c in picture.channels])
            sigma = np.array([s.q_sigma[column] for s in picture.spots])
            axes.errorbar(
                q[use], 1e3 * picture.residuals[use, column], 1e3 * sigma[use], fmt=".", ms=3, lw=0.5, color=colour,
                label={"T": "direct beam", "R": "reflected beam"}[channel] if use.any() else None,
            )  # fmt: skip
        axes.axhline(0.0, color=BLACK, lw=0.5)
        axes.set_ylabel(f"Δq$_{name}$ (10$^{{-3}}$ nm$^{{-1}}$)")
        letter(axes, "ab"[column])
    panels[0].legend(loc="best")
    panels[1].set_xlabel("q (nm$^{-1}$)")
    return figure


def _norm(values: FloatArray) -> LogNorm:
    """Logarithmic grey from just below the usual value to all but the brightest pixels."""
    known = values[np.isfinite(values) & (values > 0.0)]
    low, high = np.quantile(known, [DARKEST, BRIGHTEST]) if known.size else (1.0, 10.0)
    return LogNorm(max(float(low), 1e-3 * float(high)), max(float(high), 1.01 * float(low)), clip=True)


def _mark(axes: Axes, marks: tuple[Reflection, ...], places: list[tuple[float, float]]) -> None:
    """Crosses where reflections were found, points where they were not, faint ones where those of the direct beam could not
    be seen."""
    styles: dict[tuple[str, str], dict[str, Any]] = {
        ("T", "found"): {"marker": "+", "ms": 4.0, "mew": 0.6},
        ("R", "found"): {"marker": "x", "ms": 4.0, "mew": 0.6},
        ("T", "not found"): {"marker": ".", "ms": 1.2},
        ("R", "not found"): {"marker": ".", "ms": 1.2},
        ("T", "unseen"): {"marker": ".", "ms": 1.2, "alpha": UNSEEN},
    }
    for (channel, status), style in styles.items():
        for other, colour in ((False, MARK[channel]), (True, SECOND if channel == "T" else MARK[channel])):
            chosen = [
                place for mark, place in zip(marks, places, strict=True)
                if mark.channel == channel and (mark.status if mark.status in SEEN else "unseen") == status
                and (mark.variant != marks[0].variant) is other
            ]  # fmt: skip
            axes.plot(*np.reshape(chosen, (-1, 2)).T, color=colour, ls="none", **style)


def _shown_q_z(mark: Reflection, picture: FilmPicture) -> float:
    """q_z on the axis for the direct beam: a copy of the reflected one is shown at the spot found there."""
    if mark.channel == "T":
        return mark.q_z
    return picture.spots[mark.spot].q_z if mark.spot is not None else np.nan


def _name_clearest(axes: Axes, marks: tuple[Reflection, ...], places: list[tuple[float, float]]) -> None:
    """Indices beside the clearest reflections of the right side."""
    order = sorted(range(len(marks)), key=lambda i: -marks[i].expected_signal_to_noise)
    found = [i for i in order if marks[i].status == "found" and marks[i].channel == "T" and places[i][0] > 0.0]
    chosen = [i for i in found if marks[i].variant == marks[0].variant][:LABELLED]
    for i in chosen:
        text = "".join(str(n) if n >= 0 else rf"\bar{{{-n}}}" for n in marks[i].hkl)
        axes.annotate(f"${text}$", places[i], xytext=(3, 3), textcoords="offset points", color="white", fontsize=5.2)


def _zoom(axes: Axes, places: list[tuple[float, float]], p: FloatArray, z: FloatArray) -> None:
    """The part of the map that holds the reflections, or all of it."""
    known = np.array([x for x in places if np.isfinite(x).all()]).reshape(-1, 2)
    wide, high = (float(np.abs(known[:, 0]).max()), float(known[:, 1].max())) if known.size else (p.max(), z.max())
    axes.set_xlim(max(-1.08 * wide, float(p.min())), min(1.08 * wide, float(p.max())))
    axes.set_ylim(0.0, min(1.08 * high, float(z.max())))
