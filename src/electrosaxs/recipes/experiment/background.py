"""Solvent frames of another run, for one that takes none itself."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ...acquisition.beamline import Greeting
from ...errors import InputFileError, bad_value
from ...io.frame_table import read_table
from ...io.images import open_frames
from ...io.run_toml import read_run
from ...nouns import Role
from .run_folder import RunFolder

COLUMNS = ("height", "exposure", "monitor", "transmission")


def add_background(record: RunFolder, source: Path, greeting: Greeting) -> None:
    """The solvent frames of the run at `source` become the first of this run, so that its folder is complete by itself.

    InputFileError where they are of another detector.
    """
    run = read_run(source)
    table = read_table(run)
    with closing(open_frames(run, table)) as frames:
        if tuple(frames.shape) != greeting.shape:
            raise bad_value(
                InputFileError, where=source, field="scan.background", value=f"frames of {frames.shape}",
                rule=f"this detector has {greeting.shape}", remedy="give a run of the same detector",
            )  # fmt: skip
        for index in table.is_role(Role.SOLVENT).nonzero()[0]:
            row = {name: float(getattr(table, name)[index]) for name in COLUMNS}
            record.earlier(frames.read(int(index)), Role.SOLVENT, {**row, "voltage": 0.0, "current": 0.0})
