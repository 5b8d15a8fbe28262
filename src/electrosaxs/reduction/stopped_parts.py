"""Parts of the detector that stop counting during a series: a module, a chip, that reads one number in all its pixels.

A part that reads 0 lowers the mean of every q bin that it crosses, by whole azimuths. Its pixels are left out of the frames in
which it stands still, and only of these. Looked at are a few pixels of each part, so that a frame takes no longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PART_PIXELS = 60
"""Side of a part; chips of hybrid pixel detectors have 60 to 256 pixels."""
LOOKED_AT = 64
"""Pixels of each part, evenly spread."""
FEWEST = 32
EXPECTED = 30.0
"""Counts that the pixels of a part should show together before 0 in all of them means that it has stopped: exp(-30)."""
NEAR_IN_Q = 201
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StoppedParts:
    """Which pixels belong to which part. part, module (used,): of each used pixel, part -1 for none; module_of (part,); sample
    (part, LOOKED_AT): flat index of the pixels looked at; by_q: these, flattened, in the order of q."""

    pixel: npt.NDArray[np.intp]
    part: npt.NDArray[np.int64]
    module: npt.NDArray[np.int64]
    module_of: npt.NDArray[np.int64]
    sample: npt.NDArray[np.intp]
    by_q: npt.NDArray[np.intp]

    @classmethod
    def of(cls, gaps: BoolArray, pixel: npt.NDArray[np.intp], bins: npt.NDArray[np.int64]) -> StoppedParts:
        """gaps: (y, x), where the detector has no pixel; pixel, bins (used,): flat index and q bin of the used pixels."""
        part, module = (image.ravel()[pixel] for image in _parts(gaps))
        order = np.argsort(part, kind="stable")
        parts, first, count = np.unique(part[order], return_index=True, return_counts=True)
        kept = (count >= FEWEST) & (parts >= 0)
        number = np.full(int(part.max(initial=0)) + 1, -1)
        number[parts[kept]] = np.arange(int(kept.sum()))
        spread = (np.arange(LOOKED_AT) + 0.5) / LOOKED_AT
        chosen = order[(first[kept, None] + spread * count[kept, None]).astype(np.intp)]
        by_q = np.argsort(bins[chosen].ravel(), kind="stable")
        belongs = np.where(part >= 0, number[part], -1)
        return cls(pixel, belongs, module, module[chosen[:, 0]], pixel[chosen], by_q)

    def stopped(self, pixels: npt.NDArray[np.unsignedinteger], negative_from: int) -> BoolArray:
        """(part,) True where a frame (flat, as `azimuthal.comparable` has it) shows one number in all pixels of a part.

        0 counts where EXPECTED counts should be there, judged by pixels of the same q in the other parts, or where all other
        parts of the module read one number and in one of them they should be there.
        """
        shown = pixels[self.sample]
        one = np.all(shown == shown[:, :1], axis=1) | np.all(shown >= negative_from, axis=1)
        if one.all():  # a dark frame, or one without beam: nothing tells which part should show more
            return np.zeros_like(one)
        dark = one & (shown[:, 0] == 0)
        if not dark.any():
            return np.asarray(one)
        live = np.repeat(~one, LOOKED_AT)[self.by_q]
        counts = np.where(live, shown.ravel()[self.by_q].astype(np.float64), 0.0)
        window = np.ones(min(NEAR_IN_Q, counts.size))
        near = np.convolve(counts, window, "same") / np.maximum(np.convolve(live.astype(float), window, "same"), 1.0)
        usual = np.empty_like(near)
        usual[self.by_q] = near
        sure = one & ~(dark & (usual.reshape(shown.shape).sum(axis=1) < EXPECTED))
        modules = int(self.module_of.max()) + 1
        alive, some = (np.bincount(self.module_of, x, minlength=modules) > 0 for x in (~one, sure))
        return np.asarray(sure | (some & ~alive)[self.module_of])

    def without(
        self, pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger, stopped: BoolArray
    ) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.intp]]:
        """A copy of the frame in which the pixels of `stopped` parts are at the limit, which leaves them out; and which of the
        used pixels these are."""
        modules = int(max(self.module.max(initial=0), 0)) + 1
        alive, known = (
            np.bincount(self.module_of, x, minlength=modules) > 0 for x in (~stopped, np.ones(stopped.size))
        )
        gone = np.flatnonzero(((self.part >= 0) & stopped[self.part]) | (known & ~alive)[self.module])
        marked = pixels.copy()
        marked[self.pixel[gone]] = limit
        marked.flags.writeable = False
        return marked, gone


def _parts(gaps: BoolArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number of the part and of the module of each pixel, (y, x): modules are parted by gaps, and made of squares of
    PART_PIXELS; -1 and 0 in gaps."""
    from scipy.ndimage import find_objects, label

    modules: npt.NDArray[np.int64] = np.zeros(gaps.shape, dtype=np.int64)
    label(~gaps, output=modules)
    place = np.indices(gaps.shape)
    y, x = place[0], place[1]
    part = np.full(gaps.shape, -1, dtype=np.int64)
    first = 0
    for number, box in enumerate(find_objects(modules), start=1):
        across = -(-(box[1].stop - box[1].start) // PART_PIXELS)
        cell = (y[box] - box[0].start) // PART_PIXELS * across + (x[box] - box[1].start) // PART_PIXELS
        inside = modules[box] == number
        part[box][inside] = first + cell[inside]
        first += int(cell.max()) + 1
    return part, modules
