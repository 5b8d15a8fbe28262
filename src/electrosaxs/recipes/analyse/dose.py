"""Dose of each height of the cell, and whether what is there changes with it: damage, or a deposit on the windows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.bulk_level import LEAST_SIGMA, BulkLevel, beside_the_bulk
from ...analysis.concentration.deposit import Change
from ...analysis.kinetics.scan_map import ScanMap
from ...nouns import FloatArray, FrameTable
from ...nouns.dose import HeightDose

SAME_UM = 1.0
"""Frames within this of each other have one place (chosen: what a stage repeats)."""
SIGNIFICANT, UNCERTAIN = 5.0, 3.0
"""Sigmas from which on a change is told, and from which on it is in phi's sigma."""
FEWEST = 3
IntArray = npt.NDArray[np.intp]


def doses(
    table: FrameTable,
    height_um: FloatArray,
    grid: ScanMap,
    phi: FloatArray,
    relative: FloatArray,
    bulk: BulkLevel | None,
    start: float,
    beside: Change | None = None,
) -> tuple[HeightDose, ...]:
    """One row per height, ascending. height_um (frame,) above the anode; phi and its own relative sigma (scan, height);
    start: phi0; beside: what changes where the layer has arrived."""
    change = {
        float(z): row
        for z, row in zip(
            grid.heights, _changes(table, height_um, grid, phi, relative, bulk, start, beside), strict=True
        )
    }
    placed = np.flatnonzero(np.isfinite(height_um))
    rows = []
    for group in _groups(height_um[placed]):
        frames = placed[group]
        height = float(np.mean(height_um[frames]))
        near = min(change, key=lambda z: abs(z - height), default=np.inf)
        slope, sigma = change[near] if abs(near - height) < SAME_UM else (np.nan, np.nan)
        rows.append(
            HeightDose(
                round(height, 3), int(frames.size), float(np.nansum(table.exposure[frames])),
                float(np.nansum(table.monitor[frames])), float(slope), float(sigma),
            )
        )  # fmt: skip
    return tuple(rows)


def dose_notes(rows: tuple[HeightDose, ...]) -> tuple[str, ...]:
    """The height that was longest in the beam, and those at which scattering changes with the dose."""
    if not rows:
        return ()
    most = max(rows, key=lambda row: row.exposure_s)
    where = f"{round(most.height_um)} um ({most.frames} frames)"
    longest = f"dose: {most.exposure_s:.4g} s in the beam at {where}, less at all others"
    changing = tuple(
        f"dose: phi at {round(row.height_um)} um changes by {100.0 * row.change_per_s:+.2g} % with each second in the beam"
        f" ({abs(row.change_per_s) / row.change_per_s_sigma:.0f} sigma), beyond bulk and layer: damage, or a deposit there"
        for row in rows
        if row.change_per_s_sigma > 0.0 and abs(row.change_per_s) > SIGNIFICANT * row.change_per_s_sigma
    )
    return (f"{longest}: dose.csv", *changing)


def deposit_of_phi(
    table: FrameTable,
    frames: IntArray,
    grid: ScanMap,
    phi: FloatArray,
    relative: FloatArray,
    bulk: BulkLevel,
    start: float,
    beside: Change | None = None,
) -> FloatArray:
    """What phi is off by, relative (scan, height), where it changes with the dose as neither bulk nor layer do, and by as much
    of phi0 where that cannot be told while it is found elsewhere; 0 where nothing is found.

    frames: of the table, the rows of the map; beside: what changes where the layer has arrived.
    """
    height = heights_of(table, frames, grid)
    off = np.zeros(phi.shape)
    changes = _changes(table, height, grid, phi, relative, bulk, start, beside)
    found = [slope for slope, sigma in changes if sigma > 0.0 and abs(slope) > SIGNIFICANT * sigma]
    for column, (slope, sigma) in enumerate(changes):
        seconds = _seconds_before(table, height, grid, column)
        if np.isnan(sigma) and found:
            with np.errstate(invalid="ignore", divide="ignore"):
                off[:, column] = np.nan_to_num(max(found, key=abs) * seconds * start / phi[:, column])
        elif abs(slope) > UNCERTAIN * sigma:
            off[:, column] = slope * seconds
    return off


def heights_of(table: FrameTable, frames: IntArray, grid: ScanMap) -> FloatArray:
    """(frame,) height in the map of each frame of the table, NaN where it has none; frames: the rows of the map."""
    height = np.full(len(table), np.nan)
    height[frames] = np.where(grid.height_index >= 0, grid.heights[grid.height_index], np.nan)
    return height


def seconds_in_beam(table: FrameTable, frames: IntArray, grid: ScanMap) -> FloatArray:
    """(scan, height) seconds that each height of the map was in the beam up to each of its frames."""
    height = heights_of(table, frames, grid)
    return np.stack([_seconds_before(table, height, grid, column) for column in range(grid.heights.size)], axis=1)


def _seconds_before(table: FrameTable, height_um: FloatArray, grid: ScanMap, column: int) -> FloatArray:
    """(scan,) seconds in the beam of one height of the map up to each of its frames, this one included."""
    there = np.abs(height_um - grid.heights[column]) < SAME_UM
    when, seconds = table.time[there], table.exposure[there]
    return np.array([np.nansum(seconds[~(when > t)]) for t in grid.time[:, column]])


def _groups(height: FloatArray) -> list[IntArray]:
    """Places of `height` in groups that lie within SAME_UM of each other, ascending."""
    order = np.argsort(height, kind="stable")
    return [] if not order.size else np.split(order, np.flatnonzero(np.diff(height[order]) > SAME_UM) + 1)


def _changes(
    table: FrameTable,
    height_um: FloatArray,
    grid: ScanMap,
    phi: FloatArray,
    relative: FloatArray,
    bulk: BulkLevel | None,
    start: float,
    beside: Change | None,
) -> list[tuple[float, float]]:
    """Of each height of the map: slope of ln phi against the seconds it was in the beam, beyond what the bulk does in all, and
    its sigma; where fewer than FEWEST scans hold the bulk there, or should, that `beside` the layer; NaN where none tells."""
    found = []
    level = np.zeros(len(phi)) if bulk is None else np.nan_to_num(bulk.change)
    rests = beside_the_bulk(phi, relative, height_um=grid.heights, start=start, level=level)
    for column in range(grid.heights.size):
        told = np.zeros(len(phi), dtype=bool) if bulk is None else _within(bulk, column, phi) | rests[:, column]
        if bulk is None or told.sum() < FEWEST:
            found.append(
                (np.nan, np.nan) if beside is None else (float(beside.per_second[column]), float(beside.sigma[column]))
            )
            continue
        dose = _seconds_before(table, height_um, grid, column)[told]
        x = np.log(phi[told, column]) - level[told]
        own = np.hypot(relative[told, column], LEAST_SIGMA)
        weight = 1.0 / (
            np.square(own) + np.square(np.nan_to_num(bulk.sigma[told]))
        )  # heights of the bulk may differ, too
        away = dose - float(weight @ dose / weight.sum())
        spread = float(weight @ np.square(away))
        found.append((float((weight * away) @ x / spread), spread**-0.5) if spread > 0.0 else (np.nan, np.nan))
    return found


def _within(bulk: BulkLevel, column: int, phi: FloatArray) -> npt.NDArray[np.bool_]:
    """(scan,) where this height lies among those of the bulk."""
    below, above = bulk.bulk[:, : column + 1].any(axis=1), bulk.bulk[:, column:].any(axis=1)
    return np.asarray(below & above & (phi[:, column] > 0.0))
