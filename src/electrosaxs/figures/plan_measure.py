"""What to measure next: chosen and even frames over the predicted map, and how well each voltage fixes the parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..nouns import FloatArray
from .colour_bar import extend
from .gallery import Drawn
from .style import (
    BLACK,
    BLUE,
    PER_CENT,
    SECONDS_PER_MINUTE,
    TIME_LABEL,
    VERMILION,
    Omitted,
    height_scale,
    label_log_axis,
    letter,
    log_ticks,
    new_figure,
    power_of_ten,
    styled,
)

LOWEST_SHARE = 1e-3
Points = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, eq=False)
class MeasurePicture:
    """time (s), height (um), phi (time, height): the predicted solution; even, chosen: time and height of each frame.

    voltages (V), sigma, even_sigma: of the constant voltages that were tried; before: sigma of the fit so far.
    """

    parameter: str
    unit: str
    time: FloatArray
    height: FloatArray
    phi: FloatArray
    even: Points
    chosen: Points
    voltages: FloatArray
    sigma: FloatArray
    even_sigma: FloatArray
    name: str
    before: float | None


def draw_measure(shown: MeasurePicture) -> Drawn:
    """The figure with its caption."""
    made = _measure(shown)
    assert isinstance(made, Figure)
    caption = (
        f"What to measure next to fix {shown.parameter.replace('_', ' ')}: frames of an even scan (a) and as many chosen "
        f"ones (b) over the volume fraction in solution that the model expects under the best program ({shown.name})."
    )
    if _compared(shown):
        caption += " σ of the parameter after the frames, for each constant voltage that was tried (c)."
    return Drawn("measure_next", caption, made)


def _compared(shown: MeasurePicture) -> bool:
    return int(np.isfinite(shown.sigma).sum()) > 1


@styled
def _measure(shown: MeasurePicture) -> Figure | Omitted:
    compared = _compared(shown)
    figure, panels = new_figure(150.0 if compared else 104.0, 3 if compared else 2, 1)
    highest = PER_CENT * float(shown.phi.max())
    lowest = max(PER_CENT * float(shown.phi.min()), LOWEST_SHARE * highest)
    for axes, points, name in zip(panels, (shown.even, shown.chosen), ("even scan", "chosen"), strict=False):
        mesh = axes.pcolormesh(
            shown.time / SECONDS_PER_MINUTE, shown.height, PER_CENT * np.clip(shown.phi.T, 1e-30, None),
            norm=LogNorm(lowest, highest), cmap="viridis", shading="gouraud", rasterized=True,
        )  # fmt: skip
        axes.plot(
            points[0] / SECONDS_PER_MINUTE, points[1], "o", ms=2.2, mfc="white", mec=BLACK, mew=0.35, ls="none",
            clip_on=False, zorder=3,
        )  # fmt: skip
        height_scale(axes, float(shown.height.max()), "y")
        axes.set(
            ylabel="distance to the anode z (µm)\nsquare-root axis",
            xlim=(0.0, shown.even[0].max() / SECONDS_PER_MINUTE),
        )
        axes.set_title(f"{name}, {points[0].size} frames", loc="right", pad=3)
    panels[1].set_xlabel(TIME_LABEL)
    beyond = extend(PER_CENT * shown.phi, lowest, highest, log=True)
    bar = figure.colorbar(mesh, ax=list(panels[:2]), aspect=30, pad=0.02, extend=beyond)
    bar.set_label("volume fraction φ (%)")
    bar.ax.yaxis.set_major_formatter(log_ticks)
    if compared:
        _voltages(panels[2], shown)
    for axes, text in zip(panels, "abc", strict=False):
        letter(axes, text)
    return figure


def _voltages(axes: Axes, shown: MeasurePicture) -> None:
    """Sigma against the voltage, chosen beside even."""
    order = np.argsort(shown.voltages)
    both = np.concatenate([shown.sigma, shown.even_sigma])
    exponent = power_of_ten(float(np.max(both[np.isfinite(both)])))
    exponent = 0 if -3 < exponent < 4 else exponent
    for values, colour, marker, name in (
        (shown.even_sigma, BLUE, "s", "even scan"), (shown.sigma, VERMILION, "o", "chosen"),
    ):  # fmt: skip
        axes.plot(shown.voltages[order], values[order] / 10.0**exponent, color=colour, marker=marker, label=name)
    if shown.before is not None:
        axes.axhline(shown.before / 10.0**exponent, color=BLACK, ls="--", lw=0.8, label="known so far")
    unit = " ".join(part for part in (f"10$^{{{exponent}}}$" if exponent else "", shown.unit) if part)
    unit = f" ({unit})" if unit else ""
    axes.set(xlabel="constant voltage V (V)", ylabel=f"σ of {shown.parameter.replace('_', ' ')}{unit}")
    axes.set_yscale("log")
    label_log_axis(axes)
    axes.legend(loc="best")
