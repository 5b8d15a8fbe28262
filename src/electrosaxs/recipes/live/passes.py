"""The whole analysis again and again while the frames come, in a process of its own; and the last one, which is `analyse`.

Requests come as JSON lines on stdin, answers go to stdout, in order. The process ends with the pipe.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import ElectrosaxsError
from ...io.frame_table import read_table
from ...io.frames_csv import write_frames_csv
from ...io.growing_rows import METER_FILE
from ...io.numbers_json import write_numbers
from ...io.results import write_results
from ...io.run_toml import read_run
from ..analyse.analyse_run import analyse_reduced, analyse_run
from .analysis_process import PASS
from .model_band import model_band
from .panels import panels
from .provisional import grown

NICE = 5  # the numbers of a frame go first


def provisional_pass(run_toml: Path, out: Path, store: Path, frames: int, detector: dict[str, Any]) -> dict[str, Any]:
    """results.nxs, numbers.json and frames.csv of the first `frames` of a run; what the page shows of them."""
    run = read_run(run_toml)
    table = read_table(run).first(frames)
    results = analyse_reduced(grown(store, len(table), detector, run, table), workers=1, distributions=False).results
    results = replace(results, notes=(*results.notes, f"provisional: {len(table)} frames, while the run goes on"))
    write_results(out / "results.nxs", results, command="analyse")
    write_numbers(out / "numbers.json", results.numbers)
    write_frames_csv(out / "frames.csv", results.frames)
    return {**panels(results), "band": model_band(results, run, run_toml.parent / METER_FILE)}


def last_pass(run_toml: Path, out: Path) -> dict[str, Any]:
    """What `analyse` leaves."""
    results = analyse_run(run_toml, out)
    return {**panels(results), "band": model_band(results, read_run(run_toml), run_toml.parent / METER_FILE)}


def main() -> None:
    """The process: requests until the pipe closes."""
    asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    while True:
        request = asked.get()
        run_toml, out = Path(request["run_toml"]), Path(request["out"])
        answer: dict[str, Any]
        try:
            if request["do"] == PASS:
                os.nice(max(0, NICE - os.nice(0)))
                more = (Path(request["store"]), request["frames"], request["detector"])
                answer = {"panels": provisional_pass(run_toml, out, *more)}
            else:
                answer = {"panels": last_pass(run_toml, out)}
        except (ElectrosaxsError, OSError) as error:
            answer = {"error": " ".join(str(error).split())}
        except Exception as error:  # a pass that fails must not end those that follow
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _listen(asked: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        asked.put(json.loads(line))
    os._exit(0)  # whoever asked is gone


if __name__ == "__main__":
    main()
