"""The documents of a run into a Tiled catalogue: a process of its own that follows documents.jsonl, through bluesky's writer.

Whatever happens to the catalogue, the run neither waits nor ends: it does not know of this process. A server that is away
is tried again, from the first document, until a minute after the run. What became of it stands in catalogue.json.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

DOCUMENTS, CATALOGUE = "documents.jsonl", "catalogue.json"
TICK_S, RETRY_S, GRACE_S = 0.2, 5.0, 60.0
STREAMED = ("stream_resource", "stream_datum")
RENAMED = {"time": "time_since_field_on"}
"""Names of columns that Tiled keeps for itself, and what they are called there."""
CUT_SHORT = "the run has no last word: its process was killed"


class Runs(Protocol):
    """What of a Tiled client is needed."""

    def delete_contents(self, keys: str, recursive: bool, external_only: bool) -> Any: ...
    def __contains__(self, key: object) -> bool: ...


Write = Callable[[str, dict[str, Any]], None]
Connect = Callable[[], tuple[Write, Runs]]


class Catalogue:
    """The run in `folder`, sent by what `connect` makes; going: says whether the run goes on. refuses: tells of an error
    whether the server answered that it will not take a document."""

    def __init__(
        self, folder: Path, uri: str, connect: Connect, going: Callable[[], bool], refuses: Callable[[Exception], bool]
    ) -> None:
        self.folder, self._uri, self._connect, self._going, self._refuses = folder, uri, connect, going, refuses
        self._write: Write | None = None
        self._sent, self._uid, self._images, self._problem = 0, "", True, ""
        self._ended_at: float | None = None

    def follow(self) -> None:
        """Until the last document is sent, or the run is over for GRACE_S and the server still away."""
        written, added = list[str](), list[str]()
        while True:
            written = self._lines(written)
            lines, over = [*written, *added], self._over()
            try:
                self._send(lines)
            except Exception as error:  # of the server, the network, the writer: tried again
                self._problem, self._write = f"{type(error).__name__}: {error}", None
            done = self._write is not None and self._sent == len(lines) and over
            if done and lines and _name(lines[-1]) != "stop":
                added, done = [self._cut_short()], False
            self._tell(len(lines), done)
            if done or (over and time.monotonic() > self._over_since() + GRACE_S):
                return
            time.sleep(TICK_S if self._write is not None else RETRY_S)

    def _send(self, lines: list[str]) -> None:
        if self._write is None and lines:
            write, runs = self._connect()
            self._sent, self._uid = 0, json.loads(lines[0])[1]["uid"]
            if self._uid in runs:  # half of it, from before the server was away
                runs.delete_contents(self._uid, recursive=True, external_only=False)
            self._write = write
        while self._write is not None and self._sent < len(lines):
            name, document = json.loads(lines[self._sent])
            if name not in STREAMED or self._images:
                self._one(name, document)
            self._sent += 1
            if self._images:
                self._problem = ""

    def _one(self, name: str, document: dict[str, Any]) -> None:
        """One document; images that the server cannot read are left out from there on, rows are not."""
        assert self._write is not None
        try:
            self._write(name, document)
        except Exception as error:
            if name not in STREAMED or not self._refuses(error):
                raise
            self._images, self._problem = False, f"rows without images: the server says {error}"

    def _lines(self, known: list[str]) -> list[str]:
        """The whole lines of documents.jsonl so far."""
        with contextlib.suppress(OSError):
            text = (self.folder / DOCUMENTS).read_text("utf-8")
            return text[: text.rfind("\n") + 1].splitlines()
        return known

    def _over(self) -> bool:
        if self._ended_at is None and not self._going():
            self._ended_at = time.monotonic()
        return self._ended_at is not None

    def _over_since(self) -> float:
        assert self._ended_at is not None
        return self._ended_at

    def _cut_short(self) -> str:
        """A last word for a run that has none; in the catalogue alone."""
        stop = {
            "uid": str(uuid4()), "time": time.time(), "run_start": self._uid, "exit_status": "fail", "reason": CUT_SHORT,
            "num_events": {},
        }  # fmt: skip
        return json.dumps(["stop", stop])

    def _tell(self, number: int, done: bool) -> None:
        said = {
            "uri": self._uri,
            "run": self._uid,
            "sent": self._sent,
            "of": number,
            "done": done,
            "problem": self._problem,
        }
        part = self.folder / f".{CATALOGUE}.part"
        with contextlib.suppress(OSError):
            part.write_text(json.dumps(said) + "\n", "utf-8")
            part.replace(self.folder / CATALOGUE)


def _name(line: str) -> str:
    return str(json.loads(line)[0])


def renamed(document: dict[str, Any]) -> dict[str, Any]:
    """A descriptor or event as Tiled takes it: no column of a name that it has itself, no number that is null."""
    found: dict[str, Any] = dict(document)
    for part in ("data_keys", "data", "timestamps"):
        if part in found:
            found[part] = {RENAMED.get(key, key): _number(value) for key, value in found[part].items()}
    if "object_keys" in found:
        found["object_keys"] = {name: [RENAMED.get(k, k) for k in keys] for name, keys in found["object_keys"].items()}
    return found


def _number(value: Any) -> Any:
    """NaN for null: the first row decides what a column holds."""
    return float("nan") if value is None else value


def writer_at(uri: str) -> tuple[Write, Runs]:
    """bluesky's writer to the Tiled server at `uri`; the key is that of TILED_API_KEY."""
    from bluesky.callbacks.tiled_writer import TiledWriter

    patches: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"descriptor": renamed, "event": renamed}
    writer = TiledWriter.from_uri(uri, patches=dict(patches), batch_size=1)
    return writer, writer.client


def _refused(error: Exception) -> bool:
    """True where the server answered, with a status that says no."""
    return getattr(error, "response", None) is not None


def main() -> None:
    """The process: folder and address as arguments; the run goes on as long as standard input is open."""
    folder, uri = Path(sys.argv[1]), sys.argv[2]
    logging.disable()
    os.nice(5)

    def going() -> bool:
        return not (select.select([0], [], [], 0)[0] and not os.read(0, 1))

    Catalogue(folder, uri, lambda: writer_at(uri), going, _refused).follow()


if __name__ == "__main__":
    main()
