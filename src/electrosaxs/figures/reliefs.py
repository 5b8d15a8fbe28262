"""Figures of height maps and of faces on which particles are resolved (Figs. 1b and 1d of the paper)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..nouns import FloatArray
from ..nouns.heights import Face, HeightLine, Relief
from ..units import NM_PER_UM
from .style import BLACK, BLUE, COLUMN_MM, ORANGE, SKY, VERMILION, Omitted, new_figure, styled

NEIGHBOURS_WITHIN = 1.25
ON_FIGURE = 14.0  # spacings across the part of a face that is drawn, so that single particles are seen


@styled
def height_map_figure(relief: Relief, line: HeightLine | None) -> Figure:
    """The levelled map with the outline and number of each island of height_islands.csv, and the line of the profile."""
    figure, axes = new_figure(72.0)
    um = relief.map.um_per_pixel
    rows, columns = relief.heights_um.shape
    seen = relief.heights_um * NM_PER_UM
    if line is not None:
        axes.plot(*(um * (line.ends + 0.5)).T, color=SKY, ls=":", lw=1.2)
    image = axes.imshow(
        seen, cmap="viridis", extent=(0.0, columns * um, rows * um, 0.0), vmin=float(np.percentile(seen, 1.0)),
        vmax=float(np.percentile(seen, 99.8)), interpolation="nearest",
    )  # fmt: skip
    for number, island in enumerate(relief.islands, start=1):
        axes.contour(
            (np.arange(columns) + 0.5) * um, (np.arange(rows) + 0.5) * um, island.inside, levels=[0.5],
            colors=[ORANGE], linewidths=0.7,
        )  # fmt: skip
        axes.text(
            (island.x + 0.5) * um, (island.y + 0.5) * um, str(number), color=BLACK, ha="center", va="center",
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )  # fmt: skip
    axes.set(xlabel="x (µm)", ylabel="y (µm)")
    figure.colorbar(image, ax=axes, label="height over substrate (nm)", pad=0.02)
    return figure


@styled
def height_profile_figure(line: HeightLine | None) -> Figure | Omitted:
    """The line through an island, with substrate and terrace."""
    if line is None:
        return Omitted("no island on the map")
    distance, height, island = line.distance_um, line.heights_um, line.island
    figure, axes = new_figure(50.0)
    axes.axhline(0.0, color=SKY, lw=0.8)
    axes.axhline(island.thickness_um * NM_PER_UM, color=VERMILION, lw=0.8)
    axes.plot(distance, height * NM_PER_UM, color=BLUE, lw=0.9)
    axes.annotate(
        f"T = {island.thickness_um * NM_PER_UM:.0f} nm", (0.98, island.thickness_um * NM_PER_UM),
        xycoords=("axes fraction", "data"), xytext=(0, -2.5), textcoords="offset points", ha="right", va="top",
        color=VERMILION,
    )  # fmt: skip
    axes.set(
        xlabel="distance along the line (µm)", ylabel="height over substrate (nm)", xlim=(0.0, float(distance[-1]))
    )
    axes.set_ylim(top=1.12 * max(float(height.max()), island.thickness_um) * NM_PER_UM)
    return figure


@styled
def packing_figure(pixels: FloatArray, face: Face) -> Figure | Omitted:
    """A part of the image with its particles, neighbours joined, and the cell of the largest grain."""
    if not face.grains:
        return Omitted(face.flags[0] if face.flags else "no ordered grain")
    grain = face.grains[0]
    spacing = float(np.sqrt(grain.area))
    centre = grain.positions[np.argmin(np.linalg.norm(grain.positions - grain.positions.mean(axis=0), axis=1))]
    reach = 0.5 * ON_FIGURE * spacing
    figure, axes = new_figure(COLUMN_MM)
    unit, length = ("nm", face.nm_per_pixel) if face.nm_per_pixel is not None else ("px", 1.0)
    low = np.maximum(centre - reach, 0.0)
    high = np.minimum(centre + reach, np.array(pixels.shape[1::-1]) - 1.0)
    part = pixels[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1].mean(axis=2)
    start = np.floor(low)

    def seen(points: FloatArray) -> FloatArray:
        return (points - start + 0.5) * length

    axes.imshow(
        part, cmap="gray", extent=(0.0, part.shape[1] * length, part.shape[0] * length, 0.0),
        vmin=float(np.percentile(part, 0.5)), vmax=float(np.percentile(part, 99.5)),
    )  # fmt: skip
    inside = ((grain.positions >= low) & (grain.positions <= high)).all(axis=1)
    axes.add_collection(
        LineCollection(_bonds(seen(grain.positions[inside]), spacing * length), colors=SKY, linewidths=0.4)
    )
    others = ((face.positions >= low) & (face.positions <= high)).all(axis=1)
    axes.plot(*seen(face.positions[others]).T, ".", color=ORANGE, ms=1.6)
    for vector in grain.cell:
        tip = seen(centre[None, :] + vector)[0]
        axes.annotate("", tip, seen(centre[None, :])[0], arrowprops={"arrowstyle": "->", "color": VERMILION, "lw": 1.2})
    axes.set(xlabel=f"x ({unit})", ylabel=f"y ({unit})")
    axes.set_xlim(0.0, part.shape[1] * length)
    axes.set_ylim(part.shape[0] * length, 0.0)
    return figure


def _bonds(points: FloatArray, spacing: float) -> Sequence[FloatArray]:
    apart = np.linalg.norm(points[:, None] - points[None, :], axis=2)
    first, second = np.nonzero(np.triu(apart < NEIGHBOURS_WITHIN * spacing, k=1))
    return [points[[a, b]] for a, b in zip(first, second, strict=True)]
