"""Stamps of whole scans, and a clock that was set by hours in mid-run, are said of the numbers that rest on time."""

from types import SimpleNamespace

import numpy as np
import pytest

from electrosaxs.recipes.analyse.quality import Doubt
from electrosaxs.recipes.analyse.time_stamps import doubts_of_the_stamps

TIME = 60.0 + 130.0 * np.arange(8.0)[:, None] + 14.0 * np.arange(6.0)  # (scan, height), frames of 1 s


def told(time: np.ndarray, *, when_it_was: np.ndarray = TIME, exposure: float = 1.0) -> list[Doubt]:
    phi = 1e-3 * (1.0 + 1e-3 * when_it_was * np.exp(-np.arange(6.0)))
    table = SimpleNamespace(time=time.ravel(), exposure=np.full(time.size, exposure))
    reduced = SimpleNamespace(table=table, frames=lambda _: np.arange(time.size))
    measured = SimpleNamespace(reduced=reduced, grid=SimpleNamespace(time=time), on_map=lambda _: phi)
    return doubts_of_the_stamps(measured)  # type: ignore[arg-type]


def test_frames_with_their_own_times_and_a_coarse_clock_are_right() -> None:
    assert told(TIME) == []
    assert told(np.round(TIME / 2.0) * 2.0) == []
    assert told(np.floor(0.05 * TIME), exposure=0.7) == []  # several frames in one second


def test_the_time_of_a_scan_is_that_of_no_frame() -> None:
    (doubt,) = told(np.broadcast_to(TIME[:, :1], TIME.shape))
    assert "48 of 48 sample frames have the time of another one, and different times are 130 s apart" in doubt.why
    assert {"slice_flux", "supply_flux", "onset_time", "field_on_time"} <= doubt.names


@pytest.mark.parametrize("hours", [1, 2])
def test_a_clock_that_was_set_makes_rates_that_are_not_to_be_trusted(hours: int) -> None:
    later = TIME + 3600.0 * hours * (np.arange(8) >= 4)[:, None]
    (doubt,) = told(later)
    assert doubt.wrong
    assert f"by {'an hour' if hours == 1 else '2 hours'} more than between other scans" in doubt.why


def test_a_run_that_paused_for_an_hour_under_voltage_goes_on_in_it() -> None:
    later = TIME + 3600.0 * (np.arange(8) >= 4)[:, None]
    assert told(later, when_it_was=later) == []
    assert told(TIME + 3600.0 * np.arange(8)[:, None]) == []  # a scan every hour
    assert told(TIME + 3000.0 * (np.arange(8) >= 4)[:, None]) == []
