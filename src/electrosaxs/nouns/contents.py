"""What is in a file, before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .base import Number


@dataclass(frozen=True)
class Part:
    """One thing that a file holds. kind: "image stack", "column", "map", "header", "table", ...; text: shape, range, unit or
    value, in words."""

    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class FileContents:
    """path: as given; kind: what the whole file is, in words; parts: in the order of the file; numbers: headline numbers."""

    path: Path
    kind: str
    parts: tuple[Part, ...]
    numbers: Mapping[str, Number] = field(default_factory=dict)
