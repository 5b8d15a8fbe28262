"""A table as a beamline wrote it: columns by their own names, numbers or texts, with the unit that the file states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..refusal import refusal
from .units import unit_in_name

LISTED = 40


@dataclass(frozen=True, eq=False)
class TheirColumn:
    """values: (row,) or with the dimensions of a scan, float64 or text (object); one value where it holds for all rows.
    unit: as the file states it, None where it states none. epoch: what is added to the numbers of a clock to be seconds since
    1970, where the file says so."""

    name: str
    values: npt.NDArray[Any]
    unit: str | None = None
    epoch: float = 0.0

    @property
    def is_text(self) -> bool:
        return self.values.dtype.kind not in "iufb"


class TheirTable(Protocol):
    """rows: how many there are, None where only the columns say so."""

    path: Path
    rows: int | None

    def names(self) -> Sequence[str]:
        """What columns there are, by the names that `column` understands."""

    def column(self, name: str) -> TheirColumn | None:
        """The column of that name, None where there is none."""


class NamedColumns:
    """A table of columns that are in memory. where: the table for messages, "scan.spec::7.1"."""

    def __init__(self, path: Path, columns: Sequence[TheirColumn], *, rows: int | None = None) -> None:
        self.path, self._columns = path, {column.name: column for column in columns}
        self.rows: int | None = rows if rows is not None else max((c.values.size for c in columns), default=0)

    def names(self) -> Sequence[str]:
        return tuple(self._columns)

    def column(self, name: str) -> TheirColumn | None:
        """By its name, else by its name without the unit that stands in it, capitals aside."""
        if name in self._columns:
            return self._columns[name]
        near = [c for c in self._columns.values() if _plain(c.name) == _plain(name)]
        return near[0] if len(near) == 1 else None


def _plain(name: str) -> str:
    unit = unit_in_name(name)
    bare = name[: -len(unit) - 1] if unit and name.endswith(("_" + unit, " " + unit)) else name
    return bare.partition("(")[0].partition("[")[0].strip().lower()


def as_column(name: str, cells: Sequence[Any], unit: str | None = None) -> TheirColumn:
    """Cells as numbers where all that are not empty are; else as texts."""
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    try:
        numbers = np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return TheirColumn(name, np.array(texts, dtype=object), unit)
    if not any(texts):
        return TheirColumn(name, np.array(texts, dtype=object), unit)
    return TheirColumn(name, numbers, unit)


def needed_column(table: TheirTable, name: str, field: str) -> TheirColumn:
    """The column `name`, which `field` of the run asks for; InputFileError naming the columns that there are."""
    found = table.column(name)
    if found is None:
        there = list(table.names())
        more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
        remedy = f"columns are {', '.join(there[:LISTED]) or 'none'}{more}"
        raise refusal(table.path, f"frames.columns.{field}", name, "is no column of the table", remedy)
    return found
