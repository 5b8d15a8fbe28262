"""The numbers of one frame as soon as it is there, by the functions of `analyse` on what is known so far.

Provisional are: hot and dead pixels (looked for in the solvent and reference frames that were there before the first sample
frame), the means of solvent and reference (over those so far), what a frame's beam is compared with (those and the last
samples), what the transmission diode reads without light and how far it scatters (by the frames of the knife edge so far). Not
yet taken are what needs the whole map: footprint, crystals, frames that their light contradicts.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import __version__
from ...analysis.concentration.diode_noise import DiodeNoise
from ...analysis.spheres.fit import SphereFit, fit_spheres
from ...errors import ElectrosaxsError, FrameError
from ...io.arriving import ArrivedRow, Arriving
from ...nouns import FrameTable, Role, Run, SampleIntensity
from ...nouns.frame_reader import Frame
from ...reduction.growing_store import GrowingStore, GrownFrames
from ...reduction.outliers import SAMPLE
from ...reduction.stream import DONE, ReducedFrame, StoredFrames
from ..analyse.analyse_run import with_known_fraction
from ..analyse.detector import PreparedDetector, prepared
from ..analyse.diode_dark import DiodeDark, dark_of
from ..analyse.diode_noise import with_diode_noise
from ..analyse.reduce_run import ReducedRun, flags_of
from ..analyse.standards import Standards, sample_intensity, standards
from ..analyse.voxels import measure

STANDARD = (Role.SOLVENT, Role.REFERENCE)
STILL = (*STANDARD, Role.DARK, Role.ALIGNMENT)
RECENT = 32  # sample frames with which a new one is compared
SHOWN = 250  # points of a curve on the page
READERS = 2  # threads that read and integrate frames which wait
NOTHING_YET = "no solvent or reference frame yet"
COLUMNS = ("height", "time", "exposure", "monitor", "transmission", "voltage", "current")

Line = dict[str, Any]
"""What a frame is told as, as JSON holds it."""


@dataclass
class Kind:
    """What all frames have in common (a FrameKind)."""

    shape: tuple[int, int]
    saturation: float | None
    files: tuple[Path, ...]


class SomeFrames(StoredFrames):
    """A few reduced frames in memory."""

    def __init__(self, frames: list[ReducedFrame]) -> None:
        self.folder = Path("memory")
        self.counts = np.array([frame.counts for frame in frames], dtype=np.float64)
        self.norm = np.array([frame.norm for frame in frames])
        self.negative = np.array([frame.negative for frame in frames])
        self.saturated = np.array([frame.saturated for frame in frames])
        self.stopped = np.array([frame.stopped for frame in frames])
        self._status = np.full(len(frames), DONE, dtype=np.uint8)


class Provisional:
    """The frames of one run so far. `store`: every frame that is reduced, None until the detector is known."""

    def __init__(self, run: Run, source: Arriving, folder: Path) -> None:
        self.run, self.curve = run, dict[str, Any]()
        self.detector: PreparedDetector | None = None
        self.store: GrowingStore | None = None
        self._source, self._folder = source, folder
        self._still: dict[int, tuple[ArrivedRow, ReducedFrame | None]] = {}
        self._recent: deque[tuple[ArrivedRow, ReducedFrame]] = deque(maxlen=RECENT)
        self._standard: Standards | None = None
        self._diode: DiodeNoise | None = None
        self._dark: DiodeDark | None = None
        self._prepared_for = 0
        self.samples = False  # whether there was a sample frame: without one there is no map
        self._run_known = run

    def take(self, rows: Sequence[ArrivedRow]) -> list[Line | FrameError]:
        """The lines of live.jsonl for `rows`, less their times; FrameError where an image is not there yet. Sample frames that
        wait side by side are read in threads and fitted together, so that a fast detector costs what `analyse` costs."""
        lines: list[Line | FrameError] = []
        for together, group in groupby(rows, key=self._with_others):
            some = list(group)
            lines += self._together_or_alone(some) if together and len(some) > 1 else map(self._alone, some)
        return lines

    def _with_others(self, row: ArrivedRow) -> bool:
        """Whether a row is one of those that are measured together: a sample frame after the first one."""
        return self.samples and not row.trouble and row.role == Role.SAMPLE and self._complete()

    def _alone(self, row: ArrivedRow) -> Line | FrameError:
        line = _line(row)
        if row.trouble:
            return line
        try:
            frame = self._source.read(row)
            if row.role in STILL:
                self._keep_still(row, frame)
            elif row.role == Role.SAMPLE:
                line |= self._first_measured(row, frame)
        except FrameError as error:
            return error
        except ElectrosaxsError as error:
            line["flags"] = [_words(error)]
        return line

    def _together_or_alone(self, rows: list[ArrivedRow]) -> list[Line | FrameError]:
        """One of them that cannot be measured must not take the others with it."""
        with ThreadPoolExecutor(min(READERS, len(rows)), thread_name_prefix="read") as pool:
            read = list(pool.map(self._read, rows))
        frames = [frame for frame in read if isinstance(frame, ReducedFrame)]
        here = [row for row, frame in zip(rows, read, strict=True) if isinstance(frame, ReducedFrame)]
        if not here:
            return [frame for frame in read if isinstance(frame, FrameError)]
        try:
            measured = iter(self._measured(here, frames))
        except ElectrosaxsError:
            return [self._alone(row) for row in rows]
        return [
            frame if isinstance(frame, FrameError) else _line(row) | next(measured)
            for row, frame in zip(rows, read, strict=True)
        ]

    def _read(self, row: ArrivedRow) -> ReducedFrame | FrameError:
        try:
            return self._reduced(row, self._source.read(row))
        except FrameError as error:
            return error

    def recall(self, row: ArrivedRow) -> None:
        """A sample frame that an earlier process has written the line of: only what the passes need of it."""
        if self.detector is None:
            self._prepare(self._source.read(row))
        assert self.store is not None
        self.samples = True
        if not self.store.has(row.index):
            self._reduced(row, self._source.read(row))

    def _keep_still(self, row: ArrivedRow, frame: Frame) -> None:
        self._standard = None
        if self.detector is None and not self._still:
            prepared(self.run, self._kind(frame), lambda: [frame])  # so that what is slow the first time is behind us
        self._still[row.index] = (row, None if self.detector is None else self._reduced(row, frame))

    def rest(self) -> bool:
        """Do ahead what the first sample frame will need, while nothing else is to be done; whether there was anything."""
        if self.samples or len(self._still) == self._prepared_for or not self._complete():
            return False
        row = next(iter(self._still.values()))[0]
        self._prepare(self._source.read(row))
        self._standards()
        return True

    def _complete(self) -> bool:
        """Whether there are frames of both kinds that a sample is measured against."""
        return set(STANDARD) <= {kept.role for kept, _ in self._still.values()}

    def _first_measured(self, row: ArrivedRow, frame: Frame) -> Line:
        """The numbers of one frame, before which the detector may have to be known."""
        if self.detector is None or (not self.samples and len(self._still) != self._prepared_for):
            self._prepare(frame)
        self.samples = True
        reduced_frame = self._reduced(row, frame)
        if not self._complete():
            self._recent.append((row, reduced_frame))
            return {"flags": [NOTHING_YET]}
        return self._measured([row], [reduced_frame])[0]

    def _measured(self, rows: list[ArrivedRow], frames: list[ReducedFrame]) -> list[Line]:
        """The numbers of sample frames, each as if it had come alone."""
        new = list(zip(rows, frames, strict=True))
        before = [*self._all_still(), *self._recent]
        reduced = self._together([*before, *new])
        at = np.arange(len(before), len(before) + len(new))
        good = np.array([not reduced.flags[i] for i in at])
        lines: list[Line] = [{"flags": list(reduced.flags[i])} for i in at]
        self._recent.extend(new)
        if not good.any():
            return lines
        standard = self._standards()
        reduced = replace(reduced, run=self._run_known, table=_without(self._dark, reduced.table), diode=self._diode)
        here = at[good]
        sample = sample_intensity(reduced, standard, here)
        fit = fit_spheres(sample, workers=1)
        voxel = measure(here, sample, fit, reduced=reduced, standard=standard)
        chosen = np.flatnonzero(good)
        self._show(rows[chosen[-1]], reduced.q, sample, fit)
        for k, place in enumerate(chosen):
            value = {name: float(column[k]) for name, column in voxel.values.items()}
            lines[place] = {
                "phi": _known(value["phi"]), "phi_sigma": _known(value["phi_sigma"]),
                "diameter_nm": _known(value["diameter"]), "diameter_sigma_nm": _known(value["diameter_sigma"]),
                "reduced_chi_squared": _known(value["reduced_chi_squared"]), "photons": _known(value["photons"]),
                "flags": list(voxel.flags[k]),
            }  # fmt: skip
        return lines

    def _prepare(self, frame: Frame) -> None:
        """Hot and dead pixels from the still frames so far (from this frame where there is none), and those reduced."""
        kind = self._kind(frame)
        looked_at = [i for i in self._still if self._still[i][0].role in STANDARD]
        chosen = [looked_at[k] for k in np.linspace(0, len(looked_at) - 1, min(SAMPLE, len(looked_at))).astype(int)]
        self.detector = prepared(self.run, kind, lambda: self._again(chosen) if chosen else [frame])
        self._standard = None
        self._prepared_for = len(self._still)
        own = self.detector.integrator
        key = hashlib.blake2b(f"{self._source.path} {own.fingerprint} {__version__}".encode(), digest_size=16)
        self.store = GrowingStore(self._folder, key=key.hexdigest(), bins=own.bins)
        for index, (row, _) in self._still.items():
            self._still[index] = (row, self._reduced(row, self._source.read(row)))

    def _again(self, indices: list[int]) -> Iterator[Frame]:
        for index in indices:
            yield self._source.read(self._still[index][0])

    def _kind(self, frame: Frame) -> Kind:
        return Kind((frame.shape[0], frame.shape[1]), self._source.saturation, self._source.files())

    def _reduced(self, row: ArrivedRow, frame: Frame) -> ReducedFrame:
        assert self.detector is not None
        assert self.store is not None
        sums = self.detector.integrator.integrate(frame)
        reduced = ReducedFrame(row.index, sums.counts, sums.norm, sums.negative, sums.saturated, sums.stopped)
        self.store.add(reduced)
        return reduced

    def _all_still(self) -> list[tuple[ArrivedRow, ReducedFrame]]:
        return [(row, frame) for row, frame in self._still.values() if frame is not None]

    def _standards(self) -> Standards:
        """Solvent and reference so far, worked out again after each new frame of theirs."""
        if self._standard is None:
            reduced = self._together(self._all_still())
            self._dark = dark_of(reduced)
            reduced = with_diode_noise(replace(reduced, table=_without(self._dark, reduced.table)))
            self._diode = reduced.diode
            self._standard = standards(reduced, workers=1)
            self._run_known = with_known_fraction(reduced, self._standard).run
        return self._standard

    def _together(self, frames: list[tuple[ArrivedRow, ReducedFrame]]) -> ReducedRun:
        assert self.detector is not None
        rows = [row for row, _ in frames]
        numbers: dict[str, Any] = {name: np.array([row.numbers.get(name, np.nan) for row in rows]) for name in COLUMNS}
        table = FrameTable(
            role=np.array([row.role for row in rows], dtype=np.str_), file=(), source=self._source.path, **numbers
        )
        store = SomeFrames([frame for _, frame in frames])
        flags = flags_of(table, store, self.detector.integrator.used_pixels, {})
        own = self.detector.integrator
        return ReducedRun(self.detector.run, table, own.mean_q, store, flags, (), ())

    def _show(self, row: ArrivedRow, q: npt.NDArray, sample: SampleIntensity, fit: SphereFit) -> None:
        """Keep the newest curve for the page."""
        step = max(1, -(-q.size // SHOWN))
        curve = {"q": q, "intensity": sample.values[-1], "sigma": sample.sigma[-1], "model": fit.model(q)[-1]}
        self.curve = {
            "index": row.index, "height_um": row.numbers["height"], "time_s": row.numbers["time"],
            **{name: [_known(float(v)) for v in values[::step]] for name, values in curve.items()},
        }  # fmt: skip


def grown(folder: Path, frames: int, detector: dict[str, Any], run: Run, table: FrameTable) -> ReducedRun:
    """The first `frames` of a run as they lie in the store at `folder`; detector: as `detector_words` says it."""
    store = GrownFrames(folder, frames)
    window = run.analysis.model_copy(update=detector["window"])
    run = run.model_copy(update={"analysis": window})
    flags = flags_of(table, store, detector["used_pixels"], {})
    return ReducedRun(run, table, np.array(detector["q"]), store, flags, tuple(detector["notes"]), ())


def detector_words(detector: PreparedDetector) -> dict[str, Any]:
    """What `grown` needs of a detector, as JSON holds it."""
    own = detector.integrator
    return {
        "q": own.mean_q.tolist(), "used_pixels": own.used_pixels, "window": detector.run.analysis.model_dump(),
        "notes": list(detector.notes),
    }  # fmt: skip


def _line(row: ArrivedRow) -> Line:
    return {
        "index": row.index, "role": row.role, "height_um": row.numbers.get("height"), "time_s": row.numbers.get("time"),
        "phi": None, "phi_sigma": None, "diameter_nm": None, "flags": [row.trouble] if row.trouble else [],
    }  # fmt: skip


def _without(dark: DiodeDark | None, table: FrameTable) -> FrameTable:
    return table if dark is None else replace(table, transmission=dark.taken_off(table.transmission))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _words(error: ElectrosaxsError) -> str:
    return " ".join(str(error).split())
