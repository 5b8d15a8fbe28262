"""What unit volume fraction of the run's particles adds to the optical depth."""

from __future__ import annotations

import numpy as np

from ...analysis.footprint.beam_profile import holes_filled_in_time
from ...analysis.kinetics.scan_map import ScanMap
from ...nouns import FloatArray, Run
from ...physics.absorption import attenuation_per_volume_fraction
from .voxels import Voxels, on_map


def attenuation_map(voxels: Voxels, grid: ScanMap, run: Run) -> FloatArray:
    """a (scan, height) with the core's share from the local sizes; where there are none from those of the scans around, or the
    median of the map."""
    share = holes_filled_in_time(1.0 / on_map(voxels, grid, "shell_ratio"), grid.time)
    for column in share.T:
        if np.isfinite(column).any():
            column[~np.isfinite(column)] = np.nanmedian(column)
    known = share[np.isfinite(share)]
    usual = float(np.median(known)) if known.size else np.nan
    return attenuation_of(np.where(np.isfinite(share), share, usual), run)


def attenuation_of(core_share: FloatArray, run: Run) -> FloatArray:
    """a of particles of which the core is this share."""
    return attenuation_per_volume_fraction(
        run.solution,
        core_share=core_share,
        energy_keV=run.beam.energy_keV,
        path_length_mm=run.cell.path_length_mm,
    )
