"""The loop over pixels of four frames at once. Private: `azimuthal.Integrator.integrate_together` is the way in.

The bin of a pixel is the same in all frames of a detector: four sums of 32 bits stand side by side, so that one look at the
bin's index and one vector instruction add a pixel of all four. The pixels of a block are first laid side by side, while it is
looked through for one at the limit; blocks that have one are left to `azimuthal_kernels.sum_left`. numba finds no vector
instruction for four neighbouring sums; `add_four` asks for it. Per frame: 0.6 of the time of two frames in one word of 64 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..compiled import compiled
from .azimuthal_kernels import BLOCK, LANES, PLACES, Used, largest_count, one_number
from .sector_kernels import QUARTERS

FOUR = 4
Pixels = npt.NDArray[np.unsignedinteger]
Frames = tuple[Pixels, Pixels, Pixels, Pixels]
"""Four frames (y * x,) of one data type, as `azimuthal.comparable` has them."""
Limits = tuple[np.unsignedinteger, np.unsignedinteger, np.unsignedinteger, np.unsignedinteger]


@intrinsic
def add_four(typing_context: Any, sums: Any, place: Any, values: Any, first: Any) -> Any:
    """sums[4 place : 4 place + 4] += values[4 first : 4 first + 4], arrays of uint32, as one vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def vector_of(array: int, index: int) -> Any:
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            at = context.cast(builder, arguments[index], signature.args[index], types.int64)
            start = builder.gep(data, [builder.mul(at, at.type(FOUR))])
            return builder.bitcast(start, ir.VectorType(ir.IntType(32), FOUR).as_pointer())

        into, source = vector_of(0, 1), vector_of(2, 3)
        total = builder.add(builder.load(into, align=4), builder.load(source, align=4))
        builder.store(total, into, align=4)
        return context.get_dummy_value()

    return types.void(sums, place, values, first), generate


@compiled()
def sum_four(
    frames: Frames, limits: Limits, used: Used, bins: int, most: int
) -> tuple[bool, npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Counts of four frames by bin (4, bins) and of their quarters' pixels (4, bins, QUARTERS), but for the blocks of `used`
    that it returns, in which a frame has a pixel at its limit. most: pixels of a place. First comes whether the counts are
    right: not where so many might run over 32 bits."""
    one, two, three, four = frames
    sums = np.zeros(FOUR * bins * PLACES, np.uint32)
    beside = np.empty(FOUR * BLOCK, np.uint32)
    left = np.empty(used.start.size, np.int64)
    blocks_left, together = 0, np.uint64(0)
    for block in range(used.start.size):
        start, length, first = used.start[block], used.length[block], used.first[block]
        a, b, c, d = one[start:], two[start:], three[start:], four[start:]
        top_a, top_b, top_c, top_d = a[0], b[0], c[0], d[0]
        for j in range(length):
            top_a, top_b, top_c, top_d = top_a | a[j], top_b | b[j], top_c | c[j], top_d | d[j]
            beside[4 * j], beside[4 * j + 1], beside[4 * j + 2], beside[4 * j + 3] = a[j], b[j], c[j], d[j]
        if top_a < limits[0] and top_b < limits[1] and top_c < limits[2] and top_d < limits[3]:
            together |= np.uint64(top_a | top_b | top_c | top_d)
            for j in range(length):
                add_four(sums, used.place[first + j], beside, j)  # type: ignore[call-arg]  # numba gives the context
        else:
            left[blocks_left] = block
            blocks_left += 1
    whole, by_quarter = _by_bin(sums, bins)
    return bool(together * np.uint64(most) < np.uint64(2**32)), whole, by_quarter, left[:blocks_left]


@compiled()
def _by_bin(sums: npt.NDArray[np.uint32], bins: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The sums of all places of a bin (4, bins), and those of its quarters (4, bins, QUARTERS)."""
    whole, by_quarter = np.zeros((FOUR, bins), np.int64), np.empty((FOUR, bins, QUARTERS))
    for frame in range(FOUR):
        for b in range(bins):
            for place in range(PLACES):
                count = sums[FOUR * (b * PLACES + place) + frame]
                whole[frame, b] += count
                if place >= LANES:
                    by_quarter[frame, b, place - LANES] = count
    return whole, by_quarter


@compiled()
def looked_through(
    frames: Frames, limits: Limits, negative_from: int, sample: npt.NDArray[np.int64], bright: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Of each of four frames (4, 3): how many parts of the detector show one number (`one_number` of `sample`), the largest
    count of the pixels `bright` below the limit, and how many of these show it (`largest_count`)."""
    found = np.empty((FOUR, 3), np.int64)
    for frame, pixels in enumerate(frames):
        found[frame, 0] = one_number(pixels, sample, negative_from).sum()
        found[frame, 1], found[frame, 2] = largest_count(pixels, limits[frame], bright)
    return found
