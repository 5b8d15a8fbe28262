"""Opening HDF5 files and finding data sets in them, with mistakes as one line."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import hdf5plugin  # noqa: F401  makes the compression filters known to HDF5

from .atomic import full_disk, naming, temporary_beside
from .refusal import refusal

log = logging.getLogger(__name__)


def open_hdf5(path: Path) -> h5py.File:
    """The file opened for reading; raises InputFileError where it is missing, truncated or not HDF5."""
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise refusal(path, "file", path.name, _reason(path, error), _remedy(path)) from error
    log.info("reads %s", path)
    return file


class NewHdf5:
    """An HDF5 file that appears under its name when closed; as a context manager it leaves nothing where the block raises."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._part = temporary_beside(self.path)
        self._file = h5py.File(self._part, "w")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._file.close()
        os.replace(self._part, self.path)
        log.info("wrote %s", self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with naming(self.path):
                if error is not None and full_disk(error) is not None:
                    raise error
                if kind is None:
                    self.close()
        finally:
            if self._part.exists():
                with suppress(OSError, RuntimeError):  # of a full disk, which is told already
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
    raise refusal(
        path,
        f"{parent.name.rstrip('/')}/{name}",
        "missing",
        "this data set is required",
        f"write it (docs/formats.md); {parent.name} holds {', '.join(parent) or 'nothing'}",
    )


def text(value: Any) -> str:
    """A string from whatever HDF5 gave: bytes, str or a one-element array."""
    if hasattr(value, "ravel"):
        value = value.ravel()[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _reason(path: Path, error: OSError) -> str:
    if not path.exists():
        return "there is no such file"
    if path.is_dir():
        return "is a folder"
    message = str(error)
    if "truncated" in message:
        return "truncated file: " + message[message.index("truncated file") + 15 :].strip(" :)")
    if "signature" in message:
        return "is not an HDF5 file" if path.stat().st_size else "is empty"
    return message


def _remedy(path: Path) -> str:
    return "copy it again from where it was measured" if path.is_file() else "correct the path"
