"""A folder that is being written belongs to one process, for as long as that process lives and no longer."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from electrosaxs.errors import InputFileError
from electrosaxs.io.folder_lock import NAME, locked
from electrosaxs.recipes.output_folder import writing

HOLDS = """
import sys, time
from pathlib import Path
from electrosaxs.io.folder_lock import locked
with locked(Path(sys.argv[1]), "analyse"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path: Path):
    """Another process that holds the lock of the folder."""
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_living_process_keeps_others_out_and_a_dead_one_does_not(
    other: subprocess.Popen, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    about = f"electrosaxs analyse \\(pid {other.pid} on {socket.gethostname()}\\) is writing to this folder"
    with pytest.raises(InputFileError, match=about), writing(tmp_path, command="curves"):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    with caplog.at_level(logging.WARNING), locked(tmp_path, "fit"):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert f"electrosaxs analyse (pid {other.pid} on {socket.gethostname()}) died" in caplog.text
    assert not list(tmp_path.iterdir())
    caplog.clear()
    with locked(tmp_path, "fit"):
        assert not caplog.records  # who ended as usual leaves nothing to tell


def test_one_process_does_not_write_twice_at_once(tmp_path: Path) -> None:
    again = writing(tmp_path, command="fit")
    with locked(tmp_path, "fit"), pytest.raises(InputFileError, match=f"pid {os.getpid()} on"):
        again.__enter__()
    with writing(tmp_path, command="fit"):
        pass


def test_a_folder_made_for_nothing_is_removed_again(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "a" / "b", command="fit"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileExistsError), writing(tmp_path / "a" / "b", command="fit") as folder:
        (folder / "kept").touch() or (folder / "kept").mkdir()
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["kept"]


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", unable)
    with locked(tmp_path, "fit"):
        pass
    assert not list(tmp_path.iterdir())
