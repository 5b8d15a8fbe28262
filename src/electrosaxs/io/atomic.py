"""Files that appear whole or not at all: written under a temporary name beside the target, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .refusal import refusal


def temporary_beside(path: Path) -> Path:
    """A name in the same folder (so that renaming is atomic) that no reader looks for; makes the folder.

    Raises InputFileError where the folder cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be made ({error.strerror})"
        raise refusal(path, "folder", path.parent, reason, "choose a folder that you may write to") from error
    return path.with_name(f".{path.name}.{os.getpid()}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; rename it to `path` on success, remove it on failure."""
    part = temporary_beside(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
