"""Small simulated runs that tests of recipes, command line and closed loop share; each is made and analysed once."""

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from electrosaxs.nouns import Experiment, RunResults

EXAMPLE = Path(__file__).parents[1] / "examples" / "experiment_small.toml"
QUIET: dict[str, dict[str, Any]] = {
    "run": {"title": "nothing grows"},
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": 4.6},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0], "voltage_V": [30.0]},
    "transport": {"effective_charge": 0.045},
    "growth": {},
    "scan": {
        "duration_s": 300.0, "heights_um": [0.0, 50.0, 200.0, 1000.0, 3450.0], "scans": 4, "reference_frames": 3,
        "solvent_frames": 3,
    },
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.8},
    "output": {"form": "nexus", "seed": 11},
}  # fmt: skip


def quiet_experiment(**changes: dict[str, Any]) -> Experiment:
    """38 frames of a Pilatus 100K, 5 min at 30 V without growth; `changes` by section."""
    sections = QUIET.keys() | changes.keys()
    return Experiment.model_validate({k: {**QUIET.get(k, {}), **changes.get(k, {})} for k in sections})


def simulated(folder: Path, **changes: dict[str, Any]) -> Path:
    """run.toml of the quiet experiment with `changes`, simulated into `folder`."""
    from electrosaxs.recipes.simulate_run import simulate_run

    return simulate_run(quiet_experiment(**changes), folder)


def analysed(run: Path, out: Path, *, report: bool = False, **options: Any) -> RunResults:
    """`analyse_run`; without `report` neither it nor free-form size distributions, which take longer than all the rest."""
    from electrosaxs.recipes.analyse import analyse_run as recipe
    from electrosaxs.recipes.analyse.sizes import SizeStudy

    with pytest.MonkeyPatch.context() as patch:
        if not report:
            patch.setattr(recipe, "write_report", lambda *args, **kwargs: None)
            patch.setattr(recipe, "size_distributions", lambda *args, **kwargs: SizeStudy(None))
        return recipe.analyse_run(run, out, **options)


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` that `make` fills, in one of the processes of pytest-xdist, for all of them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finished = folder.with_suffix(".finished")
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder


@pytest.fixture(scope="session")
def quiet_nexus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """run.toml of the quiet experiment as one NeXus file; do not change the folder."""
    return made_once(tmp_path_factory, "quiet_nexus", lambda folder: _simulate(folder / "run")) / "run" / "run.toml"


@pytest.fixture(scope="session")
def quiet_cbf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same experiment and seed as CBF images with a CSV table; do not change the folder."""

    def make(folder: Path) -> None:
        _simulate(folder / "run", output={"form": "cbf"})

    return made_once(tmp_path_factory, "quiet_cbf", make) / "run" / "run.toml"


def _simulate(folder: Path, **changes: dict[str, Any]) -> None:
    assert simulated(folder, **changes) == folder / "run.toml"


@pytest.fixture(scope="session")
def quiet_results(quiet_nexus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, Path]:
    """Results of `quiet_nexus` and their folder, report not drawn."""
    from electrosaxs.io.results import read_results

    def make(folder: Path) -> None:
        analysed(quiet_nexus, folder / "results")

    out = made_once(tmp_path_factory, "quiet_results", make) / "results"
    return read_results(out / "results.nxs"), out


@dataclass(frozen=True, eq=False)
class Demonstration:
    """What `electrosaxs demo` left of the small example, in which superlattices grow."""

    folder: Path
    said: str
    results: RunResults
    truth: RunResults

    @property
    def results_folder(self) -> Path:
        return self.folder / "results"


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """`electrosaxs demo` with examples/experiment_small.toml in place of the large experiment, report and all."""
    from electrosaxs.io.results import read_results
    from electrosaxs.recipes import demo as recipe

    def make(where: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recipe, "EXPERIMENT", str(EXAMPLE))
            (where / "said.txt").write_text(recipe.demo(where / "demo"), encoding="utf-8")

    where = made_once(tmp_path_factory, "demonstration", make)
    folder, said = where / "demo", (where / "said.txt").read_text(encoding="utf-8")
    results, truth = (read_results(folder / name) for name in ("results/results.nxs", "run/truth.nxs"))
    return Demonstration(folder, said, results, truth)


@pytest.fixture
def nexus_run(quiet_nexus: Path, tmp_path: Path) -> Path:
    """run.toml of a copy of `quiet_nexus`, to be damaged."""
    return Path(shutil.copytree(quiet_nexus.parent, tmp_path / "run")) / "run.toml"


@pytest.fixture
def cbf_run(quiet_cbf: Path, tmp_path: Path) -> Path:
    """run.toml of a copy of `quiet_cbf`, to be damaged."""
    return Path(shutil.copytree(quiet_cbf.parent, tmp_path / "run")) / "run.toml"


Damage = Callable[[Path], None]


def replace_text(file: Path, old: str, new: str) -> None:
    """Replace `old`, which must be there, in a text file."""
    text = file.read_text(encoding="utf-8")
    assert old in text, (file, old)
    file.write_text(text.replace(old, new), encoding="utf-8")


def edit_column(table: Path, column: str, change: Callable[[int, dict[str, str]], str]) -> None:
    """Rewrite one column of a CSV table; `change` gets row number and row, and returns the cell."""
    lines = table.read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    rows = [dict(zip(header, line.split(","), strict=True)) for line in lines[1:]]
    for i, row in enumerate(rows):
        row[column] = change(i, row)
    table.write_text("\n".join([lines[0], *(",".join(row[h] for h in header) for row in rows)]) + "\n", "utf-8")
