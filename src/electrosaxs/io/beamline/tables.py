"""The one way to open the table of a run, whatever wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py

from ...nouns.frame_source import FrameSource, split
from ..refusal import refusal
from .documents_table import documents_table
from .hdf5_table import Hdf5Table
from .image_headers import header_table
from .spec_file import is_spec, spec_table
from .text_file import text_table
from .their_table import TheirTable

DOCUMENTS = (".jsonl", ".ndjson", ".json")


def open_table(frames: FrameSource, images: Sequence[str]) -> TheirTable:
    """The table that `frames` names; without one the HDF5 file of the frames, or the headers of `images`."""
    if frames.table is not None:
        return table_at(*split(frames.table))
    if frames.nexus is not None:
        return Hdf5Table(frames.nexus, "")
    assert frames.images is not None  # FrameSource refuses any other form
    return header_table(frames.images, images)


def table_at(path: Path, inside: str) -> TheirTable:
    """The table `inside` the file at `path`: SPEC scans, an HDF5 group, a run of documents; or CSV, TSV."""
    if h5py.is_hdf5(path):
        return Hdf5Table(path, inside)
    if path.suffix.lower() in DOCUMENTS:
        return documents_table(path, inside)
    if is_spec(path):
        return spec_table(path, inside)
    if inside:
        rule = "is no SPEC file, no HDF5 file and no documents: there is nothing in it to choose"
        raise refusal(path, "frames.table", f"{path.name}::{inside}", rule, f'give "{path.name}"')
    return text_table(path)
