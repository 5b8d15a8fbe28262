"""Growing and shrinking of what stands out, and how deep in it a pixel lies: equal to `scipy.ndimage`, in a tenth of its time
on images of millions of pixels.

Beyond the frame nothing grows from and nothing is taken away.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import compiled
from ..nouns import FloatArray

Mask = npt.NDArray[np.bool_]
SQUARE = np.ones((3, 3), dtype=bool)


def disc(radius: float) -> Mask:
    """Pixels whose centres lie within `radius` px of the middle one's."""
    reach = int(radius)
    return np.asarray(np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= radius)


def grown(mask: Mask, steps: int) -> Mask:
    """With the four neighbours of each pixel, `steps` times."""
    fresh = mask.copy()
    for _ in range(steps):
        last = fresh.copy()
        fresh[1:] |= last[:-1]
        fresh[:-1] |= last[1:]
        fresh[:, 1:] |= last[:, :-1]
        fresh[:, :-1] |= last[:, 1:]
    return fresh


def shrunk(mask: Mask, steps: int) -> Mask:
    """Without pixels beside others, `steps` times."""
    return ~grown(~mask, steps)


def dilated(mask: Mask, shape: Mask) -> Mask:
    """With all pixels that a symmetric `shape` (odd, odd) around a pixel of it reaches."""
    fresh = np.zeros_like(mask)
    middle = (np.array(shape.shape) - 1) // 2
    rows, columns = mask.shape
    for down, right in np.argwhere(shape) - middle:
        to = slice(max(0, down), rows + min(0, down)), slice(max(0, right), columns + min(0, right))
        of = slice(max(0, -down), rows + min(0, -down)), slice(max(0, -right), columns + min(0, -right))
        fresh[to] |= mask[of]
    return fresh


def eroded(mask: Mask, shape: Mask) -> Mask:
    """Without all pixels that a symmetric `shape` around a pixel beside it reaches."""
    return ~dilated(~mask, shape)


def depth(mask: Mask) -> FloatArray:
    """Distance (px) of each pixel of the mask from the nearest that is none, 0 of those; inf of a mask without substrate."""
    return np.sqrt(_square_depth(np.ascontiguousarray(mask)))


@compiled()
def _square_depth(mask: Mask) -> FloatArray:
    """Squared distances, exact: along columns first, then of each row the lower envelope of the parabolas over its pixels
    (Felzenszwalb & Huttenlocher 2012)."""
    rows, columns = mask.shape
    found = np.empty((rows, columns))
    for x in range(columns):
        found[0, x] = np.inf if mask[0, x] else 0.0
    for y in range(1, rows):
        for x in range(columns):
            found[y, x] = found[y - 1, x] + 1.0 if mask[y, x] else 0.0
    for y in range(rows - 2, -1, -1):
        for x in range(columns):
            found[y, x] = min(found[y, x], found[y + 1, x] + 1.0)
    heights, at, begins = np.empty(columns), np.empty(columns, dtype=np.int64), np.empty(columns + 1)
    for y in range(rows):
        number = 0
        for x in range(columns):
            heights[x] = found[y, x] * found[y, x]
            if heights[x] == np.inf:
                continue
            start = -np.inf
            while number > 0:
                last = at[number - 1]
                start = 0.5 * ((heights[x] + x * x) - (heights[last] + last * last)) / (x - last)
                if start > begins[number - 1]:
                    break
                number -= 1
                start = -np.inf
            at[number], begins[number] = x, start
            number += 1
        begins[number] = np.inf
        k = 0
        for x in range(columns):
            if number == 0:
                found[y, x] = np.inf
                continue
            while begins[k + 1] < x:
                k += 1
            found[y, x] = (x - at[k]) ** 2 + heights[at[k]]
    return found
