"""Reduced frames of a series that is still growing, in files that grow with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from .stream import DONE, ReducedFrame, StoredFrames

PER_FRAME = ("negative", "saturated", "stopped")
LAYOUT = {"counts": "float64", "norm": "float64", **dict.fromkeys(PER_FRAME, "int64"), "status": "uint8"}
WIDE = ("counts", "norm")
KEY = "key.json"


class GrowingStore:
    """Frames in any order into `folder`: arrays first, the mark after them, so that a kill costs a frame at most.

    key: what the numbers depend on; with another key or number of bins than the folder's it starts anew.
    """

    def __init__(self, folder: Path, *, key: str, bins: int) -> None:
        self.folder = folder
        identity = {"key": key, "bins": bins}
        folder.mkdir(parents=True, exist_ok=True)
        fresh = _read(folder) != identity
        flags = os.O_RDWR | os.O_CREAT | (os.O_TRUNC if fresh else 0)
        self._files = {name: os.open(folder / name, flags, 0o644) for name in LAYOUT}
        if fresh:
            (folder / KEY).write_text(json.dumps(identity), encoding="utf-8")

    def add(self, frame: ReducedFrame) -> None:
        """Keep a frame that has no error."""
        values = {name: getattr(frame, name) for name in (*WIDE, *PER_FRAME)}
        for name, dtype in LAYOUT.items():
            row = np.atleast_1d(np.asarray(values.get(name, DONE), dtype=dtype))
            os.pwrite(self._files[name], row.tobytes(), frame.index * row.nbytes)

    def has(self, index: int) -> bool:
        """Whether frame `index` is there."""
        return os.pread(self._files["status"], 1, index) == bytes([DONE])

    def close(self) -> None:
        """Nothing more comes."""
        for descriptor in self._files.values():
            os.close(descriptor)


class GrownFrames(StoredFrames):
    """The first `frames` of a GrowingStore in `folder`, or those of `rows`; what is not there is not done."""

    def __init__(self, folder: Path, frames: int, *, rows: np.ndarray | None = None) -> None:
        self.folder = folder
        bins = _read(folder)["bins"]
        arrays = {}
        for name, dtype in LAYOUT.items():
            shape = (frames, bins) if name in WIDE else (frames,)
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            if (folder / name).stat().st_size < size:
                os.truncate(folder / name, size)
            array = np.memmap(folder / name, dtype=dtype, mode="r", shape=shape)
            arrays[name] = array if rows is None else np.array(array[rows])
        self.counts, self.norm = arrays["counts"], arrays["norm"]
        self.negative, self.saturated, self.stopped = (arrays[name] for name in PER_FRAME)
        self._status = arrays["status"]


def _read(folder: Path) -> dict:
    try:
        return dict(json.loads((folder / KEY).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
