"""Time stamps that cannot be those of single frames: one for a whole scan, or a clock that was set by hours in mid-run."""

from __future__ import annotations

import numpy as np

from ...nouns import FloatArray, Role
from .clock import HOUR_S, NAME, RESTS_ON_IT
from .measured_run import MeasuredRun
from .quality import OF_PHI, Doubt

COARSE = 5.0
"""Exposures between different stamps up to which frames may share one, as of a clock that tells whole seconds."""
MANY = 0.5
"""Of the frames, which share their stamp with another."""
LIKE_ANOTHER = 0.2
"""Of the usual pause between scans (chosen): so near to whole hours more, a pause may be a clock that was set."""
LEAST_MOVED, NO_MORE = 5e-3, 2.0
"""Of ln phi, median of a scan's heights, that changes between scans beside it, and times that within which it is no more."""


def doubts_of_the_stamps(measured: MeasuredRun) -> list[Doubt]:
    """What stamps leave open that several frames share, and an hour between two scans in which no more happens than between
    others."""
    table, frames = measured.reduced.table, measured.reduced.frames(Role.SAMPLE)
    time = table.time[frames]
    exposure = float(np.nanmedian(table.exposure[frames])) if frames.size else 0.0
    names = frozenset({*OF_PHI, *RESTS_ON_IT, NAME})
    clock = _set(measured.on_map("phi"), measured.grid.time)
    shared = _shared(time[np.isfinite(time)], exposure)
    return [*(Doubt(names, words, wrong=True) for words in clock), *(Doubt(names, words) for words in shared)]


def _shared(time: FloatArray, exposure: float) -> tuple[str, ...]:
    stamps, count = np.unique(time, return_counts=True)
    sharing = int(count[count > 1].sum())
    if stamps.size < 2 or sharing <= MANY * time.size:
        return ()
    apart = float(np.median(np.diff(stamps)))
    if apart <= COARSE * exposure:
        return ()
    return (
        f"{sharing} of {time.size} sample frames have the time of another one, and different times are {apart:.3g} s apart: the"
        " table has the time of a scan, not of each frame",
    )


def _set(phi: FloatArray, time_s: FloatArray) -> tuple[str, ...]:
    """phi, time_s (scan, height): a pause of whole hours and a usual one, in which phi goes on as in those beside it."""
    when = np.median(time_s, axis=1)
    pause, hours = np.diff(when), np.round(np.diff(when) / HOUR_S)
    usual = float(np.median(pause)) if pause.size else 0.0
    like = (hours >= 1.0) & (np.abs(pause - hours * HOUR_S - usual) < LIKE_ANOTHER * usual)
    if like.sum() != 1 or usual > 0.5 * HOUR_S:
        return ()
    first = int(np.argmax(like))
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.nanmedian(np.abs(np.diff(np.log(np.where(phi > 0.0, phi, np.nan)), axis=0)), axis=1)
    beside = moved[[k for k in (first - 1, first + 1) if 0 <= k < moved.size]]
    if not float(np.nanmax(beside, initial=0.0)) > LEAST_MOVED or not moved[first] < NO_MORE * float(np.nanmax(beside)):
        return ()
    what = "an hour" if hours[first] == 1.0 else f"{hours[first]:.0f} hours"
    return (
        f"between {when[first]:.0f} and {when[first + 1]:.0f} s the clock goes on by {what} more than between other scans, and"
        " phi changes as between these: it was set (daylight saving, or UTC beside local time)",
    )
