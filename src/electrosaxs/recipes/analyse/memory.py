"""Memory that the allocator keeps after a stage has freed it, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Where the system's C library can (glibc's malloc_trim, see malloc_trim(3)); elsewhere nothing happens."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
