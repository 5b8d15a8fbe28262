"""The commands and programs of the how-to pages about the model do what the pages say, typed as they stand."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from simulated_runs import Demonstration

from electrosaxs.command_line.app import run as command_line
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.fit.fit_cell import fit_cell

ROOT = Path(__file__).parents[1]
PAGES = {name: (ROOT / "docs" / "how-to" / f"{name}.md").read_text("utf-8") for name in ("predict", "fit", "plan")}
SIZES = (ROOT / "docs" / "how-to" / "size-distributions.md").read_text("utf-8")


def commands(page: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in re.findall(r"^    (electrosaxs .*)$", page, re.MULTILINE)]


def without_folder(command: list[str]) -> list[str]:
    return command[: command.index("--out")]


def commands_of_examples() -> list[list[str]]:
    """What the examples say at their heads, run as it stands in recipes/test_plan_examples.py."""
    heads = [
        re.search(r"^#\s+electrosaxs (plan .*)$", f.read_text("utf-8"), re.M) for f in ROOT.glob("examples/plan_*.toml")
    ]
    return [without_folder(shlex.split(head[1])) for head in heads if head]


def programs(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_pages_follow_each_other_and_work(
    quiet_results: tuple[RunResults, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Predict, fit and plan in one folder, in the order of the pages; the analysed runs are small ones."""
    monkeypatch.chdir(tmp_path)
    # what takes most of a fit's time, and is tested where fits are
    monkeypatch.setattr("electrosaxs.recipes.fit.fit_cell._profiles", lambda *_: {})
    monkeypatch.setitem(fit_cell.__kwdefaults__, "charge_models", ("fast-exchange",))
    monkeypatch.setitem(fit_cell.__kwdefaults__, "field_models", ("nominal",))
    shutil.copytree(ROOT / "examples", "examples")
    for name in ("results", "results-30V", "results-20V"):
        shutil.copytree(quiet_results[1], name)
    elsewhere = commands_of_examples()
    for page in PAGES.values():
        for command in commands(page):
            if without_folder(command) in elsewhere:
                continue
            assert command_line([*command, "--quiet"]) == 0, command
            out = Path(command[command.index("--out") + 1])
            for file in ("report.html", "numbers.json", "results.nxs"):
                assert (out / file).is_file(), (command, file)
            if command[0] == "plan":
                assert (out / "plan.toml").is_file()
        for program in programs(page):
            exec(compile(program, "page", "exec"), {})
    for file in ("measure.csv", "measure_voltages.csv", "figures/measure_next.svg"):
        assert (Path("next") / file).is_file()


@pytest.mark.parametrize(
    "name", ["plan_measure_sigma_before", "plan_measure_repeats", "plan_reached", "plan_held_from"]
)
def test_numbers_of_the_page_are_those_of_the_program(name: str) -> None:
    source = "".join(file.read_text() for file in (ROOT / "src" / "electrosaxs" / "recipes" / "plan").glob("*.py"))
    assert f"`{name}`" in PAGES["plan"]
    assert f'"{name}"' in source


def test_sizes_are_read_as_the_page_says(demonstration: Demonstration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demonstration.folder)
    known: dict[str, object] = {}
    exec(compile(programs(SIZES)[0], "page", "exec"), known)
    phi = demonstration.results.volume_fraction.values
    found = known["phi"]
    good = found > 0.0  # type: ignore[operator]
    assert good.sum() >= 4  # type: ignore[attr-defined]
    last = demonstration.results.size_distribution
    assert last is not None
    times = last.coord("time")[0]
    scan = int(abs(demonstration.results.volume_fraction.coord("time") - times)[:, 5].argmin())
    ratio = found[good] / phi[scan][good]  # type: ignore[index]
    assert abs(ratio - 1.0).max() < 0.15, ratio
