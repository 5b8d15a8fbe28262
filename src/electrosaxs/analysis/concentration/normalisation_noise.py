"""How well monitor and transmission normalise a frame.

A monitor that counts has the Poisson noise of its counts. Beyond that no table says how noisy its columns are, but solvent
frames all hold the same, and so do reference frames: what their total intensities scatter beyond counting is the noise of
the normalisation (and of the filling). Those few frames also tell whether the monitor's numbers are counts at all: a
scaled monitor scatters less than its Poisson noise.

Light from beside the content (slits, windows) that changes from frame to frame moves totals too, but adds to a reference frame
where the solvent scatters, and not in proportion to all that it counts. Where these frames show it, I_i = (1 + a_i) <I> + f_i +
b_i S beyond what counting lets the flat f_i and b_i be, a_i alone is their normalisation. A fit of spheres with a free
background does not feel f_i; b_i, light of the solvent's and the windows' own form, moves what is read from a curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import chdtr, chdtrc

from ...nouns import FloatArray, Intensity, Number

ALIKE = 1e10
"""Condition beyond which two curves are one."""
FEWEST = 3  # degrees of freedom below which a scatter says nothing
UNLIKELY = 1e-3
"""Probability of so small a scatter, below which the monitor's numbers are not taken as counts, and of so large a one of
f_i and b_i, below which light from beside is there (chosen)."""


@dataclass(frozen=True)
class NormalisationNoise:
    """Relative noise of one frame's normalisation. counts: the monitor's Poisson noise is part of it; beyond: the rest. stray:
    light of the solvent's form that comes and goes, in its parts;
    flat: such light that is alike at all q, an intensity, by `freedom` degrees of freedom.

    number: both together for the mean monitor, absent where too few frames tell `beyond`, which then is 0.
    """

    number: Number
    counts: bool
    beyond: float
    stray: float = 0.0
    flat: float = 0.0
    freedom: int = 0

    def makes(self, scatter: float) -> bool:
        """Whether flat parts of curves that scatter by so much (intensity) are what flat light from beside makes of them."""
        if not (self.freedom and scatter > 0.0):
            return False
        return bool(chdtr(self.freedom, self.freedom * (self.flat / scatter) ** 2) > UNLIKELY)

    def sigma(self, monitor: FloatArray) -> FloatArray:
        """Relative standard deviation of frames with these monitor counts, (frame,)."""
        own = 1.0 / np.maximum(monitor, 1.0) if self.counts else np.zeros(np.shape(monitor))
        return np.sqrt(own + self.beyond**2)

    def of_mean(self, monitor: FloatArray) -> float:
        """Relative standard deviation of the mean of these frames."""
        return float(np.sqrt(np.sum(np.square(self.sigma(monitor)))) / np.size(monitor))

    def of_mean_solvent(self, monitor: FloatArray) -> float:
        """The same of solvent frames, with the light beside them."""
        return float(np.hypot(self.of_mean(monitor), self.stray / np.sqrt(np.size(monitor))))


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
    """From groups of frames (frame, q) of equal content, the first of solvent, and their monitor counts (frame,).

    Restricted maximum likelihood of ln(total intensity) with variance 1 / counts + 1 / monitor + beyond^2 about each
    group's mean; without 1 / monitor where the numbers are not whole or scatter less. With light from beside it is a_i in its
    place, whose variance has that of the light in solvent frames.
    """
    totals = [_group(group, monitor) for group, monitor in zip(groups, monitors, strict=True)]
    totals, light = _without_stray(groups, totals)
    known = [group for group in totals if group.freedom > 0]
    freedom = sum(group.freedom for group in known)
    whole = all(np.array_equal(m, np.rint(m)) for m in (m[np.isfinite(m)] for m in monitors))
    counts = whole and (freedom == 0 or chdtr(freedom, _scatter(known)) > UNLIKELY)
    if freedom < FEWEST:
        why = f"{freedom} degrees of freedom: more solvent or reference frames are needed"
        return NormalisationNoise(Number.absent("one", why), counts, 0.0)
    fixed = [group.counting + counts * group.monitor for group in known]
    trial = np.concatenate(([0.0], np.geomspace(1e-6, 1.0, 400)))
    likelihood = _likelihoods(known, fixed, trial)
    best = int(np.argmax(likelihood))
    inside = trial[likelihood > likelihood[best] - 0.5]  # likelihood interval: where it has fallen by 1/2
    own = float(np.mean(np.concatenate([group.monitor for group in known]))) if counts else 0.0
    low, value, high = (float(np.sqrt(own + s**2)) for s in (inside[0], trial[best], inside[-1]))
    source = f"scatter of solvent and reference frames beyond counting, {freedom} degrees of freedom"
    source += ", and the monitor's own counts" if counts else "; the monitor's numbers are not counts"
    if light.freedom:
        source += "; light from beside that comes and goes is told apart"
    number = Number(value, 0.5 * (high - low), "one", source)
    return NormalisationNoise(number, counts, float(trial[best]), light.stray, light.flat, light.freedom)


@dataclass(frozen=True)
class _Light:
    """Light from beside: of the solvent's form, in parts; flat, an intensity; degrees of freedom, 0 where none shows."""

    stray: float = 0.0
    flat: float = 0.0
    freedom: int = 0


def _without_stray(groups: Sequence[Intensity], totals: list[_Group]) -> tuple[list[_Group], _Light]:
    """The groups as their normalisation moves them, and the light from beside; as they are where none shows."""
    solvent, *others = (_Curves.of(group) for group in groups)
    if solvent is None:
        return totals, _Light()
    apart = [None if curves is None else curves.apart(solvent) for curves in others]
    beside = [one for one in apart if one is not None]
    empty = solvent.apart(None)
    flats = beside if empty is None else [empty, *beside]
    freedom = sum(one.freedom for one in flats)
    if not beside or chdtrc(freedom, sum(one.squares for one in flats)) > UNLIKELY:
        return totals, _Light()
    squares = sum(_squares(one.found[:, 2], one.variance(2)) for one in beside)
    stray = 0.0
    if chdtrc(sum(one.found.shape[0] - 1 for one in beside), squares) > UNLIKELY:  # flat light is enough
        apart = [None if one is None else one.flat for one in apart]
        flats = [one for one in (empty, *apart) if one is not None]
    else:
        stray = _scatter_of(beside, 2)
    level, told = float(solvent.values.mean(axis=0)[solvent.bins].mean()), []
    for total, one, own in zip(totals, [empty, *apart], [stray, *np.zeros(len(apart))], strict=True):
        told.append(total if one is None else replace(total, x=one.found[:, 0], counting=one.variance(0) + own**2))
    return told, _Light(stray, level * _scatter_of(flats, 1), sum(one.found.shape[0] - 1 for one in flats))


@dataclass(frozen=True)
class _Apart:
    """Parts of frames in which they differ from their mean: in proportion, flat, and as the solvent. found (frame, part) and
    its covariance by counting (frame, part, part)."""

    found: FloatArray
    covariance: FloatArray

    def variance(self, part: int) -> FloatArray:
        return np.asarray(self.covariance[:, part, part])

    @property
    def flat(self) -> _Apart:
        """The same fit without the solvent's form."""
        gain = self.covariance[:, :2, 2] / self.covariance[:, 2:, 2]
        covariance = self.covariance[:, :2, :2] - gain[:, :, None] * self.covariance[:, 2, None, :2]
        return _Apart(self.found[:, :2] - gain * self.found[:, 2:], covariance)

    @property
    def freedom(self) -> int:
        return (self.found.shape[1] - 1) * (self.found.shape[0] - 1)

    @property
    def squares(self) -> float:
        """chi-squared of the parts that are not in proportion, about their means."""
        off = self.found[:, 1:] - self.found[:, 1:].mean(axis=0)
        return float(np.einsum("fi,fij,fj->", off, np.linalg.inv(self.covariance[:, 1:, 1:]), off))


def _scatter_of(groups: Sequence[_Apart], part: int) -> float:
    """Of one part about the groups' means, beyond counting."""
    trial = np.geomspace(1e-6, 1.0, 400)
    each = [_likelihood(one.found[:, part], one.variance(part) + np.square(trial)[:, None]) for one in groups]
    return float(trial[np.argmax(np.sum(each, axis=0))])


@dataclass(frozen=True)
class _Curves:
    """Usable frames (frame, bin) of one group: intensities, and that of one count; bins (q,) that all of them have."""

    values: FloatArray
    one: FloatArray
    bins: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, frames: Intensity) -> _Curves | None:
        usable = frames.good.any(axis=1)
        if usable.sum() < 2:
            return None
        values, one = frames.values[usable], frames.coord("per_count")[usable]
        return cls(
            values, one, frames.good[usable].all(axis=0) & np.all(one > 0.0, axis=0) & (values.mean(axis=0) > 0.0)
        )

    def apart(self, solvent: _Curves | None) -> _Apart | None:
        """Least squares of counts; None where the parts' curves are alike. solvent: None where these are its frames."""
        bins = self.bins if solvent is None else self.bins & solvent.bins
        mean, one = self.values.mean(axis=0)[bins], self.one[:, bins]
        first = self if solvent is None else solvent
        empty, level = first.values.mean(axis=0)[bins], float(first.values.mean(axis=0)[first.bins].mean())
        shapes = np.stack([mean, np.full(mean.size, level), empty][: 2 if solvent is None else 3])
        weight = 1.0 / (mean * one)
        matrix = np.einsum("iq,fq,jq->fij", shapes, weight, shapes)
        if bins.sum() <= FEWEST or np.any(np.linalg.cond(matrix) > ALIKE):
            return None
        covariance = np.linalg.inv(matrix)
        off = weight * (self.values[:, bins] - mean)
        return _Apart(np.einsum("fij,jq,fq->fi", covariance, shapes, off), covariance)


def _squares(x: FloatArray, variance: FloatArray) -> float:
    """chi-squared about the mean."""
    weight = 1.0 / variance
    return float(weight @ np.square(x - float(weight @ x / weight.sum())))


def _likelihoods(groups: Sequence[_Group], fixed: Sequence[FloatArray], trial: FloatArray) -> FloatArray:
    """Restricted log-likelihood of all groups for each noise beyond `fixed`, (trial,)."""
    return np.sum([_likelihood(g.x, v + np.square(trial)[:, None]) for g, v in zip(groups, fixed, strict=True)], axis=0)


def _scatter(groups: Sequence[_Group]) -> float:
    """chi-squared about the group's means with the noise of frame and monitor counts."""
    return sum(_squares(group.x, group.counting + group.monitor) for group in groups)


def _likelihood(x: FloatArray, variance: FloatArray) -> FloatArray:
    """Restricted log-likelihood of values `x` (frame,) of one unknown mean with these variances (..., frame)."""
    weight = 1.0 / variance
    whole = weight.sum(axis=-1)
    squares = np.sum(weight * np.square(x - ((weight @ x) / whole)[..., None]), axis=-1)
    return np.asarray(-0.5 * (np.sum(np.log(variance), axis=-1) + np.log(whole) + squares))


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
