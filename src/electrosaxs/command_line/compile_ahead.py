"""The first run of a command: other processes compile the kernels that it will come to, while it works.

A command that has to compile a kernel starts them (one for each core beside its own, `MOST` at most). They go through the
kernels of that command, listed in `kernels.jsonl` in the order in which it meets them, from the last to the first, so that
they meet in the middle; what they compile the command finds in numba's cache on the disk. A command whose kernels lie in the
cache starts nothing. A list that is behind the code costs time, nothing else. It is written anew by
`python benchmarks/first_run.py --write`.
"""

from __future__ import annotations

import atexit
import importlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from numba.core import event
from numba.core.registry import CPUDispatcher

from .kernel_types import read_types

LOGGER = logging.getLogger(__name__)
PACKAGE = __name__.split(".", maxsplit=1)[0]
MOST = 3
"""Processes beside the command: what is left to it then takes longer than a share of the kernels."""


@dataclass(frozen=True)
class Kernel:
    """One kernel for one kind of arguments, as the list has it, and the commands that need it."""

    module: str
    name: str
    types: str
    commands: tuple[str, ...]

    def compile(self) -> None:
        """Into numba's cache, unless it is there."""
        getattr(importlib.import_module(self.module), self.name).compile(read_types(self.types))


def listed(command: str | None = None) -> list[Kernel]:
    """The kernels of a command (None: of all), in the order in which it meets them."""
    text = files(__package__).joinpath("kernels.jsonl").read_text(encoding="utf-8")
    kernels = (json.loads(line) for line in text.splitlines())
    found = [Kernel(one["module"], one["name"], json.dumps(one["types"]), tuple(one["commands"])) for one in kernels]
    return [one for one in found if command is None or command in one.commands]


def is_own(dispatcher: Any) -> bool:
    """Whether a kernel is one of this package, and kept in numba's cache."""
    return isinstance(dispatcher, CPUDispatcher) and dispatcher.py_func.__module__.startswith(f"{PACKAGE}.")


class _FirstCompilation(event.Listener):
    """Starts the processes when the first kernel has to be compiled."""

    def __init__(self, command: str, processes: int) -> None:
        self.command, self.processes = command, processes

    def on_start(self, event: event.Event) -> None:
        if self.processes and is_own(event.data["dispatcher"]):
            number, self.processes = self.processes, 0
            _start(self.command, number)

    def on_end(self, event: event.Event) -> None:
        """Nothing: the processes end by themselves, or with the command."""


def compile_ahead(command: str) -> None:
    """From now on: where a kernel has to be compiled, processes beside this one compile those that `command` needs later."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    others = min(cores - 1, MOST)
    if others:
        event.register("numba:compile", _FirstCompilation(command, others))


def _start(command: str, number: int) -> None:
    LOGGER.info("first run: %d process(es) compile kernels beside this one, into numba's cache", number)
    for share in range(number):
        call = [sys.executable, "-m", __name__, command, str(share), str(number)]
        with suppress(OSError):  # without them the command takes longer
            quiet = subprocess.DEVNULL
            atexit.register(_end, subprocess.Popen(call, stdin=quiet, stdout=quiet, stderr=quiet))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()


def _share(command: str, share: int, number: int) -> Iterator[Kernel]:
    """What one of `number` processes compiles, from the last that the command meets to the first."""
    yield from listed(command)[::-1][share::number]


def main(command: str, share: str, number: str) -> None:
    """One process: all kernels of its share, whatever becomes of any."""
    for kernel in _share(command, int(share), int(number)):
        with suppress(
            Exception
        ):  # of a list that is behind the code: the command compiles it itself, or says what is wrong
            kernel.compile()


if __name__ == "__main__":
    main(*sys.argv[1:])
