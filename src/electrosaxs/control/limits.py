"""What a voltage program may do: the supply's range and slope, and the current that the cell may draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ElectrosaxsError, InputFileError, bad_value
from ..nouns import Cell, TransportSettings, VoltageProgram

ROUNDING = 1e-6
"""Relative; a slope is the difference of two voltages, which are rounded."""
LARGEST_RAMP = "the largest ramp"


@dataclass(frozen=True)
class Limits:
    """lowest, highest (V); ramp: largest |dV/dt| (V/s), infinite for steps; current (A), infinite where it does not
    matter. A program starts from 0 V at field-on."""

    lowest: float = 0.0
    highest: float = 40.0
    ramp: float = np.inf
    current: float = np.inf

    def __post_init__(self) -> None:
        for field, value, sound in (
            ("--max-voltage", self.highest, max(self.lowest, 0.0) < self.highest < np.inf),
            ("--min-voltage", self.lowest, np.isfinite(self.lowest) and self.lowest <= 0.0),
            ("--max-ramp", self.ramp, self.ramp > 0.0),
            ("--max-current", self.current, self.current > 0.0),
        ):
            if not sound or np.isnan(value):
                raise bad_value(
                    InputFileError,
                    where="plan",
                    field=field,
                    value=value,
                    rule="the range must be finite and hold 0 V and something above it, ramp and current must be above 0",
                    remedy="correct the limit",
                )

    def highest_voltage(self, cell: Cell, transport: TransportSettings) -> tuple[float, str]:
        """The highest voltage (V) within all limits, and which limit it is.

        The current never exceeds kappa_0 A V / L: what gathers in one place leaves another with more resistance (the
        harmonic mean of the conductivity is below its arithmetic mean, which does not rise).
        """
        if np.isinf(self.current):
            return self.highest, "the highest voltage"
        area, conductivity = cell.electrode_area_mm2, transport.conductivity_nS_per_m
        if area is None or conductivity is None:
            raise bad_value(
                InputFileError,
                where="plan",
                field="--max-current",
                value=self.current,
                rule="needs the conductivity of the solution and the area of the electrodes",
                remedy="give cell.electrode_area_mm2 and transport.conductivity_nS_per_m in the experiment",
            )
        solution_share = 1.0 - (transport.electrode_loss or 0.0)
        conductance = 1e-9 * conductivity * 1e-6 * area / (1e-3 * cell.gap_mm) * solution_share
        allowed = self.current / conductance
        return (allowed, "the largest current") if allowed < self.highest else (self.highest, "the highest voltage")

    def highest_within(self, cell: Cell, transport: TransportSettings, duration: float) -> tuple[float, str]:
        """The highest voltage (V) that a program can come to within `duration` (s), and which limit it is."""
        top, cause = self.highest_voltage(cell, transport)
        return (top, cause) if self.ramp * duration >= top else (self.ramp * duration, LARGEST_RAMP)

    def rise_time(self, voltage: float) -> float:
        """Seconds from 0 V to `voltage`."""
        return 0.0 if np.isinf(self.ramp) else abs(voltage) / self.ramp

    def exceeded(self, program: VoltageProgram, cell: Cell, transport: TransportSettings) -> str:
        """Which limit `program` exceeds and by what, in words; empty where it keeps within all of them.

        Before field-on there are 0 V, so that a program which begins with another voltage steps there.
        """
        top, cause = self.highest_voltage(cell, transport)
        times, volts = np.array(program.time_s), np.array(program.voltage_V)
        if volts.max() > top * (1.0 + ROUNDING):
            return f"{volts.max():.6g} V exceed {cause}, {top:.6g} V"
        if volts.min() < self.lowest * (1.0 + ROUNDING):
            return f"{volts.min():.6g} V are below the lowest voltage, {self.lowest:.6g} V"
        if np.isinf(self.ramp):
            return ""
        if volts[0] != 0.0:
            return f"a step to {volts[0]:.6g} V at field-on exceeds {LARGEST_RAMP}, {self.ramp:.6g} V/s"
        steepest = float(np.max(np.abs(np.diff(volts) / np.diff(times)), initial=0.0))
        if steepest > self.ramp * (1.0 + ROUNDING):
            return f"{steepest:.6g} V/s exceed {LARGEST_RAMP}, {self.ramp:.6g} V/s"
        return ""

    def check(self, program: VoltageProgram, cell: Cell, transport: TransportSettings) -> None:
        """ElectrosaxsError where `program` exceeds a limit: no such program leaves a plan."""
        excess = self.exceeded(program, cell, transport)
        if excess:
            raise bad_value(
                ElectrosaxsError,
                where="plan",
                field="voltage program",
                value=f"{len(program.time_s)} points",
                rule=f"must keep within the limits, but {excess}",
                remedy="nothing was written; report this with the command that led to it",
            )
