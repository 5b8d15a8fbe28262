"""Who holds the meter: the driver, the limits that no plan can go beyond, and the clock that ends it all.

A keeper lives in the guard (guard.py) or, where the plan wants the timer of the meter alone, in the process of the plan.
Once a fault or a power cycle has been, it never switches on again.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .faults import MeterFault
from .meter_lock import locked, removed, unlocked
from .port import NoReply, Port, VisaPort
from .source_meter import Reading, SourceMeter

LONGEST_STEP_S = 1.0  # of a ramp, in seconds of the beamline's clock
LIMIT_SHARE = 0.99  # of the current limit: more is at the limit
VOLTAGE_TOLERANCE_V, VOLTAGE_TOLERANCE = 0.1, 0.02  # of what is read from what is set
MOST_STRANGE = 2  # readings in a row at the limit or off the set voltage; one may be the charging of the cell
OFF_EXTRA_S = 3.0  # beyond the watchdog, for which OUTP OFF is tried
REFUSALS = 4  # of OUTP OFF, each three tries, until the output counts as one that will not go off
PAUSE_S = 0.2
PATIENT = 2.0  # times timeout_s, for OUTP? where no reply came: late readings are worth nothing, this answer is


@dataclass(frozen=True)
class MeterLimits:
    """What the plan's [source_meter] says. watchdog_s: wall; max_ramp in V per second of the beamline's clock; real_clock:
    that clock is the wall's, so that the keeper takes its own."""

    resource: str
    dialect: str
    compliance_A: float
    max_voltage_V: float
    max_ramp_V_per_s: float
    max_charge_C: float
    timeout_s: float
    watchdog_s: float
    timer: bool
    real_clock: bool


class Keeper:
    """The meter within its limits. clock_s: seconds of the beamline's clock, as the client says."""

    def __init__(
        self, limits: MeterLimits, port: Port | None = None, *, wanted_off: Callable[[], bool] | None = None
    ) -> None:
        """wanted_off: whether who steers wants the output off, asked between two answers of the meter."""
        self.limits, self._asked_off = limits, wanted_off
        self.port = VisaPort(limits.resource, limits.timeout_s) if port is None else port
        self.meter: SourceMeter | None = None
        self.set_V, self.charge_C, self.on = 0.0, 0.0, False
        self._set_at = self._read_at = 0.0
        self._strange = 0
        self._spent = self.unsure = False  # unsure: OUTP OFF was asked for and not confirmed
        self._fed = time.monotonic()
        self._lock: int | None = None

    def identify(self) -> dict[str, Any]:
        """Who answers, and whether its output is on; nothing is changed. MeterFault where nobody does."""
        self._take_lock()
        self.meter = self._identified()
        dialect = self.meter.dialect
        return {
            "identity": self.meter.identity, "dialect": dialect.name, "has_timer": dialect.has_timer,
            "output": self.meter.output(),
        }  # fmt: skip

    def start(self) -> dict[str, Any]:
        """Output off, configured, limit read back; the timer is armed when the output goes on."""
        found = self.identify()
        assert self.meter is not None
        limit = self.meter.configure(limit_A=self.limits.compliance_A, highest_V=self.limits.max_voltage_V)
        return {**found, "limit_A": limit, "output": False}

    def switch_on(self, clock_s: float) -> dict[str, Any]:
        """The output on at 0 V, timer first. MeterFault after any fault of this run."""
        if self._spent or self.meter is None:
            raise MeterFault("it is not switched on again after a fault")
        clock = self._clock(clock_s)
        if self.limits.timer and self.meter.dialect.has_timer:
            self.meter.arm(self.limits.watchdog_s)
        self.on = True  # from here on somebody must see to it
        self.meter.output_on()
        self._set_at = self._read_at = clock
        return self.read(clock_s)

    def set(self, voltage_V: float, clock_s: float) -> dict[str, Any]:
        """One step towards `voltage_V`: no further than the ramp allows for the time since the last step, of which at
        most a second counts. Returns what is set. MeterFault beyond the highest voltage."""
        if not abs(voltage_V) <= self.limits.max_voltage_V:
            raise MeterFault(f"{voltage_V:g} V is beyond max_voltage_V = {self.limits.max_voltage_V:g} V")
        if not self.on or self.meter is None:
            raise MeterFault("a voltage was to be set with the output off")
        clock = self._clock(clock_s)
        reach = self.limits.max_ramp_V_per_s * min(max(clock - self._set_at, 0.0), LONGEST_STEP_S)
        step = min(max(voltage_V - self.set_V, -reach), reach)
        if step != 0.0:
            self.set_V += step
            self.meter.set_voltage(self.set_V)
        self._set_at = clock
        self._fed = time.monotonic()
        return {"set_V": self.set_V}

    def read(self, clock_s: float) -> dict[str, Any]:
        """A reading, judged: current at its limit, another voltage than was set, charge. MeterFault where it is too much."""
        assert self.meter is not None
        clock = self._clock(clock_s)
        reading = self.meter.read(output_expected=self.on)
        self._fed = time.monotonic()
        if self.on:
            self.charge_C += abs(reading.current_A) * max(clock - self._read_at, 0.0)
            self._judge(reading)
        self._read_at = clock
        return {
            "set_V": self.set_V if self.on else 0.0,
            "voltage_V": _or_none(reading.voltage_V),
            "current_A": _or_none(reading.current_A),
            "output": reading.output,
            "charge_C": self.charge_C,
        }

    def off(self) -> dict[str, Any]:
        """The output off, tried until the meter confirms it, it refuses, or the watchdog's time is over.

        output: False confirmed, True refused, None not known.
        """
        self._spent = True
        end = time.monotonic() + self.limits.watchdog_s + OFF_EXTRA_S
        refused = 0
        while True:
            said = self._try_off()
            self.unsure = said is not False
            if said is False:
                self.on = False
                return {"output": False}
            refused += said is True
            if said is None:
                self.port.slowness = PATIENT
            if refused >= REFUSALS or time.monotonic() > end:
                self._fed = time.monotonic()  # the client has been waiting for this, not silent
                return {"output": said}
            time.sleep(PAUSE_S)

    def overdue(self) -> bool:
        """Whether the output is on and the client has done nothing for as long as the watchdog allows."""
        return self.on and time.monotonic() - self._fed > self.limits.watchdog_s

    def close(self) -> None:
        """Close the session and let the next client in; says nothing to the meter. Where another was killed, and this one only
        switched off, its lock file goes too."""
        self.port.close()
        if self._lock is not None:
            unlocked(self._lock, lock_path(self.limits.resource))
            self._lock = None
        else:
            removed(lock_path(self.limits.resource))

    def _try_off(self) -> bool | None:
        try:
            if self.meter is None:
                self.meter = self._identified()
            return self.meter.output_off()
        except (MeterFault, NoReply):
            return None

    def _identified(self) -> SourceMeter:
        meter = SourceMeter.identified(self.port, self.limits.dialect)
        meter.wanted_off = self._wanted_off
        return meter

    def _wanted_off(self) -> bool:
        return not self._spent and self._asked_off is not None and self._asked_off()

    def _judge(self, reading: Reading) -> None:
        limits = self.limits
        at_limit = abs(reading.current_A) >= LIMIT_SHARE * limits.compliance_A
        off = abs(reading.voltage_V - self.set_V) > VOLTAGE_TOLERANCE_V + VOLTAGE_TOLERANCE * abs(self.set_V)
        self._strange = self._strange + 1 if at_limit or off else 0
        if self.charge_C >= limits.max_charge_C:
            raise MeterFault(f"max_charge_C = {limits.max_charge_C:g} C have passed through the cell")
        if self._strange < MOST_STRANGE:
            return
        values = f"{reading.voltage_V:.4g} V, {reading.current_A:.3g} A where {self.set_V:.4g} V is set"
        if at_limit:
            raise MeterFault(f"current limit of {limits.compliance_A:g} A reached: it reads {values}")
        raise MeterFault(f"it reads {values}: another client has changed it, or a lead is off")

    def _clock(self, clock_s: float) -> float:
        return time.monotonic() if self.limits.real_clock else float(clock_s)

    def _take_lock(self) -> None:
        """One client of this project per meter and machine. MeterFault where there is another."""
        if self._lock is not None:
            return
        self._lock = locked(lock_path(self.limits.resource))
        if self._lock is None:
            raise MeterFault(f"{self.limits.resource} is held by another electrosaxs on this computer")


def lock_path(resource: str) -> Path:
    """Where the lock on the meter at a VISA resource is."""
    name = hashlib.sha256(resource.lower().encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"electrosaxs-meter-{name}.lock"


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
