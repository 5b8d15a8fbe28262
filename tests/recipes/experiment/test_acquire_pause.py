"""An operator who pauses, goes on and ends a run: obeyed within a second, whatever the plan is doing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

pytest.importorskip("pyvisa")

from left_behind import documents, state_of
from meters import MeterProgram
from tiny_bridge import TinyBridge, write_plan

from electrosaxs.command_line.app import run as command_line


def test_an_operator_pauses_resumes_and_aborts(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, token = tmp_path / "run", tmp_path / "token"
    token.write_text("s3cret\n", "utf-8")

    def ask(number: int, do: str, key: str = "s3cret") -> None:
        (out / "requests").mkdir(exist_ok=True)
        (out / "requests" / f"{number}.json").write_text(json.dumps({"do": do, "who": "kim", "token": key}), "utf-8")
        time.sleep(0.3)

    bridge.at = {5: lambda: ask(1, "abort", "wrong"), 6: lambda: ask(2, "pause"), 8: lambda: ask(4, "abort")}
    bridge.do_wait = lambda request: (  # type: ignore[method-assign]
        ask(3, "resume") if state_of(out)["phase"] == "paused" else None,
        TinyBridge.do_wait(bridge, request),
    )[1]
    plan = write_plan(tmp_path, bridge, meter.resource, scan={"period_s": 1.0, "duration_s": 600.0})
    code = command_line(["acquire", str(plan), "--out", str(out), "--operator-token-file", str(token)])
    assert code == 130
    assert not meter.output
    assert "abort asked for by kim" in capsys.readouterr().err
    asked = [d["data"]["do"] for n, d in documents(out) if n == "event" and "do" in d["data"]]
    assert asked == ["pause", "resume", "abort"]
    assert documents(out)[-1][1]["exit_status"] == "abort"
    assert state_of(out)["phase"] == "aborted"


@pytest.mark.parametrize("when", ["between scans", "knife edge"])
def test_a_pause_is_one_at_once_whatever_the_plan_is_doing(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, when: str
) -> None:
    out, token = tmp_path / "run", tmp_path / "token"
    token.write_text("s3cret\n", "utf-8")
    seen: list[tuple[str, str, int]] = []
    asked = [0]

    def ask(do: str) -> None:
        (out / "requests").mkdir(exist_ok=True)
        (out / "requests" / f"{asked[0]}.json").write_text(
            json.dumps({"do": do, "who": "kim", "token": "s3cret"}), "utf-8"
        )
        asked[0] += 1
        time.sleep(0.5)

    def look_after(name: str, after: int) -> None:
        whole, calls = getattr(TinyBridge, f"do_{name}"), [0]

        def answer(request: dict) -> dict:
            calls[0] += 1
            if calls[0] == after:
                ask("pause")
                seen.append((state_of(out)["phase"], state_of(out)["message"], bridge.asked.count("read")))
            return whole(bridge, request)

        setattr(bridge, f"do_{name}", answer)

    if when == "between scans":  # a wait of the virtual clock, far from the next exposure
        bridge.at = {3: lambda: look_after("wait", 1)}
    else:
        look_after("read", 6)
        usual = TinyBridge.do_wait

        def goes_on(request: dict) -> dict:
            if state_of(out)["phase"] == "paused" and asked[0] == 1:
                seen.append((state_of(out)["phase"], "", bridge.asked.count("read")))
                ask("resume")
                seen.append((state_of(out)["phase"], "", bridge.asked.count("read")))
            return usual(bridge, request)

        bridge.do_wait = goes_on  # type: ignore[method-assign]
    plan = write_plan(tmp_path, bridge, meter.resource, scan={"period_s": 100.0, "duration_s": 250.0})
    assert command_line(["acquire", str(plan), "--out", str(out), "--operator-token-file", str(token)]) == 0
    assert seen[0][0] == "paused"
    assert seen[0][1] == "pause asked for by kim; no exposures, the voltage program goes on"
    if when == "knife edge":
        assert seen[1] == ("paused", "", seen[0][2])  # nothing more is read while it is paused
        assert seen[2][0] == "aligning"
