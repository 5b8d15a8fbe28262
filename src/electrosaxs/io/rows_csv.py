"""CSV tables with one header line, written whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from .atomic import replacing


def write_rows(path: Path, header: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Write `header` and `rows`."""
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table that `write_rows` left, by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
