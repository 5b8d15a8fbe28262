"""provenance.json as the page prints it: nothing folded away, nothing left out but long lists of inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LISTED_INPUTS = 24


@dataclass(frozen=True)
class ProvenanceRows:
    """about: (what, text) of program, versions, machine and seed; settings: (section, text); inputs: (file, bytes, hash);
    not_listed: how many inputs more there are."""

    about: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, str, str], ...]
    not_listed: int


def provenance_rows(path: Path) -> ProvenanceRows | None:
    """The record at `path`, None where there is none."""
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    about = [
        ("command", f"{record['program']} {record['command']}"),
        ("versions", versions),
        ("machine", f"Python {record['python']} on {record['platform']}"),
    ]
    if record["seed"] is not None:
        about.append(("seed", str(record["seed"])))
    inputs = record["inputs"]
    return ProvenanceRows(
        about=tuple(about),
        settings=tuple(
            (name, text) for name, part in record["settings"].items() if part is not None and (text := in_words(part))
        ),
        inputs=tuple((one["file"], f"{one['bytes']:,}", one["sha256"]) for one in inputs[:LISTED_INPUTS]),
        not_listed=max(0, len(inputs) - LISTED_INPUTS),
    )


def in_words(value: Any) -> str:
    """A setting in one line, what is not set left out: "gap_mm = 3.5, path_length_mm = 10"."""
    if isinstance(value, dict):
        parts = {name: in_words(part) for name, part in value.items() if part is not None}
        return ", ".join(f"{name} = {text}" for name, text in parts.items() if text)
    if isinstance(value, list):
        return f"[{'; '.join(in_words(part) for part in value)}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
