"""Where the results came from: versions, settings, hashes of the inputs, seed. No host name, no user, no folder."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any

from ..io.atomic import replacing

PACKAGES = ("electrosaxs", "numpy", "scipy", "numba", "scipp", "h5py", "hdf5plugin", "fabio", "pyFAI", "xraydb",
            "pydantic", "matplotlib")  # fmt: skip
FILE = "provenance.json"
WHOLE_FILE = 64 * 1024**2
ENDS = 8 * 1024**2
BLOCK = 1024**2


def provenance(
    command: str, settings: Mapping[str, Any], *, inputs: Iterable[Path] = (), seed: int | None = None
) -> dict[str, Any]:
    """What provenance.json holds. `command`: the one that writes. `settings`: as used, defaults included; paths in it are
    cut to file names.

    `inputs`: files that were read; folders count as the files in them. `seed`: of a simulation.
    """
    return {
        "program": "electrosaxs",
        "command": command,
        "versions": package_versions(),
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "seed": seed,
        "settings": without_folders(settings),
        "inputs": [file_hash(path) for path in _files(inputs)],
    }


def write_provenance(
    folder: Path, command: str, settings: Mapping[str, Any], *, inputs: Iterable[Path] = (), seed: int | None = None
) -> Path:
    """Write provenance.json (see `provenance`) into `folder`."""
    path = folder / FILE
    record = provenance(command, settings, inputs=inputs, seed=seed)
    with replacing(path) as part:
        part.write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def package_versions() -> dict[str, str]:
    """Versions of what the numbers depend on; packages that are not installed are left out."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def file_hash(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of one file.

    Above 64 MiB the hash is of the first and last 8 MiB and the size in decimal digits, and `hashed` says so: reading
    20 GB of frames once more would take longer than analysing them.
    """
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        if size <= WHOLE_FILE:
            for block in iter(lambda: stream.read(BLOCK), b""):
                digest.update(block)
            return {"file": path.name, "bytes": size, "sha256": digest.hexdigest(), "hashed": "whole file"}
        digest.update(stream.read(ENDS))
        stream.seek(size - ENDS)
        digest.update(stream.read(ENDS))
    digest.update(str(size).encode("ascii"))
    return {"file": path.name, "bytes": size, "sha256": digest.hexdigest(), "hashed": "first and last 8 MiB and size"}


def without_folders(value: Any) -> Any:
    """`value` as plain JSON, with every path cut to its file name and non-finite numbers as text."""
    if isinstance(value, Mapping):
        return {str(key): without_folders(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [without_folders(item) for item in value]
    if isinstance(value, PurePath) or (isinstance(value, str) and PurePath(value).is_absolute()):
        return PurePath(value).name
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return without_folders(value.item()) if hasattr(value, "item") else str(value)


def _files(inputs: Iterable[Path]) -> list[Path]:
    found = []
    for path in inputs:
        found += sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    return found
