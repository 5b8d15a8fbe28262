"""A flux held by `acquire` in the twin, whose charge the plan does not know; an operator who wants another one; plans that
cannot be."""

from __future__ import annotations

import csv
import json
import re
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from left_behind import documents, meter_rows, read_all, state_of
from meters import MeterProgram
from refused import refused
from test_acquire_twin import EXAMPLES, SMALL, changed
from tifffile import TiffFile
from tiny_bridge import TinyBridge, write_plan

pytest.importorskip("pyvisa")

from electrosaxs.acquisition.field import Field
from electrosaxs.control.hold.holder import SOFT_S
from electrosaxs.control.hold.tracked_cell import TrackedCell
from electrosaxs.control.plant import Plant
from electrosaxs.io.plan_toml import read_plan
from electrosaxs.io.run_toml import read_experiment, read_run
from electrosaxs.nouns import Role, VoltageProgram
from electrosaxs.recipes.experiment.acquire import acquire
from electrosaxs.transport import SizeClasses, graded_grid

MODEL = "plan_constant_flux.toml"
HEIGHTS = "[0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 1400, 1800, 2600, 3400]"
SHORT = {
    "duration_s = 2700.0": "duration_s = 560.0\nalignment = false\nreference_frames = 3\nsolvent_frames = 3",
    HEIGHTS: "[50, 100, 150, 200, 300, 600, 2600, 3400]",
    "period_s = 300.0": "period_s = 240.0", "path_length_mm = 10.0": "path_length_mm = 10.0\nanode_height_um = -7.3",
}  # fmt: skip


FIELDS = "field???.tif"  # not their labels
STEP = 'nucleate.calibration = "counts.csv"\nnucleate.islands_per_mm2 = 50.0\nnucleate.'


def decisions(folder: Path) -> list[dict[str, str]]:
    with (folder / "control.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def plan_in(folder: Path, changes: dict[str, str]) -> Path:
    shutil.copy(EXAMPLES / MODEL, folder)
    changed(EXAMPLES / "hold_cell.toml", folder / "hold_cell.toml", SMALL)
    return changed(EXAMPLES / "plan_hold.toml", folder / "plan.toml", changes)


def operator(out: Path, asked: list[tuple[float, float]]) -> None:
    """Once the flux is held, ask for what no voltage gives and then for half; when, and what for."""
    while not (out / "control.csv").exists() or not any(row["mode"] == "hold" for row in decisions(out)):
        time.sleep(0.05)
    (out / "requests").mkdir()
    for value in (1e-7, 1.4e-10):
        request = {"do": "set-point", "who": "kim", "token": "s3cret", "value": value}
        asked.append((time.time(), value))
        (out / "requests" / "part").write_text(json.dumps(request), "utf-8")
        request_file = out / "requests" / f"{value}.json"
        (out / "requests" / "part").rename(request_file)
        while request_file.exists() and time.time() < asked[-1][0] + 20.0:
            time.sleep(0.02)


def true_flux(folder: Path) -> tuple[float, float]:
    """What the cell of hold_cell.toml does under the voltage that the meter read: slice flux at the last decision (m/s), before
    the voltage that it decided, and when."""
    truth = read_experiment(EXAMPLES / "hold_cell.toml")
    plant = Plant(truth.cell, truth.solution, SizeClasses.gaussian(7.1, 1.1, 9), truth.transport, truth.growth)
    rows = [row for row in meter_rows(folder) if row["output"] == "1" and row["read_V"]]
    begin, end = (float(decisions(folder)[k]["time_s"]) for k in (0, -1))
    on = float(rows[0]["clock_s"])
    points = {float(r["clock_s"]) - on: float(r["read_V"]) for r in rows if float(r["clock_s"]) - on < end - 1e-6}
    program = VoltageProgram(time_s=list(points), voltage_V=list(points.values()))
    cell = TrackedCell(plant, graded_grid(3.5e-3, shortest_decay=6e-5, cells=100))
    cell.go_on(program, end)
    assert begin < end
    return cell.slice_flux(program.voltage_V[-1]), end


def test_a_flux_is_held_in_a_cell_that_the_plan_does_not_know(tmp_path: Path) -> None:
    out, token, asked = tmp_path / "run", tmp_path / "token", list[tuple[float, float]]()
    token.write_text("s3cret", "utf-8")
    kim = threading.Thread(target=operator, args=(out, asked), daemon=True)
    kim.start()
    assert acquire(plan_in(tmp_path, SHORT), out, token_file=token) == 0
    kim.join(5.0)
    rows = decisions(out)
    assert [a["mode"] for a, b in pairwise(rows) if a["mode"] != b["mode"]] == ["start"]
    last = {name: float(rows[-1][name]) for name in ("flux_m_per_s", "flux_sigma_m_per_s", "effective_charge")}
    assert_close(last["effective_charge"], 0.036, rel=0.1)
    flux, end = true_flux(out)
    assert abs(last["flux_m_per_s"] - flux) < 3.0 * last["flux_sigma_m_per_s"] + 0.02 * flux
    volts = [float(row["voltage_V"]) for row in rows]
    assert max(volts) > 1.01 * 20.0  # less charge than believed
    assert volts[-1] < max(volts) - 1.0  # on the way to half the flux
    notes = [row for row in rows if "asked for by kim" in row["reason"]]
    assert [row["set_point_m_per_s"] for row in notes] == ["1.4e-10"]
    left = np.exp(-(end - float(notes[0]["time_s"])) / SOFT_S)  # of the way from the earlier set-point, 2.8e-10
    assert_close(flux, 1.4e-10 * (1.0 + left), rel=0.15)
    told = {d["data"]["do"]: d["time"] for n, d in documents(out) if n == "event" and "do" in d["data"]}
    refusal = next(text for text in told if "1e-07" in text)
    assert "refused" in refusal
    assert told["set-point 1.4e-10 m/s"] - asked[1][0] < 3.0  # 0.2 s, and what a busy machine adds
    assert state_of(out) | {"phase": "finished", "set_point_m_per_s": 1.4e-10} == state_of(out)


def test_the_lowest_heights_are_watched_between_scans_while_crystals_may_begin(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Field, "watch_s", 8.0)
    monkeypatch.setattr(Field, "uneasy", True)
    plan = write_plan(
        tmp_path, bridge, meter.resource, scan={"heights_um": [0, 900, 100, 300, 200, 600], "period_s": 50.0}
    )
    assert acquire(plan, tmp_path / "run") == 0
    table, _ = read_all(tmp_path / "run")
    sample = table.is_role(Role.SAMPLE)
    anode = read_run(tmp_path / "run" / "run.toml").cell.anode_height_um
    assert anode is not None
    heights = np.round((table.height[sample] - anode) / 100.0).astype(int).tolist()
    scan, few = [0, 9, 1, 3, 2, 6], [0, 1]
    assert heights[:12] == [*scan, *few, *few, *few]
    assert_close(np.diff(table.time[sample])[[5, 7, 9]], [9.5, 9.5, 9.5], rel=0.3)


def test_looks_leave_the_dose_that_scans_need_where_there_is_no_fresh_spot(
    meter: MeterProgram,
    bridge: TinyBridge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Field, "watch_s", 8.0)
    monkeypatch.setattr(Field, "uneasy", True)
    monkeypatch.setattr(Field, "hurried", True)
    scan = {"heights_um": [0, 900, 100, 300, 200, 600], "period_s": 50.0, "max_dose_s": 19.0, "alignment": False}
    plan = write_plan(tmp_path, bridge, meter.resource, scan=scan, cell={"anode_height_um": 11.3})
    assert acquire(plan, tmp_path / "run") == 0
    table, _ = read_all(tmp_path / "run")
    heights = np.round((table.height[table.is_role(Role.SAMPLE)] - 11.3) / 100.0).astype(int).tolist()
    assert heights == [0, 9, 1, 3, 2, 6, 0, 1, 0, 9, 1, 3, 2, 6]
    assert table.exposure.sum() <= 19.0
    assert "no more looks between scans: 12 s of exposure, and 6 s that the scans still need" in capsys.readouterr().err


def test_looks_are_spread_until_crystals_are_likely_where_there_is_no_fresh_spot(
    meter: MeterProgram, bridge: TinyBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take no more than half of what the dose leaves, evenly; all that there is time for once they are needed now."""
    monkeypatch.setattr(Field, "watch_s", 2.0)
    monkeypatch.setattr(Field, "uneasy", True)
    looks = []
    for hurried in (False, True):
        monkeypatch.setattr(Field, "hurried", hurried)
        scan = {"heights_um": [0, 900, 100], "period_s": 50.0, "max_dose_s": 24.0, "alignment": False}
        folder = tmp_path / str(hurried)
        folder.mkdir()
        plan = write_plan(folder, bridge, meter.resource, scan=scan, cell={"anode_height_um": 11.3})
        assert acquire(plan, folder / "run") == 0
        table, _ = read_all(folder / "run")
        looks.append(int(table.is_role(Role.SAMPLE).sum()) - 2 * 3)
    assert 4 <= looks[0] <= 7 < looks[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"[hold]": "[voltage]\ntime_s = [0.0]\nvoltage_V = [5.0]\n[hold]"}, "one of the two, and both are given"),
        ({MODEL: "nowhere.toml"}, "hold.model"),
        ({"charge_prior = 0.3": 'fit = "nowhere"'}, "hold.fit"),
        ({"start_voltage_V = 20.0": "start_voltage_V = 50.0"}, "hold.start_voltage_V = 50: is beyond"),
        ({"charge_prior = 0.3": "stale_after_s = 60.0"}, "hold.stale_after_s = 60: is shorter than scan.period_s"),
        ({"set_point_m_per_s = 2.8e-10": "set_point_m_per_s = -1.0"}, "hold.set_point_m_per_s"),
        ({HEIGHTS: "[0, 20]"}, "none is beam.fwhm_um = 34 um clear of what grows on the anode"),
        ({'flux = "slice"': 'flux = "all"'}, "hold.flux"),
        ({"charge_prior = 0.3": "wall_share = 0.9"}, 'hold.wall_share = given: belongs to flux = "wall"'),
        (
            {'flux = "slice"': 'flux = "wall"', "charge_prior = 0.3": f"{STEP}at_s = 2800.0\n"},
            "is not before scan.duration_s",
        ),
        (
            {'flux = "slice"': 'flux = "wall"', "charge_prior = 0.3": f"{STEP}at_s = 28.0\n"},
            "hold.nucleate.calibration",
        ),
        ({"charge_prior = 0.3": "volts = 3"}, "is not a known key"),
    ],
)
def test_a_flux_that_cannot_be_held_is_refused(
    changes: dict[str, str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_in(tmp_path, changes)
    assert words in refused(capsys, "acquire", plan, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("supply_flux_m_per_s,density_per_mm2\n1e-10,20\n4e-10,80\n", "islands nucleate at a slice flux"),
        ("slice_flux_m_per_s,density_per_mm2\n1e-10,60\n4e-10,80\n", "hold.nucleate.islands_per_mm2 = 50"),
    ],
)
def test_islands_that_no_calibration_gives_are_refused(
    table: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_in(tmp_path, {'flux = "slice"': 'flux = "wall"', "charge_prior = 0.3": f"{STEP}at_s = 1500.0\n"})
    (tmp_path / "counts.csv").write_text(table, "utf-8")
    assert words in refused(capsys, "acquire", plan, "--out", tmp_path / "run")


def test_a_wall_without_a_solubility_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_in(tmp_path, {'flux = "slice"': 'flux = "wall"'})
    changed(EXAMPLES / MODEL, tmp_path / MODEL, {"solubility = 0.011": ""})
    assert "growth.solubility = missing" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")


WALL = {
    **SHORT, "duration_s = 2700.0": SHORT["duration_s = 2700.0"].replace("560.0", "500.0"),
    "at_s = 2100.0": "at_s = 430.0", "start_voltage_V = 20.0": "start_voltage_V = 9.0",
    "islands_per_mm2 = 50.0": "islands_per_mm2 = 25.0",
}  # fmt: skip
EARLY = {"solubility = 0.011": "solubility = 0.0024"}


def test_islands_nucleate_at_the_flux_of_the_step_and_are_seen_on_the_anode(tmp_path: Path) -> None:
    """From the wall below onset to the micrograph, on the twin."""
    shutil.copy(EXAMPLES / "nucleation_density.csv", tmp_path)
    changed(EXAMPLES / "plan_nucleation_density.toml", tmp_path / "plan_nucleation_density.toml", EARLY)
    changed(EXAMPLES / "nucleate_cell.toml", tmp_path / "nucleate_cell.toml", {**SMALL, **EARLY})
    plan, out = changed(EXAMPLES / "plan_nucleate.toml", tmp_path / "plan.toml", WALL), tmp_path / "run"
    assert acquire(plan, out) == 0
    rows = [row for row in decisions(out) if row["wall_goal"]]
    assert_close([float(row["wall_goal"]) for row in rows], np.full(len(rows), 0.97 * 0.0024), rel=1e-6)
    assert_close(float(rows[-1]["wall_phi"]), 0.97 * 0.0024, rel=0.02)
    truth = json.loads((out / "micrographs" / "truth.json").read_text("utf-8"))
    # so dilute a wall comes to its solubility within the first step of 10 s, at the end of which the flux is the wanted one
    assert_close(truth["density_per_mm2"], 25.0, rel=0.3)
    fields = sorted((out / "micrographs").glob(FIELDS))
    assert len(fields) == len(list((out / "micrographs").glob("*_labels.tif")))
    with TiffFile(fields[0]) as first:
        per_cm = first.pages[0].tags["XResolution"].value
        side_mm = 10.0 * first.pages[0].shape[0] * per_cm[1] / per_cm[0]
    with (out / "micrographs" / "truth.csv").open(newline="") as file:
        counted = sum(row["counted"] == "yes" for row in csv.DictReader(file))
    expected = truth["density_per_mm2"] * len(fields) * side_mm**2
    assert abs(counted - expected) < 3.0 * np.sqrt(expected)


def test_neither_a_program_nor_a_flux_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = plan_in(tmp_path, {}).read_text("utf-8")
    (tmp_path / "plan.toml").write_text(text.partition("[hold]")[0], "utf-8")
    assert "neither is given" in refused(capsys, "acquire", tmp_path / "plan.toml", "--out", tmp_path / "run")


def test_particles_that_flee_the_anode_hold_no_flux(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_in(tmp_path, {})
    changed(EXAMPLES / MODEL, tmp_path / MODEL, {"effective_charge = 0.045": "effective_charge = -0.045"})
    assert "moves these particles towards the anode" in refused(capsys, "acquire", plan, "--out", tmp_path / "run")


def test_defaults_are_those_of_the_page(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / MODEL, tmp_path / "experiment.toml")
    plan_in(tmp_path, {})
    text = (tmp_path / "plan.toml").read_text("utf-8").partition("[hold]")[0]
    (tmp_path / "plan.toml").write_text(text + "[hold]\n", "utf-8")
    held = read_plan(tmp_path / "plan.toml").hold
    assert held is not None
    assert held.model == (tmp_path / "experiment.toml").resolve()
    assert (held.flux, held.charge_prior, held.at_end, held.stale_after_s) == ("slice", 0.3, "stop", 600.0)
    assert np.isclose(held.set_point_m_per_s, 2.8e-10)


def test_the_page_types_the_commands_of_the_example() -> None:
    page = (EXAMPLES.parent / "docs" / "how-to" / "hold.md").read_text("utf-8")
    example = (EXAMPLES / "plan_hold.toml").read_text("utf-8")
    islands = (EXAMPLES / "plan_nucleate.toml").read_text("utf-8")
    typed = re.findall(r"^    (electrosaxs .*)$", page, re.MULTILINE)
    assert typed == [
        *re.findall(r"^#     (electrosaxs acquire .*)$", example, re.MULTILINE),
        *re.findall(r"^#     (electrosaxs .*)$", islands, re.MULTILINE),
    ]
    assert len(typed) == 4
    assert f"micrographs/{FIELDS} " in typed[3]
    read_plan(EXAMPLES / "plan_hold.toml")
    read_plan(EXAMPLES / "plan_nucleate.toml")
