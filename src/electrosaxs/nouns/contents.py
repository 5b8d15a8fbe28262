"""What is in a file, before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One thing that a file holds. kind: "image stack", "column", "map", "number", "header", "table", ...; text: shape, range,
    unit or value, in words."""

    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class FileContents:
    """path: as given; kind: what the whole file is, in words; parts: in the order of the file."""

    path: Path
    kind: str
    parts: tuple[Part, ...]
