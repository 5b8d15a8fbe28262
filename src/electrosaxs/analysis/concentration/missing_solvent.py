"""Which share of the beam's path holds no solvent, by the flat part of each curve: gas in the cell.

The solvent scatters alike at all q and was subtracted whole, so that particles, which take its place, leave the flat part at
-phi of its level, and gas in a share s of the path at -s more. Particles that fluoresce lift it in proportion to phi: gas and
monitor then scale solvent and fluorescence alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

LEAST_SIGMA = 2e-3
"""Of the share (chosen): fluorescence and windows differ from frame to frame."""
OF_FLUORESCENCE = 0.05
"""Relative (chosen), of what goes with phi: fluorescence leaves through a solution that absorbs it otherwise than the beam."""
LEAST_FLAT = 0.2
"""Of the solvent's level (chosen): a flat part that is less says nothing in proportion."""
FEWEST = 8
UPPER_SHARE = 0.25
"""Of the bins of q, the highest, in which the solvent's level is read."""

NOISY = 1.5
"""Times what shares should scatter by, from which on more is believed (chosen: 4 sigmas of fifty frames)."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MissingSolvent:
    """share (scan, height) of the path, and its sigma; NaN where it is not known. noise: of all frames' shares beyond what they
    should scatter by, as of their monitor or transmission; 0 where they do not."""

    share: FloatArray
    sigma: FloatArray
    noise: float = 0.0


def most_gas(solvent: MissingSolvent) -> FloatArray:
    """Share of the path (scan, height) that may be gas by what is missing of the solvent."""
    return np.hypot(np.nan_to_num(solvent.share), 2.0 * np.nan_to_num(solvent.sigma, nan=1.0))


def solvent_level(solvent: FloatArray) -> float:
    """Of a solvent's curve (q,): the median of its upper quarter; NaN where nothing of it is known."""
    upper = solvent[-max(1, int(UPPER_SHARE * solvent.size)) :]
    return float(np.median(upper[np.isfinite(upper)])) if np.isfinite(upper).any() else np.nan


def missing_solvent(
    background: FloatArray, sigma: FloatArray, level: float, phi: FloatArray, *, cut: BoolArray
) -> MissingSolvent:
    """From the flat parts (scan, height) of the curves, their counting sigma, the solvent's level and phi.

    Of s = -background / level - phi what all frames have in common, and what goes with phi (fits that are not perfect,
    fluorescence), are taken off as medians, and what is left is a share of the flat part that remains, 1 - phi - medians;
    sigma is counting and OF_FLUORESCENCE, or what the frames scatter where that is more. cut (height,):
    where the electrode cuts the beam; what goes with phi is told by the other heights.
    """
    known = np.isfinite(background) & np.isfinite(sigma) & (phi > 0.0)
    if known.sum() < FEWEST or not level > 0.0:
        return MissingSolvent(np.full(phi.shape, np.nan), np.full(phi.shape, np.nan))
    share = -background / level - phi
    own = np.hypot(sigma / level, LEAST_SIGMA)
    common = float(np.median(share[known]))
    share = share - common
    tells = known & ~cut if np.any(known & ~cut) else known
    more = phi - float(np.median(phi[known]))
    tells &= more != 0.0
    slope = _weighted_median(share[tells] / more[tells], np.square(more[tells] / own[tells])) if tells.any() else 0.0
    with_phi = slope * more
    flat = np.maximum(1.0 - common - with_phi - phi, LEAST_FLAT)
    share = np.where(known, (share - with_phi) / flat, np.nan)
    own = np.sqrt(np.square(sigma / level / flat) + LEAST_SIGMA**2 + np.square(OF_FLUORESCENCE * slope * phi / flat))
    scatter = 1.4826 * float(np.median(np.abs(share[known]) / own[known]))
    noise = float(np.median(own[known])) * np.sqrt(scatter**2 - 1.0) if scatter > NOISY else 0.0
    return MissingSolvent(share, np.where(known, own * max(1.0, scatter), np.nan), float(noise))


def _weighted_median(values: FloatArray, weight: FloatArray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])
