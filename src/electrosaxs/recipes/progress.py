"""Progress of long work: a bar on stderr, or silence. Recipes call `advance`; they do not know how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")


class Progress:
    """A rich progress bar, one line per stage; nothing where stderr is no terminal, so that a log holds only messages."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        self._shown = console.is_terminal
        self._bars = Bars(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    def __enter__(self) -> Self:
        if self._shown:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bars.stop()

    def over(self, items: Iterable[Item], *, stage: str, total: int, done: int = 0) -> Iterator[Item]:
        """Yield the items, one step of the bar each; `done` steps were finished before."""
        task = self._bars.add_task(stage, total=total, completed=done)
        for item in items:
            yield item
            self._bars.advance(task)


def over(progress: Progress | None, items: Iterable[Item], *, stage: str, total: int, done: int = 0) -> Iterator[Item]:
    """`items` with a bar where there is a `progress`, else just the items."""
    if progress is None:
        yield from items
    else:
        yield from progress.over(items, stage=stage, total=total, done=done)
