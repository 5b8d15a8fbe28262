"""What files hold, before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ...errors import ElectrosaxsError, InputFileError, bad_value
from ...io.atomic import replacing
from ...io.contents import contents
from ...nouns.contents import FileContents
from ...report.number_text import number_lines
from ..settings import as_paths
from .draft import draft


def inspect_files(files: str | Path | Iterable[str | Path]) -> Iterator[FileContents]:
    """What each of `files` (results folders too) holds, one after the other.

    Raises InputFileError for those that cannot be read, naming them all, after the others.

    >>> from electrosaxs import inspect_files
    >>> print(*inspect_files(["run_master.h5", "scan.spec"]), sep="\\n")
    """
    wrong = []
    for file in as_paths(files):
        try:
            yield contents(file)
        except ElectrosaxsError as error:
            wrong.append(str(error))
    if wrong:
        raise InputFileError("; ".join(wrong))


def drafted(found: Sequence[FileContents], out: Path | None) -> str:
    """The draft of run.toml for the frames among `found`, or where it was written; empty where there are no frames.

    Raises InputFileError where `out` is there already, or where it was asked for and there are no frames.
    """
    text = draft(found, Path() if out is None else out.parent)
    if out is None:
        return "" if text is None else f"a draft of run.toml (--draft FILE writes it):\n\n{text}"
    if text is None or out.exists():
        rule = "no frames among the files" if text is None else "is there already and would be overwritten"
        remedy = "name a file with frames, or a table of images" if text is None else "give another name"
        raise bad_value(InputFileError, where=out, field="--draft", value=out.name, rule=rule, remedy=remedy)
    with replacing(out) as part:
        part.write_text(text, encoding="utf-8")
    return f"wrote {out}; complete it, then: electrosaxs check {out}"


def paragraph(found: FileContents) -> str:
    """One file for the terminal: a line that says what it is, and a line for each thing in it."""
    kinds, names = (max((len(text) for text in column), default=0) for column in _columns(found))
    rows = [f"  {part.kind:<{kinds}}  {part.name:<{names}}  {part.text}".rstrip() for part in found.parts]
    return "\n".join([f"{found.path}: {found.kind}", *rows, *number_lines(found.numbers)])


def _columns(found: FileContents) -> tuple[list[str], list[str]]:
    return [part.kind for part in found.parts], [part.name for part in found.parts]
