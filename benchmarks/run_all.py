"""Every benchmark, one after the other, each in a process of its own and with its own table.

    python benchmarks/run_all.py [NAME ...]

Names: integration, sphere_fits, transport, chain (default: all). One that fails is reported at the end; exit code 1 then.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("integration", "sphere_fits", "transport", "chain")
PACKAGES = ("numpy", "numba", "h5py", "hdf5plugin", "bitshuffle", "pyFAI", "sasmodels", "scipy", "fipy")
ENVIRONMENT = {"transport": {"OMP_NUM_THREADS": "1"}}


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


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args().names or list(NAMES)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}: choose from {', '.join(NAMES)}")
    print(machine(), flush=True)
    failed = []
    for name in names:
        print(f"\n== {name}", flush=True)
        environment = {**os.environ, **ENVIRONMENT.get(name, {})}
        if subprocess.run([sys.executable, str(HERE / f"{name}.py")], env=environment, check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
