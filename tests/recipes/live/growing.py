"""A run folder that grows as acquire leaves it, from the frames of a finished one; as a program it writes all of them.

python growing.py RUN.toml FOLDER SECONDS_BETWEEN_FRAMES
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from electrosaxs.io.cbf import write_cbf
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.growing_csv import GrowingImageTable
from electrosaxs.io.growing_nexus import GrowingNexus
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_state import write_state
from electrosaxs.io.run_toml import read_run, write_run
from electrosaxs.nouns import FrameSource

COLUMNS = ("height", "time", "exposure", "monitor", "transmission", "voltage", "current")


class Growing:
    """The folder `folder`; form: "nexus" or "cbf"."""

    def __init__(self, run_toml: Path, folder: Path, form: str = "nexus") -> None:
        self.folder, self.form = folder, form
        run = read_run(run_toml)
        self.table = read_table(run)
        self.frames = open_frames(run, self.table)
        (folder / "images").mkdir(parents=True)
        for file in (run.detector.geometry, run.detector.mask):
            if file is not None:
                shutil.copy(file, folder / file.name)
        source = FrameSource(nexus=folder / "frames.nxs")
        if form == "cbf":
            source = FrameSource(images=folder / "images", table=folder / "frames.csv")
        detector = run.detector.model_copy(
            update={
                name: folder / path.name
                for name in ("geometry", "mask")
                if (path := getattr(run.detector, name)) is not None
            }
        )
        self.written = 0
        self._nexus: Any = None
        if form == "cbf":
            self._rows: Any = GrowingImageTable(folder / "frames.csv")
        else:
            shape = (self.frames.shape[0], self.frames.shape[1])
            self._nexus = GrowingNexus(folder / "frames.nxs", shape, title="copy", saturation=self.frames.saturation)
        self.tell("running")
        write_run(folder / "run.toml", run.model_copy(update={"frames": source, "detector": detector}))

    def tell(self, phase: str) -> None:
        state = {
            "phase": phase,
            "pid": 1,
            "heartbeat": time.time(),
            "frames": self.written,
            "output": phase == "running",
        }
        write_state(self.folder, state)

    def values(self, index: int) -> dict[str, float]:
        return {
            name: float(getattr(self.table, name)[index]) for name in COLUMNS if getattr(self.table, name) is not None
        }

    def image(self, index: int) -> Path:
        return self.folder / "images" / f"frame_{index:05d}.cbf"

    def write_image(self, index: int) -> None:
        write_cbf(self.image(index), np.asarray(self.frames.read(index)), {})

    def write_row(self, index: int) -> None:
        self._rows.append(self.image(index).name, str(self.table.role[index]), self.values(index))
        self.written += 1

    def add(self, number: int = 1) -> None:
        """The next frames, image first."""
        for index in range(self.written, min(self.written + number, len(self.table))):
            if self.form == "cbf":
                self.write_image(index)
                self.write_row(index)
            else:
                self._nexus.append(self.frames.read(index), str(self.table.role[index]), self.values(index))
                self.written += 1

    def finish(self) -> None:
        self.tell("finished")
        (self._nexus or self._rows).close()


if __name__ == "__main__":
    run = Growing(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps({"frames": len(run.table)}), flush=True)
    while run.written < len(run.table):
        run.add()
        time.sleep(float(sys.argv[3]))
    run.finish()
