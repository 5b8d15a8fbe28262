"""`electrosaxs inspect` drafts a run.toml from frames; completed, the draft is the run."""

import shutil
from pathlib import Path

import pytest
from refused import refused
from simulated_runs import replace_text

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.run_toml import read_run

KNOWN_TO_THE_USER = ("gap_mm = 3.5", "path_length_mm = 10.0", "volume_fraction = 8.0e-4", "fwhm_um = 34.0")


@pytest.mark.parametrize("form", ["nexus", "cbf"])
def test_a_draft_with_what_no_file_says_is_the_run(
    form: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_toml = request.getfixturevalue(f"quiet_{form}")
    frames = ["frames.nxs"] if form == "nexus" else ["frames.csv", "images/frame_00000.cbf"]
    draft = tmp_path / "run.toml"
    asked = ["inspect", *(str(run_toml.parent / name) for name in frames), "--draft", str(draft)]
    assert command_line(asked) == 0
    assert (
        "run.toml: cell.gap_mm = missing: is required" in refused(capsys, "check", draft) if capsys.readouterr() else ""
    )
    for line in KNOWN_TO_THE_USER:
        replace_text(draft, f"# {line}", line)
    found, right = read_run(draft), read_run(run_toml)
    assert (found.cell.gap_mm, found.beam, found.solution) == (right.cell.gap_mm, right.beam, right.solution)
    assert (found.detector, found.frames) == (right.detector, right.frames)
    assert "is there already" in _said(capsys, asked)


def _said(capsys: pytest.CaptureFixture[str], asked: list[str]) -> str:
    assert command_line(asked) == 2
    return capsys.readouterr().err


def test_without_a_name_the_draft_is_told_and_nothing_is_written(
    quiet_nexus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line(["inspect", str(quiet_nexus.parent / "frames.nxs")]) == 0
    assert "energy_keV = 13.3" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_what_holds_no_frames_drafts_nothing(
    quiet_nexus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["inspect", str(quiet_nexus)]) == 0
    assert "draft" not in capsys.readouterr().out
    assert "no frames among" in _said(capsys, ["inspect", str(quiet_nexus), "--draft", str(tmp_path / "run.toml")])


def test_names_of_files_may_hold_what_toml_writes_in_another_way(quiet_cbf: Path, tmp_path: Path) -> None:
    """A quotation mark, a backslash and letters beyond ASCII in the name of a folder, of the table and so of the title."""
    odd = tmp_path / 'the "good" one \\ größer 🙂'
    shutil.copytree(quiet_cbf.parent, odd)
    table, geometry = odd / 'rows "1".csv', odd / 'the "best".poni'
    (odd / "frames.csv").rename(table)
    next(odd.glob("*.poni")).rename(geometry)
    asked = ["inspect", str(table), str(odd / "images" / "frame_00000.cbf"), "--draft", str(tmp_path / "run.toml")]
    assert command_line(asked) == 0
    for line in KNOWN_TO_THE_USER:
        replace_text(tmp_path / "run.toml", f"# {line}", line)
    found = read_run(tmp_path / "run.toml")
    assert found.run.title == 'rows "1"'
    assert found.frames.table == table
    assert found.detector.geometry == geometry
