"""What a height got of the beam is told, and that it changed with it."""

import csv
from pathlib import Path

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.concentration.bulk_level import bulk_level
from electrosaxs.analysis.kinetics.scan_map import scan_map
from electrosaxs.io.dose_csv import write_dose_csv
from electrosaxs.nouns import FrameTable
from electrosaxs.recipes.analyse.dose import deposit_of_phi, dose_notes, doses

HEIGHTS = np.array([0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0])
SCANS, EXPOSURE, START = 6, 2.0, 8e-4


def table(before: int) -> tuple[FrameTable, np.ndarray]:
    """`before` reference frames at 1500 um, then scans."""
    height = np.concatenate([np.full(before, 1500.0), np.tile(HEIGHTS, SCANS)])
    time = np.concatenate([np.full(before, np.nan), 10.0 * (1.0 + np.arange(height.size - before))])
    role = np.array(["reference"] * before + ["sample"] * (height.size - before))
    ones = np.ones(height.size)
    return FrameTable(
        role=role, height=height, time=time, exposure=EXPOSURE * ones, monitor=1e6 * ones, transmission=0.3 * ones,
        voltage=30.0 * ones, current=None, file=(), source=Path("frames.csv"),
    ), height  # fmt: skip


def test_seconds_are_counted_for_each_height_and_a_deposit_is_found_where_it_grows(tmp_path: Path) -> None:
    frames, height = table(3)
    grid = scan_map(height[3:], frames.time[3:], np.ones(height.size - 3, dtype=bool))
    noise = 1.0 + 3e-4 * np.random.default_rng(2).standard_normal(grid.shape)
    phi = START * noise * (1.0 + np.outer(np.arange(SCANS), HEIGHTS == 0.0))
    phi[:, 3] *= 1.0 + 2e-3 * EXPOSURE * np.arange(SCANS)
    relative = np.full(phi.shape, 3e-4)
    rows = doses(frames, height, grid, phi, relative, bulk_level(phi, relative, start=START, shared=3e-4), START)
    assert [row.height_um for row in rows] == HEIGHTS.tolist()
    assert [row.frames for row in rows] == [6, 6, 6, 9, 6, 6]
    assert_close(rows[3].exposure_s, 18.0, rel=1e-12)
    assert abs(rows[3].change_per_s - 2e-3) < 4.0 * rows[3].change_per_s_sigma
    assert np.isnan(rows[0].change_per_s)
    longest, changing = dose_notes(rows)
    assert longest.startswith("dose: 18 s in the beam at 1500 um (9 frames)")
    assert changing.startswith("dose: phi at 1500 um changes")
    write_dose_csv(tmp_path / "dose.csv", rows)
    with (tmp_path / "dose.csv").open() as stream:
        read = list(csv.DictReader(stream))
    assert float(read[3]["exposure_s"]) == 18.0
    assert read[0]["change_per_s"] == ""


def test_where_no_bulk_tells_a_deposit_it_is_the_one_that_is_found_elsewhere_in_parts_of_phi0() -> None:
    frames, height = table(0)
    grid = scan_map(height, frames.time, np.ones(height.size, dtype=bool))
    seconds = EXPOSURE * np.arange(1, SCANS + 1)
    phi = START * (1.0 + np.outer(np.arange(SCANS), HEIGHTS == 0.0))
    phi[:, 3] *= np.exp(2e-3 * seconds)
    sure = np.full(phi.shape, 1e-9)
    bulk = bulk_level(phi, sure, start=START, shared=3e-4)
    off = deposit_of_phi(frames, np.arange(height.size), grid, phi, sure, bulk, START)
    assert_close(off[:, 3], 2e-3 * seconds, rel=0.05)
    assert_close(off[:, 0], off[:, 3] * START / phi[:, 0], rel=1e-9)
    rows = doses(frames, height, grid, phi, sure, bulk, START)
    assert rows[3].change_per_s_sigma > 3e-5  # nothing is known to a millionth
