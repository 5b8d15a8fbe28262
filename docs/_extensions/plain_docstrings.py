"""Docstrings are plain text: `name` is code, an indented paragraph stays as it is, nothing else is markup.

So that |I - m|, v^2 / D, <name>_errors and 2 * s mean what they say, and no docstring can break the pages. A signature
likewise has types and nothing else.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

CODE = re.compile(r"`+([^`]+)`+")
MARKUP = re.compile(r"([\\*_|`])")
OPTION = re.compile(r"~\w+\.Annotated\[(.*?), <typer\.models\.\w+ object at 0x[0-9a-f]+>\]")


def plain(lines: list[str]) -> list[str]:
    """The docstring as reStructuredText that shows it as written."""
    out: list[str] = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        if not paragraph.strip():
            continue
        indented = all(line.startswith("  ") for line in paragraph.splitlines())
        if indented:
            out += ["::", "", *("    " + line for line in textwrap.dedent(paragraph).splitlines()), ""]
        else:
            # a zero-width escape in front keeps "- ", "1. " and ">>>" from starting a list or a prompt
            out += ["\\ " + inline(" ".join(line.strip() for line in paragraph.splitlines())), ""]
    return out


def inline(text: str) -> str:
    """One paragraph: code between backticks, everything else escaped."""
    pieces = CODE.split(text)
    shown = [
        f"\\ ``{piece.strip()}``\\ " if odd % 2 else MARKUP.sub(r"\\\1", piece) for odd, piece in enumerate(pieces)
    ]
    return "".join(shown)


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = plain(lines)


def plain_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A command's signature with the types alone: what the command line says of an option has no place there."""
    return (None if signature is None else OPTION.sub(r"\1", signature)), returns


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-process-signature", plain_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
