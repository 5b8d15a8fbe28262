"""Driver of the source meter: SCPI over a port, 2450 and 2400 dialects.

Nothing is remembered of what was read. The error queue is read after each group of commands. A reply that is lost or
garbled is asked for once more, after both sides agree again who they are; then it is a fault. OUTP OFF waits for no more
than the answer that is on its way: before each of them the driver asks whether the output is wanted off.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .dialects import DIALECTS, TIMER_OFF, Dialect, dialect_of, timer_blocks, timer_start
from .faults import MeterFault
from .port import NoReply, Port

POWER_ON = 128  # bit of the event status register: the meter has been switched on since it was last asked
OVERFLOW = 9e37  # what a Keithley answers for a value that it has not measured
LIMIT_TOLERANCE = 0.01  # of a current limit that is read back
ERRORS = ":SYST:ERR?"
MOST_ERRORS = 20
STALE_LINES = 8
OFF_TRIES = 3
SLOW_S = (
    0.1  # for a reply; a meter that takes longer is asked one thing at a time: OUTP OFF would stand behind all of them
)


@dataclass(frozen=True)
class Reading:
    """voltage (V) and current (A), measured now, NaN where the output is off; output: what OUTP? says."""

    voltage_V: float
    current_A: float
    output: bool


class SourceMeter:
    """A meter that has told its name. `timer_s`: of the timer in the meter, None without. wanted_off: asked between two answers
    whether whatever is being done is to be left for OUTP OFF; MeterFault then."""

    def __init__(self, port: Port, dialect: Dialect, identity: str) -> None:
        self.port, self.dialect, self.identity = port, dialect, identity
        self.timer_s: float | None = None
        self._limit_A, self._owed, self._slow = 0.0, 0, False
        self.wanted_off: Callable[[], bool] = _never

    @classmethod
    def identified(cls, port: Port, dialect: str) -> SourceMeter:
        """The meter at `port`, dialect "2450", "2400" or "auto". MeterFault where nobody or nothing known answers."""
        try:
            port.reconnect()
            port.send("*IDN?")
            try:
                identity = port.receive().strip()
            except NoReply:  # a LAN port may stand as the last client left it
                port.reconnect()
                port.send("*IDN?")
                identity = port.receive().strip()
        except NoReply as error:
            raise MeterFault(f"*IDN? is not answered: {error}") from error
        found = DIALECTS.get(dialect) or dialect_of(identity)
        if found is None:
            raise MeterFault(f"*IDN? says {identity[:60]!r}, neither a 2450 nor a 2400; give source_meter.dialect")
        return cls(port, found, identity)

    def configure(self, *, limit_A: float, highest_V: float) -> float:
        """Output off, voltage source at 0 V with its current limit; returns the limit that the meter says it has.

        MeterFault where the meter refuses, or has another limit than it was given.
        """
        self.command(":OUTP OFF")
        self.command(*self.dialect.configure(limit_A=limit_A, highest_V=highest_V))
        self._limit_A = limit_A
        (limit,) = self.ask((f"{self.dialect.limit}?", _number))
        if not abs(limit - limit_A) <= LIMIT_TOLERANCE * limit_A:
            raise MeterFault(f"the current limit reads back as {limit:g} A instead of {limit_A:g} A")
        (output,) = self.ask((":OUTP?", _truth))
        if output:
            raise MeterFault("the output stays on after OUTP OFF")
        return limit

    def output(self) -> bool:
        """What OUTP? says; nothing else is asked or changed."""
        try:
            (said,) = self._once(((":OUTP?", _truth),), (), ())
        except (NoReply, ValueError) as error:
            raise MeterFault(f":OUTP? has no sound reply: {error}") from error
        return bool(said)

    def arm(self, seconds: float) -> None:
        """Start the timer in the meter: without a word for `seconds` it switches its output off."""
        self.command(*timer_blocks(seconds))
        self.timer_s = seconds

    def output_on(self) -> None:
        """OUTP ON, confirmed."""
        self.command(":OUTP ON")
        (output,) = self.ask((":OUTP?", _truth))
        if not output:
            raise MeterFault("the output stays off after OUTP ON")

    def set_voltage(self, voltage_V: float) -> None:
        """The source level (V)."""
        self.command(f":SOUR:VOLT {voltage_V:.6f}")

    def read(self, *, output_expected: bool) -> Reading:
        """What the meter says now; starts its timer anew. MeterFault for an error in its queue, a power cycle, and an
        output that is not as it should be.

        A 2450 does not measure while its trigger model waits: model off, reading, model on are one message, which the
        meter carries out to its end whoever dies meanwhile. A 2400 refuses READ? with the output off.
        """
        status, output = self.ask(("*ESR?", _whole), (":OUTP?", _truth), errors=not output_expected)
        if status & POWER_ON:
            raise MeterFault("it has been switched off and on (event status register says power on)")
        if output != output_expected:
            raise MeterFault(f"OUTP? says {int(output)}, and not by this run{self._settings_lost()}")
        if not output:
            return Reading(math.nan, math.nan, output)
        before, after = (TIMER_OFF[:1], timer_start()) if self.timer_s is not None else ((), ())
        ((voltage, current),) = self.ask((self.dialect.read, _pair), before=before, after=after)
        return Reading(voltage, current, output)

    def output_off(self) -> bool | None:
        """OUTP OFF, then OUTP?: False once that says 0, True where it goes on saying 1, None where it says nothing.

        Never raises: who calls it is in trouble already.
        """
        said: bool | None = None
        for attempt in range(OFF_TRIES):
            try:
                self._off_before_what_is_owed()
                again = ("*CLS", ":SOUR:VOLT 0", ":OUTP OFF") if attempt else ()
                (said,) = self._once(((":OUTP?", _truth),), (":OUTP OFF", *again), ())
                if not said:
                    if self.timer_s is not None:
                        self.port.send(*TIMER_OFF)
                        self.timer_s = None
                    return False
            except (NoReply, ValueError):
                try:
                    self._agree()
                except NoReply:
                    return None
        return said

    def command(self, *lines: str) -> None:
        """Send a group of commands, and read the error queue. MeterFault for what stands in it."""
        self.ask(before=lines)

    def ask(
        self,
        *asked: tuple[str, Callable[[str], Any]],
        before: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
        errors: bool = True,
    ) -> list[Any]:
        """Answers to queries, each with what makes a value of its line (ValueError: garbled), sent as one message
        between the commands `before` and `after`, the error queue last. errors: False leaves the queue to what is asked next.

        MeterFault for what stands in the queue, and where no sound reply comes twice.
        """
        what = (*before, *(query for query, _ in asked))
        complete = (*asked, (ERRORS, _error)) if errors else asked
        try:
            answers = self._once(complete, before, after)
        except (NoReply, ValueError) as first:
            self._retry()
            try:
                answers = self._once(complete, before, after)
            except (NoReply, ValueError) as second:
                raise MeterFault(f"{what[0]} twice without a sound reply: {first}; {second}") from second
        if errors and (error := answers.pop())[0] != 0:
            self._empty_queue()
            raise MeterFault(f"error {error[0]}, {error[1]} after {what[0]}{' ... ' + what[-1] if what[1:] else ''}")
        return answers

    def _once(
        self, asked: tuple[tuple[str, Callable[[str], Any]], ...], before: tuple[str, ...], after: tuple[str, ...]
    ) -> list[Any]:
        """`asked` without the last, which is the error queue, goes before the commands `after`; of a slow meter each answer is
        waited for before the next is asked for."""
        *queries, last = asked
        lines: list[str] = []
        try:
            for message in self._messages([query for query, _ in queries], last[0], before, after):
                self._leave_for_off()
                self.port.send(*message)
                self._owed += (expected := sum("?" in line for line in message))
                for _ in range(expected):
                    self._leave_for_off()
                    lines.append(self._answer())
        except NoReply:
            self._raise_refusal(lines, queries)
            raise
        return [meaning(line.strip()) for (_, meaning), line in zip(asked, lines, strict=True)]

    def _messages(
        self, queries: list[str], last: str, before: tuple[str, ...], after: tuple[str, ...]
    ) -> list[tuple[str, ...]]:
        """The lines that are sent together: commands always with what they stand around."""
        if not queries or not self._slow:
            return [(*before, *queries, *after, last)]
        if before or after:
            return [(*before, *queries, *after), (last,)]
        return [*((query,) for query in queries), (last,)]

    def _answer(self) -> str:
        """The next line, and how long the meter took for it."""
        begin = time.monotonic()
        line = self.port.receive()
        self._owed -= 1
        self._slow = time.monotonic() - begin > SLOW_S
        return line

    def _leave_for_off(self) -> None:
        """MeterFault where the output is wanted off: what is being asked can wait."""
        if self.wanted_off():
            raise MeterFault("left what it was asked for OUTP OFF")

    def _off_before_what_is_owed(self) -> None:
        """OUTP OFF goes ahead of answers that are still on their way, which must not be taken for that to OUTP?."""
        if self._owed:
            self.port.send(":OUTP OFF")
            self._agree()

    def _raise_refusal(self, lines: list[str], queries: list[tuple[str, Callable[[str], Any]]]) -> None:
        """A query that is refused has no answer, so that the queue's line comes early, or is asked for now: MeterFault with
        what it says."""
        if self._slow and queries and len(lines) < len(queries):
            with contextlib.suppress(NoReply):
                self.port.send(ERRORS)
                lines.append(self._answer())
        for line in lines[-1:]:
            with contextlib.suppress(ValueError):
                code, words = _error(line)
                if code:
                    self._empty_queue()
                    raise MeterFault(f"error {code}, {words} after {queries[0][0]}")

    def _empty_queue(self) -> None:
        """What else stands in the error queue is of no use; it must not be taken for an answer to what comes next."""
        with contextlib.suppress(NoReply, ValueError):
            for _ in range(MOST_ERRORS):
                ((code, _text),) = self._once(((ERRORS, _error),), (), ())
                if code == 0:
                    break

    def _settings_lost(self) -> str:
        """Whether the current limit is another than was set, in words: so it is after a power cycle whose bit in the event
        status register went down with the connection."""
        (limit,) = self.ask((f"{self.dialect.limit}?", _number))
        same = abs(limit - self._limit_A) <= LIMIT_TOLERANCE * self._limit_A
        return "" if same else f": it has been switched off and on (its current limit is {limit:g} A)"

    def _retry(self) -> None:
        """Before something is asked a second time. MeterFault where the meter cannot be found again."""
        try:
            self._agree()
        except NoReply as error:
            raise MeterFault(f"the connection is lost: {error}") from error

    def _agree(self) -> None:
        """Ask for the name until the answer is the name: what came before it were late replies to older questions."""
        self._owed = 0  # lines are read until the name comes
        try:
            self._ask_name()
        except NoReply:
            self.port.reconnect()
            self._ask_name()

    def _ask_name(self) -> None:
        self.port.send("*IDN?")
        for _ in range(STALE_LINES):
            if self.port.receive().strip() == self.identity:
                return
        raise NoReply("*IDN? is answered with something else")


def _never() -> bool:
    return False


def _number(line: str) -> float:
    value = float(line)
    if not abs(value) < OVERFLOW:
        raise ValueError(f"{line[:40]!r} is no measured value")
    return value


def _pair(line: str) -> tuple[float, float]:
    """Voltage (V) and current (A), which both dialects give first."""
    values = [_number(part) for part in line.split(",")[:2]]
    if len(values) < 2:
        raise ValueError(f"{line[:40]!r} is not voltage and current")
    return values[0], values[1]


def _truth(line: str) -> bool:
    value = float(line)
    if value not in (0.0, 1.0):
        raise ValueError(f"{line[:40]!r} is neither 0 nor 1")
    return value == 1.0


def _whole(line: str) -> int:
    return int(float(line))


def _error(line: str) -> tuple[int, str]:
    """Code and words of a line of the error queue; a 2450 adds `;severity;time` to the words."""
    code, comma, words = line.partition(",")
    if not comma:
        raise ValueError(f"{line[:40]!r} is no line of an error queue")
    return int(code), words.strip().strip('"').partition(";")[0]
