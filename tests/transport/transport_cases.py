"""The paper's cell and helpers that the transport tests share."""

import numpy as np

from electrosaxs.nouns import Cell, FloatArray, GrowthSettings, Solution, TransportSettings, VoltageProgram
from electrosaxs.transport import CellHistory, Grid, SizeClasses, simulate

CELL = Cell(gap_mm=3.5, path_length_mm=10.0)
PHI0 = 8.0e-4
SOLUTION = Solution(volume_fraction=PHI0)
PAPER = SizeClasses.gaussian(7.1, 1.1)
ONE_SIZE = SizeClasses.from_table([7.1], [1.0])
GAP = 3.5e-3
DIFFUSION = 7.3792e-11
THERMAL_VOLTAGE = 25.6926e-3


def constant(voltage: float) -> VoltageProgram:
    return VoltageProgram(time_s=[0.0], voltage_V=[voltage])


def run(
    program: VoltageProgram | float,
    times: FloatArray | list[float],
    *,
    classes: SizeClasses = ONE_SIZE,
    charge: float = 0.045,
    solubility: float | None = None,
    attachment_time_s: float = 0.0,
    grid: Grid | None = None,
    halvings: int = 0,
    rtol: float = 2e-4,
    start: object = None,
    **transport: object,
) -> CellHistory:
    """The paper's cell under a program (or a constant voltage), observed at `times`."""
    return simulate(
        CELL,
        SOLUTION,
        classes,
        TransportSettings(effective_charge=charge, **transport),  # type: ignore[arg-type]
        GrowthSettings(solubility=solubility, attachment_time_s=attachment_time_s),
        program if isinstance(program, VoltageProgram) else constant(program),
        np.asarray(times),
        grid=grid,
        halvings=halvings,
        rtol=rtol,
        start=start,  # type: ignore[arg-type]
    )


def voltage_for(peclet: float, charge: float = 0.045) -> float:
    """Voltage that gives one size of 7.1 nm this Peclet number."""
    return peclet * THERMAL_VOLTAGE / charge
