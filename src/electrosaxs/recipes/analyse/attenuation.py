"""What unit volume fraction of the run's particles adds to the optical depth, and what those of the starting solution do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...analysis.footprint.beam_profile import holes_filled_in_time
from ...analysis.kinetics.scan_map import ScanMap
from ...nouns import FloatArray, Role, Run
from ...physics.absorption import attenuation_per_volume_fraction
from .reduce_run import ReducedRun
from .standards import Standards
from .voxels import Voxels, on_map

LEAST_NOISE, USUAL_NOISE, FEWEST = 2e-4, 2e-3, 3
"""Of the mean of ln T: no photodiode is better; and of one reading where fewer than FEWEST tell it (chosen)."""


@dataclass(frozen=True)
class StartDepth:
    """Optical depth of the particles in the starting solution, dimensionless; sigma: of `seen`, by the scatter of readings."""

    seen: float
    expected: float
    sigma: float

    @property
    def scale(self) -> float:
        """Seen over expected."""
        return self.seen / self.expected


def start_depth(reduced: ReducedRun, standard: Standards) -> StartDepth:
    """By the transmissions of solvent and reference frames, and by the composition of the run."""
    solvent, reference = (reduced.table.transmission[reduced.frames(role)] for role in (Role.SOLVENT, Role.REFERENCE))
    core_share = np.array(1.0 / standard.reference_volume.shell_ratio[0])
    expected = reduced.run.solution.volume_fraction * float(attenuation_of(core_share, reduced.run))
    seen = float(np.log(np.mean(solvent) / np.mean(reference)))
    return StartDepth(seen, expected, float(np.hypot(_noise(solvent), _noise(reference))))


def _noise(readings: FloatArray) -> float:
    """Of the mean of ln T."""
    if readings.size < FEWEST:
        return USUAL_NOISE / float(np.sqrt(max(readings.size, 1)))
    return max(float(np.std(readings, ddof=1) / np.mean(readings)) / float(np.sqrt(readings.size)), LEAST_NOISE)


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
