"""Frames as single images (CBF, TIFF, EDF) in a folder, and the one way to open the frames of any run."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import fabio
import numpy as np

from ..errors import FrameError
from ..nouns import FrameTable, Run
from ..nouns.frame_reader import Frame, FrameReader
from .cbf import decode_cbf, is_cbf
from .nexus import DATA, NexusFrames
from .refusal import refusal

PROBES = 5
CUTOFF = re.compile(rb"Count_cutoff:?\s+(\d+)")  # in the header of a Pilatus image
HEADER_BYTES = 8192
REMEDY = "copy the file again; the frame is left out until then"


def open_frames(run: Run, table: FrameTable) -> FrameReader:
    """The frames of `run` in the order of `table`, with `read(i)` for any number of threads.

    Raises InputFileError for a file that is missing, truncated or holds no integer frames, for a number of frames
    unlike that of the table, and for an image that the table names but the folder lacks.
    """
    if run.frames.nexus is None:
        assert run.frames.images is not None  # read_run names the folder
        return ImageFrames(run.frames.images, table)
    frames = NexusFrames(run.frames.nexus)
    if len(frames) != len(table):
        frames.close()
        rule = f"the table /entry/frames has {len(table)} rows"
        raise refusal(run.frames.nexus, DATA, f"{len(frames)} frames", rule, "write one row per frame")
    return frames


class ImageFrames:
    """A FrameReader on a folder of images. `shape` is that of most of a few images spread through the run."""

    def __init__(self, folder: Path, table: FrameTable) -> None:
        """Find every image of the table and the shape of the run's frames; see `open_frames` for the errors."""
        self.paths = tuple(folder / name.replace("\\", "/") for name in table.file)
        missing = [i for i, path in enumerate(self.paths) if not path.is_file()]
        if missing:
            first, others = self.paths[missing[0]], len(missing) - 1
            rule = f"there is no such image in {folder}" + (f" ({others} others are missing too)" if others else "")
            raise refusal(table.source, "file", first.name, rule, "put it there, or remove the row from the table")
        self.shape = self._usual_shape(table)
        self.saturation = next((value for value in map(stated_cutoff, self.paths[:PROBES]) if value), None)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Frame:
        """Frame `index`, (y, x); raises FrameError where its image is unreadable or has another shape."""
        frame = read_image(self.paths[index])
        if frame.shape != self.shape:
            rule = f"the other frames have {self.shape}"
            remedy = "use one detector and region of interest in a run; the frame is left out"
            raise refusal(self.paths[index], "shape", frame.shape, rule, remedy, FrameError)
        return frame

    def close(self) -> None:
        """Nothing is held open between two frames."""

    def _usual_shape(self, table: FrameTable) -> tuple[int, int]:
        shapes: Counter[tuple[int, int]] = Counter()
        trouble: FrameError | None = None
        stride = max(len(self.paths) // PROBES, 1)
        for index in sorted(range(len(self.paths)), key=lambda i: i % stride)[: 10 * PROBES]:
            try:
                shapes[read_image(self.paths[index]).shape] += 1
            except FrameError as error:
                trouble = error
            if shapes.total() == PROBES:
                break
        if not shapes:
            raise refusal(table.source, "file", "no image is readable", str(trouble), "give CBF, TIFF or EDF images")
        return shapes.most_common(1)[0][0]


def stated_cutoff(path: Path) -> float | None:
    """The count at which the detector saturates, as its image's header says."""
    with path.open("rb") as file:
        stated = CUTOFF.search(file.read(HEADER_BYTES))
    return float(stated[1]) if stated else None


def read_image(path: Path) -> Frame:
    """The pixels of one image of integer counts, (y, x), native byte order; the content tells the format.

    Raises FrameError for a file that is unreadable, truncated, holds several images, or no integers.
    """
    frame = numbers_of_image(path)
    if frame.ndim != 2:
        raise refusal(path, "shape", frame.shape, "must be one image (y, x)", "store one frame per file", FrameError)
    if frame.dtype.kind not in "iu":
        rule = "must be integer counts: the counting statistics need the photons that were counted"
        raise refusal(path, "pixels", f"type {frame.dtype}", rule, "give the detector's own images", FrameError)
    return np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("="))


def numbers_of_image(path: Path) -> Frame:
    """What one image file holds, in its own type; FrameError where it cannot be read, is cut or holds several images."""
    try:
        with path.open("rb") as stream:
            if is_cbf(stream.peek(16)):
                return decode_cbf(stream.read(), path)
        with fabio.open(path) as image:
            frame = image.data
            count, cut = image.nframes, getattr(image, "incomplete_file", False)
    except FrameError:
        raise
    except Exception as error:  # fabio raises whatever its readers run into, AttributeError and bare Exception included
        reason = f"cannot be read as CBF, TIFF or EDF ({type(error).__name__}: {error})"
        raise refusal(path, "image", path.name, reason, REMEDY, FrameError) from error
    if cut:
        raise refusal(path, "image", path.name, "truncated file", REMEDY, FrameError)
    if count != 1 or frame is None:
        raise refusal(path, "image", f"{count} images", "must be one", "store one frame per file", FrameError)
    return frame
