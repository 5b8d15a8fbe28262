"""I(q) of every place of the map, written as it is measured: memory does not grow with the number of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from .hdf5 import NewHdf5
from .nxdata import described, mark_axes, nx_group

CHUNK_BYTES = 2**18
SINGLE = "float32"  # counting noise is above 1e-4, single precision at 6e-8


class IntensityWriter(NewHdf5):
    """NXdata group /entry/intensity with dims (scan, height, q), float32, NaN where nothing was written.

    `write_results(..., intensity=path)` copies the group into results.nxs.
    """

    def __init__(self, path: str | Path, n_scan: int, n_height: int, q: npt.ArrayLike) -> None:
        super().__init__(path)
        self._q = np.asarray(q, dtype=np.float64)
        self.shape = (int(n_scan), int(n_height), len(self._q))
        self._file.attrs.update({"NX_class": "NXroot", "default": "entry"})
        entry = nx_group(self._file, "entry", "NXentry", default="intensity")
        self._group = nx_group(entry, "intensity", "NXdata", signal="intensity")
        heights = max(1, min(self.shape[1], CHUNK_BYTES // (4 * max(1, len(self._q)))))
        self._reserve(2 * int(np.prod(self.shape)) * np.dtype(SINGLE).itemsize)
        for name, content in (("intensity", "signal"), ("intensity_errors", "errors")):
            chunks = (1, heights, len(self._q))
            data = self._group.create_dataset(name, self.shape, SINGLE, chunks=chunks, fillvalue=np.nan)
            described(data, dims=("scan", "height", "q"), content=content)
        self._coordinate("q", self._q, "q", "1/nm")

    def write(self, scan: npt.ArrayLike, height: npt.ArrayLike, values: npt.ArrayLike, sigma: npt.ArrayLike) -> None:
        """Write a block: indices `scan` and `height` (n,), `values` and `sigma` (n, q); or one place, all without n.

        Neighbouring heights of one scan go in one piece. Safe from several threads. Raises ShapeError for a place
        outside the map or another shape.
        """
        scans, heights = np.atleast_1d(scan), np.atleast_1d(height)
        blocks = [np.atleast_2d(np.asarray(block, dtype=SINGLE)) for block in (values, sigma)]
        expected = (len(scans), self.shape[2])
        if heights.shape != scans.shape or any(block.shape != expected for block in blocks):
            raise ShapeError(f"intensity block of shape {blocks[0].shape}: {len(scans)} places need {expected}")
        inside = (scans >= 0) & (scans < self.shape[0]) & (heights >= 0) & (heights < self.shape[1])
        if not np.all(inside):
            raise ShapeError(f"place outside the map of {self.shape[:2]} (scan, height): leave such frames out")
        ends = np.flatnonzero((np.diff(scans) != 0) | (np.diff(heights) != 1)) + 1
        with self._lock:
            for run in np.split(np.arange(len(scans)), ends):
                place = (int(scans[run[0]]), slice(int(heights[run[0]]), int(heights[run[-1]]) + 1))
                self._group["intensity"][place] = blocks[0][run]
                self._group["intensity_errors"][place] = blocks[1][run]

    def write_coordinates(
        self, height: npt.ArrayLike, time: npt.ArrayLike, *, background_sigma: npt.ArrayLike | None = None
    ) -> None:
        """Write height (height,) in um, time (scan, height) in s, and the solvent's sigma (q,) shared by all places."""
        self._coordinate("height", height, "height", "um")
        self._coordinate("time", time, "scan,height", "s")
        if background_sigma is not None:
            shared = self._group.create_dataset(
                "intensity_background_errors", data=np.asarray(background_sigma, dtype=np.float64)
            )
            described(shared, dims=("q",), content="contribution")
            shared.attrs["label"] = "background"

    def close(self) -> None:
        """Finish the file and give it its name."""
        mark_axes(self._group, ("scan", "height", "q"), self.shape)
        super().close()

    def _coordinate(self, name: str, values: npt.ArrayLike, dims: str, unit: str) -> None:
        data = self._group.create_dataset(name, data=np.asarray(values, dtype=np.float64))
        described(data, dims=dims.split(","), content="coordinate", unit=unit)
        data.attrs["label"] = name
