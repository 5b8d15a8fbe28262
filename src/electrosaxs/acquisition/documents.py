"""What happened, as documents of Bluesky's event model: start, descriptors, events, stream resource and datum, stop.

Plain dictionaries in the order of time; who keeps them writes them (io.run_state).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

Column = list[float | None]  # None: no value
Emit = Callable[[str, Mapping[str, Any]], None]
PRIMARY, ALIGNMENT, OPERATOR = "primary", "alignment", "operator"
UNITS = {
    "height": "um", "time": "s", "exposure": "s", "monitor": "counts", "transmission": "", "voltage": "V", "current": "A",
}  # fmt: skip
IMAGE = "image"


class Documents:
    """The documents of one run. `emit` takes each as it arises."""

    def __init__(self, emit: Emit, about: Mapping[str, Any]) -> None:
        self._emit, self.run = emit, str(uuid4())
        self._descriptors: dict[str, str] = {}
        self._events: dict[str, int] = {}
        self._resource = ""
        emit("start", {"uid": self.run, "time": time.time(), **about})

    def describe_frames(self, shape: tuple[int, int], nexus_uri: str | None) -> None:
        """What an event of the stream `primary` holds. nexus_uri: of the file that holds the images, None for files."""
        keys: dict[str, Any] = {name: _number(name, unit) for name, unit in UNITS.items()}
        keys["role"] = {"source": "electrosaxs", "dtype": "string", "shape": []}
        if nexus_uri is None:
            keys["file"] = {"source": "electrosaxs", "dtype": "string", "shape": []}
        else:
            keys[IMAGE] = {
                "source": "electrosaxs", "dtype": "array", "dtype_numpy": "<i4", "shape": [1, *shape],
                "external": "STREAM:",
            }  # fmt: skip
        self._describe(PRIMARY, keys)
        if nexus_uri is not None:
            self._resource = str(uuid4())
            self._emit("stream_resource", {
                "uid": self._resource, "run_start": self.run, "data_key": IMAGE, "mimetype": "application/x-hdf5",
                "uri": nexus_uri, "parameters": {"dataset": "/entry/instrument/detector/data", "chunk_shape": [1, *shape]},
            })  # fmt: skip

    def frame(self, data: Mapping[str, Any]) -> None:
        """One frame that is kept, with its row."""
        index = self._events[PRIMARY]
        self._event(PRIMARY, data)
        if self._resource:
            self._emit("stream_datum", {
                "uid": f"{self._resource}/{index}", "stream_resource": self._resource,
                "descriptor": self._descriptors[PRIMARY], "indices": {"start": index, "stop": index + 1},
                "seq_nums": {"start": index + 1, "stop": index + 2},
            })  # fmt: skip

    def knife_edge(self, heights: Column, transmissions: Column, monitors: Column, fit: Mapping[str, float]) -> None:
        """The readings from which the anode's height was found; `fit`: what was found, by name with its unit."""
        names = ("height", "transmission", "monitor")
        self._describe(ALIGNMENT, {name: _number(name, UNITS[name]) for name in names}, fit)
        for row in zip(heights, transmissions, monitors, strict=True):
            self._event(ALIGNMENT, dict(zip(names, row, strict=True)))

    def asked(self, do: str, who: str) -> None:
        """What the operator asked for, and who it was."""
        if OPERATOR not in self._descriptors:
            text = {"source": "operator", "dtype": "string", "shape": []}
            self._describe(OPERATOR, {"do": text, "who": text})
        self._event(OPERATOR, {"do": do, "who": who})

    def stop(self, exit_status: str, reason: str) -> None:
        """The end: "success", "abort" or "fail", and why."""
        self._emit("stop", {
            "uid": str(uuid4()), "time": time.time(), "run_start": self.run, "exit_status": exit_status,
            "reason": reason, "num_events": dict(self._events),
        })  # fmt: skip

    def _describe(self, stream: str, keys: Mapping[str, Any], found: Mapping[str, float] | None = None) -> None:
        """`found`: what holds for all events of the stream, kept as its configuration."""
        now = time.time()
        data = dict(found or {})
        settings = {
            "data": data, "timestamps": dict.fromkeys(data, now), "data_keys": {k: _number(k, "um") for k in data},
        }  # fmt: skip
        self._descriptors[stream], self._events[stream] = str(uuid4()), 0
        self._emit("descriptor", {
            "uid": self._descriptors[stream], "time": now, "run_start": self.run, "name": stream,
            "data_keys": keys, "configuration": {"electrosaxs": settings},
            "object_keys": {"electrosaxs": list(keys)}, "hints": {},
        })  # fmt: skip

    def _event(self, stream: str, data: Mapping[str, Any]) -> None:
        now = time.time()
        self._events[stream] += 1
        self._emit("event", {
            "uid": str(uuid4()), "time": now, "descriptor": self._descriptors[stream], "seq_num": self._events[stream],
            "data": dict(data), "timestamps": dict.fromkeys(data, now), "filled": {},
        })  # fmt: skip


def _number(name: str, unit: str) -> dict[str, Any]:
    found: dict[str, Any] = {"source": f"electrosaxs:{name}", "dtype": "number", "shape": []}
    return {**found, "units": unit} if unit else found
