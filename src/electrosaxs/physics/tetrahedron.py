"""The shape of an island: an FCC tetrahedron on a (111) face, its top cut off, its tips cut too.

Seen from above it is an equilateral triangle of edge L_base around a smaller one of edge L_top; all five faces are {111}.
At each tip of both, `truncation` of the edge is missing (0: sharp; 1/3: a regular hexagon). Lengths in any one unit, angles
in degrees, on the image: x to the right, y downwards, rotation from +x to a tip, counter-clockwise as one sees it.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray

Number = TypeVar("Number", float, FloatArray)

TURN = 120.0  # degrees after which the triangle is itself again
SQRT3 = float(np.sqrt(3.0))
FACET_SLOPE = 2.0 * float(np.sqrt(2.0))
"""Height over distance from the edge on a {111} facet that stands on (111): tan of 70.5 degrees."""


def thickness(base_edge: Number, top_edge: Number) -> Number:
    """T = sqrt(2/3) (L_base - L_top): height of a regular tetrahedron of edge L_base less that of the part cut off
    (Yu et al. 2018)."""
    return np.sqrt(2.0 / 3.0) * (base_edge - top_edge)


def facet_width(base_edge: Number, top_edge: Number) -> Number:
    """Width of a side face seen from above: the difference of two inradii, (L_base - L_top) / (2 sqrt(3))."""
    return (base_edge - top_edge) / (2.0 * SQRT3)


def top_edge_from_facet(base_edge: Number, width: Number) -> Number:
    """L_top = L_base - 2 sqrt(3) w, the inverse of `facet_width`."""
    return base_edge - 2.0 * SQRT3 * width


def volume(base_edge: Number, top_edge: Number, truncation: Number) -> Number:
    """V = sqrt(2)/12 (L_base^3 - L_top^3) (1 - 3 t^2), the same share of the tips missing at every height."""
    return np.sqrt(2.0) / 12.0 * (base_edge**3 - top_edge**3) * (1.0 - 3.0 * truncation**2)


def outline(x: float, y: float, edge: float, rotation_deg: float, truncation: float = 0.0) -> FloatArray:
    """Corners (3 or 6, 2) of the triangle around (x, y), counter-clockwise as one sees them."""
    angles = np.radians(rotation_deg + TURN * np.arange(3))
    tips = np.stack([np.cos(angles), -np.sin(angles)], axis=1) * edge / SQRT3
    if truncation > 0.0:
        after, before = np.roll(tips, -1, axis=0), np.roll(tips, 1, axis=0)
        cut = np.stack([tips + truncation * (before - tips), tips + truncation * (after - tips)], axis=1)
        tips = cut.reshape(6, 2)
    return tips + np.array([x, y])


def side_normals(rotation_deg: float) -> FloatArray:
    """Outward unit normals (3, 2) of the three sides: each points away from the tip opposite to it."""
    angles = np.radians(rotation_deg + TURN * np.arange(3)) + np.pi
    return np.stack([np.cos(angles), -np.sin(angles)], axis=1)


def depth(points: npt.ArrayLike, x: float, y: float, edge: float, rotation_deg: float, truncation: float) -> FloatArray:
    """How far inside the outline points (..., 2) lie: distance to the nearest side's line, negative outside.

    Sides lie an inradius L / (2 sqrt(3)) from the centre, the cuts at the tips L / sqrt(3) - t L sqrt(3)/2.
    """
    offset = np.asarray(points, dtype=float) - np.array([x, y])
    along = offset @ side_normals(rotation_deg).T
    one, two, three = along[..., 0], along[..., 1], along[..., 2]  # numpy is ten times slower along an axis of three
    inside = edge / (2.0 * SQRT3) - np.maximum(np.maximum(one, two), three)
    if truncation <= 0.0:
        return inside
    least = np.minimum(np.minimum(one, two), three)
    return np.minimum(inside, edge * (1.0 / SQRT3 - truncation * SQRT3 / 2.0) + least)
