"""The twin measured frame by frame: on the simulated beamline, and through the example bridge with a meter of its own."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from left_behind import documents, meter_rows, read_all, state_of

pytest.importorskip("pyvisa")

from electrosaxs.io.plan_toml import read_plan
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role
from electrosaxs.recipes.experiment.acquire import acquire

EXAMPLES = Path(__file__).parents[3] / "examples"
SMALL = {
    'name = "Pilatus300k"': 'name = "Pilatus100k"', "distance_m = 1.99389": "distance_m = 0.8",
}  # fmt: skip
SHORT = {
    "duration_s = 1200.0": "duration_s = 250.0", "[0, 50, 100, 200, 400, 1000, 3400]": "[0, 1000]",
    "reference_frames = 4": "reference_frames = 2", "solvent_frames = 4": "solvent_frames = 2",
}  # fmt: skip


def changed(source: Path, target: Path, changes: dict[str, str]) -> Path:
    text = source.read_text("utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    target.write_text(text, "utf-8")
    return target


def counts_over_solvent(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Counts per monitor and transmission of each sample frame, and its time."""
    table, images = read_all(folder)
    total = np.array([np.where(image >= 0, image, 0).clip(max=10_000).sum() for image in images])
    scaled = total / table.monitor / table.transmission
    sample = table.is_role(Role.SAMPLE)
    return scaled[sample] / scaled[table.is_role(Role.REFERENCE)].mean(), table.time[sample]


def test_the_example_plan_measures_the_twin(tmp_path: Path) -> None:
    """Particles gather at the anode, and not in the bulk; the folder is what `analyse` reads."""
    changed(EXAMPLES / "experiment_small.toml", tmp_path / "experiment_small.toml", SMALL)
    plan = changed(EXAMPLES / "plan_run.toml", tmp_path / "plan.toml", SHORT)
    out = tmp_path / "run"
    assert acquire(plan, out) == 0
    assert state_of(out)["phase"] == "finished"
    run = read_run(out / "run.toml")
    assert run.cell.anode_height_um is not None
    assert abs(run.cell.anode_height_um + 7.3) < 0.5  # what the experiment says
    ratio, time = counts_over_solvent(out)
    assert len(time) == 6
    assert time[0] > 40.0  # 20 V at 0.5 V/s come first
    assert ratio[4] > 1.3  # at the anode, in the third scan
    assert_close(ratio[1::2], np.ones(3), rel=0.05)  # 1 mm above it
    assert (out / "geometry.poni").is_file()
    assert (out / "mask.edf").is_file()


@contextmanager
def example_bridge(folder: Path) -> Iterator[dict[str, str]]:
    """The example bridge with its meter in a process of its own; the ports of plan_bridge.toml and what they are."""
    changed(EXAMPLES / "experiment_small.toml", folder / "experiment.toml", SMALL)
    server = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "bridge_server.py"), str(folder / "experiment.toml"), "--port", "0",
         "--meter-port", "0", "--geometry", str(folder / "bridge.poni")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        said = json.loads(server.stdout.readline()) | json.loads(server.stdout.readline())
        yield {"7701": str(said["bridge"]), "::5025::": f"::{said['port']}::"}
    finally:
        server.kill()
        server.communicate()


def test_the_example_bridge_serves_a_run(tmp_path: Path) -> None:
    """Two processes: the bridge with its meter, and this one; the cell feels what the meter has on its leads."""
    with example_bridge(tmp_path) as ports:
        plan = changed(EXAMPLES / "plan_bridge.toml", tmp_path / "plan.toml", SHORT | ports)
        assert acquire(plan, tmp_path / "run") == 0
    ratio, _ = counts_over_solvent(tmp_path / "run")
    assert ratio[4] > 1.3
    assert_close(ratio[1::2], np.ones(3), rel=0.05)
    assert documents(tmp_path / "run")[-1][1]["exit_status"] == "success"
    shutil.rmtree(tmp_path / "run")


HOLD = {
    **SHORT, "duration_s = 1200.0": "duration_s = 130.0", "[0, 50, 100, 200, 400, 1000, 3400]": "[50, 150, 1000]",
    "period_s = 120.0": "period_s = 60.0",
    "[voltage]\ntime_s = [0.0]\nvoltage_V = [20.0]": '[hold]\nmodel = "model.toml"\ncharge_prior = 0.05\n'
    "start_voltage_V = 15.0\nset_point_m_per_s = 2.5e-10",
}  # fmt: skip


def test_a_flux_is_held_over_the_example_bridge(tmp_path: Path) -> None:
    """The charge is known from the start: the loop steers on the clock, the images and the meter of another process."""
    shutil.copy(EXAMPLES / "plan_constant_flux.toml", tmp_path / "model.toml")
    with example_bridge(tmp_path) as ports:
        assert (
            acquire(changed(EXAMPLES / "plan_bridge.toml", tmp_path / "plan.toml", HOLD | ports), tmp_path / "run") == 0
        )
    with (tmp_path / "run" / "control.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["mode"] for row in rows[1:]} == {"hold"}
    assert_close(float(rows[-1]["flux_m_per_s"]), 2.5e-10, rel=0.2)  # on its way there, with a time constant of 60 s
    read = [float(row["read_V"]) for row in meter_rows(tmp_path / "run") if row["output"] == "1" and row["read_V"]]
    assert_close(max(read), max(float(row["voltage_V"]) for row in rows), rel=0.01)
    assert documents(tmp_path / "run")[-1][1]["exit_status"] == "success"


def test_the_page_types_the_commands_of_the_examples() -> None:
    page = (EXAMPLES.parent / "docs" / "how-to" / "acquire.md").read_text("utf-8")
    typed = re.findall(r"^    ((?:electrosaxs|python) .*)$", page, re.MULTILINE)
    example = (EXAMPLES / "plan_run.toml").read_text("utf-8")
    server = (EXAMPLES / "bridge_server.py").read_text("utf-8")
    assert typed == [
        *re.findall(r"^#     (electrosaxs acquire .*)$", example, re.MULTILINE),
        "electrosaxs analyse run/run.toml --out results",
        *re.findall(r"^    ((?:electrosaxs|python) .*)$", server, re.MULTILINE),
    ]


@pytest.mark.parametrize("name", ["plan_run.toml", "plan_bridge.toml"])
def test_the_example_plans_are_plans(name: str, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "experiment_small.toml", tmp_path)
    from electrosaxs.io.run_toml import read_experiment
    from electrosaxs.twin.detector_model import pixel_model

    experiment = read_experiment(EXAMPLES / "experiment_small.toml")
    pixel_model(experiment.detector, experiment.beam, seed=1).geometry.save(str(tmp_path / "bridge.poni"))
    plan = read_plan(shutil.copy(EXAMPLES / name, tmp_path))
    assert plan.program.voltage_V == [20.0]
