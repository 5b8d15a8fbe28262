"""The reduced curves on their way to disk: the intensity map, one NXcanSAS file per scan, and the few for the figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.invariant import particle_volume
from ...analysis.spheres.fit import fit_spheres
from ...io.intensity import IntensityWriter
from ...io.nxcansas import NxcansasFiles
from ...materials import wavelength_nm
from ...nouns import CurveSet, FloatArray
from .crystals import Crystals
from .measured_run import MeasuredRun, Rows
from .voxels import SIZELESS

SHOWN = 6


def write_curve_files(writer: IntensityWriter, folder: Path, measured: MeasuredRun) -> None:
    """Intensity of every voxel into `writer`, and `scan_NNN.h5` per scan into `folder`; one scan in memory at a time."""
    grid, q = measured.grid, measured.reduced.q
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("scan_*.h5"):
        stale.unlink()
    with NxcansasFiles() as files:
        for scan in range(grid.n_scans):
            rows = np.flatnonzero(grid.used & (grid.scan == scan))
            if rows.size == 0:
                continue
            rows = rows[np.argsort(grid.height_index[rows])]
            sample = measured.curves(rows)
            values, sigma = sample.values, sample.sigma
            writer.write(np.full(rows.size, scan), grid.height_index[rows], values, sigma)
            counted = np.isfinite(values).all(axis=0)
            files.write(
                folder / f"scan_{scan + 1:03d}.h5",
                q[counted],
                values[:, counted],
                sigma[:, counted],
                _described(measured, rows),
            )
    background = np.sqrt(measured.standard.solvent.data.variances)
    writer.write_coordinates(grid.heights, grid.time, background_sigma=background)


def _described(measured: MeasuredRun, rows: Rows) -> list[Mapping[str, str | float]]:
    """What stands beside the curve of each row."""
    table, run, grid, voxels = measured.reduced.table, measured.run, measured.grid, measured.voxels
    return [
        {
            "title": f"{run.run.title}, {grid.heights[grid.height_index[row]]:.0f} um, {table.time[frame]:.0f} s",
            "run": f"{frame}",
            "sample": f"{run.solution.core} with {run.solution.ligand} in {run.solution.solvent}",
            "wavelength_nm": wavelength_nm(run.beam.energy_keV),
            "height_um": float(grid.heights[grid.height_index[row]]),
            "time_s": float(table.time[frame]),
            "volume_fraction": float(voxels.values["phi"][row]),
        }
        for row, frame in zip(rows, voxels.frame[rows], strict=True)
    ]


def choose_curves(measured: MeasuredRun, crystals: Crystals) -> CurveSet | None:
    """Curves of the last full scan at a few heights from the anode to where the solution is undisturbed, with their fits."""
    grid, q, frames = measured.grid, measured.reduced.q, measured.voxels.frame
    filled = grid.measured.sum(axis=1)
    if not filled.any():
        return None
    last = int(np.flatnonzero(filled >= 0.8 * filled.max())[-1])
    rows = np.flatnonzero(grid.used & (grid.scan == last))
    rows = rows[np.argsort(grid.height_index[rows])]
    heights = grid.heights[grid.height_index[rows]]
    rows = rows[_spread(heights)]
    sample, apart = measured.curves(rows), measured.curves_alone(rows)
    fit, between = fit_spheres(apart), measured.standard.interference
    structure = 1.0 if between is None else between.structure(frames[rows], q)
    particles, diameter, deviation = fit.particles(q), fit.diameter.copy(), fit.deviation.copy()
    model = particles * structure + fit.background[:, None]
    volume = particle_volume(apart, fit, dry_shell_nm=measured.standard.dry_shell_nm)
    window, invariant = volume.window, volume.window + volume.low + volume.high
    sizeless = np.array([not SIZELESS.isdisjoint(flags) for flags in fit.flags])
    diameter[sizeless] = deviation[sizeless] = np.nan
    with_peaks = np.zeros(rows.size)
    if (seen := crystals.curves) is not None:
        _, here, there = np.intersect1d(rows, seen.rows, return_indices=True)
        model[here], particles[here], with_peaks[here] = seen.model[there], seen.particles[there], 1.0
        diameter[here], deviation[here] = seen.diameter[there], seen.deviation[there]
        window[here], invariant[here] = seen.window[there], seen.invariant[there]
    return CurveSet(
        intensity=sample,
        model=model,
        height=grid.heights[grid.height_index[rows]],
        time=measured.reduced.table.time[frames[rows]],
        diameter=diameter,
        deviation=deviation,
        counted=particles + np.nan_to_num(sample.values - model),
        window=window,
        invariant=invariant,
        with_peaks=with_peaks,
    )


def _spread(heights: FloatArray) -> npt.NDArray[np.intp]:
    """Indices of at most SHOWN heights, the lowest two and then evenly in the logarithm."""
    if heights.size <= SHOWN:
        return np.arange(heights.size)
    steps = np.geomspace(max(heights[1], 1.0), heights[-1], SHOWN - 1)
    chosen = {0, *(int(np.argmin(np.abs(heights - step))) for step in steps)}
    return np.array(sorted(chosen), dtype=np.intp)
