"""Frames whose curve is not that of spheres of one kind: phi from the sizes that are there, or out with a reason.

A sphere fit that counting does not explain has its volume in the wrong sizes, and with them the wrong share of dry shell. Where
free-form sizes describe the curve, phi is theirs, against the starting solution's own; what the two differ by is in its sigma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.depleted_frames import EMPTIED
from ...analysis.free_form.basis import SizeBasis
from ...analysis.free_form.each_curve import free_form_sizes
from ...analysis.free_form.moments import size_moments
from ...analysis.kinetics.scan_map import ScanMap
from ...analysis.spheres.fit import POOR_FIT_SIGMAS
from ...nouns import FloatArray
from ...nouns.contributions import SIZES_MISFIT
from .measured_run import MeasuredRun, Rows
from .voxels import SIZES, Voxels

POOR = "poor fit"
MOST_INVERTED = 300
"""Frames that are inverted; between them the ratio of the two volumes is interpolated in time, height by height."""
DIFFERENCE_UNCERTAINTY = 0.15
"""Relative (chosen), of the step from the volume of spheres to that of free-form sizes."""
LEAST_RATIO = 1e-6
"""Of these volumes: where free-form sizes find no particles, none is not known better than before."""
NO_SIZES = 20.0
"""Reduced chi-squared of free-form sizes from which on a curve is not that of particles alone (chosen)."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Misfit:
    """voxels with phi of the sizes that fit; reasons: row of the voxels -> why its frame is to be left out; share: of frames
    whose curve is not that of one kind of spheres."""

    voxels: Voxels
    reasons: dict[int, str]
    share: float
    notes: tuple[str, ...] = ()


def with_sizes_that_fit(measured: MeasuredRun, crystalline: Sequence[int], *, workers: int = 2) -> Misfit:
    """The voxels with phi from free-form sizes where spheres of one kind do not describe the curve.

    Where they do not describe the starting solution, all frames are measured so, because all are measured against it.
    crystalline: rows whose curve was fitted with a lattice, which stay.
    """
    voxels, grid = measured.voxels, measured.grid
    phi = voxels.values["phi"]
    known = grid.used & np.isfinite(phi) & np.array([EMPTIED not in flags for flags in voxels.flags])
    known[list(crystalline)] = False
    poor = known & np.array([POOR in flags for flags in voxels.flags])
    everywhere = POOR in measured.standard.reference_fit.flags[0]
    wanted = known if everywhere else poor
    if not wanted.any():
        return Misfit(voxels, {}, 0.0)
    rows = _evenly(np.flatnonzero(wanted), grid)
    found = _Volumes.of(measured, rows, workers)
    if found is None:
        return Misfit(_wider(voxels, poor, np.zeros(phi.size)), {}, float(poor.sum() / known.sum()))
    ratio, sigma, chi2 = (_everywhere(x, rows, wanted, measured) for x in (found.ratio, found.sigma, found.chi2))
    hopeless = wanted & (chi2 > NO_SIZES)
    fits = wanted & ~hopeless & np.isfinite(ratio)
    misfit = np.zeros(phi.size)
    beyond = np.sqrt(np.maximum(chi2[fits] - 1.0 - found.expected, 0.0))
    values, own = dict(voxels.values), voxels.values["phi_sigma"][fits] / phi[fits]
    changed_phi, noise, misfit[fits] = _of_free_form(own, ratio[fits], sigma[fits], beyond, found.start_sigma)
    values["phi"], values["phi_sigma"] = phi.copy(), voxels.values["phi_sigma"].copy()
    values["phi"][fits] *= changed_phi
    values["phi_sigma"][fits] = values["phi"][fits] * noise
    changed = _wider(replace(voxels, values=values), poor, misfit)
    words = (
        "the curve is not that of particles of any sizes (reduced chi-squared {:.0f}): detector, monitor or crystals"
    )
    reasons = {int(row): words.format(chi2[row]) for row in np.flatnonzero(hopeless)}
    which = "the starting solution" if everywhere else f"{int(poor.sum())} of {int(known.sum())} frames"
    notes = (
        f"sizes: one kind of spheres does not describe {which}; phi of {int(fits.sum())} frames is that of free-form sizes,"
        f" which changes it by up to {100.0 * np.max(np.abs(np.log(ratio[fits])), initial=0.0):.2g} %; d and delta of such"
        " frames are those of spheres that do not fit, with their sigma widened",
    )
    return Misfit(changed, reasons, float(poor.sum() / known.sum()), notes)


def _of_free_form(
    own: FloatArray, ratio: FloatArray, sigma: FloatArray, beyond: FloatArray, start_sigma: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Factor of phi, its relative sigma and what the misfit leaves open, relative. own: relative sigma before; ratio, sigma: of
    free-form sizes; beyond: sigmas by which the curve is still missed. What free-form sizes find less of is known no better."""
    factor = np.maximum(ratio, LEAST_RATIO)
    before = own / np.minimum(factor, 1.0)
    step = np.maximum(np.abs(np.log(factor)), np.abs(1.0 - 1.0 / factor))
    misfit = np.hypot(np.hypot(DIFFERENCE_UNCERTAINTY * step, start_sigma), beyond * before)
    return factor, np.hypot(before, sigma), misfit


@dataclass(frozen=True, eq=False)
class _Volumes:
    """Of some rows: volume of free-form sizes over that of spheres, both over the starting solution's, its relative sigma, and
    reduced chi-squared; start_sigma: of the starting solution; expected: what chi-squared exceeds 1 by without a misfit."""

    ratio: FloatArray
    sigma: FloatArray
    chi2: FloatArray
    start_sigma: float
    expected: float

    @classmethod
    def of(cls, measured: MeasuredRun, rows: Rows, workers: int) -> _Volumes | None:
        """None where the starting solution shows no particles to free-form sizes."""
        sample, standard = measured.curves_alone(rows), measured.standard
        basis = SizeBasis.of(sample.coord("q"), shell=standard.dry_shell_nm)
        start = free_form_sizes(standard.reference, basis, workers=1)
        if not start.seen[0]:
            return None
        fit = free_form_sizes(sample, basis, workers=workers)
        volume, whole = size_moments(fit).volume, size_moments(start).volume
        phi0 = measured.run.solution.volume_fraction
        return cls(
            ratio=phi0 * volume.value / whole.value[0] / measured.voxels.values["phi"][rows],
            sigma=volume.sigma / volume.value,
            chi2=fit.chi_squared / fit.bins,
            start_sigma=float(whole.sigma[0] / whole.value[0]),
            expected=float(POOR_FIT_SIGMAS * np.sqrt(2.0 / np.median(fit.bins))),
        )


def _evenly(rows: Rows, grid: ScanMap) -> Rows:
    """At most about MOST_INVERTED of the rows, every k-th of each height in time, first and last among them."""
    step = -(-rows.size // MOST_INVERTED)
    if step == 1:
        return rows
    chosen = []
    for height in np.unique(grid.height_index[rows]):
        own = rows[grid.height_index[rows] == height]
        own = own[np.argsort(grid.scan[own], kind="stable")]
        chosen.append(np.union1d(own[::step], own[-1:]))
    return np.sort(np.concatenate(chosen))


def _everywhere(values: FloatArray, rows: Rows, wanted: BoolArray, measured: MeasuredRun) -> FloatArray:
    """`values` of the `rows` that were inverted, at all wanted ones: between them in time at each height; NaN elsewhere."""
    full = np.full(wanted.size, np.nan)
    full[rows] = values
    time, grid = measured.reduced.table.time[measured.voxels.frame], measured.grid
    for height in np.unique(grid.height_index[wanted]):
        own = np.flatnonzero(wanted & (grid.height_index == height))
        told = own[np.isfinite(full[own])]
        if told.size:
            told = told[np.argsort(time[told], kind="stable")]
            full[own] = np.interp(time[own], time[told], full[told])
    return full


def _wider(voxels: Voxels, poor: BoolArray, misfit: FloatArray) -> Voxels:
    """`voxels` with the contribution of the misfit to phi, and the sigmas of the sizes of poor fits times chi-squared."""
    values = dict(voxels.values)
    times = np.where(poor, np.maximum(values["reduced_chi_squared"], 1.0), 1.0)
    for name in SIZES:
        values[f"{name}_sigma"] = values[f"{name}_sigma"] * times
    shared = {quantity: dict(parts) for quantity, parts in voxels.shared.items()}
    shared["phi"][SIZES_MISFIT] = np.where(np.isfinite(values["phi"]), misfit * np.abs(values["phi"]), np.nan)
    return replace(voxels, values=values, shared=shared)
