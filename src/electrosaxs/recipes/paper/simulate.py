"""The simulated members of `paper`, each in a folder of its own and simulated once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ... import __version__
from ...errors import ElectrosaxsError, InputFileError
from ...io.campaign_toml import read_record, write_record
from ...io.plain_json import plain
from ...nouns import Experiment
from ...nouns.film_experiment import FilmExperiment
from ...nouns.micrograph import CloserLook
from ...twin.anode import Anode
from ..progress import Progress, over
from ..side_by_side import side_by_side
from ..simulate_film import simulate_film
from ..simulate_micrographs import draw_micrographs
from ..simulate_run import simulate_run

RECORDS = "records"


@dataclass(frozen=True, eq=False)
class Sample:
    """An anode, and what is taken of it beside its micrographs."""

    anode: Anode
    closer: CloserLook


Settings = Experiment | FilmExperiment | Sample


@dataclass(frozen=True, eq=False)
class Simulation:
    """What is simulated, into which folder, and where it is written down that it was."""

    settings: Settings
    folder: Path
    record: Path
    threads: int = 1

    def state(self) -> dict[str, object]:
        """What the files follow from."""
        if isinstance(self.settings, Sample):
            anode, closer = self.settings.anode, self.settings.closer
            grown = {"view": anode.view, "nucleation": anode.nucleation, **anode.truth(), **vars(closer)}
            return {"version": __version__, "settings": {name: plain(value) for name, value in grown.items()}}
        return {"version": __version__, "settings": plain(self.settings)}

    def is_there(self) -> bool:
        return read_record(self.record) == self.state() and self.folder.is_dir()


def simulate_all(
    wanted: Mapping[str, Settings], home: Path, *, workers: int, progress: Progress | None, stage: str
) -> None:
    """Simulate what is not there, `workers` at a time. InputFileError where one cannot be."""
    listed = [Simulation(settings, home / name, home / RECORDS / name) for name, settings in wanted.items()]
    jobs = [job for job in listed if not job.is_there()]
    done = side_by_side(simulate, jobs, workers)
    for job, reason in over(progress, done, stage=stage, total=len(jobs)):
        if reason:
            raise InputFileError(f"{job.folder}: {reason}")


def simulate(job: Simulation) -> str:
    """Simulate one member; why it could not be, empty where it was."""
    try:
        if isinstance(job.settings, Experiment):
            simulate_run(job.settings, job.folder, workers=job.threads)
        elif isinstance(job.settings, FilmExperiment):
            simulate_film(job.settings, job.folder)
        else:
            job.folder.mkdir(parents=True, exist_ok=True)
            anode = job.settings.anode
            draw_micrographs(anode.view, job.folder, grown=anode, closer=job.settings.closer)
    except ElectrosaxsError as error:
        return str(error)
    job.record.mkdir(parents=True, exist_ok=True)
    write_record(job.record, job.state())
    return ""
