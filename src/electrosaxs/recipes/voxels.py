"""Every sample frame on its own: spheres fitted, invariant taken, phi against the reference. Blocks of frames stream
through, so that memory does not grow with their number; each block's curves go to disk as they pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..analysis.invariant import ParticleVolume, particle_volume
from ..analysis.scan_map import ScanMap
from ..analysis.sphere_fit import SphereFit, fit_spheres
from ..analysis.volume_fraction import volume_fraction
from ..nouns import FloatArray, SampleIntensity
from .progress import Progress, over
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
)
SIZES = ("diameter", "deviation", "polydispersity", "skewness")
SIZELESS = {"diameter at bound", "deviation at bound", "skewness at bound", "too few counts"}
"""Flags of a fit whose sizes are not known: what a bound holds has no sigma. phi of the voxel stands."""
SHARED = {
    "phi": ("reference", "background", "extrapolation", "starting_solution"),
    "diameter": ("background",),
    "deviation": ("background",),
    "polydispersity": ("background",),
}


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
    per_count, solvent = sample.coord("per_count"), sample.coord("solvent")
    gross = sample.values + solvent
    noise = standard.normalisation.value or 0.0
    to_phi = solution.volume_fraction / standard.reference_volume.value[0]
    # an error of a frame's monitor or transmission multiplies all that it counted, solvent included
    own = noise * np.abs(to_phi * np.nansum(volume.influence * gross, axis=1))
    columns = {
        "phi": phi.values,
        "phi_sigma": np.hypot(phi.sigma, own),
        "diameter": fit.diameter,
        "diameter_sigma": fit.sigma("diameter"),
        "deviation": fit.deviation,
        "deviation_sigma": fit.sigma("deviation"),
        "polydispersity": fit.polydispersity,
        "polydispersity_sigma": fit.polydispersity_sigma,
        "skewness": fit.skewness,
        "skewness_sigma": fit.sigma("skewness"),
        "shell_ratio": volume.shell_ratio,
        "reduced_chi_squared": fit.chi_squared / fit.degrees_of_freedom,
        "background": fit.background,
        "photons": np.nansum(gross / per_count, axis=1),
    }
    sized = np.array([not SIZELESS.intersection(flags) for flags in fit.flags])
    for name, column in columns.items():
        voxels.values[name][rows] = np.where(sized, column, np.nan) if name.startswith(SIZES) else column
    sigma_d = fit.shared_sigma("diameter")
    sigma_delta = fit.shared_sigma("deviation")
    of_phi = {name: np.asarray(sigma.values) for name, sigma in phi.shared.items()}
    of_phi["reference"] = np.hypot(of_phi["reference"], noise / np.sqrt(standard.reference_frames) * np.abs(phi.values))
    of_phi["background"] = np.hypot(
        of_phi["background"],
        noise / np.sqrt(standard.solvent_frames) * np.abs(to_phi * np.nansum(volume.influence * solvent, axis=1)),
    )
    shared = {
        "phi": of_phi,
        "diameter": {"background": sigma_d},
        "deviation": {"background": sigma_delta},
        "polydispersity": {"background": _ratio_sigma(fit)},
    }
    for quantity, contributions in shared.items():
        for name, sigma in contributions.items():
            voxels.shared[quantity][name][rows] = sigma
    for row, flags in zip(rows, fit.flags, strict=True):
        voxels.flags[row] = flags


def _ratio_sigma(fit: SphereFit) -> FloatArray:
    """Sigma (frame,) of delta / d from the covariance that the solvent's noise gives d and delta."""
    gradient = np.zeros((fit.diameter.size, fit.shared_covariance.shape[1]))
    gradient[:, 1], gradient[:, 2] = -fit.polydispersity / fit.diameter, 1.0 / fit.diameter
    return np.sqrt(np.einsum("fi,fij,fj->f", gradient, fit.shared_covariance, gradient))


def on_map(voxels: Voxels, grid: ScanMap, name: str) -> FloatArray:
    """A column of the voxels over (scan, height)."""
    return grid.to_map(voxels.values[name])


def shared_on_map(voxels: Voxels, grid: ScanMap, quantity: str) -> dict[str, FloatArray]:
    """The shared contributions of a quantity over (scan, height); those that do not exist for this run are left out."""
    maps = {name: grid.to_map(sigma) for name, sigma in voxels.shared[quantity].items()}
    return {name: values for name, values in maps.items() if np.isfinite(values).any()}
