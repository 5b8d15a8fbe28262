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

COLUMNS = tuple(field.name for field in fields(FrameRecord))


def write_frames_csv(path: str | Path, records: Sequence[FrameRecord]) -> None:
    """Write the records; NaN is an empty cell, flags are separated by `;`, used is yes or no."""
    with replacing(Path(path)) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(getattr(record, name)) for name in COLUMNS] for record in records)


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else repr(float(value))
    return str(value)
