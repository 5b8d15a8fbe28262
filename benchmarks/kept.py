"""What a benchmark measured, kept as JSON: the machine, and rows of repeated values."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "numba", "h5py", "hdf5plugin", "bitshuffle", "pyFAI", "sasmodels", "scipy", "fipy")


@dataclass(frozen=True)
class Row:
    """One quantity, as often as it was measured. less_is_better: False for rates."""

    name: str
    unit: str
    values: list[float]
    less_is_better: bool = True

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def machine() -> str:
    """Processor, cores, load and versions: what the numbers hold for."""
    model = platform.processor() or platform.machine()
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    date, python = time.strftime("%Y-%m-%d"), platform.python_version()
    return f"{date}, {model}, {cores} cores, load before {load}; Python {python}, {versions}"


def keep(path: Path, rows: list[Row]) -> None:
    """Write the rows, for `compare.py`."""
    path.write_text(
        json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=1), encoding="utf-8"
    )


def kept(path: Path) -> tuple[str, dict[str, Row]]:
    """The machine and the rows by name."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return told["machine"], {row["name"]: Row(**row) for row in told["rows"]}


def median_and_spread(row: Row) -> str:
    """Like 3.12 +- 0.20: the median and half of what the values span."""
    return f"{row.median:.2f} +- {(max(row.values) - min(row.values)) / 2:.2f}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
