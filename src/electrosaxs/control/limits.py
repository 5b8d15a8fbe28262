"""What a voltage program may do: the supply's range and slope, and the current that the cell may draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputFileError, bad_value
from ..nouns import Cell, TransportSettings


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

    def rise_time(self, voltage: float) -> float:
        """Seconds from 0 V to `voltage`."""
        return 0.0 if np.isinf(self.ramp) else abs(voltage) / self.ramp
