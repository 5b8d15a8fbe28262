"""I(q) as columns of text: q, I and sigma, whatever stands above them.

The rows are the longest block of lines with the same number of numbers. Columns are q, I, sigma in that order unless
the last line above them names them; the unit of q stands there or in another line of the header that speaks of q.
"""

from __future__ import annotations

import re
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .curve import Curve, checked_curve, present_sigma, q_factors, unit_factor
from .refusal import refusal

FEWEST_ROWS = 5
SPEAKS_OF_Q = re.compile(r"(?<![a-z])(q|units?|<x>|scattering vector|momentum transfer)(?![a-z])(.*)", re.IGNORECASE)
Q_NAMES = re.compile(r"^<?(q|x)>?([ _(\[/].*)?$", re.IGNORECASE)
I_NAMES = re.compile(r"^<?(i|y|int|intensity|i\(q\)|iq|pq|p\(q\))>?([ _(\[/].*)?$", re.IGNORECASE)
SIGMA_NAMES = re.compile(
    r"^s$|^<?(d_?[iy]|sigma|sig|err\w*|i?dev|i_?err\w*|std\w*|sem|uncertaint\w*|"
    r"(i|intensity)[ _]?(sigma|err\w*|std|dev)|sigma_?i|delta_?i)>?([ _(\[/].*)?$",
    re.IGNORECASE,
)


class Row(NamedTuple):
    """One line of numbers, and its line number from 1."""

    line: int
    numbers: tuple[float, ...]


def read_ascii_curve(path: Path, q_unit: str | None) -> Curve:
    """The one curve of a text file, q in 1/nm; raises InputFileError with the line where it is none.

    Where neither `q_unit` nor the header tells the unit of q, the error asks for it: 1/A and 1/nm differ by ten.
    """
    lines = _lines(path)
    rows = _rows(path, lines)
    header = lines[: rows[0].line - 1]
    table = np.array([row.numbers for row in rows], dtype=np.float64).T.copy()
    columns, notes = _columns(header, len(table))
    factor = unit_factor(path, q_unit) if q_unit is not None else _unit_in(path, header)
    sigma = None if columns[2] is None else present_sigma(table[columns[2]])
    if columns[2] is not None and sigma is None:
        notes += ("the sigma column is -1 or 0 throughout: taken as absent",)
    curve = Curve(factor * table[columns[0]], table[columns[1]], sigma, path.stem, notes)
    return checked_curve(path, curve, [f"line {row.line}" for row in rows])


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = "is a folder" if path.is_dir() else (error.strerror or "cannot be read").lower()
        raise refusal(path, "file", path.name, reason, "give the path of a curve") from error
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return content.decode("latin-1").splitlines()


def _rows(path: Path, lines: list[str]) -> list[Row]:
    """The longest block of rows with one number of columns; blank and comment lines inside it do not end it."""
    parsed = [Row(number, _numbers(line)) for number, line in enumerate(lines, start=1) if not _is_silent(line)]
    blocks = [list(block) for _, block in groupby(parsed, key=lambda row: len(row.numbers))]
    rows = max((block for block in blocks if len(block[0].numbers) >= 2), key=len, default=[])
    if len(rows) < FEWEST_ROWS:
        rule = f"needs {FEWEST_ROWS} or more rows with the columns q and I"
        raise refusal(path, "curve", f"{len(rows)} rows of numbers", rule, "give a table of numbers, one q per row")
    broken = _line_that_breaks(rows, blocks)
    if broken is not None:
        rule = f"stands between rows of numbers and has not their {len(rows[0].numbers)} columns"
        raise refusal(path, f"line {broken}", repr(lines[broken - 1].strip()[:60]), rule, "correct or remove that line")
    return rows


def _line_that_breaks(rows: list[Row], blocks: list[list[Row]]) -> int | None:
    """The line at which a table is broken in two, None where it is whole.

    Numbers after `rows` belong to the table. Numbers before do where they have its columns and go on to its first q;
    others are part of a header (Anton Paar's .pdh has four such lines).
    """
    at = blocks.index(rows)
    if any(block[0].numbers for block in blocks[at + 1 :]):
        return blocks[at + 1][0].line
    first = rows[0].numbers
    for before, after in pairwise(blocks[: at + 1]):
        last = before[-1].numbers
        if len(last) == len(first) and 0 < last[0] < first[0]:
            return after[0].line
    return None


def _is_silent(line: str) -> bool:
    return not line.strip() or (line.lstrip()[0] in "#%!;" and not _numbers(line))


def _numbers(line: str) -> tuple[float, ...]:
    """The numbers of a line, () where it holds anything else. Separated by comma, semicolon, tab or space."""
    text = line.strip().rstrip(",;")
    if (";" in text or "\t" in text) and "," in text and "." not in text:
        text = text.replace(",", ".")  # decimal commas, as spreadsheets write them
    try:
        return tuple(float(cell) for cell in re.split(r"\s*[,;]\s*|\s+", text))
    except ValueError:
        return ()


def _columns(header: list[str], count: int) -> tuple[tuple[int, int, int | None], tuple[str, ...]]:
    """Which columns are q, I and sigma, and what there is to say about the others."""
    names = _names(header, count)
    if names is None:
        return (0, 1, 2 if count >= 3 else None), ()
    q = next((i for i, name in enumerate(names) if Q_NAMES.match(name)), 0)
    sigma = next((i for i, name in enumerate(names) if SIGMA_NAMES.match(name) and i != q), None)
    named = (i for i, name in enumerate(names) if I_NAMES.match(name) and i not in (q, sigma))
    intensity = next(named, 1 if q != 1 else 0)
    unused = [name for i, name in enumerate(names) if i not in (q, intensity, sigma)]
    notes = (f"columns not used: {', '.join(unused)}",) if unused else ()
    return (q, intensity, sigma), notes


def _names(header: list[str], count: int) -> list[str] | None:
    """The names of the columns: the last line above the rows that has one per column, q among them."""
    for line in reversed([line for line in header if line.strip()][-3:]):
        text = line.strip().lstrip("#%!;").strip()
        text = text.rpartition(":")[2] if ":" in text else text
        for separator in (r"\s*[,;\t]\s*", r"\s{2,}", r"\s+"):
            cells = [cell.strip().strip('"') for cell in re.split(separator, text.strip())]
            cells = [cell for cell in cells if cell]
            are_names = all(cell[0].isalpha() or cell[0] == "<" for cell in cells)  # a cell "(1/nm)" is a unit cut off
            if len(cells) == count and are_names and any(Q_NAMES.match(cell) for cell in cells):
                return cells
    return None


def _unit_in(path: Path, header: list[str]) -> float:
    """The factor to 1/nm of the unit that the header gives to q."""
    found: set[float] = set()
    for line in reversed(header):
        match = SPEAKS_OF_Q.search(line)
        found = q_factors(match.group(1) + match.group(2)) if match else set()
        if found:
            break
    if len(found) != 1:
        rule = "1/nm and 1/A both stand in the header" if found else "the file does not say whether q is in 1/nm or 1/A"
        raise refusal(path, "unit of q", "unknown", rule, 'give it: q_unit="1/nm" or "1/A"')
    return found.pop()
