"""The table of numbers in a text file, in any encoding, with any separator and way of writing numbers.

The rows are the longest block of lines with the same number of numbers; what stands above them is the header.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

from .refusal import refusal
from .small_file import content_of
from .text_numbers import Notation, notation_of, number

FEWEST_ROWS = 5
MADE_OF_DIGITS = re.compile(r"[\d\s.,;|\"'’+\-eEdD]*\d[\d\s.,;|\"'’+\-eEdD]*")
WORDS_AMONG_NUMBERS = re.compile(r"\b(?:nan|inf|infinity)\b", re.IGNORECASE)
OTHER_FORMATS = {
    b"PK\x03\x04": ("is a workbook or an archive", "save the table as CSV or text"),
    b"\xd0\xcf\x11\xe0": ("is an Excel workbook", "save the table as CSV or text"),
    b"\x1f\x8b": ("is compressed", "unpack it first"),
    b"%PDF": ("is a PDF", "give the table of numbers itself"),
}
MARKS = ((b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas", " ": "spaces"}


class Row(NamedTuple):
    """One line of numbers, and its line number from 1."""

    line: int
    numbers: tuple[float, ...]


class TextTable(NamedTuple):
    """Lines above the rows, the rows, what separates their cells, how numbers are written, and why that may be wrong
    unless names of the columns confirm it (empty: nothing)."""

    header: list[str]
    rows: list[Row]
    separator: str
    notation: Notation
    doubt: str


def text_lines(path: Path) -> list[str]:
    """The lines of a text file; raises InputFileError where it cannot be read or is no text."""
    try:
        content = content_of(path)
    except OSError as error:
        reason = "is a folder" if path.is_dir() else (error.strerror or "cannot be read").lower()
        raise refusal(path, "file", path.name, reason, "give the path of a curve") from error
    for start, (what, remedy) in OTHER_FORMATS.items():
        if content.startswith(start):
            raise refusal(path, "file", path.name, what, remedy)
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), None) or _encoding(path, content)
    try:
        return content.decode(encoding).splitlines()
    except UnicodeDecodeError:
        return content.decode("latin-1").splitlines()


def _encoding(path: Path, content: bytes) -> str:
    """UTF-8, or UTF-16 without its mark: every other byte of Western text is then 0."""
    zeros = [content[start::2].count(0) for start in (0, 1)]
    if sum(zeros) == 0:
        return "utf-8-sig"
    if max(zeros) > 0.7 * len(content[::2]) and min(zeros) == 0:
        return "utf-16-be" if zeros[0] else "utf-16-le"
    raise refusal(path, "file", path.name, "is binary, no text", "give I(q) as text columns, canSAS XML or NXcanSAS")


def read_text_table(path: Path, lines: list[str]) -> TextTable:
    """The one table of numbers among `lines`; raises InputFileError with the line where there is none."""
    digits = [line for line in lines if _made_of_digits(line)]
    separator = _separator(digits)
    cells = [_split(line, separator) for line in digits]
    notation = notation_of(cells)
    if notation is None or (separator == " " and notation.decimal == "," and _rises_in_whole_steps(cells)):
        rule = "its commas may be decimal commas, group thousands, or stand between columns"
        shown = next((line.strip()[:60] for line in digits if "," in line), digits[0].strip()[:60])
        raise refusal(path, "number", repr(shown), rule, "write decimal points and no separators of thousands")
    rows = _rows(path, lines, lambda line: _numbers(line, separator, notation))
    own = [_split(lines[row.line - 1], separator) for row in rows]
    return TextTable(lines[: rows[0].line - 1], rows, separator, notation, _doubt(own, separator))


def _made_of_digits(line: str) -> bool:
    return MADE_OF_DIGITS.fullmatch(WORDS_AMONG_NUMBERS.sub("0", line)) is not None


def _separator(lines: Sequence[str]) -> str:
    """What most lines of numbers are split by; commas inside numbers that spaces split are none."""
    stripped = [line.strip() for line in lines]
    for mark in ("\t", ";"):
        if 2 * sum(mark in line for line in stripped) > len(stripped):
            return mark
    commas = [line for line in stripped if "," in line]
    between_spaces = [line for line in commas if not re.search(r"(?<![,\s])[ \t]+(?![,\s])", line)]
    return "," if between_spaces and 2 * len(between_spaces) > len(commas) else " "


def _rises_in_whole_steps(cells: Sequence[Sequence[str]]) -> bool:
    """Whether the first column would rise as well if its commas stood between columns: 1,5000 then 2,5000."""
    whole = [row[0].partition(",")[0] for row in cells if row]
    steps = [int(after) - int(before) for before, after in pairwise(whole) if before.isdigit() and after.isdigit()]
    return bool(steps) and all(step > 0 for step in steps)


def _split(line: str, separator: str) -> list[str]:
    """The cells of a line, quotes and empty cells left out."""
    if separator == " ":
        found = re.findall(r'"([^"]*)"|([^ \t"]+)', line.strip())
        cells = [(quoted or plain).strip().rstrip(",;") for quoted, plain in found]
    else:
        text = line.strip() if separator == "\t" else line.strip().replace("\t", " ")
        cells = [
            cell.strip().strip("'\"")
            for cell in next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
        ]
    return [cell for cell in cells if cell]


def _numbers(line: str, separator: str, notation: Notation) -> tuple[float, ...]:
    """The numbers of a line, () where it holds anything else."""
    if not _made_of_digits(line):
        return ()
    found = [number(cell, notation) for cell in _split(line, separator)]
    return () if any(one is None for one in found) else tuple(one for one in found if one is not None)


def _doubt(cells: Sequence[Sequence[str]], separator: str) -> str:
    """Why commas or spaces between the columns may be decimal marks or group thousands; empty where they cannot."""
    columns = list(zip(*cells, strict=False))
    if separator == "," and not any(re.search(r"[.,eEdD]", cell) for row in cells for cell in row):
        return "commas may stand between columns or be decimal commas"
    if separator in ", ":
        for left, right in pairwise(columns):
            whole = all(re.fullmatch(r"[+-]?[1-9]\d{0,2}", cell) for cell in left)
            if whole and all(re.fullmatch(r"\d{3}(?:[.,]\d*)?", cell) for cell in right):
                return f"{SEPARATORS[separator]} may stand between columns or group thousands"
        if any(re.match(r"[+-]?0\d", cell) for row in cells for cell in row):
            return f"numbers that begin with 0 may be cut from longer ones by the {SEPARATORS[separator]}"
    first = [row[0] for row in cells]
    if (
        len(columns) > 2
        and len(first) > 2 * FEWEST_ROWS
        and first in ([str(i) for i in range(k, k + len(first))] for k in (0, 1))
    ):
        return "the first column counts the rows and is no q"
    return ""


def _rows(path: Path, lines: list[str], numbers: Callable[[str], tuple[float, ...]]) -> list[Row]:
    """The longest block of rows with one number of columns; blank and comment lines inside it do not end it."""
    parsed = [Row(at, numbers(line)) for at, line in enumerate(lines, start=1) if not _is_silent(line, numbers)]
    blocks = [list(block) for _, block in groupby(parsed, key=lambda row: len(row.numbers))]
    rows = max((block for block in blocks if len(block[0].numbers) >= 2), key=len, default=[])
    if len(rows) < FEWEST_ROWS:
        raise _no_table(path, lines, blocks, len(rows))
    broken = _line_that_breaks(rows, blocks)
    if broken is not None:
        rule = f"stands between rows of numbers and has not their {len(rows[0].numbers)} columns"
        if _made_of_digits(lines[broken - 1]):
            rule += " (decimal commas or separators of thousands may cut its numbers)"
        raise refusal(path, f"line {broken}", repr(lines[broken - 1].strip()[:60]), rule, "correct or remove that line")
    return rows


def _no_table(path: Path, lines: list[str], blocks: list[list[Row]], found: int) -> Exception:
    """The refusal of a file without a table, by what its lines hold instead."""
    single = max((len(block) for block in blocks if len(block[0].numbers) == 1), default=0)
    if single >= FEWEST_ROWS:
        rule = f"one column of {single} numbers only, I is missing"
        return refusal(path, "columns", 1, rule, "give q and I beside each other, one q per row")
    begun = [(at, line.strip()) for at, line in enumerate(lines, start=1) if re.match(r"\s*[+-]?[.\d]", line)]
    strange = [(at, line) for at, line in begun if not _made_of_digits(line)]
    if len(begun) >= FEWEST_ROWS and strange:
        at, line = strange[0]
        rule = "begins with a number and holds something else"
        return refusal(path, f"line {at}", repr(line[:60]), rule, "give rows of numbers only, below one line of names")
    rule = f"needs {FEWEST_ROWS} or more rows with the columns q and I"
    return refusal(path, "curve", f"{found} rows of numbers", rule, "give a table of numbers, one q per row")


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


def _is_silent(line: str, numbers: Callable[[str], tuple[float, ...]]) -> bool:
    return not line.strip() or (line.lstrip()[0] in "#%!;" and not numbers(line))
