"""A micrograph of truncated-tetrahedron islands from above, as an electron or an optical microscope sees them.

Height field of the islands (where two grew together the higher surface shows), its shading, and what a microscope adds:
uneven light, blur, charging, dust, noise, an information bar. The truth is kept beside the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from ..nouns import FloatArray
from ..nouns.islands import COUNTED_SHARE
from ..nouns.micrograph import MicrographSettings
from ..physics.tetrahedron import depth, side_normals
from .islands import PlacedIsland, place_islands

SUBSTRATE = 85.0
LAYER_INDEX = 1.6
CHANNEL_NM = np.array([610.0, 540.0, 460.0])
"""Refractive index of the islands and wavelengths of the red, green and blue channels, for the colours of thin layers."""
"""An island counts where at least this share of its base shows."""
Labels = npt.NDArray[np.uint16]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SimulatedField:
    """image: grey (rows, columns) or colour (rows, columns, 3), its bar below. labels: of the field, 0 the substrate.
    counted: islands whose centre lies in the field and of whose base 30 % shows."""

    image: Picture
    labels: Labels
    islands: list[PlacedIsland]
    shown: FloatArray
    counted: npt.NDArray[np.bool_]


def simulate_field(
    settings: MicrographSettings, random: np.random.Generator, islands: list[PlacedIsland] | None = None
) -> SimulatedField:
    """One field of the sample: of these islands, or of as many and as large ones as the settings say."""
    islands = place_islands(settings, random) if islands is None else islands
    surface = _surface(settings, islands)
    picture = _through_the_microscope(settings, _shaded(settings, surface), surface, random)
    if settings.bar_px:
        picture = np.concatenate([picture, _bar(settings, picture.shape)], axis=0)
    shown = surface.shown / np.maximum(surface.areas, 1.0)
    inside = np.array(
        [0 <= i.x <= settings.width_px - 1 and 0 <= i.y <= settings.height_px - 1 for i in islands], dtype=bool
    )
    return SimulatedField(picture, surface.owner.astype(np.uint16), islands, shown, inside & (shown >= COUNTED_SHARE))


@dataclass(frozen=True, eq=False)
class _Surface:
    """Per pixel: share covered, distance into the island over its facet's width, brightness of the facet, owner."""

    cover: FloatArray
    top: FloatArray
    facet: FloatArray
    owner: npt.NDArray[np.int64]
    areas: FloatArray
    shown: FloatArray


def _surface(settings: MicrographSettings, islands: list[PlacedIsland]) -> _Surface:
    rows, columns = settings.height_px, settings.width_px
    cover, height = np.zeros((rows, columns)), np.zeros((rows, columns))
    top, facet = np.zeros((rows, columns)), np.zeros((rows, columns))
    owner = np.zeros((rows, columns), dtype=np.int64)
    areas = np.zeros(len(islands))
    light = np.array([0.8, -0.6])
    for number, island in enumerate(islands, start=1):
        reach = island.reach + 2.0
        whole = np.stack(np.meshgrid(*[np.arange(np.floor(c - reach), c + reach) for c in (island.x, island.y)]), -1)
        inside = depth(whole, island.x, island.y, island.edge, island.rotation_deg, island.truncation)
        areas[number - 1] = np.clip(inside + 0.5, 0.0, 1.0).sum()
        ok = (whole[..., 0] >= 0) & (whole[..., 0] < columns) & (whole[..., 1] >= 0) & (whole[..., 1] < rows)
        ok &= inside > -0.5
        x, y = whole[ok].astype(int).T
        into = inside[ok]
        level = np.minimum(into, island.facet)
        offset = whole[ok] - np.array([island.x, island.y])
        side = side_normals(island.rotation_deg)[np.argmax(offset @ side_normals(island.rotation_deg).T, axis=1)]
        higher = (cover[y, x] == 0.0) | (level >= height[y, x] - 0.2 * (cover[y, x] < 0.5))
        x, y, into, level, side = x[higher], y[higher], into[higher], level[higher], side[higher]
        height[y, x] = level
        top[y, x] = np.clip(into - island.facet + 0.5, 0.0, 1.0)
        facet[y, x] = 0.75 + 0.25 * (side @ light)
        cover[y, x] = np.maximum(cover[y, x], np.clip(into + 0.5, 0.0, 1.0))
        owner[y, x] = np.where(into > 0.0, number, owner[y, x])
    shown = np.bincount(owner.ravel(), minlength=len(islands) + 1)[1:].astype(float)
    return _Surface(cover, top, facet, owner, areas, shown)


def _shaded(settings: MicrographSettings, surface: _Surface) -> FloatArray:
    """Grey levels (rows, columns, channels) of the surface, without what the microscope adds."""
    if settings.microscope == "SEM":
        island = surface.top * settings.contrast + (1.0 - surface.top) * surface.facet * settings.facet_contrast
        return np.asarray((SUBSTRATE + surface.cover * island)[..., None])
    phase = 2.0 * np.pi * 2.0 * LAYER_INDEX * settings.thickness_um * 1e3 / CHANNEL_NM
    colours = settings.contrast * (0.9 + 0.9 * np.cos(phase)) + 8.0
    island = surface.top[..., None] * colours + (1.0 - surface.top[..., None]) * -0.6 * SUBSTRATE
    return np.asarray(np.array([1.9, 1.6, 1.2]) * SUBSTRATE * 0.8 + surface.cover[..., None] * island)


def _through_the_microscope(
    settings: MicrographSettings, picture: FloatArray, surface: _Surface, random: np.random.Generator
) -> Picture:
    rows, columns, _ = picture.shape
    v, u = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    slope = random.normal(0.0, 1.0, 5) * np.array([1.0, 1.0, 0.5, 0.5, 0.5])
    light = slope @ np.stack([u, v, u * u, v * v, u * v]).reshape(5, -1)
    light = light.reshape(rows, columns) / max(np.abs(light).max(), 1e-9)
    picture = picture * (1.0 + settings.uneven_light * light[..., None])
    for _ in range(settings.dust):
        x, y, a, b, turn = random.uniform([0, 0, 2, 2, 0], [columns, rows, 7, 5, np.pi])
        du, dv = np.arange(columns) - x, np.arange(rows)[:, None] - y
        along, across = du * np.cos(turn) + dv * np.sin(turn), dv * np.cos(turn) - du * np.sin(turn)
        spot = np.clip(1.5 - np.hypot(along / a, across / b), 0.0, 1.0)
        picture = picture + (random.choice([-50.0, 110.0]) * spot)[..., None]
    if settings.charging:
        edge = ndimage.gaussian_filter(surface.cover - surface.top * surface.cover, (0.5, 1.0))
        trail = ndimage.uniform_filter1d(edge, 61, axis=1, origin=-30)
        glow = ndimage.gaussian_filter(surface.cover, 12.0)
        stripes = random.normal(0.0, 1.0, (rows, 1)) * (random.uniform(size=(rows, 1)) < 0.05)
        picture = picture + settings.charging * (60.0 * trail - 25.0 * glow + 8.0 * stripes)[..., None]
    picture = ndimage.gaussian_filter(picture, (settings.blur_px, settings.blur_px, 0.0))
    shot = np.sqrt(np.maximum(picture, 1.0) / SUBSTRATE)
    picture = picture + settings.noise * shot * random.normal(0.0, 1.0, picture.shape)
    grey = np.clip(np.round(picture), 0, 255).astype(np.uint8)
    return grey[..., 0] if grey.shape[2] == 1 else grey


def _bar(settings: MicrographSettings, shape: tuple[int, ...]) -> Picture:
    """A black bar with white text and a scale bar of a tenth of the width, as electron microscopes write below."""
    height = settings.bar_px
    canvas = Image.new("L", (settings.width_px, height), 0)
    draw = ImageDraw.Draw(canvas)
    draw.line([(0, 0), (settings.width_px, 0)], fill=255, width=2)
    length = settings.width_px // 10
    draw.line(
        [(settings.width_px - 40 - length, height // 2), (settings.width_px - 40, height // 2)], fill=255, width=3
    )
    draw.text((12, height // 4), f"HV 5.00 kV   WD 4.1 mm   {length * settings.um_per_pixel:.4g} um", fill=255)
    bar = np.asarray(canvas, dtype=np.uint8)
    return np.repeat(bar[..., None], shape[2], axis=2) if len(shape) == 3 else bar
