"""The loop over pixels that turns a frame into counts per q bin. Private: `azimuthal.Integrator` is the way in.

A Pilatus 2M frame has 10 MB and one addition per pixel, so memory and latency are what counts: only the runs of
pixels that have a q bin are read, and once; the bin's index is uint16; four accumulators per bin take turns, so that
neighbouring pixels of one bin do not wait for each other's store. A block of pixels is first looked through for one at
the limit, many pixels by one instruction, then added without a question. Pixels by which the quarters of the frame are
compared (`sectors`) have an accumulator of their quarter, so that they are not read again. Two frames are added together:
the counts of one are the lower half of a word of 64 bits and those of the other the upper half, so that one addition and one
look at the bin's index serve both (0.63 of the time). Tried and slower: one accumulator per bin and one comparison per pixel
(0.6 of the speed), a running maximum beside the sum (0.85), one comparison per four pixels (0.87); hardly faster (0.96 of the
time): sums of 32 bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from .sector_kernels import QUARTERS

LANES = 4
PLACES = LANES + QUARTERS
"""Accumulators of a bin: LANES that take turns, and one for each quarter."""
BLOCK = 128
HALF = 32
"""Bits of a word of two frames that belong to one of them."""


class Used(NamedTuple):
    """The used pixels in the order of the frame, in runs without a gap. start, length (runs,): first pixel and number of each;
    place, weight (used,): bin * PLACES + lane or LANES + quarter, and solid angle x polarisation."""

    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    place: npt.NDArray[np.unsignedinteger]
    weight: npt.NDArray[np.float64]


class Sums(NamedTuple):
    """Of one frame (bins * PLACES,): counts; number and weight of the pixels that are left out."""

    counts: npt.NDArray[np.int64]
    lost_pixels: npt.NDArray[np.int64]
    lost_weight: npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def _sum_checked(
    values: npt.NDArray[np.unsignedinteger],
    places: npt.NDArray[np.unsignedinteger],
    weights: npt.NDArray[np.float64],
    limit: np.unsignedinteger,
    negative_from: int,
    sums: Sums,
) -> tuple[int, int]:
    """The same as `sum_counts`, pixel by pixel, for the few blocks with a pixel that is left out."""
    negative = 0
    saturated = 0
    for j in range(values.size):
        if values[j] < limit:
            sums.counts[places[j]] += values[j]
        else:
            sums.lost_pixels[places[j]] += 1
            sums.lost_weight[places[j]] += weights[j]
            if values[j] >= negative_from:
                negative += 1
            else:
                saturated += 1
    return negative, saturated


@njit(cache=True, nogil=True)
def sum_counts(
    pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger, negative_from: int, used: Used, sums: Sums
) -> tuple[int, int]:
    """Add the counts of one frame into `sums`; returns (negative, saturated): pixels left out for either reason.

    pixels: (y * x,) unsigned view of the frame, so that one comparison with `limit` finds negative and saturated
    values (a negative int32 is at least 2^31 = `negative_from`).
    """
    negative = 0
    saturated = 0
    first = 0
    for run in range(used.start.size):
        start = used.start[run]
        end = start + used.length[run]
        while start < end:
            length = min(end - start, BLOCK)
            values = pixels[start : start + length]
            places = used.place[first : first + length]
            largest = values[0]
            for j in range(length):
                largest |= values[j]  # the bitwise or is at least the largest of them
            if largest < limit:
                for j in range(length):
                    sums.counts[places[j]] += values[j]
            else:
                found = _sum_checked(values, places, used.weight[first : first + length], limit, negative_from, sums)
                negative += found[0]
                saturated += found[1]
            start += length
            first += length
    return negative, saturated


@njit(cache=True, nogil=True)
def sum_two(
    pixels: npt.NDArray[np.unsignedinteger],
    others: npt.NDArray[np.unsignedinteger],
    limits: tuple[np.unsignedinteger, np.unsignedinteger],
    negative_from: int,
    used: Used,
    most: int,
    sums: Sums,
    others_sums: Sums,
) -> tuple[bool, tuple[int, int], tuple[int, int]]:
    """`sum_counts` of two frames at once, with the limit of each. most: pixels of a place. Returns whether their counts are
    right (not where so many might run from one half of a word into the other), and (negative, saturated) of each."""
    both = np.zeros(sums.counts.size, np.uint64)
    limit, others_limit = limits
    negative, saturated, others_negative, others_saturated = 0, 0, 0, 0
    together = np.uint64(0)
    first = 0
    for run in range(used.start.size):
        start = used.start[run]
        end = start + used.length[run]
        while start < end:
            length = min(end - start, BLOCK)
            values, beside = pixels[start : start + length], others[start : start + length]
            places = used.place[first : first + length]
            largest, others_largest = values[0], beside[0]
            for j in range(length):
                largest |= values[j]
                others_largest |= beside[j]
            if largest < limit and others_largest < others_limit:
                for j in range(length):
                    both[places[j]] += np.uint64(values[j]) | (np.uint64(beside[j]) << np.uint64(HALF))
                together |= np.uint64(largest | others_largest)
            else:
                weights = used.weight[first : first + length]
                found = _sum_checked(values, places, weights, limit, negative_from, sums)
                negative, saturated = negative + found[0], saturated + found[1]
                found = _sum_checked(beside, places, weights, others_limit, negative_from, others_sums)
                others_negative, others_saturated = others_negative + found[0], others_saturated + found[1]
            start += length
            first += length
    for k in range(both.size):
        sums.counts[k] += np.int64(both[k] & np.uint64(0xFFFFFFFF))
        others_sums.counts[k] += np.int64(both[k] >> np.uint64(HALF))
    return bool(together * most < 2**32), (negative, saturated), (others_negative, others_saturated)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
