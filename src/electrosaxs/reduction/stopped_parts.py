"""Parts of the detector that stop counting during a series: a module, a chip, that reads one number in all its pixels.

A part that reads 0 lowers the mean of every q bin that it crosses, by whole azimuths. Its pixels are left out of the frames in
which it stands still, and only of these. Looked at are a few pixels of each part, so that a frame takes no longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .azimuthal_kernels import one_number

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
    """Which pixels of an image of `shape` belong to which part. part, module (used,): of each used pixel, part -1 for none;
    module_of (part,); sample (part, LOOKED_AT): flat index of the pixels looked at; by_q: these, flattened, in the order of q.
    """

    shape: tuple[int, int]
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
        return cls((gaps.shape[0], gaps.shape[1]), pixel, belongs, module, module[chosen[:, 0]], pixel[chosen], by_q)

    def stopped(self, pixels: npt.NDArray[np.unsignedinteger], negative_from: int) -> BoolArray:
        """(part,) True where a frame (flat, as `azimuthal.comparable` has it) shows one number in all pixels of a part.

        0 counts where EXPECTED counts should be there, judged by pixels of the same q in the other parts, or where all other
        parts of the module read one number and in one of them they should be there.
        """
        one = one_number(pixels, self.sample, negative_from)
        if one.all() or not one.any():  # all: a dark frame, or one without beam; nothing tells which should show more
            return np.zeros_like(one)
        shown = pixels[self.sample]
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
        still: BoolArray = np.asarray(((self.part >= 0) & stopped[self.part]) | (known & ~alive)[self.module])
        gone = np.flatnonzero(still | self._around(pixels, still))
        marked = pixels.copy()
        marked[self.pixel[gone]] = limit
        marked.flags.writeable = False
        return marked, gone

    def _around(self, pixels: npt.NDArray[np.unsignedinteger], gone: BoolArray) -> BoolArray:
        """(used,) pixels of the parts beside `gone` that show the same number: what stands still is a rectangle of chips, which
        need not end where a part does."""
        from scipy.ndimage import find_objects, label

        image, used = np.zeros(self.shape, dtype=bool), np.zeros(self.shape, dtype=bool)
        image.ravel()[self.pixel[gone]] = True
        used.ravel()[self.pixel] = True
        shown = pixels.reshape(self.shape)
        for box in find_objects(label(image)[0]):
            value = shown[box].ravel()[int(np.argmax(image[box]))]
            grown = _grown(used, used & (shown != value), np.where(used, shown, 0), box)
            image[grown] |= used[grown] & (shown[grown] == value)
        return np.asarray(image.ravel()[self.pixel], dtype=np.bool_)


def _grown(
    used: BoolArray, other: BoolArray, counts: npt.NDArray[np.unsignedinteger], box: tuple[slice, ...]
) -> tuple[slice, slice]:
    """`box` with the lines of pixels beside it of which none shows an `other` number (y, x), where EXPECTED counts should be
    there, judged by the pixels of the same lines beside the box."""
    ends = [[box[0].start, box[0].stop], [box[1].start, box[1].stop]]
    for axis in (0, 1):
        turned = (used, other, counts) if axis == 0 else (used.T, other.T, counts.T)
        along = slice(*ends[1 - axis])
        still: BoolArray = np.asarray(~turned[1][:, along].any(axis=1))
        for side in (0, 1):
            beyond = still[: ends[axis][0]][::-1] if side == 0 else still[ends[axis][1] :]
            reach = beyond.size if beyond.all() else int(np.argmin(beyond))
            lines = (
                slice(ends[axis][0] - reach, ends[axis][0])
                if side == 0
                else slice(ends[axis][1], ends[axis][1] + reach)
            )
            pixels, inside = turned[0][lines].sum(), turned[0][lines, along].sum()
            per_pixel = turned[2][lines].sum() / max(pixels - inside, 1)
            if inside * per_pixel > EXPECTED:
                ends[axis][side] = lines.start if side == 0 else lines.stop
    return slice(*ends[0]), slice(*ends[1])


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
