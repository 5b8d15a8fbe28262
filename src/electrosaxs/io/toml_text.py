"""A TOML file as nested tables, and in one line why a file is none."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from .refusal import refusal

REMEDY = "give the path of a TOML file (docs/formats.md shows one)"
LARGEST = 16_000_000
"""Bytes; what is longer is not read into memory to find out that it is no TOML."""
HDF5 = "an HDF5 or NeXus file"
REMEDY_FOR_HDF5 = "give the run.toml that names it; electrosaxs inspect FILE writes a draft of one"
STARTS = {
    b"\x89HDF": HDF5,
    b"{": "JSON",
    b"%PDF": "a PDF",
    b"PK": "a zip archive or a spreadsheet",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


def load_toml(path: Path) -> dict[str, Any]:
    """The content of the file at `path`; InputFileError with one line where it is missing or no TOML."""
    if path.is_dir():
        inside = [name for name in ("run.toml", "experiment.toml", "campaign.toml") if (path / name).is_file()]
        remedy = f"give {' or '.join(str(path / name) for name in inside)}" if inside else REMEDY
        raise refusal(path, "file", path.resolve().name, "is a folder", remedy)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
        if len(content) > LARGEST:
            raise refusal(path, "file", path.name, f"is larger than {LARGEST / 1e6:.0f} MB, not TOML", REMEDY)
        return tomllib.loads(text)
    except OSError as error:
        raise refusal(path, "file", path.name, (error.strerror or "cannot be read").lower(), REMEDY) from error
    except UnicodeDecodeError as error:
        rule, remedy = "TOML is UTF-8 text", "save the file as UTF-8, or point to the right file"
        if other := _other_kind(content):
            remedy = REMEDY_FOR_HDF5 if other == HDF5 else remedy
            raise refusal(path, "file", path.name, f"is {other}, and {rule}", remedy) from error
        raise refusal(path, f"byte {error.start}", hex(error.object[error.start]), rule, remedy) from error
    except tomllib.TOMLDecodeError as error:
        if other := _other_kind(content):
            raise refusal(path, "file", path.name, f"is {other}, not TOML", REMEDY) from error
        remedy = "write key = value, text in quotes, tables in [brackets]"
        raise refusal(path, "TOML syntax", _broken_line(text, str(error)), str(error), remedy) from error


def _other_kind(content: bytes) -> str | None:
    """What a file is that is no TOML; None where its beginning does not tell."""
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"poni1" in content.lower()[:2000] and b"distance" in content.lower()[:2000]:
        return "a geometry file of pyFAI"
    return next((kind for begin, kind in STARTS.items() if start.startswith(begin)), None)


def _broken_line(text: str, message: str) -> str:
    digits = message.partition("at line ")[2].partition(",")[0]
    lines = text.splitlines()
    return repr(lines[int(digits) - 1].strip()) if digits.isdigit() and int(digits) <= len(lines) else "end of file"
