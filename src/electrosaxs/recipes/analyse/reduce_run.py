"""Frames -> counts per q bin: geometry, masks, outliers over the series, integration, which frames are unusable.

What is reduced stays in `<out>/reduction`; the same command, killed and started again, goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ... import __version__
from ...analysis.concentration.diode_noise import DiodeNoise
from ...analysis.concentration.edge_light import EdgeLight
from ...analysis.concentration.multiple_scattering import Repeated
from ...analysis.kinetics.scan_map import HEIGHT_TOLERANCE_UM
from ...cluster.workers import Cluster
from ...errors import FrameError
from ...io.images import open_frames
from ...nouns import FloatArray, FrameTable, RadialCounts, Role, Run
from ...nouns.frame_reader import FrameReader
from ...reduction.lost_beam import beamless
from ...reduction.normalisation import NOT_A_SHARE, frame_flags
from ...reduction.outliers import sample_frames
from ...reduction.sectors import centre_off
from ...reduction.stream import ReductionStore, StoredFrames, reduce_series
from ..progress import Progress, over, stage
from .beam_centre import SURE
from .detector import prepared
from .engine import Device, engine_of
from .frame_ranges import Series
from .on_workers import reduce_on_workers, take_left_over

log = logging.getLogger(__name__)
LEAST_OFF_PX = 0.5
"""Of the beam centre that frames are integrated about (chosen), from which on it is told that their quarters disagree."""
UNLIKELY = 40.0
"""-ln of the chance from which on two frames with the same counts in all bins are one (chosen: e^-40)."""


@dataclass(frozen=True, eq=False)
class ReducedRun:
    """A run in q bins. q (bins,): mean over the pixels of each bin. flags (frame,): why a frame is left out, empty where it
    is used; notes: what was found on the way. files: what the pixels are in. run: with the q window that the detector has.
    repeated: what is scattered more than once, to be taken off; None: nothing. diode: its noise; None: not told.
    uneven: pixels of one q differ by more than counting. edge_light: what the knife edge tells of diode and
    detector; None: nothing. harmonics_sigma: of the share of the reference's light that particles do not absorb."""

    run: Run
    table: FrameTable
    q: FloatArray
    store: StoredFrames
    flags: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    repeated: Repeated | None = None
    diode: DiodeNoise | None = None
    uneven: bool = False
    edge_light: EdgeLight | None = None
    harmonics_sigma: float = 0.0

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """(frame,) True where nothing speaks against the frame."""
        return np.array([not f for f in self.flags])

    @property
    def readable(self) -> npt.NDArray[np.bool_]:
        """(frame,) of which at most the transmission is no share: where no light passes, noise reads below 0, too."""
        return np.array([set(flags) <= {NOT_A_SHARE} for flags in self.flags])

    def frames(self, role: Role) -> npt.NDArray[np.intp]:
        """Indices of the usable frames of a role."""
        return np.flatnonzero(self.table.is_role(role) & self.usable)

    def of_diode(self, frames: npt.NDArray[np.intp]) -> FloatArray:
        """Relative sigma of phi of `frames` by the noise of the diode."""
        if self.diode is None:
            return np.zeros(frames.size)
        return self.diode.relative(self.table.transmission[frames], self.table.exposure[frames])

    def counts(self, indices: npt.NDArray[np.intp]) -> RadialCounts:
        return self.store.radial_counts(indices, self.q)


def reduce_run(
    run: Run,
    out: Path,
    *,
    integrator: str = "own",
    device: Device = "cpu",
    workers: int = 2,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
) -> ReducedRun:
    """Reduce every frame of `run` that is not reduced yet: in `workers` threads, or on the workers of `cluster`; integrator and
    device as `engine.engine_of` has them."""
    from ...io.frame_table import read_table

    table = read_table(run)
    with closing(open_frames(run, table)) as reader:
        with stage(progress, "hot and dead pixels"):
            looked_at = sample_frames(table)
            detector = prepared(run, reader, lambda: readable(reader, looked_at))
        run, own = detector.run, detector.integrator
        engine = engine_of(detector, integrator, device, on_workers=cluster is not None)
        key = _key(reader.files, frames_taken(run, table), own.fingerprint, engine.name)
        store = ReductionStore(out / "reduction", key=key, n_frames=len(table), bins=own.bins)
        take_left_over(store)
        errors: dict[int, str] = {}
        pending = len(store.pending)
        if cluster is None:
            stream = reduce_series(reader, engine.integrator, store, workers=workers)
        else:
            stream = reduce_on_workers(cluster, Series(run, table, engine.integrator), store, reader.files)
        beside = None if cluster is None else cluster.words
        for frame in over(progress, stream, stage="frames", total=len(table), done=len(table) - pending, beside=beside):
            if frame.error:
                errors[frame.index] = frame.error
    flags = flags_of(table, store, own.used_pixels, errors)
    _tell(table, flags, detector.outliers.note)
    seen = (*stopped_note(store, own.used_pixels), *centre_note(store))
    notes = (*(f"read: {words}" for words in table.origin), *detector.notes)
    notes = (*notes, *engine.notes, *seen, *_resume_note(store, len(table) - pending))
    return ReducedRun(run, table, own.mean_q, store, flags, notes, reader.files, uneven=detector.outliers.uneven)


def _tell(table: FrameTable, flags: tuple[tuple[str, ...], ...], outliers: str) -> None:
    """What was read and left out, for the log."""
    roles = ", ".join(f"{number} {role}" for role, number in Counter(map(str, table.role)).items())
    log.info("%s: %s frames", table.source, roles)
    log.info("outliers: %s", outliers)
    for index, why in enumerate(flags):
        if why:
            log.info("frame %d is left out: %s", index, "; ".join(why))


def readable(reader: FrameReader, indices: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.integer]]:
    """The frames among `indices` that can be read; the others are flagged later, by the reduction itself."""
    for index in indices:
        try:
            yield reader.read(int(index))
        except FrameError:
            continue


def frames_taken(run: Run, table: FrameTable) -> str:
    """Which frames of the files the rows of the table are: the data set, the images by name and number, or the places."""
    places = "" if table.place is None else table.place.tolist()
    return json.dumps([run.frames.data, table.file, places], default=str)


def _key(files: Iterable[Path], frames: str, fingerprint: str, integrator: str) -> str:
    """Changes whenever a stored reduction would be another one: files, frames of them, pixels, bins, integrator, version."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        if file.is_file():
            stat = file.stat()
            digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    digest.update(f"{frames} {fingerprint} {integrator} {__version__}".encode())
    return digest.hexdigest()


def flags_of(
    table: FrameTable, store: StoredFrames, used_pixels: int, errors: dict[int, str]
) -> tuple[tuple[str, ...], ...]:
    """Per frame: unreadable, or what its normalisation and its place in time lack."""
    flags = frame_flags(
        monitor=table.monitor,
        transmission=table.transmission,
        negative=np.asarray(store.negative),
        stopped=np.asarray(store.stopped),
        saturated=np.asarray(store.saturated),
        used_pixels=used_pixels,
        knife_edge=table.is_role(Role.ALIGNMENT),
    )
    homeless = table.is_role(Role.SAMPLE) & ~(np.isfinite(table.time) & np.isfinite(table.height))
    done = store.done
    photons, norm, images = _looked_through(store)
    unlit = beamless(table, photons, norm, ~done | np.array([bool(f) for f in flags]))
    alone = [
        (f"unreadable: {errors.get(i, 'not reduced')}".replace(";", ","),)
        if not done[i]
        else (*flags[i], *unlit[i], *(("no time or height",) if homeless[i] else ()))
        for i in range(len(table))
    ]
    usable = np.array([not flags for flags in alone])
    twins, copies = _twins(table, usable), _copies(images, usable)
    return tuple(
        (
            *flags,
            *((f"same time and height as frame {twins[i]}",) if i in twins else ()),
            *((f"the image of frame {copies[i]} again, photon for photon",) if i in copies and i not in twins else ()),
        )
        for i, flags in enumerate(alone)
    )


def _looked_through(store: StoredFrames) -> tuple[FloatArray, FloatArray, list[bytes]]:
    """Photons and norm (frame,) of all bins together, and a mark of each frame's counts: the same for the same counts, empty
    where others may have the same by chance. A bin of n photons agrees once in sqrt(4 pi n) times."""
    photons, norms = np.zeros(len(store.counts)), np.zeros(len(store.counts))
    marks: list[bytes] = []
    for first, counts, norm in store.in_blocks():
        own = slice(first, first + len(counts))
        photons[own], norms[own] = counts.sum(axis=1), norm.sum(axis=1)
        surprise = 0.5 * np.sum(np.log(4.0 * np.pi * np.where(counts > 1.0, counts, 0.25 / np.pi)), axis=1)
        for row, enough in zip(counts, surprise > UNLIKELY, strict=True):
            marks.append(hashlib.blake2b(row.tobytes(), digest_size=16).digest() if enough else b"")
    return photons, norms, marks


def _copies(images: Sequence[bytes], usable: npt.NDArray[np.bool_]) -> dict[int, int]:
    """Usable frames with the very counts of an earlier one -> that one: a detector or a file that gave an image twice. images:
    the mark of each, of `_looked_through`."""
    first: dict[bytes, int] = {}
    copies: dict[int, int] = {}
    for index in np.flatnonzero(usable).tolist():
        if not images[index]:
            continue
        other = first.setdefault(images[index], index)
        if other != index:
            copies[index] = other
    return copies


def _twins(table: FrameTable, usable: npt.NDArray[np.bool_]) -> dict[int, int]:
    """Usable sample frames at the time and height (within HEIGHT_TOLERANCE_UM) of an earlier one -> that one.

    One detector takes one frame at a time: a row stands twice in the table, or the times are too coarse to tell.
    """
    at_time: dict[float, list[int]] = {}
    twins: dict[int, int] = {}
    for index in np.flatnonzero(table.is_role(Role.SAMPLE) & usable):
        others = at_time.setdefault(float(table.time[index]), [])
        near = [i for i in others if abs(table.height[i] - table.height[index]) < HEIGHT_TOLERANCE_UM]
        if near:
            twins[int(index)] = near[0]
        else:
            others.append(int(index))
    return twins


def stopped_note(store: StoredFrames, used_pixels: int) -> tuple[str, ...]:
    """In how many frames parts of the detector stood still, and how much of it."""
    stopped = np.flatnonzero(np.asarray(store.stopped))
    if not stopped.size:
        return ()
    share = 100.0 * float(np.max(store.stopped)) / used_pixels
    return (
        f"detector: up to {share:.2g} % of its pixels read one number in {stopped.size} frames, the first is frame"
        f" {stopped[0]}: a module has stopped, and is left out of these frames",
    )


def centre_px(store: StoredFrames) -> float:
    """By how many pixels the beam centre is off, 0 where the quarters of the frames do not say."""
    if store.sectors is None:
        return 0.0
    x, y, sigma = centre_off(np.asarray(store.sectors)[store.done])
    off = float(np.hypot(x, y))
    return off if off > SURE * sigma else 0.0


def centre_note(store: StoredFrames) -> tuple[str, ...]:
    """By how much the beam centre is off, where the four quarters of the frames say so."""
    if store.sectors is None or centre_px(store) < LEAST_OFF_PX:
        return ()
    x, y, sigma = centre_off(np.asarray(store.sectors)[store.done])
    return (
        f"geometry: left, right, top and bottom of the frames disagree as where the beam centre is off by {x:+.1f} pixels along"
        f" the rows and {y:+.1f} along the columns (+- {sigma:.1f}); calibrate again, or correct it in the file",
    )


def _resume_note(store: ReductionStore, finished_before: int) -> tuple[str, ...]:
    if not store.resumed or finished_before == 0:
        return ()
    return (f"resumed: {finished_before} frames were reduced by an earlier run of this command",)
