"""The workers of a scheduler: what they must have, how many there are, and work handed to them piece by piece."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import uuid4

from ..errors import ClusterError, bad_value
from . import probe

Job = TypeVar("Job")
Result = TypeVar("Result")
TRIES = 3
"""How often a piece is handed over again that the scheduler gave up because workers died with it (four at a time)."""
LOOKED_AT_EVERY_S = 1.0
NONE_FOR_S = 10.0
"""How often it is said that there is no worker."""
log = logging.getLogger(__name__)


class Died:
    """In place of a result: every worker that had the work died."""


@dataclass(eq=False)
class Cluster:
    """The workers behind a connection to a scheduler; how many there are may change at any time."""

    client: Any
    address: str
    _threads: dict[str, int] = field(default_factory=dict)
    _looked: float = float("-inf")

    def threads(self) -> dict[str, int]:
        """Address of each worker and its threads, not older than LOOKED_AT_EVERY_S."""
        if time.monotonic() - self._looked > LOOKED_AT_EVERY_S:
            try:
                found = self.client.scheduler_info()["workers"]
            except OSError:
                raise self._gone() from None
            self._threads = {address: int(about["nthreads"]) for address, about in found.items()}
            self._looked = time.monotonic()
        return self._threads

    def words(self) -> str:
        """How many there are."""
        number = len(self._threads)
        return f"{number} worker{'' if number == 1 else 's'}"

    def wait(self) -> None:
        """Until there is a worker: on a busy machine they come hours after the scheduler."""
        told = time.monotonic()
        while not self.threads():
            if time.monotonic() - told > NONE_FOR_S:
                log.warning("scheduler %s: no worker yet; waiting for `dask worker %s`", self.address, self.address)
                told = time.monotonic()
            time.sleep(0.2)

    def check(self, paths: Iterable[Path]) -> None:
        """ClusterError where scheduler or a worker has another version of electrosaxs or NumPy, a worker does not have one of
        `paths` (files of the same size, folders) under the same name, and where the scheduler is gone. A worker that dies
        meanwhile is not asked again: the scheduler lists it for a moment longer."""
        wanted = as_seen_here(paths)
        answers: dict[str, Any] = {}
        try:
            while not answers:
                self.wait()
                with _as_code():
                    answers = self._answers(wanted)
        except OSError:
            raise self._gone() from None
        for where, (versions, missing, size) in answers.items():
            refuse_others(where, versions)
            refuse_blind(where, missing, size)

    def _answers(self, wanted: tuple[tuple[str, int], ...]) -> dict[str, Any]:
        """What `probe.look` says on the scheduler and on each worker that answers; nothing where none does."""
        scheduler = self.client.run_on_scheduler(probe.look, probe.PACKAGES, ())
        found = self.client.run(probe.look, probe.PACKAGES, wanted, on_error="return")
        heard = {f"worker {worker}": answer for worker, answer in found.items() if not isinstance(answer, OSError)}
        for answer in heard.values():
            if isinstance(answer, BaseException):
                raise answer
        if not heard:
            self._looked = float("-inf")
            return {}
        return {f"scheduler {self.address}": scheduler, **heard}

    def each(
        self,
        work: Callable[[Job], Result],
        jobs: Iterable[Job],
        *,
        per: Literal["thread", "worker"] = "thread",
        ahead: int = 2,
    ) -> Iterator[tuple[Job, Result | type[Died]]]:
        """Each job with what `work`, a function of an importable module, made of it, in the order in which they end.

        At most `ahead` jobs per thread, or per worker, are with the scheduler at a time: it never has to hold many. Died stands
        for the result where TRIES times all workers that were tried died. Raises what `work` raises, and ClusterError where
        the scheduler is gone.
        """
        from distributed import as_completed

        waiting, running, tries = iter(jobs), dict[str, Job](), dict[str, int]()
        done = as_completed(with_results=True, raise_errors=False, loop=self.client.loop)

        def submit(job: Job, tried: int) -> None:
            key = f"{work.__name__}-{uuid4().hex}"
            running[key], tries[key] = job, tried
            done.add(self.client.submit(work, job, key=key, pure=False))

        def fill() -> None:
            threads = self.threads()
            most = max(ahead * (sum(threads.values()) if per == "thread" else len(threads)), 1)
            for job in islice(waiting, max(most - len(running), 0)):
                submit(job, 1)

        fill()
        while running:
            future, result = next(done)
            job, tried = running.pop(future.key), tries.pop(future.key)
            outcome = self._outcome(future.status, result)
            future.release()  # or its worker's death would have it done again
            if outcome is Died and tried < TRIES:
                submit(job, tried + 1)
                continue
            fill()
            yield job, outcome

    def _outcome(self, status: str, result: Any) -> Any:
        """Result of a future that has ended so, Died, or the error raised here."""
        from asyncio import CancelledError  # a tenth of a second: only beside a scheduler, which has it already

        from distributed import KilledWorker

        if status == "cancelled" or isinstance(result, CancelledError) or self.client.status != "running":
            raise self._gone()
        if status != "error":
            return result
        _, error, _ = result
        if isinstance(error, KilledWorker):
            return Died
        raise error

    def _gone(self) -> Exception:
        return bad_value(
            ClusterError, where="scheduler", field="address", value=self.address, rule="does not answer any more",
            remedy="start scheduler and workers again; the same command goes on with what is not done yet",
        )  # fmt: skip


@contextmanager
def _as_code() -> Iterator[None]:
    """The probe is sent as code while the block lasts."""
    import cloudpickle

    cloudpickle.register_pickle_by_value(probe)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(probe)


def as_seen_here(paths: Iterable[Path]) -> tuple[tuple[str, int], ...]:
    """Full names and sizes, as `probe.look` wants them."""
    return tuple((str(p.resolve()), probe.FOLDER if p.is_dir() else p.stat().st_size) for p in paths)


def refuse_others(where: str, versions: Mapping[str, str]) -> None:
    """ClusterError for other versions than here."""
    here, _, _ = probe.look(probe.PACKAGES, ())
    for package in probe.PACKAGES:
        if versions[package] != here[package]:
            raise bad_value(
                ClusterError, where=where, field=package, value=versions[package] or "not installed",
                rule=f"must be {here[package]}, as where the command was given",
                remedy="give scheduler and workers the same environment, and start them again",
            )  # fmt: skip


def refuse_blind(where: str, missing: str, size: int) -> None:
    """ClusterError for a path that `probe.look` found missing."""
    if missing:
        raise bad_value(
            ClusterError, where=where, field="path", value=missing,
            rule="is not there" if size < 0 else f"has {size} bytes there, and another size here",
            remedy="workers read frames and write results themselves: use a folder that all machines share under one name",
        )  # fmt: skip
