"""Each way in which a run can end before its time: the output safe, data until then readable, one line that names what.

Meter and guard are processes of their own; what is killed is killed, what is cut is cut.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyvisa")

from forked_acquire import acquire_process
from left_behind import documents, meter_rows, read_all, state_of
from meters import MeterProgram
from tiny_bridge import SHAPE, TinyBridge, write_plan

from electrosaxs.recipes.experiment.acquire import acquire

SAMPLE = 6  # the number of the frame before which things go wrong; two of the sample are there by then
LONG: dict[str, dict[str, object]] = {
    "scan": {"duration_s": 6000.0, "period_s": 10.0, "max_dose_s": 1e4, "alignment": False},
    "cell": {"anode_height_um": 11.3},
}
Harm = Callable[[MeterProgram, TinyBridge], object]


def send(meter: MeterProgram, *lines: str) -> None:
    """What another client says to the meter."""
    with socket.create_connection(("127.0.0.1", meter.port)) as other:
        other.sendall("".join(f"{line}\n" for line in lines).encode())
        time.sleep(0.05)


def write_fractions(file: Path) -> None:
    """An image as somebody left it who divided by a flat field."""
    from fabio.edfimage import EdfImage

    EdfImage(data=np.full(SHAPE, 1.5, dtype=np.float32)).write(str(file))


def later(seconds: float, what: Callable[[], object]) -> None:
    import threading

    threading.Timer(seconds, what).start()


HARMS: dict[str, tuple[Harm, int, tuple[str, ...], bool]] = {
    # what is done; exit code; words on stderr; whether the output is on afterwards
    "error -113": (lambda m, b: m.tell(error=":READ?"), 3, ("source meter: error -113, Undefined header",), False),
    "current limit": (lambda m, b: m.tell(conductance=1e-3), 3, ("source meter: current limit of 1e-06 A",), False),
    "power cycle": (lambda m, b: m.tell(power_cycle=True), 3, ("source meter:", "has been switched off and on"), False),
    "second client sets": (lambda m, b: send(m, ":SOUR:VOLT 7"), 3, ("source meter:", "another client"), False),
    "second client off": (lambda m, b: send(m, ":OUTP OFF"), 3, ("source meter: OUTP? says 0",), False),
    "connection lost": (
        lambda m, b: (m.tell(cut=True), later(0.8, lambda: m.tell(back=True))), 3, ("source meter:", "lost"), False,
    ),
    # OUTP OFF is understood, but nobody can know
    "garbage": (lambda m, b: m.tell(garbage=True), 4, ("OUTPUT MAY BE ON", "source meter"), False),
    "no reply": (lambda m, b: m.tell(mute=True), 4, ("OUTPUT MAY BE ON", "source meter"), True),
    "will not go off": (
        lambda m, b: (m.tell(stuck=True), b.errors.update(move="soft limit")), 4, ("OUTPUT MAY BE ON", "stage: move:"), True,
    ),
    "detector stops": (lambda m, b: b.errors.update(expose="no trigger"), 3, ("detector: expose: no trigger",), False),
    "stage hangs": (lambda m, b: setattr(b, "hang", "move"), 3, ("stage: move: no answer within",), False),
    "stage stalls": (lambda m, b: setattr(b, "stalls_at", 60.0), 3, ("stage: sent to", "2 times, it stands at 60 um"), False),
    "no image": (
        lambda m, b: setattr(b, "spoils", Path.unlink), 3, ("detector: expose: 0.3 s after the answer there is no image",),
        False,
    ),
    "half an image": (
        lambda m, b: setattr(b, "spoils", lambda file: file.write_bytes(file.read_bytes()[:-600])), 3,
        ("detector: the image of frame 6 is no whole image of counts", "truncated file; 6 frames are good"), False,
    ),
    "fractions": (
        lambda m, b: setattr(b, "spoils", write_fractions), 3,
        ("detector: the image of frame 6 is no whole image of counts", "must be integer counts"), False,
    ),
    "exposure of nothing": (
        lambda m, b: b.says.update(exposure_s=0.0), 3, ("detector: expose: exposure_s = 0 is not above 0",), False,
    ),
    "bridge dies": (lambda m, b: b.drop(), 3, ("bridge:", "connection is lost"), False),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMS)
def test_what_goes_wrong_in_a_run(
    name: str,
    meter: MeterProgram,
    bridge: TinyBridge,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harm, code, words, on = HARMS[name]
    monkeypatch.setattr("electrosaxs.acquisition.bridge.ANSWER_S", 0.5)
    monkeypatch.setattr("electrosaxs.acquisition.bridge.IMAGE_S", 0.3)
    monkeypatch.setattr("electrosaxs.acquisition.watch.READ_EVERY_S", 0.1)
    bridge.at[SAMPLE] = lambda: (harm(meter, bridge), setattr(bridge, "pace", 0.05))
    out = tmp_path / "run"
    plan = write_plan(tmp_path, bridge, meter.resource, **LONG, source_meter={"timeout_s": 0.15})
    assert acquire(plan, out) == code
    said = capsys.readouterr().err.strip().splitlines()
    assert all(word in said[-1] for word in words), said
    assert said[-1].startswith("OUTPUT MAY BE ON") == (code == 4)
    assert ("OUTP? says 0" in said[-1]) == (code == 3)
    assert meter.tell(mute=False, garbage=False)["output"] == on
    table, images = read_all(out)
    assert len(table) == len(images) >= SAMPLE
    assert state_of(out)["phase"] == "failed"
    assert state_of(out)["output"] is {3: False, 4: True if name == "will not go off" else None}[code]
    assert documents(out)[-1][0] == "stop"
    assert documents(out)[-1][1]["exit_status"] == "fail"


class Acquiring:
    """`electrosaxs acquire` in a process of its own."""

    def __init__(self, plan: Path, out: Path, limit: int | None = None) -> None:
        self.said = out.with_name("stderr")
        self.process = acquire_process(plan, out, self.said, limit)

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def ended(self, limit_s: float = 20.0) -> tuple[int | None, str]:
        """Exit code, None while it runs, and the last line of stderr."""
        self.process.join(limit_s)
        return self.process.exitcode, self.said.read_text("utf-8").strip().splitlines()[-1]


@pytest.fixture
def running(
    meter: MeterProgram,
    bridge: TinyBridge,
    tmp_path: Path,
) -> Iterator[Callable[..., Acquiring]]:
    """Starts `acquire` as a process, and returns when two frames of the sample are there."""
    started: list[Acquiring] = []

    def start(**changes: dict[str, object]) -> Acquiring:
        bridge.at[SAMPLE] = lambda: setattr(bridge, "pace", 0.05)
        plan = write_plan(tmp_path, bridge, meter.resource, **LONG, **changes)
        process = Acquiring(plan, tmp_path / "run")
        started.append(process)
        end = time.monotonic() + 30.0
        while bridge.pace == 0.0:
            assert process.process.is_alive(), process.ended()
            assert time.monotonic() < end
            time.sleep(0.02)
        assert meter.output
        return process

    yield start
    for process in started:
        process.process.kill()
        process.process.join()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_within_two_seconds(
    number: signal.Signals,
    code: int,
    running: Callable[..., Acquiring],
    meter: MeterProgram,
    tmp_path: Path,
) -> None:
    process = running()
    assert len(read_all(tmp_path / "run")[1]) >= SAMPLE  # while it is being written
    process.send(number)
    assert meter.seconds_until_off(2.0) < 1.0
    ended, said = process.ended()
    assert ended == code
    assert f"stopped by {number.name}" in said
    assert "OUTP? says 0" in said
    read_all(tmp_path / "run")
    assert state_of(tmp_path / "run")["phase"] == "aborted"
    assert documents(tmp_path / "run")[-1][1]["exit_status"] == "abort"


REPLY_S = 0.35


@pytest.mark.parametrize("watchdog", ["guard", "instrument"])
@pytest.mark.parametrize("after_s", [0.0, 0.6])
def test_off_waits_for_one_reply_of_a_slow_meter_and_for_no_reading(
    watchdog: str, after_s: float, running: Callable[..., Acquiring], meter: MeterProgram, tmp_path: Path
) -> None:
    """A reading is four replies; the signal comes at any moment of one."""
    process = running(source_meter={"watchdog": watchdog, "watchdog_s": 30.0, "timeout_s": 2.0})
    meter.tell(takes=REPLY_S)
    time.sleep(2.0 + after_s)
    process.send(signal.SIGTERM)
    sent = time.monotonic()
    code, said = process.ended()
    assert code == 143
    assert "OUTP? says 0" in said
    assert 0.0 < meter.tell(takes=0.0)["off_heard"] - sent < REPLY_S + 0.15
    assert meter_rows(tmp_path / "run")[-1]["output"] == "0"


def test_off_of_an_abort_and_of_a_kill_wait_no_longer(running: Callable[..., Acquiring], meter: MeterProgram) -> None:
    """The guard hears that its client is gone between two replies, too."""
    process = running(source_meter={"watchdog": "guard", "watchdog_s": 30.0, "timeout_s": 2.0})
    meter.tell(takes=REPLY_S)
    time.sleep(2.5)
    process.send(signal.SIGKILL)
    sent = time.monotonic()
    process.process.join()
    time.sleep(1.5)
    assert 0.0 < meter.tell(takes=0.0)["off_heard"] - sent < REPLY_S + 0.3


@pytest.mark.parametrize("form", ["nexus", "cbf"])
def test_kill_of_acquire_leaves_output_off_and_data(
    form: str,
    running: Callable[..., Acquiring],
    meter: MeterProgram,
    tmp_path: Path,
) -> None:
    process = running(source_meter={"watchdog_s": 30.0}, frames={"form": form})
    process.send(signal.SIGKILL)
    assert meter.seconds_until_off(2.0) < 2.0
    table, images = read_all(tmp_path / "run")
    assert len(table) == len(images) >= SAMPLE
    assert state_of(tmp_path / "run")["output"] is True  # nobody was left to say otherwise


def test_kill_without_a_guard_leaves_it_to_the_timer(
    running: Callable[..., Acquiring],
    meter: MeterProgram,
    tmp_path: Path,
) -> None:
    process = running(source_meter={"watchdog": "instrument"})
    assert state_of(tmp_path / "run")["guard_pid"] is None
    process.send(signal.SIGKILL)
    assert 0.3 < meter.seconds_until_off(2.5) < 2.0


def test_kill_of_acquire_and_guard_leaves_it_to_the_timer(
    running: Callable[..., Acquiring],
    meter: MeterProgram,
    tmp_path: Path,
) -> None:
    process = running(source_meter={"watchdog": "auto"})
    os.kill(state_of(tmp_path / "run")["guard_pid"], signal.SIGKILL)
    process.send(signal.SIGKILL)
    assert meter.seconds_until_off(2.5) < 2.0


def test_kill_of_the_guard_alone_ends_the_run_safely(
    running: Callable[..., Acquiring],
    meter: MeterProgram,
    tmp_path: Path,
) -> None:
    process = running(source_meter={"watchdog_s": 30.0})
    os.kill(state_of(tmp_path / "run")["guard_pid"], signal.SIGKILL)
    assert meter.seconds_until_off(3.0) < 3.0
    code, said = process.ended()
    assert code == 3
    assert "guard: it has died" in said


def test_a_plan_that_hangs_feeds_nobody(
    running: Callable[..., Acquiring],
    meter: MeterProgram,
) -> None:
    process = running()
    process.send(signal.SIGSTOP)
    assert meter.seconds_until_off(2.5) < 2.0
    process.send(signal.SIGCONT)
    code, said = process.ended()
    assert code == 3
    assert "OUTP? says 0" in said


def test_a_second_acquire_on_the_folder_is_refused(
    running: Callable[..., Acquiring],
    meter: MeterProgram,
    tmp_path: Path,
) -> None:
    from electrosaxs.errors import InputFileError

    process = running()
    with pytest.raises(InputFileError, match="another acquire"):
        acquire(tmp_path / "plan.toml", tmp_path / "run")
    with pytest.raises(InputFileError, match="held by another electrosaxs"):
        acquire(tmp_path / "plan.toml", tmp_path / "elsewhere")
    assert meter.output
    assert process.process.is_alive()


def test_the_command_as_it_is_typed_ends_by_a_signal(meter: MeterProgram, bridge: TinyBridge, tmp_path: Path) -> None:
    """In an interpreter of its own; the others are forked from one that has imported what they need."""
    bridge.at[SAMPLE] = lambda: setattr(bridge, "pace", 0.05)
    plan = write_plan(tmp_path, bridge, meter.resource, **LONG)
    typed = [sys.executable, "-m", "electrosaxs", "acquire", str(plan), "--out", str(tmp_path / "run"), "--quiet"]
    with subprocess.Popen(typed, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60.0
        while bridge.pace == 0.0:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20.0)
    assert process.returncode == 143
    assert "OUTP? says 0" in said.splitlines()[-1]
    assert not meter.output


def test_a_full_disk_ends_the_run_with_its_data(
    meter: MeterProgram,
    bridge: TinyBridge,
    tmp_path: Path,
) -> None:
    """The limit is on the size of a file, which fails as a full disk does."""
    plan = write_plan(tmp_path, bridge, meter.resource, **LONG)
    code, last = Acquiring(plan, tmp_path / "run", limit=60_000).ended()
    assert code == 3, last
    assert "disk" in last
    assert "OUTP? says 0" in last
    assert not meter.output
    table, images = read_all(tmp_path / "run")
    assert len(table) == len(images) > SAMPLE


def test_a_charge_that_is_too_much_ends_the_run(
    meter: MeterProgram,
    bridge: TinyBridge,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = write_plan(tmp_path, bridge, meter.resource, source_meter={"max_charge_C": 1e-8})
    assert acquire(plan, tmp_path / "run") == 3
    assert "max_charge_C = 1e-08 C" in capsys.readouterr().err
    assert not meter.output


def test_the_log_of_the_meter_has_a_row_a_second(
    running: Callable[..., Acquiring],
    meter: MeterProgram,
    tmp_path: Path,
) -> None:
    process = running()
    time.sleep(1.0)
    process.send(signal.SIGTERM)
    process.ended()
    epochs = [float(row["epoch_s"]) for row in meter_rows(tmp_path / "run")]
    gaps = sorted(b - a for a, b in pairwise(epochs))
    assert len(gaps) > epochs[-1] - epochs[0]
    assert gaps[len(gaps) // 2] < 0.6
    assert gaps[-1] < 3.0  # a disk or a processor that is busy with other work holds up one row
    assert meter_rows(tmp_path / "run")[-1]["event"].startswith("output off")
