"""A list of jobs done by workers, results in its order: the jobs go into a file, a task is that file and a number."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from ..errors import ClusterError, bad_value
from .workers import Cluster

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Piece:
    """Job `number` of those in `file`."""

    file: Path
    number: int


def do_piece(piece: Piece) -> Any:
    """What a worker does."""
    with piece.file.open("rb") as file:
        work, jobs = pickle.load(file)
    return work(jobs[piece.number])


def in_order(cluster: Cluster, folder: Path, work: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
    """`work`, a function of an importable module, of each job, a worker each. folder: all workers see it; nothing stays there.

    Raises what `work` raises, and ClusterError where workers died.
    """
    file = folder.resolve() / f"at-work-{uuid4().hex[:12]}.pickle"
    file.write_bytes(pickle.dumps((work, list(jobs))))
    try:
        cluster.check([file])
        done = dict(cluster.each(do_piece, [Piece(file, n) for n in range(len(jobs))], per="worker", ahead=1))
    finally:
        file.unlink()
    for piece, result in done.items():
        if isinstance(result, type):
            raise bad_value(
                ClusterError, where="workers", field=work.__name__, value=f"job {piece.number}",
                rule="every worker that had it died", remedy="give workers more memory",
            )  # fmt: skip
    return [result for _, result in sorted(done.items(), key=lambda one: one[0].number)]  # type: ignore[misc]
