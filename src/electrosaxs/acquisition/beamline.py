"""What a plan asks of a beamline, whichever it is: stage, shutter with detector, diodes, sample changer, clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Sample = Literal["solution", "solvent", "empty"]


@dataclass(frozen=True)
class Greeting:
    """Who is there. real_clock: its seconds are the wall's; otherwise time goes on only while it moves, exposes or waits.
    detector and shape (y, x) of its images; low_um, high_um: reach of the stage; lateral: it has fresh spots to move to.
    wall_per_s: wall seconds that a second of its clock may take; saturation: counts of a full pixel, None where not known."""

    real_clock: bool
    detector: str
    shape: tuple[int, int]
    low_um: float
    high_um: float
    lateral: bool = False
    wall_per_s: float = 1.0
    saturation: float | None = None


@dataclass(frozen=True)
class Diodes:
    """Counts of the monitor over the exposure; transmission (NaN: none); stage height (um); clock (s)."""

    monitor_counts: float
    transmission: float
    height_um: float
    clock_s: float


@dataclass(frozen=True)
class Exposed(Diodes):
    """An exposure whose image is written; clock_s is that of its middle, exposure_s what it really took."""

    exposure_s: float


class Beamline(Protocol):
    """Each call returns when it is done, or raises Fault. One is in flight at a time, except `stop`."""

    def hello(self) -> Greeting:
        """Connect."""

    def clock(self) -> float:
        """Its clock (s), without asking: the last known, on a real clock with the wall time since."""

    def wait(self, seconds: float) -> None:
        """Let its clock go on."""

    def sample(self, name: Sample) -> None:
        """What stands in the beam; the field is off."""

    def fresh_spot(self) -> None:
        """Move to a lateral position that the beam has not seen, where there is such an axis."""

    def move(self, height_um: float) -> float:
        """Drive the stage; the height (um) that it reached."""

    def read(self, exposure_s: float) -> Diodes:
        """Diodes without an image."""

    def expose(self, exposure_s: float, file: Path) -> Exposed:
        """One image, written to `file` and there whole when this returns."""

    def electrodes(self, voltage_V: float) -> None:
        """What the meter reads between the electrodes; a simulated cell feels it, a real one does so by itself."""

    def stop(self) -> None:
        """Motion and exposure are stopped; may be called from another thread."""

    def close(self) -> None:
        """Nothing more is asked."""
