"""Two-dimensional lattices of faces: the spacing of particles from a cell, and the FCC lattice constant from it."""

from __future__ import annotations

import numpy as np

from ..nouns import FloatArray

ROOT_TWO = float(np.sqrt(2.0))
ALMOST_DEG = 8.0


def face_of(angle_deg: float) -> str | None:
    """Which face of an FCC crystal has this angle between its two shortest vectors: "111" (60), "100" (90), or None."""
    for name, angle in (("111", 60.0), ("100", 90.0)):
        if abs(angle_deg - angle) <= ALMOST_DEG:
            return name
    return None


def spacing_of_cell(cell: FloatArray, face: str) -> float:
    """Spacing of touching neighbours in a layer with the area of `cell` (2, 2): d = sqrt(2 A / sqrt(3)) of a (111) face,
    sqrt(A) of a (100) face; a strain at constant area leaves it."""
    area = abs(float(np.linalg.det(cell)))
    return float(np.sqrt(2.0 * area / np.sqrt(3.0))) if face == "111" else float(np.sqrt(area))


def spacing_without_drift(cell: FloatArray, face: str) -> float:
    """Spacing of a layer that has no strain, if all its distortion is a drift along the slow axis y of the scan.

    The drift takes (x, y) to (x + g y, (1 + e) y), a reciprocal vector b to (b_x, (b_y - g b_x) / (1 + e)): b_x stays. Over the
    star of a (111) face, three vectors, or a (100) face, two, sum b_x^2 is half of sum b^2, and d = 2 / (sqrt(3) |b|) or
    1 / |b|.
    """
    reciprocal = np.linalg.inv(cell).T
    star = [reciprocal[0], reciprocal[1], reciprocal[0] + reciprocal[1], reciprocal[0] - reciprocal[1]]
    star.sort(key=lambda vector: float(vector @ vector))
    number = 3 if face == "111" else 2
    squared = 2.0 * sum(float(vector[0] ** 2) for vector in star[:number]) / number
    length = 1.0 / float(np.sqrt(squared))
    return 2.0 / float(np.sqrt(3.0)) * length if face == "111" else length


def fcc_constant_from_spacing(spacing: float) -> float:
    """a = sqrt(2) d: neighbours touch along the face's diagonal, on (111) and on (100) faces alike."""
    return ROOT_TWO * spacing
