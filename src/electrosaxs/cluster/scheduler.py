"""A Dask scheduler by its address, by the file in which it says it, or one of this machine alone."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..errors import ClusterError, bad_value
from .workers import Cluster

LOCAL = "local"
ANSWERS_WITHIN_S = 10.0
EXTRA = "cluster"
FIELD = "--scheduler"
log = logging.getLogger(__name__)


@contextmanager
def cluster_at(scheduler: str | None, workers: int) -> Iterator[Cluster | None]:
    """The workers of `scheduler` for as long as the block lasts; None where none is asked for.

    scheduler: address (tcp://HOST:PORT or HOST:PORT), the file that `dask scheduler --scheduler-file` writes, or "local":
    `workers` processes of this machine, which end with the block. Raises ClusterError where the extra is not installed, where
    nothing answers within ANSWERS_WITHIN_S, and where workers have other versions than this process.
    """
    if scheduler is None:
        yield None
        return
    dask = _quiet_dask()
    with ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions that matter are compared below, ports that are taken do not
            address = _local(dask, stack, workers) if scheduler == LOCAL else _address(scheduler)
            cluster = Cluster(stack.enter_context(_connected(dask, address)), address)
        cluster.check(())
        log.info("scheduler %s: %s", address, cluster.words())
        yield cluster


def _local(dask: Any, stack: ExitStack, workers: int) -> str:
    """Address of a scheduler of this machine, with so many processes, that ends with the stack."""
    kept = stack.enter_context(tempfile.TemporaryDirectory(prefix="electrosaxs-"))
    local = dask.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=kept,
        silence_logs=logging.CRITICAL,
    )  # fmt: skip
    return str(stack.enter_context(local).scheduler_address)


def _quiet_dask() -> Any:
    """The package, which tells nothing of its own on stderr; ClusterError where it is not installed."""
    try:
        import dask

        dask.config.set({"logging": dict.fromkeys(("distributed", "distributed.client"), "critical")})
        import distributed
    except ImportError as error:
        raise bad_value(
            ClusterError, where="command line", field=FIELD, value=f"no module {error.name}",
            rule=f"needs the extra `{EXTRA}`", remedy=f"pip install 'electrosaxs[{EXTRA}]'",
        ) from None  # fmt: skip
    return distributed


def _address(scheduler: str) -> str:
    """The address itself, or the one that a file of `dask scheduler --scheduler-file` holds, waited for."""
    if not (scheduler.endswith(".json") or os.sep in scheduler.partition("://")[0] or Path(scheduler).is_file()):
        return scheduler
    ends = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        try:
            return str(json.loads(Path(scheduler).read_text(encoding="utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError):
            if time.monotonic() > ends:
                raise _silent(scheduler, "holds no address of a scheduler") from None
        time.sleep(0.1)


def _connected(dask: Any, address: str) -> Any:
    try:
        return dask.Client(address, timeout=ANSWERS_WITHIN_S, set_as_default=False)
    except (OSError, ValueError, TypeError):  # nothing answers, or something else does; not an address
        raise _silent(address, f"no scheduler answers there within {ANSWERS_WITHIN_S:.0f} s") from None


def _silent(given: str, rule: str) -> Exception:
    return bad_value(
        ClusterError, where="command line", field=FIELD, value=given, rule=rule,
        remedy="start one with `dask scheduler` and give the address that it prints (tcp://HOST:PORT), or give local",
    )  # fmt: skip
