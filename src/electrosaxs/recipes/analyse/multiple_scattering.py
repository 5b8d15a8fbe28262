"""Photons that the solution scatters more than once, taken out of every curve where the run's own curves show them.

How many there are follows from phi and sizes, core and solvent, path and energy, without a free number; whether the curves hold
them is asked of the brightest, where they fill the minima of the form factor: other programs simulate without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.multiple_scattering import Repeated, StartingCurve
from ...analysis.spheres.fit import SphereFit, fit_spheres
from ...nouns import FloatArray, SampleIntensity
from ...nouns.contributions import DOUBLE_SCATTERING
from .dead_time import find_dead_time, with_dead_time
from .measured_run import MeasuredRun
from .standards import standards, with_moved_start
from .voxels import SHARED, Voxels

MOST_TRIED = 20
"""Frames that are asked, those with most particles first."""
MOST_MISFIT = 3.0
"""Reduced chi-squared of the better fit up to which a curve is asked: crystals have no minima to be filled (chosen)."""
FROM_PER_NM = 0.5
"""q from which on they are asked: below it contacts and dead time bend curves too."""
LEAST_GAIN = 16.0
"""Difference of -2 ln likelihood from which on the curves say whether (chosen)."""
SIGMA = 0.05
"""Relative (chosen), of what is taken off: contrast, path, and photons that leave the beam on their way."""
LEAST_EFFECT = 1e-3
"""Of phi against the starting solution: less is not looked for."""


def with_single_scattering(measured: MeasuredRun, *, workers: int = 2) -> MeasuredRun:
    """Everything measured again without double scattering where the curves hold it; where they do not tell, phi has what it may
    do in its sigma. The notes of the run say which."""
    voxels = measured.voxels
    phi = voxels.values["phi"]
    if not np.isfinite(phi).any():
        return measured
    start = _start(measured)
    again = _repeated(measured, start)
    effect = again.excess_of(start, phi) - again.excess_of(start, np.array(start.phi))
    largest = float(np.nanmax(effect))
    if largest < LEAST_EFFECT:
        return measured
    gain = _gain(measured, again, workers)
    if gain > -LEAST_GAIN:
        gain = min(gain, _gain_beside_dead_time(measured, again, workers))
    should = f"double scattering: it should make phi up to {100.0 * largest:.2g} % larger"
    if gain < -LEAST_GAIN:
        return measured.noted(
            f"{should}, but the curves show none of it (-2 ln L rises by {-gain:.0f} without it); nothing is taken off"
        )
    if gain < LEAST_GAIN:
        wider = replace(measured, voxels=voxels.with_change(DOUBLE_SCATTERING, {"phi": effect * phi}))
        return wider.noted(
            f"{should}, which the curves do not tell; nothing is taken off, and phi has it in its sigma (double_scattering)"
        )
    return _single(measured, again, workers).noted(
        f"double scattering: what photons that are scattered more than once add to phi, up to {100.0 * largest:.2g} %, is taken"
        f" off all curves (-2 ln L falls by {gain:.0f}); {100.0 * SIGMA:.0f} % of it is in their sigma (double_scattering)"
    )


def _start(measured: MeasuredRun) -> StartingCurve:
    run, fit = measured.run, measured.standard.reference_fit
    return StartingCurve.of(
        run.solution, run.solution.volume_fraction, (float(fit.diameter[0]), float(fit.deviation[0])),
        energy_keV=run.beam.energy_keV, path_m=1e-3 * run.cell.path_length_mm, dry_shell=measured.standard.dry_shell_nm,
    )  # fmt: skip


def _repeated(measured: MeasuredRun, start: StartingCurve) -> Repeated:
    """The starting solution's scale holds what is scattered more than once too."""
    scale, energy = float(measured.standard.reference_fit.scale[0]), measured.run.beam.energy_keV
    background = float(np.nanmedian(measured.voxels.values["background"]))
    first = Repeated.of(measured.reduced.q, energy, start.unit(scale), background)
    return replace(first, unit=first.unit / (1.0 + float(first.excess_of(start, np.array(start.phi)))))


def _gain_beside_dead_time(measured: MeasuredRun, again: Repeated, workers: int) -> float:
    """`_gain` with the counts that a dead time of the pixels takes, which flattens curves where they are bright; infinite where
    the curves tell none."""
    if measured.run.detector.dead_time_ns is not None:
        return np.inf
    frames = measured.voxels.frame[_asked(measured)]
    dead = find_dead_time(measured.reduced, measured.standard, frames, workers=workers)
    if dead is None:
        return np.inf
    known = with_dead_time(measured.reduced, dead.value)
    return _gain(replace(measured, reduced=known, standard=standards(known, workers=workers)), again, workers)


def _asked(measured: MeasuredRun) -> npt.NDArray[np.intp]:
    """Rows of the voxels with most particles."""
    phi = np.where(measured.reduced.usable[measured.voxels.frame], measured.voxels.values["phi"], np.nan)
    told = np.flatnonzero(np.isfinite(phi))
    return np.sort(told[np.argsort(-phi[told])][:MOST_TRIED])


def _gain(measured: MeasuredRun, again: Repeated, workers: int) -> float:
    """By how much -2 ln of the likelihood of the photons falls, of the curves with most particles and the starting solution: of
    both, or of the one that denies it: it is in all curves or in none."""
    gains = [
        _gain_of(curves, again, int(np.searchsorted(measured.reduced.q, FROM_PER_NM)), workers)
        for curves in (measured.curves(_asked(measured)), measured.standard.reference)
    ]
    return min(gains) if min(gains) < -LEAST_GAIN else sum(gains)


def _gain_of(sample: SampleIntensity, again: Repeated, first: int, workers: int) -> float:
    """Of some curves, from bin `first` on, each over its reduced chi-squared: what neither way describes says less."""
    more = again.again(sample.values)[:, first:]
    one, other = (_from(curves, first) for curves in (sample, again.without(sample)))
    plain, single = (fit_spheres(curves, workers=workers) for curves in (one, other))
    misfit = np.minimum(plain.chi_squared, single.chi_squared) / plain.degrees_of_freedom
    both = plain.converged & single.converged & (misfit < MOST_MISFIT)
    gain = _deviance(one, plain, 0.0 * more) - _deviance(one, single, more)
    return float((gain / np.maximum(misfit, 1.0))[both].sum())


def _deviance(sample: SampleIntensity, fit: SphereFit, more: FloatArray) -> FloatArray:
    """2 sum of m - n + n ln(n / m) (frame,) of n photons where the fit and `more` (frame, q) expect m."""
    solvent, one = sample.coord("solvent"), sample.coord("per_count")
    counted = np.maximum(sample.values + solvent, 0.0) / one
    expected = np.maximum(fit.particles(sample.coord("q")) + fit.background[:, None] + more + solvent, 1e-3 * one) / one
    surprise = np.where(counted > 0.0, counted * np.log(np.maximum(counted, 1e-300) / expected), 0.0)
    return np.asarray(2.0 * np.nansum(expected - counted + surprise, axis=1))


def _from(sample: SampleIntensity, first: int) -> SampleIntensity:
    """The curves from a bin on."""
    return SampleIntensity(
        sample.data["q", first:], {name: sigma["q", first:] for name, sigma in sample.shared.items()}
    )


def _single(measured: MeasuredRun, again: Repeated, workers: int) -> MeasuredRun:
    """Run, standards and voxels with single scattering alone, and what one sigma of it does to phi and sizes."""

    def without(one: Repeated) -> MeasuredRun:
        known = replace(measured.reduced, repeated=one)
        return measured.again(known, standards(known, workers=workers), workers=workers)

    found, moved = without(again), without(again.stronger(SIGMA))
    changes = {name: moved.voxels.values[name] - found.voxels.values[name] for name in SHARED}
    standard = with_moved_start(found.standard, DOUBLE_SCATTERING, moved.standard)
    return replace(found, voxels=found.voxels.with_change(DOUBLE_SCATTERING, changes), standard=standard)


def beside_crystals(voxels: Voxels, rows: Sequence[int]) -> Voxels:
    """`voxels` in which those of `rows`, measured with their crystals since, have the sigma that others of their phi have."""
    change = voxels.shared["phi"].get(DOUBLE_SCATTERING)
    if change is None or not len(rows):
        return voxels
    phi = voxels.values["phi"]
    others = np.setdiff1d(np.flatnonzero(np.isfinite(phi) & (change != 0.0)), rows)
    largest = others[np.argsort(-phi[others])][:MOST_TRIED]
    slope = float(np.median(change[largest] / np.square(phi[largest]))) if largest.size else 0.0
    change = change.copy()
    change[list(rows)] = np.nan_to_num(slope * np.square(phi[list(rows)]))
    return voxels.with_change(DOUBLE_SCATTERING, {"phi": change})
