"""Memory of a worker: dask starts its workers with a C library that gives each freed block back to the system at once
(MALLOC_TRIM_THRESHOLD_ = 65536). A frame of 10 MB then costs 2,500 page faults each time: as much as to read and integrate
it."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`, from malloc.h of the GNU C library."""
LARGEST = 32 * 2**20
"""Bytes; the most that the library takes for M_MMAP_THRESHOLD, and where its own thresholds end when left alone."""


def keep_freed_frames() -> bool:
    """Blocks of up to LARGEST bytes are used again by this process, as without the setting; whether the C library has been
    told. What stays is what a thread holds at one time: a frame and its packed form."""
    if sys.platform != "linux":
        return False
    tell = getattr(ctypes.CDLL(None), "mallopt", None)  # not in every C library
    return tell is not None and bool(tell(M_MMAP_THRESHOLD, LARGEST)) and bool(tell(M_TRIM_THRESHOLD, 2 * LARGEST))
