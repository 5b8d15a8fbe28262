"""The columns of the frame table: their names in both forms, unit, and what is missing without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray


@dataclass(frozen=True)
class Column:
    """One column of numbers: `csv` its heading, `nexus` its data set and the field of FrameTable, `unit` of both."""

    csv: str
    nexus: str
    unit: str
    required: bool
    meaning: str


HEIGHT = Column("height_um", "height", "um", True, "stage height of the beam centre, larger is farther from the anode")
TIME = Column("time_s", "time", "s", True, "middle of the exposure, from field-on")
EXPOSURE = Column("exposure_s", "exposure", "s", True, "exposure time")
MONITOR = Column("monitor_counts", "monitor", "counts", True, "incident-beam monitor over the exposure")
TRANSMISSION = Column(
    "transmission",
    "transmission",
    "one",
    True,
    "transmitted over incident intensity of each frame; it is not taken as 1, because silver alone absorbs 18 % at the "
    "starting concentration and 86 % at ten times it, so an uncorrected map never shows more than 2.2 times enrichment",
)
VOLTAGE = Column(
    "voltage_V", "voltage", "V", False, "electrode voltage, positive when the anode is the lower electrode"
)
CURRENT = Column("current_A", "current", "A", False, "cell current")

COLUMNS = (HEIGHT, TIME, EXPOSURE, MONITOR, TRANSMISSION, VOLTAGE, CURRENT)


@dataclass(frozen=True)
class RawTable:
    """What a table file holds before it is judged: role and file per row, numbers by NeXus name, NaN where empty. origin,
    frame: as FrameTable's origin and place."""

    role: tuple[str, ...]
    file: tuple[str, ...]
    numbers: dict[str, FloatArray]
    place: tuple[str, ...]  # of each row, for messages: "row 3 (line 5)"
    origin: tuple[str, ...] = ()
    frame: npt.NDArray[np.int64] | None = None
