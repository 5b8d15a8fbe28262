"""The sum over pixels of `azimuthal_kernels` on a graphics card: one block of threads per q bin, without atomic additions.

The pixels of a bin stand together (sorted once), each thread adds every THREADS-th of them, and the threads' sums are added
pairwise in shared memory. The order of additions is fixed, so a frame gives the same numbers each time; counts are integers and
equal those of the processor exactly, weights within rounding.

Source of the pairwise sum: M. Harris, Optimizing Parallel Reduction in CUDA (NVIDIA, 2007), sequential addressing.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import numpy.typing as npt
from numba import cuda

from .azimuthal import FrameSums, Integrator, PixelSums

THREADS = 128
"""Of a block; a power of two."""
COUNTS, LOST, NEGATIVE = range(3)


def card_name() -> str | None:
    """Name of the card that numba would use; None where there is none, or no driver for it."""
    try:
        if not cuda.is_available():
            return None
        name = cuda.get_current_device().name
    except Exception:  # numba and the driver raise kinds of their own where the driver is broken
        return None
    return name.decode() if isinstance(name, bytes) else str(name)


class CardIntegrator:
    """An `Integrator` whose pixels are added up on the card. One per process; threads may share it."""

    def __init__(self, own: Integrator) -> None:
        self.own = own
        order = np.argsort(own.bin, kind="stable")
        first = np.concatenate([[0], np.cumsum(own.pixels_per_bin)])
        self._pixel = cuda.to_device(own.pixel[order].astype(np.int64))
        self._weight = cuda.to_device(own.weight[order])
        self._first = cuda.to_device(first.astype(np.int64))

    @property
    def shape(self) -> tuple[int, int]:
        return self.own.shape

    def integrate(self, frame: npt.NDArray) -> FrameSums:
        """As `Integrator.integrate`."""
        return self.own.integrate(frame, add=self._sum_pixels)

    def _sum_pixels(
        self, pixels: npt.NDArray[np.unsignedinteger], limit: np.unsignedinteger, negative_from: int
    ) -> PixelSums:
        stream = cuda.stream()
        shown = cuda.to_device(pixels, stream=stream)
        whole = cuda.device_array((self.own.bins, 3), dtype=np.int64, stream=stream)
        gone = cuda.device_array(self.own.bins, dtype=np.float64, stream=stream)
        _sum_bins[self.own.bins, THREADS, stream](
            shown, int(limit), negative_from, self._pixel, self._weight, self._first, whole, gone
        )
        found, lost_weight = whole.copy_to_host(stream=stream), gone.copy_to_host(stream=stream)
        stream.synchronize()
        lost, negative = found[:, LOST], int(found[:, NEGATIVE].sum())
        return PixelSums(found[:, COUNTS], lost, lost_weight, negative, int(lost.sum()) - negative)


@cuda.jit
@no_type_check
def _sum_bins(pixels, limit, negative_from, pixel, weight, first, whole, gone):
    """Block b: the pixels first[b] to first[b + 1] of `pixel` (used,), sorted by bin -> whole (bins, 3), gone (bins,)."""
    integers = cuda.shared.array((3, THREADS), np.int64)
    weights = cuda.shared.array(THREADS, np.float64)
    block, thread = cuda.blockIdx.x, cuda.threadIdx.x
    counts, lost, negative, lost_weight = 0, 0, 0, 0.0
    for j in range(first[block] + thread, first[block + 1], THREADS):
        value = np.int64(pixels[pixel[j]])
        if value < limit:
            counts += value
        else:
            lost += 1
            lost_weight += weight[j]
            if value >= negative_from:
                negative += 1
    integers[COUNTS, thread], integers[LOST, thread], integers[NEGATIVE, thread] = counts, lost, negative
    weights[thread] = lost_weight
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            for row in range(3):
                integers[row, thread] += integers[row, thread + half]
            weights[thread] += weights[thread + half]
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        for row in range(3):
            whole[block, row] = integers[row, 0]
        gone[block] = weights[0]
