"""Frames reduced by workers are the frames reduced here, whatever dies on the way."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dask_processes import AtFrame, DaskProcesses, dask_processes, end

from electrosaxs.cluster.scheduler import cluster_at
from electrosaxs.cluster.workers import Cluster
from electrosaxs.io.run_toml import read_run
from electrosaxs.recipes.analyse.frame_ranges import MOST_TRIES
from electrosaxs.recipes.analyse.on_workers import AT_WORK, ranges
from electrosaxs.recipes.analyse.reduce_run import ReducedRun, reduce_run

FRAMES = 49
COLUMNS = ("counts", "norm", "negative", "saturated", "stopped")


@pytest.fixture(scope="module")
def serial(quiet_nexus: Path, tmp_path_factory: pytest.TempPathFactory) -> ReducedRun:
    return reduce_run(read_run(quiet_nexus), tmp_path_factory.mktemp("serial"))


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with dask_processes(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


def reduced(run: Path, out: Path, dask: DaskProcesses, progress: AtFrame | None = None) -> ReducedRun:
    with cluster_at(dask.scheduler_file, 2) as cluster:
        return reduce_run(read_run(run), out, cluster=cluster, progress=progress)  # type: ignore[arg-type]


def assert_same(found: ReducedRun, serial: ReducedRun, but: tuple[int, ...] = ()) -> None:
    """Bit for bit, and nothing left on disk that is only for the way."""
    rows = np.setdiff1d(np.arange(FRAMES), but)
    assert found.store.done[rows].all()
    for column in COLUMNS:
        assert np.array_equal(getattr(found.store, column)[rows], getattr(serial.store, column)[rows]), column
    assert [found.flags[i] for i in rows] == [serial.flags[i] for i in rows]
    assert not list(found.store.folder.glob(f"{AT_WORK}*"))


@pytest.mark.parametrize(("workers", "threads"), [(1, 1), (2, 1), (7, 1), (1, 7), (2, 3)])
@pytest.mark.parametrize("form", ["quiet_nexus", "quiet_cbf"])
def test_any_number_of_workers_and_threads_gives_the_serial_numbers(
    workers: int, threads: int, form: str, serial: ReducedRun, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from distributed import Client, LocalCluster

    if form == "quiet_cbf" and workers != 2:
        pytest.skip("images are read by the same tasks")
    size = {"n_workers": workers, "threads_per_worker": threads, "processes": False, "dashboard_address": None}
    with LocalCluster(**size) as local, Client(local, set_as_default=False) as client:
        cluster = Cluster(client, local.scheduler_address)
        found = reduce_run(read_run(request.getfixturevalue(form)), tmp_path / "out", cluster=cluster)
    assert_same(found, serial)


def test_a_worker_that_is_killed_costs_only_what_it_was_at(
    quiet_nexus: Path, serial: ReducedRun, dask: DaskProcesses, tmp_path: Path
) -> None:
    workers = dask.only(2)
    watched = AtFrame(1, lambda: end(workers[0]))
    found = reduced(quiet_nexus, tmp_path, dask, watched)
    assert workers[0].poll() == -signal.SIGKILL
    assert_same(found, serial)
    in_flight = 2 * 2 * 7  # of each thread a range and another one that waits, of seven frames
    assert FRAMES <= len(dask.read) <= FRAMES + in_flight
    assert watched.shown[0] == "frames, 2 workers"


def test_a_command_waits_for_other_workers_where_all_were_killed(
    quiet_nexus: Path, serial: ReducedRun, dask: DaskProcesses, tmp_path: Path
) -> None:
    (worker,) = dask.only(1)

    def kill() -> None:
        end(worker)
        dask.only(1)

    assert_same(reduced(quiet_nexus, tmp_path, dask, AtFrame(1, kill)), serial)
    assert worker.poll() == -signal.SIGKILL


CLIENT = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from dask_processes import AtFrame
from electrosaxs.cluster.scheduler import cluster_at
from electrosaxs.io.run_toml import read_run
from electrosaxs.recipes.analyse.reduce_run import reduce_run

if __name__ == "__main__":
    with cluster_at(sys.argv[3], 2) as cluster:
        kill = AtFrame(8, lambda: os.kill(os.getpid(), signal.SIGKILL))
        reduce_run(read_run(Path(sys.argv[1])), Path(sys.argv[2]), cluster=cluster, progress=kill)
"""


def test_a_command_that_is_killed_goes_on_with_what_workers_finished(
    quiet_nexus: Path, serial: ReducedRun, dask: DaskProcesses, tmp_path: Path
) -> None:
    dask.only(1)
    out = tmp_path / "out"
    client = dask.client(CLIENT, str(quiet_nexus), str(out), dask.scheduler_file, str(Path(__file__).parent))
    assert client.wait(timeout=60) == -signal.SIGKILL
    before = dask.read
    found = reduced(quiet_nexus, out, dask)
    assert_same(found, serial)
    in_flight = 2 * 13  # one range in work and one that waits, of thirteen frames
    again = len(dask.read) - FRAMES
    assert 0 <= again <= in_flight < FRAMES
    assert len(before) >= 8
    assert any("resumed" in note for note in found.notes)


def test_a_frame_that_kills_every_worker_is_flagged_after_three_tries(
    quiet_nexus: Path, serial: ReducedRun, dask: DaskProcesses, tmp_path: Path
) -> None:
    killer = 20
    dask.only(0)
    dask.worker("--nthreads", "2", KILLER=str(killer))  # its nanny starts it again
    found = reduced(quiet_nexus, tmp_path / "out", dask)
    assert dask.read.count(killer) == MOST_TRIES
    assert found.flags[killer] == ("unreadable: the process that read it died 3 times, give the workers more memory",)
    assert_same(found, serial, but=(killer,))


def test_a_run_goes_on_without_the_scheduler_that_it_began_with(
    quiet_nexus: Path, serial: ReducedRun, dask: DaskProcesses, tmp_path: Path
) -> None:
    from electrosaxs.errors import ClusterError

    dask.only(1)
    out = tmp_path / "out"
    with pytest.raises(ClusterError, match=r"does not answer any more; start scheduler and workers again"):
        reduced(quiet_nexus, out, dask, AtFrame(3, lambda: end(dask.started[0])))
    found = reduce_run(read_run(quiet_nexus), out)
    assert_same(found, serial)
    assert any("resumed" in note for note in found.notes)


@pytest.mark.parametrize("length", [1, 3, 64])
def test_ranges_hold_each_waiting_frame_once_and_no_other(length: int) -> None:
    pending = np.array([0, 1, 2, 3, 7, 9, 10, 11, 12, 13, 40])
    found = [list(range(*ends)) for ends in ranges(pending, length)]
    assert [i for one in found for i in one] == pending.tolist()
    assert max(map(len, found)) == min(length, 5)
