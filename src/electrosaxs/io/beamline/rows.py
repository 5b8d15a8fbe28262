"""A beamline's table as the frame table: our columns from theirs, in our units, one row per frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...nouns import FloatArray
from ...nouns.frame_source import (
    INSIDE,
    FrameColumns,
    FrameSource,
    HeightReading,
    Reading,
    TimeReading,
    TransmissionReading,
)
from ..refusal import refusal
from ..table_columns import COLUMNS, EXPOSURE, HEIGHT, MONITOR, TIME, TRANSMISSION, VOLTAGE, Column, RawTable
from .detector_facts import detector_facts
from .image_headers import header_of
from .image_series import HDF5_ENDINGS, image_files, image_folder, name_and_number, series
from .moments import from_field_on, seconds
from .roles import IGNORED, roles
from .stacks import Stack, the_stack
from .tables import open_table
from .their_table import TheirColumn, TheirTable, as_column, needed_column
from .units import factor, unit_in_name

HALF = {"start": 0.5, "middle": 0.0, "end": -0.5}
EXPOSURES = ("Exposure_time", "count_time", "Exposure time s", "exposure_time", "ExposureTime", "Exposure Time (s)")
ASKED = {HEIGHT.nexus: "units of lengths differ between beamlines"}


def read_their_table(frames: FrameSource) -> RawTable:
    """The frame table of frames that a beamline wrote, its columns in our units. Raises InputFileError, one line: a column,
    unit or date that is missing or cannot be meant, and columns of other lengths than the frames."""
    images = () if frames.images is None or _names_files(frames) else series(frames.images)
    table = open_table(frames, images)
    stack = None if frames.nexus is None else the_stack(frames.nexus, frames.data)
    rows = _Rows(frames, table, stack, images)
    return rows.raw()


def source_of(frames: FrameSource) -> Path:
    """The file that messages about the table name."""
    named = frames.table_file or frames.nexus
    if named is not None:
        return named
    assert frames.images is not None
    return image_files(frames.images)[0]


def _names_files(frames: FrameSource) -> bool:
    """Whether the table says which image each row has."""
    return frames.columns is not None and frames.columns.file is not None


@dataclass(frozen=True, eq=False)
class _Taken:
    """A column of ours, (row,), and in words where it came from."""

    values: FloatArray
    words: str


class _Rows:
    """The rows of one table while they are read."""

    def __init__(self, frames: FrameSource, table: TheirTable, stack: Stack | None, images: Sequence[str]) -> None:
        self._frames, self._table, self._stack = frames, table, stack
        self._columns = frames.columns or FrameColumns()
        self._images = images
        self._path = source_of(frames)
        self._count = self._rows()

    def raw(self) -> RawTable:
        files = self._file_names()
        exposure = self._exposure(files)
        voltage = self._optional(VOLTAGE)
        taken = {
            "height": self._height(),
            "time": self._time(exposure.values, None if voltage is None else voltage.values),
            "exposure": exposure,
            "monitor": self._monitor(exposure.values),
            "transmission": self._transmission(exposure.values),
            "voltage": voltage,
            "current": self._optional(COLUMNS[-1]),
        }
        role, words = self._role(files)
        kept = np.flatnonzero(role != IGNORED)
        known = {name: one for name, one in taken.items() if one is not None}
        return RawTable(
            role=tuple(role[kept]),
            file=tuple(files[i] for i in kept) if files else (),
            numbers={name: np.where(np.isfinite(one.values), one.values, np.nan)[kept] for name, one in known.items()},
            place=tuple(f"row {i}" for i in kept),
            origin=(*(one.words for one in known.values()), words, *self._detector()),
            frame=kept if not files and kept.size < role.size else None,
        )

    def _detector(self) -> tuple[str, ...]:
        """What the file says was done to the counts."""
        if self._stack is None or self._frames.nexus is None:
            return ()
        facts = detector_facts(self._frames.nexus, self._stack.name)
        done = [*facts.corrections, f"full at {facts.saturation:g} counts" if facts.saturation else ""]
        words = ", ".join(filter(None, done))
        return (f"detector = {facts.name or 'detector'}: {words}, says {facts.source.name}",) if words else ()

    def _rows(self) -> int:
        """How many there are: of the table, of the images, or of the longest column that is asked for."""
        if self._table.rows is not None:
            return self._table.rows
        named = [getattr(getattr(self._columns, name), "column", None) for name in type(self._columns).model_fields]
        of = self._columns.transmission
        named += [of.over, of.under] if of is not None else []
        named += [column.nexus for column in COLUMNS if getattr(self._columns, column.nexus, None) is None]
        sizes = [found.values.size for name in named if name and (found := self._table.column(name)) is not None]
        longest = max(sizes, default=1)
        lead = self._stack.lead if self._stack is not None else ()
        per_scan = len(lead) > 1 and longest in (1, lead[0])
        return self._stack.frames if self._stack is not None and (per_scan or longest == 1) else longest

    def _per_row(self, found: TheirColumn) -> np.ndarray:
        """The values of a column, one per row: as they are, one for all, or one per scan of several frames."""
        values, lead = found.values, () if self._stack is None else self._stack.lead
        if values.size == self._count:
            return values.ravel()
        if values.size == 1:
            return np.repeat(values.ravel(), self._count)
        if len(lead) > 1 and values.size == lead[0] and self._count % lead[0] == 0:
            return np.repeat(values.ravel(), self._count // lead[0])
        rule = f"there are {self._count} rows" + (f" in {' x '.join(map(str, lead))}" if len(lead) > 1 else "")
        raise refusal(self._path, found.name, f"shape {values.shape}", rule, "name a column with one value per frame")

    def _numbers(self, name: str, field: str) -> tuple[FloatArray, TheirColumn]:
        found = needed_column(self._table, name, field)
        if found.is_text:
            example = next((str(cell) for cell in found.values.ravel() if str(cell).strip()), "empty")
            raise refusal(
                self._path, f"frames.columns.{field}", name, f"holds text ({example[:40]})", "name a column of numbers"
            )
        return self._per_row(found).astype(float), found

    def _in_ours(self, ours: Column, reading: Reading) -> _Taken:
        """A column in our unit: by the unit that is given, else that the file states, else that stands in its name."""
        values, found = self._numbers(reading.column, ours.nexus)
        scale, unit = self._scale(ours, reading, found)
        return _Taken(values * scale, f"{ours.csv} = {reading.column}" + (f" ({unit})" if unit else ""))

    def _scale(self, ours: Column, reading: Reading, found: TheirColumn) -> tuple[float, str]:
        field = f"frames.columns.{ours.nexus}.unit"
        remedy = f'give unit = "{ours.unit}" or what it is' + (' ("mm", "um", "m")' if ours is HEIGHT else "")
        for unit in (reading.unit, found.unit):
            if unit:
                scale = factor(unit, ours.unit)
                if scale is None:
                    raise refusal(self._path, field, repr(unit), f"cannot be converted to {ours.unit}", remedy)
                return scale, unit
        named = unit_in_name(found.name)
        scale = factor(named, ours.unit) if named else None
        if named and scale is not None:
            return scale, named
        if ours.nexus in ASKED:
            rule = f"{found.name} states no unit, and {ASKED[ours.nexus]}"
            raise refusal(self._path, field, "missing", rule, remedy)
        return 1.0, ""

    def _own(self, ours: Column) -> Reading | None:
        """A column that the table has under our own name."""
        if self._table.column(ours.csv) is not None:
            return Reading(column=ours.csv, unit=ours.unit)
        found = self._table.column(ours.nexus)
        return Reading(column=ours.nexus) if found is not None and not found.is_text else None

    def _reading(self, ours: Column, example: str) -> Reading:
        own = self._own(ours)
        if own is None:
            rule = f"the table has no {ours.csv}, so it must be said which column is the {ours.meaning.split(';')[0]}"
            remedy = f"give {ours.nexus} = {example}; columns are {', '.join(list(self._table.names())[:25])}"
            raise refusal(self._path, f"frames.columns.{ours.nexus}", "missing", rule, remedy)
        return own

    def _optional(self, ours: Column) -> _Taken | None:
        reading = getattr(self._columns, ours.nexus) or self._own(ours)
        return None if reading is None else self._in_ours(ours, reading)

    def _height(self) -> _Taken:
        reading = self._columns.height or self._reading(HEIGHT, '{ column = "sam_z", unit = "mm" }')
        plain = self._in_ours(HEIGHT, reading)
        if not isinstance(reading, HeightReading):
            return plain
        sign = "-" if reading.sign < 0 else ""
        shift = f" {reading.offset_um:+g} um" if reading.offset_um else ""
        words = plain.words.replace("= ", f"= {sign}", 1) + shift
        return _Taken(reading.sign * plain.values + reading.offset_um, words)

    def _time(self, exposure: FloatArray, voltage: FloatArray | None) -> _Taken:
        given = self._columns.time
        reading = given or self._reading(TIME, '{ column = "Epoch", field_on = "2018-11-28T08:00:00Z" }')
        found = needed_column(self._table, reading.column, TIME.nexus)
        whole = TheirColumn(found.name, self._per_row(found), found.unit or unit_in_name(found.name), found.epoch)
        clock, zoned = seconds(whole, reading.unit, self._path)
        if not isinstance(reading, TimeReading):
            return _Taken(clock, f"{TIME.csv} = {reading.column}")
        time, words = from_field_on(clock, zoned, reading.field_on, voltage=voltage, path=self._path)
        half = HALF[reading.at]
        moved = f", {'plus' if half > 0 else 'less'} half the exposure" if half else ""
        return _Taken(time + half * exposure, f"{TIME.csv} = {reading.column}, {words}{moved}")

    def _exposure(self, files: Sequence[str]) -> _Taken:
        reading = self._columns.exposure or self._own(EXPOSURE)
        if reading is not None:
            return self._in_ours(EXPOSURE, reading)
        stated = self._stated_exposure(files)
        if stated is None:
            self._reading(EXPOSURE, '{ column = "Seconds" }')
            raise AssertionError
        return stated

    def _stated_exposure(self, files: Sequence[str]) -> _Taken | None:
        """What the detector's file or the headers of the images say."""
        if self._stack is not None and self._frames.nexus is not None:
            facts = detector_facts(self._frames.nexus, self._stack.name)
            if facts.exposure is None:
                return None
            return _Taken(
                np.full(self._count, facts.exposure), f"{EXPOSURE.csv} = {facts.exposure:g} s ({facts.source.name})"
            )
        assert self._frames.images is not None or self._frames.table is not None
        folder = image_folder(self._frames.images or self._path.parent)
        cells = [_exposure_cell(folder / name_and_number(name)[0]) for name in files]
        found = as_column(EXPOSURE.csv, [cell.split()[0] if cell else "" for cell in cells])
        if found.is_text:
            return None
        units = {cell.split()[1] for cell in cells if len(cell.split()) > 1}
        scale = factor(units.pop(), "s") if len(units) == 1 else 1.0
        return _Taken(found.values * (scale or 1.0), f"{EXPOSURE.csv} = headers of the images")

    def _monitor(self, exposure: FloatArray) -> _Taken:
        reading = self._columns.monitor
        if reading is None:
            return self._in_ours(MONITOR, self._reading(MONITOR, '{ column = "ic1" }'))
        values, _ = self._numbers(reading.column, MONITOR.nexus)
        dark = f" - {reading.dark_per_s:g}/s" if reading.dark_per_s else ""
        return _Taken(values - reading.dark_per_s * exposure, f"{MONITOR.csv} = {reading.column}{dark}")

    def _transmission(self, exposure: FloatArray) -> _Taken:
        example = '{ over = "diode", under = "monitor", empty = 0.9 }'
        reading = self._columns.transmission
        if reading is None:
            return self._in_ours(TRANSMISSION, self._reading(TRANSMISSION, example))
        if reading.column is not None:
            return self._in_ours(TRANSMISSION, Reading(column=reading.column, unit=reading.unit))
        return self._ratio(reading, exposure)

    def _ratio(self, reading: TransmissionReading, exposure: FloatArray) -> _Taken:
        """(over - dark) / (under - dark) / that of the empty beam."""
        assert reading.over is not None
        assert reading.under is not None
        assert reading.empty is not None
        over = self._numbers(reading.over, "transmission.over")[0] - reading.dark_over_per_s * exposure
        under = self._numbers(reading.under, "transmission.under")[0] - reading.dark_under_per_s * exposure
        ratio = np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
        top = f"{reading.over}" + (f" - {reading.dark_over_per_s:g}/s" if reading.dark_over_per_s else "")
        bottom = f"{reading.under}" + (f" - {reading.dark_under_per_s:g}/s" if reading.dark_under_per_s else "")
        return _Taken(ratio / reading.empty, f"{TRANSMISSION.csv} = ({top}) / ({bottom}) / {reading.empty:g}")

    def _role(self, files: Sequence[str]) -> tuple[np.ndarray, str]:
        reading = self._columns.role
        if reading is None:
            found = self._table.column("role")
            if found is None:
                rule = "the table has no column role, so it must be said what each frame shows"
                remedy = 'give role = { column = "sampleName", reference = "start*", solvent = "tol*" } or frame ranges'
                raise refusal(self._path, "frames.columns.role", "missing", rule, remedy)
            return np.array([str(cell) for cell in self._per_row(found)], dtype=object), "role = role"
        names = list(files) or [""] * self._count
        if reading.column is not None:
            found = needed_column(self._table, reading.column, "role.column")
            names = [_name(cell) for cell in self._per_row(found)]
        return np.array(roles(reading, names, self._path), dtype=object), f"role = {reading.column or 'frame ranges'}"

    def _file_names(self) -> list[str]:
        """The image of each row, none where the frames are one HDF5 file: as the table names them, else by number."""
        if self._frames.nexus is not None:
            return []
        folder = image_folder(self._frames.images or self._path.parent)
        reading, own = self._columns.file, self._table.column("file")
        if reading is not None:
            return self._named_files(needed_column(self._table, reading.column, "file"))
        if own is not None and own.is_text and (folder / self._named_files(own)[0].partition(INSIDE)[0]).is_file():
            return self._named_files(own)
        if len(self._images) != self._count:
            rule = f"the table has {self._count} rows"
            remedy = "name the table of these images, a narrower pattern, or the column of file names (columns.file)"
            raise refusal(self._path, "frames.images", f"{len(self._images)} frames", rule, remedy)
        return list(self._images)

    def _named_files(self, found: TheirColumn) -> list[str]:
        return [self._below(str(cell).replace("\\", "/")) for cell in self._per_row(found)]

    def _below(self, name: str) -> str:
        """A file as it lies below the folder of the images: its whole name, else its last part (another computer's folder)."""
        folder = image_folder(self._frames.images or self._path.parent)
        plain = name_and_number(name)[0]
        last = name.rpartition("/")[2]
        return name if (folder / plain).is_file() or not (folder / name_and_number(last)[0]).is_file() else last


def _exposure_cell(path: Path) -> str:
    """The exposure that an image states, with its unit where it names one; empty where it does not."""
    if path.suffix.lower() in HDF5_ENDINGS:
        stated = detector_facts(path).exposure
        return "" if stated is None else f"{stated!r} s"
    header = header_of(path)
    return next((header[name] for name in EXPOSURES if header.get(name)), "")


def _name(cell: object) -> str:
    """A name, also where it is a number."""
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
