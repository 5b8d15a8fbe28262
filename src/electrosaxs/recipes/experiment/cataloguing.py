"""The catalogue that a plan names: a process that follows the documents of the run, and of which the run hears nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from ...errors import InputFileError, bad_value
from ...nouns.run_plan import RunPlan

NEEDED = ("bluesky", "tiled")


def check_catalogue(plan: RunPlan, source: Path) -> None:
    """InputFileError where the plan names a catalogue and what writes it is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if plan.run.tiled is not None and missing:
        raise bad_value(
            InputFileError, where=source, field="run.tiled", value=f"{missing[0]} is not installed",
            rule="the catalogue is written through it", remedy="install it with: pip install 'electrosaxs[beamline]', or leave "
            "run.tiled out",
        )  # fmt: skip


@contextmanager
def catalogued(plan: RunPlan, folder: Path) -> Iterator[None]:
    """The documents in `folder` are sent to the catalogue while the block lasts and until they are all there; where the
    process cannot be started they are not, and the run goes on."""
    process = None
    if plan.run.tiled is not None:
        with suppress(OSError):
            process = subprocess.Popen(
                [sys.executable, "-m", "electrosaxs.acquisition.catalogue", str(folder), plan.run.tiled],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
    try:
        yield
    finally:
        if process is not None and process.stdin is not None:
            process.stdin.close()
