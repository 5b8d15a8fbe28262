"""Frames whose scattering is too little or too much as a whole, solvent and particles alike: a monitor or a transmission that
was read wrong by less than the light alone tells, or gas in the beam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.missing_solvent import MissingSolvent
from ...analysis.concentration.scaled_frames import Cause, ScaledFrames
from ...analysis.concentration.two_measures import worst_nearby
from ...analysis.footprint.surface import JUDGES
from ...nouns import FloatArray
from ...nouns.contributions import GAS, NORMALISATION

ALONE = 4.5
"""Sigmas from which on one frame is out for itself (chosen: one clean frame in 50,000)."""
LIKELY, TOGETHER = 2.5, 5.5
"""Sigmas from which on a frame with gas counts together with others of its height, and those of all (chosen)."""
THERE = 3.0
"""Sigmas that are enough where gas was found."""
UNCERTAIN = 3.0
"""Sigmas from which on what is not significant is in phi's sigma (chosen: one clean frame in some hundreds)."""
LEAST_SHARE = 0.005
"""Of the path (chosen): less is not called gas."""
FEWEST_WHOLE = 2
"""Scans without gas that tell what passes an electrode."""
PASSES = 6
BoolArray = npt.NDArray[np.bool_]
Place = tuple[int, int]


@dataclass(frozen=True)
class Reason:
    """Why a frame is left out: what it may be scaled by, the likeliest first, and in words."""

    causes: tuple[Cause, ...]
    words: str


@dataclass(frozen=True, eq=False)
class Scaled:
    """What the frames that are not `left_out` show. there (height,): largest share of gas in frames that are out; cut
    (height,): where the electrode cuts the beam, from which gas rises; gain (scan, height): what phi as the mean over the beam
    changes by with what the frame shows, relative; noise: of every frame's monitor or transmission, which is in its sigma."""

    frames: ScaledFrames
    left_out: BoolArray
    there: FloatArray
    cut: BoolArray
    gain: FloatArray
    noise: float = 0.0

    @property
    def found(self) -> BoolArray:
        """(scan, height) frames that are out: single ones, the worst of its surroundings first, as it spoils those; and those
        with gas of one height together, as it stays for a while."""
        alone = worst_nearby(self.frames.within(self.noise).significance, ALONE)
        gas = self.frames.by(Cause.GAS)
        shown = np.where((gas.share > LEAST_SHARE) & ~self.left_out, gas.significance, 0.0)
        likely = np.where(shown > LIKELY, shown, 0.0)
        together = np.sqrt(np.sum(np.square(likely), axis=0)) > TOGETHER
        stays = ((likely > 0.0) & together) | ((self.there > 0.0) & (shown > THERE))
        return np.asarray((alone | stays) & ~self.left_out)

    @property
    def unseen(self) -> dict[str, FloatArray]:
        """Contribution -> relative sigma of phi by what one frame alone does not say enough of. Where gas was found, or scans
        that follow each other at the electrode say it together, all that it may be in each of these frames."""
        gas, shape = self.frames.by(Cause.GAS), self.left_out.shape
        uncertain = (np.abs(self.frames.significance) > UNCERTAIN) & ~self.left_out
        first = np.array(
            [[self.frames.likely(i, j)[:1] == (Cause.GAS,) for j in range(shape[1])] for i in range(shape[0])]
        )
        size = np.abs(self.frames.share)
        with np.errstate(invalid="ignore"):
            hidden = np.hypot(np.maximum(gas.share, 0.0), np.where(np.isfinite(gas.sigma), gas.sigma, 0.0))
        there = self.there > 0.0
        hidden = np.where(there, np.minimum(hidden, self.there), hidden)
        longer = (there | self.cut) & np.isfinite(gas.sigma) & ~self.left_out
        stretch = np.where(there, longer, _stretches(gas.share, gas.sigma, longer))
        of_gas = np.where(stretch, hidden, np.where(uncertain & first, size, 0.0))
        of_others = np.where(uncertain & ~first & ~stretch, size, 0.0)
        return {GAS: self.gain * of_gas, NORMALISATION: self.gain * of_others}

    def reason(self, place: Place) -> Reason:
        """Why a frame is left out."""
        gas = self.frames.by(Cause.GAS)
        causes = self.frames.likely(*place) or (Cause.GAS,)
        share, sigmas = float(self.frames.share[place]), abs(float(self.frames.significance[place]))
        if causes[0] == Cause.GAS:
            together = np.argwhere(self.found[:, place[1]]).size > 1 or self.there[place[1]] > 0.0
            also = ", as it is from others of this height" if together else ""
            said = f"gas in the beam: {100.0 * float(gas.share[place]):.2g} % of the solvent is missing from the curve"
            return Reason((Cause.GAS,), f"{said} ({min(sigmas, 999.0):.0f} sigma){also}")
        blamed = tuple(cause for cause in causes if cause != Cause.GAS)
        way = "high: less" if share > 0.0 else "low: more"
        return Reason(
            blamed,
            f"{' or '.join(blamed)} read {100.0 * abs(share):.2g} % too {way} of solvent and particles scatters alike"
            f" ({min(sigmas, 999.0):.0f} sigma)",
        )


def with_scaled(
    shown: Callable[[BoolArray, FloatArray], Scaled | None], left_out: BoolArray
) -> tuple[BoolArray, dict[Place, Reason], dict[str, FloatArray]]:
    """`left_out` (scan, height) and the frames that are scaled; why, by place; and what single frames do not say enough of.

    shown: what the others show while some are left out, given also the share of gas that was found at each height."""
    reasons: dict[Place, Reason] = {}
    there = np.zeros(left_out.shape[1])
    unseen: dict[str, FloatArray] = {}
    for _ in range(PASSES):
        scaled = shown(left_out, there)
        if scaled is None:
            return left_out, reasons, {}
        found, unseen = scaled.found, scaled.unseen
        if not found.any():
            break
        places = [(int(i), int(j)) for i, j in np.argwhere(found)]
        reasons |= {place: scaled.reason(place) for place in places}
        gas = [place for place in places if scaled.frames.likely(*place)[:1] in ((Cause.GAS,), ())]
        there = scaled.there.copy()
        for place in gas:
            there[place[1]] = max(there[place[1]], float(scaled.frames.by(Cause.GAS).share[place]))
        left_out = left_out | found
    return left_out, reasons, {name: np.where(left_out, 0.0, sigma) for name, sigma in unseen.items()}


def gas_at_the_edge(solvent: MissingSolvent, lighter: FloatArray, sigma: FloatArray, cut: BoolArray) -> BoolArray:
    """(scan, height) frames with gas where the electrode cuts the beam and it stays in so many scans that what passes there
    cannot be told from the light alone: solvent is missing, and more light passes than in the scans in which none is.

    lighter: of ln T, by scattering and light, with its sigma; cut (height,)."""
    with np.errstate(invalid="ignore"):
        lacks = np.nan_to_num(solvent.share / solvent.sigma) * np.isfinite(lighter)
    gas = np.zeros(lighter.shape, dtype=bool)
    for column in np.flatnonzero(cut):
        whole = np.isfinite(lighter[:, column]) & (np.abs(lacks[:, column]) < LIKELY)
        if whole.sum() < FEWEST_WHOLE:
            continue
        usual = float(np.median(lighter[whole, column]))
        more = lighter[:, column] - usual > THERE * sigma[:, column]
        likely = more & (lacks[:, column] > LIKELY) & (solvent.share[:, column] > LEAST_SHARE)
        if np.sqrt(np.sum(np.square(lacks[likely, column]))) > TOGETHER:
            gas[:, column] = likely
    return gas


def near_in_time(missing: BoolArray) -> BoolArray:
    """(scan, height) places of which one of the two scans before or after holds the height: beyond them nothing is foretold."""
    padded = np.pad(~missing, ((JUDGES, JUDGES), (0, 0)))
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * JUDGES + 1, axis=0)
    return np.asarray(np.delete(around, JUDGES, axis=-1).any(axis=-1))


def _stretches(share: FloatArray, sigma: FloatArray, told: BoolArray) -> BoolArray:
    """(scan, height) the scans in a row whose mean share is the most sigmas, where it is more than UNCERTAIN."""
    best = np.zeros(told.shape, dtype=bool)
    for column in np.flatnonzero(told.any(axis=0)):
        weight = np.where(told[:, column], 1.0 / np.square(sigma[:, column]), 0.0)
        total = np.concatenate([[0.0], np.cumsum(weight)])
        content = np.concatenate([[0.0], np.cumsum(np.where(weight > 0.0, weight * share[:, column], 0.0))])
        most, stretch = UNCERTAIN, slice(0)
        for first in np.flatnonzero(told[:, column]).tolist():
            weights = total[first + 1 :] - total[first]  # above 0: the first scan of the stretch tells
            found = (content[first + 1 :] - content[first]) / np.sqrt(weights)
            end = int(np.argmax(found))
            if found[end] > most:
                most, stretch = float(found[end]), slice(first, first + 1 + end)
        best[stretch, column] = told[stretch, column]
    return best
