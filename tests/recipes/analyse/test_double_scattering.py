"""A run whose photons are scattered more than once: told from its curves, taken off, and phi and sizes are the truth's."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from simulated_runs import analysed, simulated

from electrosaxs.io.results import read_results
from electrosaxs.nouns import RunResults
from electrosaxs.nouns.contributions import DOUBLE_SCATTERING
from electrosaxs.recipes.analyse import multiple_scattering as recipe
from electrosaxs.recipes.analyse.voxels import Voxels

SCAN = {
    "duration_s": 900.0, "heights_um": [50.0, 150.0, 1000.0], "scans": 3, "reference_frames": 2, "solvent_frames": 2,
    "alignment": False,
}  # fmt: skip
CELL = {"gap_mm": 3.5, "anode_height_um": 0.0}


def analysis(folder: Path, **changes: object) -> tuple[RunResults, RunResults]:
    run = simulated(folder / "run", scan=SCAN, cell=CELL, **changes)
    return analysed(run, folder / "out"), read_results(run.parent / "truth.nxs")


def words(results: RunResults) -> str:
    return next((note for note in results.notes if note.startswith("double scattering")), "")


def pulls(found: RunResults, truth: RunResults, name: str) -> np.ndarray:
    measured, right = getattr(found, name), getattr(truth, name)
    return np.abs((measured.values - right.values) / measured.total_sigma)[:, 1:]


def test_what_is_scattered_again_is_taken_off_and_phi_and_size_are_true(tmp_path: Path) -> None:
    found, truth = analysis(tmp_path, imperfections={"double_scattering": True})
    assert "is taken off all curves" in words(found)
    for name in ("volume_fraction", "diameter", "deviation"):
        assert np.max(pulls(found, truth, name)) < 4.5, name
    part = np.abs(np.asarray(found.volume_fraction.shared["double_scattering"].values))
    assert 1e-3 < np.max(part / found.volume_fraction.values) < 5e-3
    assert found.numbers["second_virial_coefficient"].value is None


@pytest.mark.parametrize("photons", [3e10, 1e7])
def test_a_run_without_it_stays_as_it_is(tmp_path: Path, photons: float) -> None:
    beam = {"energy_keV": 13.3, "fwhm_um": 34.0, "photons_per_s": photons}
    found, truth = analysis(tmp_path, beam=beam)
    assert "taken off all curves" not in words(found)
    assert np.nanmax(pulls(found, truth, "volume_fraction")) < 4.5
    assert ("double_scattering" in found.volume_fraction.shared) == ("do not tell" in words(found))


def test_pixels_that_miss_counts_beside_crystals_are_not_taken_for_it(tmp_path: Path) -> None:
    """Lost counts flatten the curves as light that is scattered twice does; 6 % of phi would be taken off."""
    heights = {**SCAN, "duration_s": 1200.0, "scans": 4, "heights_um": [0.0, 50.0, 100.0, 200.0, 1500.0]}
    growth = {"solubility": 0.007, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1}
    run = simulated(tmp_path / "run", scan=heights, cell=CELL, growth=growth, imperfections={"dead_time_ns": 5000.0})
    found, truth = analysed(run, tmp_path / "out"), read_results(run.parent / "truth.nxs")
    assert "nothing is taken off" in words(found)
    assert 4500.0 < found.numbers["dead_time"].value < 5500.0
    start = found.numbers["starting_diameter"]
    assert start.value is not None
    assert start.sigma is not None
    assert abs(start.value - 7.1) < 3.0 * start.sigma
    assert found.starting_errors is not None
    assert 0.0 < abs(float(found.starting_errors.shared["dead_time"][0])) <= start.sigma
    assert np.nanmax(pulls(found, truth, "volume_fraction")) < 4.5


def test_curves_that_nothing_describes_do_not_outvote_the_starting_solution() -> None:
    """Clusters in all samples: their curves fit less badly without what is scattered twice, and d was 9 sigma off."""
    gains = {"samples": 716.0, "reference": -90.0}

    def found(samples: float, reference: float) -> float:
        both = iter((samples, reference))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recipe, "_gain_of", lambda *_: next(both))
            return recipe._gain(measured, None, 1)  # type: ignore[arg-type]

    measured = SimpleNamespace(
        reduced=SimpleNamespace(q=np.array([0.1, 1.0])),
        curves=lambda rows: rows,
        standard=SimpleNamespace(reference=None),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "_asked", lambda _: None)
        assert found(*gains.values()) == -90.0
        assert found(716.0, 3.0) == 719.0


def test_a_frame_that_is_measured_only_later_has_a_sigma_all_the_same() -> None:
    """Pixels of 3 us dead time: fifteen frames converge only once it is known. Their share was NaN, the report a traceback."""
    voxels = Voxels.empty(np.arange(3)).with_change(DOUBLE_SCATTERING, {"phi": np.array([1e-5, np.nan, -3e-5])})
    assert np.array_equal(voxels.shared["phi"][DOUBLE_SCATTERING], [1e-5, 3e-5, -3e-5])
