"""The information bar that microscopes write beside an image, mostly below: found by its one level without noise, which ends at
a line."""

from __future__ import annotations

import numpy as np

from ..nouns import FloatArray
from .find import Box

LEVEL = 2.0  # grey levels: what a bar's ground may vary by
GROUND = 0.45  # of a row of the bar that is its ground, text and logos being the rest
HIGHEST = 0.35  # of the image that a bar may be
LEAST_ROWS = 8
PICTURE = 0.25  # of a row of the picture that may have the bar's level by chance
TEXT = 16  # rows of a line of text that may hide the ground, or as many as the bar above it
LINE, BEYOND = (
    6,
    16,
)  # rows that the line between bar and picture may take, and of the picture next to it: a block of JPEG


def without_bar(image: FloatArray) -> Box:
    """Left, top, width and height of the picture without the bars above, below and beside it."""
    grey = image.mean(axis=2)
    above, below = _bar_rows(grey), _bar_rows(grey[::-1])
    beside = grey[above : grey.shape[0] - below].T
    left, right = _bar_rows(beside), _bar_rows(beside[::-1])
    return left, above, grey.shape[1] - left - right, grey.shape[0] - above - below


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
        if gap > max(TEXT, run):
            break
        if inside[k]:
            run = k + 1
    rest = share[run + LINE :]
    if run < LEAST_ROWS or run > most or not len(rest) or float(np.median(rest)) > PICTURE:
        return 0
    if float(np.median(rest[:BEYOND])) > PICTURE:
        return 0  # a level that fades as the light does: the smooth substrate of a compressed image
    quiet = float(np.median(still[run + LINE :]))
    if quiet > 0.9:
        return 0
    while run < len(share) and still[run] > 0.9 and np.ptp(grey[run, columns // 8 : -columns // 8]) <= 4.0 * LEVEL:
        run += 1  # the line between picture and bar
    return run + 1
