"""Height maps of scanning probes, islands on them, and faces on which particles are resolved.

Pixel (0, 0) has its centre at 0, 0; x to the right, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .base import FloatArray


@dataclass(frozen=True, eq=False)
class HeightMap:
    """heights_um (rows, columns); `source`: which file and channel it is from."""

    name: str
    heights_um: FloatArray
    um_per_pixel: float
    source: str


@dataclass(frozen=True, eq=False)
class HeightIsland:
    """One island on a levelled map. thickness_um: terrace over substrate. base_edge_um, top_edge_um: of the triangle of the
    same area at the substrate and at the terrace (nan: not one whole triangle, `why_no_edges`). inside: its pixels."""

    thickness_um: float
    thickness_um_sigma: float
    base_edge_um: float
    top_edge_um: float
    volume_um3: float
    rms_roughness_nm: float
    x: float
    y: float
    inside: FloatArray
    why_no_edges: str = ""


@dataclass(frozen=True, eq=False)
class Relief:
    """A levelled map: `heights_um` over the substrate, its short-range `noise_um`, and the islands on it."""

    map: HeightMap
    heights_um: FloatArray
    noise_um: float
    islands: tuple[HeightIsland, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class HeightLine:
    """Heights (um) over the substrate along a line (um) through an island; ends (2, 2): x, y of its ends in pixels."""

    distance_um: FloatArray
    heights_um: FloatArray
    ends: FloatArray
    island: HeightIsland


@dataclass(frozen=True, eq=False)
class Grain:
    """Particles that one lattice explains: positions (n, 2) and indices (n, 2), the two shortest vectors `cell` (2, 2) with an
    angle of at most 90 degrees between them, and the covariance (4, 4) of its numbers row by row. Pixels."""

    positions: FloatArray
    indices: FloatArray
    cell: FloatArray
    covariance: FloatArray

    @property
    def angle_deg(self) -> float:
        """Between the two shortest vectors."""
        first, second = self.cell
        cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

    @property
    def area(self) -> float:
        """Of the cell, pixels squared."""
        return float(abs(np.linalg.det(self.cell)))


@dataclass(frozen=True, eq=False)
class Face:
    """A micrograph that resolves particles: positions (n, 2) of all, order (n) of each (1: perfect neighbours; nan: at the
    frame), grains from large to small. Pixels of `nm_per_pixel` (None: not known), said by `source`."""

    name: str
    positions: FloatArray
    order: FloatArray
    grains: tuple[Grain, ...]
    nm_per_pixel: float | None
    source: str
    flags: tuple[str, ...] = ()
