"""meter.csv while it grows: what the page draws of it, thinned so that a long run takes no more memory than a short one."""

from __future__ import annotations

import csv
from pathlib import Path

MOST = 3000
CLOCK, VOLTAGE, CURRENT, OUTPUT = "clock_s", "read_V", "read_A", "output"
Reading = tuple[float, float | None, float | None]


class MeterRows:
    """Readings (clock s, V, A) from `path`. Where there are MOST of them every second one goes, and from then on only each
    `stride`-th is taken. on_at: clock s of the first reading with the output on."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._header = path, 0, list[str]()
        self.readings: list[Reading] = []
        self.stride, self._left = 1, 0
        self.on_at: float | None = None

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

    def _take(self, row: dict[str, str]) -> None:
        clock = _number(row.get(CLOCK, ""))
        if clock is None:
            return
        if self.on_at is None and row.get(OUTPUT) == "1":
            self.on_at = clock
        if self._left:
            self._left -= 1
            return
        self._left = self.stride - 1
        self.readings.append((clock, _number(row.get(VOLTAGE, "")), _number(row.get(CURRENT, ""))))
        if len(self.readings) >= MOST:
            del self.readings[1::2]
            self.stride *= 2


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
