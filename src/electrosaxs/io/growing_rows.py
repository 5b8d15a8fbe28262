"""meter.csv and control.csv while they grow: what the page draws of them, thinned so that a long run takes no more memory than
a short one."""

from __future__ import annotations

import csv
from pathlib import Path

MOST = 3000
METER_FILE = "meter.csv"
METER = ("clock_s", "read_V", "read_A")
CONTROL = (
    "time_s", "set_point_m_per_s", "flux_m_per_s", "flux_sigma_m_per_s", "effective_charge", "effective_charge_sigma",
    "voltage_V",
)  # fmt: skip
OUTPUT = "output"
Row = tuple[float | None, ...]


class GrowingRows:
    """The `columns` of the file at `path`, None where a cell holds no number. Where there are MOST rows every second one goes,
    and from then on only each `stride`-th is taken. on_at: first column of the first row with the output on."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._path, self._columns, self._offset, self._header = path, columns, 0, list[str]()
        self.rows: list[Row] = []
        self.stride, self._left = 1, 0
        self.on_at: float | None = None
        self.last: dict[str, str] = {}

    def look(self) -> None:
        """Take the rows that have come."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                new = stream.read()
        except OSError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for cells in csv.reader(whole.decode("utf-8", "replace").splitlines()):
            if not self._header:
                self._header = cells
            else:
                self._take(dict(zip(self._header, cells, strict=False)))

    def _take(self, cells: dict[str, str]) -> None:
        row = tuple(_number(cells.get(name, "")) for name in self._columns)
        if row[0] is None:
            return
        self.last = cells
        if self.on_at is None and cells.get(OUTPUT) == "1":
            self.on_at = row[0]
        if self._left:
            self._left -= 1
            return
        self._left = self.stride - 1
        self.rows.append(row)
        if len(self.rows) >= MOST:
            del self.rows[1::2]
            self.stride *= 2


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
