"""Dead time of the detector's pixels, found where it is not given: the brightest bins of the brightest frames miss counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...analysis.spheres.fit import fit_spheres
from ...nouns import FloatArray, Number
from ...nouns.contributions import DEAD_TIME
from ...reduction.dead_time import counts_per_pixel
from .measured_run import MeasuredRun
from .reduce_run import ReducedRun
from .standards import Standards, sample_intensity, standards, with_moved_start
from .voxels import SHARED

SMALLEST_LOSS, FIRST_LOSS, LARGEST_LOSS = 1e-3, 0.02, 0.5
"""Of the counts of the brightest bin: less is not looked for, more is no detector that still counts."""
LEAST_GAIN, LEAST_SHARE = 25.0, 0.5
"""Fall of chi-squared from which on it is believed, and share of its excess that it must explain (chosen)."""
LEAST_SIGMA = 0.05
"""Relative (chosen): a pixel may be dead in another way than paralysable."""
MOST_UNMENDED = 3.0
"""Reduced chi-squared that no dead time takes away, from which on a frame says nothing of it (chosen)."""
ROUNDS = 7
NEAR = 0.02


@dataclass(frozen=True)
class DeadTime:
    """ns with its sigma, the counts that the brightest bin loses, and the fall of chi-squared."""

    value: float
    sigma: float
    loss: float
    gain: float

    @property
    def number(self) -> Number:
        return Number(
            self.value, self.sigma, "ns", "from the curves: bins near the beam count too little where they are bright"
        )

    @property
    def words(self) -> str:
        return (
            f"detector: pixels are dead for {self.value:.0f} +- {self.sigma:.0f} ns after each photon, as the curves say; up to"
            f" {100.0 * self.loss:.2g} % of the counts are lost, which is corrected, and its sigma is in phi's (dead_time)"
        )


def find_dead_time(
    reduced: ReducedRun, standard: Standards, frames: npt.NDArray[np.intp], *, workers: int
) -> DeadTime | None:
    """The dead time with which the curves of `frames` are those of spheres; None where nothing tells of any."""
    rate = counts_per_pixel(reduced.counts(frames)) / reduced.table.exposure[frames][:, None]
    brightest = 1e-9 * float(rate.max())  # photons per ns
    fit = fit_spheres(sample_intensity(reduced, standard, frames), workers=workers)
    kept, freedom = fit.converged, fit.degrees_of_freedom[fit.converged].astype(float)

    def misfits(dead_time: float) -> FloatArray:
        known = with_dead_time(reduced, dead_time)
        again = fit_spheres(sample_intensity(known, standard, frames), workers=workers)
        return np.where(again.converged, again.chi_squared, 1e3 * again.degrees_of_freedom)[kept]

    tried = Tried(freedom, {0.0: fit.chi_squared[kept]})
    for step in (FIRST_LOSS / brightest, 0.1 * FIRST_LOSS / brightest):
        tried.misfits[step] = misfits(step)
        if tried.total(step) < tried.total(0.0) - LEAST_GAIN:
            break
    else:
        return None
    best = _searched(tried, misfits, LARGEST_LOSS / brightest)
    gain, excess = tried.gain(best), tried.excess()
    if best * brightest < SMALLEST_LOSS or gain < max(LEAST_GAIN, LEAST_SHARE * excess):
        return None
    return DeadTime(best, float(np.hypot(best / np.sqrt(gain), LEAST_SIGMA * best)), best * brightest, gain)


@dataclass(frozen=True)
class Tried:
    """Chi-squared (frame,) of the curves with each dead time (ns) tried, and their degrees of freedom (frame,)."""

    freedom: FloatArray
    misfits: dict[float, FloatArray]

    def total(self, time: float) -> float:
        """Of all frames, each over its least: what no time tried so far mends in a frame is error in it."""
        return float(np.sum(self.misfits[time] / np.maximum(self._unmended(), 1.0)))

    def gain(self, time: float) -> float:
        """By how much a time lessens the misfit of the frames that say something: those that no time mends (crystals at the
        edge of the beam) do not."""
        return float(np.sum((self.misfits[0.0] - self.misfits[time]) * self._weights()))

    def excess(self) -> float:
        """Of the frames that say something, beyond what counting explains, without any dead time."""
        weights = self._weights()
        return float(np.sum(self.misfits[0.0] * weights) - np.sum(self.freedom[weights > 0.0]))

    def _weights(self) -> FloatArray:
        unmended = self._unmended()
        return np.where(unmended > MOST_UNMENDED, 0.0, 1.0 / np.maximum(unmended, 1.0))

    def _unmended(self) -> FloatArray:
        return np.asarray(np.min(list(self.misfits.values()), axis=0) / self.freedom)

    def best(self) -> float:
        return min(self.misfits, key=self.total)


def _searched(tried: Tried, misfits: Callable[[float], FloatArray], largest: float) -> float:
    """The time of the least misfit, `tried` filled on the way: doubled as long as it falls, then by parabolas."""
    for _ in range(ROUNDS):
        times = sorted(tried.misfits)
        place = times.index(tried.best())
        if place == len(times) - 1:
            if 2.0 * times[place] > largest:
                break
            tried.misfits[2.0 * times[place]] = misfits(2.0 * times[place])
            continue
        trial = _lowest(*((time, tried.total(time)) for time in times[place - 1 : place + 2]))
        if abs(trial - times[place]) < NEAR * times[place]:
            break
        tried.misfits[trial] = misfits(trial)
    return tried.best()


def _lowest(low: tuple[float, float], middle: tuple[float, float], high: tuple[float, float]) -> float:
    """Of the parabola through three points (time, misfit) of which the middle is the lowest; between the outer ones."""
    (a, at_a), (b, at_b), (c, at_c) = low, middle, high
    left, right = (b - a) * (at_b - at_c), (b - c) * (at_b - at_a)
    lowest = b if left == right else b - 0.5 * ((b - a) * left - (b - c) * right) / (left - right)
    return float(np.clip(lowest, max(0.5 * (a + b), 0.2 * b), 0.5 * (b + c)))


def with_dead_time(reduced: ReducedRun, dead_time_ns: float) -> ReducedRun:
    """`reduced` as if the run said so."""
    run = reduced.run
    detector = run.detector.model_copy(update={"dead_time_ns": dead_time_ns})
    return replace(reduced, run=run.model_copy(update={"detector": detector}))


def measured_with(measured: MeasuredRun, dead_time: DeadTime, *, workers: int) -> MeasuredRun:
    """Run, standards and voxels with the counts that the dead time took, and what one sigma of it does to phi and sizes."""

    def with_time(value: float) -> MeasuredRun:
        known = with_dead_time(measured.reduced, value)
        return measured.again(known, standards(known, workers=workers), workers=workers)

    found, other = with_time(dead_time.value), with_time(dead_time.value + dead_time.sigma)
    changes = {name: other.voxels.values[name] - found.voxels.values[name] for name in SHARED}
    standard = with_moved_start(found.standard, DEAD_TIME, other.standard)
    return replace(found, voxels=found.voxels.with_change(DEAD_TIME, changes), standard=standard)
