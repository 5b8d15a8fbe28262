"""Source meters for tests: one in this process, and one as a program of its own whose faults are given on its stdin."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from electrosaxs.acquisition.keeper import MeterLimits, lock_path
from electrosaxs.acquisition.meter_lock import removed
from electrosaxs.acquisition.meter_server import listen
from electrosaxs.acquisition.port import NoReply
from electrosaxs.acquisition.simulated_meter import CellOnLeads, SimulatedMeter

LONGEST_TURN_S = 0.05  # of a look at the meter: 10 ms of sleep and one question


class DirectPort:
    """A port on a simulated meter in this process. lose, garble: how many of the next replies; late: they come before
    what is asked next; down: nobody answers until it is 0."""

    def __init__(self, meter: SimulatedMeter) -> None:
        self.meter, self.sent = meter, list[str]()
        self.replies: list[str] = []
        self.lose = self.garble = self.late = self.down = 0
        self._held: list[str] = []

    def send(self, *lines: str) -> None:
        if self.down:
            raise NoReply("down")
        self.sent += lines
        self.replies += self._held
        self._held = []
        for line in lines:
            for reply in self.meter.execute(line):
                if self.lose:
                    self.lose -= 1
                elif self.late:
                    self.late -= 1
                    self._held.append(reply)
                elif self.garble:
                    self.garble -= 1
                    self.replies.append("\x07" + reply[::-1])
                else:
                    self.replies.append(reply)

    def receive(self) -> str:
        if not self.replies:
            raise NoReply("nothing came")
        return self.replies.pop(0)

    def reconnect(self) -> None:
        self.replies, self._held = [], []
        if self.down:
            self.down -= 1
            raise NoReply("down")

    def close(self) -> None:
        pass


def limits(resource: str = "none", **changes: Any) -> MeterLimits:
    """1 uA, 40 V, 0.5 V/s, 0.1 C; a watchdog of 1 s."""
    given: dict[str, Any] = {
        "resource": resource, "dialect": "auto", "compliance_A": 1e-6, "max_voltage_V": 40.0, "max_ramp_V_per_s": 0.5,
        "max_charge_C": 0.1, "timeout_s": 0.3, "watchdog_s": 1.0, "timer": False, "real_clock": False,
    }  # fmt: skip
    return MeterLimits(**{**given, **changes})


class MeterProgram:
    """The faulty meter as a process: `tell` it what to do, `state` of its output, `seconds_until_off`."""

    def __init__(self, dialect: str = "2450") -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), dialect], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._line()["port"])
        self.resource = f"TCPIP::127.0.0.1::{self.port}::SOCKET"

    def tell(self, **what: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self._line()

    @property
    def output(self) -> bool:
        return bool(self.tell()["output"])

    def seconds_until_off(self, limit_s: float) -> float:
        """Seconds (s) in which this process could run: where the computer gives it none for a while, the others had
        none either, and that is no fault of theirs."""
        lasted, last = 0.0, time.monotonic()
        while self.output:
            assert lasted < limit_s, f"the output is still on after {limit_s} s"
            time.sleep(0.01)
            last, before = time.monotonic(), last
            lasted += min(last - before, LONGEST_TURN_S)
        return lasted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=5)
        self.process.stdout.close()
        removed(lock_path(self.resource))  # where all who knew the meter were killed

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


class FaultyMeter(SimulatedMeter):
    """A simulated meter that can be made deaf, confused or stuck."""

    mute = garbage = stuck = False
    error = ""
    takes = 0.0
    off_heard: float | None = None

    def execute(self, line: str) -> list[str]:
        """`takes`: seconds of a reply, until which nothing else is heard; off_heard: monotonic time of the first OUTP OFF of an
        output that is on."""
        if "OUTP OFF" in line and self.output:
            self.off_heard = time.monotonic()
        if "?" in line:
            time.sleep(self.takes)
        if self.mute:
            return []
        if self.stuck and "OFF" in line:
            return []
        if self.error and self.error in line:
            self._error(-113, "Undefined header")
            return []
        return ["#\x01?!" for _ in found] if (found := super().execute(line)) and self.garbage else found


async def _program(dialect: str) -> None:
    meter = FaultyMeter(dialect)
    loop = asyncio.get_running_loop()
    clients: set[asyncio.Transport] = set()
    server = await listen(meter, 0, clients)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        for name in ("mute", "garbage", "stuck", "error", "takes"):
            if name in told:
                setattr(meter, name, told[name])
        if "conductance" in told:
            meter.cell = CellOnLeads(conductance=told["conductance"])
        if told.get("power_cycle"):
            meter.power_up()
        if told.get("cut") or told.get("power_cycle"):
            server.close()
            for transport in list(clients):
                transport.abort()
        if told.get("back") or told.get("power_cycle"):
            server = await listen(meter, port, clients)
        meter.elapse()
        state = {
            "output": meter.output, "level": meter.level, "terminal_V": meter.terminal_V, "limit": meter.limit,
            "off_heard": meter.off_heard,
        }  # fmt: skip
        print(json.dumps(state), flush=True)


if __name__ == "__main__":
    asyncio.run(_program(sys.argv[1]))
