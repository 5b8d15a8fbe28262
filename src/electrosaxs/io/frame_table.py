"""The frame table of a run: read from CSV or NeXus, judged as a whole; single bad rows stay and are flagged later."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray, FrameTable, Role, Run
from .refusal import refusal
from .table_columns import EXPOSURE, HEIGHT, MONITOR, TIME, TRANSMISSION, Column, RawTable
from .table_csv import read_csv_table
from .table_nexus import read_nexus_table

NEEDED_ROLES = {
    Role.SAMPLE: "without sample frames there is nothing to analyse",
    Role.REFERENCE: "the volume fraction is measured against the starting solution (field off)",
    Role.SOLVENT: "the scattering of cell and solvent is subtracted",
}


def read_table(run: Run) -> FrameTable:
    """The frame table of `run`, in um, s, V, A; the voltage is `cell.voltage_V` where there is no column for it.

    One frame without monitor, exposure, transmission, height or time must not end a run: such a cell stays NaN (or
    zero, negative, above 1) and the frame is flagged and left out later. Raises InputFileError where the table as a
    whole cannot be meant so: a column, role, unit or number that is none, no sample, reference or solvent frames, or
    more than half of the frames of one of these roles out of range.
    """
    path = run.frames.nexus or run.frames.table
    if path is None:
        raise refusal(Path("run.toml"), "frames", "missing", "needs nexus or table", "say where the frames are")
    raw = read_csv_table(path) if run.frames.nexus is None else read_nexus_table(path)
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
    return FrameTable(
        role=np.array([_role(path, p, r) for p, r in zip(raw.place, raw.role, strict=True)], dtype=np.str_),
        height=numbers["height"],
        time=numbers["time"],
        exposure=numbers["exposure"],
        monitor=numbers["monitor"],
        transmission=numbers["transmission"],
        voltage=numbers.get("voltage", constant),
        current=numbers.get("current"),
        file=raw.file,
        source=path,
    )


def _role(path: Path, place: str, name: str) -> str:
    known = [str(role) for role in Role]
    if name in known:
        return name
    near = difflib.get_close_matches(name.lower(), known, n=1)
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
        _not_all_at_once(path, table.time[rows])


def _not_all_at_once(path: Path, time: FloatArray) -> None:
    known = time[np.isfinite(time)]
    if known.size > 1 and np.ptp(known) == 0.0:
        rule = f"is the same for all {known.size} sample frames"
        raise refusal(path, TIME.csv, f"{known[0]:g}", rule, f"give the {TIME.meaning} of each frame")


def _mostly(path: Path, column: Column, role: Role, values: FloatArray, good: npt.NDArray[np.bool_], rule: str) -> None:
    bad = int(np.sum(~good))
    if 2 * bad > len(values):
        example = f"{values[~good][0]:g}".replace("nan", "empty")
        field = f"{column.csv} ({bad} of {len(values)} {role} frames)"
        raise refusal(path, field, example, rule, f"give the {column.meaning.split(';')[0]}")
