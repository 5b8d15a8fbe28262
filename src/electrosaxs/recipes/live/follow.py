"""A run folder followed from before its first frame to its end: rows, images, numbers, and passes over all of them."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ElectrosaxsError, FrameError, InputFileError, bad_value
from ...io.arriving import ArrivedRow, Arriving, arriving
from ...io.live_lines import LiveLines
from ...io.run_state import read_state
from ...io.run_toml import read_run
from ...nouns import Role, Run
from .analysis_process import END, PASS, Passes

if TYPE_CHECKING:
    from .provisional import Provisional

RUN, STORE, REDUCTION = "run.toml", "live", "reduction"
ENDED = ("finished", "aborted", "failed")
POLL_S, FOLDER_POLL_S, AGAIN_S = 0.02, 0.2, 0.2
SILENCE_S = 60.0  # after the last frame of a run that does not say that it has ended
TOGETHER = 32  # rows that are taken at once where many wait
PATIENCE_S = 2.0  # with an image of a run that has ended
PASS_PERIOD_S = 5.0  # from the beginning of a pass to that of the next, where it does not take longer
WAITING, UNTOLD = "waiting", "not told"  # phases of a source without state.json


class Follower:
    """Follows the run folder `source` into `out`. `panels`: of the last pass, `passed`: how many there were, `frames_passed`:
    of how many frames the last one was, `problem`: why there is none, `ended`: nothing more comes, `analysed`: the results are
    those of `analyse`."""

    def __init__(self, source: Path, out: Path) -> None:
        self.source, self.out = source, out
        self.lines = LiveLines(out)
        self.run: Run | None = None
        self.panels: dict[str, Any] = {}
        self.passed, self.frames_passed, self.problem, self.ended, self.analysed = 0, 0, "", False, False
        self.newest: float | None = None  # arrival of the newest row
        self._passes = Passes()
        self._arriving: Arriving | None = None
        self._provisional: Provisional | None = None
        self._waiting: dict[int, tuple[ArrivedRow, float, float]] = {}
        self._rows, self._passed_at, self._looked_at, self._ended_at = 0, 0.0, 0.0, 0.0
        self._run_changed, self._began = 0.0, time.time()

    @property
    def curve(self) -> dict[str, Any]:
        """The newest curve with its fit."""
        return {} if self._provisional is None else self._provisional.curve

    @property
    def lag_s(self) -> float:
        """How long the oldest row that is not done has been waiting since this process could know of it; of the last one that
        was where none is."""
        if waiting := list(self._waiting.values()):
            return time.time() - max(self._began, min(arrived for _, arrived, _ in waiting))
        last = self.lines.last
        return float(last["done"] - max(last["arrived"], self._began)) if last else 0.0

    def until_the_end(self) -> None:
        """Follow until the run has ended and every frame of it is done."""
        while True:
            busy = self.step()
            self._pass()
            if not busy and self._over():
                return
            if not busy:
                time.sleep(POLL_S)

    def step(self) -> bool:
        """Take what is there; whether there was anything."""
        if self._arriving is None and not self._begin():
            return False
        assert self._arriving is not None
        self._look_at_run()
        changed = self._arriving.changed()
        for row in self._arriving.rows():
            now = time.time()
            self._waiting[row.index] = (row, min(now, changed or now), 0.0)
            self._rows = max(self._rows, row.index + 1)
            self.newest = self._waiting[row.index][1]
            self._same_run(row)
        assert self._provisional is not None
        return self._take_waiting() or (not self._waiting and self._rest())

    def _rest(self) -> bool:
        """Work ahead; what is wrong with it shows again when it is needed."""
        assert self._provisional is not None
        try:
            return self._provisional.rest()
        except ElectrosaxsError:
            return False

    def _begin(self) -> bool:
        """Open the source as soon as there is one."""
        if time.monotonic() - self._looked_at < FOLDER_POLL_S:
            return False
        self._looked_at = time.monotonic()
        try:
            self.run = read_run(self.source / RUN)
        except InputFileError as error:
            self.problem = str(error) if (self.source / RUN).exists() else f"{self.source}: no {RUN} there yet"
            return False
        self.problem = ""
        from .provisional import Provisional  # some seconds, while the page is served already

        self._arriving = arriving(self.run)
        self._provisional = Provisional(self.run, self._arriving, self.out / STORE)
        return True

    def _look_at_run(self) -> None:
        """run.toml again, where it was written again: the height of the anode is found after the first look."""
        if time.monotonic() - self._looked_at < 1.0:
            return
        self._looked_at = time.monotonic()
        try:
            changed = (self.source / RUN).stat().st_mtime
            if changed != self._run_changed:
                self.run, self._run_changed = read_run(self.source / RUN), changed
        except (OSError, InputFileError):
            return

    def _same_run(self, row: ArrivedRow) -> None:
        known = self.lines.known.get(row.index)
        if known is None or row.trouble:
            return
        height, when = row.numbers.get("height"), row.numbers.get("time")
        if any(
            a is not None and b is not None and b == b and a != b for a, b in zip(known, (height, when), strict=True)
        ):
            raise bad_value(
                InputFileError, where=self.out / "live.jsonl", field=f"frame {row.index}", value=f"at {known[0]} um",
                rule=f"the frame of {self.source} is at {height} um: these are lines of another run",
                remedy="choose another folder for --out",
            )  # fmt: skip

    def _take_waiting(self) -> bool:
        """Rows that may be tried now, TOGETHER of them at most, so that the first is not told after the last is read."""
        assert self._provisional is not None
        now = time.monotonic()
        due = [waiting for waiting in self._waiting.values() if now - waiting[2] >= AGAIN_S][:TOGETHER]
        new: list[tuple[ArrivedRow, float]] = []
        for row, arrived, _ in due:
            if row.index in self.lines.known and row.role == Role.SAMPLE and not row.trouble:
                self._recall(row)
            else:
                new.append((row, arrived))
        lines = self._provisional.take([row for row, _ in new])
        told = [self._tell(row, arrived, line) for (row, arrived), line in zip(new, lines, strict=True)]
        return any(told) or len(new) < len(due)

    def _recall(self, row: ArrivedRow) -> None:
        """A row that is a line already."""
        assert self._provisional is not None
        try:
            self._provisional.recall(row)
        except FrameError:
            if not self._given_up():
                self._waiting[row.index] = (row, self._waiting[row.index][1], time.monotonic())
                return
        del self._waiting[row.index]

    def _tell(self, row: ArrivedRow, arrived: float, line: dict[str, Any] | FrameError) -> bool:
        """A row becomes a line, if it is not one already; whether it has."""
        assert self._provisional is not None
        if isinstance(line, FrameError):
            if not self._given_up():
                self._waiting[row.index] = (row, arrived, time.monotonic())
                return False
            (line,) = self._provisional.take([replace(row, trouble=str(line))])
            assert not isinstance(line, FrameError)
        del self._waiting[row.index]
        if row.index not in self.lines.known:
            self.lines.append({**line, "arrived": arrived, "done": time.time()})
        return True

    def _given_up(self) -> bool:
        return self._ended_at > 0.0 and time.monotonic() - self._ended_at > PATIENCE_S

    def phase(self) -> str:
        """Of the source."""
        if self._arriving is None:
            return str(read_state(self.source).get("phase", WAITING))
        return str(read_state(self.source).get("phase", UNTOLD))

    def _over(self) -> bool:
        """Whether the run has ended and nothing of it is left to do."""
        if self.run_ended() and not self._ended_at:
            self._ended_at = time.monotonic()
            return False  # rows of its last moments may have come since
        return self._ended_at > 0.0 and not self._waiting and time.monotonic() - self._ended_at > POLL_S

    def run_ended(self) -> bool:
        """What state.json says; where there is none, or its writer is dead, silence after the last frame (or no frame)."""
        state = read_state(self.source)
        if state.get("phase") in ENDED:
            return True
        if self.newest is None:  # a folder without a word may come to hold frames; one whose writer is dead will not
            return bool(state) and _dead(state)
        return time.time() - self.newest > SILENCE_S and (not state or _dead(state))

    def _pass(self) -> None:
        """Begin a pass where it is time for one; take what came of the last."""
        passes, provisional = self._passes, self._provisional
        if passes.busy:
            self._hear(passes.answer())
            return
        due = time.monotonic() - self._passed_at > PASS_PERIOD_S and len(self.lines) > self.frames_passed
        if due and provisional is not None and provisional.samples and provisional.detector is not None:
            from .provisional import detector_words

            self._passed_at, self.frames_passed = time.monotonic(), len(self.lines)
            passes.ask(
                do=PASS, run_toml=str(self.source / RUN), out=str(self.out), store=str(self.out / STORE),
                frames=self._rows, detector=detector_words(provisional.detector),
            )  # fmt: skip

    def _hear(self, answer: dict[str, Any] | None) -> None:
        if answer is None:
            return
        if "panels" in answer:
            self.panels, self.problem = answer["panels"], ""
            self.passed += 1
        elif "gone" in answer:
            self._restart()
        else:
            self.problem = answer["error"]

    def analyse(self) -> str:
        """Leave in `out` what `analyse` leaves; in words why it cannot, empty where it did."""
        self.ended = True
        if self._passes.busy:
            self._restart()
        shutil.rmtree(
            self.out / REDUCTION, ignore_errors=True
        )  # or the results would tell of an earlier run of the command
        self._passes.ask(do=END, run_toml=str(self.source / RUN), out=str(self.out))
        while (answer := self._passes.answer(1.0)) is None:
            pass
        if "panels" not in answer:
            self.problem = str(answer.get("error") or answer["gone"])
            return self.problem
        self.panels, self.problem, self.analysed = answer["panels"], "", True
        self.passed += 1
        return ""

    def _restart(self) -> None:
        self._passes.close()
        self._passes = Passes()

    def close(self) -> None:
        """End everything that was begun."""
        self._passes.close()
        self.lines.close()


def _dead(state: dict[str, Any]) -> bool:
    """Whether who writes state.json has stopped: no heartbeat for long, and no such process here."""
    if time.time() - float(state.get("heartbeat") or 0.0) < SILENCE_S:
        return False
    try:
        os.kill(int(state.get("pid") or 0), 0)
    except (ProcessLookupError, ValueError):
        return True
    except OSError:
        return False
    return int(state.get("pid") or 0) == 0
