"""A voltage program as the integrator sees it: piecewise linear, with its kinks."""

from __future__ import annotations

import numpy as np

from ..nouns import FloatArray, VoltageProgram


def kinks_between(program: VoltageProgram, start_s: float, end_s: float) -> FloatArray:
    """Times (s) strictly inside (start, end) at which the slope of V changes: the integrator's steps end there."""
    times = np.asarray(program.time_s)
    return times[(times > start_s) & (times < end_s)]


def is_constant(program: VoltageProgram, start_s: float, end_s: float) -> bool:
    """True where V does not change between two times that have no kink in between."""
    low, high = program.at([start_s, end_s])
    return bool(low == high)


def extreme_voltages(program: VoltageProgram) -> tuple[float, float]:
    """Least and largest voltage of the program (V)."""
    return min(program.voltage_V), max(program.voltage_V)
