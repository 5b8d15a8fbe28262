"""Figures of islands: every outline drawn on its image at full resolution, sizes, densities, pair correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from ..nouns import FloatArray
from ..nouns.islands import Distribution, FieldOfView, Island
from .digits import value_with_sigma
from .style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, Omitted, new_figure, styled

COLOURS = (VERMILION, SKY, ORANGE, GREEN, PURPLE, "#F0E442", BLUE)
ALONE = "#FFFFFF"
LEAST_SIDE = 900  # px: smaller images are enlarged by whole numbers so that numbers can be read
SEEN_PERCENTILES = (0.1, 99.9)
BAR_SHARE = 0.25  # of the image's width
UNITS = {"um": "µm", "px": "px", "1/mm^2": "mm$^{-2}$", "1/Mpx": "Mpx$^{-1}$"}


def overlay(pixels: FloatArray, view: FieldOfView) -> Image.Image:
    """The image with the outline of each island, its top edge where it is resolved, and its number in islands.csv; islands that
    touch share a colour, those alone are white, those less likely than not are dotted; what is not used is framed off."""
    factor = max(1, round(LEAST_SIDE / min(pixels.shape[:2]))) if min(pixels.shape[:2]) < LEAST_SIDE else 1
    picture = _stretched(pixels)
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture)
    width = max(1, factor)
    font = _font(11.0 if factor == 1 else 9.0 * min(factor, 3))
    groups = [i.group for i in view.islands]
    for number, island in enumerate(view.islands, start=1):
        colour = ALONE if groups.count(island.group) == 1 else COLOURS[island.group % len(COLOURS)]
        corners = _on_picture(island.outline, factor)
        if island.probability >= 0.5:
            draw.line([*corners, corners[0]], fill=colour, width=width)
        else:
            for first, last in zip(corners, [*corners[1:], corners[0]], strict=True):
                _dots(draw, first, last, colour)
        if np.isfinite(island.top_edge):
            inner = _on_picture(_shrunk(island), factor)
            draw.line([*inner, inner[0]], fill=colour, width=1)
        draw.text(
            _on_picture(np.array([[island.x, island.y]]), factor)[0], str(number), fill=colour, font=font, anchor="mm",
            stroke_width=2, stroke_fill=BLACK,
        )  # fmt: skip
    left, top, columns, rows = view.used
    if (columns, rows) != view.shape[::-1]:
        frame = _on_picture(np.array([[left - 0.5, top - 0.5], [left + columns - 0.5, top + rows - 0.5]]), factor)
        draw.rectangle([frame[0], (frame[1][0] - 1, frame[1][1] - 1)], outline=SKY, width=2)
    if view.scale.um_per_pixel is not None:
        _scale_bar(draw, picture.size, view.scale.um_per_pixel / factor)
    return picture


def bar_length(widest: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is at most `widest`."""
    power = 10.0 ** np.floor(np.log10(widest))
    return float(power * max(step for step in (1.0, 2.0, 5.0) if step * power <= widest * (1.0 + 1e-9)))


def _font(size: float) -> ImageFont.FreeTypeFont:
    """That of the other figures; Pillow's own has no µ."""
    return ImageFont.truetype(findfont("DejaVu Sans"), size)


def _scale_bar(draw: ImageDraw.ImageDraw, size: tuple[int, int], um_per_pixel: float) -> None:
    """At the lower right, on a dark ground, as long as BAR_SHARE of the image at most."""
    width, height = size
    length = bar_length(BAR_SHARE * width * um_per_pixel)
    pixels, text = length / um_per_pixel, max(14.0, 0.042 * width)
    font, edge = _font(text), 0.6 * text
    right, low = width - 2.0 * edge, height - 2.0 * edge
    ground = [right - pixels - edge, low - 2.2 * text, right + edge, low + edge]
    draw.rectangle(ground, fill=BLACK)
    draw.rectangle([right - pixels, low - 0.25 * text, right, low], fill=ALONE)
    draw.text((right - 0.5 * pixels, low - 0.5 * text), f"{length:g} µm", fill=ALONE, font=font, anchor="mb")


@styled
def closest_island(pixels: FloatArray, view: FieldOfView, island: Island, thickness_px: float) -> Figure:
    """One island near by, as Fig. 1c: its base and its top edge with their lengths, and the thickness from both."""
    length, unit = view.scale.length, UNITS[view.scale.unit]
    reach = 0.85 * island.edge
    low = np.maximum(np.floor([island.x - reach, island.y - reach]), 0.0).astype(int)
    high = np.minimum(np.ceil([island.x + reach, island.y + reach]).astype(int) + 1, pixels.shape[1::-1])
    part = _stretched(pixels[low[1] : high[1], low[0] : high[0]])
    figure, axes = new_figure(74.0)
    columns, rows = (high - low) * length
    axes.imshow(np.asarray(part), extent=(0.0, columns, rows, 0.0))
    for corners, colour in ((island.outline, ALONE), (_shrunk(island), SKY)):
        closed = (np.vstack([corners, corners[:1]]) - low + 0.5) * length
        axes.plot(*closed.T, color=colour, lw=0.8, ls="--")
    text = (
        f"base {value_with_sigma(island.edge * length, island.edge_sigma * length)} {unit}\n"
        f"top {value_with_sigma(island.top_edge * length, island.top_edge_sigma * length)} {unit}\n"
        f"T = {value_with_sigma(thickness_px * length, island.thickness_sigma * length)} {unit}"
    )
    axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", color=ALONE,
              bbox={"facecolor": BLACK, "edgecolor": "none", "alpha": 0.75, "pad": 2.5})  # fmt: skip
    axes.set(xlabel=f"x ({unit})", ylabel=f"y ({unit})", xlim=(0.0, columns), ylim=(rows, 0.0))
    return figure


def _stretched(pixels: FloatArray) -> Image.Image:
    low, high = np.percentile(pixels, SEEN_PERCENTILES)
    grey = np.clip((pixels - low) / max(high - low, 1e-9) * 255.0, 0.0, 255.0).astype(np.uint8)
    return Image.fromarray(np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey)


def _on_picture(points: FloatArray, factor: int) -> list[tuple[float, float]]:
    return [(float((x + 0.5) * factor - 0.5), float((y + 0.5) * factor - 0.5)) for x, y in points]


def _shrunk(island: Island) -> FloatArray:
    centre = np.array([island.x, island.y])
    return np.asarray(centre + (island.outline - centre) * max(island.top_edge, 0.0) / island.edge)


def _dots(draw: ImageDraw.ImageDraw, first: tuple[float, float], last: tuple[float, float], colour: str) -> None:
    number = max(2, int(np.hypot(last[0] - first[0], last[1] - first[1]) / 5.0))
    for share in np.linspace(0.0, 1.0, number):
        x, y = first[0] + share * (last[0] - first[0]), first[1] + share * (last[1] - first[1])
        draw.ellipse([x - 1, y - 1, x + 1, y + 1], fill=colour)


@styled
def size_distribution(edges: FloatArray, unit: str) -> Figure | Omitted:
    """Histogram of the base edges."""
    if len(edges) < 2:
        return Omitted("fewer than two islands whole in the frame")
    figure, axes = new_figure(58.0)
    axes.hist(edges, bins=int(np.clip(2.0 * np.sqrt(len(edges)), 6, 40)), color=BLUE, edgecolor="white", linewidth=0.4)
    axes.axvline(edges.mean(), color=BLACK, lw=0.8)
    axes.set(xlabel=f"base edge ({UNITS[unit]})", ylabel="islands", xlim=(0.0, None))
    return figure


@dataclass(frozen=True, eq=False)
class DensityPicture:
    """names, densities and sigmas of the images; mean and sigma of the sample; unit."""

    names: Sequence[str]
    densities: FloatArray
    sigmas: FloatArray
    mean: float
    sigma: float
    unit: str


@styled
def density_by_image(picture: DensityPicture) -> Figure | Omitted:
    """Density of each image with its counting sigma, and the sample's as a band."""
    figure, axes = new_figure(58.0)
    at = np.arange(len(picture.names))
    axes.axhspan(picture.mean - picture.sigma, picture.mean + picture.sigma, color=SKY, alpha=0.35, lw=0)
    axes.axhline(picture.mean, color=BLUE, lw=0.8)
    axes.errorbar(at, picture.densities, picture.sigmas, fmt="o", color=BLACK, capsize=1.5, lw=0.8)
    if len(at) <= 12:
        short = [name if len(name) <= 14 else f"{name[:11]}…" for name in picture.names]
        axes.set_xticks(at, short, rotation=40, ha="right")
    else:
        axes.set_xlabel("image")
    top = float(np.nanmax(picture.densities + picture.sigmas)) if len(at) else 1.0
    axes.set(ylabel=f"islands ({UNITS[picture.unit]})", ylim=(0.0, 1.15 * max(top, 1e-12)), xlim=(-0.6, len(at) - 0.4))
    return figure


@styled
def pair_correlation_figure(curve: Distribution | None) -> Figure | Omitted:
    """g(r) with sigma; 1 for random points."""
    if curve is None:
        return Omitted("too few islands for pairs")
    figure, axes = new_figure(58.0)
    axes.axhline(1.0, color=BLACK, lw=0.6, ls=":")
    axes.errorbar(curve.axis, curve.values, curve.errors, fmt="o", ms=2.5, color=BLUE, lw=0.8)
    axes.set(xlabel=f"distance ({UNITS[curve.unit]})", ylabel="pair correlation g", xlim=(0.0, None))
    axes.set_ylim(0.0, max(2.0, 1.2 * float(np.nanmax(curve.values))))
    return figure
