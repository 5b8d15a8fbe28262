"""Superlattices are looked for where the beam sees the anode, and only there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from simulated_runs import Demonstration, analysed, simulated

from electrosaxs.nouns import CrystallineFraction, Number, RunResults, VolumeFraction
from electrosaxs.recipes.analyse.crystals import (
    Crystals,
    in_the_footprint,
    measured_again,
    nearest_to_the_anode,
)
from electrosaxs.recipes.analyse.measured_run import MeasuredRun
from electrosaxs.recipes.analyse.voxels import Voxels


def test_a_scan_far_from_the_anode_says_that_it_cannot_see_superlattices(tmp_path: Path) -> None:
    run = simulated(tmp_path / "run", scan={"heights_um": [500.0, 1500.0], "scans": 2})
    results = analysed(run, tmp_path / "out")
    for name in ("lattice_constant_solvated", "crystalline_fraction", "onset_time"):
        assert results.numbers[name].value is None
    assert "the lowest voxel, at 500 um, is too high above the anode" in results.numbers["crystalline_fraction"].source
    assert results.structure_factor is None
    assert results.assignment is None


def test_without_crystals_the_structure_factor_is_1(quiet_results: tuple[RunResults, Path]) -> None:
    factor = quiet_results[0].structure_factor
    assert factor.values.shape[0] == 4
    q = factor.coord("q")
    band = (q > 0.3) & (q < 0.9)
    assert_close(np.nanmedian(factor.values[:, band]), 1.0, rel=5e-3)
    assert quiet_results[0].structure_factor_model is None
    assert "no lattice" in quiet_results[0].assignment.verdict


def test_the_voxel_at_the_anode_shows_the_peaks_of_its_lattice(demonstration: Demonstration) -> None:
    results = demonstration.results
    factor, q = results.structure_factor, results.structure_factor.coord("q")
    first = 2.0 * np.pi * np.sqrt(3.0) / results.numbers["lattice_constant_solvated"].value  # 111
    at_peak = int(np.argmin(np.abs(q - first)))
    peak = np.nanmax(factor.values[:, at_peak - 3 : at_peak + 4], axis=1, initial=0.0)
    assert peak.max() > 2.0
    assert np.all(peak[:3] < 1.2)


def test_crystals_at_the_anode_do_not_change_the_sizes_of_the_solution_above(demonstration: Demonstration) -> None:
    results, truth = demonstration.results, demonstration.truth
    above = results.diameter.coord("height") > 80.0
    near = above & (results.diameter.coord("height") < 500.0)
    assert_close(results.diameter.values[:, near], truth.diameter.values[:, near], rel=2e-3)


@pytest.mark.parametrize(("heights", "near", "expected"), [([-12.0, 3.0, 53.0], [0, 1, 2], 1), ([0.0, 50.0], [1], 1)])
def test_the_voxel_of_the_crystals_is_the_one_nearest_the_anode(heights: list, near: list, expected: int) -> None:
    assert nearest_to_the_anode(np.array(heights), near) == expected


def test_absorption_within_the_beam_corrects_the_voxel_that_was_described() -> None:
    """A first column partly behind the anode, with a correction of its own, has no say; the correction has a sigma."""
    seen = CrystallineFraction.from_arrays(
        [0.0, 0.2, 0.4], dims=("scan",), coords={"time": (("scan",), [0.0, 1.0, 2.0])}, sigma=[1e-3, 1e-3, 2e-3],
        shared={"background": [0.0, 1e-4, 1e-4]},
    )  # fmt: skip
    number = Number(0.4, 2e-3, "one", "last scan")
    apparent = np.array([[0.0, 0.0], [0.1, 0.2], [0.3, 0.4]])
    crystals = Crystals(None, {"crystalline_fraction": number}, apparent, 1, crystalline_fraction=seen)
    phi = VolumeFraction.from_arrays(
        np.full((3, 2), 0.01), dims=("scan", "height"),
        coords={"height": (("height",), [0.0, 50.0]), "time": (("scan", "height"), np.zeros((3, 2)))},
        sigma=np.full((3, 2), 1e-5),
        shared={"footprint": [[1.0, 1.0], [1.0, 1e-5], [1.0, 8e-4]]},
    )  # fmt: skip
    found = in_the_footprint(crystals, apparent * [0.5, 0.95], phi)
    assert found.crystalline_fraction is not None
    assert_close(found.crystalline_fraction.values, [0.0, 0.19, 0.38], rel=1e-12)
    assert_close(found.crystalline_fraction.sigma, [1e-3, 0.95e-3, 1.9e-3], rel=1e-12)
    footprint = found.crystalline_fraction.shared["footprint"].values
    assert_close(footprint, [0.0, 0.1 * 0.01, 0.38 * 0.08], rel=1e-9)
    last = found.numbers["crystalline_fraction"]
    assert_close([last.value, last.sigma], [0.38, np.hypot(1.9e-3, 0.38 * 0.08)], rel=1e-9)


def test_voxels_measured_again_leave_the_first_measurement_as_it_was() -> None:
    blank, one = Voxels.empty(np.array([2])), np.full(1, 0.01)
    seen = replace(
        blank,
        values={**blank.values, "phi": one},
        shared={**blank.shared, "phi": {**blank.shared["phi"], "reference": one}},
        flags=(("poor fit",),),
    )
    first = Voxels.empty(np.arange(4))
    crystals = Crystals(None, {}, np.zeros((1, 1)), voxels=(seen,))
    again = measured_again(MeasuredRun(None, None, first), crystals).voxels  # type: ignore[arg-type]
    assert_close(again.values["phi"][2], 0.01, rel=1e-12)
    assert_close(again.shared["phi"]["reference"][2], 0.01, rel=1e-12)
    assert again.flags[2] == ("poor fit",)
    assert np.isnan(first.values["phi"]).all()
    assert np.isnan(first.shared["phi"]["reference"]).all()
    assert first.flags == ((),) * 4
