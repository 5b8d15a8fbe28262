"""A distribution of sizes beside an experiment: CSV with the columns diameter_nm and number, one row per size."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..errors import ElectrosaxsError
from ..nouns import FloatArray
from ..nouns.experiment import CORES_NM
from .refusal import refusal
from .small_file import text_of

COLUMNS = ("diameter_nm", "number")
SEPARATORS = ",;\t"


def read_size_table(path: Path) -> tuple[FloatArray, FloatArray]:
    """Diameter (nm) and number of each row; raises InputFileError naming row and column."""
    try:
        lines = text_of(path).splitlines()
    except OSError as error:
        raise _refused(path, "file", path.name, (error.strerror or "cannot be read").lower()) from None
    except UnicodeDecodeError:
        raise _refused(path, "file", path.name, "is not UTF-8 text") from None
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    if len(lines) < 2:
        raise _refused(path, "rows", f"{max(len(lines) - 1, 0)}", "there is no size in it")
    separator = next((mark for mark in SEPARATORS if mark in lines[0]), ",")
    rows = list(csv.DictReader(lines, skipinitialspace=True, delimiter=separator))
    low, high = CORES_NM
    diameter = _column(path, rows, "diameter_nm", low, high, f"must be a diameter in nm, {low:g} to {high:g}")
    number = _column(path, rows, "number", 0.0, np.inf, "must be a number of particles, 0 or more")
    return diameter, number


def _column(path: Path, rows: list[dict[str, str]], name: str, low: float, high: float, rule: str) -> FloatArray:
    if name not in rows[0]:
        raise _refused(
            path, name, "missing", f"this column is required; the first line has {', '.join(map(str, rows[0]))}"
        )
    values = np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            values[i] = float(row[name])
        except (TypeError, ValueError):
            raise _refused(path, f"row {i + 1}, {name}", repr(row[name]), "is not a number") from None
        if not (low <= values[i] <= high and np.isfinite(values[i])):
            raise _refused(path, f"row {i + 1}, {name}", f"{values[i]:g}", rule)
    return values


def _refused(path: Path, field: str, value: str, rule: str) -> ElectrosaxsError:
    return refusal(path, field, value, rule, "give columns diameter_nm and number, one row per size")
