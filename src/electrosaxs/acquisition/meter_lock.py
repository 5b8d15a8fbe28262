"""One client of this project per meter and computer: a lock of the operating system on a file that goes with its holder.

The lock ends with the process, however it ends; after a kill the file stays, and the next client locks it, or whoever sees to
the output after the kill removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


def locked(path: Path) -> int | None:
    """A descriptor that holds the lock on the file at `path`, which is made where there is none; None where another holds it.

    Who unlocks removes the file first. One that was opened before that, and locked after, is no longer the file at `path`,
    which the next one makes and locks: then it is opened again.
    """
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY)  # whoever made it
        except FileNotFoundError:
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)


def unlocked(descriptor: int, path: Path) -> None:
    """The file at `path` removed, where this computer lets its user do that, and its lock given back."""
    if _is_at(descriptor, path):  # not another's, where somebody cleaned up meanwhile
        with contextlib.suppress(OSError):  # another user's stays
            path.unlink()
    os.close(descriptor)


def removed(path: Path) -> None:
    """The file at `path` removed where nobody holds it: its holder was killed."""
    if path.exists() and (descriptor := locked(path)) is not None:
        unlocked(descriptor, path)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
