"""The content of a file that people and instruments write as text; a file of frames in its place is not read into memory."""

from __future__ import annotations

from pathlib import Path

from .refusal import refusal

LARGEST = 200_000_000
"""Bytes; the table of a million frames has 120 MB."""


def content_of(path: Path) -> bytes:
    """All bytes of the file at `path`; InputFileError where it is larger than any text, OSError where it cannot be read."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        rule = f"is larger than {LARGEST / 1e6:.0f} MB, which is no text"
        raise refusal(path, "file", path.name, rule, "point to the right file")
    return content


def text_of(path: Path, encoding: str = "utf-8-sig", errors: str = "strict") -> str:
    """`content_of` decoded; UnicodeDecodeError where it is no such text."""
    return content_of(path).decode(encoding, errors)
