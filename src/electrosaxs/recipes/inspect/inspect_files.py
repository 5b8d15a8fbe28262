"""What files hold, before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ...errors import ElectrosaxsError, InputFileError
from ...io.contents import contents
from ...nouns.contents import FileContents
from ...report.number_text import number_lines


def inspect_files(files: Iterable[str | Path]) -> Iterator[FileContents]:
    """What each of `files` (results folders too) holds, one after the other.

    Raises InputFileError for those that cannot be read, naming them all, after the others.
    """
    wrong = []
    for file in files:
        try:
            yield contents(Path(file))
        except ElectrosaxsError as error:
            wrong.append(str(error))
    if wrong:
        raise InputFileError("; ".join(wrong))


def paragraph(found: FileContents) -> str:
    """One file for the terminal: a line that says what it is, and a line for each thing in it."""
    kinds, names = (max((len(text) for text in column), default=0) for column in _columns(found))
    rows = [f"  {part.kind:<{kinds}}  {part.name:<{names}}  {part.text}".rstrip() for part in found.parts]
    return "\n".join([f"{found.path}: {found.kind}", *rows, *number_lines(found.numbers)])


def _columns(found: FileContents) -> tuple[list[str], list[str]]:
    return [part.kind for part in found.parts], [part.name for part in found.parts]
