"""What every command has: a version, a log, a stderr that stays silent, the truth about Ctrl-C and a full disk."""

import errno
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from refused import refused

from electrosaxs import __version__
from electrosaxs.command_line import app as module
from electrosaxs.command_line.app import run as command_line

ROOT = Path(__file__).parents[2]
EXPERIMENT = ROOT / "examples" / "experiment_small.toml"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["--version"]) == 0
    assert capsys.readouterr().out == f"electrosaxs {__version__}\n"


def test_the_module_is_the_command() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "electrosaxs", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"electrosaxs {__version__}\n"


@pytest.mark.parametrize("before", [True, False])
def test_the_log_holds_what_was_read_and_asked_before_the_command_or_after_it(
    before: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, asked = tmp_path / "log.txt", ["inspect", str(EXPERIMENT)]
    options = ["-v", "--log", str(log)]
    assert command_line([*options, *asked] if before else [*asked, *options]) == 0
    said = capsys.readouterr().err
    for text in (log.read_text(), said):
        assert f"inspect {__version__}: files = {EXPERIMENT}" in text
        assert "inspect: done in" in text
    assert log.read_text()[:4].isdigit()  # lines begin with the time
    assert command_line(asked) == 0
    assert capsys.readouterr().err == ""  # the next command of this process is as silent as ever


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no/log.txt: no such file" in refused(capsys, "--log", tmp_path / "no" / "log.txt", "inspect", EXPERIMENT)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["analyse", "run.toml"], "the same command goes on from the frames that are reduced already"),
        (["simulate", str(EXPERIMENT)], "the same command starts from the beginning"),
    ],
)
def test_an_interruption_says_what_the_same_command_will_do(
    command: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("electrosaxs.recipes.analyse.analyse_run.analyse_run", interrupted)
    monkeypatch.setattr("electrosaxs.recipes.simulate_run.simulate_run", interrupted)
    assert command_line([*command, "--out", "out"]) == 130
    assert capsys.readouterr().err == f"electrosaxs: interrupted; {sentence}\n"


def test_a_full_disk_is_one_line_with_the_path_though_no_library_named_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("electrosaxs.recipes.simulate_run.simulate_run", full)
    line = refused(capsys, "simulate", EXPERIMENT, "--out", tmp_path / "out")
    assert line == f"electrosaxs: {tmp_path / 'out'}: no space left on device; " + (
        "free some space there, or give an output on another disk"
    )


def test_shells_complete_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_ELECTROSAXS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "electrosaxs an")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        command_line([])
    assert capsys.readouterr().out.split() == ["analyse"]


def test_every_command_shows_its_example_and_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    for one in module.app.registered_commands:
        assert one.callback is not None
        assert (one.epilog or "").startswith(f"Example: electrosaxs {one.name or one.callback.__name__} ")
    assert command_line(["plan", "--help"]) == 0
    assert "--log FILE" in capsys.readouterr().out


def test_the_command_to_type_next_can_be_typed_where_folders_have_spaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = (EXPERIMENT.parent / "film.toml").read_text("utf-8")
    near = 'name = "Pilatus300k"\ndistance_m = 0.7\nbeam_row = 560.0\nbeam_column = 243.0'
    (tmp_path / "film.toml").write_text(film.replace('name = "Pilatus2M"', near), "utf-8")
    assert command_line(["simulate", str(tmp_path / "film.toml"), "--out", str(tmp_path / "a film")]) == 0
    typed = shlex.split(capsys.readouterr().out.partition("with: ")[2])
    assert Path(typed[2]).is_file()
    assert Path(typed[typed.index("--geometry") + 1]).is_file()
    view = (EXPERIMENT.parent / "micrographs.toml").read_text("utf-8")
    small = re.sub(r"(width_px|height_px) = .*", r"\1 = 160", view)
    (tmp_path / "small.toml").write_text(small, "utf-8")
    assert command_line(["simulate", str(tmp_path / "small.toml"), "--out", str(tmp_path / "many fields")]) == 0
    pattern = shlex.split(capsys.readouterr().out.partition("with: ")[2])[2]
    fields = sorted(path.name for path in Path(pattern).parent.glob(Path(pattern).name))
    assert fields == ["field001.tif", "field002.tif"]


@pytest.mark.parametrize("asked", [["check", EXPERIMENT], ["inspect", EXPERIMENT], ["materials", "octane"]])
def test_whoever_wants_the_exit_code_alone_gets_no_words(
    asked: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    said = [str(word) for word in asked]
    assert command_line([*said, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert command_line(said) == 0
    assert capsys.readouterr().out != ""


@pytest.mark.parametrize("name", sorted(one.name or one.callback.__name__ for one in module.app.registered_commands))
def test_every_command_can_be_quiet_and_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--quiet" in said
    assert f"electrosaxs {name} " in said.partition("Example")[2]
