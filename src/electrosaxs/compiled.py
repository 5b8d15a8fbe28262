"""Kernels of this package: compiled by numba without the interpreter's lock, and kept on the disk for as long as their source
stays as it is.

numba's cache looks at the file of a kernel alone. What is compiled in from other files (other kernels, constants, the fields
of a NamedTuple) would stay as it was until that file, too, is touched. Here the mark of a cached kernel holds them all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit
from numba.core.registry import CPUDispatcher

PACKAGE = __name__.split(".", maxsplit=1)[0]


def compiled(**options: Any) -> Callable[[Any], Any]:
    """Decorator: `numba.njit(cache=True, nogil=True, **options)`, compiled anew after a change in a file it takes from, too."""

    def decorate(function: FunctionType) -> Any:
        kernel: Any = njit(cache=True, nogil=True, **options)(function)
        if kernel is not function:  # as it is where numba is switched off (NUMBA_DISABLE_JIT)
            kept = kernel._cache._cache_file  # numba has no public way to a cache's mark
            kept._source_stamp = (*kept._source_stamp, source_mark(function.__globals__))
        return kernel

    return decorate


def source_mark(names: dict[str, Any]) -> str:
    """A mark of what a module takes from others of this package: `names` are its globals."""
    digest = blake2b(digest_size=16)
    for part in sorted(_parts(names)):
        digest.update(part)
    return digest.hexdigest()


def _parts(names: dict[str, Any]) -> Iterator[bytes]:
    """Of constants the value, of what has another home in this package that file; of kernels also what their file takes."""
    for name, value in names.items():
        if isinstance(value, CPUDispatcher):
            home = value.py_func.__module__
            if home != names["__name__"] and _is_own(home):
                yield source_mark(vars(sys.modules[home])).encode() + _source(home)
        elif isinstance(value, (type, FunctionType)):
            if value.__module__ != names["__name__"] and _is_own(value.__module__):
                yield _source(value.__module__)
        elif isinstance(value, np.ndarray):
            yield f"{name} {value.shape} {value.dtype}".encode() + value.tobytes()
        elif _is_constant(value) and not name.startswith("__"):
            yield f"{name} {value!r}".encode()


def _is_constant(value: Any) -> bool:
    """A number, or a tuple of such: what kernels freeze."""
    return all(map(_is_constant, value)) if isinstance(value, tuple) else isinstance(value, (bool, int, float, complex))


def _is_own(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == PACKAGE


@cache
def _source(module: str) -> bytes:
    return Path(str(sys.modules[module].__file__)).read_bytes()
