"""Single bad frames are named and left out, the others keep their numbers; what was reduced is not reduced again."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fabio
import h5py
import numpy as np
import pytest
from closeness import assert_close
from frames_csv import read_frames_csv
from simulated_runs import analysed, edit_column, replace_text

from electrosaxs.io.cbf import write_cbf
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.analyse.reduce_run import frames_taken, reduce_run

FIRST, HEIGHTS = 29, 5  # sample frames of the quiet experiment come last, five to a scan
BAD = {
    "masked": FIRST + 3,
    "negative": FIRST + 4,
    "saturated": FIRST + 7,
    "monitor": FIRST + 8,
    "transmission": FIRST + 9,
    "above one": FIRST + 12,
    "time": FIRST + 13,
    "unreadable": FIRST + 14,
}
REASONS = {
    "masked": "all pixels masked",
    "negative": "negative pixels",
    "saturated": "saturated",
    "monitor": "no monitor",
    "transmission": r"transmission not in \(0, 1\]",
    "above one": r"transmission not in \(0, 1\]",
    "time": "no time or height",
    "unreadable": "unreadable: .*",
}
Image = np.ndarray


def damaged_pixels(kind: str, frame: Image) -> Image:
    frame = frame.copy()
    if kind == "masked":
        frame[...] = -1
    elif kind == "negative":
        frame[::2, :120] = -2  # here and there: a whole part that reads one number is left out and the frame kept
    elif kind == "saturated":
        frame[80:120, 200:300] = 2**20 - 1
    return frame


def damage_images(folder: Path) -> None:
    for kind in ("masked", "negative", "saturated"):
        image = folder / "images" / f"frame_{BAD[kind]:05d}.cbf"
        frame = fabio.open(str(image)).data
        write_cbf(image, damaged_pixels(kind, frame), {"Count_cutoff": "1048575 counts"})
    unreadable = folder / "images" / f"frame_{BAD['unreadable']:05d}.cbf"
    os.truncate(unreadable, unreadable.stat().st_size // 2)
    cells = {
        "monitor_counts": {BAD["monitor"]: "0"},
        "transmission": {BAD["transmission"]: "", BAD["above one"]: "1.3"},
        "time_s": {BAD["time"]: "nan"},
    }
    for column, changed in cells.items():
        edit_column(folder / "frames.csv", column, lambda i, row, c=column, new=changed: new.get(i, row[c]))


def damage_nexus(folder: Path) -> None:
    with h5py.File(folder / "frames.nxs", "r+") as file:
        data, table = file["entry/instrument/detector/data"], file["entry/frames"]
        for kind in ("masked", "negative", "saturated"):
            data[BAD[kind]] = damaged_pixels(kind, data[BAD[kind]])
        data.id.write_direct_chunk((BAD["unreadable"], 0, 0), b"too short to be a chunk")
        table["monitor"][BAD["monitor"]] = 0.0
        table["transmission"][BAD["transmission"]] = np.nan
        table["transmission"][BAD["above one"]] = 1.3
        table["time"][BAD["time"]] = np.nan


@pytest.mark.parametrize(("form", "damage"), [("nexus", damage_nexus), ("cbf", damage_images)])
def test_bad_frames_are_left_out_with_a_reason_and_the_others_keep_their_numbers(
    form: str,
    damage: Callable[[Path], None],
    request: pytest.FixtureRequest,
    quiet_results: tuple[RunResults, Path],
    tmp_path: Path,
) -> None:
    run: Path = request.getfixturevalue(f"{form}_run")
    damage(run.parent)
    whole, _ = quiet_results
    holed = analysed(run, tmp_path / "out")
    records = read_frames_csv(tmp_path / "out" / "frames.csv")
    assert [r.flags for r in records] == [r.flags for r in holed.frames]
    for kind, index in BAD.items():
        assert not records[index].used
        assert re.search(REASONS[kind], records[index].reason), (kind, records[index])
    assert [r.index for r in records if not r.used] == sorted(BAD.values())
    left_out = np.zeros(whole.volume_fraction.values.shape, dtype=bool)
    for index in BAD.values():
        left_out[np.unravel_index(index - FIRST, left_out.shape)] = True
    assert np.array_equal(holed.volume_fraction.good, ~left_out)
    for name, rel in (("volume_fraction", 4e-3), ("diameter", 3e-4), ("deviation", 2e-3)):
        mine, other = (getattr(results, name) for results in (holed, whole))
        assert_close(mine.values[~left_out], other.values[~left_out], rel=rel)
    far = ~left_out
    far[:, :3] = False  # the footprint's correction near the anode is a spline through the neighbouring voxels
    assert far.any()
    assert_close(holed.volume_fraction.values[far], whole.volume_fraction.values[far], rel=2e-4)


def test_bad_solvent_and_reference_frames_are_left_out_too_and_one_without_a_place_is_not_in_the_map(
    nexus_run: Path, tmp_path: Path
) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        role = file["entry/frames/role"].asstr()[()]
        solvent, reference = (int(np.flatnonzero(role == name)[0]) for name in ("solvent", "reference"))
        file["entry/frames/monitor"][solvent] = np.nan
        file["entry/frames/transmission"][reference] = 0.0
        file["entry/frames/height"][FIRST + 6] = np.nan
    results = analysed(nexus_run, tmp_path / "out")
    assert sorted(r.index for r in results.frames if not r.used) == sorted([solvent, reference, FIRST + 6])
    lost = results.frames[FIRST + 6]
    assert (lost.scan, lost.height_index, lost.reason) == (-1, -1, "no time or height")
    from electrosaxs.io.results import read_results

    truth = read_results(nexus_run.parent / "truth.nxs")
    assert_close(results.volume_fraction.values[:, 3], truth.volume_fraction.values[:, 3], rel=0.01)


def numbers(out: Path) -> dict[str, dict[str, object]]:
    return json.loads((out / "numbers.json").read_text())


def test_killed_in_the_middle_the_same_command_ends_with_the_same_numbers(
    quiet_nexus: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    slow = (
        "import sys, time\n"
        "import electrosaxs.reduction.stream as stream\n"
        "from electrosaxs.command_line.app import run\n"
        "add = stream.ReductionStore.add\n"
        "def slow_add(store, frame):\n"
        "    store.block = 4\n"
        "    add(store, frame)\n"
        "    time.sleep(0.05)\n"
        "stream.ReductionStore.add = slow_add\n"
        "run(sys.argv[1:])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", slow, "analyse", str(quiet_nexus), "--out", str(out), "--quiet"])
    status = out / "reduction" / "status.npy"
    finished = 0
    for _ in range(2400):
        if status.exists() and (out / "reduction" / "key.json").exists():
            finished = int(np.count_nonzero(np.load(status)))
        if finished >= 8 or process.poll() is not None:
            break
        time.sleep(0.025)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = int(np.count_nonzero(np.load(status)))
    assert 8 <= kept < 49
    assert not (out / "numbers.json").exists()
    results = analysed(quiet_nexus, out)
    assert f"resumed: {kept} frames were reduced by an earlier run of this command" in results.notes
    assert numbers(out) == numbers(quiet_results[1])
    assert (out / "frames.csv").read_bytes() == (quiet_results[1] / "frames.csv").read_bytes()


def test_twice_the_same_command_gives_the_same_numbers_without_reading_frames_again(
    nexus_run: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    """Reduced by one thread and analysed from what that left, against reduced and analysed by two."""
    reduce_run(read_run(nexus_run), tmp_path / "out", workers=1).store.flush()
    again = analysed(nexus_run, tmp_path / "out", workers=2)
    assert "resumed: 49 frames were reduced by an earlier run of this command" in again.notes
    assert numbers(tmp_path / "out") == numbers(quiet_results[1])


def test_other_frames_of_the_same_files_are_another_reduction(nexus_run: Path) -> None:
    run = read_run(nexus_run)
    table = read_table(run)
    ones = [
        run.model_copy(update={"frames": run.frames.model_copy(update={"data": name})}) for name in ("/low", "/high")
    ]
    tables = [
        table,
        replace(table, place=np.arange(len(table)) + 2),
        replace(table, file=("stack.h5::3",) * len(table)),
    ]
    assert len({frames_taken(one, of) for one in ones for of in tables}) == 6


def test_other_settings_or_frames_are_not_mixed_with_what_was_reduced_before(nexus_run: Path, tmp_path: Path) -> None:
    def reduced_again() -> int:
        before = reduce_run(read_run(nexus_run), tmp_path / "out")
        before.store.flush()
        resumed = [note for note in before.notes if note.startswith("resumed")]
        return 49 - (int(resumed[0].split()[1]) if resumed else 0)

    assert reduced_again() == 49
    assert reduced_again() == 0
    toml = nexus_run.parent / "run.toml"
    for old, new in (
        ("bins = 500", "bins = 400"),
        ("q_max_per_nm = 3.5", "q_max_per_nm = 3.0"),
        ('mask = "mask.edf"', "# no mask"),
    ):
        replace_text(toml, old, new)
        assert reduced_again() == 49, new
        assert reduced_again() == 0, new
    replace_text(toml, "volume_fraction = 0.0008", "volume_fraction = 0.0007")
    assert reduced_again() == 0  # the frames do not depend on it
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        file["entry/instrument/detector/data"][40] += 1
    assert reduced_again() == 49


def test_hot_pixels_are_found_in_bins_of_few_pixels_too(nexus_run: Path, tmp_path: Path) -> None:
    replace_text(nexus_run, "bins = 500", "bins = 8000")
    assert "1 hot, 1 dead" in reduce_run(read_run(nexus_run), tmp_path / "out").notes[0]


@pytest.mark.parametrize("splitting", ["no", "bbox"])
def test_pyfai_as_integrator_agrees_within_sigma(
    splitting: str, quiet_nexus: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    theirs = analysed(quiet_nexus, tmp_path / "out", integrator=f"pyfai:{splitting}")
    ours, _ = quiet_results
    for name in ("volume_fraction", "diameter", "deviation"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        shift = (other.values - mine.values) / mine.total_sigma
        assert np.nanmax(np.abs(shift)) < (0.3 if splitting == "no" else 1.0), (name, shift)


PEAK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from simulated_runs import analysed
for run in sys.argv[2:]:
    analysed(Path(run), Path(run).parent / "out")
    # VmHWM belongs to this program alone; ru_maxrss would still hold what pytest had before exec
    print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024)
"""


def repeated(run: Path, times: int) -> int:
    """Let the table name the sample images `times` times, scan after scan; returns the number of frames."""
    table = run.parent / "frames.csv"
    header, *rows = table.read_text().splitlines()
    samples = [row.split(",") for row in rows if ",sample," in row]
    time_s, later = header.split(",").index("time_s"), 300.0
    for again in range(1, times):
        for row in samples:
            rows.append(",".join([*row[:time_s], repr(float(row[time_s]) + again * later), *row[time_s + 1 :]]))
    table.write_text("\n".join([header, *rows]) + "\n")
    return len(rows)


def test_memory_does_not_grow_with_the_number_of_frames(cbf_run: Path, tmp_path: Path) -> None:
    """One program analyses a short run twice and then a long one, which hardly raises the most that was taken. A second
    analysis takes 15 MiB more than the first whatever its length, a long one after it 2 MiB for frames of 36."""
    longer = Path(shutil.copytree(cbf_run.parent, tmp_path / "longer")) / cbf_run.name
    sizes = [repeated(cbf_run, 1), repeated(longer, 6)]
    assert sizes == [49, 149]
    runs = [str(run) for run in (cbf_run, cbf_run, longer)]
    command = [sys.executable, "-c", PEAK, str(Path(__file__).parents[2]), *runs]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    peaks = [float(line) for line in said.splitlines()]
    frame = 195 * 487 * 4 / 2**20  # MiB
    assert peaks[2] - peaks[1] < 0.2 * (sizes[1] - sizes[0]) * frame, peaks
    assert max(peaks) < 1000.0


def test_an_image_that_came_twice_is_named_and_left_out(cbf_run: Path, tmp_path: Path) -> None:
    """A detector that gave the last image again: its row has the time, height and transmission of the one that is lost."""
    images = sorted((cbf_run.parent / "images").glob("*.cbf"))
    for index in (FIRST + 6, FIRST + 13):
        shutil.copy(images[index - 1], images[index])
    records = analysed(cbf_run, tmp_path / "out").frames
    out = {record.index: record.reason for record in records if not record.used and record.role == "sample"}
    for index in (FIRST + 6, FIRST + 13):
        assert out[index] == f"the image of frame {index - 1} again, photon for photon"
    assert {FIRST + 5, FIRST + 12}.isdisjoint(out)
