"""What the twin put in comes back out of its frames, with sigmas that are kept."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close
from simulated_runs import Demonstration, analysed, replace_text, simulated

from electrosaxs.io.results import read_results
from electrosaxs.nouns import FloatArray, RunResults
from electrosaxs.recipes.compare import pulls

SIZES = ("diameter", "deviation")


def solution(results: RunResults, truth: RunResults) -> np.ndarray:
    """(scan, height) True where no crystals are and at least half of the starting concentration is left."""
    phi = truth.volume_fraction
    rich = phi.values > 4e-4
    rich[:, phi.coord("height") < 20.0] = False
    return rich & results.volume_fraction.good


def relative_bias(results: RunResults, truth: RunResults, name: str) -> FloatArray:
    measured, true = getattr(results, name).values, getattr(truth, name).values
    return (measured / true - 1.0)[solution(results, truth)]


def test_maps_agree_with_the_truth_within_their_sigmas(demonstration: Demonstration) -> None:
    results, truth = demonstration.results, demonstration.truth
    for name in ("volume_fraction", *SIZES):
        pull = pulls(getattr(results, name), getattr(truth, name))
        assert np.isfinite(pull).mean() > 0.97, name
        in_solution = pull[solution(results, truth)]
        assert np.max(np.abs(in_solution)) < 5.0, name
        assert np.mean(np.abs(pull[np.isfinite(pull)]) < 5.0) > 0.94, name
        assert 0.6 < np.std(in_solution) < 1.6, name


def test_solution_voxels_are_hardly_biased(demonstration: Demonstration) -> None:
    results, truth = demonstration.results, demonstration.truth
    assert abs(np.median(relative_bias(results, truth, "volume_fraction"))) < 1.5e-3
    assert np.max(np.abs(relative_bias(results, truth, "volume_fraction"))) < 1e-2
    for name, limit_nm in (("diameter", 0.02), ("deviation", 0.02)):
        scale = np.median(getattr(truth, name).values)
        assert abs(np.median(relative_bias(results, truth, name))) * scale < limit_nm


def test_particles_are_conserved_and_drift_as_fast_as_they_were_told(demonstration: Demonstration) -> None:
    numbers, truth = demonstration.results.numbers, demonstration.truth.numbers
    for name in ("mass_balance_error", "supply_flux"):
        assert abs(numbers[name].value - truth[name].value) < 4.0 * numbers[name].sigma, name
    assert numbers["mass_balance_error"].sigma < 0.1
    assert_close(numbers["slice_flux"].value, truth["slice_flux"].value, rel=0.05)


def test_superlattices_are_found_when_and_as_they_grow(demonstration: Demonstration) -> None:
    numbers, truth = demonstration.results.numbers, demonstration.truth.numbers
    assert demonstration.results.assignment.lattice == "FCC"
    assert_close(numbers["lattice_constant_solvated"].value, 15.1, rel=5e-4)
    assert_close(numbers["onset_time"].value, truth["onset_time"].value, rel=0.05)
    assert_close(numbers["onset_volume_fraction"].value, truth["onset_volume_fraction"].value, rel=0.05)
    fraction = demonstration.results.crystalline_fraction
    seen = fraction.good & (fraction.values > 5.0 * fraction.total_sigma)
    assert seen.sum() >= 3
    assert fraction.coord("time")[seen].min() > truth["onset_time"].value


def test_anode_is_found_by_its_shadow_on_the_alignment_frames(demonstration: Demonstration) -> None:
    found = demonstration.results.numbers["anode_height"]
    assert "alignment" in found.source
    assert 0.0 < found.sigma < 0.1
    assert abs(found.value - -7.3) < 4.0 * found.sigma


def test_anode_is_found_from_the_scans_where_no_frame_was_taken_for_it(
    nexus_run: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        role = file["entry/frames/role"]
        role[...] = ["empty" if name == "alignment" else name for name in role.asstr()[()]]
    results = analysed(nexus_run, tmp_path / "out")
    found = results.numbers["anode_height"]
    assert "sample frames" in found.source
    assert 0.0 < found.sigma < 2.0
    assert abs(found.value - 4.6) < 4.0 * found.sigma
    aligned, _ = quiet_results
    assert_close(results.volume_fraction.values, aligned.volume_fraction.values, rel=5e-3)


def test_a_given_anode_height_is_taken(nexus_run: Path, tmp_path: Path) -> None:
    replace_text(nexus_run, "[cell]", "[cell]\nanode_height_um = 4.6")
    found = analysed(nexus_run, tmp_path / "out").numbers["anode_height"]
    assert (found.value, found.sigma) == (4.6, 0.0)
    assert "given" in found.source


def test_below_the_threshold_nothing_grows_and_the_null_says_why(tmp_path: Path) -> None:
    growth = {"solubility": 0.011, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1}
    scan = {"duration_s": 900.0, "scans": 6}
    run = simulated(tmp_path / "run", voltage={"voltage_V": [5.0]}, growth=growth, scan=scan)
    results = analysed(run, tmp_path / "out")
    for name in ("onset_time", "onset_volume_fraction", "lattice_constant_solvated", "crystalline_fraction"):
        number = results.numbers[name]
        assert number.value is None, name
        assert re.search("no onset|no superlattice|no peak", number.source), (name, number.source)
    assert results.assignment.lattice is None
    assert results.lattice_constant is None
    truth = read_results(run.parent / "truth.nxs")
    assert truth.numbers["onset_time"].value is None
    pull = pulls(results.volume_fraction, truth.volume_fraction)
    assert np.max(np.abs(pull)) < 5.0
    assert_close(results.volume_fraction.values[-1, 0], truth.volume_fraction.values[-1, 0], rel=0.01)


def test_images_and_nexus_of_one_experiment_give_the_same_numbers(
    quiet_cbf: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    analysed(quiet_cbf, tmp_path / "out")
    written, other = ((folder / "numbers.json").read_text() for folder in (tmp_path / "out", quiet_results[1]))
    assert json.loads(written) == json.loads(other)


@pytest.mark.parametrize("constant", ["", "voltage_V = 30.0\n"])
def test_numbers_do_not_need_a_column_of_voltages(
    constant: str, cbf_run: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    table = cbf_run.parent / "frames.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("\n".join(",".join(row[:-2]) for row in rows) + "\n")
    assert rows[0][-2:] == ["voltage_V", "current_A"]
    replace_text(cbf_run, "[cell]\n", f"[cell]\n{constant}")
    results = analysed(cbf_run, tmp_path / "out")
    found, whole = dict(results.numbers), dict(quiet_results[0].numbers)
    moment = found.pop("field_on_time").value, whole.pop("field_on_time").value
    if constant:
        assert {k: n.value for k, n in found.items()} == {k: n.value for k, n in whole.items()}
    else:  # the layer is known where one voltage builds it; without it sigma is up to three times as large
        for name, number in whole.items():
            assert (found[name].value is None) == (number.value is None), name
            if number.value is not None:
                assert_close(found[name].value, number.value, rel=0.0, floor=1.5 * (found[name].sigma or 0.0))
    assert moment[0] == (moment[1] if constant else None)


def test_a_scan_that_was_broken_off_leaves_holes_not_mistakes(
    cbf_run: Path, quiet_results: tuple[RunResults, Path], tmp_path: Path
) -> None:
    table = cbf_run.parent / "frames.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-3]) + "\n")
    results, whole = analysed(cbf_run, tmp_path / "out"), quiet_results[0]
    good = results.volume_fraction.good
    assert good.shape == whole.volume_fraction.good.shape == (4, 5)
    assert np.array_equal(np.argwhere(~good), [[3, 2], [3, 3], [3, 4]])
    assert_close(results.volume_fraction.values[:3], whole.volume_fraction.values[:3], rel=1e-3)
    assert_close(results.volume_fraction.values[3, :2], whole.volume_fraction.values[3, :2], rel=2e-2)
    assert_close(results.diameter.values[good], whole.diameter.values[good], rel=1e-3)
