"""phi by scattering against phi by absorption, frame by frame; frames that were left out are named."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray, FrameRecord, RunResults
from .style import BLUE, PER_CENT, SECONDS_PER_MINUTE, SHADE, TIME_LABEL, VERMILION, Omitted, letter, new_figure, styled

NAMES = ("volume_fraction_scattered", "volume_fraction_absorbed", "volume_fraction_absorbed_sigma")
BoolArray = npt.NDArray[np.bool_]
MOST_NAMED = 8
WIDEST = 3.0
"""Per cent: deviations beyond are drawn at the edge."""


@styled
def two_measures(results: RunResults, truth: RunResults | None = None) -> Figure | Omitted:
    """Both measures of every frame (a), and what they differ by against time (b)."""
    phi = results.volume_fraction
    maps = [np.asarray(results.quality.get(name, np.nan), dtype=float) for name in NAMES]
    if any(values.shape != phi.data.shape for values in maps) or phi.dims != ("scan", "height"):
        return Omitted("phi by absorption is not known: the particles absorb too little, or no frame tells both")
    scattered, absorbed = maps[:2]
    known = np.isfinite(scattered) & (scattered > 0.0) & np.isfinite(absorbed)
    if not known.any():
        return Omitted("no frame tells phi both by scattering and by absorption")
    out = known & ~phi.good
    figure, (upper, lower) = new_figure(112.0, 2, 1)
    letter(upper, "a")
    _both(upper, scattered, absorbed, known & ~out, out)
    _named(upper, results.frames, out, PER_CENT * scattered, PER_CENT * np.maximum(absorbed, 0.0))
    letter(lower, "b")
    _difference(lower, phi.coord("time") / SECONDS_PER_MINUTE, maps, known & ~out, out)
    if out.any():
        upper.legend(loc="upper left")
    return figure


def _both(axes: Axes, scattered: FloatArray, absorbed: FloatArray, used: BoolArray, out: BoolArray) -> None:
    """phi by absorption over phi by scattering, per cent."""
    largest = PER_CENT * 1.08 * float(np.max(np.concatenate([scattered[used | out], absorbed[used | out]])))
    axes.plot([0.0, largest], [0.0, largest], color=SHADE, lw=1.2, zorder=1)
    axes.plot(PER_CENT * scattered[used], PER_CENT * absorbed[used], "o", ms=2.5, mew=0.5, mfc="none", color=BLUE)
    if out.any():
        shown = PER_CENT * np.maximum(absorbed[out], 0.0)
        axes.plot(PER_CENT * scattered[out], shown, "x", ms=4, mew=0.9, color=VERMILION, label="left out")
    axes.set(
        xlim=(0.0, largest), ylim=(-0.02 * largest, largest), xlabel="φ by scattering (%)", ylabel="φ by absorption (%)"
    )


def _difference(axes: Axes, time: FloatArray, maps: list[FloatArray], used: BoolArray, out: BoolArray) -> None:
    """Scattering over absorption less 1, per cent, against time."""
    scattered, absorbed, sigma = maps
    with np.errstate(divide="ignore", invalid="ignore"):
        off = PER_CENT * (scattered / absorbed - 1.0)
        bars = PER_CENT * sigma / np.abs(absorbed)
    axes.axhline(0.0, color=SHADE, lw=1.2, zorder=1)
    axes.errorbar(time[used], off[used], bars[used], fmt="o", ms=2.0, mew=0.5, mfc="none", color=BLUE, elinewidth=0.5)
    if out.any():
        shown = np.clip(np.where(absorbed[out] > 0.0, off[out], WIDEST), -WIDEST, WIDEST)
        axes.plot(time[out], shown, "x", ms=4, mew=0.9, color=VERMILION)
    axes.set(ylim=(-1.1 * WIDEST, 1.1 * WIDEST), xlabel=TIME_LABEL, ylabel="scattering over absorption − 1 (%)")


def _named(axes: Axes, frames: tuple[FrameRecord, ...], out: BoolArray, x: FloatArray, y: FloatArray) -> None:
    """The numbers of the first frames that were left out, beside their crosses."""
    placed = [f for f in frames if f.scan >= 0 and f.height_index >= 0 and out[f.scan, f.height_index]]
    for frame in placed[:MOST_NAMED]:
        place = frame.scan, frame.height_index
        axes.annotate(f"frame {frame.index}", (x[place], y[place]), xytext=(5, -8), textcoords="offset points")
