"""A folder that is being written belongs to one process: the file `.electrosaxs.lock` in it says which.

The lock itself is the operating system's (flock), which ends with the process however it ends; the text in the file (pid,
host, command) is for people, and by it a later process sees that an earlier one died.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputFileError
from .refusal import refusal

NAME = ".electrosaxs.lock"
UNABLE = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
"""File systems on which nothing can be locked."""

log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Hold the lock of `folder`, which must be there, for as long as the block lasts.

    Raises InputFileError where a living process holds it. A lock left by a dead process is taken over, and a warning
    is logged that says so.
    """
    path = folder / NAME
    descriptor = _taken(path)
    if descriptor is None:
        yield
        return
    try:
        _tell_of_the_dead(path, descriptor)
        about = {"pid": os.getpid(), "host": socket.gethostname(), "command": command}
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(about).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Whether a living process is writing to `folder`."""
    try:
        with (folder / NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    return False


def _taken(path: Path) -> int | None:
    """The open lock file, locked for this process; None where this file system cannot lock."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if error.errno in UNABLE:
                log.info("%s: this file system cannot lock; two commands must not write there", path.parent)
                path.unlink(missing_ok=True)
                return None
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise _busy(path, holder) from None
        try:  # the one who held it may have removed the file while this process opened it
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _holder(descriptor: int) -> dict[str, object]:
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tell_of_the_dead(path: Path, descriptor: int) -> None:
    """A warning where the file still holds the name of a process: it ended without removing it."""
    if dead := _holder(descriptor):
        log.warning(
            "%s: electrosaxs %s (pid %s on %s) died while it wrote here; its lock is taken over",
            path.parent, dead.get("command"), dead.get("pid"), dead.get("host"),
        )  # fmt: skip


def _busy(path: Path, holder: dict[str, object]) -> Exception:
    return refusal(
        path.parent,
        "--out",
        path.parent.name,
        f"electrosaxs {holder.get('command', '')} (pid {holder.get('pid', 'unknown')} on {holder.get('host', 'unknown')}) "
        "is writing to this folder",
        "wait until it has ended, or choose another folder",
        InputFileError,
    )
