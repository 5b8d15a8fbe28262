"""Opening HDF5 files and finding data sets in them, with mistakes as one line."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import hdf5plugin  # noqa: F401  makes the compression filters known to HDF5

from .atomic import temporary_beside
from .refusal import refusal

NOT_HDF5 = "is not an HDF5 file"


def open_hdf5(path: Path, field: str = "file") -> h5py.File:
    """The file, which `field` names, opened for reading; InputFileError where it is missing, truncated or not HDF5."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        reason = _reason(path, error)
        raise refusal(path, field, path.name, reason, _remedy(path, reason)) from error


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


def _reason(path: Path, error: OSError) -> str:
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
