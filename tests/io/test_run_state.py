"""state.json on a disk that is full."""

import errno
from pathlib import Path

import pytest

from electrosaxs.io.run_state import read_state, write_state


def test_a_full_disk_does_not_keep_the_state_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_state(
        tmp_path, {"phase": "running", "output": True, "message": "frames are being measured, one after the other"}
    )

    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    write_state(tmp_path, {"phase": "failed", "output": False, "message": "disk"})
    assert read_state(tmp_path) == {"phase": "failed", "output": False, "message": "disk"}


def test_another_trouble_with_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_state(tmp_path, {"phase": "running"})

    def refused(self: Path, *_: object, **__: object) -> int:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refused)
    with pytest.raises(OSError, match="Permission denied"):
        write_state(tmp_path, {"phase": "failed"})
