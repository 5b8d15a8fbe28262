"""Jobs in processes of their own, a few at a time; one that dies costs the others nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

DIED = "the process that computed it died; where memory was short, give --workers 1"
Job = TypeVar("Job")


def side_by_side(work: Callable[[Job], str], jobs: Sequence[Job], parallel: int) -> Iterator[tuple[Job, str]]:
    """Each job with what `work` says of it ("" where all went well), in the order in which they end.

    One job, or one at a time, runs in this process. Else processes are started afresh: a fork would copy the threads and locks
    of HDF5 and numba. Where a process dies, the jobs that died with it are tried once more, one at a time.
    """
    if min(parallel, len(jobs)) <= 1:
        for job in jobs:
            yield job, work(job)
        return
    died = []
    with ProcessPoolExecutor(min(parallel, len(jobs)), mp_context=get_context("spawn")) as pool:
        running: dict[Future[str], Job] = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(running):
                try:
                    yield running[future], future.result()
                except BrokenProcessPool:
                    died.append(running[future])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    for job in died:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            try:
                yield job, pool.submit(work, job).result()
            except BrokenProcessPool:
                yield job, DIED
