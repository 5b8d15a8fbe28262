"""Every command and program of the README and the how-to pages does what the pages say, typed as it stands.

They run in the folder that `electrosaxs examples --data` leaves, with the small runs of the other tests in place of its own.
What another test runs as it stands is not run again.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from closeness import assert_close
from simulated_runs import Demonstration, replace_text

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.poni import read_poni
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.analyse import analyse_run
from electrosaxs.recipes.analyse.sizes import SizeStudy
from electrosaxs.recipes.fit.fit_cell import fit_cell

ROOT = Path(__file__).parents[1]
HOW_TO = {file.stem: file.read_text("utf-8") for file in (ROOT / "docs" / "how-to").glob("*.md")}
README = (ROOT / "README.md").read_text("utf-8")
IN_THE_SAMPLE = ("analyse-a-run", "plain-curves", "predict", "fit", "plan", "python", "uncertainties",
                 "campaign", "cluster")  # fmt: skip
IN_THE_DEMONSTRATION = ("simulate", "size-distributions")
"""Their run is the one of the demonstration, made from examples/experiment_small.toml."""
OF_FILMS = ("gisaxs", "islands")
"""They begin with a simulation of their own."""
ELSEWHERE = ("acquire", "hold", "live", "beamline-files")
"""Run in recipes/experiment/test_acquire_twin.py, test_acquire_hold.py and recipes/live/test_live.py, with shorter plans, and
in recipes/inspect/test_beamline_drafts.py."""


def commands(page: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in re.findall(r"^ {4,}(electrosaxs .*)$", page, re.MULTILINE)]


def without_folder(command: list[str]) -> list[str]:
    return command[: command.index("--out")] if "--out" in command else command


def commands_of_examples() -> list[list[str]]:
    """What the examples say at their heads, run as it stands in recipes/test_plan_examples.py."""
    heads = [
        re.search(r"^#\s+electrosaxs (plan .*)$", f.read_text("utf-8"), re.M) for f in ROOT.glob("examples/plan_*.toml")
    ]
    return [without_folder(shlex.split(head[1])) for head in heads if head]


def programs(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def run_program(program: str) -> dict[str, object]:
    known: dict[str, object] = {}
    exec(compile(program, "page", "exec"), known)
    return known


@pytest.fixture
def sample(
    quiet_nexus: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of `electrosaxs examples --data`, which is then the one in which commands are typed."""

    def simulated(_: object, out: Path, **__: object) -> Path:
        return Path(shutil.copytree(quiet_nexus.parent, out)) / "run.toml"

    def results(_: object, out: Path, **__: object) -> RunResults:
        shutil.copytree(quiet_results[1], out)
        return quiet_results[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("electrosaxs.recipes.examples.simulate_run", simulated)
        patch.setattr("electrosaxs.recipes.examples.analyse_run", results)
        assert command_line(["examples", "--data", "--out", str(tmp_path / "try"), "--quiet"]) == 0
    monkeypatch.chdir(tmp_path / "try")
    return tmp_path / "try"


def test_no_page_is_forgotten() -> None:
    assert set(HOW_TO) == {*IN_THE_SAMPLE, *IN_THE_DEMONSTRATION, *OF_FILMS, *ELSEWHERE}


@pytest.mark.usefixtures("sample", "unrendered")
def test_pages_follow_each_other_and_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """README and pages in one folder, in their order; the sample's rings give its geometry back."""
    true = read_poni(Path("geometry.poni"))
    # what takes most of the time of a fit and of an analysis, and is tested where these are
    monkeypatch.setattr("electrosaxs.recipes.fit.fit_cell._profiles", lambda *_: {})
    monkeypatch.setattr("electrosaxs.recipes.fit.fit_cell.agreement", lambda *_, **__: None)
    monkeypatch.setitem(fit_cell.__kwdefaults__, "charge_models", ("fast-exchange",))
    monkeypatch.setitem(fit_cell.__kwdefaults__, "field_models", ("nominal",))
    monkeypatch.setattr(analyse_run, "write_report", lambda *_, **__: None)
    monkeypatch.setattr(analyse_run, "size_distributions", lambda *_, **__: SizeStudy(None))
    ran = commands_of_examples()
    for page in (README, *(HOW_TO[name] for name in IN_THE_SAMPLE)):
        for command in commands(page):
            if command in ran or without_folder(command) in ran or command[0] in ELSEWHERE:
                continue
            ran.append(command)
            fewest = ["--workers", "1"] if "local" in command else []  # each is a process that imports everything
            assert command_line([*command, *fewest, "--quiet"]) == 0, command
            assert_left(command)
        for program in programs(page):
            run_program(program)
    found = read_poni(Path("geometry.poni"))
    assert "made by electrosaxs calibrate" in found.comments[1]
    assert_close(found.distance_m, true.distance_m, rel=1e-4)


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("page", OF_FILMS)
def test_pages_of_films_work(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of the pages, on a smaller detector and in a smaller view."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", "examples")
    near = 'name = "Pilatus300k"\ndistance_m = 0.7\nbeam_row = 560.0\nbeam_column = 243.0'
    replace_text(Path("examples/film.toml"), 'name = "Pilatus2M"', near)
    for key, large, small in (("width_px", 640, 360), ("height_px", 480, 300), ("islands", 28, 9)):
        replace_text(Path("examples/micrographs.toml"), f"{key} = {large}\n", f"{key} = {small}\n")
    simulated, analysed = commands(HOW_TO[page])
    assert command_line([*simulated, "--quiet"]) == 0
    assert command_line([*analysed, "--quiet"]) == 0
    assert_left(analysed)


def assert_left(command: list[str]) -> None:
    """The files that a page speaks of are there."""
    files = {
        "analyse": ["results.nxs", "numbers.json", "frames.csv"], "curves": ["report.html", "curves.csv"],
        "plan": ["report.html", "numbers.json", "results.nxs", "plan.toml"], "check": [], "calibrate": [],
        "campaign": ["report.html", "numbers.json", "campaign.csv"],
    }.get(command[0], ["report.html", "numbers.json", "results.nxs"])  # fmt: skip
    if "--measure" in command:
        files += ["measure.csv", "measure_voltages.csv", "figures/measure_next.svg"]
    for file in files:
        assert (Path(command[command.index("--out") + 1]) / file).is_file(), (command, file)


def test_examples_that_were_edited_are_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["examples", "--out", str(tmp_path)]
    assert command_line(asked) == command_line(asked) == 0
    found = {str(file.relative_to(tmp_path)) for file in (tmp_path / "examples").rglob("*") if file.is_file()}
    kept = {str(f.relative_to(ROOT)) for f in (ROOT / "examples").rglob("*") if f.is_file() and f.suffix != ".pyc"}
    assert found == kept
    (tmp_path / "examples" / "run.toml").write_text("# mine\n")
    capsys.readouterr()
    assert command_line(asked) == 2
    assert "run.toml: is there already and would be overwritten; give another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["plan_measure_sigma_before", "plan_measure_repeats", "plan_reached", "plan_held_from"]
)
def test_numbers_of_the_page_are_those_of_the_program(name: str) -> None:
    source = "".join(file.read_text() for file in (ROOT / "src" / "electrosaxs" / "recipes" / "plan").glob("*.py"))
    assert f"`{name}`" in HOW_TO["plan"]
    assert f'"{name}"' in source


def test_sizes_are_read_as_the_page_says(demonstration: Demonstration, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = [command for name in IN_THE_DEMONSTRATION for command in commands(HOW_TO[name])]
    analyse = ["analyse", "run/run.toml", "--out", "results"]
    assert typed == [["simulate", "examples/experiment_small.toml", "--out", "run"], analyse, analyse]
    monkeypatch.chdir(demonstration.folder)
    known = run_program(programs(HOW_TO["size-distributions"])[0])
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
