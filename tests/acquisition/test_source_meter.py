"""The driver and the limits around it, on simulated meters in this process: what a real one would not forgive."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
from closeness import assert_close
from meters import DirectPort, FaultyMeter, limits

from electrosaxs.acquisition.dialects import dialect_of
from electrosaxs.acquisition.faults import MeterFault
from electrosaxs.acquisition.keeper import Keeper
from electrosaxs.acquisition.port import VisaPort
from electrosaxs.acquisition.simulated_meter import IDENTITY, CellOnLeads, SimulatedMeter

NUMBERS = itertools.count()  # of meters: each is locked by its name
KEEPERS = list[Keeper]()
BOTH = pytest.mark.parametrize("dialect", ["2450", "2400"])


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No lock is left behind."""
    yield
    while KEEPERS:
        KEEPERS.pop().close()


def keeper_of(dialect: str = "2450", **changes: object) -> tuple[Keeper, DirectPort, FaultyMeter]:
    meter = FaultyMeter(dialect)
    port = DirectPort(meter)
    within = limits(resource=f"none {os.getpid()} {next(NUMBERS)}", timer=dialect == "2450", **changes)
    KEEPERS.append(Keeper(within, port))
    return KEEPERS[-1], port, meter


def started(dialect: str = "2450", **changes: object) -> tuple[Keeper, DirectPort, FaultyMeter]:
    keeper, port, meter = keeper_of(dialect, **changes)
    keeper.start()
    keeper.switch_on(0.0)
    return keeper, port, meter


@BOTH
def test_voltage_and_current_are_what_is_on_the_leads(dialect: str) -> None:
    keeper, _, meter = started(dialect)
    meter.cell = CellOnLeads(conductance=3e-10, noise=0.0, swept_share=0.0)
    for second in range(1, 4):
        keeper.set(20.0, float(second))
    found = keeper.read(3.0)
    assert_close([found["set_V"], found["voltage_V"], meter.terminal_V], [1.5, 1.5, 1.5], rel=1e-6)
    assert_close(found["current_A"], 1.5 * 3e-10, rel=1e-6)


@BOTH
def test_the_current_limit_stands_before_the_output_goes_on(dialect: str) -> None:
    keeper, port, meter = started(dialect)
    limit = next(i for i, line in enumerate(port.sent) if "1.000000e-06" in line)
    read_back = next(i for i, line in enumerate(port.sent) if line in (":SOUR:VOLT:ILIM?", ":SENS:CURR:PROT?"))
    assert limit < read_back < port.sent.index(":OUTP ON")
    assert_close(meter.limit, 1e-6, rel=1e-9)
    assert keeper.on


def test_a_limit_that_reads_back_otherwise_keeps_the_output_off() -> None:
    keeper, port, meter = keeper_of()
    meter._set = lambda name, value: setattr(meter, name, 1e-3 if name == "limit" else value)  # type: ignore[method-assign]
    with pytest.raises(MeterFault, match=r"reads back as 0\.001 A"):
        keeper.start()
    assert ":OUTP ON" not in port.sent


def test_a_ramp_goes_in_steps_of_a_second_at_most() -> None:
    keeper, _, meter = started()
    keeper.set(20.0, 0.4)
    assert_close(meter.level, 0.2, rel=1e-6)
    keeper.set(20.0, 60.0)  # a long wait is no licence for a jump
    assert_close(meter.level, 0.7, rel=1e-6)
    keeper.set(0.0, 61.0)
    assert_close(meter.level, 0.2, rel=1e-6)


def test_limits_are_not_the_plans() -> None:
    keeper, _, _ = started(max_charge_C=1e-9)
    with pytest.raises(MeterFault, match="beyond max_voltage_V"):
        keeper.set(41.0, 1.0)
    for second in range(1, 5):
        keeper.set(20.0, float(second))
        keeper.read(float(second))
    with pytest.raises(MeterFault, match="max_charge_C"):
        keeper.read(10.0)  # 2 V, 4e-10 A, 5 s


@BOTH
@pytest.mark.parametrize("fault", ["lose", "garble", "late"])
def test_one_reply_may_be_lost_garbled_or_late(dialect: str, fault: str) -> None:
    keeper, port, meter = started(dialect)
    keeper.set(20.0, 1.0)
    setattr(port, fault, 1)
    found = keeper.read(1.0)
    assert_close(found["voltage_V"], 0.5, rel=1e-6)  # not the answer to an older question
    assert meter.output


@pytest.mark.parametrize("fault", ["lose", "garble"])
def test_replies_that_stay_away_are_a_fault(fault: str) -> None:
    keeper, port, _ = started()
    setattr(port, fault, 1000)
    with pytest.raises(MeterFault, match=r"lost|sound reply"):
        keeper.read(1.0)


def test_an_error_in_the_queue_names_itself_and_the_command() -> None:
    keeper, _, meter = started()
    meter.error = ":SOUR:VOLT 0.5"
    with pytest.raises(MeterFault, match=r"error -113, Undefined header after :SOUR:VOLT 0\.5"):
        keeper.set(20.0, 1.0)
    assert meter.execute(":SYST:ERR?")[0].startswith("0,")


def test_a_refused_query_names_its_error_at_once() -> None:
    keeper, _, meter = started("2400")
    meter.error = "READ?"
    with pytest.raises(MeterFault, match="error -113"):
        keeper.read(1.0)


def test_a_current_at_its_limit_is_a_fault_once_it_lasts() -> None:
    keeper, _, meter = started()
    keeper.set(20.0, 1.0)
    meter.cell = CellOnLeads(conductance=1e-3)
    keeper.read(1.0)
    with pytest.raises(MeterFault, match="current limit of 1e-06 A reached"):
        keeper.read(2.0)


def test_a_voltage_that_somebody_else_set_is_a_fault() -> None:
    keeper, _, meter = started()
    meter.level = 7.0
    keeper.read(1.0)
    with pytest.raises(MeterFault, match="another client"):
        keeper.read(2.0)


@BOTH
def test_after_a_power_cycle_it_is_never_switched_on_again(dialect: str) -> None:
    keeper, _, meter = started(dialect)
    meter.power_up()
    with pytest.raises(MeterFault, match="power on"):
        keeper.read(1.0)
    assert keeper.off() == {"output": False}
    with pytest.raises(MeterFault, match="not switched on again"):
        keeper.switch_on(2.0)
    assert not meter.output


def test_a_power_cycle_is_noticed_by_its_settings_too() -> None:
    keeper, _, meter = started()
    meter.power_up()
    meter.status = 0  # the bit was read into a connection that was lost
    with pytest.raises(MeterFault, match=r"switched off and on \(its current limit is 0\.000105 A\)"):
        keeper.read(1.0)


def test_an_output_that_will_not_go_off_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("electrosaxs.acquisition.keeper.PAUSE_S", 0.0)
    keeper, _, meter = started()
    meter.stuck = True
    assert keeper.off() == {"output": True}


def test_off_comes_as_soon_as_the_connection_does() -> None:
    keeper, port, meter = started()
    port.down = 3
    assert keeper.off() == {"output": False}
    assert not meter.output


def test_the_timer_of_a_2450_switches_off_without_anybody() -> None:
    keeper, _, meter = started(watchdog_s=5.0)
    assert meter.waiting
    keeper.read(1.0)
    assert meter.timer_since is not None
    meter.timer_since -= 4.9
    meter.elapse()
    assert meter.output
    keeper.read(2.0)  # starts it anew
    assert meter.timer_since is not None
    meter.timer_since -= 5.1
    meter.elapse()
    assert not meter.output
    with pytest.raises(MeterFault, match=r"OUTP\? says 0"):
        keeper.read(3.0)


class FakeTransfer:
    """A VISA session as GPIB and USB have it: one transfer is one message, its answers come in one line."""

    def __init__(self, meter: SimulatedMeter) -> None:
        self.meter, self.answers, self.names = meter, list[str](), 0

    def write_raw(self, message: bytes) -> None:
        self.names += message == b"*IDN?\n"
        self.answers += self.meter.execute(message.decode().strip())

    def read(self) -> str:
        return self.answers.pop(0)

    def close(self) -> None:
        pass


@BOTH
def test_where_answers_come_in_one_line_they_are_told_apart(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the line of the error queue has semicolons of its own."""
    pytest.importorskip("pyvisa")
    meter = FaultyMeter(dialect)
    port = VisaPort("GPIB0::24::INSTR", 1.0)
    session = FakeTransfer(meter)
    monkeypatch.setattr(port, "_open", lambda: setattr(port, "_session", session))
    KEEPERS.append(keeper := Keeper(limits(f"gpib {os.getpid()} {next(NUMBERS)}", timer=True), port))
    keeper.start()
    keeper.switch_on(0.0)
    keeper.set(20.0, 1.0)
    assert_close(keeper.read(1.0)["voltage_V"], 0.5, rel=1e-6)
    assert keeper.off() == {"output": False}
    assert session.names == 1  # nothing had to be asked twice


def test_a_2400_is_never_asked_with_its_output_off() -> None:
    keeper, port, meter = keeper_of("2400")
    keeper.start()
    assert keeper.read(0.0)["voltage_V"] is None
    assert not any("READ" in line or "MEAS" in line for line in port.sent)
    assert meter.execute("READ?;:SYST:ERR?") == ['803,"Not permitted with OUTPUT off"']
    meter.execute(":MEAS:CURR?")
    assert meter.output  # why the driver never says MEAS?


def test_a_2450_does_not_measure_while_its_trigger_model_waits() -> None:
    _, _, meter = started()
    assert meter.execute(":READ?;:SYST:ERR?")[0].startswith('-213,"Init ignored;1;')


def test_readings_come_in_the_meters_own_order() -> None:
    meter = SimulatedMeter("2400")
    meter.execute(':FORM:ELEM CURR,VOLT;:SENS:FUNC "VOLT","CURR";:SOUR:VOLT 5;:OUTP ON')
    assert_close(float(meter.execute("READ?")[0].split(",")[0]), 5.0, rel=1e-6)


@BOTH
def test_a_meter_is_known_by_its_name(dialect: str) -> None:
    known = dialect_of(IDENTITY[dialect])
    assert known is not None
    assert known.name == dialect
    assert dialect_of("AGILENT,34401A,0,1") is None
    assert dialect_of("KEITHLEY INSTRUMENTS INC.,MODEL 2410,1,C30") == dialect_of(IDENTITY["2400"])
