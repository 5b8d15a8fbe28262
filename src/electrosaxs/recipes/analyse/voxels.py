"""Every sample frame on its own: spheres fitted, invariant taken, phi against the reference. Blocks of frames stream
through, so that memory does not grow with their number; each block's curves go to disk as they pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.depleted_frames import EMPTIED, UNTOLD, left_unseen, with_emptied
from ...analysis.concentration.invariant import ParticleVolume, particle_volume
from ...analysis.concentration.volume_fraction import shared_sigma, solvent_response, volume_fraction
from ...analysis.concentration.voxel_errors import (
    correlation,
    size_influence,
)
from ...analysis.kinetics.scan_map import ScanMap
from ...analysis.spheres.fit import SphereFit, fit_spheres
from ...nouns import FloatArray, SampleIntensity
from ...nouns.contributions import DEAD_TIME, DOUBLE_SCATTERING, REFERENCE, SOLVENT
from ..progress import Progress, over
from .reduce_run import ReducedRun
from .standards import Standards, alone_intensity

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
    "background_sigma",
    "photons",
    "correlation_phi_diameter",
    "correlation_phi_deviation",
    "correlation_diameter_deviation",
)
SIZES = ("diameter", "deviation", "polydispersity", "skewness")
SIZELESS = {EMPTIED, "diameter at bound", "deviation at bound", "skewness at bound", "too few counts"}
"""Flags of a fit whose sizes are not known: what a bound holds has no sigma. phi of the voxel stands."""
NOTHING_TOLD = "too few counts to tell phi"
SHARED = {
    "phi": (REFERENCE, *SOLVENT, "extrapolation", "starting_solution"),
    "diameter": SOLVENT,
    "deviation": SOLVENT,
    "polydispersity": SOLVENT,
}
OF_A_PASS = (DEAD_TIME, DOUBLE_SCATTERING)
"""Contributions that compare two measurements of all frames: a frame that is measured once more keeps them."""
CORRELATIONS = {
    "correlation_phi_diameter": (0, 1),
    "correlation_phi_deviation": (0, 2),
    "correlation_diameter_deviation": (1, 2),
}
"""Of the own errors of phi, d and delta of a voxel, which come from the same photons; number of each in the covariance."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """Columns over sample frames (frame,), NaN where a frame is not usable. frame: index in the table.

    values: the columns of COLUMNS; shared: quantity -> contribution -> sigma; flags: what the fit says.
    """

    frame: npt.NDArray[np.intp]
    values: Mapping[str, FloatArray]
    shared: Mapping[str, Mapping[str, FloatArray]]
    flags: tuple[tuple[str, ...], ...]

    @classmethod
    def empty(cls, frame: npt.NDArray[np.intp]) -> Voxels:
        blank = np.full(frame.size, np.nan)
        shared = {quantity: dict.fromkeys(names, blank) for quantity, names in SHARED.items()}
        return cls(frame, dict.fromkeys(COLUMNS, blank), shared, ((),) * frame.size)

    def replaced(self, parts: Sequence[Voxels]) -> Voxels:
        """These voxels, with the frames that `parts` hold taken from there, the last part's where several do; a contribution
        that a part does not know stays."""
        order = np.argsort(self.frame)
        rows = [order[np.searchsorted(self.frame, part.frame, sorter=order)] for part in parts]

        def column(own: FloatArray, theirs: Iterable[FloatArray]) -> FloatArray:
            new = own.copy()
            for place, values in zip(rows, theirs, strict=True):
                new[place] = values
            return new

        flags = dict(enumerate(self.flags))
        for place, part in zip(rows, parts, strict=True):
            flags |= dict(zip(place.tolist(), part.flags, strict=True))
        return Voxels(
            self.frame,
            {name: column(own, (part.values[name] for part in parts)) for name, own in self.values.items()},
            {
                quantity: {
                    name: own
                    if name in OF_A_PASS
                    else column(own, (p.shared[quantity].get(name, own[at]) for at, p in zip(rows, parts, strict=True)))
                    for name, own in shared.items()
                }
                for quantity, shared in self.shared.items()
            },
            tuple(flags.values()),
        )

    def with_change(self, name: str, changes: Mapping[str, FloatArray]) -> Voxels:
        """These voxels with what one sigma of the contribution `name` does to their quantities (frame,); where that is not
        known, as of voxels that only a fit with crystals describes, as much as it does to any."""
        shared = {quantity: dict(parts) for quantity, parts in self.shared.items()}
        for quantity, change in changes.items():
            told = np.isfinite(change)
            shared[quantity][name] = np.where(told, change, np.abs(change[told]).max(initial=0.0))
        return replace(self, shared=shared)


@dataclass(frozen=True, eq=False)
class Block:
    """Some sample frames together: their places in the table, their curves, and the fit of each."""

    frames: npt.NDArray[np.intp]
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
    usable = frames[reduced.usable[frames]]
    starts = range(0, usable.size, BLOCK)
    for start in over(progress, starts, stage="curves", total=len(starts)):
        part = usable[start : start + BLOCK]
        sample = alone_intensity(reduced, standard, part)
        yield Block(part, sample, fit_spheres(sample, workers=workers))


def measure(
    frames: npt.NDArray[np.intp],
    sample: SampleIntensity,
    fit: SphereFit,
    *,
    reduced: ReducedRun,
    standard: Standards,
    volume: ParticleVolume | None = None,
) -> Voxels:
    """phi and sizes of the sample frames `frames`, from their curves and fits.

    volume: the particle volume where it is not that of spheres alone (crystals).
    """
    solution, reference = reduced.run.solution, standard.reference_volume
    phi0 = solution.volume_fraction
    emptied = np.zeros(frames.size, dtype=bool)
    if volume is None:
        volume = particle_volume(sample, fit, dry_shell_nm=standard.dry_shell_nm)
        volume, emptied = with_emptied(volume, sample, fit, reference, standard.reference_fit)
    phi = volume_fraction(volume, reference, phi0=phi0)
    errors = standard.curve_errors(sample, volume, reduced.table.monitor[frames], reduced.of_diode(frames))
    sizes = size_influence(fit)
    own = errors.own(np.concatenate([phi0 / reference.value[0] * volume.influence[:, None], sizes], axis=1))
    response = solvent_response(volume, reference, phi0=phi0)
    solvent = errors.shared(np.concatenate([response[:, None], sizes], axis=1), standard.modes)
    blank = Voxels.empty(frames)
    shared = {
        q: {**blank.shared[q], **{name: change[k] for name, change in solvent.items()}} for k, q in enumerate(SHARED)
    }
    shared["phi"] |= shared_sigma(
        phi,
        volume,
        reference,
        reference_sigma=standard.starting.relative_sigma,
        start_sigma=None if solution.volume_fraction_sigma is None else solution.volume_fraction_sigma / phi0,
    )
    photons = np.nansum(errors.gross / sample.coord("per_count"), axis=1)
    columns = {**_columns(fit, volume, phi, own), "photons": photons}
    if emptied.any():
        unseen = np.where(emptied, left_unseen(standard.reference_fit, standard.dry_shell_nm) * phi, 0.0)
        columns["phi_sigma"] = np.hypot(columns["phi_sigma"], unseen)
    untold = columns["phi_sigma"] > np.maximum(
        phi0, np.abs(phi)
    )  # else it would stand in profiles and integrals as measured
    columns["phi"] = np.where(untold, np.nan, phi)
    flags = tuple(
        (*(word for word in said if not (empty and word in UNTOLD)), *[EMPTIED] * empty, *[NOTHING_TOLD] * none)
        for said, empty, none in zip(fit.flags, emptied.tolist(), untold.tolist(), strict=True)
    )
    return Voxels(frames, columns, shared, flags)


def _columns(fit: SphereFit, volume: ParticleVolume, phi: FloatArray, own: FloatArray) -> dict[str, FloatArray]:
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
        "background_sigma": fit.sigma("background"),
    }
    columns |= {f"{quantity}_sigma": spread[:, k] for k, quantity in enumerate(SHARED)}
    columns |= {name: correlation(own, i, j) for name, (i, j) in CORRELATIONS.items()}
    sized = np.array([not SIZELESS.intersection(flags) for flags in fit.flags])
    return {
        name: np.where(sized, column, np.nan) if name.startswith(SIZES) else column for name, column in columns.items()
    }


def on_map(voxels: Voxels, grid: ScanMap, name: str) -> FloatArray:
    """A column of the voxels over (scan, height)."""
    return grid.to_map(voxels.values[name])


def flagged_on_map(voxels: Voxels, grid: ScanMap, flag: str) -> npt.NDArray[np.bool_]:
    """(scan, height) voxels of which the fit says `flag`."""
    return grid.to_map(np.array([float(flag in flags) for flags in voxels.flags])) == 1.0


def held_on_map(voxels: Voxels, grid: ScanMap) -> FloatArray:
    """phi over (scan, height) of what holds something: of nothing there is no logarithm, and it absorbs nothing."""
    return np.where(flagged_on_map(voxels, grid, EMPTIED), np.nan, on_map(voxels, grid, "phi"))


def shared_on_map(voxels: Voxels, grid: ScanMap, quantity: str) -> dict[str, FloatArray]:
    """The shared contributions of a quantity over (scan, height); those that do not exist for this run are left out."""
    maps = {name: grid.to_map(sigma) for name, sigma in voxels.shared[quantity].items()}
    return {name: values for name, values in maps.items() if np.isfinite(values).any()}
