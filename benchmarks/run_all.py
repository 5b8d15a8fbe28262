"""Every benchmark, one after the other, each in a process of its own and with its own table.

    python benchmarks/run_all.py [NAME ...]

Names: integration, sphere_fits, transport, chain (default: these four), stages. One that fails is reported
at the end; exit code 1 then.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from kept import machine

HERE = Path(__file__).parent
NAMES = ("integration", "sphere_fits", "transport", "chain")
ALONE = ("stages",)
"""Without a peer, and longer: only where they are named."""
ENVIRONMENT = {"transport": {"OMP_NUM_THREADS": "1"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*NAMES, *ALONE)))
    names = parser.parse_args().names or list(NAMES)
    unknown = [name for name in names if name not in (*NAMES, *ALONE)]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}: choose from {', '.join((*NAMES, *ALONE))}")
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
