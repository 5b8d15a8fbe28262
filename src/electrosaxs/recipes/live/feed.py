"""What the server shows of a run that is followed, and how the operator's orders reach it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from typing import Any

from ... import __version__
from ...io.growing_rows import CONTROL, METER, METER_FILE, GrowingRows
from ...io.plan_toml import plan_tables
from ...io.run_state import put_request, read_state, unheard_requests
from .follow import ENDED, Follower
from .panels import UNKNOWN
from .set_point import why_not

TABLES = {"meter": (METER_FILE, METER), "control": ("control.csv", CONTROL)}
PLAN = "plan.toml"
NOTHING = dict.fromkeys(("flux_slice", "flux_supply", "effective_charge", "time_to_onset"), UNKNOWN)
SAID = ("mode", "limited_by", "reason", "wall_phi", "wall_phi_sigma", "wall_goal")  # of the last row of a table
SAME = 1e-3  # relative: a smaller change of phi between two passes is not drawn again


class LiveFeed:
    """A dashboard.server.Feed on a Follower. operator: the token that the run's own plan was started with."""

    def __init__(self, follower: Follower, operator: str) -> None:
        self._follower, self._operator = follower, operator
        self._changes = MapChanges()
        self._tables = {name: GrowingRows(follower.source / file, columns) for name, (file, columns) in TABLES.items()}
        self._lock = threading.Lock()

    def health(self) -> dict[str, Any]:
        follower = self._follower
        newest = follower.newest if follower.newest is not None else follower.lines.last.get("arrived")
        return {
            "status": "ok", "version": __version__, "frames": len(follower.lines),
            "last_frame_age_s": None if newest is None else max(0.0, time.time() - newest),
            "lag_s": max(0.0, follower.lag_s), "source_phase": follower.phase(),
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        state = read_state(self._follower.source)
        found = {**NOTHING, **self._follower.panels.get("estimates", {}), **self._held()}
        known = {"ended": self._follower.ended, "analysed": self._follower.analysed}
        return {**state, **found, "phase": self._follower.phase(), **known}

    def _held(self) -> dict[str, Any]:
        """The estimates of a held flux, which know the model: of the last decision in control.csv."""
        with self._lock:
            control = self._tables["control"]
            control.look()
            if not control.rows:
                return {}
            row = dict(zip(CONTROL, control.rows[-1], strict=True))
        name = "flux_supply" if self._kind_held() == "supply" else "flux_slice"
        return {
            name: {"value": row["flux_m_per_s"], "sigma": row["flux_sigma_m_per_s"]},
            "effective_charge": {"value": row["effective_charge"], "sigma": row["effective_charge_sigma"]},
        }

    def _kind_held(self) -> str | None:
        """What the plan holds: "slice", "supply" or "wall"; None where it follows a voltage program."""
        hold = plan_tables(self._follower.source / PLAN).get("hold")
        return str(hold.get("flux", "slice")) if isinstance(hold, dict) else None

    def lines(self, since: int) -> bytes:
        return self._follower.lines.since(since)

    def news(self, since: Mapping[str, str]) -> dict[str, Any]:
        follower = self._follower
        lines = follower.lines.since(_number(since, "frames")).decode().splitlines()
        state = {**self.state(), "unheard": unheard_requests(follower.source), "problem": follower.problem}
        found: dict[str, Any] = {"health": self.health(), "state": state, "lines": lines, "run": self._about_run()}
        if follower.curve.get("index") is not None and follower.curve["index"] != _number(since, "curve", -1):
            found["curve"] = follower.curve
        if (passed := follower.passed) != (seen := _number(since, "pass")):
            panels = follower.panels
            self._changes.take(panels["frames"], passed)
            found["panels"] = {**panels, "frames": self._changes.since(seen), "pass": passed}
        for name in self._tables:
            found[name] = self._new_rows(name, _number(since, f"{name}_stride"), _number(since, name))
        return found

    def _new_rows(self, name: str, stride: int, seen: int) -> dict[str, Any]:
        """Rows of meter.csv or control.csv after the first `seen`; all where they were thinned since (another stride)."""
        with self._lock:
            table = self._tables[name]
            table.look()
            first = seen if stride == table.stride else 0
            last = {word: table.last.get(word, "") for word in SAID}
            return {"stride": table.stride, "first": first, "on_at": table.on_at, "rows": table.rows[first:], **last}

    def _about_run(self) -> dict[str, Any]:
        run = self._follower.run
        if run is None:
            return {}
        return {
            "title": run.run.title, "anode_um": run.cell.anode_height_um, "phi0": _finite(run.solution.volume_fraction),
            "gap_um": 1e3 * run.cell.gap_mm, "held": self._kind_held(),
        }  # fmt: skip

    def order(self, do: str, value: object, who: str) -> tuple[int, dict[str, Any]]:
        source = self._follower.source
        request: dict[str, Any] = {"do": do, "who": who, "token": self._operator}
        if do == "set-point":
            if reason := why_not(value, source, self.state()):
                return 422, {"error": reason}
            request["value"] = value
        if not source.is_dir() or read_state(source).get("phase") in ENDED:
            return 202, {"accepted": do, "note": "no run is going on: there is nobody to obey"}
        put_request(source, request)
        return 202, {"accepted": do}


class MapChanges:
    """Frames of the map of one pass after the other, and with which pass each of them changed last."""

    def __init__(self) -> None:
        self._frames: dict[int, tuple[int, tuple[float | None, ...]]] = {}
        self._names: tuple[str, ...] = ()
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, frames: Mapping[str, list[Any]], number: int) -> None:
        """The map of pass `number`: columns, `index` and `phi` among them."""
        with self._lock:
            if number == self._taken:
                return
            self._taken, self._names = number, tuple(frames)
            phi_at = self._names.index("phi")
            rows = {int(row[0]): row for row in zip(*frames.values(), strict=True)}
            for index, row in rows.items():
                known = self._frames.get(index)
                if known is None or not _close(known[1][phi_at], row[phi_at]):
                    self._frames[index] = (number, row)
            for gone in self._frames.keys() - rows.keys():
                row = tuple(None if k else float(gone) for k in range(len(self._names)))
                if self._frames[gone][1] != row:
                    self._frames[gone] = (number, row)

    def since(self, number: int) -> dict[str, list[Any]]:
        """The columns of what changed after pass `number`; null where a frame has no place in the map any more."""
        with self._lock:
            rows = [row for changed, row in self._frames.values() if changed > number]
        return {name: [row[k] for row in rows] for k, name in enumerate(self._names)}


def _close(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=SAME))


def _number(since: Mapping[str, str], name: str, otherwise: int = 0) -> int:
    text = since.get(name, "")
    return int(text) if text.isdecimal() else otherwise


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
