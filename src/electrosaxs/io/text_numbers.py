"""Numbers as programs and people write them: decimal points and commas, groups of thousands, exponents of Fortran.

A mark is read as what all cells of a table allow, never as what one cell may mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

NO_NUMBER = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
GROUPS = " '’\u00a0\u202f"
"""Marks between thousands that are no decimal mark anywhere; the other of point and comma is the fifth."""


class Notation(NamedTuple):
    """How numbers are written: the decimal mark, and whether thousands are grouped."""

    decimal: str
    grouped: bool

    @property
    def words(self) -> str:
        """What there is to say of it, empty for plain numbers."""
        said = ["decimal commas"] if self.decimal == "," else []
        return " and ".join([*said, "grouped thousands"] if self.grouped else said)


NOTATIONS = (Notation(".", False), Notation(",", False), Notation(".", True), Notation(",", True))


def number(cell: str, notation: Notation) -> float | None:
    """The number in a cell, None where it holds none in this notation. Exponents as 1e2, 1D+02 and Fortran's 0.1-102."""
    if NO_NUMBER.fullmatch(cell):
        return float(cell)
    mark = re.escape(notation.decimal)
    if re.fullmatch(rf"[+-]?(?:(?:\d+(?:{mark}\d*)?|{mark}\d+)(?:[eEdD][+-]?\d+)?|\d*{mark}\d+[+-]\d{{3}})", cell):
        return _plain(cell, notation.decimal)
    group = "[" + GROUPS + (r"," if notation.decimal == "." else r".") + "]"
    if notation.grouped and re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}({group})\d{{3}}(?:\1\d{{3}})*(?:{mark}\d*)?", cell):
        return _plain(re.sub(group, "", cell), notation.decimal)
    return None


def notation_of(rows: Sequence[Sequence[str]]) -> Notation | None:
    """The notation in which most rows of cells are numbers; None where commas may be decimal marks or group thousands."""
    counts = [sum(all(number(cell, one) is not None for cell in row) for row in rows) for one in NOTATIONS]
    best = NOTATIONS[counts.index(max(counts))]
    if best == Notation(",", False) and counts[2] == counts[1] and not any("," in row[0] for row in rows if row):
        return None  # q is never grouped; commas behind each third digit of I alone may be either
    if best.grouped and counts[2] == counts[3]:
        return None
    return best


def _plain(cell: str, decimal: str) -> float:
    text = cell.replace(decimal, ".").replace("D", "e").replace("d", "e")
    return float(re.sub(r"(?<=[\d.])([+-]\d{3})$", r"e\1", text))
