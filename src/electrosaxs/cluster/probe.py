"""What a worker is asked before it gets work. Sent as code, because a worker may have no electrosaxs, or another one."""

from __future__ import annotations

PACKAGES = ("electrosaxs", "numpy")
FOLDER = -1


def look(packages: tuple[str, ...], wanted: tuple[tuple[str, int], ...]) -> tuple[dict[str, str], str, int]:
    """Versions of `packages` here (empty: it cannot be imported), the first path of `wanted`, (path, bytes or FOLDER), that is
    not here as it is there, and its size here (-1: there is no such file)."""
    import importlib
    import os

    versions = {}
    for name in packages:
        try:
            versions[name] = str(importlib.import_module(name).__version__)
        except Exception:  # whatever an import raises, this worker cannot be used
            versions[name] = ""
    for path, size in wanted:
        there = os.path.isdir(path) if size < 0 else os.path.isfile(path)
        found = os.path.getsize(path) if there and size >= 0 else -1
        if not there or found != size:
            return versions, path, found
    return versions, "", -1
