"""Opening HDF5 files and finding data sets in them, with mistakes as one line."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import hdf5plugin  # noqa: F401  makes the compression filters known to HDF5

from .atomic import naming, temporary_beside
from .refusal import refusal

log = logging.getLogger(__name__)
SLACK = 2**20
"""Bytes for what HDF5 keeps beside the data: headers, indices, attributes."""
SIGNATURE, END_AT = b"\x89HDF\r\n\x1a\n", 28
"""Of a file's head, and where in it the end of the file is said."""
TRY = """
import sys, h5py
def look(name, item):
    if isinstance(item, h5py.Dataset) and item.chunks:
        item.id.chunk_iter(lambda chunk: None)
with h5py.File(sys.argv[1], "r", swmr=True) as file:
    file.visititems(look)
"""
PATIENCE_S = 10.0
"""For that program, which takes a second."""
STEP = 2**23
"""Bytes that are reserved at once while a file grows."""
NOT_HDF5 = "is not an HDF5 file"
DAMAGED = (OSError, RuntimeError)
"""What h5py raises where a file is missing, cut or damaged; RuntimeError where bytes of its head are wrong."""


def open_hdf5(path: Path, field: str = "file") -> h5py.File:
    """The file, which `field` names, opened for reading; InputFileError where it is missing, truncated or not HDF5."""
    try:
        file = h5py.File(path, "r")
    except DAMAGED as error:
        try:  # one that is being written, or whose writer was killed
            if is_cut(path) and not answers(path):
                raise
            file = h5py.File(path, "r", swmr=True)
        except DAMAGED:
            reason = _reason(path, error)
            raise refusal(path, field, path.name, reason, _remedy(path, reason)) from error
    log.info("reads %s", path)
    return file


def is_cut(path: Path) -> bool:
    """Whether a file is shorter than its head says, as one that was closed by its writer and copied in part.

    A writer never leaves it so while it writes: it says a length that the file has. The head is that of version 2 or 3, as
    files for many readers have (HDF5 file format specification, II.A).
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(END_AT + 8)
            size = os.fstat(stream.fileno()).st_size
    except OSError:
        return False
    newer = head[:8] == SIGNATURE and len(head) == END_AT + 8 and head[8] in (2, 3) and head[9] == 8
    return newer and int.from_bytes(head[END_AT:], "little") > size


def answers(path: Path) -> bool:
    """Whether all data sets of a file that is cut say where their chunks are, so that only pixels are missing, or the last
    bytes that a full disk did not take.

    Opened as one that is being written, HDF5 waits for what is missing without an end, deaf to signals: another process tries.
    """
    try:
        tried = subprocess.run(
            [sys.executable, "-c", TRY, str(path)], capture_output=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return tried.returncode == 0


def reserve(path: Path, size: int) -> None:
    """Make sure that the file at `path` can grow to `size` bytes: it is that long then, HDF5 cuts it when it closes.

    HDF5 does not survive a disk that is full (closing the file ends the process), so what it writes to disk itself is
    reserved first; what is small is made in memory. Raises OSError where there is no space.
    """
    if hasattr(os, "posix_fallocate") and size > 0:
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, size)


def in_memory(name: str) -> h5py.File:
    """A new HDF5 file that no disk sees."""
    return h5py.File(name, "w", driver="core", backing_store=False)


@contextmanager
def new_file(path: Path, size: int) -> Iterator[h5py.File]:
    """A new HDF5 file at `path`, into which `size` bytes of data are written at most."""
    h5py.File(path, "w").close()
    with extended(path, size) as file:
        yield file


@contextmanager
def extended(path: Path, more: int) -> Iterator[h5py.File]:
    """The HDF5 file at `path`, opened to add `more` bytes at most."""
    reserve(path, path.stat().st_size + more + SLACK)
    with h5py.File(path, "r+") as file:
        yield file


class NewHdf5:
    """An HDF5 file that appears under its name when closed; as a context manager it leaves nothing where the block raises.

    Who writes to it tells before how much: `_reserve`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._part = temporary_beside(self.path)
        self._reserved, self._used = 0, 0
        self._file = h5py.File(self._part, "w")
        self._lock = threading.Lock()
        self._reserve(SLACK)

    def _reserve(self, size: int) -> None:
        """Space for `size` bytes more; OSError with the file's name where the disk has none."""
        self._used += size
        if self._used <= self._reserved:
            return
        try:
            self._reserved = self._used + STEP
            reserve(self._part, self._reserved)
        except OSError:  # less may do
            with naming(self.path), self._removing():
                self._reserved = self._used
                reserve(self._part, self._reserved)

    @contextmanager
    def _removing(self) -> Iterator[None]:
        """Nothing is left where the block raises."""
        try:
            yield
        except BaseException:
            self._file.close()
            self._part.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._file.close()
        h5py.File(self._part, "r+").close()  # cuts what was reserved and not needed
        os.replace(self._part, self.path)
        log.info("wrote %s", self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()
            self._part.unlink(missing_ok=True)


def dataset(parent: h5py.Group, name: str, path: Path) -> h5py.Dataset:
    """Data set `name` below `parent`; raises InputFileError naming what is there instead."""
    try:
        found = parent.get(name)
    except (OSError, KeyError):  # a link into a file that cannot be opened
        found = None
    if isinstance(found, h5py.Dataset):
        return found
    field = f"{parent.name.rstrip('/')}/{name}"
    if target := _broken_link(parent, name):
        rule = "the link leads nowhere: that file or data set is not there"
        raise refusal(path, field, target, rule, "copy what it names to where the link looks for it")
    remedy = f"write it (docs/formats.md); {parent.name} holds {', '.join(parent) or 'nothing'}"
    raise refusal(path, field, "missing", "this data set is required", remedy)


def _broken_link(parent: h5py.Group, name: str) -> str:
    """Where the first link on the way to `name` leads that cannot be followed; empty where there is no such link."""
    at = parent
    for part in name.strip("/").split("/"):
        link = at.get(part, getlink=True)
        try:
            at = at[part]
        except (OSError, KeyError):
            if isinstance(link, h5py.ExternalLink):
                return f"link to {link.filename}::{link.path}"
            return f"link to {link.path}" if isinstance(link, h5py.SoftLink) else ""
        if not isinstance(at, h5py.Group):
            break
    return ""


def text(value: Any) -> str:
    """A string from whatever HDF5 gave: bytes, str or a one-element array."""
    if hasattr(value, "ravel"):
        value = value.ravel()[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _reason(path: Path, error: OSError | RuntimeError) -> str:
    if not path.exists():
        return "there is no such file"
    if path.is_dir():
        return "is a folder"
    message = str(error)
    if "truncated" in message:
        return "truncated file: " + message[message.index("truncated file") + 15 :].strip(" :)")
    if "signature" in message:
        return NOT_HDF5 if path.stat().st_size else "is empty"
    return message


def _remedy(path: Path, reason: str) -> str:
    if reason == NOT_HDF5:
        return "give a NeXus (HDF5) file here"
    return "copy it again from where it was measured" if path.is_file() else "correct the path"
