"""Superlattices at the anode: which lattice, how much of it, since when; and phi and sizes of the voxels that hold them.

A sphere fit of a voxel with crystals is wrong (its form factor follows the peaks), so those voxels are measured again
with the lattice and the solution fitted together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipp as sc

from ...analysis.concentration.invariant import ParticleVolume
from ...analysis.crystals.crystallisation import (
    Crystallisation,
    crystallisation,
    lattice_constant_solvated,
    onset_from_structure_factor,
)
from ...analysis.crystals.structure_factor import structure_factor
from ...analysis.kinetics.scan_map import ScanMap
from ...analysis.spheres.fit import SphereFit, fit_spheres
from ...nouns import (
    CrystallineFraction,
    FloatArray,
    LatticeAssignment,
    LatticeConstant,
    Number,
    SampleIntensity,
    StructureFactor,
    VolumeFraction,
)
from ...nouns.contributions import FOOTPRINT
from ...nouns.rows import joined, taken, with_rows
from ..progress import Progress, over
from .measured_run import MeasuredRun, Rows
from .voxels import BLOCK, Voxels, measure

Kind = TypeVar("Kind", LatticeConstant, CrystallineFraction)
FEW = 64
"""Frames with crystals that are measured together: what that takes beside the fits is 60 kB for each."""
REACH = 1.8
"""Voxels whose beam centre is within this many FWHM of the anode may see crystals: beyond it less than 2e-5 of the
beam does."""
FOOTPRINT_UNCERTAINTY = 0.1
TINY_PHI = 1e-12
"""Relative, of the footprint's correction of the crystalline fraction: up to 0.07 of it is missing on simulated profiles,
which are not known between the anode and the next voxel."""


@dataclass(frozen=True, eq=False)
class Crystals:
    """What the voxels near the anode say; dims (scan,) of the one nearest to it. onset: None where it could not be looked
    for.

    column: of the map, the voxel that these are about; None where there is none. fraction_map (scan, height):
    crystalline fraction, 0 where none was seen. voxels: those where crystals were seen, as solution and lattice fitted together
    give them, and what is kept of these fits, `curves`.
    """

    onset: Number | None
    numbers: dict[str, Number]
    fraction_map: FloatArray
    column: int | None = None
    structure_factor: StructureFactor | None = None
    model: FloatArray | None = None
    lattice_constant: LatticeConstant | None = None
    crystalline_fraction: CrystallineFraction | None = None
    assignment: LatticeAssignment | None = None
    voxels: tuple[Voxels, ...] = ()
    curves: CrystalCurves | None = None
    notes: tuple[str, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether they are there in the first scan that looked, so that none is before the onset."""
        if self.column is None or self.onset is None or self.onset.value is not None:
            return False
        seen = self.fraction_map[:, self.column] > 0.0
        return bool(seen[:2].all() if seen.size > 1 else seen.all())

    @property
    def missed(self) -> float:
        """Reduced chi-squared of the curves in which crystals were seen, their median; 0 where there is none."""
        return 0.0 if self.curves is None else float(np.median(self.curves.reduced_chi_squared))

    @property
    def rows(self) -> list[int]:
        """Of the voxels in which crystals were seen."""
        return [] if self.curves is None else self.curves.rows.tolist()


@dataclass(frozen=True, eq=False)
class JointFits:
    """Spheres and lattice fitted together to voxels of one height: their rows among the voxels, the solution's part as a
    sphere fit, the particle volume, and the fitted curves (row, q). They hold 36 kB for each frame, so only those of one height
    are there at a time."""

    rows: npt.NDArray[np.intp]
    solution: SphereFit
    volume: ParticleVolume
    model: FloatArray


@dataclass(frozen=True, eq=False)
class CrystalCurves:
    """What pictures and judgement ask of the joint fits: rows among the voxels, fitted curves and their dissolved particles
    without the constant (row, q), sizes (nm), window and whole of the invariant as in `ParticleVolume`, chi-squared over its
    degrees of freedom, (row,)."""

    rows: Rows
    model: FloatArray
    particles: FloatArray
    diameter: FloatArray
    deviation: FloatArray
    window: FloatArray
    invariant: FloatArray
    reduced_chi_squared: FloatArray

    @classmethod
    def of(cls, one: JointFits, q: FloatArray) -> CrystalCurves:
        solution, volume = one.solution, one.volume
        return cls(
            one.rows, one.model, solution.particles(q), solution.diameter, solution.deviation,
            volume.window, volume.window + volume.low + volume.high, solution.chi_squared / solution.degrees_of_freedom,
        )  # fmt: skip


def find_crystals(measured: MeasuredRun, *, workers: int = 2, progress: Progress | None = None) -> Crystals:
    """Look for crystals in every voxel near the anode; those that hold them have sizes and volume of their own (`joint`)."""
    grid = measured.grid
    fraction = np.zeros(grid.shape)
    near = _near(measured)
    if not near:
        why = f"the lowest voxel, at {grid.heights[0]:.0f} um, is too high above the anode to see superlattices"
        return Crystals(None, _absent(why), fraction, notes=(f"crystals: {why}",))
    anode = nearest_to_the_anode(grid.heights, near)
    voxels, curves, described = [], [], None
    for column in over(progress, near, stage="superlattices", total=len(near)):
        found = _column(measured, column)
        if found.study.fraction is not None:
            seen = found.study.detected
            fraction[found.scan[seen], column] = np.clip(found.study.fraction.values[seen], 0.0, 1.0)
        if found.joint is not None:
            voxels += _measured(found.joint, measured, measured)
            curves.append(CrystalCurves.of(found.joint, measured.reduced.q))
        if column == anode:
            described = _described(found, grid, grid.time[:, anode], measured.reduced.q, fraction, workers)
        del found  # before the next one is made: 80 kB for each frame
    assert described is not None
    return replace(described, column=anode, voxels=tuple(voxels), curves=joined(curves) if curves else None)


def _near(measured: MeasuredRun) -> list[int]:
    """Columns of the map that may see crystals."""
    grid = measured.grid
    within = np.abs(grid.heights) < REACH * measured.run.beam.fwhm_um
    return [int(column) for column in np.flatnonzero(within & grid.measured.any(axis=0))]


def nearest_to_the_anode(heights_um: FloatArray, columns: list[int]) -> int:
    """The one of `columns` of the map whose beam centre is nearest the anode, above it or partly behind it."""
    return min(columns, key=lambda column: abs(float(heights_um[column])))


@dataclass(frozen=True, eq=False)
class _Column:
    """The frames of one height in time: their curves, and what crystallisation says of them."""

    scan: npt.NDArray[np.int64]
    sample: SampleIntensity
    times: FloatArray
    study: Crystallisation
    joint: JointFits | None


def _column(measured: MeasuredRun, column: int) -> _Column:
    """A column of the map."""
    grid, reduced = measured.grid, measured.reduced
    rows = np.flatnonzero(grid.used & (grid.height_index == column))
    rows = rows[np.argsort(grid.scan[rows])]
    sample, times = measured.curves(rows), reduced.table.time[measured.voxels.frame[rows]]
    study = crystallisation(sample, times, dry_shell_nm=measured.standard.dry_shell_nm)
    joint, mixture, seen = None, study.mixture, np.flatnonzero(study.detected)
    if mixture is not None:
        solution = mixture.solution
        model = solution.particles(reduced.q) * mixture.structure + solution.background[:, None]
        joint = JointFits(rows[seen], solution, mixture.volume, model)
    return _Column(grid.scan[rows], sample, times, study, joint)


def measured_again(measured: MeasuredRun, crystals: Crystals) -> MeasuredRun:
    """The run in which voxels with crystals have phi and sizes of the joint fits."""
    return replace(measured, voxels=measured.voxels.replaced(crystals.voxels))


def measured_against(other: MeasuredRun, measured: MeasuredRun) -> MeasuredRun:
    """`other` with the voxels in which `measured` holds crystals, fitted there once more and measured against its standards."""
    fits = (_column(measured, column).joint for column in _near(measured))
    parts = [part for one in fits if one is not None for part in _measured(one, measured, other)]
    return replace(other, voxels=other.voxels.replaced(parts))


def _measured(one: JointFits, fitted: MeasuredRun, against: MeasuredRun) -> list[Voxels]:
    """Voxels of joint fits, whose curves are those of `fitted`, measured against the standards of another; FEW together."""
    parts = []
    for first in range(0, one.rows.size, FEW):
        some = np.arange(first, min(first + FEW, one.rows.size))
        rows, solution, volume = one.rows[some], taken(one.solution, some), taken(one.volume, some)
        frames, sample = fitted.voxels.frame[rows], fitted.curves(rows)
        parts.append(
            measure(frames, sample, solution, reduced=against.reduced, standard=against.standard, volume=volume)
        )
    return parts


def _structure_factors(column: _Column, workers: int) -> tuple[FloatArray, FloatArray]:
    """S (frame, q) of the frames of a column and its sigma, NaN where S is hardly known: over the spheres of the joint fit
    where there is one, else of a fit of spheres alone. Spheres of BLOCK frames at a time."""
    parts = []
    for start in range(0, column.times.size, BLOCK):
        block = slice(start, start + BLOCK)
        sample = _part(column.sample, block)
        spheres = fit_spheres(sample, workers=workers)
        if column.joint is not None:
            seen = column.study.detected
            joint = (
                np.flatnonzero(seen[block]),
                np.searchsorted(np.flatnonzero(seen), np.flatnonzero(seen[block]) + start),
            )
            spheres = with_rows(spheres, joint[0], taken(column.joint.solution, joint[1]))
        measured = structure_factor(sample, spheres)
        parts.append((np.where(measured.good, measured.values, np.nan), measured.sigma))
    values, sigma = (np.concatenate(column) for column in zip(*parts, strict=True))
    return values, sigma


def _part(sample: SampleIntensity, frames: slice) -> SampleIntensity:
    """Frames of `sample` that follow each other."""
    shared = {name: sigma["frame", frames] for name, sigma in sample.shared.items()}
    return SampleIntensity(sample.data["frame", frames], shared)


def _described(
    column: _Column, grid: ScanMap, times: FloatArray, q: FloatArray, fraction: FloatArray, workers: int
) -> Crystals:
    """What one column says; `times` (scan,) are its own."""
    study = column.study
    values, sigma = (np.full((grid.n_scans, q.size), np.nan) for _ in range(2))
    values[column.scan], sigma[column.scan] = _structure_factors(column, workers)
    nouns = StructureFactor.from_arrays(
        values,
        dims=("scan", "q"),
        coords={"q": (("q",), q), "time": (("scan",), times)},
        sigma=sigma,
    )
    if study.fraction is None or study.lattice_constant is None:
        why = study.assignment.verdict
        onset = Number.absent("s", f"no superlattice seen at the anode: {why}")
        return Crystals(onset, _absent(why), fraction, structure_factor=nouns, assignment=study.assignment)
    onset = onset_from_structure_factor(column.times, study.fraction.values, study.fraction.total_sigma, study.detected)
    model = np.full((grid.n_scans, q.size), np.nan)
    if study.mixture is not None:
        model[column.scan[study.detected]] = study.mixture.structure
    missed = [f"{column.times[place]:.0f} s" for place in study.missed]
    why = "crystals: the fit of the anode voxel fails, which holds crystals, so its phi and sizes are wrong: scans at "
    numbers = {
        "lattice_constant_solvated": _of_which(study, lattice_constant_solvated(study.lattice_constant)),
        "crystalline_fraction": _last(study),
    }
    return Crystals(
        onset,
        numbers,
        fraction,
        structure_factor=nouns,
        model=model,
        lattice_constant=_on_scans(study.lattice_constant, column.scan, times, LatticeConstant),
        crystalline_fraction=_on_scans(study.fraction, column.scan, times, CrystallineFraction),
        assignment=study.assignment,
        notes=(why + ", ".join(missed),) if missed else (),
    )


def _on_scans(noun: Kind, scan: npt.NDArray[np.int64], times: FloatArray, kind: type[Kind]) -> Kind:
    """`noun` (one value per measured scan) over all scans, masked where the anode was not measured."""

    def spread(values: FloatArray) -> FloatArray:
        out = np.full(times.size, np.nan)
        out[scan] = values
        return out

    missing = np.ones(times.size, dtype=bool)
    missing[scan] = ~noun.good
    return kind.from_arrays(
        spread(noun.values),
        dims=("scan",),
        coords={"time": (("scan",), times)},
        sigma=spread(noun.sigma),
        shared={name: spread(np.asarray(sigma.values)) for name, sigma in noun.shared.items()},
        masks={"none": (("scan",), missing)},
    )


def _of_which(study: Crystallisation, a: Number) -> Number:
    """`a` with the lattice that it is of; doubtful where several explain the peaks alike."""
    best = study.study.likeliest
    assert best is not None
    tied = bool(study.study.tied) and a.value is not None
    quality = f"doubtful: {study.assignment.verdict}" if tied else a.quality
    return replace(a, source=f"{best.name}: {a.source}", quality=quality)


def _last(study: Crystallisation) -> Number:
    assert study.fraction is not None
    seen = np.flatnonzero(study.detected)
    if seen.size == 0:
        return Number.absent("one", "no single scan shows the peaks of the pooled frames")
    last = int(seen[-1])
    source = f"share of the particles of the anode voxel in superlattices, {study.fraction.coord('time')[last]:.0f} s"
    return Number(float(study.fraction.values[last]), float(study.fraction.total_sigma[last]), "one", source)


def in_the_footprint(crystals: Crystals, fraction_map: FloatArray, phi: VolumeFraction) -> Crystals:
    """`crystals` with the fraction as a mean over the beam: absorption hides dissolved particles more than crystals.

    fraction_map (scan, height): the corrected fraction of the voxels where crystals were seen; phi: what their correction
    leaves uncertain of all particles moves the share of those that need none, too.
    """
    seen, column = crystals.crystalline_fraction, crystals.column
    if seen is None or column is None:
        return crystals
    apparent, corrected = crystals.fraction_map[:, column], fraction_map[:, column]
    ratio = np.divide(corrected, apparent, out=np.ones_like(apparent), where=apparent > 0.0)
    by = sc.array(dims=["scan"], values=ratio)
    shared = {name: sigma * by for name, sigma in seen.shared.items()}
    by_phi = np.asarray(phi.shared[FOOTPRINT].values)[:, column] / np.maximum(np.abs(phi.values[:, column]), TINY_PHI)
    by_phi = np.where(apparent > 0.0, np.nan_to_num(by_phi), 0.0)
    missing = np.maximum(FOOTPRINT_UNCERTAINTY * np.abs(ratio - 1.0), ratio * by_phi) * np.abs(seen.values)
    shared[FOOTPRINT] = sc.array(dims=["scan"], values=missing, unit=seen.data.unit)
    fraction = CrystallineFraction(seen.data * by, shared)
    number = crystals.numbers["crystalline_fraction"]
    if number.value is not None and number.sigma is not None:
        last = np.flatnonzero(apparent > 0.0)[-1]
        sigma = float(np.hypot(number.sigma * ratio[last], missing[last]))
        number = replace(number, value=float(number.value * ratio[last]), sigma=sigma)
    return replace(
        crystals,
        crystalline_fraction=fraction,
        numbers={**crystals.numbers, "crystalline_fraction": number},
        fraction_map=fraction_map,
    )


def _absent(why: str) -> dict[str, Number]:
    return {
        "lattice_constant_solvated": Number.absent("nm", why),
        "crystalline_fraction": Number.absent("one", why),
    }
