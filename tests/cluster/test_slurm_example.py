"""The Slurm example, run as it stands on a machine without Slurm: `srun` starts as many processes as it is told."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import electrosaxs
from electrosaxs.io.results import read_results
from electrosaxs.nouns import RunResults

SCRIPT = Path(__file__).parents[2] / "examples" / "cluster" / "slurm.sh"
SRUN = """#!/bin/sh
n=$SLURM_NTASKS
while true; do
    case "$1" in --ntasks=*) n=${1#*=} ;; --overlap) ;; *) break ;; esac
    shift
done
pids=
for i in $(seq "$n"); do
    "$@" &
    pids="$pids $!"
done
trap 'kill $pids' TERM
wait
wait
"""
ELECTROSAXS = f"""#!{sys.executable}
from electrosaxs.command_line.app import main
from electrosaxs.recipes.analyse import analyse_run
from electrosaxs.recipes.analyse.sizes import SizeStudy

if __name__ == "__main__":  # what takes longest and is tested elsewhere
    analyse_run.write_report = lambda *args, **kwargs: None
    analyse_run.size_distributions = lambda *args, **kwargs: SizeStudy(None)
    main()
"""


def test_the_slurm_example_gives_the_results_of_one_machine(
    quiet_nexus: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    for name, text in (("srun", SRUN), ("electrosaxs", ELECTROSAXS)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        **os.environ, "PATH": path, "SLURM_NTASKS": "2", "PYTHONPATH": str(Path(electrosaxs.__file__).parents[1]),
        "TMPDIR": str(tmp_path),
    }  # fmt: skip
    command = ["bash", str(SCRIPT), str(quiet_nexus), "results"]
    told = tmp_path / "told"
    with told.open("w") as log:
        ended = subprocess.run(command, cwd=tmp_path, env=environment, stdout=log, stderr=log, timeout=200)
    assert ended.returncode == 0, told.read_text()[-3000:]
    assert told.read_text().count("Registered to") == 2  # as many workers as tasks
    found, serial = read_results(tmp_path / "results" / "results.nxs"), quiet_results[0]
    for name in ("volume_fraction", "diameter", "flux_slice", "mass_balance"):
        one, other = getattr(found, name), getattr(serial, name)
        assert np.array_equal(one.values, other.values, equal_nan=True), name
    assert {name: number.value for name, number in found.numbers.items()} == {
        name: number.value for name, number in serial.numbers.items()
    }
