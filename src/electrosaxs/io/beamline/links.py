"""Links of HDF5 followed by hand: into files that are being written, and with the reason where they lead nowhere."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py

from ...errors import InputFileError
from ..hdf5 import open_hdf5

MOST_LINKS = 20


class Place(NamedTuple):
    """Where something in HDF5 really is: file and path in it; missing: why it is not there, empty where it is."""

    file: Path
    name: str
    missing: str = ""


def located(file: Path, name: str) -> Place:
    """The file and path that `name` in `file` leads to, through soft and external links."""
    at = Place(file, posixpath.normpath("/" + name))
    for _ in range(MOST_LINKS):
        following = _step(at)
        if following is None:
            return at
        at = following
        if at.missing:
            return at
    return at._replace(missing=f"is a link of {file.name} that leads back to itself")


def _step(at: Place) -> Place | None:
    """What the first link on the way to `at` leads to; None where there is none."""
    if not at.file.is_file():
        return at._replace(missing=f"is in {at.file.name}, and there is no such file")
    try:
        with open_hdf5(at.file) as file:
            return _first_link(file, at)
    except InputFileError:
        return at._replace(missing=f"is in {at.file.name}, which is damaged or no HDF5 file")


def _first_link(file: h5py.File, at: Place) -> Place | None:
    group: h5py.Group = file
    parts = at.name.strip("/").split("/") if at.name.strip("/") else []
    for number, part in enumerate(parts):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) and part in group else None
        rest = parts[number + 1 :]
        if isinstance(link, h5py.ExternalLink):
            return Place(linked_file(link.filename, at.file), posixpath.join("/", link.path, *rest))
        if isinstance(link, h5py.SoftLink):
            return at._replace(name=posixpath.normpath(posixpath.join(group.name, link.path, *rest)))
        if link is None:
            return at._replace(missing=f"is in {at.file.name}, which has no {at.name}")
        group = group[part]
    return None


@contextmanager
def item_at(file: h5py.File, path: Path, name: str) -> Iterator[h5py.Group | h5py.Dataset | None]:
    """What is at `name` in an open file, through links too; None where nothing is."""
    try:
        found = file.get(name)
    except (KeyError, OSError):
        found = None
    if found is not None:
        yield found
        return
    place = located(path, name)
    if place.missing:
        yield None
    else:
        with opened(place) as item:
            yield item


def linked_file(name: str, beside: Path) -> Path:
    """The file of an external link: as it is named, else beside the file that holds the link."""
    named = Path(name)
    for path in (beside.parent / named, named, beside.parent / named.name):
        if path.is_file():
            return path
    return beside.parent / named


@contextmanager
def opened(place: Place) -> Iterator[h5py.Group | h5py.Dataset]:
    """What is at a place that is not missing."""
    with open_hdf5(place.file) as file:
        yield file[place.name]
