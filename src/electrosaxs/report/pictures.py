"""The figures of a page on their way to its files: by this process and, on Linux with a second core, by one beside it.

A figure costs a quarter of a second, and drawing holds the interpreter's lock, so that threads would not help. The second
process is a copy (fork) that only draws: it needs no import and no results sent to it. Both take the next figure from one
pipe, so neither waits for the other; what the copy does not deliver, for whatever reason, is drawn here. A copy that stands
still (it may inherit the lock of a thread that it has not) is not waited for longer than `PATIENCE_S`.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..io.atomic import replacing
from .template import PageFigure, save_figure

if TYPE_CHECKING:
    from ..figures.gallery import Drawn

Figures = Literal["all", "page", "none"]
"""Which figures a command draws: on its page and as PNG and SVG beside it; on the page; none."""
DRAWN = "drawn.txt"
"""Beside the pictures: the names of those that a call wrote, one a line, which the next one removes."""
MOST = 256
"""Figures that one byte can name."""
FEWEST = 4
"""Figures from which a second process is worth its start."""
PATIENCE_S = 20.0
"""For the copy's answer once nothing is left to draw: it is at its last figure, which takes a second on a slow machine."""


@dataclass(frozen=True)
class Planned:
    """A figure that is still to be drawn."""

    name: str
    draw: Callable[[], Drawn]


def already(drawn: Drawn) -> Planned:
    """A figure that was drawn before its turn."""
    return Planned(drawn.name, lambda: drawn)


def saved(folder: Path, planned: Sequence[Planned], figures: Figures = "all") -> list[PageFigure]:
    """The figures in their order, for the page, with their files in `folder` where `figures` asks for them.

    Pictures of an earlier call, which `DRAWN` lists, go: they are not of these results. Others in the folder stay.
    """
    listed = folder / DRAWN
    for name in listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else ():
        (folder / Path(name).name).unlink(missing_ok=True)
    listed.unlink(missing_ok=True)
    if figures == "none":
        return []

    def save(index: int) -> PageFigure:
        return save_figure(folder, planned[index].draw(), files=figures == "all")

    shared = sys.platform == "linux" and FEWEST <= len(planned) < MOST and len(os.sched_getaffinity(0)) > 1
    done = _shared(save, len(planned)) if shared else {}
    pages = [done[index] if index in done else save(index) for index in range(len(planned))]
    files = [f"{Path(page.file).name}.{ending}" for page in pages if page.file for ending in ("png", "svg")]
    if files:
        with replacing(listed) as part:
            part.write_text("\n".join(files) + "\n", encoding="utf-8")
    return pages


def _shared(save: Callable[[int], PageFigure], count: int) -> dict[int, PageFigure]:
    """What this process and a copy of it saved, by index; a figure that the copy took and did not deliver is missing."""
    turns, fill = os.pipe()
    os.write(fill, bytes(range(count)))
    os.close(fill)
    answers, answer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the copy needs none of their locks
        child = os.fork()
    if child == 0:
        _draw_and_leave(save, turns, answer)
    os.close(answer)
    done: dict[int, PageFigure] = {}
    try:
        while turn := os.read(turns, 1):
            done[turn[0]] = save(turn[0])
    finally:
        os.close(turns)
        told = _answer(answers)
        os.kill(child, signal.SIGKILL)  # it has answered, or will not
        os.waitpid(child, 0)
    try:
        return done | pickle.loads(told)
    except (EOFError, pickle.UnpicklingError):
        return done


def _answer(answers: int) -> bytes:
    """All that the copy says until it ends, or until it has been silent for `PATIENCE_S`; nothing of half an answer."""
    told = b""
    with os.fdopen(answers, "rb", buffering=0) as stream:
        while select.select([stream], [], [], PATIENCE_S)[0]:
            if not (part := stream.read(1 << 20)):
                return told
            told += part
    return b""


def _draw_and_leave(save: Callable[[int], PageFigure], turns: int, answer: int) -> None:
    """The copy's part: draws what is its turn, answers and ends without anything that ends a process in Python."""
    code = 1
    try:
        done: dict[int, PageFigure] = {}
        while turn := os.read(turns, 1):
            done[turn[0]] = save(turn[0])
        with os.fdopen(answer, "wb") as stream:
            pickle.dump(done, stream)
        code = 0
    finally:
        os._exit(code)
