"""live.jsonl: one line per frame in the order in which they were done; it outlives a kill, and no line is half."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .plain_json import plain

LINES = "live.jsonl"


class LiveLines:
    """The file in `folder`, from the lines that an earlier process left (a half one is dropped). `known`: index of a frame
    -> its height and time as the line has them."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LINES
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        self._starts = [0]
        self.known: dict[int, tuple[float | None, float | None]] = {}
        self.last: dict[str, Any] = {}
        with self._path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._take(json.loads(line), len(line))
        os.truncate(self._path, self._starts[-1])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def append(self, line: Mapping[str, Any]) -> None:
        """One more frame."""
        kept = {name: _finite(value) for name, value in plain(line).items()}
        text = json.dumps(kept, allow_nan=False, ensure_ascii=False).encode() + b"\n"
        os.pwrite(self._descriptor, text, self._starts[-1])
        self._take(kept, len(text))

    def since(self, number: int) -> bytes:
        """The lines from `number` on, counted from 0."""
        end = self._starts[-1]
        start = self._starts[min(max(number, 0), len(self))]
        return os.pread(self._descriptor, end - start, start)

    def close(self) -> None:
        """Nothing more comes."""
        os.close(self._descriptor)

    def _take(self, line: dict[str, Any], size: int) -> None:
        self.known[line["index"]] = (line["height_um"], line["time_s"])
        self.last = line
        self._starts.append(self._starts[-1] + size)


def _finite(value: Any) -> Any:
    """null for a number that is none."""
    return None if value in ("nan", "inf", "-inf") else value
