"""Roles from the names of samples, files or scans, or from frame ranges."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...nouns import Role
from ...nouns.frame_source import Patterns, RoleReading
from ..refusal import refusal

RANGES = re.compile(r"^\s*\d+(\s*-\s*\d*)?(\s*,\s*\d+(\s*-\s*\d*)?)*\s*$")
IGNORED = "ignore"
ORDER = (
    Role.REFERENCE, Role.SOLVENT, Role.EMPTY, Role.DARK, Role.ALIGNMENT, Role.SAMPLE,
)  # fmt: skip
FIELD = "frames.columns.role"
LISTED = 6


def roles(reading: RoleReading, names: Sequence[str], path: Path) -> npt.NDArray[np.str_]:
    """The role of each row, IGNORED for those that are left out. names: of the rows, empty where there are none."""
    given = {str(role): getattr(reading, str(role)) for role in ORDER} | {IGNORED: reading.ignore}
    found = np.full(len(names), "", dtype=object)
    for role, patterns in [(IGNORED, given[IGNORED]), *((str(role), given[str(role)]) for role in ORDER)]:
        if patterns is not None:
            rows = _rows(patterns, names, f"{FIELD}.{role}", path)
            found[[i for i in rows if not found[i]]] = role
    for role in (
        str(role) for role in ORDER if given[str(role)] is None
    ):  # a name that is a role's own means that role
        found[[i for i, name in enumerate(names) if not found[i] and name.strip().lower() == role]] = role
    rest = [i for i in range(len(names)) if not found[i]]
    if rest and reading.sample is not None:
        others = sorted({names[i] or f"frame {i}" for i in rest})
        rule = f"{len(rest)} rows have no role: {', '.join(others[:LISTED])}{' ...' if len(others) > LISTED else ''}"
        raise refusal(path, FIELD, f"sample = {_shown(reading.sample)}", rule, "name them in a role, or in ignore")
    found[rest] = str(Role.SAMPLE)
    return found.astype(np.str_)


def _rows(patterns: Patterns, names: Sequence[str], field: str, path: Path) -> list[int]:
    """The rows that patterns mean; InputFileError where they mean none."""
    each = [patterns] if isinstance(patterns, str) else list(patterns)
    if all(RANGES.match(pattern) for pattern in each) and not any(_fits(name, each) for name in names):
        rows = [row for pattern in each for row in _ranges(pattern, len(names), field, path)]
    else:
        rows = [i for i, name in enumerate(names) if _fits(name, each)]
    if not rows:
        there = ", ".join(sorted(set(filter(None, names)))[:LISTED]) or "not given (role.column)"
        remedy = f"names are {there}; give a pattern with *, or frame ranges such as 0-5"
        raise refusal(path, field, _shown(patterns), "fits no row", remedy)
    return rows


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.strip().lower(), pattern.strip().lower()) for pattern in patterns)


def _ranges(text: str, rows: int, field: str, path: Path) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = (side.strip() for side in part.partition("-"))
        low, high = int(first), (int(last) if last else rows - 1) if dash else int(first)
        if not low <= high < rows:
            rule = f"the table has rows 0 to {rows - 1}"
            raise refusal(path, field, text, rule, "give ranges within them, the first number not above the second")
        found += range(low, high + 1)
    return found


def _shown(patterns: Patterns) -> str:
    return patterns if isinstance(patterns, str) else ", ".join(patterns)
