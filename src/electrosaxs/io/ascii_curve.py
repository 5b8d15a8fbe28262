"""I(q) as columns of text: q, I and sigma, whatever stands above them.

Columns are what their names say (column_names); where the header names none they are q, I, sigma in that order. The unit
of q stands in the name of its column, below it, or in another line of the header that speaks of q.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..nouns import FloatArray
from .column_names import Columns, Meaning, choose, meaning
from .curve import (
    Curve,
    checked_curve,
    described_unit,
    in_order,
    lengths_in,
    present_sigma,
    q_factors,
    unit_factor,
    unknown_unit,
)
from .refusal import refusal
from .text_table import TextTable, read_text_table, text_lines

SPEAKS_OF_Q = re.compile(r"(?<![a-z])(q|units?|<x>|scattering vector|momentum transfer)(?![a-z])(.*)", re.IGNORECASE)
LINES_WITH_NAMES = 12
UNIT_ALONE = re.compile(r"[(\[{/].*|(?:1/|per|inverse)\S*|(?:nm|cm|a|å)\^?[({]?[-−⁻]\S*|%|a\.?u\.?", re.IGNORECASE)


class Named(NamedTuple):
    """Names of the columns, one each, and the line below them; no names where the header has none."""

    names: tuple[str, ...] = ()
    below: str = ""


def read_ascii_curve(path: Path, q_unit: str | None, lines: list[str] | None = None) -> Curve:
    """The one curve of a text file, q in 1/nm; raises InputFileError with the line where it is none.

    Where neither `q_unit` nor the header tells the unit of q, the error asks for it: 1/A and 1/nm differ by ten.
    """
    table = read_text_table(path, text_lines(path) if lines is None else lines)
    values = np.array([row.numbers for row in table.rows], dtype=np.float64).T.copy()
    named = _named(path, table, values)
    columns = choose(named.names) if named.names else Columns(0, 1, 2 if len(values) > 2 else None)
    if columns.problem:
        remedy = "name the columns, for example q (1/nm), I, sigma"
        raise refusal(path, "columns", ", ".join(named.names), columns.problem, remedy)
    if q_unit is not None:
        factor, source = unit_factor(path, q_unit), "as told"
    else:
        factor, source = _unit_in(path, table.header, named, columns.q), "as the file says"
    sigma, notes = _sigma(values, columns, named.names)
    unit = f"q in {described_unit(factor)} {source}"
    read_as = "; ".join(part for part in (unit, _columns_in_words(columns, named.names), table.notation.words) if part)
    curve = Curve(factor * values[columns.q], values[columns.intensity], sigma, path.stem, notes, read_as)
    places = [f"line {row.line}" for row in table.rows]
    return checked_curve(path, *in_order(curve, places, overlap=2))


def _sigma(values: FloatArray, columns: Columns, names: Sequence[str]) -> tuple[FloatArray | None, tuple[str, ...]]:
    """sigma (n,) from its column, None where there is none; and what there is to say about the columns not used."""
    used, notes = {columns.q, columns.intensity}, []
    sigma = None
    if columns.sigma is not None:
        used.add(columns.sigma)
        sigma = present_sigma(_converted(values, columns))
        if sigma is None:
            notes.append("the sigma column is -1 or 0 throughout: taken as absent")
    unused = [name or "(no name)" for i, name in enumerate(names) if i not in used]
    return sigma, (*notes, f"columns not used: {', '.join(unused)}") if unused else tuple(notes)


def _converted(values: FloatArray, columns: Columns) -> FloatArray:
    """sigma from what its column holds: itself, its square, or a share of I."""
    assert columns.sigma is not None
    given, kind = values[columns.sigma], columns.holds.kind
    if kind == "variance":
        return np.where(given >= 0.0, np.sqrt(np.abs(given)), given)
    if kind == "relative error":
        assert columns.holds.unit is not None
        return np.asarray(columns.holds.unit * given * np.abs(values[columns.intensity]))
    return given


def _columns_in_words(columns: Columns, names: Sequence[str]) -> str:
    if not names:
        return "columns by place, the file names none: q, I" + (", sigma" if columns.sigma is not None else "")
    said = [f"q from '{names[columns.q]}'", f"I from '{names[columns.intensity]}'"]
    if columns.sigma is not None:
        holds = {"variance": "root of ", "relative error": "I times "}.get(columns.holds.kind, "")
        said.append(f"sigma from {holds}'{names[columns.sigma]}'")
    return ", ".join(said)


def _named(path: Path, table: TextTable, values: FloatArray) -> Named:
    """The names of the columns: the lowest line above the rows that has one per column, q or I among them.

    Raises InputFileError where a line names columns, but not as many as there are, and where without names it is not
    certain what separates the columns.
    """
    lines = [line for line in table.header if line.strip()][-LINES_WITH_NAMES:]
    count, other = len(values), 0
    for at, line in reversed(list(enumerate(lines))):
        below = lines[at + 1] if at + 1 < len(lines) else ""
        for cells in _cells(line):
            known = [meaning(cell) for cell in cells]
            if len(cells) == count and _are_names(cells, known):
                return Named(tuple(cells), below)
            if len(cells) == count - 1 and _are_names(cells, known) and _counts_rows(values[0]):
                return Named(("", *cells), below)
            clear = sum(one.kind != "other" for one in known)
            if not other and known[:1] and known[0].kind == "q" and (clear > 2 or clear == len(cells) == 2):
                other = 0 if known[1].kind == "I" and min(len(cells), count) == 2 and count < 4 else len(cells)
    if listed := _listed(lines, count):
        return Named(listed)
    if other:
        rule = (
            f"the header names {other} columns: decimal commas, separators of thousands or blanks in names may be why"
        )
        raise refusal(path, f"line {table.rows[0].line}", f"{count} numbers", rule, "make columns and names agree")
    if table.doubt:
        rule = f"{table.doubt}, and the header does not name each column"
        remedy = "name each column above the numbers, or write decimal points and tabs between columns"
        raise refusal(path, f"line {table.rows[0].line}", f"{count} numbers", rule, remedy)
    return Named()


def _cells(line: str) -> Iterator[list[str]]:
    """The ways to split a line into names: at each mark, at wide spaces, and at spaces with units kept to their name."""
    text = re.sub(r"^\s*(?:[#%!;*]+\s*)?(?:L(?=\s)|N\s+\d+\s|WAVES\S*)?", "", line).strip(" ")
    for part in [text.rpartition(":")[2].strip(), text] if ":" in text else [text]:
        for mark in "\t;|,":
            if mark in part:
                cells = [cell.strip().strip("\"'").strip() for cell in part.split(mark)]
                yield cells
                yield [cell for cell in cells if cell]
                yield [cell for cell in cells[1:] if cell]  # NIST's "The 6 columns are | Q (1/A) | ..."
        yield [cell for cell in re.split(r"\s{2,}", part) if cell]
        yield _with_units([cell.strip("\"',;") for cell in re.findall(r'"[^"]*"|\S+', part)])


def _with_units(tokens: Sequence[str]) -> list[str]:
    """Tokens split at spaces, each unit joined to the name before it: q (1/nm) is one name."""
    cells: list[str] = []
    for token in tokens:
        within = bool(cells) and any(cells[-1].count(a) > cells[-1].count(b) for a, b in ("()", "[]", "{}"))
        if cells and (within or UNIT_ALONE.fullmatch(token)):
            cells[-1] += f" {token}"
        else:
            cells.append(token)
    return cells


def _are_names(cells: Sequence[str], known: Sequence[Meaning]) -> bool:
    """Whether cells are names of columns: words, and two of them q, I or an error of one."""
    words = all(not cell or re.match(r"[^\W\d]|[<±+|\d]", cell) for cell in cells) and any(cells)
    kinds = {one.kind for one in known}
    return words and (len(kinds - {"other"}) > 1 or kinds == {"transformed"})


def _counts_rows(first: FloatArray) -> bool:
    return bool(np.all(np.diff(first) == 1.0)) and first[0] in (0.0, 1.0)


def _listed(lines: Sequence[str], count: int) -> tuple[str, ...]:
    """Names given one a line, as "column 2: I (1/cm)"; empty where they are not."""
    found = {}
    for line in lines:
        if match := re.match(r"\W*(?:col(?:umn)?|field)\W*(\d+)\W+(.*\w.*)", line, re.IGNORECASE):
            found[int(match.group(1))] = match.group(2).strip()
    whole = sorted(found) in (list(range(1, count + 1)), list(range(count)))
    return tuple(found[i] for i in sorted(found)) if whole else ()


def _unit_in(path: Path, header: Sequence[str], named: Named, q: int) -> float:
    """The factor to 1/nm of the unit that the header gives to q; raises InputFileError where it gives none, or two."""
    found: set[float] = set()
    if named.names:
        found = lengths_in(named.names[q])
        below = next((cells for cells in _cells(named.below) if len(cells) == len(named.names)), None)
        if not found and below:
            found = q_factors(below[q])
    for line in reversed(header):
        if found:
            break
        match = SPEAKS_OF_Q.search(line)
        found = q_factors(match.group(1) + match.group(2)) if match else set()
    if len(found) != 1:
        raise unknown_unit(path, "1/nm and 1/A both stand in the header" if found else "")
    return found.pop()
