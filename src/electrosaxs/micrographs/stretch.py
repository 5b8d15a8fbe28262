"""Whether all islands of an image are stretched along one axis, as a tilted view or a scan with unequal axes shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..nouns import FloatArray
from ..nouns.islands import Island
from .morphology import Mask

FEWEST = 12
"""Islands that stand alone, below which an image says nothing (chosen)."""
WELL_SEEN = 0.8
MUCH = 0.1
"""Length along over that across, less 1, from which on densities and lengths are off by more than their sigmas hold: the view
is tilted by 25 degrees, or what is seen are letters or other bodies that all stand upright."""
SIGMAS, LEAST = 3.5, 2e-3
"""How sure a stretch must be, and how large, to be said: 2e-3 is a tilt of 3.6 degrees (chosen)."""
MEDIAN = 1.2533
"""Standard error of a median over that of a mean, of normal values: sqrt(pi / 2)."""
MAD = 1.4826


@dataclass(frozen=True)
class Stretch:
    """relative: length along `axis_deg` (0 along rows, counter-clockwise as one sees it) over that across it, less 1; sigma of
    it; islands: how many tell it."""

    relative: float
    sigma: float
    axis_deg: float
    islands: int

    @property
    def words(self) -> str:
        tilt = float(np.degrees(np.arccos(min(1.0, 1.0 / (1.0 + self.relative)))))
        doubt = "perhaps not triangular, or tilted: " if self.relative > MUCH else ""
        return doubt + (
            f"stretched: {self.islands} islands are {self.relative:.1%} ± {self.sigma:.1%} longer along {self.axis_deg:.0f}° "
            f"than across, as in a view tilted by {tilt:.0f}° or a scan with unequal axes; not corrected"
        )


def stretch(islands: Sequence[Island], mask: Mask) -> Stretch | None:
    """The stretch that islands which stand alone have in common; None where it is too small or too unsure to be said.

    The second moments of an equilateral triangle, its tips cut alike or not, are the same in all directions; those of one
    seen shorter by c along an axis are shorter by c^2 there, however it is rotated.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    rows, columns = mask.shape
    at = [labels[int(np.clip(round(i.y), 0, rows - 1)), int(np.clip(round(i.x), 0, columns - 1))] for i in islands]
    number = Counter(at)
    alone = [
        label for label, i in zip(at, islands, strict=True)
        if label and number[label] == 1 and not i.border and i.visible >= WELL_SEEN
    ]  # fmt: skip
    if len(alone) < FEWEST:
        return None
    places = ndimage.find_objects(labels)
    found = np.array([_anisotropy(labels[places[label - 1]] == label) for label in alone])
    middle = np.median(found, axis=0)
    spread = MAD * np.median(np.abs(found - middle), axis=0)
    sigma = float(MEDIAN * np.sqrt(np.mean(spread**2) / len(found)))
    size = float(np.hypot(*middle))
    if size < max(SIGMAS * sigma, LEAST):
        return None
    return Stretch(size, sigma, float(np.degrees(0.5 * np.arctan2(-middle[1], middle[0])) % 180.0), len(alone))


def _anisotropy(body: Mask) -> FloatArray:
    """(xx - yy, 2 xy) over xx + yy of the second moments of a body: half of ln of the ratio of its lengths, squared."""
    y, x = np.nonzero(body)
    x, y = x - x.mean(), y - y.mean()
    total = float(np.sum(x * x + y * y))
    return np.array([np.sum(x * x - y * y), 2.0 * np.sum(x * y)]) / max(total, 1e-300)
