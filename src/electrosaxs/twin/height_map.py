"""Height map of simulated islands: their surface, how a tip of finite size follows it, and what a scanner adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..nouns import FloatArray
from ..nouns.micrograph import HeightMapSettings
from ..physics.tetrahedron import FACET_SLOPE, depth
from ..units import NM_PER_UM
from .islands import PlacedIsland


@dataclass(frozen=True, eq=False)
class SimulatedHeightMap:
    """heights_nm (rows, columns) as measured; the islands in pixels of the map."""

    heights_nm: FloatArray
    islands: list[PlacedIsland]


def simulate_height_map(
    settings: HeightMapSettings, islands: Sequence[PlacedIsland], um_per_pixel: float, shape: tuple[int, int],
    random: np.random.Generator,
) -> SimulatedHeightMap:  # fmt: skip
    """A map around the island of a field of `shape` (rows, columns) that stands most alone. islands: in pixels of
    `um_per_pixel` of the field."""
    middle = _most_alone(islands, shape, 0.5 * settings.side_um / um_per_pixel)
    on_map = _on_map(islands, middle, um_per_pixel, settings)
    touched = _under_the_tip(_surface_nm(on_map, settings), settings)
    return SimulatedHeightMap(touched + _scanner_nm(settings, random), on_map)


def _most_alone(islands: Sequence[PlacedIsland], shape: tuple[int, int], reach: float) -> tuple[float, float]:
    """Centre (x, y) of the island farthest from any other, of those whose map is in the field; else its middle."""
    rows, columns = shape
    best, middle = 0.0, (0.5 * columns, 0.5 * rows)
    for one in islands:
        if not (reach <= one.x <= columns - reach and reach <= one.y <= rows - reach):
            continue
        free = min(
            (np.hypot(one.x - o.x, one.y - o.y) - one.reach - o.reach for o in islands if o is not one), default=np.inf
        )
        if free > best:
            best, middle = float(free), (one.x, one.y)
    return middle


def _on_map(
    islands: Sequence[PlacedIsland], middle: tuple[float, float], um_per_pixel: float, settings: HeightMapSettings
) -> list[PlacedIsland]:
    """Those of which something may lie on the map, in its pixels."""
    scale, side = um_per_pixel / settings.um_per_pixel, settings.pixels
    centre = 0.5 * (side - 1)
    moved = [
        replace(
            one, x=centre + scale * (one.x - middle[0]), y=centre + scale * (one.y - middle[1]), edge=scale * one.edge,
            facet=scale * one.facet,
        ) for one in islands
    ]  # fmt: skip
    return [one for one in moved if -one.reach < min(one.x, one.y) and max(one.x, one.y) < side + one.reach]


def _surface_nm(islands: Sequence[PlacedIsland], settings: HeightMapSettings) -> FloatArray:
    """The higher surface where two islands overlap; facets at 70.5 degrees, terraces above them."""
    surface = np.zeros((settings.pixels, settings.pixels))
    for one in islands:
        first, last = (
            np.clip([np.floor(c - one.reach), np.ceil(c + one.reach) + 1], 0, settings.pixels).astype(int)
            for c in (one.x, one.y)
        )
        part = np.s_[last[0] : last[1], first[0] : first[1]]
        grid = np.stack(np.meshgrid(np.arange(*first), np.arange(*last)), axis=-1)
        inside = depth(grid, one.x, one.y, one.edge, one.rotation_deg, one.truncation)
        height = FACET_SLOPE * np.clip(inside, 0.0, one.facet) * settings.um_per_pixel * NM_PER_UM
        surface[part] = np.maximum(surface[part], height)
    return surface


def _under_the_tip(surface: FloatArray, settings: HeightMapSettings) -> FloatArray:
    """Where the apex is when the tip first touches: max over u of surface(x + u) - tip(u), a ball on a cone."""
    radius, half = settings.tip_radius_nm, np.radians(settings.tip_half_angle_deg)
    step = settings.um_per_pixel * NM_PER_UM
    reach = min(int(np.ceil((surface.max() * np.tan(half) + radius) / step)), settings.pixels // 2)
    if reach == 0:
        return surface
    away = step * np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    touching = radius * np.cos(half)  # where the ball goes over into the cone
    ball = radius - np.sqrt(np.maximum(radius**2 - away**2, 0.0))
    cone = radius * (1.0 - np.sin(half)) + (away - touching) / np.tan(half)
    return np.asarray(ndimage.grey_dilation(surface, structure=-np.where(away <= touching, ball, cone)))


def _scanner_nm(settings: HeightMapSettings, random: np.random.Generator) -> FloatArray:
    """The sample's tilt, the scanner's bow, an offset of each line, noise."""
    side = settings.pixels
    v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    along = random.uniform(0.0, 2.0 * np.pi)
    tilt = 0.5 * settings.side_um * settings.tilt_nm_per_um * (np.cos(along) * u + np.sin(along) * v)
    bow = settings.bow_nm * (u**2 + v**2)
    lines = settings.line_offset_nm * random.normal(size=(side, 1))
    return np.asarray(tilt + bow + lines + settings.noise_nm * random.normal(size=(side, side)))
