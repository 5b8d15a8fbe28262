"""Columns in the headers of single images (CBF and TIFF of Pilatus, EDF) and in the text file that lies beside each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .image_series import image_folder, name_and_number
from .their_table import NamedColumns, TheirColumn, as_column

HEADER_BYTES = 16384
FILE, DATE = "file", "date"
LINE = re.compile(r"^#?\s*([A-Za-z][\w .#/()+-]*?)\s*[:=]\s*(.*?)\s*;?\s*$")
PILATUS = re.compile(r"^#\s*([A-Za-z]\w*):?\s+=?\s*(\S.*?)\s*$")
ISO_LINE = re.compile(r"^#\s*(\d{4}-\d\d-\d\dT[\d:.]+)")
NUMBER_AND_UNIT = re.compile(r"^([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)\s+([A-Za-z%]+)$")
TEXT_ENDING = ".txt"
PILATUS_START = (b"###CBF", b"II*\x00", b"MM\x00*")


def header_table(images: Path, names: Sequence[str]) -> NamedColumns:
    """One row per frame of `names` (below the folder of `images`): what its header and the text beside it say; `file` is the
    name, `date` the time stamp of a Pilatus image."""
    folder = image_folder(images)
    cells: list[dict[str, str]] = []
    read: dict[str, dict[str, str]] = {}
    for name in names:
        file, _ = name_and_number(name)
        if file not in read:
            read[file] = header_of(folder / file)
        cells.append(read[file])
    keys = list(dict.fromkeys(key for row in cells for key in row))
    columns = [TheirColumn(FILE, np.array(names, dtype=object)), *(_column(key, cells) for key in keys)]
    return NamedColumns(images, columns, rows=len(names))


def _column(key: str, cells: list[dict[str, str]]) -> TheirColumn:
    """A header entry of all frames; a unit that stands behind the number is the column's."""
    texts = [row.get(key, "") for row in cells]
    split = [NUMBER_AND_UNIT.match(text) for text in texts]
    units = {match[2] for match in split if match}
    if len(units) == 1 and all(match or not text for match, text in zip(split, texts, strict=True)):
        return as_column(key, [match[1] if match else "" for match in split], units.pop())
    return as_column(key, texts)


def header_of(path: Path) -> dict[str, str]:
    """Entries of an image's header, and of the text beside it, which come first; of one that stands twice the first."""
    entries: dict[str, str] = {}
    for beside in (path.with_suffix(TEXT_ENDING), path.with_name(path.name + TEXT_ENDING)):
        if beside.is_file():
            entries = _entries(beside.read_text(encoding="utf-8", errors="replace").splitlines())
            break
    try:
        with path.open("rb") as stream:
            start = stream.read(HEADER_BYTES)
    except OSError:
        return entries
    if start.startswith(PILATUS_START):
        lines = re.findall(rb"#[ \t]+[^\r\n\x00]{2,200}", start)
        return _pilatus([line.decode("latin-1") for line in lines]) | entries
    if start.lstrip().startswith(b"{"):
        head = start.partition(b"}")[0].lstrip(b" \r\n{").decode("latin-1")
        return _entries(head.replace(";", "\n").splitlines()) | entries
    return entries


def _entries(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        if match := LINE.match(line.strip()):
            found.setdefault(match[1].strip(), match[2])
    return found


def _pilatus(lines: Sequence[str]) -> dict[str, str]:
    """`# Exposure_time 0.995 s` and the time stamp without a name."""
    found: dict[str, str] = {}
    for line in lines:
        if stamp := ISO_LINE.match(line):
            found.setdefault(DATE, stamp[1])
        elif match := PILATUS.match(line):
            found.setdefault(match[1], match[2])
    return found
