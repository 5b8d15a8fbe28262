"""The whole system once: simulate a run, analyse it, write the report, compare with the truth."""

from __future__ import annotations

import json
import time
from importlib import resources
from pathlib import Path

from ..io.atomic import replacing
from ..io.results import read_results
from .analyse.analyse_run import analyse_run
from .compare import compare
from .output_folder import writing
from .progress import Progress
from .simulate_run import simulate_run

EXPERIMENT = "demo.toml"


def demo(out: str | Path, *, workers: int = 2, progress: Progress | None = None) -> str:
    """Write `<out>/run` and `<out>/results`; returns the comparison with the truth as text for the terminal.

    >>> from electrosaxs import demo
    >>> print(demo("electrosaxs-demo"))
    """
    with writing(out, command="demo") as out:
        start = time.perf_counter()
        with resources.as_file(resources.files(__package__) / EXPERIMENT) as experiment:
            run = simulate_run(experiment, out / "run", workers=workers, progress=progress)
        simulated = time.perf_counter()
        results = analyse_run(run, out / "results", workers=workers, progress=progress)
        analysed = time.perf_counter()
        comparison = compare(results, read_results(run.parent / "truth.nxs"))
        with replacing(out / "comparison.json") as part:
            part.write_text(json.dumps(comparison.to_json(), indent=2) + "\n", encoding="utf-8")
    times = f"simulated in {simulated - start:.1f} s, analysed and reported in {analysed - simulated:.1f} s"
    return f"{comparison.table()}\n\n{times}\nreport: {out / 'results' / 'report.html'}"
