"""What switches the output off when processes die and cables are cut: real processes, real kills, seconds measured."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("pyvisa")

from meters import MeterProgram, limits

from electrosaxs.acquisition.dialects import timer_blocks, timer_start
from electrosaxs.acquisition.faults import GuardLost, MeterFault
from electrosaxs.acquisition.guard import SIGTERM, Requests, serve
from electrosaxs.acquisition.guard_client import GuardedMeter, OwnMeter
from electrosaxs.acquisition.keeper import lock_path
from electrosaxs.acquisition.meter_server import MeterClient
from electrosaxs.acquisition.port import VisaPort
from electrosaxs.acquisition.simulated_meter import SimulatedMeter

CLIENT = textwrap.dedent(
    """
    import json, sys, time
    from electrosaxs.acquisition.guard_client import GuardedMeter
    from electrosaxs.acquisition.keeper import MeterLimits
    meter = GuardedMeter(MeterLimits(**json.loads(sys.argv[1])))
    meter.ask("start")
    meter.ask("switch_on", clock_s=0.0)
    print(meter.guard_pid, flush=True)
    while True:
        meter.ask("read", clock_s=time.monotonic())
        time.sleep(0.1)
    """
)


@pytest.fixture
def program() -> Iterator[MeterProgram]:
    with MeterProgram() as running:
        yield running


def client(program: MeterProgram, **changes: object) -> tuple[subprocess.Popen[str], int]:
    """A process that holds the output on through a guard; also the guard's pid."""
    given = json.dumps(asdict(limits(program.resource, **changes)))
    process = subprocess.Popen([sys.executable, "-c", CLIENT, given], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(timeout=5)
    assert process.stdout is not None
    process.stdout.close()


def test_kill_of_the_client_costs_two_seconds(program: MeterProgram) -> None:
    process, _ = client(program, watchdog_s=30.0)
    assert program.output
    process.kill()
    assert program.seconds_until_off(2.0) < 2.0
    ended(process)


def test_a_client_that_hangs_is_noticed_within_the_watchdog(program: MeterProgram) -> None:
    process, _ = client(program)
    os.kill(process.pid, signal.SIGSTOP)
    assert 0.7 < program.seconds_until_off(2.0) < 2.0
    ended(process)


def test_a_client_that_goes_on_after_it_was_stopped_learns_why_its_guard_has_ended(
    program: MeterProgram, capfd: pytest.CaptureFixture[str]
) -> None:
    meter = GuardedMeter(limits(program.resource, watchdog_s=0.3))
    meter.ask("start")
    meter.ask("switch_on", clock_s=0.0)
    assert meter._process.wait(timeout=10) == 0  # nothing comes
    assert not program.output
    with pytest.raises(GuardLost, match=r"has ended: nothing came from its client for 0\.3 s"):
        meter.ask("read", clock_s=1.0)
    assert meter.off() is False
    meter.close()
    assert capfd.readouterr().err == "guard: nothing came from its client for 0.3 s; the output is off (OUTP? says 0)\n"


def test_kill_of_all_leaves_it_to_the_timer_in_the_meter(program: MeterProgram) -> None:
    process, guard = client(program, timer=True)
    os.kill(guard, signal.SIGKILL)
    process.kill()
    assert 0.7 < program.seconds_until_off(2.0) < 2.0
    ended(process)


def test_a_cut_cable_leaves_it_to_the_timer_in_the_meter(program: MeterProgram) -> None:
    process, _ = client(program, timer=True)
    program.tell(cut=True)
    assert program.seconds_until_off(2.0) < 2.0
    ended(process)


def test_what_has_arrived_is_carried_out_though_the_cable_is_cut_meanwhile() -> None:
    class CutCable(asyncio.Transport):
        def is_closing(self) -> bool:
            return True

    meter = SimulatedMeter("2450")
    client = MeterClient(meter, set())
    client.connection_made(CutCable())
    lines = (":OUTP ON", *timer_blocks(30.0), ":ABOR", ":READ?", *timer_start())
    message = "".join(f"{line}\n" for line in lines).encode()
    client.data_received(message[:70])
    client.data_received(message[70:-1])
    assert not meter.waiting  # the last line has not come whole
    client.data_received(b"\n")
    assert meter.waiting
    assert meter.output


def test_a_connection_that_comes_back_brings_the_off(program: MeterProgram) -> None:
    meter = GuardedMeter(limits(program.resource, watchdog_s=30.0))
    meter.ask("start")
    meter.ask("switch_on", clock_s=0.0)
    program.tell(cut=True)
    reader = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.2)"])
    reader.wait()
    program.tell(back=True)
    try:
        found = meter.ask("read", clock_s=1.0)  # the one retry finds it again
    except MeterFault:
        assert meter.output is False
    else:
        assert found["output"]
    assert meter.off() is False
    assert not program.output
    meter.close()


def test_what_the_client_was_told_is_not_said_again_by_the_guard(
    program: MeterProgram, capfd: pytest.CaptureFixture[str]
) -> None:
    meter = GuardedMeter(limits(program.resource, watchdog_s=1.0))
    meter.ask("start")
    meter.ask("switch_on", clock_s=0.0)
    program.tell(cut=True)
    assert meter.off() is None  # 4 s of the guard, in which its client is not silent but waits
    meter.close()
    assert meter._process.wait(timeout=15) == 0
    assert capfd.readouterr().err == ""


def test_a_guard_that_is_killed_is_replaced_by_its_client(program: MeterProgram) -> None:
    meter = GuardedMeter(limits(program.resource, watchdog_s=30.0))
    meter.ask("start")
    meter.ask("switch_on", clock_s=0.0)
    assert meter.guard_pid is not None
    os.kill(meter.guard_pid, signal.SIGKILL)
    with pytest.raises(GuardLost, match="died"):
        meter.ask("read", clock_s=1.0)
    assert lock_path(program.resource).exists()
    assert meter.off() is False
    assert not program.output
    assert not lock_path(program.resource).exists()  # that of the dead guard
    meter.close()


def test_a_line_that_is_no_answer_leaves_the_off_to_the_client(
    program: MeterProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = tmp_path / "guard"
    guard.write_text("#!/bin/sh\necho a warning\nwhile read line; do echo '{\"ok\": true}'; done\n", "utf-8")
    guard.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(guard))
    before = OwnMeter(limits(program.resource))
    before.ask("start")
    before.ask("switch_on", clock_s=0.0)
    before.close()
    assert program.output
    meter = GuardedMeter(limits(program.resource))
    with pytest.raises(GuardLost, match="no JSON"):
        meter.ask("set", voltage_V=1.0, clock_s=1.0)
    assert meter.off() is False  # the answer to `set` comes now, and is not read as one to `off`
    assert not program.output
    meter.close()


def test_sigterm_of_the_guard_switches_off(program: MeterProgram) -> None:
    process, guard = client(program, watchdog_s=30.0)
    os.kill(guard, signal.SIGTERM)
    assert program.seconds_until_off(2.0) < 2.0
    ended(process)


def test_without_a_guard_the_keeper_sees_to_it(program: MeterProgram) -> None:
    meter = OwnMeter(limits(program.resource))
    meter.ask("start")
    meter.ask("switch_on", clock_s=0.0)
    program.tell(error=":READ?")
    with pytest.raises(MeterFault, match="-113"):
        meter.ask("read", clock_s=1.0)
    assert meter.output is False
    assert not program.output
    meter.close()


def test_two_of_this_project_do_not_share_a_meter(program: MeterProgram) -> None:
    first, second = (OwnMeter(limits(program.resource)) for _ in range(2))
    first.ask("identify")
    with pytest.raises(MeterFault, match="held by another electrosaxs"):
        second.ask("identify")
    first.close()
    second.ask("identify")
    second.close()


def test_a_port_that_hangs_is_reopened(program: MeterProgram) -> None:
    program.tell(mute=True)
    meter = OwnMeter(limits(program.resource))
    start = time.monotonic()
    with pytest.raises(MeterFault, match="not answered"):
        meter.ask("identify")
    assert time.monotonic() - start < 2.0
    program.tell(mute=False)
    assert meter.ask("identify")["dialect"] == "2450"
    meter.close()


def test_the_guard_has_no_numpy(program: MeterProgram) -> None:
    meter = GuardedMeter(limits(program.resource))
    meter.ask("identify")
    loaded = Path(f"/proc/{meter.guard_pid}/maps").read_text("utf-8")
    assert "_multiarray_umath" not in loaded
    assert "libpython" in loaded or "python3" in loaded
    meter.close()


def test_sigterm_in_the_middle_of_a_reading_is_no_reply_that_does_not_come() -> None:
    """It was caught with the errors of VISA, and the guard went on with the output on."""
    requests, port = Requests(), VisaPort("TCPIP::127.0.0.1::1::SOCKET", 1.0)
    port._session = SimpleNamespace(read=lambda: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, requests.end)
    try:
        with pytest.raises(BaseException, match=r"^$") as raised:
            port.receive()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not isinstance(raised.value, Exception)
    assert requests.ended
    requests.gone = True  # nothing is listened to any more
    assert requests.off()
    assert serve(SimpleNamespace(), requests) == SIGTERM
