"""A run in a Tiled catalogue: found by title, voltage and date; a catalogue that fails is nothing to the run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from left_behind import documents, state_of
from meters import MeterProgram
from refused import refused
from tiny_bridge import TinyBridge, write_plan

pytest.importorskip("pyvisa")

from electrosaxs.acquisition import catalogue
from electrosaxs.acquisition.catalogue import CUT_SHORT, Catalogue, renamed
from electrosaxs.recipes.experiment import cataloguing
from electrosaxs.recipes.experiment.acquire import acquire

KEY, TITLE = "s3cret", "57 V/cm, third filling"
PATIENCE_S = 180.0  # of a machine that does much else


class Refusal(Exception):
    response = 403


class Server:
    """A catalogue in memory. away: so many calls fail; images: it can read them."""

    def __init__(self, *, away: int = 0, images: bool = True) -> None:
        self.runs: dict[str, list[str]] = {}
        self.away, self.images, self._run = away, images, ""

    def connect(self) -> tuple[Any, Any]:
        return self.write, self

    def write(self, name: str, document: dict[str, Any]) -> None:
        if name == "event":
            self.away -= 1
            if self.away == 0:
                raise ConnectionError("nobody is there")
        if name.startswith("stream") and not self.images:
            raise Refusal("may not read there")
        if name == "start":
            assert document["uid"] not in self.runs
            self._run = document["uid"]
            self.runs[self._run] = []
        self.runs[self._run].append(name)

    def __contains__(self, key: object) -> bool:
        return key in self.runs

    def delete_contents(self, keys: str, recursive: bool, external_only: bool) -> None:
        assert recursive
        assert not external_only
        del self.runs[keys]


def followed(folder: Path, names: list[str], server: Server) -> tuple[list[str], dict[str, Any]]:
    """What the server has at the end of a run of these documents, and what catalogue.json says."""
    lines = [json.dumps([name, {"uid": "a" if name == "start" else "b"}]) for name in names]
    (folder / "documents.jsonl").write_text("\n".join(lines) + '\n["stop", {"half', "utf-8")
    Catalogue(folder, "http://x", server.connect, lambda: False, lambda error: isinstance(error, Refusal)).follow()
    return server.runs["a"], json.loads((folder / "catalogue.json").read_text("utf-8"))


WHOLE = ["start", "descriptor", "stream_resource", "event", "stream_datum", "event", "stream_datum", "stop"]


def test_a_server_that_was_away_gets_the_whole_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "RETRY_S", 0.01)
    got, said = followed(tmp_path, WHOLE, Server(away=2))
    assert got == WHOLE
    assert said == {"uri": "http://x", "run": "a", "sent": 8, "of": 8, "done": True, "problem": ""}


def test_images_that_the_server_cannot_read_do_not_keep_the_rows_back(tmp_path: Path) -> None:
    got, said = followed(tmp_path, WHOLE, Server(images=False))
    assert got == [name for name in WHOLE if not name.startswith("stream")]
    assert said["done"]
    assert "rows without images" in said["problem"]


def test_a_run_that_was_killed_gets_a_last_word_in_the_catalogue(tmp_path: Path) -> None:
    got, said = followed(tmp_path, WHOLE[:-1], Server())
    assert got == WHOLE
    assert said["done"]
    assert CUT_SHORT not in (tmp_path / "documents.jsonl").read_text("utf-8")


def test_a_server_that_stays_away_is_left_alone_some_time_after_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "RETRY_S", 0.01)
    monkeypatch.setattr(catalogue, "GRACE_S", 0.1)
    server = Server()
    monkeypatch.setattr(server, "connect", lambda: 1 / 0)
    server.runs["a"] = []
    _, said = followed(tmp_path, WHOLE, server)
    assert not said["done"]
    assert "ZeroDivisionError" in said["problem"]


def test_columns_get_names_that_tiled_does_not_keep_for_itself() -> None:
    keys = {"object_keys": {"electrosaxs": ["time", "height"]}, "data_keys": {"time": 1, "height": 2}}
    assert renamed(keys)["object_keys"] == {"electrosaxs": ["time_since_field_on", "height"]}
    row = renamed({"data": {"time": None, "height": 3.0}})["data"]
    assert row["height"] == 3.0
    assert row["time_since_field_on"] != row["time_since_field_on"]  # NaN: a column of numbers all the same


@pytest.mark.parametrize(
    ("tiled", "words"),
    [("127.0.0.1:8000", "run.tiled = 127.0.0.1:8000: is no address"), ("http://h:1/?api_key=abc", "TILED_API_KEY")],
)
def test_an_address_that_is_none_is_refused(
    tiled: str, words: str, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(tmp_path, bridge, "TCPIP::127.0.0.1::1::SOCKET", run={"tiled": tiled})
    said = refused(capsys, "acquire", plan, "--out", tmp_path / "run")
    assert words in said
    assert "abc" not in said


def test_what_is_not_installed_is_named(
    bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cataloguing, "NEEDED", ("a_package_that_is_not_there",))
    plan = write_plan(tmp_path, bridge, "TCPIP::127.0.0.1::1::SOCKET", run={"tiled": "http://127.0.0.1:1"})
    assert "pip install 'electrosaxs[beamline]'" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")


def test_a_catalogue_that_nobody_serves_does_not_keep_the_run(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path
) -> None:
    begin, out = time.monotonic(), tmp_path / "run"
    assert acquire(write_plan(tmp_path, bridge, meter.resource, scan={"duration_s": 20.0}), tmp_path / "plain") == 0
    without = time.monotonic() - begin
    (tmp_path / "other").mkdir()
    plan = write_plan(
        tmp_path / "other", bridge, meter.resource, scan={"duration_s": 20.0}, run={"tiled": "http://127.0.0.1:1"}
    )
    begin = time.monotonic()
    assert acquire(plan, out) == 0
    assert time.monotonic() - begin < 3.0 * without + 10.0  # of a busy machine; the catalogue is tried for a minute
    assert state_of(out)["phase"] == "finished"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def waited(until: Any) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if found := until():
                return found
        except Exception as error:
            last = error
        time.sleep(0.3)
    raise AssertionError(f"not within {PATIENCE_S:g} s: {last if 'last' in locals() else 'no'}")


def test_every_frame_is_found_in_a_real_catalogue(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bluesky", "tiled", "uvicorn"):  # the server is not imported here: that takes seconds
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed: no Tiled server, or nothing that writes to it")
    from tiled.client import from_uri
    from tiled.queries import Key

    port, out = free_port(), tmp_path / "run"
    server = subprocess.Popen(
        [sys.executable, "-m", "tiled", "serve", "catalog", "--temp", "--api-key", KEY, "--port", str(port), "-r",
         str(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    monkeypatch.setenv("TILED_API_KEY", KEY)
    try:
        uri = f"http://127.0.0.1:{port}"
        plan = write_plan(tmp_path, bridge, meter.resource, run={"title": TITLE, "tiled": uri})
        assert acquire(plan, out) == 0
        waited(lambda: json.loads((out / "catalogue.json").read_text("utf-8"))["done"])
        start = documents(out)[0][1]
        runs = from_uri(uri).search(Key("start.title") == TITLE).search(Key("start.date") == start["date"])
        assert list(runs.search(Key("start.voltage_V") == 2.0)) == [start["uid"]]
        assert list(runs.search(Key("start.voltage_V") == 3.0)) == []
        run = runs[start["uid"]]
        assert run.metadata["stop"]["exit_status"] == "success"
        rows = run["primary"].base["internal"].read()
        kept = [d["data"] for name, d in documents(out) if name == "event" and "exposure" in d["data"]]
        assert rows["height"].tolist() == [row["height"] for row in kept]
        assert sum(abs(float(v) - 2.0) < 0.1 for v in rows["voltage"]) > 2
        assert float(rows["time_since_field_on"].iloc[-1]) == pytest.approx(kept[-1]["time"])
        assert run["primary"]["image"].shape == (len(kept), 30, 40)
        assert run["primary"]["image"][len(kept) - 1].sum() > 1000
    finally:
        server.terminate()
        server.wait()
