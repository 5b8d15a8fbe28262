"""Frames and tables as beamlines write them come out as the frames and rows that went in."""

import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run, write_run

sys.path.insert(0, str(Path(__file__).parent))
import layouts


@pytest.mark.parametrize("name", layouts.LAYOUTS)
def test_every_beamline_s_rows_and_frames_are_read_as_they_were_measured(tmp_path: Path, name: str) -> None:
    run = read_run(layouts.write_run(tmp_path, layouts.LAYOUTS[name](tmp_path)))
    table = read_table(run)
    assert list(table.role) == list(layouts.ROLE)
    assert_close(table.height, layouts.HEIGHT_UM, rel=1e-9)
    assert_close(table.exposure, np.full(layouts.N, layouts.EXPOSURE_S), rel=1e-12)
    assert_close(table.monitor, layouts.MONITOR, rel=1e-12)
    assert_close(table.transmission, layouts.TRANSMISSION, rel=1e-9)
    assert table.voltage is not None
    assert np.array_equal(table.voltage, layouts.VOLTAGE_V)
    coarse = 0.76 if name == "ALS 7.3.3" else 1e-6  # ctime tells whole seconds
    assert np.abs(table.time - layouts.TIME_S).max() < coarse
    assert any("um = " in words for words in table.origin)
    with closing(open_frames(run, table)) as reader:
        assert reader.shape == layouts.SHAPE
        for i, frame in enumerate(layouts.frames()):
            read = reader.read(i)
            counted = read < 2**31 if read.dtype.kind == "u" else read >= 0
            assert np.array_equal(read[counted], frame[counted])
            assert counted.sum() >= frame.size - 4
    write_run(tmp_path / "again.toml", run)
    assert read_run(tmp_path / "again.toml") == run


def test_both_diodes_of_a_transmission_have_darks_of_their_own(tmp_path: Path) -> None:
    """1000 counts a second more in the monitor, which the file says are dark; the ratio is that of the light."""
    text = layouts.LAYOUTS["APS 12-ID"](tmp_path)
    spec = tmp_path / "scan.spec"
    lines = spec.read_text().splitlines()
    for k, line in enumerate(lines):
        cells = line.split()
        if len(cells) == 6 and not line.startswith("#"):
            cells[3] = repr(float(cells[3]) + 1000.0 * layouts.EXPOSURE_S)
            lines[k] = " ".join(cells)
    spec.write_text("\n".join(lines) + "\n")
    text = text.replace("dark_over_per_s", "dark_under_per_s = 1000.0, dark_over_per_s")
    table = read_table(read_run(layouts.write_run(tmp_path, text)))
    assert_close(table.transmission, layouts.TRANSMISSION, rel=1e-9)
