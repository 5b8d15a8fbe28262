"""The voltage of a run as its frames or its run.toml say it."""

from __future__ import annotations

import numpy as np

from ...nouns import Role
from ...nouns.voltage_pieces import Piece, pieces
from .reduce_run import ReducedRun


def voltage_pieces(reduced: ReducedRun) -> tuple[Piece, ...]:
    """Pieces of constant voltage and ramps, from what the sample frames say; none where they do not say it."""
    table = reduced.table
    frames = table.is_role(Role.SAMPLE)
    return () if table.voltage is None else pieces(table.time[frames], table.voltage[frames])


def voltage_program(reduced: ReducedRun) -> dict[str, dict[str, list[float]]]:
    """{"voltage": {time_s, voltage_V}} of run.toml, else of the sample frames, the points where it changes; empty where it is
    not known."""
    given = reduced.run.voltage
    if given is not None:
        return {"voltage": given.model_dump()}
    table = reduced.table
    if table.voltage is None:
        return {}
    known = table.is_role(Role.SAMPLE) & np.isfinite(table.time) & np.isfinite(table.voltage)
    time, first = np.unique(table.time[known], return_index=True)
    voltage = table.voltage[known][first]
    if time.size == 0:
        return {}
    kept = np.ones(time.size, dtype=bool)
    kept[1:-1] = (voltage[1:-1] != voltage[:-2]) | (voltage[1:-1] != voltage[2:])
    return {"voltage": {"time_s": time[kept].tolist(), "voltage_V": voltage[kept].tolist()}}
