"""Frames whose phi their own transmission contradicts are left out, before anything is read from the maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...analysis.footprint.outlying import against_light
from ...analysis.kinetics.scan_map import ScanMap
from ...nouns import FloatArray
from ...physics.beam import open_fraction
from .reduce_run import ReducedRun
from .standards import solvent_transmission
from .voxels import Voxels, on_map

LEAST_OPEN = 0.3
"""Of the beam: with less, a micrometre of height changes the transmission more than the particles do."""


def without_outlying(reduced: ReducedRun, voxels: Voxels, grid: ScanMap) -> ReducedRun:
    """`reduced` with a flag on each sample frame whose phi and transmission contradict each other as no other's do."""
    phi = on_map(voxels, grid, "phi")
    ratio = against_light(phi, _absorbed(reduced, voxels, grid), on_map(voxels, grid, "phi_sigma") / np.abs(phi))
    flags = list(reduced.flags)
    for row in np.flatnonzero(grid.used):
        times, frame = ratio[grid.scan[row], grid.height_index[row]], voxels.frame[row]
        if np.isfinite(times):
            words = f"phi is {times:.3g} times what its transmission says: wrong monitor or transmission"
            flags[frame] = (*flags[frame], words)
    return replace(reduced, flags=tuple(flags))


def _absorbed(reduced: ReducedRun, voxels: Voxels, grid: ScanMap) -> FloatArray:
    """Optical depth (scan, height) of the particles, ln(T_solvent open / T); NaN where the anode hides most of the beam."""
    transmission = grid.to_map(reduced.table.transmission[voxels.frame])
    passes = np.asarray(open_fraction(grid.heights, reduced.run.beam.fwhm_um))
    light = np.where(passes > LEAST_OPEN, passes, np.nan) * solvent_transmission(reduced)
    return np.asarray(np.log(light / transmission))
