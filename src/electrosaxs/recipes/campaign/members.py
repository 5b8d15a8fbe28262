"""What a campaign has to compute: each member once, into a folder of its own, and again only where its inputs changed."""

from __future__ import annotations

import glob
import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ... import __version__
from ...cluster.workers import Cluster
from ...errors import ElectrosaxsError, InputFileError, bad_value
from ...io.campaign_toml import RECORD, read_record, write_record
from ...io.folder_lock import is_locked
from ...io.plain_json import plain
from ...io.run_toml import read_run
from ...nouns.campaign import Campaign, ExSituCell, FilmMember, Kind, MicrographMember, RefusedMember
from ..analyse.analyse_run import analyse_run
from ..film.gisaxs import analyse_film
from ..film.inputs import FilmOptions
from ..islands.count_islands import Beside, count_islands
from ..progress import Progress, over
from ..side_by_side import side_by_side

MEMBERS, RUN, NUMBERS = "members", "run.toml", "numbers.json"
TOML_SUFFIX, RESULTS_SUFFIX = ".toml", ".nxs"
DIED = "every worker that computed it died; where memory was short, give workers more"
_ALONE = threading.Lock()
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One member: `results` is the folder of its finished results, where they are finished or where they will be.

    computed: whether that is this command's work. source: the run.toml of a run. cell: of a film or micrographs. refused: what
    the campaign's file says of a member that cannot be.
    """

    kind: Kind
    name: str
    results: Path
    computed: bool
    source: Path | None = None
    cell: ExSituCell | None = None
    refused: RefusedMember | None = None
    threads: int = 1


def tasks(campaign: Campaign, out: Path) -> list[Task]:
    """The members in the order of the file, each under a name of its own."""
    names: list[str] = []
    found = []
    for run in campaign.runs:
        given = run.parent if run.suffix == RESULTS_SUFFIX else run
        file = given / RUN if (given / RUN).is_file() and not (given / NUMBERS).is_file() else given
        computed = file.is_file()
        name = _unique(file.resolve().parent.name if file.suffix == TOML_SUFFIX else given.name, names)
        found.append(
            Task("run", name, out / MEMBERS / name if computed else given, computed, file if computed else None)
        )
    kinds: tuple[tuple[Kind, Sequence[ExSituCell | RefusedMember]], ...] = (
        ("film", campaign.films), ("micrographs", campaign.micrographs),
    )  # fmt: skip
    for kind, cells in kinds:
        for cell in cells:
            name = _unique(cell.called, names)
            own = out / MEMBERS / name
            if isinstance(cell, RefusedMember):
                found.append(Task(kind, name, own, False, refused=cell))
            else:
                found.append(Task(kind, name, cell.results or own, cell.results is None, cell=cell))
    return found


def _unique(name: str, taken: list[str]) -> str:
    """`name` as a file name, with a number where it is taken; the name is then taken."""
    plain_name = re.sub(r"[^\w.+-]+", "_", name).strip(".") or "member"
    unused, number = plain_name, 2
    while unused in taken:
        unused, number = f"{plain_name}-{number}", number + 1
    taken.append(unused)
    return unused


def files_of(cell: ExSituCell, key: str = "images") -> list[Path]:
    """The files that names and patterns of `key` stand for. InputFileError where one stands for none."""
    found: list[Path] = []
    for pattern in getattr(cell, key, None) or ():
        files = [Path(pattern)] if Path(pattern).is_file() else sorted(map(Path, glob.glob(pattern)))
        if not files:
            raise bad_value(
                InputFileError, where="campaign", field=key, value=pattern, rule="no such file",
                remedy="correct the name or the pattern; paths are relative to the campaign's TOML",
            )  # fmt: skip
        found += files
    return list(dict.fromkeys(found))


def _state(task: Task) -> dict[str, Any]:
    """What the results rest on: settings, and name, size and time of each file. InputFileError for a bad run.toml."""
    if task.source is not None:
        run = read_run(task.source)
        named = [run.detector.geometry, run.detector.mask, *run.frames.files]
        files = [task.source, *(path for path in named if path is not None)]
        settings: Any = None
    else:
        assert task.cell is not None
        named = [getattr(task.cell, key, None) for key in ("geometry", "mask")]
        of_patterns = [path for key in ("images", "height_maps", "packing") for path in files_of(task.cell, key)]
        files = [*of_patterns, *(path for path in named if path is not None)]
        settings = plain(task.cell.model_dump(exclude={"name", "voltage_V", "gap_mm", "duration_s", "voltage_V_sigma",
                                                       "gap_mm_sigma"}))  # fmt: skip
    stamps = [stamp for path in files for stamp in _stamps(path)]
    return {"version": __version__, "kind": task.kind, "settings": settings, "files": stamps}


def _stamps(path: Path) -> Iterator[list[Any]]:
    if path.is_dir():
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_file():
                yield [entry.name, entry.stat().st_size, entry.stat().st_mtime_ns]
    elif path.exists():
        yield [str(path), path.stat().st_size, path.stat().st_mtime_ns]


def compute(task: Task) -> str:
    """Compute a member unless it is there and unchanged; why it could not be, empty where it was."""
    try:
        state = _state(task)
        if read_record(task.results) == state and (task.results / NUMBERS).is_file():
            return ""
        (task.results / RECORD).unlink(missing_ok=True)
        _results(task)
        write_record(task.results, state)
    except ElectrosaxsError as error:
        return str(error)
    except Exception as error:  # whatever a member holds, the others go on
        log.exception("%s %s", task.kind, task.name)
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return ""


def _results(task: Task) -> None:
    """What `analyse`, `gisaxs` or `islands` would do."""
    cell = task.cell
    if task.source is not None:
        analyse_run(task.source, task.results, workers=task.threads)
    elif isinstance(cell, FilmMember):
        assert cell.geometry is not None
        assert cell.energy_keV is not None
        options = FilmOptions(
            cell.angles_deg, cell.energy_keV, cell.incident_angle_sigma_deg, cell.hold_incident_angle,
            cell.critical_angle_deg, cell.sample_rotation_deg, cell.core or "Ag", cell.ligand, cell.core is not None,
            cell.mask, distance_sigma_m=cell.distance_m_sigma, energy_sigma_keV=cell.energy_keV_sigma,
        )  # fmt: skip
        analyse_film(files_of(cell), task.results, geometry=cell.geometry, options=options)
    else:
        assert isinstance(cell, MicrographMember)
        count_islands(
            files_of(cell), task.results, um_per_pixel=cell.um_per_pixel, crop=cell.crop,
            lattice_constant_nm=cell.lattice_constant_nm,
            beside=Beside(files_of(cell, "height_maps"), files_of(cell, "packing"), cell.um_per_level),
            workers=task.threads,
        )  # fmt: skip


def _unchanged(task: Task) -> bool:
    try:
        return (task.results / NUMBERS).is_file() and read_record(task.results) == _state(task)
    except (ElectrosaxsError, OSError):
        return False


def compute_all(
    listed: Sequence[Task], *, workers: int, progress: Progress | None, cluster: Cluster | None = None
) -> dict[str, str]:
    """Name -> why it could not be computed, of the members where that is so; `workers` at a time, a process each, or one on
    each worker of `cluster`."""
    waiting = [task for task in listed if task.computed and not _unchanged(task)]
    parallel = min(workers, len(waiting))
    threads = max(1, workers // max(parallel, 1))
    jobs = [replace(task, threads=threads) for task in waiting]
    done = side_by_side(compute, jobs, parallel) if cluster is None else on_workers(cluster, waiting)
    beside = None if cluster is None else cluster.words
    told = over(progress, done, stage="members", total=len(jobs), beside=beside)
    return {task.name: reason for task, reason in told if reason}


def on_workers(cluster: Cluster, waiting: Sequence[Task]) -> Iterator[tuple[Task, str]]:
    """Each task with what `compute` says of it, computed by a worker of `cluster`, one on each at a time."""
    if not waiting:
        return
    jobs = [replace(task, results=task.results.resolve()) for task in waiting]
    for job in jobs:
        job.results.mkdir(parents=True, exist_ok=True)
    cluster.check([*(job.results for job in jobs), *(job.source for job in jobs if job.source is not None)])
    for job, reason in cluster.each(compute_alone, jobs, per="worker", ahead=1):
        yield job, DIED if isinstance(reason, type) else reason


def compute_alone(task: Task) -> str:
    """`compute` in a worker: with all its threads, one member at a time, and after another worker that may still be at it."""
    from distributed import get_worker

    with _ALONE:
        while is_locked(task.results):  # for a command that was killed
            time.sleep(1.0)
        return compute(replace(task, threads=get_worker().state.nthreads))
