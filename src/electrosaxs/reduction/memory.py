"""What the C library does with freed memory: keep that of frames for the next ones, give back that of a stage that has ended.

A frame of 10 MB that is given back costs 2,500 page faults the next time: as much as to integrate it. Left alone, the library
gives back what threads free beyond twice the largest block, which is less than the frames that are integrated together; dask
starts its workers with one that gives back every block (MALLOC_TRIM_THRESHOLD_ = 65536). What a stage freed between blocks
that are in use it keeps for ever. Where it is not the GNU C library nothing happens.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`, from malloc.h of the GNU C library."""
LARGEST = 32 * 2**20
"""Bytes; the most that the library takes for M_MMAP_THRESHOLD, and where its own thresholds end when left alone."""


def keep_freed_frames() -> bool:
    """Blocks of up to LARGEST bytes are used again by this process, as without the setting; whether the C library has been
    told. What stays is what a thread holds at one time: some frames and a packed one."""
    tell = _of_the_c_library("mallopt")
    return tell is not None and bool(tell(M_MMAP_THRESHOLD, LARGEST)) and bool(tell(M_TRIM_THRESHOLD, 2 * LARGEST))


def give_back() -> None:
    """Free memory goes back to the system, in some ms."""
    trim = _of_the_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_the_c_library(name: str) -> Any:
    """A function; None where the library has none of this name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
