"""A run in a beamline's form is the same run: same rows, same frames."""

from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
from closeness import assert_close

from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run

NUMBERS = ("height", "time", "exposure", "monitor", "transmission", "voltage")


def as_a_beamline(source: Path, folder: Path) -> Path:
    """The frames of `source` behind a virtual data set of two dimensions of scan, its table in SPEC with counters that have
    dark counts, heights that rise towards the anode in mm, and a clock."""
    with h5py.File(source / "frames.nxs", "r") as file:
        table = {name: file[f"entry/frames/{name}"][()] for name in (*NUMBERS, "role")}
        data = file["entry/instrument/detector/data"]
        shape, saturation = data.shape, file.get("entry/instrument/detector/saturation_value")
        limit = None if saturation is None else saturation[()]
        dtype = data.dtype
    half = shape[0] // 2
    layout = h5py.VirtualLayout((2, half, *shape[1:]), dtype)
    whole = h5py.VirtualSource(str(source / "frames.nxs"), "/entry/instrument/detector/data", shape)
    layout[0], layout[1] = whole[:half], whole[half : 2 * half]
    with h5py.File(folder / "master.h5", "w") as file:
        file.create_virtual_dataset("entry1/instrument/pilatus/data", layout)
        if limit is not None:
            file["entry1/instrument/pilatus/saturation_value"] = limit
    clock = np.where(np.isfinite(table["time"]), table["time"], -100.0 + np.arange(shape[0]))
    lines = ["#F scan.spec", "#E 1543390000", "", "#S 1 ascan", "#N 6", "#L sz  Epoch  Seconds  ic1  diode  volts  row"]
    for i in range(2 * half):
        dark = 100.0 * table["exposure"][i]
        beam = table["monitor"][i] + dark
        cells = (2.0 - table["height"][i] / 1e3, clock[i] + 2000.0, table["exposure"][i], beam,
                 table["transmission"][i] * 0.9 * beam + 0.1 * dark, table["voltage"][i], i)  # fmt: skip
        lines.append(" ".join(repr(float(cell)) for cell in cells))
    (folder / "scan.spec").write_text("\n".join([*lines, ""]))
    roles = [role.decode() for role in table["role"][: 2 * half]]
    ranges = {role: ", ".join(str(i) for i, one in enumerate(roles) if one == role) for role in dict.fromkeys(roles)}
    named = ", ".join(f'{role} = "{rows}"' for role, rows in ranges.items() if role != "sample")
    text = (source / "run.toml").read_text()
    text = text.replace('nexus = "frames.nxs"', 'nexus = "master.h5"\ntable = "scan.spec"')
    columns = f"""
[frames.columns]
height = {{ column = "sz", unit = "mm", sign = -1, offset_um = 2000.0 }}
time = {{ column = "Epoch", field_on = 1543392000.0 }}
exposure = {{ column = "Seconds" }}
monitor = {{ column = "ic1", dark_per_s = 100.0 }}
transmission = {{ over = "diode", under = "ic1", dark_over_per_s = 10.0, empty = 0.9 }}
voltage = {{ column = "volts" }}
role = {{ {named} }}
"""
    for line in ("geometry.poni", "mask.edf"):
        text = text.replace(f'"{line}"', f'"{(source / line).as_posix()}"')
    (folder / "run.toml").write_text(text + columns)
    return folder / "run.toml"


def test_rows_and_frames_do_not_depend_on_who_wrote_the_files(quiet_nexus: Path, tmp_path: Path) -> None:
    ours, theirs = read_run(quiet_nexus), read_run(as_a_beamline(quiet_nexus.parent, tmp_path))
    right, found = read_table(ours), read_table(theirs)
    rows = len(found)
    assert len(right) - rows in (0, 1)
    assert list(found.role) == list(right.role[:rows])
    known = np.isfinite(right.time[:rows])
    for name in NUMBERS:
        tolerance = 1e-6 if name == "time" else 1e-9  # of a date a tenth of a microsecond is lost
        assert_close(getattr(found, name)[known] + 1.0, getattr(right, name)[:rows][known] + 1.0, rel=tolerance)
    assert found.origin[0] == "height_um = -sz (mm) +2000 um"
    with closing(open_frames(ours, right)) as own, closing(open_frames(theirs, found)) as other:
        assert (own.shape, own.saturation) == (other.shape, other.saturation)
        for i in (0, rows // 2 - 1, rows // 2, rows - 1):
            assert np.array_equal(own.read(i), other.read(i))
