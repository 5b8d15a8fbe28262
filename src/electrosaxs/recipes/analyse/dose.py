"""Dose of each height of the cell, and whether what is there changes with it: damage, or a deposit on the windows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.bulk_level import LEAST_SIGMA, BulkLevel, beside_the_bulk
from ...analysis.kinetics.scan_map import ScanMap
from ...nouns import FloatArray, FrameTable
from ...nouns.dose import HeightDose

SAME_UM = 1.0
"""Frames within this of each other have one place (chosen: what a stage repeats)."""
SIGNIFICANT = 5.0
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
) -> tuple[HeightDose, ...]:
    """One row per height, ascending. height_um (frame,) above the anode; phi and its own relative sigma (scan, height);
    start: phi0."""
    change = {
        float(z): row
        for z, row in zip(grid.heights, _changes(table, height_um, grid, phi, relative, bulk, start), strict=True)
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
    longest = f"dose: {most.exposure_s:.4g} s in the beam at {most.height_um:.0f} um ({most.frames} frames), less at all others"
    changing = tuple(
        f"dose: phi at {row.height_um:.0f} um changes by {100.0 * row.change_per_s:+.2g} % with each second in the beam"
        f" ({abs(row.change_per_s) / row.change_per_s_sigma:.0f} sigma), in the bulk it does not: damage, or a deposit there"
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
) -> FloatArray:
    """What phi is off by, relative (scan, height), where it changes with the dose as nothing in the bulk does, and by as much
    of phi0 where that cannot be told while it is found elsewhere; 0 where nothing is found.

    frames: of the table, the rows of the map.
    """
    height = np.full(len(table), np.nan)
    height[frames] = np.where(grid.height_index >= 0, grid.heights[grid.height_index], np.nan)
    off = np.zeros(phi.shape)
    changes = _changes(table, height, grid, phi, relative, bulk, start)
    found = [slope for slope, sigma in changes if sigma > 0.0 and abs(slope) > SIGNIFICANT * sigma]
    for column, (slope, sigma) in enumerate(changes if found else []):
        seconds = _seconds_before(table, height, grid, column)
        if np.isnan(sigma):
            with np.errstate(invalid="ignore", divide="ignore"):
                off[:, column] = np.nan_to_num(max(found, key=abs) * seconds * start / phi[:, column])
        elif slope in found:
            off[:, column] = slope * seconds
    return off


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
) -> list[tuple[float, float]]:
    """Of each height of the map: slope of ln phi against the seconds it was in the beam, beyond what the bulk does in all, and
    its sigma; NaN where fewer than FEWEST scans hold the bulk there, or should."""
    found = []
    level = np.zeros(len(phi)) if bulk is None else np.nan_to_num(bulk.change)
    beside = beside_the_bulk(phi, relative, height_um=grid.heights, start=start, level=level)
    for column in range(grid.heights.size):
        told = np.zeros(len(phi), dtype=bool) if bulk is None else _within(bulk, column, phi) | beside[:, column]
        if bulk is None or told.sum() < FEWEST:
            found.append((np.nan, np.nan))
            continue
        dose = _seconds_before(table, height_um, grid, column)[told]
        x = np.log(phi[told, column]) - level[told]
        weight = 1.0 / np.square(np.hypot(relative[told, column], LEAST_SIGMA))
        away = dose - float(weight @ dose / weight.sum())
        spread = float(weight @ np.square(away))
        found.append((float((weight * away) @ x / spread), spread**-0.5) if spread > 0.0 else (np.nan, np.nan))
    return found


def _within(bulk: BulkLevel, column: int, phi: FloatArray) -> npt.NDArray[np.bool_]:
    """(scan,) where this height lies among those of the bulk."""
    below, above = bulk.bulk[:, : column + 1].any(axis=1), bulk.bulk[:, column:].any(axis=1)
    return np.asarray(below & above & (phi[:, column] > 0.0))
