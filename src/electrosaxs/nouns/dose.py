"""What one height of the cell got of the beam."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeightDose:
    """height_um above the anode; frames and exposure_s, of all roles; monitor: its counts in them; change_per_s: relative
    change of phi with each second in the beam where the bulk of the cell is, and its sigma, NaN elsewhere."""

    height_um: float
    frames: int
    exposure_s: float
    monitor: float
    change_per_s: float
    change_per_s_sigma: float
