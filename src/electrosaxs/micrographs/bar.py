"""The information bar that microscopes write below (or above) an image: found by its one level without noise."""

from __future__ import annotations

import numpy as np

from ..nouns import FloatArray

LEVEL = 2.0  # grey levels: what a bar's ground may vary by
GROUND = 0.45  # of a row of the bar that is its ground, text and logos being the rest
HIGHEST = 0.35  # of the image that a bar may be
LEAST_ROWS = 8
PICTURE = 0.25  # of a row of the picture that may have the bar's level by chance


def without_bar(image: FloatArray) -> tuple[int, int]:
    """(first, last) row, last excluded, of the picture without bars above and below."""
    grey = image.mean(axis=2)
    below = _bar_rows(grey[::-1])
    above = _bar_rows(grey)
    return above, grey.shape[0] - below


def _bar_rows(grey: FloatArray) -> int:
    """Rows of a bar at the start of the rows of `grey`; 0: none."""
    rows, columns = grey.shape
    most = int(HIGHEST * rows)
    edge = np.concatenate([grey[k] for k in range(2, min(LEAST_ROWS, rows))])
    values, number = np.unique(np.round(edge), return_counts=True)
    ground = float(values[np.argmax(number)])
    share = (np.abs(grey[: 2 * most] - ground) <= LEVEL).mean(axis=1)
    still = (np.abs(np.diff(grey[: 2 * most], axis=1)) <= LEVEL).mean(axis=1)
    inside = (share >= GROUND) & (still >= 0.6)
    run, gap = 0, 0
    for k in range(len(inside)):
        gap = 0 if inside[k] else gap + 1
        if gap > max(6, run // 2):
            break
        if inside[k]:
            run = k + 1
    rest = share[run + 6 :]
    if run < LEAST_ROWS or run > most or not len(rest) or float(np.median(rest)) > PICTURE:
        return 0
    quiet = float(np.median(still[run + 6 :]))
    if quiet > 0.9:
        return 0
    while run < len(share) and still[run] > 0.9 and np.ptp(grey[run, columns // 8 : -columns // 8]) <= 4.0 * LEVEL:
        run += 1  # the line between picture and bar
    return run + 1
