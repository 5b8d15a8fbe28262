"""What a check of a file found, before any work is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Findings:
    """path and kind ("run", "experiment") of the file. does: (what, in words) that the command would do; absent: optional
    things that are not given, and what is taken instead; doubts: what will make the results poorer; command: to type."""

    path: Path
    kind: str
    does: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]
    doubts: tuple[str, ...]
    command: str
