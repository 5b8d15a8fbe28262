"""Where the islands of a simulated micrograph lie: free ones, and ones grown into a neighbour; some leave the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray
from ..nouns.micrograph import MicrographSettings
from ..physics.tetrahedron import SQRT3, facet_width

TRIES = 400
CLOSEST, FARTHEST = 0.6, 1.0
"""Distance of merged neighbours over that at which they just touch."""


@dataclass(frozen=True)
class PlacedIsland:
    """One island: centre and edge in pixels, rotation in degrees, share cut at the tips, width of its facets in pixels."""

    x: float
    y: float
    edge: float
    rotation_deg: float
    truncation: float
    facet: float

    @property
    def reach(self) -> float:
        """Radius of the circle through the tips."""
        return self.edge / SQRT3

    @property
    def inradius(self) -> float:
        return 0.5 * self.reach


def place_islands(settings: MicrographSettings, random: np.random.Generator) -> list[PlacedIsland]:
    """The islands of one field, those whose centre lies up to one edge outside the frame among them.

    So many that `settings.islands` centres fall inside on average; a share `merged` of them grew into another.
    """
    edge = settings.base_edge_um / settings.um_per_pixel
    width, height = settings.width_px, settings.height_px
    scale = (width + 2 * edge) * (height + 2 * edge) / (width * height)
    number = int(random.poisson(settings.islands * scale) if settings.poisson else round(settings.islands * scale))
    first = random.uniform(0.0, 120.0)
    placed: list[PlacedIsland] = []
    partnered = 0
    while len(placed) < number:
        fresh = _one(settings, random, first)
        wanted = settings.merged * (len(placed) + 1) - partnered
        merges = bool(placed) and wanted >= 1.0 + random.uniform()
        spot = _beside(fresh, placed, random) if merges else _apart(fresh, placed, settings, random)
        if spot is None:
            break
        partnered += 2 if merges else 0
        placed.append(PlacedIsland(spot[0], spot[1], fresh.edge, fresh.rotation_deg, fresh.truncation, fresh.facet))
    return placed


def _one(settings: MicrographSettings, random: np.random.Generator, first: float) -> PlacedIsland:
    """Size and rotation of an island; with one orientation it may still be the twin, turned by 60 degrees."""
    spread = settings.base_edge_spread
    edge_um = settings.base_edge_um * float(
        np.exp(np.clip(random.normal(0.0, 1.0), -2.0, 2.0) * spread - spread**2 / 2)
    )
    top_um = edge_um - settings.thickness_um * float(np.sqrt(1.5))
    rotation = (first + random.normal(0.0, 1.0)) % 120.0 if settings.one_orientation else random.uniform(0.0, 120.0)
    scale = 1.0 / settings.um_per_pixel
    facet = facet_width(edge_um, top_um) * scale
    return PlacedIsland(0.0, 0.0, edge_um * scale, rotation, settings.truncation * random.uniform(0.5, 1.5), facet)


def _apart(
    fresh: PlacedIsland, placed: list[PlacedIsland], settings: MicrographSettings, random: np.random.Generator
) -> tuple[float, float] | None:
    """A place where the island touches no other; None where there is no room."""
    edge = settings.base_edge_um / settings.um_per_pixel
    for _ in range(TRIES):
        x = random.uniform(-edge, settings.width_px + edge)
        y = random.uniform(-edge, settings.height_px + edge)
        if all(np.hypot(x - o.x, y - o.y) > fresh.reach + o.reach + 3.0 for o in placed):
            return float(x), float(y)
    return None


def _beside(fresh: PlacedIsland, placed: list[PlacedIsland], random: np.random.Generator) -> tuple[float, float] | None:
    """A place where it has grown into one other island and covers no third one's centre."""
    for _ in range(TRIES):
        host = placed[int(random.integers(len(placed)))]
        direction = random.uniform(0.0, 2.0 * np.pi)
        toward = np.array([np.cos(direction), -np.sin(direction)])
        sum_reach = _support(host, toward) + _support(fresh, -toward)
        distance = sum_reach * random.uniform(CLOSEST, FARTHEST)
        x, y = host.x + distance * toward[0], host.y + distance * toward[1]
        others = [o for o in placed if o is not host]
        if all(np.hypot(x - o.x, y - o.y) > 0.7 * (fresh.reach + o.reach) for o in others):
            return float(x), float(y)
    return None


def _support(island: PlacedIsland, toward: FloatArray) -> float:
    """How far the triangle extends from its centre in a direction."""
    angles = np.radians(island.rotation_deg + 120.0 * np.arange(3))
    return float((island.reach * (np.cos(angles) * toward[0] - np.sin(angles) * toward[1])).max())
