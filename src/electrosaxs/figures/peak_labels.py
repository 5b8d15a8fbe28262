"""The reflection above each peak of a curve, where labels have room: no two of them cover each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ..nouns import Peak
from .style import VERMILION

SIZE, LINE, LETTER = 6.0, 7.2, 4.2  # points: letters, room of one upright label across, and of one letter along it
TICK, ROWS = 4.0, 2


def label_peaks(axes: Axes, peaks: Sequence[Peak], base: float) -> None:
    """A tick above each peak at the height `base` of the data, hkl above the explained ones and a question mark above others;
    ticks alone where no row has room. The limits of both axes must stand.

    Explained and significant peaks choose first; a row begins where the longest label of the one below ends.
    """
    places = np.array([(peak.q, base) for peak in peaks]).reshape(-1, 2)
    along_q = axes.transData.transform(places)[:, 0] * 72.0 / axes.figure.dpi
    names = ["?" if peak.hkl is None else "".join(str(index) for index in peak.hkl) for peak in peaks]
    rows: list[list[int]] = [[] for _ in range(ROWS)]
    for k in sorted(range(len(peaks)), key=lambda k: (peaks[k].hkl is None, -peaks[k].significance)):
        free = [row for row in rows if all(abs(along_q[k] - along_q[other]) > LINE for other in row)]
        if free:
            free[0].append(k)
    axes.plot([peak.q for peak in peaks], [base] * len(peaks), "|", ms=2.0 * TICK, mew=0.8, color=VERMILION)
    above = TICK + 1.5
    for row in rows:
        for k in row:
            axes.annotate(
                names[k], (peaks[k].q, base), (0.0, above), textcoords="offset points", rotation=90, ha="center",
                va="bottom", fontsize=SIZE, color=VERMILION,
            )  # fmt: skip
        above += LETTER * max((len(names[k]) for k in row), default=0) + 1.0
