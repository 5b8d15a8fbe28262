"""Frames in a row -> map over scan and height: which scan each sample frame belongs to, and at which height it sits.

Two frames are at one height when their stage heights differ by less than the tolerance (2 um, halved until no group of
heights is wider than twice it, so that fine scans stay resolved). A new sweep begins when a height comes again that the
current sweep has visited; this holds for scans that always start at the anode and for scans up and down, where the
turning height comes twice in a row. k exposures at each height are k interleaved scans; a height that is measured more often
than the others on the way gives a scan of its own that holds only such heights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ShapeError
from ...nouns import FloatArray

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
HEIGHT_TOLERANCE_UM = 2.0
NEIGHBOURING = 2  # heights: a sweep that turns round leaves none or one out


@dataclass(frozen=True)
class ScanMap:
    """Place of each frame in the map.

    heights (height,): um, ascending. scan, height_index (frame,): -1 where the frame has no place. time (scan, height):
    s, always finite; interpolated between neighbouring scans where no frame was measured. measured (scan, height): True
    where a usable frame exists. used (frame,): frames that fill the map.
    """

    heights: FloatArray
    scan: IntArray
    height_index: IntArray
    n_scans: int
    time: FloatArray
    measured: BoolArray
    used: BoolArray

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_scans, len(self.heights)

    def to_map(self, values: npt.ArrayLike) -> FloatArray:
        """Values (frame, ...) as (scan, height, ...); NaN where no usable frame was measured."""
        per_frame = np.asarray(values, dtype=np.float64)
        if per_frame.shape[:1] != self.scan.shape:
            raise ShapeError(f"to_map got {per_frame.shape[0]} values for {self.scan.size} frames: one value per frame")
        out = np.full(self.shape + per_frame.shape[1:], np.nan)
        out[self.scan[self.used], self.height_index[self.used]] = per_frame[self.used]
        return out


def scan_map(height_um: npt.ArrayLike, time_s: npt.ArrayLike, used: npt.ArrayLike) -> ScanMap:
    """The map that the sample frames (any order) form.

    height_um, time_s, used: (frame,). Frames that are not `used` keep their place and leave a hole; frames without
    height or time have none. ShapeError where no frame can be placed.
    """
    height = np.asarray(height_um, dtype=np.float64)
    time = np.asarray(time_s, dtype=np.float64)
    usable = np.asarray(used, dtype=bool)
    placed = np.flatnonzero(np.isfinite(height) & np.isfinite(time))
    if placed.size == 0:
        raise ShapeError("no sample frame has both a height and a time: a map needs at least one; fill the frame table")
    order = placed[np.lexsort((placed, time[placed]))]
    heights, index_of_placed = _heights(height[order])
    height_index = np.full(height.shape, -1, dtype=np.int64)
    scan = np.full(height.shape, -1, dtype=np.int64)
    height_index[order] = index_of_placed
    scan[order] = _scan_index(index_of_placed)
    n_scans = int(scan.max()) + 1
    planned = np.full((n_scans, heights.size), np.nan)
    planned[scan[order], height_index[order]] = time[order]
    measured = np.zeros(planned.shape, dtype=bool)
    fills = usable & (scan >= 0)
    measured[scan[fills], height_index[fills]] = True
    return ScanMap(heights, scan, height_index, n_scans, _complete_times(planned), measured, fills)


def _heights(height: FloatArray) -> tuple[FloatArray, IntArray]:
    """Distinct heights (median of each group) and the group of each frame."""
    ascending = np.sort(height)
    tolerance = HEIGHT_TOLERANCE_UM
    while True:
        first = np.concatenate([[0], np.flatnonzero(np.diff(ascending) > tolerance) + 1])
        groups = np.split(ascending, first[1:])
        if max(group[-1] - group[0] for group in groups) <= 2.0 * tolerance or tolerance < 1e-6:
            break
        tolerance *= 0.5
    index = np.searchsorted(ascending[first], height, side="right") - 1
    return np.array([np.median(group) for group in groups]), index.astype(np.int64)


def _scan_index(height_index: IntArray) -> IntArray:
    """Scan of each frame, in the order of time."""
    edges = np.flatnonzero(np.diff(height_index)) + 1
    runs = np.split(np.arange(height_index.size), edges)
    usual = max(1, int(np.median([len(run) for run in runs])))
    place = np.empty((height_index.size, 2), dtype=np.int64)  # sweep, and which exposure of the height within it
    sweep, visited = 0, set[int]()
    for number, run in enumerate(runs):
        height, exposure = int(height_index[run[0]]), 0
        for start in range(0, len(run), usual):
            if height in visited and (start == 0 or _turns(height_index, runs, number, visited)):
                sweep, visited, exposure = sweep + 1, set(), 0
            visited.add(height)
            visit = run[start : start + usual]
            place[visit] = np.stack([np.full(len(visit), sweep), exposure + np.arange(len(visit))], axis=1)
            exposure += len(visit)
    return np.unique(place, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def _turns(height_index: IntArray, runs: list[npt.NDArray[np.intp]], number: int, visited: set[int]) -> bool:
    """Whether a height that comes again at once is where the sweep turns round, and not measured once more on the way.

    It turns where it came from other heights and goes back to the side it came from, by neighbouring heights.
    """
    if len(visited) < 2 or number == 0 or number + 1 == len(runs):
        return len(visited) > 1
    before, here, after = (int(height_index[runs[k][0]]) for k in (number - 1, number, number + 1))
    return (before - here) * (after - here) > 0 and abs(after - here) <= NEIGHBOURING


def _complete_times(planned: FloatArray) -> FloatArray:
    """Times with the holes filled: along the scans of each height, beyond them by the scan period, and moved by as much as the
    frames of the same scan are off that."""
    holes = ~np.isfinite(planned)
    steps = np.diff(planned, axis=0)
    period = float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else 0.0
    complete, places = planned.copy(), np.arange(planned.shape[1])
    usual = np.stack([_from_the_others(column, period) for column in planned.T], axis=1)
    for scan in np.flatnonzero(holes.any(axis=1)):
        told = np.flatnonzero(~holes[scan] & np.isfinite(usual[scan]))
        moved = np.interp(places, told, (planned[scan] - usual[scan])[told]) if told.size else 0.0
        complete[scan, holes[scan]] = (usual[scan] + moved)[holes[scan]]
        unknown = ~np.isfinite(complete[scan])
        complete[scan, unknown] = np.mean(planned[scan, ~holes[scan]])
    return complete


def _from_the_others(column: FloatArray, period: float) -> FloatArray:
    """Times (scan,) of a height as its times in the other scans (NaN where unknown) have them: between the nearest two, or
    beyond the last by the period."""
    known, scan = np.flatnonzero(np.isfinite(column)), np.arange(column.size)
    if not known.size:
        return np.full(column.size, np.nan)
    before, after = np.searchsorted(known, scan, side="left") - 1, np.searchsorted(known, scan, side="right")
    lower, upper = known[np.maximum(before, 0)], known[np.minimum(after, known.size - 1)]
    first, last = before < 0, after == known.size
    slope = (column[upper] - column[lower]) / np.where(first | last, 1, upper - lower)
    between = slope * (scan - lower) + column[lower]
    beyond = np.where(first, column[upper] + period * (scan - upper), column[lower] + period * (scan - lower))
    return np.where(first & last, np.nan, np.where(first | last, beyond, between))
