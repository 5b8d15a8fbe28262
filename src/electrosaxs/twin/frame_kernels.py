"""Kernels that draw one detector frame: expected counts of each pixel from a curve, and an exact Poisson draw.

Draws are exact for any mean. Up to `TABLE_LIMIT` the mean is split into a tabulated part, drawn by guided inversion
of its distribution function, and a rest below one step of the table, drawn by inversion: the sum of two Poisson
numbers is Poisson. Above it, transformed rejection (PTRS, Hoermann 1993).

Random bits are splitmix64 (Steele 2014), one stream per frame, so a frame does not depend on which thread draws it.
Arrays are C-contiguous; position and weight float32, everything else float64; no shape is checked here.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..compiled import compiled
from ..nouns.base import FloatArray

Words = npt.NDArray[np.uint64]

TABLE_LIMIT = 32.0
TABLE_STEP = 1.0 / 16.0
GUIDE_BITS = 8
MASKED = -1

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_S11, _UNIT = np.uint64(11), 2.0**-53
# a word serves two draws: its upper 40 bits the table, its lower 24 whether the rest can be above 0
_REST_BITS = np.uint64(24)
_REST_MASK, _REST_UNIT = np.uint64(2**24 - 1), 2.0**-24
_GUIDE_SHIFT = np.uint64(40 - GUIDE_BITS)


def poisson_table() -> tuple[Words, npt.NDArray[np.uint8]]:
    """Distribution functions of Poisson means 0, TABLE_STEP, 2 TABLE_STEP ... below TABLE_LIMIT.

    thresholds (mean, count): P(X <= count) x 2^40, the last column 2^40; guide (mean, 2^GUIDE_BITS): the smallest
    count that a random number of 40 bits with these leading bits can give.
    """
    from scipy.special import pdtr  # a quarter of a second: only where frames are drawn

    means = np.arange(0.0, TABLE_LIMIT, TABLE_STEP)
    counts = np.arange(int(TABLE_LIMIT + 12.0 * math.sqrt(TABLE_LIMIT)))
    thresholds = np.rint(pdtr(counts, means[:, None]) * 2.0**40).astype(np.uint64)
    thresholds[:, -1] = 2**40
    starts = np.arange(2**GUIDE_BITS, dtype=np.uint64) << _GUIDE_SHIFT
    guide = np.stack([np.searchsorted(row, starts, side="right") for row in thresholds])
    return thresholds, guide.astype(np.uint8)


@compiled()
def _mixed(state: np.uint64) -> np.uint64:
    """One random word from a state of the Weyl sequence."""
    z = (state ^ (state >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return np.uint64(z ^ (z >> _S31))


@compiled()
def _uniform(stream: Words) -> float:
    """Uniform in [0, 1) with 53 bits; moves `stream` (one uint64) on."""
    stream[0] += _GAMMA
    return np.int64(_mixed(stream[0]) >> _S11) * _UNIT


@compiled()
def _rest(mean: float, stream: Words) -> int:
    """Poisson count of a mean below TABLE_STEP, given the event of probability P = mean (rounded up to 24 bits).

    P(X > 0) = 1 - exp(-mean) is below P, so every count above 0 lies in the event, and outside of it no exponential
    is needed. Inversion of a uniform number that is known to be below P.
    """
    u = 1.0 - _uniform(stream) * math.ceil(mean / _REST_UNIT) * _REST_UNIT
    term = math.exp(-mean)
    k = 0
    while u >= term and k < 16:
        u -= term
        k += 1
        term *= mean / k
    return k


@compiled()
def _large_poisson(mean: float, stream: Words) -> int:
    """Transformed rejection with squeeze, PTRS of Hoermann 1993, for means above 10."""
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u = _uniform(stream) - 0.5
        v = 1.0 - _uniform(stream)
        us = 0.5 - abs(u)
        if us <= 0.0:
            continue
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        accepted = math.log(v * inverse_alpha / (a / (us * us) + b))
        if accepted <= k * math.log(mean) - mean - math.lgamma(k + 1.0):
            return k


@compiled()
def draw_frame(
    position: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    curve: FloatArray,
    seed: np.uint64,
    largest: int,
    thresholds: Words,
    guide: npt.NDArray[np.uint8],
    out: npt.NDArray[np.int32],
) -> None:
    """Poisson counts of one frame into `out` (int32, pixel).

    position (pixel): place on the grid of `curve`, negative where the pixel is masked (out = -1); weight (pixel):
    what the curve is multiplied with; seed: uint64; largest: counts above it are cut to it (saturation).
    """
    stream = np.empty(1, dtype=np.uint64)
    stream[0] = _mixed(~seed)
    last = curve.size - 2
    per_step = 1.0 / TABLE_STEP
    for i in range(position.size):
        place = position[i]
        if place < 0.0:
            out[i] = MASKED
            continue
        j = min(int(place), last)
        mean = weight[i] * (curve[j] + (place - j) * (curve[j + 1] - curve[j]))
        if mean < TABLE_LIMIT:
            row = np.uint32(mean * per_step)
            rest = mean - row * TABLE_STEP
            word = _mixed(seed + np.uint64(i) * _GAMMA)
            upper = word >> _REST_BITS
            k = np.int64(guide[row, upper >> _GUIDE_SHIFT])
            while upper >= thresholds[row, k]:
                k += 1
            if np.int64(word & _REST_MASK) * _REST_UNIT < rest:
                k += _rest(rest, stream)
        else:
            k = np.int64(min(_large_poisson(mean, stream), largest))
        out[i] = k
