"""Fixtures shared by all tests. Measured data of other people is looked for, never required."""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from electrosaxs.command_line.app import OBJECTS_BETWEEN_SEARCHES, linear_algebra_on_one_thread

linear_algebra_on_one_thread(
    os.environ
)  # as in the command; read by the workers of pytest-xdist, which start after this
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
if os.environ.get("CI"):  # the same examples in every run, so that a red run is about the change
    settings.load_profile("ci")

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from simulated_runs import cbf_run, demonstration, nexus_run, quiet_cbf, quiet_nexus, quiet_results  # noqa: E402, F401  (fixtures)

# tests that start processes, kill them and measure seconds or memory: a machine that stands still for a moment fails them
REAL_CLOCKS = {
    HERE / place
    for place in (
        "acquisition",
        "cluster",
        "dashboard",
        "io/test_folder_lock.py",
        "recipes/analyse/test_reduce_run.py",
        "recipes/experiment",
        "recipes/live",
    )
}

# files that take longest: they begin first, so that no worker is left with one of them at the end; and those that need the
# same kernels do not begin together, or each worker would compile them for itself
LONGEST = [
    HERE / file
    for file in (
        "test_how_to.py",
        "calibration/test_calibrate.py",
        "cluster/test_slurm_example.py",
        "recipes/experiment/test_acquire_ends.py",
        "recipes/live/test_live.py",
        "recipes/fit/test_fit_cell.py",
        "recipes/test_plan_examples.py",
        "recipes/analyse/test_reduce_run.py",
        "recipes/film/test_standing.py",
        "recipes/analyse/test_agreement.py",
        "micrographs/test_find.py",
        "inference/test_fit.py",
        "inference/test_identifiability.py",
        "closed_loop/test_closed_loop.py",
        "cluster/test_reduction_on_workers.py",
        "recipes/experiment/test_acquire_epics.py",
        "recipes/experiment/test_acquire_twin.py",
        "recipes/experiment/test_catalogue.py",
        "recipes/plan/test_measure.py",
        "recipes/curves/test_analyse_curves.py",
        "analysis/crystals/test_candidates.py",
        "analysis/crystals/test_lattice_fit.py",
        "recipes/film/test_gisaxs.py",
    )
]


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: tests by the real clock wait, and leave a core to others while they do."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first. A test by the real clock may try three times; pytest's last line says how often one did."""
    place = {file: index for index, file in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))
    for item in items:
        if not REAL_CLOCKS.isdisjoint((item.path, *item.path.parents)):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the garbage collector need not go through it again and again; and it
    searches as seldom as in a command, which takes a twelfth off the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made, and their files are there, but no pixel of them is computed, which takes longer than most of what a
    recipe does: for tests that ask what it found. How figures look is asked in tests/figures, and of each page once."""
    from electrosaxs.figures.rendered import Rendered

    blank = Rendered(b"\x89PNG\r\n\x1a\n", b"<svg/>")
    for place in ("electrosaxs.figures.rendered", "electrosaxs.recipes.curves.output"):
        monkeypatch.setattr(f"{place}.rendered", lambda *_: blank)
    monkeypatch.setattr("electrosaxs.figures.rendered.rendered_png", lambda *_, **__: blank.png)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of measured data with known answers; skips where it is absent."""
    default = HERE.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("ELECTROSAXS_REFERENCE_DATA", default))
    if not (folder / "README.md").exists():
        pytest.skip(f"no measured reference data at {folder} (set ELECTROSAXS_REFERENCE_DATA)")
    return folder
