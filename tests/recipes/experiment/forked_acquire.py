"""`electrosaxs acquire` in a process of its own, forked from one that has imported what it needs: that takes 1.5 s of a
processor each time, and is the same each time."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import MappingProxyType

IMPORTED = ("electrosaxs.command_line.app", "electrosaxs.recipes.experiment.acquire", "electrosaxs.reduction.alignment")


def acquire_process(
    plan: Path, out: Path, said: Path, limit: int | None = None, environment: Mapping[str, str] = MappingProxyType({})
) -> BaseProcess:
    """Start it: stderr goes into the file `said`, no file grows beyond `limit` bytes; `environment` is added to its own."""
    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    process = context.Process(target=_acquire, args=(str(plan), str(out), str(said), limit, dict(environment)))
    process.start()
    return process


def _acquire(plan: str, out: str, said: str, limit: int | None, environment: dict[str, str]) -> None:
    """What `python -m electrosaxs.command_line.app acquire PLAN --out OUT --quiet` does."""
    from electrosaxs.command_line.app import main

    os.environ.update(environment)
    with open(said, "wb", buffering=0) as file:
        os.dup2(file.fileno(), 2)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = ["electrosaxs", "acquire", plan, "--out", out, "--quiet"]
    main()
