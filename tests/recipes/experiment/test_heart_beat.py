"""The heart of a run beats while a slow meter takes its time."""

import time
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("pyvisa")

from electrosaxs.acquisition.bridge import BridgeBeamline
from electrosaxs.acquisition.watch import Watch


class SleepyMeter:
    """A meter that takes `seconds` over every request."""

    guard_pid, output = None, True

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def ask(self, do: str, **_: float) -> dict[str, Any]:
        time.sleep(self.seconds)
        return {"set_V": 1.0, "output": True, "did": do}

    def off(self) -> bool | None:
        time.sleep(self.seconds)
        return False

    def close(self) -> None:
        """Nothing is held."""


class Beats:
    """A journal that notes when the heart beat."""

    def __init__(self) -> None:
        self.at = [time.monotonic()]

    def reading(self, *_: object) -> None:
        """Nobody keeps it."""

    def beat(self) -> None:
        self.at.append(time.monotonic())

    def hear(self) -> None:
        """Nobody asks."""


@pytest.mark.parametrize("do", ["set", "off"])
def test_the_heart_beats_while_a_slow_meter_takes_its_time(do: str) -> None:
    journal = Beats()
    watch = Watch(BridgeBeamline("127.0.0.1:1"), SleepyMeter(2.6), journal)
    if do == "set":
        assert watch.ask("set", voltage_V=1.0, clock_s=0.0)["set_V"] == 1.0
    else:
        assert watch.off() is False
    journal.at.append(time.monotonic())
    assert max(b - a for a, b in pairwise(journal.at)) < 1.5  # 2 s are promised
