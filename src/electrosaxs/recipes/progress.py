"""Progress of long work: a bar on a terminal, a line every ten seconds elsewhere, or silence.

Recipes say which stage they are in (`over`, `stage`); they do not know how it is shown. How long each stage took goes to
the log.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")
LINE_EVERY_S = 10.0
SHORT_S = 0.5
"""Stages that took less are not worth a line of the log."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Stage:
    """One stage of the work: `done` of `total` steps (None: of one piece), `before` of them done by an earlier run. beside:
    what may change meanwhile and is shown, such as the number of workers."""

    name: str
    total: int | None = None
    done: int = 0
    before: int = 0
    start: float = field(default_factory=time.perf_counter)
    beside: Callable[[], str] | None = None

    @property
    def title(self) -> str:
        """The name, and what is shown beside it."""
        return self.name if self.beside is None else f"{self.name}, {self.beside()}"

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.perf_counter() - self.start

    def words(self) -> str:
        """Where the stage is, and about how long it will still take."""
        told = f"{self.title}: " if self.total is None else f"{self.title}: {self.done} of {self.total}, "
        told += f"{duration(self.elapsed)} so far"
        fresh = self.done - self.before
        if self.total is None or fresh == 0:
            return told
        return f"{told}, about {duration(self.elapsed / fresh * (self.total - self.done))} left"


class Progress:
    """A rich progress bar with the time left, one line per stage; where stderr is no terminal, a line of text every
    LINE_EVERY_S, so that a log of a long run is not silent and that of a short one holds only messages."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        self._shown = console.is_terminal
        self._bars = Bars(
            TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("left:"), TimeRemainingColumn(), console=console,
        )  # fmt: skip
        self._running: list[Stage] = []
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        if self._shown:
            self._bars.start()
        else:
            threading.Thread(target=self._tell, daemon=True, name="progress").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._shown:
            self._bars.stop()

    @contextmanager
    def running(self, stage: Stage) -> Iterator[None]:
        """Show `stage` for as long as the block lasts."""
        self._running.append(stage)
        try:
            yield
        finally:
            self._running.remove(stage)

    def over(self, items: Iterable[Item], stage: Stage) -> Iterator[Item]:
        """Yield the items, one step of the stage each."""
        task = self._bars.add_task(stage.name, total=stage.total, completed=stage.done)
        with self.running(stage):
            for item in items:
                yield item
                self._bars.update(task, advance=1, description=stage.title)

    @contextmanager
    def piece(self, stage: Stage) -> Iterator[None]:
        """A stage of one piece: a bar that moves to and fro until it is done."""
        task = self._bars.add_task(stage.name, total=None)
        with self.running(stage):
            yield
        self._bars.update(task, total=1, completed=1)

    def _tell(self) -> None:
        """A line on stderr every LINE_EVERY_S about the stage that was begun last."""
        while not self._ended.wait(LINE_EVERY_S):
            for stage in self._running[-1:]:
                print(f"electrosaxs: {stage.words()}", file=sys.stderr, flush=True)


def over(
    progress: Progress | None,
    items: Iterable[Item],
    *,
    stage: str,
    total: int,
    done: int = 0,
    beside: Callable[[], str] | None = None,
) -> Iterator[Item]:
    """`items` with a bar where there is a `progress`; `done` of the `total` steps were finished before; beside: of `Stage`."""
    shown = Stage(stage, total, done, done, beside=beside)
    for item in items if progress is None else progress.over(items, shown):
        yield item
        shown.done += 1
    log.info("%s: %d, %d of them done before, took %.1f s", stage, shown.done, done, shown.elapsed)


@contextmanager
def stage(progress: Progress | None, name: str) -> Iterator[None]:
    """A step of the work of one piece, named where there is a `progress`."""
    shown = Stage(name)
    with nullcontext() if progress is None else progress.piece(shown):
        yield
    if shown.elapsed > SHORT_S:
        log.info("%s: took %.1f s", name, shown.elapsed)


def duration(seconds: float) -> str:
    """A time in words: "35 s", "9 min", "2.5 h"."""
    if seconds < 100.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 6000.0 else f"{seconds / 3600.0:.1f} h"
