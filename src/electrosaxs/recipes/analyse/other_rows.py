"""Images that belong to other rows of the frame table: a trigger that was lost or counted twice shifts all that come after.

The transmission of each row is set against the scattering of the images one or two rows farther on or back, too. Neighbouring
rows are at other heights, where phi is another: only the right ones agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...nouns import FloatArray, Role
from ...physics.beam import open_fraction
from .attenuation import start_depth
from .measured_run import MeasuredRun

LAGS = (1, -1, 2, -2)
ROUGH, LEAST = 0.03, 4e-3
"""Relative uncertainty of a depth that phi foretells before the profile within the beam is known, and of ln T (chosen)."""
WHOLE, LEAST_DEPTH = 0.999, 0.02
"""Share of the beam that passes where no electrode cuts it; depth of the start below which a transmission does not tell."""
MOST, OFF = 25.0, 9.0
"""Square of the sigmas that a row counts at most, and from which on it is off."""
FEWEST, BETTER = 6, 0.2
"""Rows that are off, and the share of what they miss that the other images may miss at most (chosen)."""


@dataclass(frozen=True)
class OtherRows:
    """From row `first` of the table on, an image belongs to the row `lag` before; off: rows that contradict their own."""

    first: int
    lag: int
    off: int

    @property
    def words(self) -> str:
        rows = "one row" if abs(self.lag) == 1 else f"{abs(self.lag)} rows"
        return (
            f"from row {self.first} of the frame table on, scattering and transmission agree only if images are taken"
            f" {rows} {'later' if self.lag > 0 else 'earlier'}"
        )

    @property
    def why(self) -> str:
        """What is wrong, and what may have happened."""
        cause = "an image came twice, a row was lost, or the transmission was read late"
        if self.lag < 0:
            cause = "an image was lost, a row is one too many, or the transmission was read early"
        return f"{self.words} (as they stand, {self.off} rows contradict themselves): {cause}"

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"frame table: {self.why}",)


def other_rows(measured: MeasuredRun) -> OtherRows | None:
    """What is told of images in other rows; None where they agree as they are, or nothing tells."""
    off = _off(measured)
    if off is None:
        return None
    best, own = (0.0, 0, 0), np.nan_to_num(off[0])
    for lag in LAGS:
        gain = np.where(np.isfinite(off[0]) & np.isfinite(off[lag]), own - off[lag], 0.0)
        after = np.cumsum(gain[::-1])[::-1]
        first = int(np.argmax(after))
        best = max(best, (float(after[first]), lag, first))
    _, lag, first = best
    both = np.isfinite(off[0][first:]) & np.isfinite(off[lag][first:]) if lag else np.zeros(0, dtype=bool)
    rows = int(np.sum(own[first:][both] > OFF))
    if rows < FEWEST or np.sum(off[lag][first:][both]) > BETTER * np.sum(own[first:][both]):
        return None
    return OtherRows(first, lag, rows)


def _off(measured: MeasuredRun) -> dict[int, FloatArray] | None:
    """Lag -> square of the sigmas (row of the table,) by which ln T and what the image so many rows later scatters disagree;
    NaN where either is not known."""
    reduced, frames = measured.reduced, measured.voxels.frame
    table, run = reduced.table, reduced.run
    start = start_depth(reduced, measured.standard)
    if start.seen < LEAST_DEPTH or measured.height_um is None:
        return None
    phi, passes = np.full((2, len(table)), np.nan)
    phi[frames] = measured.voxels.values["phi"]
    passes[frames] = open_fraction(measured.height_um, run.beam.fwhm_um, 1e3 * run.cell.gap_mm)
    reference = float(np.mean(table.transmission[reduced.frames(Role.REFERENCE)]))
    with np.errstate(invalid="ignore", divide="ignore"):
        light = np.log(table.transmission / (np.where(passes > WHOLE, passes, np.nan) * reference))
        per_count = table.monitor * table.transmission
        scattered = phi * per_count
        found = {}
        for lag in (0, *LAGS):
            of_image = _later(scattered, lag) / per_count
            depth = start.seen * of_image / run.solution.volume_fraction
            sigma = np.hypot(ROUGH * depth, LEAST)
            found[lag] = np.minimum(np.square((light + depth - start.seen) / sigma), MOST)
    return found


def _later(values: FloatArray, lag: int) -> FloatArray:
    """Values (row,) of the row that is `lag` later, NaN beyond the ends."""
    rows = np.arange(values.size) + lag
    inside = (rows >= 0) & (rows < values.size)
    return np.where(inside, values[np.clip(rows, 0, values.size - 1)], np.nan)


def with_rows_flagged(measured: MeasuredRun, rows: OtherRows | None) -> MeasuredRun:
    """`measured` with a flag on each frame whose image belongs to another row."""
    if rows is None:
        return measured
    voxels = measured.voxels
    flags = tuple(
        (*flags, rows.words) if frame >= rows.first else flags
        for frame, flags in zip(voxels.frame, voxels.flags, strict=True)
    )
    return replace(measured, voxels=replace(voxels, flags=flags))
