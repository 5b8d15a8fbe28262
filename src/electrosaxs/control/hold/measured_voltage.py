"""The voltage that was really on the cell, as the model is run along it."""

from __future__ import annotations

import bisect

from ...nouns import VoltageProgram

SAME_V, SAME_SHARE = 2e-3, 5e-4
"""Readings nearer than this are the same voltage: a meter's noise is no change."""


class MeasuredVoltage:
    """Readings of the meter over the time since field-on (s), thinned: between two kept ones the voltage is linear.

    Before the first reading there are 0 V, after the last one the voltage stays.
    """

    def __init__(self) -> None:
        self._times, self._volts = [0.0], [0.0]

    @property
    def last_V(self) -> float:
        """The voltage now."""
        return self._volts[-1]

    def read(self, time_s: float, voltage_V: float) -> None:
        """One reading. It replaces the last one where the voltage has not changed; one out of order counts as none."""
        times, volts = self._times, self._volts
        if time_s <= times[-1]:
            if time_s == times[-1]:
                volts[-1] = voltage_V
            return
        stays = abs(voltage_V - volts[-1]) <= SAME_V + SAME_SHARE * abs(voltage_V)
        if stays and len(volts) > 1 and volts[-1] == volts[-2]:
            times[-1] = time_s
            return
        times.append(time_s)
        volts.append(volts[-1] if stays else voltage_V)

    def program(self, begin_s: float, end_s: float) -> VoltageProgram:
        """The voltage from `begin_s` to `end_s` (s), constant after the last reading."""
        times, volts = self._times, self._volts
        first = max(bisect.bisect_right(times, begin_s) - 1, 0)
        last = bisect.bisect_left(times, end_s) + 1
        return VoltageProgram(time_s=times[first:last], voltage_V=volts[first:last])
