"""How often a piece of work was begun and not ended, on disk: a process that is killed can say nothing any more.

Each try makes a file of its own, `<name>.<number>`, and removes all of them when it ends. What a careful try was at when it was
killed stands in its file.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self


class Tries:
    """A try of the piece `name`. earlier: how many were begun before and never ended; at_hand: what the careful ones among
    them were at. Use as a context manager; where the block raises, the try has ended too."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        for number in count():
            try:
                self._file = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                break
            except FileExistsError:  # told by the file server itself, which every machine asks
                continue
        self.earlier = number
        texts = [self._path(before).read_text(encoding="ascii") for before in range(number)]
        self.at_hand = [int(text) for text in texts if text]

    def now_at(self, item: int) -> None:
        """From here on `item` is what this try is at; on disk when this returns."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(item).encode(), 0)
        os.fsync(self._file)

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}.{number}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._file)
        for number in range(self.earlier + 1):
            self._path(number).unlink(missing_ok=True)
