"""Settings changed from Python are checked as if they stood in the file; one file needs no list around it."""

from pathlib import Path

import pytest
from simulated_runs import EXAMPLE

from electrosaxs import read_experiment
from electrosaxs.errors import InputFileError
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.fit.fit_cell import fit_cell
from electrosaxs.recipes.output_folder import check_free
from electrosaxs.recipes.settings import as_paths


def test_a_changed_experiment_is_the_one_of_the_file_otherwise() -> None:
    before = read_experiment(EXAMPLE)
    changed = read_experiment(EXAMPLE, {"voltage.voltage_V": [12.5], "growth.solubility": 0.02})
    assert changed.voltage.voltage_V == [12.5]
    assert changed.growth.solubility == 0.02
    kept = {"voltage": before.voltage, "growth": before.growth}
    assert changed.model_copy(update=kept) == before


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"transport.efective_charge": 1.0}, "is not a known key; did you mean effective_charge?"),
        ({"cell.gap_mm": -1.0}, "must be above 0"),
        ({"cell.gap_mm.x": 1.0}, "gap_mm is no table"),
    ],
)
def test_a_wrong_change_is_told_in_one_line(changes: dict[str, float], rule: str) -> None:
    with pytest.raises(InputFileError, match=rule) as refused:
        read_experiment(EXAMPLE, changes)
    assert "\n" not in str(refused.value)
    assert str(EXAMPLE) in str(refused.value)


def test_one_path_is_one_file() -> None:
    assert as_paths("run") == as_paths(Path("run")) == as_paths(["run"]) == [Path("run")]


@pytest.mark.parametrize(("names", "said"), [(["foo"], "growth_models = foo"), ([], "growth_models = none")])
def test_models_that_are_none_are_refused(
    names: list[str], said: str, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputFileError, match=said):
        fit_cell(quiet_results[1], tmp_path / "fit", growth_models=names)  # type: ignore[arg-type]


def test_results_show_themselves_in_a_few_lines(quiet_results: tuple[RunResults, Path]) -> None:
    shown = repr(quiet_results[0])
    assert len(shown) < 400
    assert "volume_fraction" in shown
    assert f"{len(quiet_results[0].numbers)} numbers" in shown


def test_the_page_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    check_free(tmp_path, [], None)
    page = tmp_path / "report.html"
    page.write_text("<html><head><title>My notes</title></head></html>")
    with pytest.raises(InputFileError, match=r"holds a report\.html that electrosaxs did not write"):
        check_free(tmp_path, [], None)
    page.write_text("<html><head><title>20 V · electrosaxs</title></head></html>")
    check_free(tmp_path, [], None)
