"""The frame table of a run: read from CSV, NeXus or what a beamline wrote, and judged as a whole.

Single bad rows stay and are flagged later.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray, FrameTable, Role, Run
from .beamline.moments import FIRST_DATE_S, LAST_DATE_S, LONGEST_RUN_S
from .beamline.rows import read_their_table, source_of
from .refusal import refusal
from .table_columns import EXPOSURE, HEIGHT, MONITOR, TIME, TRANSMISSION, Column, RawTable
from .table_csv import read_csv_table
from .table_nexus import read_nexus_table

NEEDED_ROLES = {
    Role.SAMPLE: "without sample frames there is nothing to analyse",
    Role.REFERENCE: "the volume fraction is measured against the starting solution (field off)",
    Role.SOLVENT: "the scattering of cell and solvent is subtracted",
}
HOUR_S, SOON_S = 3600.0, 300.0
"""After field-on the first sample frame follows soon (chosen)."""
LEAST_HEIGHT_UM, SAME_HEIGHT_UM, FEWEST_ALIKE = 20.0, 0.5, 4
"""Heights that tell units, how near a thousand times one is another, and how many of these are no chance (chosen)."""
LEAST_STEP = 0.5
"""Of the exposure: frames that follow each other faster, on average, have times in a longer unit (a clock may be coarse)."""
LONGEST_STEP, LONGEST_STEP_S = 3000.0, 3600.0
"""Of the exposure, and s: frames that follow each other more slowly, on average, have times in a shorter unit."""


def read_table(run: Run) -> FrameTable:
    """The frame table of `run`, in um, s, V, A; the voltage is `cell.voltage_V` where there is no column for it.

    One frame without monitor, exposure, transmission, height or time must not end a run: such a cell stays NaN (or
    zero, negative, above 1) and the frame is flagged and left out later; a single time that cannot be from field-on
    counts as empty. Raises InputFileError where the table as a whole cannot be meant so: a column, role, unit or number
    that is none, no sample, reference or solvent frames, times that are none from field-on, or more than half of the
    frames of one of these roles out of range.
    """
    frames = run.frames
    if frames.foreign:
        path, raw = source_of(frames), read_their_table(frames)
    elif frames.nexus is not None:
        path, raw = frames.nexus, read_nexus_table(frames.nexus)
    else:
        assert frames.table is not None  # FrameSource refuses any other form
        path, raw = frames.table, read_csv_table(frames.table)
    table = _assemble(path, raw, run.cell.voltage_V)
    for role, why in NEEDED_ROLES.items():
        if not table.is_role(role).any():
            remedy = f"give the role {role} to the frames that show it"
            raise refusal(path, f"role {role}", "no frame", why, remedy)
        _check_role(path, table, role)
    return table


def _assemble(path: Path, raw: RawTable, voltage: float | None) -> FrameTable:
    numbers = raw.numbers
    constant = None if voltage is None else np.full(len(raw.role), float(voltage))
    role = np.array([_role(path, p, r) for p, r in zip(raw.place, raw.role, strict=True)], dtype=np.str_)
    return FrameTable(
        role=role,
        height=numbers["height"],
        time=_single_dates_dropped(numbers["time"], role == str(Role.SAMPLE)),
        exposure=numbers["exposure"],
        monitor=numbers["monitor"],
        transmission=numbers["transmission"],
        voltage=numbers.get("voltage", constant),
        current=numbers.get("current"),
        file=raw.file,
        source=path,
        origin=raw.origin,
        place=raw.frame,
    )


def _role(path: Path, place: str, name: str) -> str:
    known = [str(role) for role in Role]
    if (plain := name.strip().lower()) in known:
        return plain
    near = difflib.get_close_matches(plain, known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
    raise refusal(path, f"{place}, role", repr(name), "is not a known role", remedy)


def _check_role(path: Path, table: FrameTable, role: Role) -> None:
    """Refuse a column in which more than half of the frames of `role` are out of range."""
    rows = table.is_role(role)
    transmission = table.transmission[rows]
    if np.mean((transmission > 1) & (transmission <= 100)) > 0.5:
        median = float(np.median(transmission[transmission > 1]))
        remedy = "it looks like a percentage, divide by 100"
        raise refusal(path, "transmission", f"{median:g}", "must be in (0, 1]", remedy)
    _mostly(path, TRANSMISSION, role, transmission, (transmission > 0) & (transmission <= 1), "must be in (0, 1]")
    for column, values in ((MONITOR, table.monitor[rows]), (EXPOSURE, table.exposure[rows])):
        _mostly(path, column, role, values, values > 0, "must be above 0")
    if role is Role.SAMPLE:
        for column, values in ((TIME, table.time[rows]), (HEIGHT, table.height[rows])):
            _mostly(path, column, role, values, np.isfinite(values), "must be a number")
        _check_times(path, table.time[rows], table.exposure[rows])
        _check_heights(path, table.height[rows])


def _single_dates_dropped(time: FloatArray, sample: npt.NDArray[np.bool_]) -> FloatArray:
    """`time` with NaN where it cannot be seconds from field-on, if that of most sample frames can."""
    absurd = np.abs(time) > LONGEST_RUN_S
    most = 2 * np.sum(absurd & sample) > np.sum(np.isfinite(time) & sample)
    return time if most else np.where(absurd, np.nan, time)


def _check_times(path: Path, time: FloatArray, exposure: FloatArray) -> None:
    """Refuse times of the sample frames that cannot be seconds from field-on."""
    known = np.sort(time[np.isfinite(time)])
    middle, give = float(np.median(known)), f"give the {TIME.meaning}, in s"
    if known.size > 1 and np.ptp(known) == 0.0:
        rule = f"is the same for all {known.size} sample frames"
        raise refusal(path, TIME.csv, f"{known[0]:g}", rule, f"give the {TIME.meaning} of each frame")
    if abs(middle) > LONGEST_RUN_S:
        raise refusal(
            path, TIME.csv, f"{middle:.10g}", f"cannot be seconds from field-on{_clock(middle)}", _remedy(middle)
        )
    if np.mean(known < 0.0) > 0.5:
        rule = f"most sample frames lie before field-on{_hours_early(known)}"
        raise refusal(path, TIME.csv, f"{middle:g}", rule, f"{give}: 0 is when the field was switched on")
    seconds = float(np.nanmedian(np.where(exposure > 0.0, exposure, np.nan)))
    step = float(known[-1] - known[0]) / max(known.size - 1, 1)
    if known.size > 2 and step < LEAST_STEP * seconds:
        rule = f"{known.size} frames of {seconds:g} s do not fit into {known[-1] - known[0]:g} s"
        raise refusal(path, TIME.csv, f"every {step:.3g} s", rule, f"{give} (hours or minutes?)")
    if known.size > 2 and step > max(LONGEST_STEP_S, LONGEST_STEP * seconds):
        rule = f"a frame of {seconds:g} s every {step / 3600.0:.1f} h is no scan"
        raise refusal(path, TIME.csv, f"every {step:.6g} s", rule, f"{give} (milliseconds?)")


def _check_heights(path: Path, height: FloatArray) -> None:
    """Refuse sample frames whose heights are a thousandth of those of others: a scan in mm among others in um."""
    known = np.unique(height[np.isfinite(height)])
    far = known[np.abs(known) > LEAST_HEIGHT_UM]
    small = known[np.abs(known) <= np.max(np.abs(known), initial=0.0) / 900.0]
    nearest = np.min(np.abs(1e3 * small[:, None] - far), axis=1, initial=np.inf)
    alike = small[nearest < SAME_HEIGHT_UM]
    if alike.size >= FEWEST_ALIKE and 1e3 * np.ptp(alike) > LEAST_HEIGHT_UM * FEWEST_ALIKE:
        rule = f"{alike.size} heights are a thousandth of others"
        raise refusal(
            path, HEIGHT.csv, f"{alike[-1]:g}", rule, "give the heights of all frames in um (these are in mm?)"
        )


def _hours_early(known: FloatArray) -> str:
    """Where the first frame lies whole hours before field-on, or just after that, two clocks are in two zones."""
    hours = round((0.5 * SOON_S - known[0]) / HOUR_S)
    if not hours or abs(known[0] + hours * HOUR_S - 0.5 * SOON_S) > 0.6 * SOON_S:
        return ""
    what = "an hour" if hours == 1 else f"{hours} hours"
    return f", the first of them about {what}: one clock may be in daylight saving or UTC, and the other not"


def _clock(time: float) -> str:
    """The date that a large time is, where it is one."""
    for unit, name in ((1.0, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")):
        if FIRST_DATE_S < time / unit < LAST_DATE_S:
            date = datetime.fromtimestamp(time / unit, tz=UTC)
            return f"; {name} since 1970 they would be {date:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _remedy(time: float) -> str:
    if _clock(time):
        return "subtract the time at which the field was switched on"
    return f"give the {TIME.meaning}, in s"


def _mostly(path: Path, column: Column, role: Role, values: FloatArray, good: npt.NDArray[np.bool_], rule: str) -> None:
    bad = int(np.sum(~good))
    if 2 * bad > len(values):
        example = f"{values[~good][0]:g}".replace("nan", "empty")
        field = f"{column.csv} ({bad} of {len(values)} {role} frames)"
        raise refusal(path, field, example, rule, f"give the {column.meaning.split(';')[0]}")
