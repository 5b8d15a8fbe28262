"""Documents of Bluesky's event model, a JSON line each: the events of one run's stream as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..refusal import refusal
from ..small_file import text_of
from .their_table import NamedColumns, TheirColumn, as_column

STREAM = "primary"
CLOCK = "time"
LISTED = 10


def documents_table(path: Path, inside: str) -> NamedColumns:
    """The events of the run `inside` (beginning of its uid, or its scan_id; empty: the only one), `RUN/STREAM` for another
    stream than primary. The column `time` is when each event was recorded, in seconds since 1970."""
    run, _, stream = inside.partition("/")
    documents = list(_documents(path))
    start = _chosen(path, [doc for name, doc in documents if name == "start"], run)
    described = {
        doc["uid"]: doc for name, doc in documents
        if name == "descriptor" and doc.get("run_start") == start["uid"] and doc.get("name", STREAM) == (stream or STREAM)
    }  # fmt: skip
    if not described:
        rule = f"the run has no stream {stream or STREAM}"
        streams = ", ".join(sorted({doc.get("name", STREAM) for name, doc in documents if name == "descriptor"}))
        raise refusal(path, "frames.table", inside or path.name, rule, f"streams are {streams or 'none'}")
    rows = [row for name, doc in documents if name in ("event", "event_page") for row in _rows(name, doc, described)]
    keys: dict[str, Any] = {}
    for doc in described.values():
        keys |= doc.get("data_keys", {})
    names = [name for name in keys if any(name in row for row in rows)]
    columns = [as_column(name, [row.get(name) for row in rows], keys[name].get("units") or None) for name in names]
    if CLOCK not in names:
        columns.append(TheirColumn(CLOCK, as_column(CLOCK, [row[" "] for row in rows]).values, "s"))
    return NamedColumns(path, columns, rows=len(rows))


def document_runs(path: Path) -> list[tuple[str, str, int]]:
    """Uid, scan_id and number of events in the stream primary of every run."""
    documents = list(_documents(path))
    stream_of = {
        doc["uid"]: doc.get("run_start")
        for name, doc in documents
        if name == "descriptor" and doc.get("name", STREAM) == STREAM
    }
    events = [stream_of.get(doc.get("descriptor")) for name, doc in documents if name == "event"]
    starts = [doc for name, doc in documents if name == "start"]
    return [(str(s["uid"]), str(s.get("scan_id", "")), events.count(s["uid"])) for s in starts]


def _documents(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and document of each whole line: ["start", {...}] or {"name": "start", "doc": {...}}."""
    lines = text_of(path, "utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            name, doc = found if isinstance(found, list) else (found["name"], found.get("doc", found.get("document")))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):  # it is being written
                return
            rule = "must be a document of Bluesky: a name and a document"
            raise refusal(path, f"line {number}", line[:60], rule, "give the JSON lines of a run") from error
        yield name, doc


def _chosen(path: Path, starts: list[Mapping[str, Any]], run: str) -> Mapping[str, Any]:
    fitting = [s for s in starts if not run or str(s["uid"]).startswith(run) or str(s.get("scan_id", "")) == run]
    if len(fitting) == 1:
        return fitting[0]
    rule = "there is no such run" if not fitting else "there are several runs"
    there = ", ".join(f"{str(s['uid'])[:8]} (scan_id {s.get('scan_id', 'none')})" for s in starts[:LISTED])
    raise refusal(path, "frames.table", run or path.name, rule, f'give "{path.name}::RUN"; runs are {there or "none"}')


def _rows(name: str, doc: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Readings by name; " " is the time of the event."""
    if doc.get("descriptor") not in described:
        return
    if name == "event":
        yield {**doc["data"], " ": doc["time"]}
        return
    for i, time in enumerate(doc["time"]):
        yield {**{key: values[i] for key, values in doc["data"].items()}, " ": time}
