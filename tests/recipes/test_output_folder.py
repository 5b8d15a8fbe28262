"""A command writes where neither its inputs nor the results of another command lie."""

from pathlib import Path

import h5py
import pytest

from electrosaxs.errors import InputFileError
from electrosaxs.io.written_by import written_by
from electrosaxs.recipes.output_folder import output_folder
from electrosaxs.report.provenance import write_provenance


def results_of(folder: Path, command: str | None) -> Path:
    folder.mkdir()
    with h5py.File(folder / "results.nxs", "w") as file:
        entry = file.create_group("entry")
        if command is not None:
            entry.attrs["command"] = command
    return folder


@pytest.mark.parametrize("command", ["analyse", "fit", None])
def test_results_tell_which_command_left_them(tmp_path: Path, command: str | None) -> None:
    folder = results_of(tmp_path / "results", command)
    assert written_by(folder) == written_by(folder / "results.nxs") == command
    assert output_folder(folder, command=command) == folder
    assert output_folder(folder) == folder  # who names no command may write
    if command is not None:
        with pytest.raises(InputFileError, match=rf"results of electrosaxs {command}, .*; choose another folder"):
            output_folder(folder, command="campaign")


def test_a_folder_without_maps_tells_it_too(tmp_path: Path) -> None:
    write_provenance(tmp_path, "curves", {})
    assert written_by(tmp_path) == "curves"


@pytest.mark.parametrize("content", ["not JSON", "[1]", '{"command": 3}'])
def test_a_file_of_another_program_tells_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "provenance.json").write_text(content)
    assert written_by(tmp_path) is None


def test_a_folder_of_other_things_may_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "results.nxs").write_text("not HDF5")
    (tmp_path / "notes.txt").touch()
    assert output_folder(tmp_path, command="predict") == tmp_path


@pytest.mark.parametrize("out", ["run", "run/../run", "run/fit"])
def test_the_folder_of_an_input_is_refused_however_it_is_written(
    tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "fit").mkdir(parents=True)
    (tmp_path / "run" / "run.toml").touch()
    with pytest.raises(InputFileError, match=r"--out = .*holds an input of this command"):
        output_folder(out, [tmp_path / "run" / "run.toml", Path("run/fit")])


def test_a_folder_beside_the_inputs_is_made(tmp_path: Path) -> None:
    (tmp_path / "run.toml").touch()
    assert output_folder(tmp_path / "a" / "b", [tmp_path / "run.toml"], command="predict").is_dir()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(InputFileError, match="is a file"):
        output_folder(tmp_path / "out", command="predict")
