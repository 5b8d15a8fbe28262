"""A minimal run folder for the tests of io: settings, geometry, a table and small frames."""

from pathlib import Path

import numpy as np

from electrosaxs.nouns import FrameTable, Run

PONI = """# a comment
poni_version: 2.1
Detector: Pilatus2M
Detector_config: {"orientation": 3}
Distance: 1.99389
Poni1: 0.28
Poni2: 0.12
Rot1: 0.0
Rot2: 0.0
Rot3: 0.0
Wavelength: 9.322e-11
"""

RUN = """[run]
title = "57 V/cm"

[cell]
gap_mm = 3.5
path_length_mm = 10.0
voltage_V = 19.95

[solution]
volume_fraction = 8.0e-4

[beam]
energy_keV = 13.3
fwhm_um = 34.0

[detector]
geometry = "geometry.poni"

[frames]
images = "images"
table = "frames.csv"
"""

CSV = """file,role,height_um,time_s,exposure_s,monitor_counts,transmission
a.cbf,sample,0,10.5,1,1e9,0.31
b.cbf,sample,50,12.0,1,1.1e9,0.32
c.cbf,reference,50,,1,1e9,0.33
d.cbf,solvent,50,,1,1e9,0.41
"""


def write_run_folder(folder: Path, *, run: str = RUN, csv: str = CSV) -> Path:
    """The path of run.toml in a folder that also holds geometry.poni, frames.csv and an empty images folder."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "geometry.poni").write_text(PONI)
    (folder / "frames.csv").write_text(csv)
    (folder / "run.toml").write_text(run)
    return folder / "run.toml"


def with_nexus(run: Run, path: Path) -> Run:
    """The same run with its frames in a NeXus file."""
    frames = type(run.frames)(nexus=path)
    return run.model_copy(update={"frames": frames})


def frame_table(n: int, source: Path, *, file: tuple[str, ...] = ()) -> FrameTable:
    """n frames: one reference, one solvent, the others sample, no number at 0 or 1."""
    role = np.array(["reference", "solvent", *["sample"] * (n - 2)])
    i = np.arange(n, dtype=float)
    time = np.where(role == "sample", 12.5 + 3.25 * i, np.nan)
    return FrameTable(
        role=role,
        height=50.0 * i + 7.5,
        time=time,
        exposure=np.full(n, 0.75),
        monitor=1e9 + 1e6 * i,
        transmission=0.3 + 0.001 * i,
        voltage=19.95 + 0.01 * i,
        current=1e-9 * (1 + i),
        file=file,
        source=source,
    )
