"""Frames whose scattering is too little or too much as a whole, solvent and particles alike: a monitor or a transmission that was
read wrong by less than the light alone tells, or gas in the beam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.scaled_frames import GAS, MONITOR, TRANSMISSION, ScaledFrames
from ...nouns import FloatArray
from ...nouns.contributions import GAS as GAS_SIGMA
from ...nouns.contributions import NORMALISATION

SUSPICIOUS = 2.5
"""Sigmas of its own curve and light from which on a frame's neighbours are asked (chosen)."""
ALONE = 4.5
"""Sigmas from which on one frame is out for itself (chosen: one clean frame in 50,000)."""
LIKELY, TOGETHER = 2.5, 5.5
"""Sigmas from which on a frame with gas counts together with others of its height, and those of all (chosen)."""
THERE = 2.0
"""Sigmas that are enough where gas was found."""
UNCERTAIN = 3.0
"""Sigmas from which on what is not significant is in phi's sigma (chosen: one clean frame in some hundreds)."""
LEAST_SHARE = 0.005
"""Of the path (chosen): less is not called gas."""
PASSES = 4
BoolArray = npt.NDArray[np.bool_]
Place = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Scaled:
    """What the frames that are not `left_out` show; there (height,): where frames are out that had gas."""

    frames: ScaledFrames
    left_out: BoolArray
    there: BoolArray

    @property
    def found(self) -> BoolArray:
        """(scan, height) frames that are out: single ones, and those with gas of one height together, as it stays for a while."""
        alone = np.abs(self.frames.significance) > ALONE
        gas = self.frames.by(GAS)
        shown = np.where((gas.share > LEAST_SHARE) & ~self.left_out, gas.significance, 0.0)
        likely = np.where(shown > LIKELY, shown, 0.0)
        together = np.sqrt(np.sum(np.square(likely), axis=0)) > TOGETHER
        stays = ((likely > 0.0) & together) | (self.there & (shown > THERE))
        return np.asarray((alone | stays) & ~self.left_out)

    @property
    def unseen(self) -> dict[str, FloatArray]:
        """Contribution -> relative sigma of phi by what one frame alone does not say enough of."""
        uncertain = np.argwhere((np.abs(self.frames.significance) > UNCERTAIN) & ~self.left_out)
        sigmas = {name: np.zeros(self.left_out.shape) for name in (GAS_SIGMA, NORMALISATION)}
        for i, j in uncertain:
            name = GAS_SIGMA if self.frames.likely(int(i), int(j))[0] == GAS else NORMALISATION
            sigmas[name][i, j] = abs(self.frames.share[i, j])
        return sigmas

    def words(self, place: Place) -> str:
        """Why a frame is left out."""
        gas = self.frames.by(GAS)
        causes = self.frames.likely(*place) or (GAS,)
        share, sigmas = float(self.frames.share[place]), abs(float(self.frames.significance[place]))
        if causes[0] == GAS:
            together = np.argwhere(self.found[:, place[1]]).size > 1 or self.there[place[1]]
            also = ", as it is from others of this height" if together else ""
            said = f"gas in the beam: {100.0 * float(gas.share[place]):.2g} % of the solvent is missing from the curve"
            return f"{said} ({min(sigmas, 999.0):.0f} sigma){also}"
        who = " or ".join(cause for cause in causes if cause in (MONITOR, TRANSMISSION))
        way = "high: less" if share > 0.0 else "low: more"
        return (
            f"{who} read {100.0 * abs(share):.2g} % too {way} of solvent and particles scatters alike"
            f" ({min(sigmas, 999.0):.0f} sigma)"
        )


def with_scaled(
    shown: Callable[[BoolArray, BoolArray], Scaled | None], left_out: BoolArray
) -> tuple[BoolArray, dict[Place, str], dict[str, FloatArray]]:
    """`left_out` (scan, height) and the frames that are scaled; why, by place; and what single frames do not say enough of.

    shown: what the others show while some are left out, given also at which heights gas was found."""
    words: dict[Place, str] = {}
    there = np.zeros(left_out.shape[1], dtype=bool)
    unseen: dict[str, FloatArray] = {}
    for _ in range(PASSES):
        scaled = shown(left_out, there)
        if scaled is None:
            return left_out, words, {}
        found, unseen = scaled.found, scaled.unseen
        if not found.any():
            break
        places = [(int(i), int(j)) for i, j in np.argwhere(found)]
        words |= {place: scaled.words(place) for place in places}
        there = there.copy()
        for place in places:
            there[place[1]] |= scaled.frames.likely(*place)[:1] in ((GAS,), ())
        left_out = left_out | found
    return left_out, words, {name: np.where(left_out, 0.0, sigma) for name, sigma in unseen.items()}
