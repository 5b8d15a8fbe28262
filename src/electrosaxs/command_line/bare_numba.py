"""Numba without the extensions that other packages announce.

At its first kernel numba imports every installed package that announces an extension (awkward, sparse and the like),
half a second of CPU time. The kernels of a command take plain arrays, and nothing else runs in its process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

LISTED = "numba.core.entrypoints"
"""The module of numba that imports them, once."""


class _Done(SourceFileLoader):
    """Loads that module as if it had done so already."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        module._already_initialized = True  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    """Finds that module before the rest of Python does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname == LISTED else None
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _Done(found.loader.name, found.loader.path)
        return found


def leave_out_extensions() -> None:
    """From now on an import of numba is one without extensions."""
    sys.meta_path.insert(0, _Finder())
