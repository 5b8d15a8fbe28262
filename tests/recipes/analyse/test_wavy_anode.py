"""Below the highest lines of a wavy anode no beam passes: integrals over the layer lack what is there, and know it."""

import numpy as np
import pytest
from simulated_runs import analysed, simulated

from electrosaxs.io.results import read_results
from electrosaxs.nouns import RunResults

SCAN = {
    "duration_s": 900.0, "heights_um": [0.0, 50.0, 100.0, 150.0, 300.0, 700.0, 1500.0, 3400.0], "scans": 5,
    "reference_frames": 3, "solvent_frames": 3,
}  # fmt: skip


@pytest.fixture(scope="module", params=[0.0, 4.0])
def wavy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, RunResults]:
    folder = tmp_path_factory.mktemp("wavy")
    wrong = {"anode_roughness_um": request.param} if request.param else {}
    run = simulated(folder / "run", scan=SCAN, imperfections=wrong)
    return analysed(run, folder / "out"), read_results(run.parent / "truth.nxs")


def test_fluxes_from_the_anode_on_have_in_their_sigma_what_its_waves_hide(wavy: tuple[RunResults, RunResults]) -> None:
    found, truth = wavy
    assert found.flux is not None
    assert truth.flux is not None
    off, sigma = np.abs(found.flux.values - truth.flux.values)[:, 1:-1], found.flux.total_sigma[:, 1:-1]
    assert np.all((off < 4.0 * sigma) | ~found.flux.good[:, 1:-1])
    supply, right = found.numbers["supply_flux"], truth.numbers["supply_flux"]
    assert supply.value is not None
    assert supply.sigma is not None
    assert right.value is not None
    assert abs(supply.value - right.value) < 3.0 * supply.sigma
    spread = found.numbers["anode_edge_spread"].value
    assert spread is not None
    assert ("waviness" in found.flux.shared) == (spread > 0.5)
    assert "waviness" not in found.volume_fraction.shared
