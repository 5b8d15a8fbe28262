"""A Dask scheduler and workers as processes of their own, made by dask's command lines; workers read slowly and tell what."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import electrosaxs
from electrosaxs.recipes.progress import Stage

SLOWLY = """
import os, signal, time
from electrosaxs.recipes.analyse import frame_ranges

if not hasattr(frame_ranges, "whole"):  # dask may load a file twice
    frame_ranges.whole = frame_ranges.open_frames


class Told:
    def __init__(self, reader):
        self.reader, self.shape = reader, reader.shape

    def read(self, index):
        with open(os.environ["FRAMES_READ"], "a") as file:
            file.write(f"{index}\\n")
        if index == int(os.environ.get("KILLER", -1)):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        return self.reader.read(index)


frame_ranges.open_frames = lambda *args, **options: Told(frame_ranges.whole(*args, **options))
"""


@dataclass
class DaskProcesses:
    """What was started. read: the file in which workers tell which frame they begin with."""

    folder: Path
    started: list[subprocess.Popen] = field(default_factory=list)

    @property
    def scheduler_file(self) -> str:
        return str(self.folder / "scheduler.json")

    @property
    def read(self) -> list[int]:
        file = self.folder / "read"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def environment(self, **more: str) -> dict[str, str]:
        source = str(Path(electrosaxs.__file__).parents[1])
        return {**os.environ, "PYTHONPATH": source, "FRAMES_READ": str(self.folder / "read"), **more}

    def scheduler(self) -> None:
        """A scheduler that has said where it is."""
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        ends = time.monotonic() + 60.0
        while not Path(self.scheduler_file).exists() and time.monotonic() < ends:
            time.sleep(0.05)

    def worker(self, *options: str, **environment: str) -> subprocess.Popen:
        """A worker process, or a nanny with one."""
        preload = self.folder / "slowly.py"
        preload.write_text(SLOWLY)
        local = ("--local-directory", str(self.folder / "kept"), "--memory-limit", "0", "--preload", str(preload))
        return self._start("dask_worker", *local, *options, **environment)

    def only(self, number: int) -> list[subprocess.Popen]:
        """So many workers of one thread, those that run or new ones; all others end. What was read is forgotten."""
        (self.folder / "read").unlink(missing_ok=True)
        plain = [one for one in self.started if "--no-nanny" in one.args and one.poll() is None]  # type: ignore[operator]
        for other in set(self.started[1:]) - set(plain[:number]):
            end(other)
        more = [self.worker("--no-nanny", "--nthreads", "1") for _ in range(number - len(plain))]
        return [*plain[:number], *more]

    def client(self, program: str, *arguments: str) -> subprocess.Popen:
        self.started.append(
            subprocess.Popen(
                [sys.executable, "-c", program, *arguments], env=self.environment(), start_new_session=True
            )
        )
        return self.started[-1]

    def _start(self, name: str, *options: str, **environment: str) -> subprocess.Popen:
        command: list[str] = [
            sys.executable,
            "-m",
            f"distributed.cli.{name}",
            "--scheduler-file",
            self.scheduler_file,
            *options,
        ]
        with (self.folder / f"{name}.log").open("a") as log:
            self.started.append(
                subprocess.Popen(
                    [*command, "--no-dashboard"],
                    env=self.environment(**environment),
                    stderr=log,
                    start_new_session=True,
                )
            )
        return self.started[-1]


@contextmanager
def dask_processes(folder: Path) -> Iterator[DaskProcesses]:
    """A scheduler; it and all workers end with the block."""
    processes = DaskProcesses(folder)
    try:
        processes.scheduler()
        yield processes
    finally:
        for process in processes.started:
            end(process)


def end(process: subprocess.Popen) -> None:
    """SIGKILL to the process and those that it started: nannies have workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass
class AtFrame:
    """In the place of a progress bar: calls `act` once, when `number` frames have come."""

    number: int
    act: Any
    shown: list[str] = field(default_factory=list)

    def over(self, items: Any, stage: Stage) -> Iterator[Any]:
        for number, item in enumerate(items, 1):
            yield item
            self.shown.append(stage.title)
            if number == self.number:
                self.act()

    @contextmanager
    def piece(self, stage: Stage) -> Iterator[None]:
        yield
