"""A command does not wait for packages that it has no use for."""

import subprocess
import sys
from pathlib import Path

ANNOUNCED = "import pathlib; pathlib.Path({mark!r}).touch()\ndef init(): pass\n"
KERNEL = """
from electrosaxs.command_line.bare_numba import leave_out_extensions
if {bare}: leave_out_extensions()
from electrosaxs.transport.scheme import bernoulli
assert abs(bernoulli(1.0) - 0.5819767068693265) < 1e-14
"""


def announced(folder: Path, mark: Path) -> dict[str, str]:
    """A package that announces an extension of numba and leaves `mark` when it is imported."""
    record = folder / "greedy-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[numba_extensions]\ninit = greedy:init\n")
    (folder / "greedy.py").write_text(ANNOUNCED.format(mark=str(mark)))
    return {"PYTHONPATH": f"{folder}:{Path(__file__).parents[2] / 'src'}", "PATH": ""}


def run(bare: bool, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", KERNEL.format(bare=bare)], env=environment, check=True)


def test_extensions_of_numba_that_others_announce_are_not_imported(tmp_path: Path) -> None:
    mark = tmp_path / "imported"
    environment = announced(tmp_path / "packages", mark)
    run(True, environment)
    assert not mark.exists()
    run(False, environment)
    assert mark.exists(), "numba no longer imports them: leave_out_extensions can go"
