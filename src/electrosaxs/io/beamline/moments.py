"""Clocks: seconds since 1970 (or in ms, us, ns), EPICS' seconds since 1990, dates as text; and when the field was on."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ...nouns import FloatArray
from ..refusal import refusal
from .their_table import TheirColumn
from .units import factor

FIRST_DATE_S, LAST_DATE_S = 0.6e9, 4.1e9
"""1989 to 2099 in seconds since 1970."""
EPICS_EPOCH = 631152000.0
"""1990-01-01 in seconds since 1970: the seconds past epoch of EPICS count from there."""
LONGEST_RUN_S = 30 * 86400.0
"""Beyond it a time is not from field-on: it is a date, or in another unit."""
SCALES = (1.0, 1e-3, 1e-6, 1e-9)
FORMS = ("%a %b %d %H:%M:%S %Y", "%d-%b-%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y/%b/%d %H:%M:%S.%f")
FIELD = "frames.columns.time"


def seconds(column: TheirColumn, unit: str | None, path: Path) -> tuple[FloatArray, bool | None]:
    """The clock in s, and whether it names its time zone: None for numbers, which count from 1970 in UTC if they are dates."""
    if column.is_text:
        stamps = [_stamp(str(cell), path) for cell in column.values.ravel()]
        zoned = {zone for value, zone in stamps if math.isfinite(value)}
        if len(zoned) > 1:
            rule = "some of its dates name a time zone and some do not"
            raise refusal(path, FIELD, column.name, rule, "write all of them in one way")
        return np.array([value for value, _ in stamps]), zoned.pop() if zoned else False
    values = column.values.astype(float).ravel()
    stated = unit or column.unit
    if stated is not None:
        scale = factor(stated, "s")
        if scale is None:
            raise refusal(path, f"{FIELD}.unit", stated, "cannot be converted to s", 'give unit = "s" or "ms"')
        return values * scale + column.epoch, None
    return values * _date_scale(values) + column.epoch, None


def _date_scale(values: FloatArray) -> float:
    """Numbers that are dates tell their unit by their size; others are s."""
    middle = float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0
    return next((scale for scale in SCALES if FIRST_DATE_S < middle * scale < LAST_DATE_S), 1.0)


def _stamp(text: str, path: Path) -> tuple[float, bool]:
    """A date as s since 1970 (a zone that is not named counts as UTC), and whether it names its zone; NaN for an empty cell."""
    text = text.strip()
    if not text:
        return math.nan, False
    found = _date(text)
    if found is None:
        rule = "is no date: ISO 8601 (2018-11-28T08:00:00.5Z) or as ctime writes it"
        raise refusal(path, FIELD, repr(text[:60]), rule, "name a column of dates or seconds")
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp(), found.tzinfo is not None


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def from_field_on(
    clock: FloatArray, zoned: bool | None, field_on: float | str | None, *, voltage: FloatArray | None, path: Path
) -> tuple[FloatArray, str]:
    """Time from field-on (s) of a clock in s, and in words where field-on was found."""
    if field_on is None:
        start, open_s = _first_change(clock, voltage, path)
        words = f"field-on: the first row whose voltage differs, {_shown(start)}, up to {open_s:.3g} s late"
        return clock - start, words
    if isinstance(field_on, str):
        start, zone = _stamp(field_on, path)
        if math.isnan(start):
            raise refusal(path, f"{FIELD}.field_on", field_on, "is empty", "give the reading of the clock at field-on")
        if zoned is not None and zoned != zone:
            rule = (
                "names a time zone, the dates of the frames do not"
                if zone
                else "names no time zone, those of the frames do"
            )
            raise refusal(path, f"{FIELD}.field_on", field_on, rule, "write both in one way")
        if zoned is None and not zone:
            rule = "names no time zone, and the frames have seconds since 1970"
            raise refusal(path, f"{FIELD}.field_on", field_on, rule, "add it: 2018-11-28T08:00:00Z or +01:00")
    else:
        start = float(field_on) * _date_scale(np.array([float(field_on)]))
    shift = _epics(clock - start)
    return clock + shift - start, f"field-on: {_shown(start)}" + (
        ", the clock counts from 1990 (EPICS)" if shift else ""
    )


def _epics(time: FloatArray) -> float:
    """What a clock that counts from 1990 is behind, where only that makes a run of it."""
    middle = float(np.nanmedian(time)) if np.isfinite(time).any() else 0.0
    for shift in (0.0, EPICS_EPOCH, -EPICS_EPOCH):
        if abs(middle + shift) < LONGEST_RUN_S:
            return shift
    return 0.0


def _shown(start: float) -> str:
    if FIRST_DATE_S < start < LAST_DATE_S:
        return f"{datetime.fromtimestamp(start, tz=UTC).isoformat(' ', 'milliseconds')[:-6]} UTC"
    return f"{start:g} s of the clock"


def _first_change(clock: FloatArray, voltage: FloatArray | None, path: Path) -> tuple[float, float]:
    """The clock of the first frame at another voltage than the earliest frames', and how long before it the last one of those
    was: the field came on between the two."""
    remedy = "give field_on: the reading of the clock when the field was switched on (0 where it counts from there), or a date"
    if voltage is None:
        raise refusal(path, f"{FIELD}.field_on", "missing", "there is no voltage column to find field-on in", remedy)
    known = np.flatnonzero(np.isfinite(clock) & np.isfinite(voltage))
    order = known[np.argsort(clock[known], kind="stable")]
    span = float(np.ptp(voltage[order])) if order.size else 0.0
    changed = order[np.abs(voltage[order] - voltage[order[0]]) > 0.05 * span] if span > 0 else order[:0]
    if not changed.size:
        value = f"{voltage[order[0]]:g} V throughout" if order.size else "no row with voltage and time"
        raise refusal(path, f"{FIELD}.field_on", "missing", f"the voltage does not change ({value})", remedy)
    last = order[np.flatnonzero(order == changed[0])[0] - 1]
    return float(clock[changed[0]]), float(clock[changed[0]] - clock[last])
