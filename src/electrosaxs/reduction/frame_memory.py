"""Memory of the frames at hand: the C library should use it again and not give it back to the system after each frame.

A frame of 10 MB that is given back costs 2,500 page faults the next time: as much as to integrate it. Left alone, the library
gives back what threads free beyond twice the largest block, which is less than the frames that are integrated together; dask
starts its workers with one that gives back every block (MALLOC_TRIM_THRESHOLD_ = 65536).
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`, from malloc.h of the GNU C library."""
LARGEST = 32 * 2**20
"""Bytes; the most that the library takes for M_MMAP_THRESHOLD, and where its own thresholds end when left alone."""


def keep_freed_frames() -> bool:
    """Blocks of up to LARGEST bytes are used again by this process, as without the setting; whether the C library has been
    told. What stays is what a thread holds at one time: some frames and a packed one."""
    if sys.platform != "linux":
        return False
    tell = getattr(ctypes.CDLL(None), "mallopt", None)  # not in every C library
    return tell is not None and bool(tell(M_MMAP_THRESHOLD, LARGEST)) and bool(tell(M_TRIM_THRESHOLD, 2 * LARGEST))
