"""What the run was told and the frames cannot tell is a part of every sigma that it moves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from simulated_runs import analysed, replace_text

from electrosaxs.io.numbers_json import read_numbers
from electrosaxs.nouns import Number
from electrosaxs.nouns.detector_geometry import DetectorGeometry, sigma_comments

GAP_SIGMA, BEAM_SIGMA, ENERGY, ENERGY_SIGMA, DISTANCE, DISTANCE_SIGMA = 0.035, 1.0, 13.3, 0.0133, 0.8, 0.0016


def told(run: Path) -> Path:
    """run.toml with standard deviations of what it says."""
    for table, more in (
        ("cell", f"gap_mm_sigma = {GAP_SIGMA}\npath_length_mm_sigma = 0.2"),
        ("solution", "volume_fraction_sigma = 1.6e-5"),
        ("beam", f"energy_keV_sigma = {ENERGY_SIGMA}\nfwhm_um_sigma = {BEAM_SIGMA}"),
        ("detector", f"distance_m_sigma = {DISTANCE_SIGMA}"),
    ):
        replace_text(run, f"[{table}]\n", f"[{table}]\n{more}\n")
    return run


@pytest.fixture(scope="module")
def known(quiet_nexus, tmp_path_factory):
    """The quiet run, analysed with all standard deviations given."""
    import shutil

    where = tmp_path_factory.mktemp("known")
    run = Path(shutil.copytree(quiet_nexus.parent, where / "run")) / "run.toml"
    return analysed(told(run), where / "out"), where / "out"


def test_lengths_carry_distance_and_energy(known, quiet_results) -> None:
    results, _ = known
    plain, _ = quiet_results
    distance, energy = DISTANCE_SIGMA / DISTANCE, ENERGY_SIGMA / ENERGY
    d = results.diameter
    assert_close(d.shared["geometry"].values[d.good], distance * d.values[d.good], rel=1e-4)
    assert np.all(d.shared["energy"].values[d.good] < 0.0)
    start, before = results.numbers["starting_diameter"], plain.numbers["starting_diameter"]
    assert start.value == before.value
    assert_close(start.sigma_counting, before.sigma, rel=1e-9)
    assert_close(start.sigma, np.hypot(before.sigma, np.hypot(distance, energy) * start.value), rel=1e-4)
    assert "not included: errors of distance, energy" in before.source
    assert "not included" not in start.source
    (said,) = [note for note in plain.notes if "no frame tells" in note]
    sigmas = 1e-3 * before.value / before.sigma
    assert f"0.1% of either moves the starting diameter by {sigmas:.0f} of its sigmas" in said
    assert not any("no frame tells" in note for note in results.notes)
    assert_close(results.starting_errors.shared["geometry"], [distance * start.value, 0.0], rel=1e-4)


def test_the_gap_moves_the_balance_and_phi0_the_fluxes(known, quiet_results) -> None:
    results, out = known
    plain, _ = quiet_results
    balance = results.numbers["mass_balance_error"]
    share = balance.contributions["gap"] / (GAP_SIGMA / 3.5)
    assert -1.0 < share < -0.2  # phi0 L goes with L; of what is above the highest height the inventory gains a part
    assert "starting_solution" not in balance.contributions
    flux = results.numbers["slice_flux"]
    assert_close(flux.contributions["starting_solution"], 0.02 * flux.value, rel=1e-9)
    assert flux.value == plain.numbers["slice_flux"].value
    assert_close(flux.sigma_counting, plain.numbers["slice_flux"].sigma_counting, rel=1e-6)
    assert read_numbers(out / "numbers.json")["slice_flux"].contributions == dict(flux.contributions)


def test_a_wider_beam_moves_the_map_as_an_analysis_with_that_width_does(known, quiet_nexus, tmp_path) -> None:
    import shutil

    results, _ = known
    run = Path(shutil.copytree(quiet_nexus.parent, tmp_path / "run")) / "run.toml"
    replace_text(run, "fwhm_um = 34.0", f"fwhm_um = {34.0 + BEAM_SIGMA}")
    wider = analysed(run, tmp_path / "out").volume_fraction
    phi = results.volume_fraction
    moved = wider.values - phi.values
    assert np.max(np.abs(moved / phi.values)) > 1e-4
    assert_close(phi.shared["beam_width"].values, moved, rel=0.35, floor=2e-5 * float(phi.values.max()))


def test_a_geometry_file_tells_its_sigmas() -> None:
    said = ("made by hand", *sigma_comments({"distance_m": 3e-4, "rot1_rad": 0.0}))
    geometry = DetectorGeometry(Path("g.poni"), 2.0, 0.1, 0.1, 0.0, 0.0, 0.0, None, {}, said)
    assert geometry.sigmas == {"distance_m": 3e-4}


def test_parts_of_a_sigma_add_by_name_and_in_quadrature_apart() -> None:
    number = Number(10.0, 3.0, "nm", "made up").with_contribution("energy", 4.0)
    assert_close(number.sigma, 5.0, rel=1e-12)
    assert_close(number.with_contribution("energy", -4.0).sigma, 3.0, rel=1e-12)
    assert_close(number.sigma_counting, 3.0, rel=1e-12)
    assert replace(number, sigma=None).with_contribution("energy", 1.0).sigma is None
