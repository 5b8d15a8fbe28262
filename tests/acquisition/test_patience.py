"""A meter that is slow to answer is asked with more patience whether its output is off, and by nothing else."""

from __future__ import annotations

from electrosaxs.acquisition.keeper import PATIENT, Keeper, MeterLimits
from electrosaxs.acquisition.port import NoReply

IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2400,1234567,C32"


class SlowPort:
    """A meter that answers within `takes` times the time limit; lines: what it was sent."""

    slowness = 1.0

    def __init__(self, takes: float) -> None:
        self.takes, self.lines, self._answers = takes, list[str](), list[str]()

    def send(self, *lines: str) -> None:
        self.lines += lines
        known = {"*IDN?": IDENTITY, ":OUTP?": "0"}
        self._answers += [known[line] for line in lines if line in known]

    def receive(self) -> str:
        if self.takes > self.slowness or not self._answers:
            raise NoReply("nothing yet")
        return self._answers.pop(0)

    def reconnect(self) -> None:
        self._answers = []

    def close(self) -> None:
        """Nothing is held."""


def kept(port: SlowPort) -> Keeper:
    limits = MeterLimits("x", "2400", 1e-6, 40.0, 0.5, 0.1, 0.01, -2.5, False, True)
    return Keeper(limits, port)


def test_an_output_that_is_off_is_confirmed_by_a_meter_that_is_slow() -> None:
    port = SlowPort(0.9 * PATIENT)
    assert kept(port).off() == {"output": False}
    assert ":OUTP OFF" in port.lines


def test_a_meter_that_stays_silent_is_not_called_off() -> None:
    assert kept(SlowPort(10.0)).off() == {"output": None}


def test_a_quick_meter_needs_no_patience() -> None:
    port = SlowPort(0.5)
    assert kept(port).off() == {"output": False}
    assert port.slowness == 1.0
