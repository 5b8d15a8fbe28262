"""The folder that a command writes to."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputFileError, bad_value


def output_folder(path: str | Path) -> Path:
    """The folder, made with its parents where it is missing; InputFileError where that cannot be or it is read-only."""
    path = Path(path)
    reason = "is a file" if path.is_file() else ""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = reason or (error.strerror or "cannot be made").lower()
    if not reason and not os.access(path, os.W_OK | os.X_OK):
        reason = "is read-only"
    if reason:
        raise bad_value(
            InputFileError,
            where=path,
            field="--out",
            value=path.name,
            rule=f"must be a folder that can be written ({reason})",
            remedy="give another folder, or its owner the right to write",
        )
    return path
