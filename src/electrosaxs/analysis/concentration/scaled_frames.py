"""Frames all of whose scattering, solvent and particles alike, is too little or too much by one share x.

    solvent missing from the curve = x      neighbours' phi less its own = x      ln T, seen less expected from phi = c x

A monitor that reads x too high leaves the transmission alone, so that phi, too small by x, expects too much light: c = -own, by
which the expected depth changes with the frame's phi (the depth itself where the profile is flat). A transmission that reads x
too high: c = 1 - own. Gas in x of the path lets the light of its solvent and particles through: c = their depths - own.
Each measure says little where the others say much: the light where few particles are, the solvent where many scatter, the
neighbours where the layer is steep; together they tell the size, and which of the three it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

ROUNDING = 1e-9
"""Of their squares over sigma: by less than that no measure tells one cause from another."""
EQUAL = 4.0
"""Difference of chi-squared within which two causes are as likely."""
SUSPICIOUS, LEAST_GAS = 2.0, 1.0
"""Sigmas of its own curve and light from which on a frame's neighbours are asked and it is not asked itself, and those of gas
at an electrode (chosen)."""
BoolArray = npt.NDArray[np.bool_]


class Cause(StrEnum):
    """What a frame as a whole is scaled by."""

    MONITOR = "monitor"
    TRANSMISSION = "transmission"
    GAS = "gas"


@dataclass(frozen=True, eq=False)
class Measure:
    """One measure of x, (scan, height): value is c x; NaN where it says nothing."""

    value: FloatArray
    sigma: FloatArray

    def alone(self, response: FloatArray | float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of c = response: sums of c^2 / sigma^2, c value / sigma^2 and value^2 / sigma^2."""
        known = np.isfinite(self.value) & np.isfinite(self.sigma) & (self.sigma > 0.0)
        weight = np.where(known, 1.0 / np.square(np.where(known, self.sigma, 1.0)), 0.0)
        value = np.where(known, self.value, 0.0)
        return weight * np.square(response), weight * response * value, weight * np.square(value)


@dataclass(frozen=True, eq=False)
class Shares:
    """Of one cause (scan, height): share x, its sigma (infinite where nothing tells) and chi-squared of the measures about it;
    sigma is larger where they contradict each other."""

    cause: Cause
    share: FloatArray
    sigma: FloatArray
    misfit: FloatArray

    @property
    def significance(self) -> FloatArray:
        """x over its sigma; 0 where it would be a negative share of gas."""
        return np.where((self.cause != Cause.GAS) | (self.share > 0.0), self.share / self.sigma, 0.0)


@dataclass(frozen=True, eq=False)
class ScaledFrames:
    """All causes; the frames' own measures."""

    causes: tuple[Shares, ...]

    @classmethod
    def of(
        cls,
        solvent: Measure,
        light: Measure,
        neighbours: Measure | None,
        *,
        depth: FloatArray,
        own: FloatArray,
        solvent_depth: float,
    ) -> ScaledFrames:
        """depth (scan, height): expected of the particles; own: d depth / d ln phi of the frame; neighbours: None where they
        were not asked."""
        responses = {Cause.MONITOR: -own, Cause.TRANSMISSION: 1.0 - own, Cause.GAS: solvent_depth + depth - own}
        found = []
        for cause, response in responses.items():
            sums = [solvent.alone(1.0), light.alone(np.nan_to_num(response))]
            sums += [] if neighbours is None else [neighbours.alone(1.0)]
            square, cross, square_sum = (np.sum(parts, axis=0) for parts in zip(*sums, strict=True))
            count = np.sum([part[0] > 0.0 for part in sums], axis=0)
            told = square > 0.0
            share = np.where(told, cross / np.where(told, square, 1.0), 0.0)
            sigma = np.where(told, 1.0 / np.sqrt(np.where(told, square, 1.0)), np.inf)
            misfit = square_sum - share * cross
            misfit = np.where(misfit > ROUNDING * square_sum, misfit, 0.0)  # alike: the first is the likeliest
            beyond = np.sqrt(np.maximum(misfit / np.maximum(count - 1.0, 1.0), 1.0))  # Birge 1932
            found.append(Shares(cause, share, sigma * beyond, misfit))
        return cls(tuple(found))

    def suspicious(self, there: BoolArray) -> BoolArray:
        """(scan, height) frames whose neighbours are to be asked; there (height,): where gas was found, or may rise from an
        electrode."""
        gas = self.by(Cause.GAS).significance > LEAST_GAS
        return np.asarray((np.abs(self.significance) > SUSPICIOUS) | (there & gas))

    def only(self, asked: BoolArray) -> ScaledFrames:
        """The same of the frames `asked`, as if nothing told of the others."""
        return ScaledFrames(
            tuple(Shares(one.cause, one.share, np.where(asked, one.sigma, np.inf), one.misfit) for one in self.causes)
        )

    def within(self, noise: float) -> ScaledFrames:
        """The same where monitor or transmission of every frame are noisy by so much, which is in each one's sigma: what such
        noise makes of a frame is no fault of it."""
        return ScaledFrames(
            tuple(
                one if one.cause == Cause.GAS else Shares(one.cause, one.share, np.hypot(one.sigma, noise), one.misfit)
                for one in self.causes
            )
        )

    @property
    def significance(self) -> FloatArray:
        """(scan, height) of the likeliest cause, with the sign of x."""
        return self._best(np.stack([one.significance for one in self.causes]))

    @property
    def share(self) -> FloatArray:
        """x of the likeliest cause."""
        return self._best(np.stack([one.share for one in self.causes]))

    def by(self, cause: Cause) -> Shares:
        return next(one for one in self.causes if one.cause == cause)

    def likely(self, scan: int, height: int) -> tuple[Cause, ...]:
        """Causes that explain a frame about as well as the likeliest does, that one first."""
        possible = [one for one in self.causes if one.significance[scan, height] != 0.0]
        order = sorted(possible, key=lambda one: float(one.misfit[scan, height]))
        return tuple(one.cause for one in order if one.misfit[scan, height] < order[0].misfit[scan, height] + EQUAL)

    def _best(self, values: FloatArray) -> FloatArray:
        possible = np.stack([one.significance for one in self.causes]) != 0.0
        misfit = np.where(possible, np.stack([one.misfit for one in self.causes]), np.inf)
        best = np.argmin(misfit, axis=0)
        chosen = np.take_along_axis(values, best[None], axis=0)[0]
        return np.where(possible.any(axis=0), chosen, 0.0)
