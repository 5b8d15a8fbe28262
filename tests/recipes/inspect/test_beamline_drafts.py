"""From what a beamline left: `inspect` names it and drafts run.toml, completed `check` accepts it, and the frames are read."""

import re
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run

sys.path.insert(0, str(Path(__file__).parents[2] / "io" / "beamline"))
import layouts

FILES = {
    "APS 12-ID": ("SAXS/S1.cbf", "scan.spec"), "DECTRIS": ("run_master.h5", "scan.spec"), "I22": ("i22-300.nxs",),
    "BLISS": ("sample_0001.h5",), "areaDetector": ("sim_000.h5",), "ALS 7.3.3": ("raw",),
    "Bluesky": ("frames_0.tif", "frames_1.tif", "documents.jsonl"),
}  # fmt: skip
KNOWN = ("gap_mm = 3.5", "path_length_mm = 10.0", "volume_fraction = 8.0e-4", "fwhm_um = 34.0")
DARKS = f"dark_over_per_s = {layouts.DIODE_DARK}, empty = {layouts.EMPTY}"
SPEC_HEIGHT = ("unit", "mm"), ("sign", "-1"), ("offset_um", "520.0")
HEIGHTS = {
    "APS 12-ID": SPEC_HEIGHT,
    "DECTRIS": SPEC_HEIGHT,
    "areaDetector": (("unit", "um"),),
    "ALS 7.3.3": (("unit", "mm"),),
}


def completed(draft: str, name: str) -> str:
    """The draft with what only the user knows: units and signs, dark counts, the empty beam, ranges of frames."""
    for line in KNOWN:
        draft = draft.replace(f"# {line}", line)
    draft = re.sub(r"monitor = \{ (.*?) \}", rf"monitor = {{ \1, dark_per_s = {layouts.DARK} }}", draft)
    draft = re.sub(r"# transmission = \{ (.*?), empty = 1.0 \}", rf"transmission = {{ \1, {DARKS} }}", draft)
    if name in HEIGHTS:
        keys = ", ".join(f"{key} = {value!r}" if key == "unit" else f"{key} = {value}" for key, value in HEIGHTS[name])
        draft = re.sub(r"# height = \{ (column = .*?), .*? \}", rf"height = {{ \1, {keys} }}", draft)
    return re.sub(r"# role = \{ .*? \}", 'role = { reference = "0-1", solvent = "2-3" }', draft)


@pytest.mark.parametrize("name", FILES)
def test_inspect_drafts_what_check_accepts_and_the_rows_are_right(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    layouts.LAYOUTS[name](tmp_path)
    (tmp_path / "geometry.poni").write_text(layouts.PONI)
    asked = [*(str(tmp_path / file) for file in (*FILES[name], "geometry.poni")), "--draft", str(tmp_path / "run.toml")]
    assert command_line(["inspect", *asked]) == 0
    (tmp_path / "run.toml").write_text(completed((tmp_path / "run.toml").read_text(), name))
    assert command_line(["check", str(tmp_path / "run.toml")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"frames +12: 8 sample, 2 reference, 2 solvent", said)
    assert re.search(r"heights +4, stage at 20 to 320 um", said)
    assert "read as" in said
    run = read_run(tmp_path / "run.toml")
    table = read_table(run)
    assert list(table.role) == list(layouts.ROLE)
    assert_close(table.height, layouts.HEIGHT_UM, rel=1e-9)
    assert_close(table.transmission, layouts.TRANSMISSION, rel=1e-9)
    assert_close(table.monitor, layouts.MONITOR, rel=1e-9)
    first = layouts.TIME_S[layouts.VOLTAGE_V > 0].min()  # field-on is guessed from the voltage
    assert np.abs(table.time - layouts.TIME_S + first).max() < 1.01
    with closing(open_frames(run, table)) as reader:
        assert np.array_equal(reader.read(11)[10:], layouts.frames()[11][10:])
