"""electrosaxs view: the page on results that lie in a folder."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import __version__
from ...dashboard.access import Access
from ...dashboard.files import FIGURES, PageFiles
from ...dashboard.server import Server
from ...errors import InputFileError, bad_value
from ...io.plain_json import plain
from ...io.results import read_results
from ...nouns import CurveSet, RunResults
from .panels import ANODE, UNKNOWN, panels, quality
from .serving import Serving, tell

RESULTS, PHASE = "results.nxs", "results"


def view(results: str | Path, *, serving: Serving) -> None:
    """Serve the page on the results folder `results` until somebody ends it. InputFileError where it holds none."""
    path = Path(results)
    path = path / RESULTS if path.is_dir() else path
    if not path.is_file():
        raise bad_value(
            InputFileError, where=path, field="RESULTS", value=Path(results).name, rule=f"there is no {RESULTS}",
            remedy="give the folder that analyse or live left",
        )  # fmt: skip
    access, files = Access(serving.host, token=serving.token), PageFiles()
    files.get(FIGURES)
    tell(Server(serving.host, serving.port, access, ResultsFeed(read_results(path)), files), serving)
    while True:
        time.sleep(1.0)


class ResultsFeed:
    """A dashboard.server.Feed on finished results: everything at once, and then nothing new."""

    def __init__(self, results: RunResults) -> None:
        self._panels = panels(results)
        self._lines = [json.dumps(line) for line in frame_lines(results)]
        anode = results.numbers.get(ANODE)
        at = 0.0 if anode is None or anode.value is None else anode.value
        self._curve = {} if results.curves is None else newest(results.curves, at)
        program = results.settings.get("voltage") or {"time_s": [], "voltage_V": []}
        rows = [[t, v, None] for t, v in zip(program["time_s"], program["voltage_V"], strict=True)]
        until = max((record.time_s for record in results.frames if math.isfinite(record.time_s)), default=0.0)
        if rows and until > rows[-1][0]:
            rows.append([until, rows[-1][1], None])  # constant after the last point of the program
        self._meter = {"stride": 1, "first": 0, "on_at": 0.0, "rows": rows}
        self._run = {"title": results.title, "anode_um": 0.0}

    def health(self) -> dict[str, Any]:
        return {
            "status": "ok", "version": __version__, "frames": len(self._lines), "last_frame_age_s": None, "lag_s": 0.0,
            "source_phase": PHASE,
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        return {"phase": PHASE, "effective_charge": UNKNOWN, **self._panels["estimates"], "analysed": True}

    def lines(self, since: int) -> bytes:
        return "".join(f"{line}\n" for line in self._lines[max(since, 0) :]).encode()

    def news(self, since: Mapping[str, str]) -> dict[str, Any]:
        if since.get("pass", "0") != "0":
            return {"health": self.health(), "state": self.state(), "lines": [], "run": {}}
        return {
            "health": self.health(), "state": self.state(), "lines": self._lines, "run": self._run,
            "panels": {**self._panels, "pass": 1}, "meter": self._meter, **({"curve": self._curve} if self._curve else {}),
        }  # fmt: skip

    def order(self, do: str, value: object, who: str) -> tuple[int, dict[str, Any]]:
        return 404, {"error": f"{do}: these are results, and no run is going on"}


def frame_lines(results: RunResults) -> list[dict[str, Any]]:
    """Lines as of live.jsonl from the frames of results; heights are above the anode."""
    phi, d, told = results.volume_fraction, results.diameter, quality(results)["reduced_chi_squared"]
    lines = []
    for record, chi_squared in zip(results.frames, told, strict=True):
        at = (record.scan, record.height_index) if record.used and record.scan >= 0 else None
        line = {
            "index": record.index, "role": record.role, "height_um": record.height_um, "time_s": record.time_s,
            "phi": math.nan if at is None else phi.values[at], "phi_sigma": math.nan if at is None else phi.total_sigma[at],
            "diameter_nm": math.nan if at is None or d is None else d.values[at], "flags": list(record.flags),
            "reduced_chi_squared": chi_squared, "arrived": None, "done": None,
        }  # fmt: skip
        lines.append({name: None if v == "nan" else v for name, v in plain(line).items()})
    return lines


def newest(curves: CurveSet, anode_um: float) -> dict[str, Any]:
    """The lowest of the curves that were kept, as the page draws it: with the height of the stage, which has the anode at
    `anode_um`."""
    sample = curves.intensity
    columns = {"q": sample.coord("q"), "intensity": sample.values[0], "model": curves.model[0]}
    found = {name: [None if v == "nan" else v for v in plain(values)] for name, values in columns.items()}
    return {"index": None, "height_um": float(curves.height[0]) + anode_um, "time_s": float(curves.time[0]), **found}
