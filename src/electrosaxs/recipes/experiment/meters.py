"""The source meter that a plan names, with what watches over it; or the simulated one, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from ...acquisition.faults import MeterFault
from ...acquisition.guard_client import GuardedMeter, Meter, OwnMeter
from ...acquisition.keeper import MeterLimits
from ...errors import InputFileError, bad_value
from ...nouns.run_plan import RunPlan

NOT_COVERED = (
    "source meter: {why}: if this computer loses its power or its cable to the meter, the output stays on; {remedy}"
)
NO_TIMER = "a {dialect} has no timer that switches its output off"
WIRE = "wire the meter's output-enable line (docs/how-to/acquire.md)"


def check_extra() -> None:
    """InputFileError where what talks to instruments is not installed."""
    missing = [name for name in ("pyvisa", "pyvisa_py") if find_spec(name) is None]
    if missing:
        raise bad_value(
            InputFileError, where="acquire", field="extra beamline", value=f"{missing[0]} is not installed",
            rule="instruments are reached through it", remedy="install it with: pip install 'electrosaxs[beamline]'",
        )  # fmt: skip


@contextmanager
def meter_of(plan: RunPlan, *, real_clock: bool) -> Iterator[Meter]:
    """The meter of a plan, not yet spoken to; closed at the end."""
    settings = plan.source_meter
    with _resource(plan) as (resource, keep):
        limits = MeterLimits(
            resource=resource, dialect=settings.dialect, compliance_A=settings.compliance_A,
            max_voltage_V=settings.max_voltage_V, max_ramp_V_per_s=settings.max_ramp_V_per_s,
            max_charge_C=settings.max_charge_C, timeout_s=settings.timeout_s, watchdog_s=settings.watchdog_s,
            timer=settings.watchdog != "guard", real_clock=real_clock,
        )  # fmt: skip
        meter: Meter = OwnMeter(limits) if settings.watchdog == "instrument" else GuardedMeter(limits, keep=keep)
        try:
            yield meter
        finally:
            meter.close()


def identify(meter: Meter, plan: RunPlan) -> tuple[str, str, bool]:
    """Who the meter is, what of its end no software covers (empty: nothing), and whether its output was found on.

    InputFileError where nobody answers, and where the plan wants a timer that the meter does not have.
    """
    resource = plan.source_meter.resource or "simulated"
    try:
        found = meter.ask("identify")
    except MeterFault as fault:
        raise bad_value(
            InputFileError, where="source meter", field="source_meter.resource", value=resource,
            rule=str(fault).removeprefix("source meter: "), remedy="check address, cable and who else is connected; nothing "
            "was switched on",
        ) from fault  # fmt: skip
    if not found["has_timer"] and plan.source_meter.watchdog in ("instrument", "both"):
        raise bad_value(
            InputFileError, where="source meter", field="source_meter.watchdog", value=plan.source_meter.watchdog,
            rule=NO_TIMER.format(dialect=found["dialect"]), remedy='say watchdog = "guard" and wire '
            "the output-enable line",
        )  # fmt: skip
    warning = ""
    if not found["has_timer"]:
        warning = NOT_COVERED.format(why=NO_TIMER.format(dialect=found["dialect"]), remedy=WIRE)
    elif plan.source_meter.watchdog == "guard":
        unused = 'the timer in the meter is not used (watchdog = "guard")'
        warning = NOT_COVERED.format(why=unused, remedy='watchdog = "auto" uses it')
    return found["identity"], warning, bool(found["output"])


@contextmanager
def _resource(plan: RunPlan) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The VISA resource, and descriptors that keep a simulated meter alive for whoever holds one of them."""
    if plan.source_meter.resource is not None:
        yield plan.source_meter.resource, ()
        return
    dialect = "2450" if plan.source_meter.dialect == "auto" else plan.source_meter.dialect
    reader, holder = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "electrosaxs.acquisition.meter_server", "--dialect", dialect],
        stdin=reader, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.close(reader)
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        yield f"TCPIP::127.0.0.1::{port}::SOCKET", (holder,)
    finally:
        os.close(holder)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
