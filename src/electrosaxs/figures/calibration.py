"""The calibration as a picture: rings on the image, and how far the control points are from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..nouns import FloatArray
from .style import STYLE, letter, new_figure

MOST_LABELS = 10
IMAGE_MM = 72.0
RESIDUALS_MM = 42.0
Outlines = Mapping[int, tuple[FloatArray, FloatArray]]


def calibration_figure(
    *,
    image: npt.NDArray[Any],
    outlines: Outlines,
    beam_centre_px: tuple[float, float],
    point_ring: npt.NDArray[np.int64],
    point_y: FloatArray,
    point_x: FloatArray,
    point_azimuth_deg: FloatArray,
    point_residual_px: FloatArray,
    ring_sigma_px: float,
) -> Figure:
    """a: image with control points (dots) and rings (lines); b: residuals outwards against azimuth.

    outlines: ring number -> pixel coordinates (y, x) all around. Pixel coordinates count from the corner of the
    image. Negative and not finite pixels are grey. ring_sigma_px: Gaussian width of the rings, given beside the
    residuals as a scale.
    """
    with mpl.rc_context(STYLE):
        figure, (above, below) = new_figure(
            IMAGE_MM + RESIDUALS_MM, 2, gridspec_kw={"height_ratios": [IMAGE_MM, RESIDUALS_MM]}
        )
        colours = _colours(sorted({*outlines, *(int(r) for r in point_ring)}))
        _draw_image(above, image)
        above.plot(point_x, point_y, ".", ms=1.0, mew=0.0, color="white")
        for ring, outline in outlines.items():
            _draw_ring(above, image.shape, outline, colours[ring])
        _label_rings(above, image.shape, outlines, colours)
        above.plot(beam_centre_px[1], beam_centre_px[0], "+", color="red", ms=6, mew=0.8)
        _draw_residuals(below, colours, point_ring, point_azimuth_deg, point_residual_px, ring_sigma_px)
        letter(above, "a")
        letter(below, "b")
    return figure


def _colours(rings: list[int]) -> dict[int, Any]:
    palette = mpl.colormaps["plasma"]
    return {ring: palette(0.25 + 0.7 * i / max(len(rings) - 1, 1)) for i, ring in enumerate(rings)}


def _readable_on(colour: Any) -> str:
    red, green, blue, *_ = colour
    return "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"


def _draw_image(axes: Axes, image: npt.NDArray[Any]) -> None:
    counts = np.where(np.isfinite(image) & (image >= 0), image, np.nan).astype(np.float64)
    low = max(float(np.nanpercentile(counts, 10.0)), 1.0)
    norm = LogNorm(vmin=0.7 * low, vmax=max(float(np.nanpercentile(counts, 99.8)), 3.0 * low))
    palette = mpl.colormaps["gray"].with_extremes(bad="0.4")
    shown = np.ma.masked_invalid(np.maximum(counts, 0.7 * low))
    extent = (0.0, float(image.shape[1]), 0.0, float(image.shape[0]))
    drawn = axes.imshow(shown, origin="lower", norm=norm, cmap=palette, extent=extent, interpolation="antialiased")
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0.0, 0.04, 1.0)))
    bar.set_label("counts per pixel")
    axes.set_xlabel("x (pixel)")
    axes.set_ylabel("y (pixel)")
    axes.tick_params(direction="out")


def _inside(
    shape: tuple[int, ...], outline: tuple[FloatArray, FloatArray], margin: float = 0.0
) -> npt.NDArray[np.bool_]:
    y, x = outline
    return (y > margin) & (y < shape[0] - margin) & (x > margin) & (x < shape[1] - margin)


def _draw_ring(axes: Axes, shape: tuple[int, ...], outline: tuple[FloatArray, FloatArray], colour: Any) -> None:
    y, x = outline
    inside = _inside(shape, outline)
    axes.plot(np.where(inside, x, np.nan), np.where(inside, y, np.nan), color=colour, lw=0.6, ls=(0, (4, 4)))


def _label_rings(axes: Axes, shape: tuple[int, ...], outlines: Outlines, colours: Mapping[int, Any]) -> None:
    """Ring numbers at the azimuth at which most rings are on the image, every second or third where they are many."""
    every = int(np.ceil(len(outlines) / MOST_LABELS))
    margin = 0.03 * min(shape)
    seen = np.array([_inside(shape, outline, margin) for outline in outlines.values()])
    common = int(np.argmax(seen.sum(axis=0)))
    for i, (ring, (y, x)) in enumerate(outlines.items()):
        if i % every or not seen[i].any():
            continue
        at = (
            common
            if seen[i, common]
            else int(np.nonzero(seen[i])[0][np.argmin(np.abs(np.nonzero(seen[i])[0] - common))])
        )
        box = {"boxstyle": "round,pad=0.1", "fc": colours[ring], "ec": "none"}
        axes.text(
            x[at], y[at], str(ring), color=_readable_on(colours[ring]), fontsize=6, ha="center", va="center", bbox=box
        )


def _draw_residuals(
    axes: Axes,
    colours: Mapping[int, Any],
    ring: npt.NDArray[np.int64],
    azimuth: FloatArray,
    residual: FloatArray,
    width: float,
) -> None:
    rings = [int(r) for r in np.unique(ring)]
    every = int(np.ceil(len(rings) / MOST_LABELS))
    for i, number in enumerate(rings):
        chosen = ring == number
        label = f"ring {number}" if i % every == 0 else None
        axes.plot(azimuth[chosen], residual[chosen], "o", ms=1.8, mew=0.0, color=colours[number], label=label)
    axes.axhline(0.0, color="0.4", lw=0.6, zorder=0)
    limit = 1.35 * max(float(np.abs(residual).max()), 0.05)
    axes.set_ylim(-limit, limit)
    axes.set_xlim(-180, 180)
    axes.set_xticks(range(-180, 181, 60))
    axes.set_xlabel("azimuth from x towards y (°)")
    axes.set_ylabel("residual outwards (pixel)")
    rms = float(np.sqrt(np.mean(np.square(residual))))
    text = f"{rms:.2f} pixel rms, rings {width:.1f} pixel wide (σ)"
    axes.text(0.02, 0.97, text, transform=axes.transAxes, ha="left", va="top")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), handletextpad=0.2, frameon=False)
