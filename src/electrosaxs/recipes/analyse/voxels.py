"""Every sample frame on its own: spheres fitted, invariant taken, phi against the reference. Blocks of frames stream
through, so that memory does not grow with their number; each block's curves go to disk as they pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.invariant import ParticleVolume, particle_volume
from ...analysis.concentration.volume_fraction import solvent_response, volume_fraction
from ...analysis.concentration.voxel_errors import (
    correlation,
    curve_errors,
    size_influence,
)
from ...analysis.kinetics.scan_map import ScanMap
from ...analysis.spheres.fit import SphereFit, fit_spheres
from ...nouns import FloatArray, SampleIntensity
from ...nouns.contributions import BACKGROUND, REFERENCE, SOLVENT
from ..progress import Progress, over
from .reduce_run import ReducedRun
from .standards import Standards, sample_intensity

BLOCK = 256
COLUMNS = (
    "phi",
    "phi_sigma",
    "diameter",
    "diameter_sigma",
    "deviation",
    "deviation_sigma",
    "polydispersity",
    "polydispersity_sigma",
    "skewness",
    "skewness_sigma",
    "shell_ratio",
    "reduced_chi_squared",
    "background",
    "photons",
    "correlation_phi_diameter",
    "correlation_phi_deviation",
    "correlation_diameter_deviation",
)
SIZES = ("diameter", "deviation", "polydispersity", "skewness")
SIZELESS = {"diameter at bound", "deviation at bound", "skewness at bound", "too few counts"}
"""Flags of a fit whose sizes are not known: what a bound holds has no sigma. phi of the voxel stands."""
SHARED = {
    "phi": (REFERENCE, *SOLVENT, "extrapolation", "starting_solution"),
    "diameter": SOLVENT,
    "deviation": SOLVENT,
    "polydispersity": SOLVENT,
}
CORRELATIONS = {
    "correlation_phi_diameter": (0, 1),
    "correlation_phi_deviation": (0, 2),
    "correlation_diameter_deviation": (1, 2),
}
"""Of the own errors of phi, d and delta of a voxel, which come from the same photons; number of each in the covariance."""


@dataclass(eq=False)
class Voxels:
    """Columns over the sample frames (frame,), NaN where a frame is not usable. frame: index in the table.

    values: the columns of COLUMNS; shared: quantity -> contribution -> sigma; flags: what the fit says.
    """

    frame: npt.NDArray[np.intp]
    values: dict[str, FloatArray]
    shared: dict[str, dict[str, FloatArray]]
    flags: list[tuple[str, ...]] = field(default_factory=list)

    @classmethod
    def empty(cls, frame: npt.NDArray[np.intp]) -> Voxels:
        def blank() -> FloatArray:
            return np.full(frame.size, np.nan)

        shared = {quantity: {name: blank() for name in names} for quantity, names in SHARED.items()}
        return cls(frame, {name: blank() for name in COLUMNS}, shared, [()] * frame.size)


@dataclass(frozen=True, eq=False)
class Block:
    """Some sample frames together: their rows among the voxels, their curves, and the fit of each."""

    rows: npt.NDArray[np.intp]
    sample: SampleIntensity
    fit: SphereFit


def fitted_blocks(
    reduced: ReducedRun,
    standard: Standards,
    frames: npt.NDArray[np.intp],
    *,
    workers: int = 2,
    progress: Progress | None = None,
) -> Iterator[Block]:
    """The usable ones of the sample frames `frames`, BLOCK at a time, with their sphere fits."""
    rows = np.flatnonzero(reduced.usable[frames])
    starts = range(0, rows.size, BLOCK)
    for start in over(progress, starts, stage="curves", total=len(starts)):
        part = rows[start : start + BLOCK]
        sample = sample_intensity(reduced, standard, frames[part])
        yield Block(part, sample, fit_spheres(sample, workers=workers))


def measure(
    voxels: Voxels,
    rows: npt.NDArray[np.intp],
    sample: SampleIntensity,
    fit: SphereFit,
    *,
    reduced: ReducedRun,
    standard: Standards,
    volume: ParticleVolume | None = None,
) -> None:
    """Write phi and sizes of the frames `rows`, from their curves and fits, into `voxels`.

    volume: the particle volume where it is not that of spheres alone (crystals).
    """
    table, solution = reduced.table, reduced.run.solution
    volume = volume or particle_volume(sample, fit, dry_shell_nm=standard.dry_shell_nm)
    frames = voxels.frame[rows]
    phi = volume_fraction(
        volume,
        standard.reference_volume,
        phi0=solution.volume_fraction,
        phi0_sigma=solution.volume_fraction_sigma,
        height=table.height[frames],
        time=table.time[frames],
    )
    noise = standard.normalisation.sigma(table.monitor[frames])
    errors = curve_errors(sample, volume, normalisation=noise, solvent_normalisation=standard.solvent_noise)
    to_phi = solution.volume_fraction / standard.reference_volume.value[0]
    sizes = size_influence(fit)
    own = errors.own(np.concatenate([to_phi * volume.influence[:, None], sizes], axis=1))
    response = solvent_response(volume, standard.reference_volume, phi0=solution.volume_fraction)
    shared = errors.shared(np.concatenate([response[:, None], sizes], axis=1), standard.modes)
    _write_columns(voxels, rows, fit, volume, phi.values, own)
    voxels.values["photons"][rows] = np.nansum(errors.gross / sample.coord("per_count"), axis=1)
    contributions = {name: np.asarray(sigma.values) for name, sigma in phi.shared.items() if name != BACKGROUND}
    contributions[REFERENCE] = standard.starting.relative_sigma * np.abs(phi.values)
    for name, sigma in contributions.items():
        voxels.shared["phi"][name][rows] = sigma
    for name, changes in shared.items():
        for quantity, change in zip(SHARED, changes, strict=True):
            voxels.shared[quantity][name][rows] = change
    for row, flags in zip(rows, fit.flags, strict=True):
        voxels.flags[row] = flags


def _write_columns(
    voxels: Voxels,
    rows: npt.NDArray[np.intp],
    fit: SphereFit,
    volume: ParticleVolume,
    phi: FloatArray,
    own: FloatArray,
) -> None:
    """Values and own sigmas; own: covariance (frame, 4, 4) of the quantities of SHARED."""
    spread = np.sqrt(np.einsum("fii->fi", own))
    columns = {
        "phi": phi,
        "diameter": fit.diameter,
        "deviation": fit.deviation,
        "polydispersity": fit.polydispersity,
        "skewness": fit.skewness,
        "skewness_sigma": fit.sigma("skewness"),
        "shell_ratio": volume.shell_ratio,
        "reduced_chi_squared": fit.chi_squared / fit.degrees_of_freedom,
        "background": fit.background,
    }
    columns |= {f"{quantity}_sigma": spread[:, k] for k, quantity in enumerate(SHARED)}
    columns |= {name: correlation(own, i, j) for name, (i, j) in CORRELATIONS.items()}
    sized = np.array([not SIZELESS.intersection(flags) for flags in fit.flags])
    for name, column in columns.items():
        voxels.values[name][rows] = np.where(sized, column, np.nan) if name.startswith(SIZES) else column


def on_map(voxels: Voxels, grid: ScanMap, name: str) -> FloatArray:
    """A column of the voxels over (scan, height)."""
    return grid.to_map(voxels.values[name])


def shared_on_map(voxels: Voxels, grid: ScanMap, quantity: str) -> dict[str, FloatArray]:
    """The shared contributions of a quantity over (scan, height); those that do not exist for this run are left out."""
    maps = {name: grid.to_map(sigma) for name, sigma in voxels.shared[quantity].items()}
    return {name: values for name, values in maps.items() if np.isfinite(values).any()}
