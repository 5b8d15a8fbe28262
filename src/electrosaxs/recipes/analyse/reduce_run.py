"""Frames -> counts per q bin: geometry, masks, outliers over the series, integration, which frames are unusable.

What is reduced stays in `<out>/reduction`; the same command, killed and started again, goes on from there.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ... import __version__
from ...analysis.concentration.repeated import Repeated
from ...analysis.kinetics.scan_map import HEIGHT_TOLERANCE_UM
from ...cluster.workers import Cluster
from ...errors import FrameError, InputFileError, ShapeError, bad_value
from ...io.images import open_frames
from ...io.poni import read_poni
from ...nouns import FloatArray, FrameTable, RadialCounts, Role, Run
from ...nouns.frame_reader import FrameKind, FrameReader
from ...reduction.azimuthal import Integrator
from ...reduction.cross_check import PyFAIIntegrator
from ...reduction.geometry import Geometry, pixel_geometry
from ...reduction.lost_beam import beamless
from ...reduction.masking import BoolImage, is_fit2d_mask, read_mask, static_mask
from ...reduction.normalisation import frame_flags
from ...reduction.outliers import find_outliers, sample_frames
from ...reduction.q_window import filled_window
from ...reduction.sectors import centre_off
from ...reduction.stream import FrameIntegrator, ReductionStore, StoredFrames, reduce_series
from ..progress import Progress, over, stage
from .frame_ranges import Series
from .on_workers import reduce_on_workers, take_left_over

log = logging.getLogger(__name__)
OUTLIER_BINS = 500
"""The most q bins in which hot and dead pixels are looked for: a pixel needs many others of its q to stand out from."""
LEAST_OFF_PX = 0.5
"""Of the beam centre (chosen): less moves no number by its sigma."""
PILATUS_SATURATION = 2**20 - 1
"""Counts at which a Pilatus pixel is full (20 bit), where the frames do not state their own limit."""


@dataclass(frozen=True, eq=False)
class ReducedRun:
    """A run in q bins. q (bins,): mean over the pixels of each bin. flags (frame,): why a frame is left out, empty where it
    is used; notes: what was found on the way. files: what the pixels are in. run: with the q window that the detector has.
    repeated: what is scattered more than once, to be taken off; None: nothing."""

    run: Run
    table: FrameTable
    q: FloatArray
    store: StoredFrames
    flags: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    repeated: Repeated | None = None

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """(frame,) True where nothing speaks against the frame."""
        return np.array([not f for f in self.flags])

    def frames(self, role: Role) -> npt.NDArray[np.intp]:
        """Indices of the usable frames of a role."""
        return np.flatnonzero(self.table.is_role(role) & self.usable)

    def counts(self, indices: npt.NDArray[np.intp]) -> RadialCounts:
        return self.store.radial_counts(indices, self.q)


def reduce_run(
    run: Run,
    out: Path,
    *,
    integrator: str = "own",
    workers: int = 2,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
) -> ReducedRun:
    """Reduce every frame of `run` that is not reduced yet: in `workers` threads, or on the workers of `cluster`."""
    from ...io.frame_table import read_table

    table = read_table(run)
    with closing(open_frames(run, table)) as reader:
        with stage(progress, "hot and dead pixels"):
            detector = prepared(run, reader, readable(reader, sample_frames(table)))
        run, own = detector.run, detector.integrator
        engine: FrameIntegrator = own if integrator == "own" else _pyfai_integrator(detector, integrator)
        key = _key(reader.files, own.fingerprint, integrator)
        store = ReductionStore(out / "reduction", key=key, n_frames=len(table), bins=own.bins)
        take_left_over(store)
        errors: dict[int, str] = {}
        pending = len(store.pending)
        if cluster is None:
            stream = reduce_series(reader, engine, store, workers=workers)
        else:
            stream = reduce_on_workers(cluster, Series(run, table, engine), store, reader.files)
        beside = None if cluster is None else cluster.words
        for frame in over(progress, stream, stage="frames", total=len(table), done=len(table) - pending, beside=beside):
            if frame.error:
                errors[frame.index] = frame.error
    flags = flags_of(table, store, own.used_pixels, errors)
    _tell(table, flags, detector.outliers)
    seen = (*stopped_note(store, own.used_pixels), *centre_note(store))
    notes = (*(f"read: {words}" for words in table.origin), *detector.notes)
    notes = (*notes, *seen, *_resume_note(store, len(table) - pending))
    return ReducedRun(run, table, own.mean_q, store, flags, notes, reader.files)


@dataclass(frozen=True, eq=False)
class PreparedDetector:
    """Where every photon of a run goes. run: with the q window that the detector has; outliers: what was found of hot and
    dead pixels; mask (y, x): with them; notes: what was found on the way."""

    run: Run
    geometry: Geometry
    mask: BoolImage
    saturation: float | None
    integrator: Integrator
    outliers: str
    notes: tuple[str, ...]


def prepared(run: Run, reader: FrameKind, frames: Iterable[npt.NDArray[np.integer]]) -> PreparedDetector:
    """Geometry, masks and bins of a run; hot and dead pixels are looked for in `frames`."""
    geometry, mask, turned = detector_of(run, reader)
    saturation = _saturation(reader, geometry)
    outliers = find_outliers(
        frames, _own_integrator(run, geometry, mask, saturation, bins=min(run.analysis.bins, OUTLIER_BINS))
    )
    mask = mask | outliers.mask
    own = _own_integrator(run, geometry, mask, saturation, bins=run.analysis.bins)
    window, cut = filled_window(run.analysis, own.pixels_per_bin, own.width, where=geometry.source)
    if cut:
        run = run.model_copy(update={"analysis": window})
        own = _own_integrator(run, geometry, mask, saturation, bins=window.bins)
    notes = (*turned, *cut, f"outliers: {outliers.note}")
    return PreparedDetector(run, geometry, mask, saturation, own, outliers.note, notes)


def _tell(table: FrameTable, flags: tuple[tuple[str, ...], ...], outliers: str) -> None:
    """What was read and left out, for the log."""
    roles = ", ".join(f"{number} {role}" for role, number in Counter(map(str, table.role)).items())
    log.info("%s: %s frames", table.source, roles)
    log.info("outliers: %s", outliers)
    for index, why in enumerate(flags):
        if why:
            log.info("frame %d is left out: %s", index, "; ".join(why))


def detector_of(run: Run, reader: FrameKind) -> tuple[Geometry, BoolImage, tuple[str, ...]]:
    """Where the pixels are, which of them are masked before any frame is looked at, and how the user's mask was read where
    that is not as it is stored."""
    where = read_poni(run.detector.geometry)
    geometry = pixel_geometry(where, energy_keV=run.beam.energy_keV, frame_shape=reader.shape)
    _same_shape(geometry, reader)
    return geometry, *_user_and_gaps(run, geometry, reader)


def _same_shape(geometry: Geometry, reader: FrameKind) -> None:
    if tuple(geometry.shape) != tuple(reader.shape):
        raise bad_value(
            ShapeError,
            where=geometry.source,
            field="detector shape",
            value=f"{geometry.shape} ({geometry.detector})",
            rule=f"the frames have shape {tuple(reader.shape)}",
            remedy="give the geometry file of the detector that took the frames",
        )


def _user_and_gaps(run: Run, geometry: Geometry, reader: FrameKind) -> tuple[BoolImage, tuple[str, ...]]:
    """The mask that holds for all frames, and how the user's was read where that is not as it is stored."""
    user: BoolImage | None = None
    notes: tuple[str, ...] = ()
    if (path := run.detector.mask) is not None:
        below = all(file.suffix.lower() == ".edf" for file in reader.files)
        user = read_mask(path, geometry.shape, first_row_below=below)
        if is_fit2d_mask(path) and not below:
            notes = (f"mask: {path.name} is FIT2D's, its first row is the last of the frames",)
    window = run.analysis
    mask = static_mask(
        geometry, user, q_min=window.q_min_per_nm, q_max=window.q_max_per_nm, where=run.detector.mask or "mask"
    )
    return mask, notes


def _saturation(reader: FrameKind, geometry: Geometry) -> float | None:
    """The count from which a pixel is left out of its frame; None where only the type of the frames limits it."""
    if reader.saturation is None and geometry.detector.startswith("Pilatus"):
        return PILATUS_SATURATION
    return reader.saturation


def _own_integrator(
    run: Run, geometry: Geometry, mask: BoolImage, saturation: float | None, *, bins: int
) -> Integrator:
    return Integrator(
        geometry,
        mask=mask,
        q_min=run.analysis.q_min_per_nm,
        q_max=run.analysis.q_max_per_nm,
        bins=bins,
        polarization=run.beam.polarization,
        saturation=saturation,
    )


def _pyfai_integrator(detector: PreparedDetector, name: str) -> FrameIntegrator:
    engine, _, splitting = name.partition(":")
    if engine != "pyfai" or not splitting:
        raise bad_value(
            InputFileError,
            where="command line",
            field="--integrator",
            value=name,
            rule="must be own, or pyfai: and one of pyFAI's pixel splittings",
            remedy="for example --integrator pyfai:bbox",
        )
    window = detector.run.analysis
    return PyFAIIntegrator(
        detector.geometry,
        mask=detector.mask,
        q_min=window.q_min_per_nm,
        q_max=window.q_max_per_nm,
        bins=window.bins,
        polarization=detector.run.beam.polarization,
        saturation=detector.saturation,
        method=splitting,
    )


def readable(reader: FrameReader, indices: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.integer]]:
    """The frames among `indices` that can be read; the others are flagged later, by the reduction itself."""
    for index in indices:
        try:
            yield reader.read(int(index))
        except FrameError:
            continue


def _key(files: Iterable[Path], fingerprint: str, integrator: str) -> str:
    """Changes whenever a stored reduction would be another one: files, pixels, bins, integrator, version."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        if file.is_file():
            stat = file.stat()
            digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    digest.update(f"{fingerprint} {integrator} {__version__}".encode())
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
    unlit = beamless(
        table, np.asarray(store.counts), np.asarray(store.norm), ~done | np.array([bool(f) for f in flags])
    )
    alone = [
        (f"unreadable: {errors.get(i, 'not reduced')}".replace(";", ","),)
        if not done[i]
        else (*flags[i], *unlit[i], *(("no time or height",) if homeless[i] else ()))
        for i in range(len(table))
    ]
    twins = _twins(table, np.array([not flags for flags in alone]))
    return tuple(
        (*flags, *((f"same time and height as frame {twins[i]}",) if i in twins else ()))
        for i, flags in enumerate(alone)
    )


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
    return off if off > 5.0 * sigma else 0.0


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
