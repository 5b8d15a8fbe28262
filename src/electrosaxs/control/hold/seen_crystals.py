"""What frames at the anode see of crystals: less than flat ones would give, by shares that all frames have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .least_squares import Rows

SEEN, SEEN_FOLDS = 0.65, 0.5
"""What a beam at the anode reads of crystals over what it would of flat ones, and the sigma of its logarithm: they stand on a
rough, tilted anode."""
GROWN, DISORDERED = 0.2, 0.5
"""By so much the logarithm of what shows may change while crystals grow, that in the shadow of others, say; by so much less
lines may show than phi does: a deposit is not all crystal (chosen)."""
SHARES = np.array([SEEN_FOLDS, GROWN, DISORDERED])
"""Sigmas of those unknowns."""
SEEN_SPREAD = 0.1
"""Scatter between frames of what crystals read, of that; what is above all frames share."""


@dataclass(frozen=True, eq=False)
class SeenCrystals:
    """Crystals of a run: what frames would read of flat ones, (frame,), and its derivatives (frame, unknown).

    near (frame,): whether the beam touches the anode. lines (2, frame): phi of the crystals whose lines a frame shows, and its
    sigma, NaN where none were seen. shares (3,): where the unknowns of SHARES are, from SEEN, no change and no difference.
    """

    crystals: FloatArray
    slope: FloatArray
    near: npt.NDArray[np.bool_]
    lines: FloatArray
    shares: FloatArray

    def against(self, rows: Rows, own_sigma: FloatArray, scatter: float) -> Rows:
        """Frames against the run, with the columns of SHARES; `scatter`: of what crystals read, between frames."""
        there = np.where(self.near, self.crystals, 0.0)
        seen, slope, by_shares = self._read(there, np.where(self.near[:, None], self.slope, 0.0), 0.0)
        sigma = np.where(self.near, np.hypot(own_sigma, scatter * np.abs(there)), rows.sigma)
        slope = np.concatenate([rows.slope + slope, by_shares], axis=1)
        return Rows(rows.measured - seen, sigma, rows.predicted, slope)

    def against_lines(self) -> Rows:
        """The crystals that lines show, the same way."""
        here = np.isfinite(self.lines[0])
        phi, own = self.lines[:, here]
        seen, slope, by_shares = self._read(self.crystals[here], self.slope[here], 1.0)
        slope = np.concatenate([slope, by_shares], axis=1)
        return Rows(phi - seen, np.hypot(own, SEEN_SPREAD * phi), np.zeros(phi.size), slope)

    def _read(
        self, crystals: FloatArray, slope: FloatArray, by_lines: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What is read of crystals, and its derivatives by the run's unknowns and by the shares."""
        grown = np.clip(crystals / max(float(self.crystals.max(initial=0.0)), 1e-30), 0.0, 1.0)
        share = SEEN * np.exp(self.shares[0] + self.shares[1] * grown - by_lines * self.shares[2])
        seen = share * crystals
        return seen, share[:, None] * slope, np.column_stack([seen, grown * seen, -by_lines * seen])

    def shown(self) -> float:
        """Of these crystals, what all lines together show."""
        seen = np.isfinite(self.lines[0])
        crystals = self.crystals[seen]
        return float(self.lines[0, seen] @ crystals) / max(float(crystals @ crystals), 1e-30)
