"""A clock is a clock: dates as text, seconds or their fractions since 1970, EPICS' seconds since 1990."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.io.beamline.moments import from_field_on, seconds
from electrosaxs.io.beamline.their_table import TheirColumn

PATH = Path("scan.h5")
FIELD_ON = 1543392000.5
TIME = np.array([-12.25, 3.5, 40.75, 1800.125])
CLOCKS = {
    "ISO with a zone": ["2018-11-28T07:59:48.250Z", "2018-11-28T09:00:04+01:00", "2018-11-28T08:00:41.25+00:00",
                        "2018-11-28 08:30:00.625Z"],
    "seconds": TIME + FIELD_ON,
    "milliseconds": 1e3 * (TIME + FIELD_ON),
    "microseconds": 1e6 * (TIME + FIELD_ON),
    "EPICS": TIME + FIELD_ON - 631152000.0,
}  # fmt: skip


def time_of(cells: object, field_on: float | str | None, unit: str | None = None) -> np.ndarray:
    values = np.array(cells, dtype=object if isinstance(cells, list) and isinstance(cells[0], str) else float)
    clock, zoned = seconds(TheirColumn("clock", values, unit), None, PATH)
    return from_field_on(clock, zoned, field_on, voltage=None, path=PATH)[0]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(
    "field_on", [FIELD_ON, 1e3 * FIELD_ON, "2018-11-28T08:00:00.5Z", "2018-11-28T10:00:00.500+02:00"]
)
def test_every_clock_gives_the_same_time_from_field_on(clock: str, field_on: float | str) -> None:
    assert np.abs(time_of(CLOCKS[clock], field_on) - TIME).max() < 2e-6


def test_a_clock_that_counts_from_field_on_has_a_zero_and_a_unit() -> None:
    assert_close(time_of(TIME / 60.0, 0.0, "minutes"), TIME, rel=1e-12)
    assert_close(time_of(TIME + 7.0, 7.0), TIME, rel=1e-12)


def test_dates_without_a_zone_need_a_field_on_without_one() -> None:
    cells = ["Wed Nov 28 08:00:04 2018", "28-Nov-2018 08:00:41", "2018-11-28T08:30:00.625", ""]
    found = time_of(cells, "2018-11-28T08:00:00.5")
    assert_close(found[:3], [3.5, 40.5, 1800.125], rel=1e-9)
    assert np.isnan(found[3])


@pytest.mark.parametrize(
    ("cells", "field_on", "message"),
    [
        (["2018-11-28T08:00:04"], "2018-11-28T08:00:00Z", "names a time zone, the dates of the frames do not"),
        (["2018-11-28T08:00:04Z", "2018-11-28T08:00:04"], 0.0, "some of its dates name a time zone and some do not"),
        (["noon"], 0.0, "time = 'noon': is no date"),
        (list(TIME), None, "field_on = missing: there is no voltage column"),
    ],
)
def test_what_cannot_be_meant_is_asked_for(cells: list[str], field_on: float | str | None, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        time_of(cells, field_on)
