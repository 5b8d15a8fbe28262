"""The frame table as CSV: columns in any order, further columns, `#` comment lines, BOM and any line ending allowed."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..nouns import FrameTable
from .atomic import replacing
from .refusal import refusal
from .small_file import content_of
from .table_columns import COLUMNS, TRANSMISSION, RawTable

WINDOWS_DISK = re.compile(r"[A-Za-z]:|\\\\")  # C:\\..., or \\\\server\\share
NAMES = ("file", "role", *(column.csv for column in COLUMNS))


def read_csv_table(path: Path) -> RawTable:
    """The cells of the CSV frame table, NaN where empty or infinite; raises InputFileError naming row and column."""
    try:
        text = content_of(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or "cannot be read" if isinstance(error, OSError) else "is not UTF-8 text"
        raise refusal(path, "table", path.name, reason, "give a CSV file saved as UTF-8") from error
    return table_of_text(path, text)


def table_of_text(path: Path, text: str) -> RawTable:
    """What `read_csv_table` gives, from the text of the file at `path`."""
    rows = _rows(text)
    try:
        _, header = next(rows)
    except StopIteration:
        raise refusal(path, "table", "empty", "needs a header line and one row per frame", "write the table") from None
    _check_header(path, header)
    cells = [(f"row {n} (line {line})", row) for n, (line, row) in enumerate(rows, start=1)]
    for place, row in cells:
        if len(row) < len(header) or any(row[len(header) :]):
            rule = f"has {len(row)} cells, the header has {len(header)}"
            raise refusal(path, place, ",".join(row)[:60], rule, "give every column, empty where unknown")
    where = {name: header.index(name) for name in NAMES if name in header}
    return RawTable(
        role=tuple(row[where["role"]] for _, row in cells),
        file=tuple(_file_name(path, place, row[where["file"]]) for place, row in cells),
        numbers={
            c.nexus: np.array([_number(path, place, c.csv, row[where[c.csv]]) for place, row in cells], dtype=float)
            for c in COLUMNS
            if c.csv in where
        },
        place=tuple(place for place, _ in cells),
    )


def write_table_csv(path: str | Path, table: FrameTable) -> None:
    """Write the CSV form of a frame table whose frames are image files; NaN becomes an empty cell."""
    columns = {c.csv: getattr(table, c.nexus) for c in COLUMNS if getattr(table, c.nexus) is not None}
    if len(table.file) != len(table):
        raise refusal(Path(path), "file", f"{len(table.file)} names", f"the table has {len(table)} rows", "name each")
    with replacing(Path(path)) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "role", *columns])
        for i in range(len(table)):
            values = [float(column[i]) for column in columns.values()]
            writer.writerow([table.file[i], str(table.role[i]), *("" if np.isnan(v) else repr(v) for v in values)])


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of each line that is neither empty nor a comment."""
    delimiter = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        delimiter = delimiter or next((d for d in ",;\t" if d in line), ",")
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
        if any(cells):
            yield number, cells


def _check_header(path: Path, header: list[str]) -> None:
    twice = sorted({name for name in header if name in NAMES and header.count(name) > 1})
    if twice:
        raise refusal(path, twice[0], "twice", "a column may stand once in the header", "rename or remove one")
    required = {"file": "image file of each frame", "role": "what each frame shows: sample, reference, solvent, ..."}
    required |= {column.csv: column.meaning for column in COLUMNS if column.required}
    for name, meaning in required.items():
        if name in header:
            continue
        near = difflib.get_close_matches(name, [h for h in header if h not in NAMES], n=1, cutoff=0.6)
        hint = f" (found {near[0]}: the unit is part of the name)" if near and name != TRANSMISSION.csv else ""
        raise refusal(path, f"column {name}", "missing", "is required", f"add it{hint}: {meaning}")


def _file_name(path: Path, place: str, name: str) -> str:
    """The name of an image with forward slashes, however it was written; one of another computer's disk is refused."""
    if not name:
        raise refusal(path, f"{place}, file", "empty", "every frame has an image file", "name it or remove the row")
    if WINDOWS_DISK.match(name):
        rule = "is on a disk of a Windows computer"
        raise refusal(path, f"{place}, file", name, rule, "give the path below the folder frames.images")
    return name.replace("\\", "/")


def _number(path: Path, place: str, column: str, cell: str) -> float:
    try:
        value = float(cell) if cell else np.nan
    except ValueError:
        remedy = "write a number with a decimal point and no unit, or leave the cell empty"
        raise refusal(path, f"{place}, {column}", repr(cell), "is not a number", remedy) from None
    return value if np.isfinite(value) else np.nan
