"""How well monitor and transmission normalise a frame.

A monitor that counts has the Poisson noise of its counts. Beyond that no table says how noisy its columns are, but solvent
frames all hold the same, and so do reference frames: what their total intensities scatter beyond counting is the noise of
the normalisation (and of the filling). Those few frames also tell whether the monitor's numbers are counts at all: a
scaled monitor scatters less than its Poisson noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtr

from ...nouns import FloatArray, Intensity, Number

FEWEST = 3  # degrees of freedom below which a scatter says nothing
UNLIKELY = 1e-3
"""Probability of so small a scatter, below which the monitor's numbers are not taken as counts (chosen)."""


@dataclass(frozen=True)
class NormalisationNoise:
    """Relative noise of one frame's normalisation. counts: the monitor's Poisson noise is part of it; beyond: the rest.

    number: both together for the mean monitor, absent where too few frames tell `beyond`, which then is 0.
    """

    number: Number
    counts: bool
    beyond: float

    def sigma(self, monitor: FloatArray) -> FloatArray:
        """Relative standard deviation of frames with these monitor counts, (frame,)."""
        own = 1.0 / np.maximum(monitor, 1.0) if self.counts else np.zeros(np.shape(monitor))
        return np.sqrt(own + self.beyond**2)

    def of_mean(self, monitor: FloatArray) -> float:
        """Relative standard deviation of the mean of these frames."""
        return float(np.sqrt(np.sum(np.square(self.sigma(monitor)))) / np.size(monitor))


@dataclass(frozen=True)
class _Group:
    """Frames of equal content: ln(total intensity), variance by counting, and by the monitor's counts (frame,)."""

    x: FloatArray
    counting: FloatArray
    monitor: FloatArray

    @property
    def freedom(self) -> int:
        return self.x.size - 1


def normalisation_noise(groups: Sequence[Intensity], monitors: Sequence[FloatArray]) -> NormalisationNoise:
    """From groups of frames (frame, q) of equal content and their monitor counts (frame,).

    Restricted maximum likelihood of ln(total intensity) with variance 1 / counts + 1 / monitor + beyond^2 about each
    group's mean; without 1 / monitor where the numbers are not whole or scatter less.
    """
    known = [group for group in map(_group, groups, monitors) if group.freedom > 0]
    freedom = sum(group.freedom for group in known)
    whole = all(np.array_equal(m, np.rint(m)) for m in (m[np.isfinite(m)] for m in monitors))
    counts = whole and (freedom == 0 or chdtr(freedom, _scatter(known)) > UNLIKELY)
    if freedom < FEWEST:
        why = f"{freedom} degrees of freedom: more solvent or reference frames are needed"
        return NormalisationNoise(Number.absent("one", why), counts, 0.0)
    fixed = [group.counting + counts * group.monitor for group in known]
    trial = np.concatenate(([0.0], np.geomspace(1e-6, 1.0, 400)))
    likelihood = np.array([
        sum(_likelihood(group.x, variance + s**2) for group, variance in zip(known, fixed, strict=True)) for s in trial
    ])  # fmt: skip
    best = int(np.argmax(likelihood))
    inside = trial[likelihood > likelihood[best] - 0.5]  # likelihood interval: where it has fallen by 1/2
    own = float(np.mean(np.concatenate([group.monitor for group in known]))) if counts else 0.0
    low, value, high = (float(np.sqrt(own + s**2)) for s in (inside[0], trial[best], inside[-1]))
    source = f"scatter of solvent and reference frames beyond counting, {freedom} degrees of freedom"
    source += ", and the monitor's own counts" if counts else "; the monitor's numbers are not counts"
    return NormalisationNoise(Number(value, 0.5 * (high - low), "one", source), counts, float(trial[best]))


def _scatter(groups: Sequence[_Group]) -> float:
    """chi-squared about the group's means with the noise of frame and monitor counts."""
    total = 0.0
    for group in groups:
        weight = 1.0 / (group.counting + group.monitor)
        mean = float(weight @ group.x / weight.sum())
        total += float(weight @ (group.x - mean) ** 2)
    return total


def _likelihood(x: FloatArray, variance: FloatArray) -> float:
    """Restricted log-likelihood of values `x` of one unknown mean with these variances."""
    weight = 1.0 / variance
    mean = float(weight @ x / weight.sum())
    return -0.5 * float(np.sum(np.log(variance)) + np.log(weight.sum()) + weight @ (x - mean) ** 2)


def _group(frames: Intensity, monitor: FloatArray) -> _Group:
    """The usable frames, over the bins that all of them have."""
    usable = frames.good.any(axis=1)
    if not usable.any():
        return _Group(np.zeros(0), np.zeros(0), np.zeros(0))
    bins = frames.good[usable].all(axis=0)
    values, one = frames.values[usable][:, bins], frames.coord("per_count")[usable][:, bins]
    counts = np.sum(values / one, axis=1)
    seen = counts > 0.0
    total = (counts / np.sum(1.0 / one, axis=1))[seen]
    return _Group(np.log(total), 1.0 / counts[seen], 1.0 / np.maximum(np.asarray(monitor)[usable][seen], 1.0))
