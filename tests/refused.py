"""The command line refusing: one line on stderr, exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from electrosaxs.command_line.app import run as command_line


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line with which the command refuses; no traceback, nothing on stdout, exit code 2."""
    code = command_line([str(a) for a in arguments])
    printed = capsys.readouterr()
    assert code == 2, printed
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1, printed.err
    assert "Traceback" not in lines[0]
    return lines[0]
