"""The best frames of a scan that a stage can drive: heights and times that leave one parameter the least variance.

A frame adds G^T G to the Fisher information, G (channel, parameter) the derivatives of what it measures over their sigma.
The variance of a parameter is its place on the diagonal of the inverse; frames are exchanged one by one, and scan by
scan, as long as that falls (Atkinson & Donev 1992, c-optimal designs). One beam takes one frame at a time, and within a
scan the stage only rises or stays: it goes down between scans, as in the even scan it is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

ROUNDS = 4
"""How often all scans and frames are gone through; what is gained settles after two or three."""
ENOUGH = 2e-3
"""Relative gain of a round below which it ends."""
MOMENTS = 24
"""Most moments that are tried for one frame between its neighbours."""
RIDGE = 1e-4
"""Information on each coordinate without any frame: a sigma of 100, which is no knowledge of a logarithm."""
UNKNOWN = 1e3
"""Variance from which on nothing but RIDGE fixes a parameter."""
MOST_REPEATS = 1e6
IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Frames:
    """Place of each frame, (frame,) in the order of time: slot (increasing), level (of height), scan."""

    slot: IndexArray
    level: IndexArray
    scan: IndexArray

    def moved(self, at: IndexArray | int, slot: IndexArray | int, level: IndexArray | int) -> Frames:
        """The same frames with those numbered `at` at other slots and levels."""
        slots, levels = self.slot.copy(), self.level.copy()
        slots[at], levels[at] = slot, level
        return replace(self, slot=slots, level=levels)


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a frame tells at each slot and level: vectors (slot, level, channel, parameter), derivatives over sigma.

    past (parameter, parameter): information before the first frame. asked: the parameter to fix.
    """

    vectors: FloatArray
    past: FloatArray
    asked: int

    def before(self) -> FloatArray:
        """Information without any frame."""
        return np.asarray(self.past + RIDGE * np.eye(self.past.shape[0]))

    def gathered(self, frames: Frames) -> FloatArray:
        """Fisher information of the frames alone."""
        # einsum: products this small are slowed down a hundredfold by a threaded BLAS on a busy machine
        chosen = self.vectors[frames.slot, frames.level].reshape(-1, self.past.shape[0])
        return np.einsum("vp,vq->pq", chosen, chosen)

    def variance(self, information: FloatArray) -> float:
        """Variance of the asked parameter with `information` from frames; inf where nothing fixes it."""
        found = float(inverse(self.before() + information)[self.asked, self.asked])
        return found if found < UNKNOWN else np.inf

    def fall(self, covariance: FloatArray, vectors: FloatArray) -> FloatArray:
        """By how much one more frame of `vectors` (..., channel, parameter) lowers the variance (Woodbury 1950)."""
        seen = vectors @ covariance
        inner = seen @ np.swapaxes(vectors, -1, -2) + np.eye(vectors.shape[-2])
        along = seen[..., self.asked]
        return np.asarray(np.sum(along * np.linalg.solve(inner, along[..., None])[..., 0], axis=-1))


def inverse(information: FloatArray) -> FloatArray:
    """Inverse of a symmetric positive matrix whose diagonal spans many powers of ten."""
    scale = np.sqrt(np.diag(information))
    return np.asarray(np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale))


def best_frames(candidates: Candidates, even: Frames) -> Frames:
    """As many frames in as many scans as `even`, from which the search begins, so that it is never worse."""
    frames, variance = even, candidates.variance(candidates.gathered(even))
    for _ in range(ROUNDS):
        before = variance
        for scan in np.unique(frames.scan):
            frames, variance = _better(candidates, frames, _whole_scan(candidates, frames, int(scan)), variance)
        frames, variance = _better(candidates, frames, _frame_by_frame(candidates, frames), variance)
        if variance > before * (1.0 - ENOUGH) or not np.isfinite(variance):
            break
    return frames


def _better(candidates: Candidates, frames: Frames, tried: Frames, variance: float) -> tuple[Frames, float]:
    reached = candidates.variance(candidates.gathered(tried))
    return (tried, reached) if reached < variance else (frames, variance)


def repeats(candidates: Candidates, even: Frames, wanted: float) -> float:
    """How often the even scan would have to be repeated for the variance `wanted`; inf where no repetition does."""
    if not np.isfinite(wanted):
        return 1.0
    once = candidates.gathered(even)
    low, high = 1.0, MOST_REPEATS
    if candidates.variance(high * once) > wanted:
        return np.inf
    while high > 1.001 * low:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if candidates.variance(middle * once) > wanted else (low, middle)
    return high


def _frame_by_frame(candidates: Candidates, frames: Frames) -> Frames:
    """Every frame in turn at its best moment and height between its neighbours."""
    covariance = inverse(candidates.before() + candidates.gathered(frames))
    for number in range(frames.slot.size):
        slots, levels = _room(candidates, frames, number)
        own = candidates.vectors[frames.slot[number], frames.level[number]]
        others = _with_frame(covariance, own, -1.0)
        fall = candidates.fall(others, candidates.vectors[np.ix_(slots, levels)])
        slot, level = np.unravel_index(int(np.argmax(fall)), fall.shape)
        if fall[slot, level] > candidates.fall(others, own) * (1.0 + 1e-9):
            frames = frames.moved(number, slots[slot], levels[level])
            covariance = _with_frame(others, candidates.vectors[slots[slot], levels[level]], 1.0)
    return frames


def _with_frame(covariance: FloatArray, frame: FloatArray, sign: float) -> FloatArray:
    """The covariance with one frame (channel, parameter) more (sign 1) or less (sign -1), by Woodbury's identity."""
    seen = frame @ covariance
    inner = np.eye(frame.shape[0]) + sign * seen @ frame.T
    return np.asarray(covariance - sign * np.einsum("cp,cq->pq", seen, np.linalg.solve(inner, seen)))


def _room(candidates: Candidates, frames: Frames, number: int) -> tuple[IndexArray, IndexArray]:
    """Slots and levels where a frame may be without overtaking its neighbours or driving the stage down."""
    slots, levels = candidates.vectors.shape[:2]
    first, last = number == 0, number == frames.slot.size - 1
    begin = 0 if first else frames.slot[number - 1] + 1
    end = slots if last else frames.slot[number + 1]
    starts = first or frames.scan[number - 1] != frames.scan[number]
    ends = last or frames.scan[number + 1] != frames.scan[number]
    low = 0 if starts else frames.level[number - 1]
    high = levels - 1 if ends else frames.level[number + 1]
    moments = np.unique(np.linspace(begin, end - 1, min(MOMENTS, end - begin)).round().astype(np.intp))
    return np.union1d(moments, frames.slot[number]), np.arange(low, high + 1)


def _whole_scan(candidates: Candidates, frames: Frames, scan: int) -> Frames:
    """One scan moved to the rising path along which single frames tell most, between the scans around it."""
    here = np.flatnonzero(frames.scan == scan)
    begin = 0 if here[0] == 0 else int(frames.slot[here[0] - 1]) + 1
    end = candidates.vectors.shape[0] if here[-1] + 1 == frames.slot.size else int(frames.slot[here[-1] + 1])
    own = candidates.vectors[frames.slot[here], frames.level[here]].reshape(-1, candidates.past.shape[0])
    others = candidates.before() + candidates.gathered(frames) - np.einsum("vp,vq->pq", own, own)
    fall = candidates.fall(inverse(others), candidates.vectors[begin:end])
    path = np.array(list(_rising_path(fall, here.size)))[::-1]
    return frames.moved(here, begin + path[:, 0], path[:, 1])


def _rising_path(worth: FloatArray, count: int) -> Iterator[tuple[int, int]]:
    """The path of `count` steps through worth (slot, level), later slots at levels not lower, of most worth; last first."""
    ahead = [worth]
    for _ in range(count - 1):
        best = np.maximum.accumulate(np.maximum.accumulate(ahead[-1], axis=0), axis=1)
        ahead.append(worth + np.vstack([np.full((1, worth.shape[1]), -np.inf), best[:-1]]))
    slots, levels = worth.shape
    for totals in reversed(ahead):
        slot, level = np.unravel_index(int(np.argmax(totals[:slots, :levels])), (slots, levels))
        yield int(slot), int(level)
        slots, levels = int(slot), int(level) + 1
