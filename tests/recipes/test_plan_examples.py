"""Every examples/plan_*.toml says at its head which command it is for; that command does what the head promises."""

import json
import re
import shlex
from pathlib import Path

import pytest
from closeness import assert_close

from electrosaxs.command_line.app import run as command_line

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(f for f in (ROOT / "examples").glob("plan_*.toml") if "electrosaxs plan " in f.read_text("utf-8"))
REACHED = {
    "plan_constant_flux": 3e-10, "plan_onset_time": 1200.0, "plan_enrichment": 12.0, "plan_nucleation_density": 50.0,
}  # fmt: skip


def numbers_of(example: Path, out: Path) -> dict[str, dict]:
    head = re.search(r"^#\s+electrosaxs (plan .*)$", example.read_text(), re.MULTILINE)
    assert head is not None
    command = shlex.split(head[1])
    assert command[1] == f"examples/{example.name}"
    assert command[-2:] == ["--out", "plan"]
    assert command_line([*command[:-1], str(out), "--quiet"]) == 0
    return json.loads((out / "numbers.json").read_text())


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is not drawn: `test_plan.py` and `test_measure.py` look at it."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("electrosaxs.recipes.predict.write_report", lambda *args, **kwargs: None)


@pytest.mark.parametrize("name", REACHED)
def test_a_target_within_reach_is_reached(name: str, tmp_path: Path) -> None:
    numbers = numbers_of(ROOT / "examples" / f"{name}.toml", tmp_path)
    reached = "plan_nucleation_density" if name == "plan_nucleation_density" else "plan_reached"
    assert_close(numbers[reached]["value"], REACHED[name], rel=5e-3)
    assert "within all limits" in numbers["plan_reached"]["source"]
    assert numbers["plan_target"]["value"] == REACHED[name]


def test_a_target_out_of_reach_gives_the_nearest_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("electrosaxs.control.slice_flux.THROUGHOUT_TO", 0.1)  # a third of the search; found well enough
    numbers = numbers_of(ROOT / "examples" / "plan_out_of_reach.toml", tmp_path)
    assert numbers["plan_held_from"]["value"] is None
    assert "limited by the highest voltage" in numbers["plan_held_from"]["source"]
    nearest = numbers["plan_slice_flux_held_throughout"]["value"]
    assert numbers["plan_slice_flux_held_throughout"]["sigma"] is None  # none is computed, so none is given
    assert "not held" in numbers["plan_reached"]["source"]
    assert "an analysis calls it slice_flux_mean" in numbers["plan_target"]["source"]
    assert 0.3 < nearest / numbers["plan_target"]["value"] < numbers["plan_reached"]["value"] / 1e-9 < 1.0
    assert_close(numbers["plan_highest_voltage"]["value"], 30.0, rel=1e-9)


def test_what_to_measure_next_beats_an_even_scan(tmp_path: Path) -> None:
    numbers = numbers_of(ROOT / "examples" / "plan_measure_next.toml", tmp_path)
    assert numbers["plan_measure_ratio"]["value"] > 1.3
    assert "without a fit" in numbers["plan_measure_sigma"]["source"]
    assert (tmp_path / "measure.csv").is_file()


def test_no_example_is_forgotten() -> None:
    assert {example.stem for example in EXAMPLES} == {*REACHED, "plan_out_of_reach", "plan_measure_next"}
