"""CSV and TSV of a beamline: a header line with any names, one row per frame; comment lines begin with #."""

from __future__ import annotations

import csv
from pathlib import Path

from ..refusal import refusal
from ..small_file import content_of
from .their_table import NamedColumns, as_column
from .units import unit_in_name

DELIMITERS = "\t;,"


def text_table(path: Path) -> NamedColumns:
    """The columns of the file; a unit may stand in their names: sam_z (mm), sam_z_mm."""
    try:
        text = _decoded(content_of(path))
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(
            path, "frames.table", path.name, "is no text", "give CSV, TSV, SPEC, HDF5 or JSON lines"
        ) from error
    lines = [line for line in text.splitlines() if line.strip()]
    header = next((line for line in lines if not line.lstrip().startswith("#")), "")
    if lines and lines[0].lstrip().startswith("#") and _looks_like_rows(header):
        header = next(line for line in reversed(lines[: lines.index(header)]) if line.lstrip().startswith("#"))
        lines = [header.lstrip("# \t"), *(line for line in lines if not line.lstrip().startswith("#"))]
    else:
        lines = [line for line in lines if not line.lstrip().startswith("#")]
    if len(lines) < 2:
        raise refusal(
            path, "frames.table", f"{len(lines)} lines", "needs a header line and one row per frame", "write it"
        )
    delimiter = next((d for d in DELIMITERS if d in lines[0]), None)
    rows = [_cells(line, delimiter) for line in lines]
    head = rows[0]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) < len(head):
            rule = f"has {len(row)} cells, the header has {len(head)}"
            raise refusal(path, f"row {number}", " ".join(row)[:60], rule, "give every column, empty where unknown")
    columns = [as_column(name, [row[i] for row in rows[1:]], unit_in_name(name)) for i, name in enumerate(head)]
    return NamedColumns(path, columns)


def _decoded(content: bytes) -> str:
    """UTF-8, else the text of Windows in the west (a µ of one byte); UnicodeDecodeError for what is neither."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in content:
            raise
        return content.decode("cp1252")


def _looks_like_rows(line: str) -> bool:
    """True where a line holds numbers, so that the names must stand in the comment above."""
    cells = _cells(line, next((d for d in DELIMITERS if d in line), None))
    return any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
