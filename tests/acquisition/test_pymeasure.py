"""The simulated meters are good enough for a driver that other people wrote: PyMeasure's."""

import pytest
from closeness import assert_close

pytest.importorskip("pymeasure")

from meters import MeterProgram


def test_keithley_2450_of_pymeasure() -> None:
    from pymeasure.instruments.keithley import Keithley2450

    with MeterProgram("2450") as program:
        meter = Keithley2450(program.resource, visa_library="@py", read_termination="\n", write_termination="\n")
        meter.reset()
        meter.apply_voltage(voltage_range=20.0, compliance_current=2e-6)
        meter.measure_current(nplc=1, current=1e-6, auto_range=False)
        meter.source_voltage = 5.0
        meter.enable_source()
        assert_close(meter.current, 1e-9, rel=0.1)
        assert_close(program.tell()["limit"], 2e-6, rel=1e-9)
        assert program.output
        meter.shutdown()
        program.seconds_until_off(1.0)
        meter.adapter.close()


def test_keithley_2400_of_pymeasure() -> None:
    from pymeasure.instruments.keithley import Keithley2400

    with MeterProgram("2400") as program:
        meter = Keithley2400(program.resource, visa_library="@py", read_termination="\n", write_termination="\n")
        meter.source_mode = "voltage"
        meter.source_voltage_range = 20.0
        meter.compliance_current = 2e-6
        meter.source_voltage = 5.0
        meter.source_enabled = True
        found = meter.measure_all()
        assert_close([found["voltage"], found["current"]], [5.0, 1e-9], rel=0.1)
        assert_close(meter.compliance_current, 2e-6, rel=1e-9)
        assert meter.check_errors() == []
        meter.source_enabled = False
        program.seconds_until_off(1.0)
        meter.adapter.close()
