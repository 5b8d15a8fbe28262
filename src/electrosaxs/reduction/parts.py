"""Reduced frames in files of a few frames each, as processes on many machines leave them for the one that keeps the store.

One process writes to the store: network file systems do not keep in step what several machines write to one file. A part
appears under its name when all of it is written. It is not forced to the disk: what a power cut takes is reduced again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .growing_store import PER_FRAME, WIDE
from .sectors import COLUMNS
from .stream import ReducedFrame

SUFFIX = ".npy"


def write_part(path: Path, frames: Sequence[ReducedFrame]) -> None:
    """Frames without errors, one at least, as one array of records at `path`."""
    bins = frames[0].counts.size
    layout = [(name, "<i8") for name in ("index", *PER_FRAME)] + [(name, "<f8", (bins,)) for name in WIDE]
    layout.append(("sectors", "<f8", (len(COLUMNS),)))
    part = np.zeros(len(frames), dtype=layout)
    for name in ("index", *PER_FRAME, *WIDE, "sectors"):
        part[name] = [getattr(frame, name) for frame in frames]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with unfinished.open("wb") as file:
        np.save(file, part)
    os.replace(unfinished, path)


def read_part(path: Path) -> list[ReducedFrame]:
    """The frames of a part. Raises OSError where it is not there."""
    part = np.load(path, allow_pickle=False)
    return [
        ReducedFrame(
            int(row["index"]),
            row["counts"],
            row["norm"],
            int(row["negative"]),
            int(row["saturated"]),
            int(row["stopped"]),
            sectors=row["sectors"],
        )
        for row in part
    ]


def parts_in(folder: Path) -> list[Path]:
    """The finished parts of a folder, in the order of their names."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
