"""The loop over pixels that turns a frame into counts per q bin. Private: `azimuthal.Integrator` is the way in.

A Pilatus 2M frame has 10 MB and one addition per pixel, so memory and latency are what counts: only the runs of
pixels that have a q bin are read, and once; the bin's index is uint16; four accumulators per bin take turns, so that
neighbouring pixels of one bin do not wait for each other's store. A block of pixels is first looked through for one at
the limit, many pixels by one instruction, then added without a question. Pixels by which the quarters of the frame are
compared (`sectors`) have an accumulator of their quarter, so that they are not read again. Four frames are added up together
in `four_frames`. Tried and slower: one accumulator per bin and one comparison per pixel (0.6 of the speed), a running maximum
beside the sum (0.85), one comparison per four pixels (0.87); hardly faster (0.96 of the time): sums of 32 bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..compiled import compiled
from .sector_kernels import QUARTERS

LANES = 4
PLACES = LANES + QUARTERS
"""Accumulators of a bin: LANES that take turns, and one for each quarter."""
BLOCK = 128
"""Most pixels of a block."""


class Used(NamedTuple):
    """The used pixels in the order of the frame, in blocks without a gap. start, length, first (blocks,): first pixel of the
    frame and number of pixels of each, and how many used pixels come before it; place, weight (used,): bin * PLACES + lane or
    LANES + quarter, and solid angle x polarisation."""

    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    place: npt.NDArray[np.unsignedinteger]
    weight: npt.NDArray[np.float64]


class Sums(NamedTuple):
    """Of one frame (bins * PLACES,): counts; number and weight of the pixels that are left out."""

    counts: npt.NDArray[np.int64]
    lost_pixels: npt.NDArray[np.int64]
    lost_weight: npt.NDArray[np.float64]


@compiled()
def sum_counts(
    pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger, negative_from: int, used: Used, sums: Sums
) -> tuple[int, int]:
    """Add the counts of one frame into `sums`; returns (negative, saturated): pixels left out for either reason.

    pixels: (y * x,) unsigned view of the frame, so that one comparison with `limit` finds negative and saturated
    values (a negative int32 is at least 2^31 = `negative_from`).
    """
    left = np.empty(used.start.size, np.int64)
    blocks_left = 0
    for block in range(used.start.size):
        start, length, first = used.start[block], used.length[block], used.first[block]
        values = pixels[start : start + length]
        places = used.place[first : first + length]
        largest = values[0]
        for j in range(length):
            largest |= values[j]  # the bitwise or is at least the largest of them
        if largest < limit:
            for j in range(length):
                sums.counts[places[j]] += values[j]
        else:
            left[blocks_left] = block
            blocks_left += 1
    return sum_left(pixels, limit, negative_from, used, left[:blocks_left], sums)


@compiled()
def sum_left(
    pixels: npt.NDArray[np.unsignedinteger],
    limit: np.unsignedinteger,
    negative_from: int,
    used: Used,
    blocks: npt.NDArray[np.int64],
    sums: Sums,
) -> tuple[int, int]:
    """`sum_counts` of some blocks, pixel by pixel: those in which a pixel may be left out."""
    negative = 0
    saturated = 0
    for block in blocks:
        start, first = used.start[block], used.first[block]
        for j in range(used.length[block]):
            value, place = pixels[start + j], used.place[first + j]
            if value < limit:
                sums.counts[place] += value
            else:
                sums.lost_pixels[place] += 1
                sums.lost_weight[place] += used.weight[first + j]
                if value >= negative_from:
                    negative += 1
                else:
                    saturated += 1
    return negative, saturated


@compiled()
def by_bin(
    sums: Sums,
) -> tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
]:
    """The sums of all places of a bin (bins,); and counts and lost weight of the quarters (bins, 4)."""
    counts, lost_pixels, lost_weight = sums
    bins = counts.size // PLACES
    whole, gone, less = np.zeros(bins, np.int64), np.zeros(bins, np.int64), np.zeros(bins)
    by_quarter, less_by_quarter = np.empty((bins, QUARTERS)), np.empty((bins, QUARTERS))
    for b in range(bins):
        for place in range(PLACES):
            k = b * PLACES + place
            whole[b] += counts[k]
            gone[b] += lost_pixels[k]
            less[b] += lost_weight[k]
            if place >= LANES:
                by_quarter[b, place - LANES] = counts[k]
                less_by_quarter[b, place - LANES] = lost_weight[k]
    return whole, gone, less, by_quarter, less_by_quarter


@compiled()
def one_number(
    pixels: npt.NDArray[np.unsignedinteger], sample: npt.NDArray[np.int64], negative_from: int
) -> npt.NDArray[np.bool_]:
    """(part,) True where the pixels `sample` (part, pixel) of a part all show one number, or are all negative."""
    found = np.ones(sample.shape[0], dtype=np.bool_)
    for part in range(sample.shape[0]):
        first = pixels[sample[part, 0]]
        for k in range(1, sample.shape[1]):
            shown = pixels[sample[part, k]]
            if shown != first and (shown < negative_from or first < negative_from):
                found[part] = False
                break
    return found


@compiled()
def largest_count(
    pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger, looked_at: npt.NDArray[np.int64]
) -> tuple[int, int]:
    """The largest count below `limit` of the pixels looked at, 0 where there is none; and how many of them show it."""
    top = 0
    alike = 0
    for index in looked_at:
        shown = pixels[index]
        if shown < limit and shown >= top:
            alike = alike + 1 if shown == top else 1
            top = shown
    return top, alike
