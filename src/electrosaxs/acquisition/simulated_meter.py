"""A source meter with a cell on its leads, in both dialects: what it answers to a line, and what it does by itself.

As the real ones: a 2400 gives the elements of a reading in its own order, refuses READ? with the output off (803) and
turns the output on at MEAS?; a 2450 has a trigger model with timers, does not measure while it runs, and adds severity
and time to its errors. Closing a connection does nothing.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from .scpi import Handler, header_pattern, messages, split_outside_quotes, switch

IDENTITY = {
    "2450": "KEITHLEY INSTRUMENTS,MODEL 2450,04000001,1.7.12b",
    "2400": "KEITHLEY INSTRUMENTS INC.,MODEL 2400,4000001,C34 Sep 21 2016 15:30:00/A02  /M/N",
}
POWER_ON = 128
NOT_MEASURED = 9.91e37
DEFAULT_LIMIT_A = 1.05e-4
ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")  # of a 2400, in its own order


@dataclass
class CellOnLeads:
    """The cell: ohmic, falling while ions are swept out (seconds of the wall), with noise. Values chosen as the twin's."""

    conductance: float = 2e-10
    swept_share: float = 0.6
    sweep_time: float = 400.0
    noise: float = 0.01

    def current(self, voltage_V: float, since_on_s: float, random_: random.Random) -> float:
        """I (A)."""
        conducting = 1.0 - self.swept_share * min(since_on_s / self.sweep_time, 1.0)
        return self.conductance * voltage_V * conducting * (1.0 + self.noise * random_.gauss(0.0, 1.0))


class SimulatedMeter:
    """One instrument, whatever the number of its clients. `execute` a line, get the lines of its answer."""

    def __init__(self, dialect: str, cell: CellOnLeads | None = None, *, seed: int = 1) -> None:
        self.dialect, self.cell = dialect, cell or CellOnLeads()
        self._random = random.Random(seed)
        self.waiting, self.delay = False, 0.0
        self.timer_since: float | None = None
        self.commands = [(header_pattern(n), f) for n, f in self._table().items()]
        self.power_up()

    def power_up(self) -> None:
        """As after the mains came back: output off, default settings, power-on bit set."""
        self.status, self.errors = POWER_ON, list[tuple[int, str]]()
        self._reset("")

    @property
    def terminal_V(self) -> float:
        """What is between the leads: 0 with the output off, less than was set where the current is at its limit."""
        self.elapse()
        if not self.output:
            return 0.0
        wanted = self.cell.conductance * abs(self.level)
        return self.level * min(1.0, self.limit / wanted) if wanted > 0.0 else self.level

    def elapse(self) -> None:
        """What the trigger model does by itself: with its timer's event it leaves the wait block and switches off."""
        if self.waiting and self.timer_since is not None and time.monotonic() >= self.timer_since + self.delay:
            self.waiting = False
            if self.blocks.get(1) == "WAIT" and self.blocks.get(2) == "OFF":
                self.output = False

    def execute(self, line: str) -> list[str]:
        """Carry out every command of a line; answers to its queries are joined in one line, as SCPI does."""
        answers: list[str] = []
        for header, arguments in messages(line):
            self.elapse()
            handler = next((f for pattern, f in self.commands if pattern.fullmatch(header)), None)
            if handler is None:
                self._error(-113, "Undefined header")
                continue
            try:
                answer = handler(arguments)
            except ValueError:
                self._error(-104, "Data type error")
                continue
            if answer is not None:
                answers.append(answer)
        return [";".join(answers)] if answers else []

    def _table(self) -> dict[str, Handler]:
        table: dict[str, Handler] = {
            "*IDN?": lambda _: IDENTITY[self.dialect],
            "*RST": self._reset,
            "*CLS": self._clear,
            "*ESR?": self._event_status,
            "*OPC?": lambda _: "1",
            "SYSTem:ERRor[:NEXT]?": self._next_error,
            "STATus:PRESet": lambda _: None,
            "SYSTem:BEEPer[:IMMediate]": lambda _: None,
            "OUTPut[1][:STATe]": self._switch_output,
            "OUTPut[1][:STATe]?": lambda _: str(int(self.output)),
            "SOURce[1]:FUNCtion[:MODE]": lambda a: self._set("source", a[:4].upper()),
            "SOURce[1]:FUNCtion[:MODE]?": lambda _: self.source,
            "SOURce[1]:VOLTage[:LEVel][:IMMediate][:AMPLitude]": lambda a: self._set_level(float(a)),
            "SOURce[1]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?": lambda _: f"{self.level:.6E}",
            "SOURce[1]:VOLTage:RANGe": lambda a: self._set("range_V", float(a)),
            "SOURce[1]:VOLTage:RANGe?": lambda _: f"{self.range_V:.6E}",
            "SOURce[1]:VOLTage:RANGe:AUTO": lambda a: self._set("auto", switch(a)),
            "SOURce[1]:VOLTage:MODE": lambda _: None,
            "SENSe[1]:FUNCtion[:ON]": lambda a: self._set("sensed", a.upper()),
            "SENSe[1]:FUNCtion[:ON]?": lambda _: self.sensed,
            "SENSe[1]:CURRent[:DC]:NPLCycles": lambda a: self._set("cycles", float(a)),
            "SENSe[1]:CURRent[:DC]:NPLCycles?": lambda _: f"{self.cycles:.6E}",
            "SENSe[1]:VOLTage[:DC]:NPLCycles": lambda a: self._set("cycles", float(a)),
            "SENSe[1]:CURRent[:DC]:RANGe[:UPPer]": lambda a: self._set("sense_A", float(a)),
            "SENSe[1]:CURRent[:DC]:RANGe[:UPPer]?": lambda _: f"{self.sense_A:.6E}",
            "SENSe[1]:CURRent[:DC]:RANGe:AUTO": lambda a: self._set("auto", switch(a)),
            "SENSe[1]:VOLTage[:DC]:RANGe:AUTO": lambda a: self._set("auto", switch(a)),
            "ABORt": self._abort,
        }  # fmt: skip
        return {**table, **(self._table_2450() if self.dialect == "2450" else self._table_2400())}

    def _table_2450(self) -> dict[str, Handler]:
        return {
            "SOURce[1]:VOLTage:ILIMit[:LEVel]": lambda a: self._set("limit", float(a)),
            "SOURce[1]:VOLTage:ILIMit[:LEVel]?": lambda _: f"{self.limit:.6E}",
            "SOURce[1]:VOLTage:ILIMit:TRIPped?": lambda _: str(int(abs(self.terminal_V) < abs(self.level))),
            "SOURce[1]:VOLTage:READ:BACK": lambda a: self._set("auto", switch(a)),
            "READ?": self._read_2450,
            "MEASure:CURRent[:DC]?": lambda _: self._read_2450(""),
            "TRIGger:LOAD": self._abort_and_empty,
            "TRIGger:BLOCk:WAIT": lambda a: self._block(a, "WAIT"),
            "TRIGger:BLOCk:SOURce:STATe": lambda a: self._block(a, a.partition(",")[2].strip().upper()),
            "TRIGger:TIMer1:DELay": lambda a: self._set("delay", float(a)),
            "TRIGger:TIMer1:DELay?": lambda _: f"{self.delay:g}",
            "TRIGger:TIMer1:STATe": self._timer,
            "TRIGger:STATe?": lambda _: "WAITING;WAITING;1" if self.waiting else "IDLE;IDLE;2",
            "INITiate[:IMMediate]": self._initiate,
        }

    def _table_2400(self) -> dict[str, Handler]:
        return {
            "SENSe[1]:CURRent[:DC]:PROTection[:LEVel]": lambda a: self._set("limit", float(a)),
            "SENSe[1]:CURRent[:DC]:PROTection[:LEVel]?": lambda _: f"{self.limit:.6E}",
            "SENSe[1]:CURRent[:DC]:PROTection:TRIPped?": lambda _: str(int(abs(self.terminal_V) < abs(self.level))),
            "SENSe[1]:FUNCtion:CONCurrent": lambda a: self._set("auto", switch(a)),
            "SENSe[1]:FUNCtion[:ON]:ALL": lambda _: self._set("sensed", '"VOLT","CURR","RES"'),
            "SENSe[1]:RESistance:MODE": lambda _: None,
            "SOURce[1]:CLEar:AUTO": lambda a: self._set("clears", switch(a)),
            "SOURce[1]:CLEar:AUTO?": lambda _: str(int(self.clears)),
            "FORMat:ELEMents": self._choose_elements,
            "OUTPut[1]:ENABle[:STATe]": lambda a: self._set("enable_line", switch(a)),
            "READ?": self._read_2400,
            "MEASure[:CURRent][:DC]?": self._measure_2400,
            "MEASure:VOLTage[:DC]?": self._measure_2400,
        }

    def _reset(self, _: str) -> None:
        self.output, self.source, self.level, self.limit = False, "VOLT", 0.0, DEFAULT_LIMIT_A
        self.range_V, self.sense_A, self.cycles, self.sensed = 20.0, DEFAULT_LIMIT_A, 1.0, '"CURR:DC"'
        self.auto, self.clears, self.enable_line = True, False, False
        self.elements: tuple[str, ...] = ELEMENTS
        self.blocks: dict[int, str] = {}
        self.waiting, self.delay, self.timer_since = False, 1e-5, None
        self.on_since = 0.0

    def _set(self, name: str, value: object) -> None:
        setattr(self, name, value)

    def _set_level(self, volts: float) -> None:
        if abs(volts) > 210.0:
            self._error(-222, "Parameter data out of range")
            return
        self.level = volts

    def _switch_output(self, text: str) -> None:
        on = switch(text)
        if on and not self.output:
            self.on_since = time.monotonic()
        self.output = on

    def _clear(self, _: str) -> None:
        self.errors.clear()
        self.status = 0

    def _event_status(self, _: str) -> str:
        status, self.status = self.status, 0
        return str(status)

    def _error(self, code: int, words: str) -> None:
        self.errors.append((code, words))

    def _next_error(self, _: str) -> str:
        code, words = self.errors.pop(0) if self.errors else (0, "No error")
        if self.dialect == "2400":
            return f'{code},"{words}"'
        stamp = time.strftime("%Y/%m/%d %H:%M:%S.000") if code else "0 0"
        return f'{code},"{words};{int(code != 0)};{stamp}"'

    def _now(self) -> tuple[float, float]:
        volts = self.terminal_V
        amperes = self.cell.current(volts, time.monotonic() - self.on_since, self._random)
        return volts, max(-self.limit, min(self.limit, amperes))

    def _read_2450(self, arguments: str) -> str | None:
        if self.waiting:
            self._error(-213, "Init ignored")
            return None
        volts, amperes = self._now()
        wanted = [part.strip().strip('"').upper() for part in arguments.split(",")][1:] or ["READ"]
        measured = volts if "VOLT" in self.sensed else amperes
        return ",".join(f"{volts if name.startswith('SOUR') else measured:.6E}" for name in wanted)

    def _read_2400(self, _: str) -> str | None:
        if not self.output:
            self._error(803, "Not permitted with OUTPUT off")
            return None
        volts, amperes = self._now()
        found = {
            "VOLT": volts if "VOLT" in self.sensed else self.level,
            "CURR": amperes if "CURR" in self.sensed else NOT_MEASURED,
            "RES": NOT_MEASURED, "TIME": time.monotonic(), "STAT": 0.0,
        }  # fmt: skip
        return ",".join(f"{found[name]:+.6E}" for name in self.elements)

    def _measure_2400(self, arguments: str) -> str | None:
        self._switch_output("ON")
        return self._read_2400(arguments)

    def _choose_elements(self, text: str) -> None:
        wanted = [part.strip().upper() for part in split_outside_quotes(text, ",")]
        self.elements = tuple(name for name in ELEMENTS if any(item.startswith(name) for item in wanted))

    def _abort(self, _: str) -> None:
        self.waiting = False

    def _abort_and_empty(self, _: str) -> None:
        self.waiting, self.blocks = False, {}

    def _block(self, arguments: str, kind: str) -> None:
        self.blocks[int(arguments.partition(",")[0])] = kind

    def _timer(self, text: str) -> None:
        self.timer_since = time.monotonic() if switch(text) else None

    def _initiate(self, _: str) -> None:
        if self.waiting:
            self._error(-213, "Init ignored")
        elif self.blocks.get(1) == "WAIT":
            self.waiting = True
