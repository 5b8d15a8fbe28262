"""What cannot work is said in one line before any work is done."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from electrosaxs.cluster import probe, scheduler
from electrosaxs.cluster.workers import Cluster, _as_code, as_seen_here
from electrosaxs.command_line.app import run as command_line
from electrosaxs.errors import ClusterError


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One worker, a thread of this process."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield Cluster(client, local.scheduler_address)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nowhere.invalid:8786", "tcp:/wrong", "gone.json"]
)
def test_a_scheduler_that_does_not_answer_is_one_line_and_exit_code_2(
    address: str, quiet_nexus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scheduler, "ANSWERS_WITHIN_S", 0.5)
    out = tmp_path / "out"
    assert command_line(["analyse", str(quiet_nexus), "--out", str(out), "--scheduler", address, "--quiet"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"electrosaxs: command line: --scheduler = {address}: ")
    assert "start one with `dask scheduler`" in line
    assert not out.exists()


def test_without_the_extra_the_line_names_it(
    quiet_nexus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    asked = ["analyse", str(quiet_nexus), "--out", str(tmp_path / "out"), "--scheduler", "local", "--quiet"]
    assert command_line(asked) == 2
    assert capsys.readouterr().err.splitlines() == [
        "electrosaxs: command line: --scheduler = no module dask: needs the extra `cluster`; "
        "pip install 'electrosaxs[cluster]'"
    ]


def test_a_path_that_workers_do_not_see_is_named_with_the_worker(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "frames.nxs"
    file.write_bytes(b"1234")
    cluster.check([tmp_path, file])
    monkeypatch.setattr(
        "electrosaxs.cluster.workers.as_seen_here", lambda _: ((str(file), 4), ("/of/this/machine", -1))
    )
    with pytest.raises(ClusterError, match=r"worker \S+: path = /of/this/machine: is not there; workers read frames"):
        cluster.check([])
    monkeypatch.setattr("electrosaxs.cluster.workers.as_seen_here", lambda _: ((str(file), 5),))
    with pytest.raises(ClusterError, match=r"path = \S+: has 4 bytes there, and another size here; "):
        cluster.check([])
    assert as_seen_here([tmp_path, file]) == ((str(tmp_path), probe.FOLDER), (str(file), 4))


def test_a_worker_that_dies_while_it_is_asked_is_left_out(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed.comm import CommClosedError

    gone, asked, ask = CommClosedError("ConnectionResetError"), [], cluster.client.run

    def run(*arguments: object, **named: object) -> dict[str, object]:
        answers = {"tcp://127.0.0.1:1": gone}
        if asked:  # the first time it is the only one
            answers |= ask(*arguments, **named)
        asked.append(named)
        return answers

    monkeypatch.setattr(cluster.client, "run", run)
    cluster.check([])
    assert asked == [{"on_error": "return"}] * 2


def test_a_scheduler_that_ends_while_it_is_asked_is_one_line(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(cluster.client, "run", ended)
    with pytest.raises(ClusterError, match=r"does not answer any more; start scheduler and workers again"):
        cluster.check([])


@pytest.mark.parametrize("package", probe.PACKAGES)
def test_another_version_on_scheduler_or_worker_is_refused(
    package: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {name: sys.modules[name].__version__ for name in probe.PACKAGES}
    other = ({**here, package: "0.0.9"}, "", -1)
    with monkeypatch.context() as patch:
        patch.setattr(cluster.client, "run", lambda *_, **__: {"tcp://far:1": other})
        with pytest.raises(
            ClusterError, match=rf"^worker tcp://far:1: {package} = 0\.0\.9: must be {here[package]}, as"
        ):
            cluster.check([])
    with monkeypatch.context() as patch:
        patch.setattr(cluster.client, "run_on_scheduler", lambda *_: ({**here, package: ""}, "", -1))
        with pytest.raises(ClusterError, match=rf"^scheduler \S+: {package} = not installed: must be "):
            cluster.check([])


def test_what_a_worker_is_asked_needs_no_electrosaxs_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import cloudpickle

    with _as_code():
        question = cloudpickle.loads(cloudpickle.dumps(probe.look))
    assert question is not probe.look  # by value: built again from its code
    other = ModuleType("electrosaxs")
    other.__version__ = "0.0.1"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "electrosaxs", other)
    versions, missing, _ = question(("electrosaxs", "no_such_package"), ())
    assert versions == {"electrosaxs": "0.0.1", "no_such_package": ""}
    assert not missing


def test_the_file_of_a_scheduler_may_come_later_than_the_command(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    threading.Timer(0.3, file.write_text, ['{"address": "tcp://10.0.0.1:8786"}']).start()
    assert scheduler._address(str(file)) == "tcp://10.0.0.1:8786"
    assert scheduler._address("10.0.0.1:8786") == "10.0.0.1:8786"
