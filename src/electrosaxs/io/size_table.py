"""A distribution of sizes beside an experiment: CSV with the columns diameter_nm and number, one row per size."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..errors import ElectrosaxsError
from ..nouns import FloatArray
from .refusal import refusal

COLUMNS = ("diameter_nm", "number")


def read_size_table(path: Path) -> tuple[FloatArray, FloatArray]:
    """Diameter (nm) and number of each row; raises InputFileError naming row and column."""
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), skipinitialspace=True))
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, "file", path.name, f"cannot be read ({error})") from None
    diameter, number = (_column(path, rows, name) for name in COLUMNS)
    return diameter, number


def _column(path: Path, rows: list[dict[str, str]], name: str) -> FloatArray:
    if not rows or name not in rows[0]:
        raise _refused(path, name, "missing", "this column is required")
    values = np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            values[i] = float(row[name])
        except (TypeError, ValueError):
            raise _refused(path, f"row {i + 1}, {name}", repr(row[name]), "is not a number") from None
    return values


def _refused(path: Path, field: str, value: str, rule: str) -> ElectrosaxsError:
    return refusal(path, field, value, rule, "give columns diameter_nm and number, one row per size")
