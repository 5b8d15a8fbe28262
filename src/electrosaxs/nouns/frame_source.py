"""Where the frames of a run and their table are: in the form of this package, or as a beamline wrote them (docs/formats.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from .settings import Finite, NotNegative, Positive, Settings, WrongSetting

Name = Annotated[str, StringConstraints(min_length=1)]
Patterns = Name | tuple[Name, ...]
INSIDE = "::"
"""Between a file and what is meant in it: scan.spec::7.1, file.h5::/entry/measurement."""
WILD = frozenset("*?[")


class Reading(Settings):
    """One column that stands in the files of the beamline. unit: where the file states none, or states a wrong one."""

    column: Name
    unit: str | None = None


class HeightReading(Reading):
    """Stage height: sign x column + offset_um; sign = -1 where the stage goes down when its number rises."""

    sign: Literal[-1, 1] = 1
    offset_um: Finite = 0.0


class TimeReading(Reading):
    """A clock. field_on: its reading when the field was switched on (0 where it counts from there), or a date; absent: the
    first change of the voltage column. at: which moment of the exposure the clock shows."""

    field_on: Finite | Name | None = None
    at: Literal["start", "middle", "end"] = "middle"


class MonitorReading(Reading):
    """Counts of the incident beam over the exposure, less what it counts without beam."""

    dark_per_s: NotNegative = 0.0


class TransmissionReading(Settings):
    """Ratio of two counters over that of the empty beam, each less what it counts without beam; or a column that is the
    transmission already."""

    column: Name | None = None
    unit: str | None = None
    over: Name | None = None
    under: Name | None = None
    dark_over_per_s: NotNegative = 0.0
    dark_under_per_s: NotNegative = 0.0
    empty: Positive | None = None

    @model_validator(mode="after")
    def _one_form(self) -> TransmissionReading:
        if (self.column is None) == (self.over is None):
            raise WrongSetting(
                "", "column and over" if self.column else "neither column nor over", "is one column or a ratio of two",
                'give { column = "T" }, or { over = "diode", under = "monitor", empty = 0.9 }',
            )  # fmt: skip
        if self.over is not None and (self.under is None or self.empty is None):
            raise WrongSetting(
                "under" if self.under is None else "empty", "missing", "is required beside over",
                "give under = the incident-beam counter and empty = the ratio of both in the empty beam"
                " (1 where the counters say the same there)",
            )  # fmt: skip
        return self


class RoleReading(Settings):
    """What each frame shows: patterns (*, ?; capitals do not matter) on a column of names, or frame ranges ("0-5, 12").
    Frames of no pattern are of the role that is not given, where that is `sample`; those of `ignore` are left out."""

    column: Name | None = None
    sample: Patterns | None = None
    reference: Patterns | None = None
    solvent: Patterns | None = None
    empty: Patterns | None = None
    dark: Patterns | None = None
    alignment: Patterns | None = None
    ignore: Patterns | None = None


class FrameColumns(Settings):
    """Ours = theirs, for what the table does not have under our own names."""

    height: HeightReading | None = None
    time: TimeReading | None = None
    exposure: Reading | None = None
    monitor: MonitorReading | None = None
    transmission: TransmissionReading | None = None
    voltage: Reading | None = None
    current: Reading | None = None
    role: RoleReading | None = None
    file: Reading | None = None


class FrameSource(Settings):
    """Pixels: `nexus`, one HDF5 file, with the path of the stack in `data`; or `images`, a folder or a pattern. Rows: `table`,
    absent where they stand in the HDF5 file or in the headers of the images; `columns`: what is called otherwise there."""

    nexus: Path | None = None
    data: Name | None = None
    images: Path | None = None
    table: Path | None = None
    columns: FrameColumns | None = None

    @model_validator(mode="after")
    def _one_form(self) -> FrameSource:
        if self.nexus is not None and self.images is not None:
            rule = "the pixels stand in one HDF5 file or in images"
            raise WrongSetting("nexus", f'"{self.nexus}"', rule, "give one of both, nexus or images")
        if self.images is not None and self.table is None and self.columns is None:
            rule = "images needs table, the CSV with one row per frame"
            raise WrongSetting("table", "missing", rule, "give it, or columns where the headers hold the numbers")
        if self.nexus is None and self.images is None and self.table is None:
            rule = "frames stand in one NeXus file or in images with a table"
            raise WrongSetting("nexus", "missing", rule, "give one of both")
        if self.data is not None and self.nexus is None:
            raise WrongSetting(
                "data", f'"{self.data}"', "is a path in the HDF5 file nexus", "give nexus too, or leave it out"
            )
        return self

    @property
    def table_file(self) -> Path | None:
        """The file of `table`, without what is meant in it."""
        return None if self.table is None else split(self.table)[0]

    @property
    def foreign(self) -> bool:
        """True where the frames or the table are as a beamline wrote them."""
        own = self.columns is None and self.data is None and not (self.nexus and self.table)
        return (
            not own
            or (self.images is not None and is_pattern(self.images))
            or (self.table is not None and split(self.table)[1] != "")
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """Files and folders that are named; of a pattern its folder."""
        images = self.images
        if images is not None and is_pattern(images):
            images = images.parent
        return tuple(path for path in (self.nexus, images, self.table_file) if path is not None)


def split(path: Path) -> tuple[Path, str]:
    """A file and what is meant in it, empty where nothing is: "scan.spec::7.1"."""
    file, mark, inside = str(path).partition(INSIDE)
    return (Path(file), inside) if mark else (path, "")


def is_pattern(path: Path) -> bool:
    """True where a path stands for several files."""
    return bool(WILD & set(str(path)))
