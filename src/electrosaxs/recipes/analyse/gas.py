"""Gas in the beam that the transmission alone does not show: solvent is missing from a frame's curve, and phi lies below what
its neighbours in height and time say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.missing_solvent import MissingSolvent
from ...analysis.concentration.two_measures import SIGNIFICANT
from ...analysis.footprint.surface import Expected
from ...nouns import FloatArray

SUSPICIOUS = 2.0
"""Sigmas of missing solvent from which on a frame's neighbours are asked (chosen)."""
LIKELY = 2.5
"""Sigmas of a frame's own from which on it counts together with others of its height (chosen)."""
UNCERTAIN = 3.0
"""Sigmas from which on gas that is not significant is in phi's sigma (chosen: one clean frame in 1,000)."""
AGAINST = -3.0
"""Sigmas of less light than expected from which on it is not gas."""
LEAST_SHARE = 0.005
"""Of the path (chosen): less is not called gas."""
PASSES = 4
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class GasShare:
    """Maps (scan, height). solvent: share of the path without solvent by a frame's own curve; light: significance of what
    passes beyond what is expected; lower, lower_sigma: what ln phi lies below that of its neighbours. there (height,): where
    frames are out that lack solvent.
    """

    solvent: MissingSolvent
    light: FloatArray
    lower: FloatArray
    lower_sigma: FloatArray
    there: BoolArray

    @property
    def share(self) -> FloatArray:
        """Of the path, by the curve and by the neighbours, where these are known."""
        return self._mean()[0]

    @property
    def significance(self) -> FloatArray:
        """Sigmas by which a suspicious frame shows gas, 0 elsewhere."""
        share, sigma = self._mean()
        return np.where(suspicious(self.solvent, self.light), np.nan_to_num(share / sigma), 0.0)

    @property
    def found(self) -> BoolArray:
        """Frames that show gas, those of one height together: it stays there for a while."""
        likely = np.where(self.significance > LIKELY, self.significance, 0.0)
        together = np.sqrt(np.sum(np.square(likely), axis=0))
        return np.asarray(((likely > 0.0) & (together > SIGNIFICANT)) | (self.there & (self.significance > SUSPICIOUS)))

    @property
    def unseen(self) -> FloatArray:
        """Relative sigma of phi by gas of which one frame alone does not say enough."""
        return np.where(self.significance > UNCERTAIN, np.nan_to_num(self.share), 0.0)

    def _mean(self) -> tuple[FloatArray, FloatArray]:
        weight = [np.where(s > 0.0, 1.0 / np.square(s), 0.0) for s in (self.solvent.sigma, self.lower_sigma)]
        total = weight[0] + weight[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weight[0] * np.nan_to_num(self.solvent.share) + weight[1] * np.nan_to_num(self.lower)) / total
            return np.asarray(mean), np.asarray(1.0 / np.sqrt(total))


def suspicious(solvent: MissingSolvent, light: FloatArray) -> BoolArray:
    """(scan, height) frames that lack solvent, and into which not less light passes than their particles let."""
    with np.errstate(invalid="ignore"):
        least = np.maximum(SUSPICIOUS * solvent.sigma, LEAST_SHARE)
        return np.asarray((solvent.share > least) & (light > AGAINST))


def gas_share(
    solvent: MissingSolvent, light: FloatArray, phi: FloatArray, neighbours: Expected, left_out: BoolArray
) -> GasShare:
    """All measures of frames whose phi the `neighbours` were asked about."""
    with np.errstate(invalid="ignore", divide="ignore"):
        there = np.any(left_out & (solvent.share > UNCERTAIN * solvent.sigma), axis=0)
        within = MissingSolvent(np.where(left_out, np.nan, solvent.share), solvent.sigma)
        return GasShare(within, light, neighbours.logarithm - np.log(phi), neighbours.sigma, there)


def with_gas(
    shown: Callable[[BoolArray], GasShare | None], left_out: BoolArray
) -> tuple[BoolArray, dict[tuple[int, int], str], FloatArray]:
    """`left_out` (scan, height) and the frames that show gas; why, by place; and the relative sigma of phi by gas that is
    uncertain. shown: what the others show while some are left out."""
    words: dict[tuple[int, int], str] = {}
    for _ in range(PASSES):
        gas = shown(left_out)
        if gas is None:
            break
        if not gas.found.any():
            return left_out, words, gas.unseen
        share, significance = gas.share, gas.significance
        words |= {
            (int(i), int(j)): gas_words(float(share[i, j]), float(significance[i, j]))
            for i, j in np.argwhere(gas.found)
        }
        left_out = left_out | gas.found
    return left_out, words, np.zeros(left_out.shape)


def gas_words(share: float, significance: float) -> str:
    """Why a frame with gas is left out."""
    return (
        f"gas in the beam: {100.0 * share:.2g} % of the solvent is missing from the curve"
        f" ({min(significance, 999.0):.0f} sigma), as it is from others of this height"
    )
