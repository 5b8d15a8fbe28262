"""Frames as images (CBF, TIFF, EDF, HDF5) in a folder, and the one way to open the frames of any run."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np

from ..errors import FrameError, InputFileError
from ..nouns import FrameTable, Role, Run
from ..nouns.frame_reader import Frame, FrameReader
from .beamline.detector_facts import detector_facts
from .beamline.image_series import HDF5_ENDINGS, TIFF_ENDINGS, image_folder, image_path, name_and_number
from .beamline.stack_frames import StackFrames, whole_stack
from .cbf import decode_cbf, is_cbf
from .kept_open import KeptOpen
from .nexus import DATA, NexusFrames
from .refusal import refusal
from .whole_counts import RULE, whole_counts

PROBES = 5
CUTOFF = re.compile(rb"Count_cutoff:?\s+(\d+)")  # in the header of a Pilatus image
HEADER_BYTES = 8192
REMEDY = "copy the file again; the frame is left out until then"


def open_frames(run: Run, table: FrameTable, *, checked: bool = True) -> FrameReader:
    """The frames of `run` in the order of `table`, with `read(i)` for any number of threads. checked: False where another
    process has looked whether enough of them are there.

    Raises InputFileError for a file that is missing, truncated or holds no integer frames, for a number of frames
    unlike that of the table, and where the pixels of all reference frames, of all solvent frames or of more than half of the
    sample frames are not there; single frames that are not raise FrameError when they are read.
    """
    if run.frames.nexus is None:
        assert run.frames.images is not None  # read_run names the folder
        frames: FrameReader = ImageFrames(image_folder(run.frames.images), table)
    elif run.frames.foreign:
        frames = StackFrames(run.frames.nexus, run.frames.data, rows=len(table), place=table.place)
    else:
        frames = _own_stack(run.frames.nexus, table)
    try:
        if checked:
            _check_needed(frames, table)
    except BaseException:
        frames.close()
        raise
    return frames


def _own_stack(path: Path, table: FrameTable) -> NexusFrames:
    """The frames of a file in the form of this package."""
    frames = NexusFrames(path)
    if frames.growing:
        frames.keep(len(table))
    if len(frames) != len(table):
        found = len(frames)
        frames.close()
        rule = f"the table /entry/frames has {len(table)} rows"
        raise refusal(path, DATA, f"{found} frames", rule, "write one row per frame")
    return frames


def _check_needed(frames: FrameReader, table: FrameTable) -> None:
    """Refuse a run of which the frames are missing that everything else needs, naming what is missing."""
    for role, most in ((Role.REFERENCE, 1.0), (Role.SOLVENT, 1.0), (Role.SAMPLE, 0.5)):
        rows = [int(i) for i in np.flatnonzero(table.is_role(role))]
        if not rows or (most == 1.0 and not frames.why_not(rows[0])):
            continue
        missing = {i: reason for i in rows if (reason := frames.why_not(i))}
        if len(missing) == len(rows) or len(missing) > most * len(rows):
            first = next(iter(missing))
            raise refusal(
                table.source,
                f"{role} frames",
                f"{len(missing)} of {len(rows)} are not there",
                f"frame {first} {missing[first]}",
                "put what is missing where the frames are looked for, or take these frames out of the table",
            )


class ImageFrames:
    """A FrameReader on a folder of images. `shape` is that of most of a few images spread through the run."""

    def __init__(self, folder: Path, table: FrameTable) -> None:
        """Find every image of the table and the shape of the run's frames; see `open_frames` for the errors."""
        named = [name_and_number(name) for name in table.file]
        self.paths = tuple(image_path(folder, name, Path(table.source)) for name, _ in named)
        self._numbers = tuple(number for _, number in named)
        self._stacks: KeptOpen[Path, StackFrames] = KeptOpen(whole_stack)
        self.files = tuple(dict.fromkeys(self.paths))
        self._there = [i for i, path in enumerate(self.paths) if path.is_file()]
        if not self._there:
            first, others = self.paths[0], len(self.paths) - 1
            rule = f"there is no such image in {folder}" + (f" ({others} others are missing too)" if others else "")
            raise refusal(table.source, "file", table.file[0], rule, f"put it there as {first}, or correct the table")
        self.shape = self._usual_shape(table)
        self.saturation = next((value for value in map(stated_cutoff, self._first_files()) if value), None)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Frame:
        """Frame `index`, (y, x); raises FrameError where its image is unreadable or has another shape."""
        if reason := self.why_not(index):
            raise refusal(self.paths[index], f"frame {index}", "missing", reason, "the frame is left out", FrameError)
        frame = self._image(index)
        if frame.shape != self.shape:
            rule = f"the other frames have {self.shape}"
            remedy = "use one detector and region of interest in a run; the frame is left out"
            raise refusal(self.paths[index], "shape", frame.shape, rule, remedy, FrameError)
        return frame

    def why_not(self, index: int) -> str:
        """Whether the image of frame `index` is there, in words; empty where it is."""
        path = self.paths[index]
        return "" if path.is_file() else f"is image {path}, and there is no such file"

    def close(self) -> None:
        """Close what was held open: HDF5 files, which hold many frames."""
        self._stacks.close()

    def _image(self, index: int) -> Frame:
        path, number = self.paths[index], self._numbers[index]
        if path.suffix.lower() not in HDF5_ENDINGS:
            return read_image(path, number)
        try:
            with self._stacks.of(path) as frames:
                return frames.read(number or 0)
        except InputFileError as error:  # of one file
            raise FrameError(str(error)) from error

    def _first_files(self) -> list[Path]:
        return [self.paths[i] for i in self._there[:PROBES]]

    def _usual_shape(self, table: FrameTable) -> tuple[int, int]:
        shapes: Counter[tuple[int, int]] = Counter()
        trouble: FrameError | None = None
        stride = max(len(self._there) // PROBES, 1)
        for index in sorted(range(len(self._there)), key=lambda i: i % stride)[: 10 * PROBES]:
            try:
                shapes[self._image(self._there[index]).shape] += 1
            except FrameError as error:
                trouble = error
            if shapes.total() == PROBES:
                break
        if not shapes:
            raise refusal(table.source, "file", "no image is readable", str(trouble), "give CBF, TIFF or EDF images")
        return shapes.most_common(1)[0][0]


def stated_cutoff(path: Path) -> float | None:
    """The count at which the detector saturates, as its image's header or file says."""
    if path.suffix.lower() in HDF5_ENDINGS:
        return detector_facts(path).saturation
    with path.open("rb") as file:
        stated = CUTOFF.search(file.read(HEADER_BYTES))
    return float(stated[1]) if stated else None


def read_image(path: Path, number: int | None = None) -> Frame:
    """The pixels of one image of integer counts, (y, x), native byte order; the content tells the format. number: of the image
    in a file of several.

    Raises FrameError for a file that is unreadable, truncated, holds several images and none is asked for, or no counts.
    """
    frame = numbers_of_image(path, number)
    if frame.ndim != 2:
        raise refusal(path, "shape", frame.shape, "must be one image (y, x)", "store one frame per file", FrameError)
    if frame.dtype.kind == "f" and (counts := whole_counts(frame)) is not None:
        return counts
    if frame.dtype.kind not in "iu":
        raise refusal(path, "pixels", f"type {frame.dtype}", RULE, "give the detector's own images", FrameError)
    return np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("="))


def numbers_of_image(path: Path, number: int | None = None) -> Frame:
    """What one image file holds, in its own type; FrameError where it cannot be read, is cut or holds several images and
    `number` says not which."""
    try:
        with path.open("rb") as stream:
            if is_cbf(stream.peek(16)):
                return decode_cbf(stream.read(), path)
        if path.suffix.lower() in HDF5_ENDINGS:
            with closing(whole_stack(path)) as frames:
                return frames.read(number or 0)
        if number is not None and path.suffix.lower() in TIFF_ENDINGS:
            import tifffile

            return np.asarray(tifffile.imread(path, key=number))
        import fabio  # a third of a second, and only images need it

        with fabio.open(path) as image:
            count, cut = image.nframes, getattr(image, "incomplete_file", False)
            frame = image.data if number is None else image.get_frame(number).data
    except FrameError:
        raise
    except Exception as error:  # fabio raises whatever its readers run into, AttributeError and bare Exception included
        reason = f"cannot be read as CBF, TIFF, EDF or HDF5 ({type(error).__name__}: {error})"
        raise refusal(path, "image", path.name, reason, REMEDY, FrameError) from error
    if cut:
        raise refusal(path, "image", path.name, "truncated file", REMEDY, FrameError)
    if (count != 1 and number is None) or frame is None:
        raise refusal(path, "image", f"{count} images", "must be one", "store one frame per file", FrameError)
    return frame
