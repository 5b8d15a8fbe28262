"""The two languages of Keithley's source meters, as far as a sealed cell needs them.

2450 (also 2460, 2461, 2470) and 2400 (also 2410, 2420, ...) differ in where the current limit stands, in what a reading
looks like, and in whether the meter has a timer that switches the output off by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NEWER = re.compile(r"MODEL\s+24[567]\d", re.IGNORECASE)
OLDER = re.compile(r"MODEL\s+24[0-4]\d", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """name; limit: header of the current limit; read: query whose answer begins with voltage (V) and current (A), both
    measured; has_timer: whether the meter can switch off by itself; sensing: what prepares the reading."""

    name: str
    limit: str
    read: str
    has_timer: bool
    sensing: tuple[str, ...]

    def configure(self, *, limit_A: float, highest_V: float) -> tuple[str, ...]:
        """A voltage source at 0 V, output off, with its current limit, the rest as *RST leaves it (the range of the
        current follows it). The range of the voltage is fixed, so that no change of it interrupts the output."""
        return (
            "*RST",
            "*CLS",
            ":SOUR:FUNC VOLT",
            f":SOUR:VOLT:RANG {highest_V:g}",
            ":SOUR:VOLT 0",
            *self.sensing,
            f"{self.limit} {limit_A:.6e}",
        )


M2450 = Dialect(
    "2450",
    limit=":SOUR:VOLT:ILIM",
    read=':READ? "defbuffer1", SOUR, READ',
    has_timer=True,
    sensing=(':SENS:FUNC "CURR"',),
)
M2400 = Dialect(
    "2400",
    limit=":SENS:CURR:PROT",
    read=":READ?",
    has_timer=False,
    # whatever order :FORM:ELEM is given, voltage comes first
    sensing=(':SENS:FUNC "VOLT","CURR"', ":FORM:ELEM VOLT,CURR"),
)
DIALECTS = {dialect.name: dialect for dialect in (M2450, M2400)}

TIMER_OFF = (":ABOR", ":TRIG:TIM1:STAT OFF")


def timer_blocks(seconds: float) -> tuple[str, ...]:
    """The trigger model of a 2450 that waits for its timer and then switches the output off: it survives the death of
    every process, a cut cable and a dead computer."""
    return (
        ":ABOR",
        ':TRIG:LOAD "Empty"',
        ":TRIG:BLOC:WAIT 1, TIM1",
        ":TRIG:BLOC:SOUR:STAT 2, OFF",
        f":TRIG:TIM1:DEL {seconds:g}",
        *timer_start(),
    )


def timer_start() -> tuple[str, ...]:
    """Start the timer anew; it runs from its being switched on."""
    return (":TRIG:TIM1:STAT OFF", ":TRIG:TIM1:STAT ON", ":INIT")


def dialect_of(identity: str) -> Dialect | None:
    """The language that an answer to *IDN? belongs to; None where it is neither."""
    if NEWER.search(identity):
        return M2450
    return M2400 if OLDER.search(identity) else None
