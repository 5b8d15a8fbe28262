"""When crystals can begin: the moment at which the wall reaches the solubility."""

from __future__ import annotations

import numpy as np

from .history import CellHistory

PINNED = 1e-6  # relative; a wall held at the solubility comes as near to it as this
ONSET_S = 1e-3  # within which the onset is found
ONSET_POINTS = 33  # of each look into the interval that holds it


def onset_time(history: CellHistory) -> float | None:
    """Time (s) at which phi at the wall first reaches the solubility; None where it never does."""
    enough = history.problem.growth.solubility * (1.0 - PINNED)
    knots = np.asarray(history.knots.times)
    above = np.flatnonzero(history.at(knots, 0.0).sum(axis=-1) >= enough)
    if above.size == 0 or above[0] == 0:
        return None if above.size == 0 else float(knots[0])
    early, late = float(knots[above[0] - 1]), float(knots[above[0]])
    while late - early > ONSET_S:
        times = np.linspace(early, late, ONSET_POINTS)
        first = 1 + int(np.argmax(history.at(times[1:], 0.0).sum(axis=-1) >= enough))
        early, late = float(times[first - 1]), float(times[first])
    return 0.5 * (early + late)
