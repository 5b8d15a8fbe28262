"""state.json and documents.jsonl of a run that is being measured."""

from __future__ import annotations

import hmac
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import full_disk, replacing
from .plain_json import to_json

STATE, DOCUMENTS, REQUESTS = "state.json", "documents.jsonl", "requests"
KNOWN = ("pause", "resume", "abort", "set-point")


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace state.json whole; on a disk that is full over the one that is there, whose room it has: it must not go on saying
    that an output is on which is off."""
    text = to_json(state, indent=1) + "\n"
    try:
        with replacing(folder / STATE) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        if full_disk(error) is None:
            raise
        with (folder / STATE).open("r+b") as file:
            file.write(text.encode("utf-8"))
            file.truncate()


def take_requests(folder: Path, token: str) -> list[dict[str, Any]]:
    """What the operator asked for in requests/*.json ({"do", "who", "token"}, of a set-point also "value", m/s), in the order
    of the names; the files are removed. Without the right token, or another wish than those of KNOWN, a request counts as
    none."""
    found = []
    for path in sorted((folder / REQUESTS).glob("*.json")):
        try:
            asked = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
        except (OSError, ValueError):  # half written: it is read again
            continue
        right = isinstance(asked, dict) and hmac.compare_digest(str(asked.get("token", "")).encode(), token.encode())
        if right and asked.get("do") in KNOWN:
            found.append({"do": asked["do"], "who": str(asked.get("who", "somebody")), "value": asked.get("value")})
    return found


class DocumentFile:
    """documents.jsonl: one `[name, document]` a line, each on disk when `append` returns."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / DOCUMENTS).open("wb", buffering=0)

    def append(self, name: str, document: Mapping[str, Any]) -> None:
        """One document."""
        self._file.write(to_json([name, document]).encode("utf-8") + b"\n")
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def read_state(folder: Path) -> dict[str, Any]:
    """state.json of a run folder, empty where there is none."""
    try:
        found = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def put_request(folder: Path, request: Mapping[str, Any]) -> None:
    """Ask the run in `folder` for something: {"do", "who", "token"} and what belongs to it, as `take_requests` reads it."""
    place = folder / REQUESTS
    place.mkdir(mode=0o700, exist_ok=True)
    with replacing(place / f"{time.time_ns()}.json") as part:
        part.touch(mode=0o600)
        part.write_text(to_json(request), encoding="utf-8")


def unheard_requests(folder: Path) -> int:
    """How many requests nobody has taken yet."""
    return len(list((folder / REQUESTS).glob("*.json")))
