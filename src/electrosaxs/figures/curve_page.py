"""One page for one plain curve: log I(q) with the fitted spheres, Kratky plot, S(q) with its labelled peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

from ..nouns import FloatArray, LatticeAssignment
from .curves import bin_edges
from .digits import value_with_sigma
from .peak_labels import label_peaks
from .style import BLACK, BLUE, COLUMN_MM, MM_PER_INCH, POINTS, SHADE, Omitted, letter, styled

HEIGHT_MM = 98.0
WIDE = 60.0
"""q_max / q_min above which q is drawn on a logarithmic axis."""
LARGEST_SIGMA = 0.3
LONGEST_TITLE = 62
Q_LABEL = "q (nm$^{-1}$)"


@dataclass(frozen=True, eq=False)
class CurvePicture:
    """What the page shows, all (q,), q in 1/nm: intensity and model on the file's scale, S(q) with sigma and model.

    sigma may be NaN; model and structure are NaN where nothing was fitted. counted: what the invariant sums, None where
    it is not a sum over these bins. intensity_unit: "" for a relative scale.
    """

    title: str
    q: FloatArray
    intensity: FloatArray
    sigma: FloatArray
    model: FloatArray
    background: float
    structure: FloatArray
    structure_sigma: FloatArray
    structure_model: FloatArray
    assignment: LatticeAssignment
    sizes: str
    counted: FloatArray | None = None
    intensity_unit: str = ""


@styled
def curve_page(picture: CurvePicture) -> Figure | Omitted:
    """Panels a: I(q), b: Kratky plot less the fitted background, c: S(q) with hkl (a label that would hide another is left
    out)."""
    figure = Figure(figsize=(COLUMN_MM / MM_PER_INCH, HEIGHT_MM / MM_PER_INCH), layout="constrained")
    axes = figure.subplot_mosaic([["a", "b"], ["c", "c"]])
    _scattering(axes["a"], picture)
    _kratky(axes["b"], picture)
    _structure(axes["c"], picture)
    for name, one in axes.items():
        letter(one, str(name))
    figure.suptitle(_shortened(picture.title), fontsize=POINTS)
    return figure


def curve_caption(picture: CurvePicture) -> str:
    """What the panels show."""
    text = "I(q) with the fit (a), Kratky plot less the flat background (b) and structure factor S(q) (c)."
    if picture.counted is not None:
        text += " Grey: what the invariant sums over the q window."
    if picture.assignment.lattice is not None:
        text += f" Red: reflections of {picture.assignment.lattice}; ?: peaks that it does not explain."
    elif picture.assignment.peaks:
        text += " Red: peaks that no lattice explains."
    return text


def _scattering(axes: Axes, picture: CurvePicture) -> None:
    q, intensity = picture.q, picture.intensity
    positive = intensity > 0.0
    low = np.maximum(intensity - np.nan_to_num(picture.sigma), 0.3 * np.abs(intensity))
    axes.fill_between(q, low, intensity + np.nan_to_num(picture.sigma), color=BLUE, alpha=0.25, lw=0)
    axes.plot(q[positive], intensity[positive], ".", ms=1.6, color=BLUE, rasterized=True)
    axes.plot(q, np.where(picture.model > 0.0, picture.model, np.nan), color=BLACK, lw=0.7)
    unit = f" ({picture.intensity_unit})" if picture.intensity_unit else " (scale of the file)"
    axes.set(xlabel=Q_LABEL, ylabel=f"I{unit}", yscale="log")
    if positive.any():
        axes.set_ylim(0.4 * np.quantile(intensity[positive], 0.004), 3.0 * intensity.max())
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(LogFormatterSciNotation())
    _q_axis(axes, q)


def _kratky(axes: Axes, picture: CurvePicture) -> None:
    q = picture.q
    values, fitted = (q**2 * (curve - picture.background) for curve in (picture.intensity, picture.model))
    top = float(np.nanmax(fitted)) if np.isfinite(fitted).any() else float(np.max(values))
    top = top if top > 0.0 else 1.0
    spread = q**2 * np.nan_to_num(picture.sigma) / top
    if picture.counted is not None:
        axes.stairs(q**2 * picture.counted / top, bin_edges(q), fill=True, color=SHADE, lw=0, zorder=0)
    axes.fill_between(q, values / top - spread, values / top + spread, color=BLUE, alpha=0.25, lw=0)
    axes.plot(q, values / top, ".", ms=1.6, color=BLUE, rasterized=True)
    axes.plot(q, fitted / top, color=BLACK, lw=0.7)
    axes.axhline(0.0, color="#999999", lw=0.5, zorder=0)
    axes.set(xlabel=Q_LABEL, ylabel="q$^2$ I (largest = 1)", ylim=(-0.1, 1.5))
    fitted_q = q[np.isfinite(fitted)]
    _q_axis(axes, q, float(fitted_q[-1]) if fitted_q.size else None)
    axes.annotate(
        picture.sizes, (0.96, 0.96), xycoords="axes fraction", ha="right", va="top", fontsize=6.0,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
    )  # fmt: skip


def _structure(axes: Axes, picture: CurvePicture) -> None:
    known = np.isfinite(picture.structure) & ~(picture.structure_sigma > LARGEST_SIGMA)
    axes.axhline(1.0, color="#999999", lw=0.5, ls=":", zorder=0)
    axes.set(xlabel=Q_LABEL, ylabel="S(q)")
    if not known.any():
        axes.annotate("no form factor was fitted", (0.5, 0.5), xycoords="axes fraction", ha="center")
        _q_axis(axes, picture.q)
        return
    q = picture.q[known]
    values, sigma = picture.structure[known], np.nan_to_num(picture.structure_sigma[known])
    axes.errorbar(q, values, sigma, fmt=".", ms=1.8, lw=0.4, color=BLUE, ecolor="#9bc4de", rasterized=True)
    axes.plot(q, picture.structure_model[known], color=BLACK, lw=0.7)
    peaks = picture.assignment.peaks
    last = min(float(q[-1]), 1.3 * max(peak.q for peak in peaks)) if peaks else float(q[-1])
    _q_axis(axes, q, last)
    shown = q <= last
    lowest, highest = (float(np.quantile(values[shown], share)) for share in (0.005, 0.995))
    highest = max([highest, *(x for x in picture.structure_model[known][shown] if np.isfinite(x))])
    height = max(highest - lowest, 0.2)
    axes.set_ylim(lowest - 0.1 * height, highest + 0.85 * height)
    label_peaks(axes, peaks, highest + 0.09 * height)
    _name_lattice(axes, picture.assignment)


def _name_lattice(axes: Axes, assignment: LatticeAssignment) -> None:
    """Lattice and constant above the panel, where no label of a peak comes."""
    text = "no lattice" if assignment.lattice is None else assignment.lattice
    if assignment.a.value is not None:
        text += f", a = {value_with_sigma(assignment.a.value, assignment.a.sigma)} nm"
    axes.annotate(text, (1.0, 1.03), xycoords="axes fraction", ha="right", va="bottom")


def _q_axis(axes: Axes, q: FloatArray, last: float | None = None) -> None:
    end = float(q[-1]) if last is None else last
    if end / q[0] <= WIDE:
        axes.set_xlim(0.0 if q[0] < 0.25 * end else float(q[0]), end)
        return
    axes.set_xscale("log")
    axes.set_xlim(float(q[0]), end)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 1] + "…"
