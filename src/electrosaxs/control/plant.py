"""The cell as a planner sees it: a voltage program in, the quantity that is wanted out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..nouns import Cell, FloatArray, GrowthSettings, Solution, TransportSettings, VoltageProgram
from ..nouns.run import SLICE_UM
from ..transport import CellHistory, Grid, SizeClasses, State, simulate, slice_weights
from ..transport.charge_models import columns
from ..transport.simulate import default_grid
from ..units import METRE_PER_UM

LONG_AFTER_S = 1.0
SETTING_OF = {
    "charge_lifetime": "charge_lifetime_s",
    "immobile_diameter": "immobile_diameter_nm",
    "attachment_time": "attachment_time_s",
}
"""Keys of experiment.toml for parameters that a fit names without their unit."""


@dataclass(frozen=True)
class Plant:
    """Everything about a cell but its voltage. slice_m: thickness of the slice at the anode (m)."""

    cell: Cell
    solution: Solution
    classes: SizeClasses
    transport: TransportSettings
    growth: GrowthSettings
    slice_m: float = METRE_PER_UM * SLICE_UM

    def run(
        self,
        program: VoltageProgram,
        times: FloatArray | list[float],
        *,
        grid: Grid | None = None,
        start: State | None = None,
    ) -> CellHistory:
        """The history of the cell under `program`, at `times` (s); goes on from `start` on the same grid."""
        settings = (self.transport, self.growth, program, times)
        return simulate(self.cell, self.solution, self.classes, *settings, grid=grid, start=start)

    def grid_for(self, voltages: tuple[float, float]) -> Grid:
        """A grid that holds for any program between two voltages."""
        ends = VoltageProgram(time_s=[0.0, LONG_AFTER_S], voltage_V=list(voltages))
        return default_grid(self.cell, columns(self.cell, self.solution, self.classes, self.transport)[1], ends)

    def supply_per_volt(self) -> float:
        """phi0 v of the starting solution per volt (m/s/V)."""
        one = VoltageProgram(time_s=[0.0], voltage_V=[1.0])
        return float(self.run(one, [LONG_AFTER_S]).supply_flux()[0])

    def parameter(self, name: str) -> float | None:
        """A transport or growth parameter by the name that a fit gives it; None where the cell has no value for it."""
        key = SETTING_OF.get(name, name)
        value: float | None = getattr(self.transport, key, getattr(self.growth, key, None))
        return value

    def with_parameters(self, values: Mapping[str, float]) -> Plant:
        """The same cell with other transport and growth parameters, by the names that a fit gives them."""
        given = {SETTING_OF.get(name, name): value for name, value in values.items()}
        of_transport = {key: value for key, value in given.items() if key in TransportSettings.model_fields}
        of_growth = {key: value for key, value in given.items() if key in GrowthSettings.model_fields}
        return replace(
            self,
            transport=TransportSettings.model_validate({**self.transport.model_dump(), **of_transport}),
            growth=GrowthSettings.model_validate({**self.growth.model_dump(), **of_growth}),
        )


def flux_into_slice(history: CellHistory, thickness: float) -> FloatArray:
    """J (m/s) through the upper edge of the slice at the requested times: its accumulation rate, crystals counted."""
    return flux_below(history, thickness)


def flux_below(history: CellHistory, height: float) -> FloatArray:
    """J (m/s) through `height` (m) towards the anode at the requested times: what joins all that lies below."""
    total = history.flux_terms_in_all().total[:, 0]
    return np.array([np.interp(height, history.edges, row) for row in total])


def content_of_slice(history: CellHistory, thickness: float) -> FloatArray:
    """phi of the slice at the requested times, solution and crystals together."""
    dissolved = history.total_phi() @ slice_weights(history.z, 0.0, thickness)
    return np.asarray(dissolved + history.crystals.sum(axis=1) / thickness)
