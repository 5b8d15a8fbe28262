"""Counts that end at a number nobody stated: a counter that is full, a file that was written with fewer bits.

Many pixels then show the very same largest count. These are left out as saturated ones are; a q bin of which more than a few
are is left out of the frame, because those of its pixels that are left have counted too little by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .azimuthal_kernels import largest_count

LOOKED_AT = 40_000
"""Pixels, those nearest the beam: where a curve of particles is brightest."""
LEAST_TOP = 50
"""Counts: below, many pixels share their largest count by chance."""
FEWEST_ALIKE = 20
FEWEST_OF_A_BIN, SHARE_OF_A_BIN = 2, 0.003
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Clipping:
    """pixel, bins (used,): flat index and q bin of the used pixels; bright: flat index of those looked at; per_bin (bins,)."""

    pixel: npt.NDArray[np.intp]
    bins: npt.NDArray[np.int64]
    bright: npt.NDArray[np.intp]
    per_bin: npt.NDArray[np.int64]

    @classmethod
    def of(cls, pixel: npt.NDArray[np.intp], bins: npt.NDArray[np.int64], per_bin: npt.NDArray[np.int64]) -> Clipping:
        last = int(np.searchsorted(np.cumsum(per_bin), LOOKED_AT))
        return cls(pixel, bins, pixel[bins <= last], per_bin)

    def limit(self, pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger) -> np.unsignedinteger:
        """The count at which a frame (flat, as `azimuthal.comparable` has it) is clipped, at most `limit`."""
        top, alike = largest_count(pixels, limit, self.bright)
        return pixels.dtype.type(top) if ends_there(top, alike) else limit

    def spoilt(
        self, pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger, stated: np.unsignedinteger
    ) -> BoolArray:
        """(bins,) True where more pixels than single hot ones are at `limit` or beyond it, below the `stated` one."""
        shown = pixels[self.pixel]
        full = np.bincount(self.bins[(shown >= limit) & (shown < stated)], minlength=self.per_bin.size)
        return np.asarray(full >= np.maximum(FEWEST_OF_A_BIN, SHARE_OF_A_BIN * self.per_bin))


def ends_there(top: int, alike: int) -> bool:
    """Whether the counts of a frame are clipped at their largest, which so many pixels show."""
    return top >= LEAST_TOP and alike >= FEWEST_ALIKE
