"""electrosaxs acquire: measure a run as a plan says, and leave the output off whatever happens."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...acquisition.beamline import Beamline, Greeting
from ...acquisition.faults import Fault, MeterFault, Stopped
from ...acquisition.field import Field
from ...acquisition.guard_client import Meter
from ...acquisition.measurement import Edge, Measurement
from ...acquisition.watch import Watch
from ...errors import ElectrosaxsError, InputFileError, bad_value
from ...io.plan_toml import read_plan
from ...nouns.run_plan import RunPlan
from ..experiment_file import check_materials
from .background import add_background
from .beamlines import beamline_of, leave_micrographs, own_detector
from .cataloguing import catalogued, check_catalogue
from .forecast import check_against, forecast, refused_afterwards
from .meters import check_extra, identify, meter_of
from .run_folder import RUN, RunFolder, is_at, new_folder

if TYPE_CHECKING:
    from ...control.plant import Plant
    from ...nouns import Number

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
FAULT, UNSAFE = 3, 4
STOP_S = 2.0  # for which a beamline may take to stop
OFF = "the output is off (OUTP? says 0)"
UNSURE = {
    True: "OUTPUT MAY BE ON: the source meter goes on answering OUTP? with 1 after OUTP OFF",
    None: "OUTPUT MAY BE ON: the source meter does not answer OUTP?",
}


@dataclass
class Ending:
    """How a run ended: exit code, exit status and phase as documents and state.json say, and why."""

    code: int = 0
    status: str = "success"
    phase: str = "finished"
    reason: str = "finished"


def acquire(
    plan: str | Path,
    out: str | Path,
    *,
    dry_run: bool = False,
    token_file: Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Measure the run that PLAN.toml describes into the new folder `out`; returns the exit code. `say`: takes the summary.

    0 finished, 3 a fault ended it, 4 the output could not be confirmed off, 130 or 143 after a signal. Raises
    InputFileError for a plan that cannot be started; nothing was switched on then.

    >>> from electrosaxs import acquire
    >>> ended = acquire("plan_run.toml", "run")
    """
    source = Path(plan)
    wanted = read_plan(source)
    check_materials(wanted.solution, where=source)
    check_extra()
    check_catalogue(wanted, source)
    token = _token(token_file)
    plant = None if wanted.hold is None else _believed(wanted)
    with _folder(Path(out), dry_run) as folder, _signals() as asked:
        beamline, wanted = beamline_of(wanted)
        try:
            greeting = _greeted(beamline)
            check_against(wanted, greeting, source, Path(out))
            if why := refused_afterwards(wanted, greeting):
                _say(f"analyse would refuse this run until that is put right: {why}")
            with meter_of(wanted, real_clock=greeting.real_clock) as meter:
                identity, warning, found_on = identify(meter, wanted)
                if warning:
                    _say(warning)
                if dry_run:
                    say(forecast(wanted, greeting, identity, Path(out), plant))
                    return 0
                own_detector(beamline, wanted.beamline.kind, folder)
                record = RunFolder(folder, wanted, source, greeting, lambda: asked[0] if asked else None, token=token)
                with catalogued(wanted, folder):
                    code, summary = _measured(wanted, beamline, greeting, meter, record, found_on=found_on, plant=plant)
                if not code:
                    seen = leave_micrographs(beamline, wanted.beamline.kind, folder)
                    say(summary if seen is None else f"{summary}; micrographs of its anode: {seen}")
                return code
        finally:
            beamline.close()


def _measured(
    plan: RunPlan,
    beamline: Beamline,
    greeting: Greeting,
    meter: Meter,
    record: RunFolder,
    *,
    found_on: bool,
    plant: Plant | None,
) -> tuple[int, str]:
    """The run between the first word to the meter and the last to the folder; exit code and summary. plant: what is
    believed of the cell where a flux is held."""
    watch = Watch(beamline, meter, record)
    watch.wall_per_s = greeting.wall_per_s
    fwhm = plan.beam.fwhm_um
    ending, tried = Ending(), False
    try:
        watch.ask("start")
        record.tell(guard_pid=meter.guard_pid, output=False)
        record.reading(beamline.clock(), {"output": False}, "found on, switched off" if found_on else "connected")
        field = Field(watch, plan.program) if plant is None else _held(watch, plan, plant, record, greeting)
        if plan.scan.background is not None:
            add_background(record, plan.scan.background, greeting)
        Measurement(
            plan.scan, watch, field, record, greeting, _edge_finder(fwhm),
            gap_um=1e3 * plan.cell.gap_mm, fwhm_um=fwhm, start_um=plan.cell.anode_height_um or 0.0,
        ).run()  # fmt: skip
        ending.reason = field.over or ending.reason
    except Stopped as stopped:
        ending = Ending(stopped.code, "abort", "aborted", str(stopped))
    except MeterFault as fault:  # who holds the meter has tried already
        ending, tried = Ending(FAULT, "fail", "failed", str(fault)), True
    except Fault as fault:
        ending = Ending(FAULT, "fail", "failed", str(fault))
    except OSError as error:
        ending = Ending(FAULT, "fail", "failed", f"disk: {error.strerror or error} ({error.filename or record.folder})")
    except ElectrosaxsError as error:
        ending = Ending(FAULT, "fail", "failed", str(error))
    except Exception as error:
        ending = Ending(FAULT, "fail", "failed", f"acquire: {type(error).__name__}: {error}")
        if os.environ.get("ELECTROSAXS_TRACEBACK"):
            raise
    finally:
        output = meter.output if tried else watch.off()
    return _ended(ending, output, beamline, record)


def _believed(plan: RunPlan) -> Plant:
    """What the plan believes of the cell whose flux it holds."""
    from .held_belief import believed_plant  # a run that follows a program needs no model

    return believed_plant(plan)


def _held(watch: Watch, plan: RunPlan, plant: Plant, record: RunFolder, greeting: Greeting) -> Field:
    """The voltage of a held flux; the folder tells it of frames, readings and requests, and keeps what it decides."""
    from .held_field import HeldField

    record.held = HeldField(watch, plan, plant, record.folder / RUN, greeting.saturation, record.decision)
    return record.held


def _ended(ending: Ending, output: bool | None, beamline: Beamline, record: RunFolder) -> tuple[int, str]:
    """Everything is written down that still can be; nothing here may keep the last word from stderr."""
    stopping = threading.Thread(target=beamline.stop, daemon=True)
    stopping.start()
    stopping.join(STOP_S)
    code = ending.code if output is False else UNSAFE
    known = OFF if output is False else UNSURE[output]
    data = f"{record.frames} frames are good" + _until(record.good_until)
    text = f"{ending.reason}; {data}; {known}" if output is False else f"{known}; {ending.reason}; {data}"
    for keep in (
        lambda: record.reading(beamline.clock(), {"set_V": 0.0, "output": output}, f"output off: {ending.reason}"),
        lambda: record.documents.stop(ending.status if output is False else "fail", text),
        lambda: record.tell(phase=ending.phase if output is False else "failed", output=output, message=text),
        record.close,
    ):
        with suppress(Exception):
            keep()
    if code:
        _say(text if code == UNSAFE else f"electrosaxs acquire: {text}")
    run = shlex.quote(str(record.folder / RUN))
    return code, f"{record.folder}: {text}; analyse it with: electrosaxs analyse {run} --out RESULTS"


def _until(clock_s: float) -> str:
    return "" if math.isnan(clock_s) else f", until {clock_s:.1f} s of the beamline's clock"


def _greeted(beamline: Beamline) -> Greeting:
    """InputFileError where nobody is there: nothing has been switched on."""
    try:
        return beamline.hello()
    except Fault as fault:
        raise bad_value(
            InputFileError, where="beamline", field=fault.device, value="no connection",
            rule=str(fault).removeprefix(f"{fault.device}: "), remedy="check beamline.address or beamline.names, and "
            "that the other side runs; nothing was switched on",
        ) from fault  # fmt: skip


def _edge_finder(fwhm_um: float):  # type: ignore[no-untyped-def]
    """The fit of a knife edge for this beam."""
    from ...reduction import alignment  # a second of imports, while nothing is on

    def find(heights: list[float], transmissions: list[float]) -> Edge:
        try:
            found = alignment.anode_height_from_alignment(heights, transmissions, fwhm_um=fwhm_um)
        except ElectrosaxsError as error:
            return Edge(None, None, str(error))
        seen = alignment.beam_width_from_alignment(heights, transmissions, fwhm_um=fwhm_um)
        return Edge(found.value, found.sigma, found.source, _other_width(seen, fwhm_um))

    return find


def _other_width(seen: Number, fwhm_um: float) -> str:
    """That the beam is of another width than said, in words; empty where it is not, or where no edge tells."""
    from ...reduction.alignment import is_other_width

    if not is_other_width(seen, fwhm_um):
        return ""
    return (
        f"beam.fwhm_um = {fwhm_um:g}: the knife edge shows a beam of {seen.value:.3g} +/- {seen.sigma:.1g} um; phi at the "
        "anode rests on it, and a wall that is held: give what it shows"
    )


@contextmanager
def _folder(out: Path, dry_run: bool) -> Iterator[Path]:
    """The new run folder, held; removed again where nothing came into it."""
    if dry_run:
        yield out
        return
    made = not out.exists()
    held = new_folder(out)
    try:
        yield out.resolve()
    finally:
        if made and not (out / "state.json").exists() and is_at(held, out):
            shutil.rmtree(out, ignore_errors=True)
        os.close(held)


@contextmanager
def _signals() -> Iterator[list[Stopped]]:
    """SIGINT and SIGTERM asked for from here on, in order; the plan looks many times a second."""
    asked: list[Stopped] = []

    def heard(number: int, _: object) -> None:
        name = signal.Signals(number).name
        asked.append(Stopped(f"stopped by {name}", SIGNALS[signal.Signals(number)]))

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, heard) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _token(path: Path | None) -> str:
    """The operator's token; empty: no request is heard."""
    if path is None:
        return ""
    token = path.read_text(encoding="utf-8-sig").strip()
    if not token:
        raise bad_value(
            InputFileError, where=path, field="--operator-token-file", value="empty", rule="must hold a token",
            remedy="write one line of at least some random letters into it",
        )  # fmt: skip
    return token


def _say(text: str) -> None:
    with suppress(OSError):  # it may be a file on the disk that is full; the exit code says the rest
        sys.stderr.write(" ".join(text.split()) + "\n")
        sys.stderr.flush()
