"""Structure factor at the anode, scan by scan, with the peaks that were found and their assignment (paper Fig. 5c)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray, RunResults
from .digits import value_with_sigma
from .peak_labels import label_peaks
from .style import (
    SECONDS_PER_MINUTE,
    Omitted,
    chosen_scans,
    new_figure,
    ordered_colours,
    styled,
)

CURVES = 5
LARGEST_SIGMA = 0.3


@styled
def structure_factor_peaks(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Fig. 5c: S(q) per scan, shifted upwards, with hkl of the assigned peaks and the fitted model."""
    factor = results.structure_factor
    if factor is None:
        return Omitted("the structure factor was not measured")
    rows = factor.values if factor.values.ndim == 2 else factor.values[None]
    if rows.ndim != 2:
        return Omitted("the structure factor has more dimensions than scan and q")
    sigma = np.nan_to_num(factor.sigma).reshape(rows.shape)
    shown = (np.isfinite(rows) & (sigma < LARGEST_SIGMA)).sum(axis=1) >= 10
    scans = chosen_scans(shown, CURVES)
    if not scans:
        return Omitted("the structure factor is nowhere known better than 0.3")
    figure, axes = new_figure(84.0)
    q = factor.coord("q")
    bases = _bases(rows[scans], sigma[scans])
    model = results.structure_factor_model
    for place, (scan, colour) in enumerate(zip(scans, ordered_colours(len(scans)), strict=True)):
        base = float(bases[place])
        known = np.isfinite(rows[scan]) & (sigma[scan] < LARGEST_SIGMA)
        lower, upper = rows[scan] - sigma[scan] + base, rows[scan] + sigma[scan] + base
        axes.fill_between(q, lower, upper, where=known, color=colour, alpha=0.3, lw=0)
        axes.plot(q, np.where(known, rows[scan] + base, np.nan), ".", ms=1.6, color=colour, rasterized=True)
        if model is not None and model.shape[-1] == q.size:
            fitted = np.broadcast_to(model, rows.shape)[scan]
            axes.plot(q, np.where(known, fitted + base, np.nan), color="black", lw=0.7)
        axes.axhline(1.0 + base, color="#999999", lw=0.5, ls=":", zorder=0)
        axes.annotate(
            _scan_text(results, scan), (0.015, base + 1.0), xycoords=("axes fraction", "data"), xytext=(0, 3),
            textcoords="offset points", ha="left", color=colour,
        )  # fmt: skip
    top = float(bases[-1]) + _peak_height(rows[scans[-1]], sigma[scans[-1]])
    axes.set(xlabel="q (nm$^{-1}$)", ylabel="S(q), shifted" if len(scans) > 1 else "S(q)")
    _limit_q(axes, q, rows[scans], sigma[scans], results)
    _mark_peaks(axes, results, top)
    return figure


def _mark_peaks(axes: Axes, results: RunResults, top: float) -> None:
    """hkl above each assigned peak, a question mark above the others; lattice and constant above the panel."""
    assignment = results.assignment
    axes.set_ylim(top=top * 1.38 + 0.3)
    if assignment is None:
        return
    label_peaks(axes, assignment.peaks, top * 1.05)
    text = "no lattice" if assignment.lattice is None else assignment.lattice
    if assignment.a.value is not None:
        text += f", a = {value_with_sigma(assignment.a.value, assignment.a.sigma)} nm"
    axes.annotate(text, (1.0, 1.02), xycoords="axes fraction", ha="right", va="bottom")


def _limit_q(axes: Axes, q: FloatArray, rows: FloatArray, sigma: FloatArray, results: RunResults) -> None:
    """From the lowest known q to 1.3 times the last peak, or to where S(q) is no longer known."""
    known = np.any(np.isfinite(rows) & (sigma < LARGEST_SIGMA), axis=0)
    last = float(q[known].max())
    if results.assignment is not None and results.assignment.peaks:
        last = min(last, 1.3 * max(peak.q for peak in results.assignment.peaks))
    axes.set_xlim(float(q[known].min()), last)


def _peak_height(row: FloatArray, sigma: FloatArray) -> float:
    known = row[np.isfinite(row) & (sigma < LARGEST_SIGMA)]
    return float(np.max(known, initial=1.0))


def _bases(rows: FloatArray, sigma: FloatArray) -> FloatArray:
    """Shift of each curve: its peaks end below the next curve's line; flat curves stand a sixth of the largest apart."""
    heights = np.array([_peak_height(row, s) for row, s in zip(rows, sigma, strict=True)])
    least = max(0.5, float(heights.max()) / 6.0)
    return np.concatenate([[0.0], np.cumsum(np.maximum(least, 1.05 * (heights[:-1] - 1.0)))])


def _scan_text(results: RunResults, scan: int) -> str:
    growth = results.growth
    if growth is None or scan >= growth.data.shape[0]:
        return f"scan {scan + 1}"
    return f"{growth.coord('time')[scan] / SECONDS_PER_MINUTE:.0f} min"
