"""Filters over images of millions of pixels: equal to `scipy.ndimage` to the last digit, in a third to a tenth of its time.

What is done along columns and along rows is done row by row, without an image between, by vector instructions. Beyond the
frame the image is mirrored at it, the mode "reflect" of `scipy.ndimage`, or has the level of its last pixels, "nearest".
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..compiled import compiled
from ..nouns import FloatArray

Real = TypeVar("Real", bound=np.floating)
Picture = npt.NDArray[Real]
Rows = npt.NDArray[Any]


def gaussian(
    image: Picture[Real],
    width: float,
    orders: tuple[int, int] = (0, 0),
    *,
    truncate: float = 4.0,
    mirrored: bool = True,
) -> Picture[Real]:
    """An image (rows, columns) or (rows, columns, channels), each channel alone, smoothed by a Gaussian of standard deviation
    `width` px, `truncate` of them far. orders: of the derivative down and across, at most 2. mirrored: beyond the frame."""
    reach = int(truncate * width + 0.5)
    flat = np.ascontiguousarray(image).reshape(len(image), -1)
    smooth = np.empty_like(flat)
    channels = image.shape[2] if image.ndim == 3 else 1
    down, across = (_weights(width, order, reach) for order in orders)
    _correlated(flat, smooth, down, across, (orders[0] == 1, orders[1] == 1), channels, mirrored)
    return smooth.reshape(image.shape)


def _weights(width: float, order: int, reach: int) -> FloatArray:
    """At 0, 1, ... `reach` px, of the correlation that gives a smoothed image or its first or second derivative."""
    bell = np.exp(-0.5 / (width * width) * np.arange(-reach, reach + 1) ** 2)
    bell = (bell / bell.sum())[reach:]
    slope, away = 1.0 / (width * width), np.arange(reach + 1)
    polynomial = (np.ones(reach + 1), slope * away, slope * slope * away**2 - slope)[order]
    return np.asarray(polynomial * bell)


@compiled()
def _within(at: int, size: int, mirrored: bool) -> int:
    """The pixel that a place beyond the frame has its value from."""
    if not mirrored:
        return min(max(at, 0), size - 1)
    at %= 2 * size
    return at if at < size else 2 * size - 1 - at


@compiled()
def _correlated(
    flat: Rows, smooth: Rows, down: FloatArray, across: FloatArray, odd: tuple[bool, bool], channels: int, mirrored: bool
) -> None:  # fmt: skip
    """Into `smooth` (rows, columns x channels), sums in the order of `scipy.ndimage.correlate1d`: the farthest pair first."""
    rows, width = flat.shape
    columns, reach = width // channels, across.shape[0] - 1
    margin = reach * channels
    line, total = np.empty(width + 2 * margin), np.empty(width)
    for y in range(rows):
        here = flat[y]
        for x in range(width):
            total[x] = np.float64(here[x]) * down[0]
        for j in range(down.shape[0] - 1, 0, -1):
            above, below = flat[_within(y - j, rows, mirrored)], flat[_within(y + j, rows, mirrored)]
            weight = down[j]
            if odd[0]:
                for x in range(width):
                    total[x] += (np.float64(below[x]) - np.float64(above[x])) * weight
            else:
                for x in range(width):
                    total[x] += (np.float64(above[x]) + np.float64(below[x])) * weight
        out = smooth[y]
        for x in range(width):
            out[x] = total[x]
            line[margin + x] = out[x]
        for k in range(1, reach + 1):
            for beyond in (-k, columns - 1 + k):
                of = margin + _within(beyond, columns, mirrored) * channels
                line[margin + beyond * channels : margin + (beyond + 1) * channels] = line[of : of + channels]
        for x in range(width):
            total[x] = line[margin + x] * across[0]
        for j in range(reach, 0, -1):
            left, right, weight = line[margin - j * channels :], line[margin + j * channels :], across[j]
            if odd[1]:
                for x in range(width):
                    total[x] += (right[x] - left[x]) * weight
            else:
                for x in range(width):
                    total[x] += (left[x] + right[x]) * weight
        for x in range(width):
            out[x] = total[x]


def largest_nearby(image: FloatArray, reach: int) -> FloatArray:
    """The largest value in the square of 2 `reach` + 1 px around each pixel of an image (rows, columns)."""
    found = np.empty(image.shape)
    _largest(np.ascontiguousarray(image, dtype=np.float64), found, reach)
    return found


def closed(image: FloatArray, reach: int) -> FloatArray:
    """Without dark places narrower than 2 `reach` + 1 px: the largest nearby, and of these the smallest nearby."""
    return -largest_nearby(-largest_nearby(image, reach), reach)


@compiled()
def _largest(image: FloatArray, found: FloatArray, reach: int) -> None:
    """Into `found`: along each row, and of the last 2 `reach` + 1 rows that this gave."""
    rows, columns = image.shape
    held = 2 * reach + 1
    along, line = np.empty((held, columns)), np.full(columns + 2 * reach, -np.inf)
    for y in range(rows + reach):
        if y < rows:
            line[reach : reach + columns] = image[y]
            best = along[y % held]
            best[:] = line[:columns]
            for j in range(1, held):
                other = line[j:]
                for x in range(columns):
                    best[x] = other[x] if other[x] > best[x] else best[x]
        if y >= reach:
            out = found[y - reach]
            out[:] = along[y % held if y < rows else (rows - 1) % held]
            for row in range(max(0, y - 2 * reach), min(y, rows - 1)):
                other = along[row % held]
                for x in range(columns):
                    out[x] = other[x] if other[x] > out[x] else out[x]
