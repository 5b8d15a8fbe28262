"""CSV files that grow a row at a time: each row is one write, ends in a newline, and is on disk when `append` returns."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

from .table_columns import COLUMNS


class GrowingCsv:
    """The file at `path` with its header line. durable: each row is forced to disk, not only handed to the system."""

    def __init__(self, path: Path, header: Sequence[str], *, durable: bool = True) -> None:
        self._file, self._durable = path.open("wb", buffering=0), durable
        self._write(header)

    def append(self, *values: object) -> None:
        """One row; NaN and None become an empty cell."""
        self._write(["" if _is_nothing(value) else value for value in values])

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _write(self, cells: Sequence[object]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._file.write(text.getvalue().encode("utf-8"))
        if self._durable:
            os.fsync(self._file.fileno())


class GrowingImageTable:
    """The frame table of a folder of images, frames.csv, row by row."""

    def __init__(self, path: Path) -> None:
        self._rows = GrowingCsv(path, ["file", "role", *(column.csv for column in COLUMNS)])

    def append(self, file: str, role: str, values: dict[str, float]) -> None:
        """The row of an image that is there; `values` by NeXus name of the column."""
        cells = (values.get(column.nexus, math.nan) for column in COLUMNS)
        self._rows.append(file, role, *(value if math.isnan(value) else repr(float(value)) for value in cells))

    def close(self) -> None:
        """Finish the file."""
        self._rows.close()


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
