"""A run that is followed while it grows: nothing is missed, nothing comes twice, and at the end it is what analyse leaves."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import pytest
from closeness import assert_close
from growing import Growing

from electrosaxs.errors import ElectrosaxsError, InputFileError
from electrosaxs.io.numbers_json import read_numbers
from electrosaxs.io.run_toml import read_run, write_run
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.analyse import analyse_run as analyse_recipe
from electrosaxs.recipes.analyse.diode_noise import with_diode_noise
from electrosaxs.recipes.analyse.reduce_run import reduce_run
from electrosaxs.recipes.analyse.sizes import SizeStudy
from electrosaxs.recipes.live import follow
from electrosaxs.recipes.live.analysis_process import END
from electrosaxs.recipes.live.follow import Follower
from electrosaxs.recipes.live.passes import last_pass, provisional_pass

HERE = Path(__file__).parent


class PassesHere:
    """The analysis in this process, done when asked, without report and size distributions."""

    def __init__(self) -> None:
        self.busy = False
        self._answer: dict[str, Any] | None = None

    def ask(self, do: str, run_toml: str, out: str, **more: Any) -> None:
        paths = Path(run_toml), Path(out)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(analyse_recipe, "write_report", lambda *_, **__: None)
            patch.setattr(analyse_recipe, "size_distributions", lambda *_, **__: SizeStudy(None))
            try:
                panels = last_pass(*paths) if do == END else provisional_pass(*paths, Path(more.pop("store")), **more)
                answer = {"panels": json.loads(json.dumps(panels))}
            except ElectrosaxsError as error:
                answer = {"error": str(error)}
        self.busy, self._answer = True, answer

    def answer(self, seconds: float = 0.0) -> dict[str, Any] | None:
        self.busy = False
        return self._answer

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _passes_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "Passes", PassesHere)
    monkeypatch.setattr(follow, "PASS_PERIOD_S", 1.0)


def lines_of(out: Path) -> list[dict[str, Any]]:
    text = (out / "live.jsonl").read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def step_until(follower: Follower, lines: int, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while len(follower.lines) < lines:
        assert time.monotonic() < end, f"{len(follower.lines)} of {lines} lines"
        if not follower.step():
            time.sleep(0.01)


def arrays(path: Path) -> dict[str, Any]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, one: found.update({name: one[()]}) if isinstance(one, h5py.Dataset) else None)
    return found


def test_a_growing_file_ends_as_analyse_leaves_it(
    quiet_nexus: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    """Single writer in another process; the folder is not there when live begins."""
    source, out = tmp_path / "run", tmp_path / "out"
    out.mkdir()
    follower = Follower(source, out)
    assert not follower.step()
    assert follower.phase() == "waiting"
    writer = subprocess.Popen([sys.executable, HERE / "growing.py", quiet_nexus, source, "0.15"])
    try:
        follower.until_the_end()
        seen = follower.passed
        assert not follower.analyse()
    finally:
        follower.close()
        assert writer.wait(10) == 0
    lines, (results, expected) = lines_of(out), quiet_results
    assert [line["index"] for line in lines] == list(range(len(results.frames)))
    assert seen >= 1
    assert median(line["done"] - line["arrived"] for line in lines) < 2.0  # with the passes in this very thread
    stays = {"entry/title"}
    mine, theirs = arrays(out / "results.nxs"), arrays(expected / "results.nxs")
    assert mine.keys() == theirs.keys()
    for name in mine.keys() - stays:
        if name.startswith("entry/summary"):
            continue
        assert np.array_equal(mine[name], theirs[name], equal_nan=mine[name].dtype.kind == "f"), name
    assert (out / "numbers.json").read_bytes() == (expected / "numbers.json").read_bytes()
    phi = results.volume_fraction
    placed = [r for r in results.frames if r.scan >= 0 and r.used]
    assert len(placed) == sum(r.role == "sample" for r in results.frames) == 20
    ratios = [lines[r.index]["phi"] / phi.values[r.scan, r.height_index] for r in placed if r.height_um > 100.0]
    assert_close(float(np.median(ratios)), 1.0, rel=5e-3)


def test_half_an_image_and_half_a_row_are_read_again(quiet_cbf: Path, tmp_path: Path) -> None:
    run, out = Growing(quiet_cbf, tmp_path / "run", "cbf"), tmp_path / "out"
    out.mkdir()
    follower = Follower(tmp_path / "run", out)
    run.add(8)
    step_until(follower, 8)
    index = run.written
    run.write_image(index)
    whole = run.image(index).read_bytes()
    run.image(index).write_bytes(whole[: len(whole) // 2])
    run.write_row(index)
    run.add(1)  # what comes after it does not wait
    step_until(follower, 9)
    assert index not in follower.lines.known
    run.image(index).write_bytes(whole)
    step_until(follower, 10)
    assert follower.lines.last["index"] == index
    assert follower.lines.last["flags"] == []
    table = tmp_path / "run" / "frames.csv"
    run.write_image(run.written)
    run.write_row(run.written)
    text = table.read_bytes()
    table.write_bytes(text[:-9])  # as if its end had not been written
    for _ in range(5):
        follower.step()
    assert len(follower.lines) == 10
    table.write_bytes(text)
    step_until(follower, 11)
    follower.close()


def test_frames_that_wait_are_measured_as_if_each_came_alone(quiet_cbf: Path, tmp_path: Path) -> None:
    """One by one, and many at once with one of them half there: the same numbers, and who is whole does not wait."""
    told = []
    for name, at_once in (("slow", False), ("fast", True)):
        run, out = Growing(quiet_cbf, tmp_path / name, "cbf"), tmp_path / f"{name}-out"
        out.mkdir()
        follower = Follower(tmp_path / name, out)
        total = len(run.table)
        if at_once:
            run.add(total)
            image = run.image(total - 5)
            whole = image.read_bytes()
            image.write_bytes(whole[: len(whole) // 2])
            step_until(follower, total - 1)
            assert total - 5 not in follower.lines.known
            image.write_bytes(whole)
        else:
            for number in range(1, total + 1):
                run.add(1)
                step_until(follower, number)
        step_until(follower, total)
        follower.close()
        told.append({line["index"]: line for line in lines_of(out)})
    slow, fast = told
    assert slow.keys() == fast.keys()
    assert sum(line["phi"] is not None for line in slow.values()) == 20
    for index, line in slow.items():
        for value in ("phi", "phi_sigma", "diameter_nm", "diameter_sigma_nm"):
            if line.get(value) is not None:
                assert_close(fast[index][value], line[value], rel=1e-6)
        assert fast[index]["flags"] == line["flags"]


def followed(source: Path, out: Path, run: Growing) -> Follower:
    """All frames of `run`, which lies in `source`, taken."""
    out.mkdir()
    follower = Follower(source, out)
    run.add(len(run.table))
    step_until(follower, len(run.table))
    follower.close()
    return follower


def test_the_noise_of_the_diode_is_in_the_numbers_of_a_frame(quiet_cbf: Path, tmp_path: Path) -> None:
    """As the run file states it: s over the transmission, beside all else."""
    stated, told = 2e-3, {}
    for name, sigma in (("untold", None), ("stated", stated)):
        run = Growing(quiet_cbf, tmp_path / name, "cbf")
        settings = read_run(tmp_path / name / "run.toml")
        beam = settings.beam.model_copy(update={"transmission_sigma": sigma})
        write_run(tmp_path / name / "run.toml", settings.model_copy(update={"beam": beam}))
        followed(tmp_path / name, tmp_path / f"{name}-out", run)
        told[name] = {line["index"]: line for line in lines_of(tmp_path / f"{name}-out")}
    passes, seen = run.table.transmission, 0
    for index, line in told["stated"].items():
        before = told["untold"][index]
        if line["phi"] is not None and line["phi"] > 1e-4:
            of_diode = line["phi"] * stated / passes[index]
            assert_close(line["phi_sigma"], math.hypot(before["phi_sigma"], of_diode), rel=0.02)
            seen += 1
    assert seen > 10


def test_the_knife_edge_tells_a_running_run_what_it_tells_analyse(quiet_cbf: Path, tmp_path: Path) -> None:
    run = Growing(quiet_cbf, tmp_path / "run", "cbf")
    follower = followed(tmp_path / "run", tmp_path / "out", run)
    provisional = follower._provisional
    assert provisional is not None
    whole = reduce_run(read_run(quiet_cbf), tmp_path / "whole", workers=1)
    told = with_diode_noise(whole).diode
    assert told is not None
    assert provisional._diode is not None
    assert_close(provisional._diode.sigma, told.sigma, rel=0.05)


def test_a_run_that_is_over_gives_up_an_image_that_never_came(quiet_cbf: Path, tmp_path: Path) -> None:
    run, out = Growing(quiet_cbf, tmp_path / "run", "cbf"), tmp_path / "out"
    out.mkdir()
    run.add(9)
    run.write_row(9)
    run.tell("aborted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "PATIENCE_S", 0.1)
        follower = Follower(tmp_path / "run", out)
        follower.until_the_end()
    assert follower.lines.last["index"] == 9
    assert "no such file" in follower.lines.last["flags"][0]
    follower.close()


def test_killed_and_started_again_it_goes_on(quiet_nexus: Path, tmp_path: Path) -> None:
    """kill -9 of the command while it works; what it left is taken up, no frame comes twice, none is missing."""
    run, out = Growing(quiet_nexus, tmp_path / "run"), tmp_path / "out"
    run.add(12)
    command = [
        sys.executable,
        "-m",
        "electrosaxs.command_line.app",
        "live",
        tmp_path / "run",
        "--out",
        out,
        "--no-page",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["pid"] == process.pid
    end = time.monotonic() + 180.0
    while not (out / "live.jsonl").exists() or len((out / "live.jsonl").read_text().splitlines()) < 10:
        assert time.monotonic() < end
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    before = (out / "live.jsonl").read_bytes()
    with (out / "live.jsonl").open("ab") as file:
        file.write(b'{"index": 12, "role"')  # a line that was being written
    run.add(8)
    follower = Follower(tmp_path / "run", out)
    step_until(follower, 20)
    follower.close()
    assert (out / "live.jsonl").read_bytes().startswith(before)
    assert sorted(line["index"] for line in lines_of(out)) == list(range(20))
    assert all(line["phi"] for line in lines_of(out) if line["role"] == "sample" and not line["flags"])
    end = time.monotonic() + 60.0
    while any(alive(int(child)) for child in children):  # the analysis does not outlive who asked for it
        assert time.monotonic() < end
        time.sleep(0.05)


def test_lines_of_another_run_are_not_gone_on_with(quiet_nexus: Path, tmp_path: Path) -> None:
    run, out = Growing(quiet_nexus, tmp_path / "run"), tmp_path / "out"
    out.mkdir()
    run.add(2)
    line = {"index": 1, "height_um": -3.0, "time_s": None}
    (out / "live.jsonl").write_text(json.dumps(line) + "\n")
    follower = Follower(tmp_path / "run", out)
    with pytest.raises(InputFileError, match="these are lines of another run"):
        step_until(follower, 3)
    follower.close()


def test_a_run_without_words_has_ended_a_minute_after_its_last_frame(quiet_cbf: Path, tmp_path: Path) -> None:
    run, out = Growing(quiet_cbf, tmp_path / "run", "cbf"), tmp_path / "out"
    out.mkdir()
    (tmp_path / "run" / "state.json").unlink()
    run.add(1)
    follower = Follower(tmp_path / "run", out)
    step_until(follower, 1)
    assert not follower.run_ended()
    assert follower.newest is not None
    follower.newest -= 61.0
    assert follower.run_ended()
    run.tell("running")
    assert not follower.run_ended()
    follower.close()


def test_a_run_that_was_killed_before_its_first_frame_is_not_waited_for(quiet_cbf: Path, tmp_path: Path) -> None:
    Growing(quiet_cbf, tmp_path / "run", "cbf")
    out = tmp_path / "out"
    out.mkdir()
    follower = Follower(tmp_path / "run", out)
    follower.step()
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    state = {"phase": "aligning", "pid": gone.pid, "heartbeat": time.time() - 30.0}
    (tmp_path / "run" / "state.json").write_text(json.dumps(state), "utf-8")
    assert not follower.run_ended()
    (tmp_path / "run" / "state.json").write_text(json.dumps(state | {"heartbeat": time.time() - 61.0}), "utf-8")
    assert follower.run_ended()
    follower.close()


def test_provisional_numbers_are_told_from_final_ones(quiet_nexus: Path, tmp_path: Path) -> None:
    run, out = Growing(quiet_nexus, tmp_path / "run"), tmp_path / "out"
    out.mkdir()
    run.add(38)
    follower = Follower(tmp_path / "run", out)
    step_until(follower, 38)
    follower._pass()
    follower._pass()
    assert follower.passed == 1
    numbers = read_numbers(out / "numbers.json")
    assert numbers["mass_balance_error"].unit
    assert not follower.analysed
    follower.close()
