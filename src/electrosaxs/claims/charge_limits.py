"""Which effective charges reproduce each statement of the paper, and all of them together.

Each statement is a quantity of the model that rises with the charge, and the values that the statement allows. Solved
for the charge with everything else as in the experiment files; once with the sizes of the starting solution, once with
all particles alike, which drift less (charge goes with d^2 and phi counts large particles more).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ..nouns import Experiment
from ..nouns.claims import ChargeRange
from ..nouns.nucleation import ONSET_BAND
from ..transport import CellHistory, SizeClasses, point_weights
from .cells import Campaign, history, minutes, one_size, slice_mean
from .paper import ABOUT, LAST_PROFILE_S, SILENT_S, TENFOLD, TENFOLD_M

CHARGES = (0.01, 0.15)
"""Charges between which limits are looked for (e)."""
XTOL = 2e-5


@dataclass(frozen=True, eq=False)
class Statement:
    """`quantity` of the history of `experiment` at the end of `duration` (s) lies between low and high (None: open)."""

    key: str
    words: str
    experiment: Experiment
    duration: float
    quantity: Callable[[CellHistory], float]
    low: float | None = None
    high: float | None = None
    chosen: bool = False

    def at(self, charge: float, sizes: SizeClasses | None = None) -> float:
        """The quantity at an effective charge (e)."""
        times = minutes(self.duration)[1:]
        return self.quantity(history(self.experiment, times, sizes=sizes, effective_charge=charge))

    def range(self) -> ChargeRange:
        """The charges for which it holds, with sizes and with one size."""
        alike = one_size(self.experiment)
        low, high = self._charge(self.low, None), self._charge(self.high, None)
        one_low, one_high = self._charge(self.low, alike), self._charge(self.high, alike)
        return ChargeRange(self.key, self.words, low, high, one_low, one_high, self.chosen)

    def _charge(self, level: float | None, sizes: SizeClasses | None) -> float | None:
        if level is None:
            return None
        return float(brentq(lambda charge: self.at(charge, sizes) - level, *CHARGES, xtol=XTOL))


def rise(run: CellHistory) -> float:
    """Mean phi of the lowest 250 um at the end, over the start."""
    return float(run.slice_phi(TENFOLD_M)[-1] / run.start_phi.sum())


def contrast(run: CellHistory) -> float:
    """phi of the lowest slice over phi at 250 um, at the end: the other reading of "rises 10 times within 250 um"."""
    return float(slice_mean(run)[-1] / (run.total_phi()[-1] @ point_weights(run.z, [TENFOLD_M])[0]))


def largest_slice(run: CellHistory) -> float:
    """Largest mean phi of the lowest 50 um."""
    return float(slice_mean(run).max())


def statements(campaign: Campaign) -> tuple[Statement, ...]:
    """What the paper says that an effective charge has to reproduce."""
    cell, band, about = campaign.in_situ, ONSET_BAND[0], (TENFOLD * (1.0 - ABOUT), TENFOLD * (1.0 + ABOUT))

    def grows(voltage: float, words: str) -> Statement:
        duration = cell[voltage].scan.duration_s
        return Statement(f"growth_{voltage:.0f}V", words, cell[voltage], duration, largest_slice, low=band)

    return (
        Statement(
            "silence", "14 V/cm: below the onset band for 3 h", cell[5.0], SILENT_S, largest_slice, high=band
        ),
        grows(10.0, "28 V/cm: band reached within 3 h"),
        grows(20.0, "57 V/cm: band reached within 55 min"),
        grows(30.0, "86 V/cm: band reached within 55 min"),
        Statement("rise", "57 V/cm: tenfold in time, below 250 µm", cell[20.0], LAST_PROFILE_S, rise, *about, True),
        Statement("contrast", "57 V/cm: tenfold in height, 250 to 0 µm", cell[20.0], LAST_PROFILE_S, contrast, *about, True),
    )  # fmt: skip


def common(ranges: Sequence[ChargeRange], *, alike: bool = False) -> tuple[float, float]:
    """Charges for which all of `ranges` hold (low, high); low above high where none does. alike: with one size."""
    lows = [r.one_low if alike else r.low for r in ranges]
    highs = [r.one_high if alike else r.high for r in ranges]
    return max(x for x in lows if x is not None), min((x for x in highs if x is not None), default=np.inf)
