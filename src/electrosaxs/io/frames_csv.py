"""frames.csv: one row per frame, its place in the map, its quality flags and why it was left out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..nouns import FrameRecord
from .atomic import replacing
from .refusal import refusal

COLUMNS = tuple(field.name for field in fields(FrameRecord))
PARSE: dict[str, Any] = {
    "index": int,
    "scan": int,
    "height_index": int,
    "height_um": lambda cell: float(cell or "nan"),
    "time_s": lambda cell: float(cell or "nan"),
    "used": lambda cell: {"yes": True, "no": False}[cell],
    "flags": lambda cell: tuple(cell.split(";")) if cell else (),
}


def write_frames_csv(path: str | Path, records: Sequence[FrameRecord]) -> None:
    """Write the records; NaN is an empty cell, flags are separated by `;`, used is yes or no."""
    with replacing(Path(path)) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(getattr(record, name)) for name in COLUMNS] for record in records)


def read_frames_csv(path: str | Path) -> tuple[FrameRecord, ...]:
    """The records that `write_frames_csv` wrote; raises InputFileError for another file."""
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        return tuple(FrameRecord(**{name: PARSE.get(name, str)(row[name]) for name in COLUMNS}) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = f"does not hold one frame per row ({error!r})"
        raise refusal(path, "file", path.name, rule, "give a frames.csv of electrosaxs") from error


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else repr(float(value))
    return str(value)
