"""A beam as wide as the layer, steps narrower than the beam, gold that lets a thousandth of the light pass, a scan up to a
cathode that cuts the beam: other particles and another cell than the rest of the tests."""

from pathlib import Path

import numpy as np
import pytest
from simulated_runs import analysed, simulated

from electrosaxs.io.results import read_results
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.compare import pulls

GOLD = {
    "run": {"title": "gold, wide beam"},
    "cell": {"gap_mm": 1.2, "path_length_mm": 3.0, "anode_height_um": 0.0},
    "solution": {
        "volume_fraction": 2e-3, "core": "gold", "solvent": "heptane", "core_diameter_nm": 5.0, "core_sigma_nm": 0.45,
    },
    "voltage": {"time_s": [0.0], "voltage_V": [12.0]},
    "transport": {"effective_charge": 0.08},
    "growth": {},
    "scan": {
        "duration_s": 900.0, "heights_um": [0.0, 20.0, 40.0, 70.0, 100.0, 150.0, 250.0, 500.0, 800.0, 1110.0], "scans": 7,
        "reference_frames": 3, "solvent_frames": 3, "alignment": False,
    },
    "beam": {"energy_keV": 18.0, "fwhm_um": 90.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.6},
    "output": {"form": "nexus", "seed": 23},
}  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, RunResults]:
    """Results and truth."""
    folder: Path = tmp_path_factory.mktemp("wide")
    run = simulated(folder / "run", **GOLD)
    return analysed(run, folder / "out", figures="none"), read_results(folder / "run" / "truth.nxs")


def test_no_frame_is_out_for_the_width_of_the_beam_or_for_the_cathode(both: tuple[RunResults, RunResults]) -> None:
    found, truth = both
    assert found.volume_fraction is not None
    assert truth.volume_fraction is not None
    there = truth.volume_fraction.values > 1e-5
    assert np.all(found.volume_fraction.good[there])


def test_phi_is_that_of_the_whole_beam_within_its_sigma(both: tuple[RunResults, RunResults]) -> None:
    found, truth = both
    assert found.volume_fraction is not None
    assert truth.volume_fraction is not None
    seen = truth.quality["volume_fraction_seen"]
    assert np.max(truth.volume_fraction.values / seen) > 1.3
    pull = pulls(found.volume_fraction, truth.volume_fraction)
    assert np.nanmax(np.abs(pull)) < 4.5
    assert np.sqrt(np.nanmean(np.square(pull))) < 1.6


def test_the_flux_is_that_at_the_height_where_the_beam_reads(both: tuple[RunResults, RunResults]) -> None:
    found, truth = both
    assert found.flux is not None
    assert truth.flux is not None
    np.testing.assert_allclose(found.flux.coord("height_effective"), truth.flux.coord("height_effective"), atol=0.1)
    assert found.flux.coord("height_effective")[1] > found.flux.coord("height")[1] + 10.0
    pull = pulls(found.flux, truth.flux)[:, 1:]  # nothing passes the anode, which is known
    assert np.nanmax(np.abs(pull)) < 5.0
