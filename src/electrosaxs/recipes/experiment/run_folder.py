"""The run folder while it is being measured: complete from before the first frame, readable at any moment."""

from __future__ import annotations

import fcntl
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from ...acquisition.beamline import Diodes, Exposed, Greeting
from ...acquisition.documents import Documents
from ...acquisition.faults import Fault, Stopped
from ...acquisition.measurement import Edge
from ...errors import FrameError, InputFileError, bad_value
from ...io.cbf import REMEDY as DAMAGED
from ...io.cbf import write_cbf
from ...io.growing_csv import GrowingCsv, GrowingImageTable
from ...io.growing_nexus import GrowingNexus
from ...io.images import read_image
from ...io.plan_toml import copy_plan
from ...io.run_state import DocumentFile, take_requests, write_state
from ...io.run_toml import write_run
from ...nouns import DetectorFiles, FrameSource, Role, Run
from ...nouns.run import RunTitle
from ...nouns.run_plan import RunPlan
from ...report.provenance import file_hash, package_versions
from .kept_frames import Kept

if TYPE_CHECKING:
    from ...control.hold.holder import Decision
    from .held_field import HeldField

NEXUS, IMAGES, TABLE, METER, CONTROL = "frames.nxs", "images", "frames.csv", "meter.csv", "control.csv"
RUN, PLAN = "run.toml", "plan.toml"
GEOMETRY, MASK, INCOMING = "geometry.poni", "mask.edf", "incoming"
CONTROL_COLUMNS = (
    "time_s", "set_point_m_per_s", "flux_m_per_s", "flux_sigma_m_per_s", "effective_charge", "effective_charge_sigma",
    "voltage_V", "limited_by", "mode", "reason", "wall_phi", "wall_phi_sigma", "wall_goal",
)  # fmt: skip
PACKED = (".gz", ".bz2", ".z")  # of what fabio unpacks
METER_COLUMNS = ("clock_s", "epoch_s", "set_V", "read_V", "read_A", "output", "event")
BEAT_S, HEAR_S = 0.8, 0.2
DARK = "the beamline gives no transmission, without which analyse refuses a run"
ABORTED = 130  # exit code, as after SIGINT
Hear = Callable[[], Stopped | None]


def new_folder(path: Path) -> int:
    """Make the folder and hold it for this process; returns what holds it. InputFileError where it is not new or empty."""
    path.mkdir(parents=True, exist_ok=True)
    held = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        reason = next((f"holds {name}" for name in sorted(os.listdir(path))), "")
    except OSError:
        reason = "is being written by another acquire"
    if reason:
        os.close(held)
        raise bad_value(
            InputFileError, where=path, field="--out", value=reason, rule="must be a new or empty folder: data are never "
            "written over", remedy="choose another folder",
        )  # fmt: skip
    return held


def is_at(held: int, path: Path) -> bool:
    """Whether the folder that is open as `held` is that at `path`."""
    try:
        return os.path.samestat(os.fstat(held), path.stat())
    except OSError:
        return False


class RunFolder:
    """A measurement.Recorder. `hear`: what asks the run to end, None while nothing does; token: of the operator whose
    requests are heard, empty: nobody's."""

    def __init__(
        self, folder: Path, plan: RunPlan, source: Path, greeting: Greeting, hear: Hear, *, token: str = ""
    ) -> None:
        self.folder, self.plan, self._greeting, self._hear = folder, plan, greeting, hear
        self.paused, self._explained, self._token, self._heard_at = False, False, token, 0.0
        self.frames, self.good_until, self._told_at, self._phase = 0, math.nan, 0.0, "starting"
        self.state: dict[str, Any] = {
            "phase": "starting", "pid": os.getpid(), "guard_pid": None, "heartbeat": 0.0, "frames": 0, "output": None,
            "voltage_V": None, "message": "",
            "set_point_m_per_s": None if plan.hold is None else plan.hold.set_point_m_per_s,
        }  # fmt: skip
        self._place = os.open(folder, os.O_RDONLY)
        copy_plan(source, folder / PLAN)
        self._copy_detector()
        self._meter = GrowingCsv(folder / METER, METER_COLUMNS, durable=False)
        self._control = None if plan.hold is None else GrowingCsv(folder / CONTROL, CONTROL_COLUMNS, durable=False)
        self.held: HeldField | None = None
        self._nexus: GrowingNexus | None = None
        self._table: GrowingImageTable | None = None
        self._open_frames()
        self._write_run(plan.cell.anode_height_um)
        self._documents = DocumentFile(folder)
        self.documents = Documents(self._documents.append, self._about(source))
        nexus = None if self._nexus is None else f"file://localhost{quote((folder / NEXUS).as_posix())}"
        self.documents.describe_frames(greeting.shape, nexus)
        self.tell()

    def phase(self, name: str, message: str = "") -> None:
        self._phase = name
        self.tell(phase=self._shown, message=message)

    @property
    def _shown(self) -> str:
        """The phase as state.json has it: an operator's pause is one at once, whatever the plan is waiting for."""
        return "paused" if self.paused else self._phase

    def tell(self, **changes: Any) -> None:
        """Write state.json with `changes`, now. Fault where the folder is not there any more."""
        if not is_at(self._place, self.folder):
            gone = os.fstat(self._place).st_nlink == 0
            if gone:
                self.frames, self.good_until = 0, math.nan
            what = "was removed, with all frames" if gone else "is not where it was: it was moved"
            raise Fault("run folder", f"{self.folder} {what}")
        self._told_at = time.monotonic()
        self.state.update(changes, heartbeat=time.time(), frames=self.frames)
        write_state(self.folder, self.state)

    def beat(self) -> None:
        if time.monotonic() - self._told_at > BEAT_S:
            self.tell()

    def hear(self) -> None:
        if (asked := self._hear()) is not None:
            raise asked
        if self._token and time.monotonic() - self._heard_at > HEAR_S:
            self._heard_at = time.monotonic()
            for request in take_requests(self.folder, self._token):
                self._obey(request["do"], request["who"], request["value"])

    def _obey(self, do: str, who: str, value: object) -> None:
        """Pause, resume, abort or another set-point, and who wanted it."""
        if do == "set-point":
            self._set_point(value, who)
            return
        self.documents.asked(do, who)
        self.paused = do == "pause" or (self.paused and do != "resume")
        words = "; no exposures, the voltage program goes on" if self.paused else ""
        self.tell(phase=self._shown, message=f"{do} asked for by {who}{words}")
        if do == "abort":
            raise Stopped(f"abort asked for by {who}", ABORTED)

    def _set_point(self, value: object, who: str) -> None:
        """Another set-point for the flux, and who wanted it; what cannot be is said and changes nothing."""
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0.0
        why = "it must be a positive number, in m/s" if not number else "this run follows a program"
        if number and self.held is not None:
            why = self.held.ask_for(float(value), who)  # type: ignore[arg-type]
        self.documents.asked(f"set-point {value} m/s" + (f": refused, {why}" if why else ""), who)
        if why:
            self.tell(message=f"set-point {value} of {who} is refused: {why}")

    def decision(self, decided: Decision, note: str) -> None:
        """What was decided of a held flux; note: who asked for what, or empty."""
        assert self._control is not None
        self._control.append(
            round(decided.time, 3), decided.set_point, decided.flux, decided.flux_sigma, decided.charge,
            decided.charge_sigma, round(decided.voltage, 6), decided.limited_by, decided.mode, note or decided.reason,
            decided.wall, decided.wall_sigma, decided.wall_goal,
        )  # fmt: skip
        self.state["set_point_m_per_s"] = decided.set_point
        phase = "fallback" if decided.mode == "fallback" else "running"
        changed = self._phase in ("running", "fallback") and self._phase != phase
        self._phase = phase if changed else self._phase
        turned, self._explained = self._explained != bool(decided.reason), bool(decided.reason)
        message = decided.reason if changed else note or decided.reason
        if changed or note or turned:
            self.tell(phase=self._shown, message=message)

    def reading(self, clock_s: float, found: dict[str, Any], event: str) -> None:
        if self.held is not None:
            self.held.reading(clock_s, found)
        self._meter.append(
            round(clock_s, 3), round(time.time(), 3), found.get("set_V"), found.get("voltage_V"), found.get("current_A"),
            "" if found.get("output") is None else int(found["output"]), event,
        )  # fmt: skip
        if found.get("output") != self.state["output"]:
            self.tell(output=found.get("output"))
        self.state["voltage_V"] = found.get("voltage_V")

    def image(self) -> Path:
        return self.folder / (IMAGES if self._nexus is None else INCOMING) / f"frame_{self.frames:05d}.cbf"

    def frame(self, role: Role, exposed: Exposed, values: dict[str, float]) -> None:
        """Fault of the detector where its image is missing, damaged or of another shape; OSError where the disk is full."""
        path = self.image()
        row = {
            "height": exposed.height_um, "exposure": exposed.exposure_s, "monitor": exposed.monitor_counts,
            "transmission": exposed.transmission, **values,
        }  # fmt: skip
        image = self._keep(path, str(role), row)
        if not self.frames and math.isnan(exposed.transmission):
            self.remark(DARK)
        self.frames += 1
        if self.held is not None:
            self.held.frame(Kept(image, role, row))
        self.good_until = exposed.clock_s
        named = {} if self._nexus is not None else {"file": f"{IMAGES}/{path.name}"}
        self.documents.frame({**{k: _known(v) for k, v in row.items()}, "role": str(role), **named})
        self.tell()

    def remark(self, text: str) -> None:
        sys.stderr.write(f"electrosaxs acquire: {text}; the run goes on\n")
        self.tell(message=text)

    def aligned(self, diodes: list[Diodes], edge: Edge) -> None:
        columns = (
            [_known(d.height_um) for d in diodes],
            [_known(d.transmission) for d in diodes],
            [_known(d.monitor_counts) for d in diodes],
        )
        fit = {"anode_height": edge.height_um, "anode_height_sigma": edge.sigma_um}
        self.documents.knife_edge(*columns, {name: value for name, value in fit.items() if value is not None})
        if self.held is not None:
            self.held.aligned(diodes, edge)
        if edge.height_um is not None:
            sigma = "" if edge.sigma_um is None else f" +/- {edge.sigma_um:.2f}"
            self.tell(message=f"anode at {edge.height_um:.2f}{sigma} um: {edge.why}")
        if edge.doubt:
            self.remark(edge.doubt)

    def anode(self, height_um: float) -> None:
        self._write_run(round(height_um, 3))
        if self.held is not None:
            self.held.anode = height_um

    def earlier(self, frame: npt.NDArray[np.integer], role: Role, row: dict[str, float]) -> None:
        """A frame of another run, kept as if it had been taken before this one; `row` as the table has it."""
        path = self.image()
        write_cbf(path, frame, {})
        image = self._keep(path, str(role), row)
        self.frames += 1
        if self.held is not None:
            self.held.frame(Kept(image, role, row))

    def close(self) -> None:
        """Finish the files."""
        for file in (self._nexus, self._table, self._meter, self._control, self._documents):
            if file is not None:
                file.close()
        if is_at(self._place, self.folder):
            shutil.rmtree(self.folder / INCOMING, ignore_errors=True)
        os.close(self._place)

    def _keep(self, path: Path, role: str, row: dict[str, float]) -> npt.NDArray[np.integer]:
        """Image first, row after; the image."""
        try:
            frame = read_image(path)
        except (FrameError, OSError) as error:
            if not path.exists():
                raise Fault("detector", f"there is no image of frame {self.frames}: nothing wrote {path}") from error
            why = str(error).removesuffix(f"; {DAMAGED}")  # there is nothing to copy again
            raise Fault("detector", f"the image of frame {self.frames} is no whole image of counts: {why}") from error
        if frame.shape != self._greeting.shape:
            raise Fault("detector", f"an image of {frame.shape} instead of {self._greeting.shape} pixels")
        if self._nexus is None:
            self._append_row(path, role, row)
        else:
            self._nexus.append(frame, role, row)
            path.unlink()
        return frame

    def _append_row(self, path: Path, role: str, row: dict[str, float]) -> None:
        assert self._table is not None
        self._table.append(path.name, role, row)

    def _open_frames(self) -> None:
        (self.folder / (IMAGES if self.plan.frames.form == "cbf" else INCOMING)).mkdir()
        if self.plan.frames.form == "cbf":
            self._table = GrowingImageTable(self.folder / TABLE)
        else:
            self._nexus = GrowingNexus(
                self.folder / NEXUS,
                self._greeting.shape,
                title=self.plan.run.title,
                saturation=self._greeting.saturation,
            )

    def _copy_detector(self) -> None:
        """Geometry and mask under their names; what a simulated beamline has of its own is there already."""
        for source, name in ((self.plan.detector.geometry, GEOMETRY), (self.plan.detector.mask, self._mask_name())):
            if source is not None and name is not None:
                shutil.copyfile(source, self.folder / name)

    def _mask_name(self) -> str | None:
        given = self.plan.detector.mask
        if given is not None:
            packed = given.suffix.lower() in PACKED  # what is in it says the ending before
            return f"mask{Path(given.stem).suffix if packed else ''}{given.suffix}"
        return MASK if (self.folder / MASK).exists() else None

    def _write_run(self, anode_um: float | None) -> None:
        """run.toml as `analyse` reads it."""
        plan, folder = self.plan, self.folder
        mask = self._mask_name()
        nexus = plan.frames.form == "nexus"
        write_run(
            folder / RUN,
            Run(
                run=RunTitle(title=plan.run.title),
                cell=plan.cell.model_copy(update={"anode_height_um": anode_um}),
                solution=plan.solution,
                beam=plan.beam,
                detector=DetectorFiles(
                    geometry=folder / GEOMETRY,
                    mask=None if mask is None else folder / mask,
                    **plan.detector.model_dump(exclude={"geometry", "mask"}),
                ),
                frames=FrameSource(nexus=folder / NEXUS)
                if nexus
                else FrameSource(images=folder / IMAGES, table=folder / TABLE),
                analysis=plan.analysis,
            ),
        )

    def _about(self, source: Path) -> dict[str, Any]:
        """What the start document says of the run: plan, versions, hashes."""
        believed = () if self.plan.hold is None else (self.plan.hold.model,)
        files = [source, self.folder / GEOMETRY, *believed]
        return {
            "plan_name": "electrosaxs acquire", "title": self.plan.run.title,
            "date": datetime.now(UTC).date().isoformat(),
            "voltage_V": None if self.plan.voltage is None else self.plan.highest_V,
            "plan": self.plan.model_dump(mode="json"), "versions": package_versions(),
            "hashes": [file_hash(path) for path in files if path.is_file()],
            "detectors": [self._greeting.detector], "motors": ["height"],
        }  # fmt: skip


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
