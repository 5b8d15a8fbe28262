"""`electrosaxs check` says what a command would do, takes no longer than reading tables, and refuses what it would refuse."""

import re
from pathlib import Path

import h5py
import pytest
from refused import refused
from simulated_runs import edit_column, replace_text

from electrosaxs.command_line.app import run as command_line
from electrosaxs.recipes.check import check

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_run_tells_its_frames_scans_detector_and_what_is_taken_instead(
    quiet_nexus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = check(quiet_nexus)
    does = dict(found.does)
    assert does["frames"] == "49: 21 alignment, 20 sample, 3 solvent, 3 reference, 2 empty"
    assert (does["heights"][:2], does["scans"][:2], does["voxels"]) == ("5,", "4,", "20 of 20 (scan, height)")
    assert does["cell"].endswith("30 V")
    assert re.fullmatch(r"0\.1 to 3\.5 1/nm in 500 bins; the pixels reach 0\.07\d* to 4\.\d* 1/nm", does["q window"])
    assert "cell.anode_height_um: the anode is found from the 21 alignment frames" in found.absent
    assert not found.doubts
    assert command_line(["check", str(quiet_nexus)]) == 0
    assert f"nothing is missing: electrosaxs analyse {quiet_nexus} --out results" in capsys.readouterr().out


def test_frames_that_were_never_written_are_missed_and_pixels_are_not_looked_at(
    nexus_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        data = file["entry/instrument/detector/data"]
        shape, dtype, chunks = data.shape, data.dtype, data.chunks
        del file["entry/instrument/detector/data"]
        file.create_dataset("entry/instrument/detector/data", shape, dtype, chunks=chunks)
    assert re.search("reference frames = 3 of 3 .*never written", refused(capsys, "check", nexus_run))
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        file["entry/instrument/detector/data"][...] = 0
    assert dict(check(nexus_run).does)["voxels"] == "20 of 20 (scan, height)"


def test_what_makes_the_results_poorer_is_told(cbf_run: Path) -> None:
    first = {"sample": 0, "solvent": 0}

    def no_beam(_: int, row: dict[str, str]) -> str:
        if row["role"] not in first:
            return row["monitor_counts"]
        first[row["role"]] += 1
        return "0" if first[row["role"]] == 1 else row["monitor_counts"]

    edit_column(cbf_run.parent / "frames.csv", "monitor_counts", no_beam)
    replace_text(cbf_run, "q_max_per_nm = 3.5", "q_max_per_nm = 12.0")
    found = check(cbf_run)
    assert dict(found.does)["voxels"] == "19 of 20 (scan, height)"
    told = "\n".join(found.doubts)
    assert re.search(r"frame \d+ will be left out: no monitor", told)
    assert "only 2 solvent frames" in told
    assert re.search(r"q_max_per_nm = 12 lies beyond the detector \(4\.\d+ 1/nm\)", told)


def test_an_experiment_tells_its_frames_and_what_the_model_expects() -> None:
    found = check(EXAMPLES / "experiment_small.toml")
    does = dict(found.does)
    assert does["scans"] == "8 over 10 heights in 1200 s"
    assert re.fullmatch(r"expected at [56]\d\d s", does["onset"])
    assert "solution.core: Ag is taken" in found.absent


def test_what_the_command_would_refuse_is_refused(
    cbf_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "detector.geometry" in refused(capsys, "check", EXAMPLES / "run.toml")
    (cbf_run.parent / "images" / "frame_00003.cbf").unlink()
    assert any(
        doubt.startswith("frame 3 will be left out: ") and "frame_00003.cbf" in doubt for doubt in check(cbf_run).doubts
    )
    experiment = tmp_path / "experiment.toml"
    experiment.write_text((EXAMPLES / "experiment_small.toml").read_text().replace("3450]", "4450]"))
    assert "scan.heights_um" in refused(capsys, "check", experiment)
    (tmp_path / "campaign.toml").write_text('runs = ["a/run.toml"]\n')
    assert "is a campaign (TOML); give a run.toml" in refused(capsys, "check", tmp_path / "campaign.toml")
