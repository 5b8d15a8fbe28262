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


def distortion_of_cell(cell: FloatArray, face: str) -> tuple[float, float]:
    """How the layer is drawn along y against x, e_yy - e_xx, and sheared, 2 e_xy, beside the ideal layer of its area.

    `cell` is a turn of the ideal cell, then a symmetric stretch: C = H R U, so that (H^-1 C)^T (H^-1 C) = U^2 = 1 + 2 e, in the
    axes of the image, whatever the turn. A drift that takes (x, y) to (x + g y, (1 + e) y) while the lines of the image are
    scanned is (e, g), and makes the cell larger by e; a strain at constant area may look the same.
    """
    length = spacing_of_cell(cell, face)
    hand = float(np.sign(np.linalg.det(cell)))
    ideal = np.array([[1.0, 0.0], [0.5, hand * np.sqrt(0.75)] if face == "111" else [0.0, hand]]) * length
    moved = np.linalg.solve(ideal, cell)
    squared = moved.T @ moved
    return 0.5 * float(squared[1, 1] - squared[0, 0]), float(squared[0, 1])


def fcc_constant_from_spacing(spacing: float) -> float:
    """a = sqrt(2) d: neighbours touch along the face's diagonal, on (111) and on (100) faces alike."""
    return ROOT_TWO * spacing


def spacing_from_fcc_constant(constant: float) -> float:
    """d = a / sqrt(2), the inverse of `fcc_constant_from_spacing`."""
    return constant / ROOT_TWO
