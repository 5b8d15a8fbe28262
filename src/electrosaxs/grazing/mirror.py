"""The two sides of a film's pattern: spots have partners at the same height on the other side of the direct beam, wherever
the film lies in-plane as a powder. They tell where the middle is without a lattice, and so whether an image is turned."""

from __future__ import annotations

import numpy as np

from ..nouns.base import FloatArray
from ..physics.film_frame import Incidence
from .geometry import DetectorPlane, film_coordinates

SAME_Q = 0.02, 0.004  # 1/nm, and of q: partners are not farther apart
SAME_ROW, SAME_MIDDLE = 4.0, 1.5  # pixels
CLEAR_OF_MIDDLE = 0.05  # 1/nm


def pairs(plane: DetectorPlane, incidence: Incidence, place: FloatArray) -> int:
    """How many spots at places (n, 2) above the horizon have a partner on the other side."""
    parallel, exit_sine = film_coordinates(plane, incidence, place[:, 0], place[:, 1])
    use = (exit_sine > 0.0) & (np.abs(parallel) > CLEAR_OF_MIDDLE)
    across, up = parallel[use], plane.wavenumber * exit_sine[use]
    apart = np.hypot(np.abs(across)[:, None] - np.abs(across), up[:, None] - up)
    near = apart < SAME_Q[0] + SAME_Q[1] * np.hypot(across, up)
    return int(np.count_nonzero((near & (across[:, None] * across < 0.0)).any(axis=1)))


def middle_column(place: FloatArray) -> float | None:
    """The column about which most places (n, 2) lie in pairs of one row; None without any pair."""
    first, second = np.triu_indices(len(place), 1)
    level = np.abs(place[first, 0] - place[second, 0]) < SAME_ROW
    middles = 0.5 * (place[first, 1] + place[second, 1])[level]
    if not middles.size:
        return None
    near = np.abs(middles[:, None] - middles) < SAME_MIDDLE
    return float(np.median(middles[near[near.sum(axis=1).argmax()]]))
