"""The loop over pixels that turns a frame into counts per q bin. Private: `azimuthal.Integrator` is the way in.

A Pilatus 2M frame has 10 MB and one addition per pixel, so memory and latency are what counts: only the runs of
pixels that have a q bin are read; the bin index is uint16; four accumulators per bin take turns, so that
neighbouring pixels of one bin do not wait for each other's store. Tried and slower: one accumulator per bin and one
comparison per pixel (0.6 of the speed), a running maximum beside the sum (0.85).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import njit

LANES = 4


@njit(cache=True, nogil=True)
def _sum_checked(
    values: npt.NDArray[np.unsignedinteger],
    slots: npt.NDArray[np.uint16],
    weights: npt.NDArray[np.float64],
    limit: np.unsignedinteger,
    negative_from: int,
    lanes: npt.NDArray[np.int64],
    lost_pixels: npt.NDArray[np.int64],
    lost_weight: npt.NDArray[np.float64],
) -> tuple[int, int]:
    """The same as `sum_counts`, pixel by pixel, for the few pixels next to one that is left out."""
    negative = 0
    saturated = 0
    for j in range(values.size):
        if values[j] < limit:
            lanes[slots[j]] += values[j]
        else:
            lost_pixels[slots[j] // LANES] += 1
            lost_weight[slots[j] // LANES] += weights[j]
            if values[j] >= negative_from:
                negative += 1
            else:
                saturated += 1
    return negative, saturated


@njit(cache=True, nogil=True)
def sum_counts(
    pixels: npt.NDArray[np.unsignedinteger],
    limit: np.unsignedinteger,
    negative_from: int,
    run_start: npt.NDArray[np.int64],
    run_length: npt.NDArray[np.int64],
    slot: npt.NDArray[np.uint16],
    weight: npt.NDArray[np.float64],
    lanes: npt.NDArray[np.int64],
    lost_pixels: npt.NDArray[np.int64],
    lost_weight: npt.NDArray[np.float64],
) -> tuple[int, int]:
    """Add the counts of one frame into `lanes`; returns (negative, saturated): pixels left out for either reason.

    pixels: (y * x,) unsigned view of the frame, so that one comparison with `limit` finds negative and saturated
    values (a negative int32 is at least 2^31 = `negative_from`). run_start, run_length: (runs,) runs of used pixels;
    slot, weight: (used,), slot = bin * LANES + lane; lanes: (bins * LANES,); lost_*: (bins,), what was left out.
    """
    negative = 0
    saturated = 0
    first = 0
    for run in range(run_start.size):
        length = run_length[run]
        values = pixels[run_start[run] : run_start[run] + length]
        slots = slot[first : first + length]
        weights = weight[first : first + length]
        whole = length - length % LANES
        for j in range(0, whole, LANES):
            a, b, c, d = values[j], values[j + 1], values[j + 2], values[j + 3]
            if (a | b | c | d) < limit:  # the bitwise or is at least the largest of the four
                lanes[slots[j]] += a
                lanes[slots[j + 1]] += b
                lanes[slots[j + 2]] += c
                lanes[slots[j + 3]] += d
            else:
                k = j + LANES
                found = _sum_checked(
                    values[j:k], slots[j:k], weights[j:k], limit, negative_from, lanes, lost_pixels, lost_weight
                )
                negative += found[0]
                saturated += found[1]
        found = _sum_checked(
            values[whole:], slots[whole:], weights[whole:], limit, negative_from, lanes, lost_pixels, lost_weight
        )
        negative += found[0]
        saturated += found[1]
        first += length
    return negative, saturated
