"""Files that appear whole or not at all: written under a temporary name beside the target, then renamed."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .refusal import refusal

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, no quota, or larger than a file may be."""

log = logging.getLogger(__name__)


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
def replacing(path: Path, *, level: int = logging.INFO) -> Iterator[Path]:
    """Give a temporary path to write; rename it to `path` on success, remove it on failure.

    level: how much it matters to the log. A disk that is full is an OSError that names `path`, whichever library met it.
    """
    part = temporary_beside(path)
    try:
        with naming(path):
            yield part
            os.replace(part, path)
        log.log(level, "wrote %s", path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What cannot be written for want of space becomes an OSError with the name of the file."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        code = full_disk(error)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), str(path)) from error


def full_disk(error: BaseException) -> int | None:
    """The system's number where `error` says that the disk is full (HDF5 says it in its text only), else None."""
    number = error.errno if isinstance(error, OSError) and error.errno else None
    if number is None and (found := re.search(r"errno = (\d+)", str(error))):
        number = int(found[1])
    return number if number in FULL else None
