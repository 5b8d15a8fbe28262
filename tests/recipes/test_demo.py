"""The demo leaves a run, its results and the comparison with the truth, in the forms that other programs open."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from every_data_set import silent
from page_words import WRONG, linked_figures, words_of
from simulated_runs import Demonstration

from electrosaxs.figures.curves import bin_edges
from electrosaxs.io.results import read_results
from electrosaxs.recipes.compare import compare

NAMES = {
    "onset_time": "s",
    "onset_volume_fraction": "one",
    "slice_flux": "m/s",
    "supply_flux": "m/s",
    "lattice_constant_solvated": "nm",
    "anode_diameter": "nm",
    "anode_polydispersity": "one",
    "anode_height": "um",
    "mass_balance_error": "one",
}
GROUPS = {
    "intensity": "one",
    "volume_fraction": "one",
    "flux_slice": "m/s",
    "flux": "m/s",
    "mass_balance": "one",
    "diameter": "nm",
    "polydispersity": "one",
    "structure_factor": "one",
    "lattice_constant": "nm",
    "quality": None,
}


def test_the_comparison_is_said_and_kept(demonstration: Demonstration) -> None:
    assert re.search(r"map against truth .*\nvolume_fraction +(79|80) ", demonstration.said)
    assert re.search(r"simulated in [\d.]+ s, analysed and reported in [\d.]+ s", demonstration.said)
    kept = json.loads((demonstration.folder / "comparison.json").read_text())
    assert {"volume_fraction", "diameter", "deviation", "flux"} <= {m["name"] for m in kept["maps"]}
    assert {"anode_height", "onset_time"} <= {n["name"] for n in kept["numbers"]}
    assert all(np.isfinite(m["pull_deviation"]) for m in kept["maps"])


def test_a_flux_into_another_slice_is_not_set_beside_the_truth(demonstration: Demonstration) -> None:
    def compared(slice_um: float) -> set[str]:
        settings = {**demonstration.results.settings, "analysis": {"slice_um": slice_um}}
        return {
            one.name for one in compare(replace(demonstration.results, settings=settings), demonstration.truth).numbers
        }

    assert compared(50.0) - compared(100.0) == {"slice_flux"}


def test_every_number_is_there_with_value_and_sigma_or_a_reason(demonstration: Demonstration) -> None:
    numbers = json.loads((demonstration.results_folder / "numbers.json").read_text())
    assert NAMES.items() <= {name: n["unit"] for name, n in numbers.items()}.items()
    for name, number in numbers.items():
        assert set(number) >= {"value", "sigma", "unit", "source"}, name
        assert len(number["source"]) > 10, name
        if number["value"] is not None:
            assert number["sigma"] > 0.0, name


def test_a_number_that_does_not_exist_is_null_with_a_reason(quiet_results: tuple[object, object]) -> None:
    numbers = json.loads((quiet_results[1] / "numbers.json").read_text())
    assert NAMES.keys() <= numbers.keys()
    for name in ("onset_time", "onset_volume_fraction", "lattice_constant_solvated"):
        assert numbers[name]["value"] is None
        assert re.search(r"no (onset|superlattice|peak)", numbers[name]["source"])


@pytest.mark.parametrize("file", ["results/results.nxs", "run/truth.nxs"])
def test_every_data_set_of_results_and_truth_says_what_it_is(demonstration: Demonstration, file: str) -> None:
    assert silent(demonstration.folder / file) == []


def test_viewers_open_the_results_on_the_map_of_the_volume_fraction(demonstration: Demonstration) -> None:
    silx_io = pytest.importorskip("silx.io")
    nxdata = pytest.importorskip("silx.io.nxdata")
    with silx_io.open(str(demonstration.results_folder / "results.nxs")) as file:
        shown = nxdata.get_default(file)
        assert shown is not None
        assert shown.is_valid
        assert shown.signal.name == "/entry/volume_fraction/volume_fraction"
        assert shown.errors.shape == shown.signal.shape == (8, 10)
        for name, unit in GROUPS.items():
            group = file[f"/entry/{name}"]
            assert nxdata.is_valid_nxdata(group), name
            signal = group[group.attrs["signal"]]
            if unit is not None:
                assert signal.attrs["units"] in (unit, "" if unit == "one" else unit, "1" if unit == "one" else unit), (
                    name
                )


def test_curves_load_in_sasdata_without_errors(demonstration: Demonstration) -> None:
    loader = pytest.importorskip("sasdata.dataloader.loader")
    files = sorted((demonstration.results_folder / "curves").glob("*.h5"))
    assert len(files) == 8
    curves = loader.Loader().load(str(files[3]))
    assert len(curves) == 10
    for curve in curves:
        assert curve.errors == []
        assert curve.x_unit == "A^{-1}"  # sasdata converts
        assert 0.009 < curve.x.min() < curve.x.max() < 0.36
        assert np.all(np.isfinite(curve.y))
        assert np.all(curve.dy >= 0.0)


def test_the_report_is_one_page_that_asks_the_network_for_nothing(demonstration: Demonstration) -> None:
    page = (demonstration.results_folder / "report.html").read_text(encoding="utf-8")
    fetched = re.findall(r"""<(?!a\b)\w+[^>]*?\s(?:src|href|data|poster)\s*=\s*["']?([^"'\s>]+)""", page)
    assert len(fetched) >= 8
    assert all(source.startswith(("data:", "#")) for source in fetched)
    outside = re.findall(r"@import|url\(\s*[\"']?(?!data:|#)[^)]*\)|fetch\(|XMLHttpRequest|sendBeacon", page)
    assert outside == []


def test_the_report_shows_the_map_then_numbers_with_settings_then_numbered_figures(
    demonstration: Demonstration,
) -> None:
    folder = demonstration.results_folder
    page = (folder / "report.html").read_text(encoding="utf-8")
    files = linked_figures(page)
    assert files[0] == "figures/volume_fraction_map"
    assert all((folder / f"{file}.{form}").is_file() for file in files for form in ("png", "svg"))
    words = words_of(page)
    assert WRONG.findall(words) == []
    marks = ("Figure 1.", "Headline numbers", "nominal field", "Pilatus", "Figure 2.")
    assert [words.index(mark) for mark in marks] == sorted(words.index(mark) for mark in marks)


def test_what_a_kratky_plot_shades_sums_to_the_invariant_with_and_without_crystals(
    demonstration: Demonstration,
) -> None:
    curves = read_results(demonstration.results_folder / "results.nxs").curves
    assert curves is not None
    assert curves.counted is not None
    q = curves.intensity.coord("q")
    assert set(curves.with_peaks) == {0.0, 1.0}
    assert_close(curves.counted @ (q**2 * np.diff(bin_edges(q))), curves.window, rel=1e-6)
    assert np.all(curves.window < curves.invariant)


def test_figures_stand_beside_the_report_in_both_forms(demonstration: Demonstration) -> None:
    figures = demonstration.results_folder / "figures"
    drawn = {file.stem for file in figures.glob("*.png")}
    assert len(drawn) >= 8
    assert drawn == {file.stem for file in figures.glob("*.svg")}


def test_provenance_names_versions_settings_and_inputs(demonstration: Demonstration) -> None:
    provenance = json.loads((demonstration.results_folder / "provenance.json").read_text())
    text = json.dumps(provenance)
    for word in ("electrosaxs", "numpy", "volume_fraction", "frames.csv", "geometry.poni"):
        assert word in text, word
