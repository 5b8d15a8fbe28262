"""The folder that a command writes to, which holds neither its inputs nor the results of another command."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputFileError, bad_value
from ..io.folder_lock import locked
from ..io.written_by import written_by

PAGE, OWN_TITLE, HEAD_BYTES = "report.html", b"electrosaxs</title>", 4096
"""The page of a command, and what is within its first bytes (report/base.html.j2)."""


@contextmanager
def writing(path: str | Path, inputs: Sequence[Path] = (), *, command: str, over: str | None = None) -> Iterator[Path]:
    """The folder that `command` writes to, its own for as long as the block lasts; see `output_folder` for what is refused.

    over: the command whose earlier results may lie there, where that matters. Raises InputFileError too where another
    process is writing there. Where the block raises, folders that were made for it and are still empty are removed.
    """
    path = Path(path)
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        folder = output_folder(path, inputs, command=over)
        with locked(folder, command):
            yield folder
    except BaseException:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def output_folder(path: str | Path, inputs: Sequence[Path] = (), *, command: str | None = None) -> Path:
    """The folder, made with its parents where it is missing.

    Raises InputFileError where that cannot be, where it is read-only, where it holds one of `inputs` (files, or
    folders that are read) and, with `command` given, where it holds the results of another one. Earlier results of
    the same command are overwritten.
    """
    path = Path(path)
    check_free(path, inputs, command)
    reason = "is a file" if path.is_file() else ""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = reason or (error.strerror or "cannot be made").lower()
    if not reason and not os.access(path, os.W_OK | os.X_OK):
        reason = "is read-only"
    if reason:
        raise bad_value(
            InputFileError,
            where=path,
            field="--out",
            value=path.name,
            rule=f"must be a folder that can be written ({reason})",
            remedy="give another folder, or its owner the right to write",
        )
    return path


def _is_own_page(page: Path) -> bool:
    """Whether a page was written by this package, or is not there."""
    try:
        return OWN_TITLE in page.read_bytes()[:HEAD_BYTES]
    except OSError:
        return True


def check_free(path: Path, inputs: Sequence[Path], command: str | None) -> None:
    """InputFileError where `path` holds one of `inputs`, the results of another command, or a report.html of somebody else;
    nothing is made."""
    folder = path.resolve()
    read = [item for item in inputs if folder == (item if item.is_dir() else item.parent).resolve()]
    writer = None if command is None else written_by(path)
    if read:
        rule = f"this folder holds an input of this command ({read[0].name})"
    elif writer not in (None, command):
        rule = f"this folder holds the results of electrosaxs {writer}, which would be overwritten"
    elif not _is_own_page(path / PAGE):
        rule = f"this folder holds a {PAGE} that electrosaxs did not write, which would be overwritten"
    else:
        return
    raise bad_value(InputFileError, where=path, field="--out", value=path, rule=rule, remedy="choose another folder")
