"""Four heights and crystals on the anode: the lattice is told, no frame is blamed, and no number is surer than it may be."""

import numpy as np
import pytest
from simulated_runs import analysed, simulated

from electrosaxs.io.results import read_results
from electrosaxs.nouns import RunResults

SCAN = {
    "duration_s": 1200.0, "heights_um": [0.0, 300.0, 1000.0, 3400.0], "scans": 6, "reference_frames": 3, "solvent_frames": 3,
}  # fmt: skip
GROWTH = {"solubility": 0.007, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, RunResults]:
    folder = tmp_path_factory.mktemp("few_heights")
    toml = simulated(folder / "run", scan=SCAN, growth=GROWTH, output={"form": "nexus", "seed": 1})
    return analysed(toml, folder / "out"), read_results(toml.parent / "truth.nxs")


def test_crystals_that_fill_the_anode_voxel_have_a_lattice_and_a_constant(run: tuple[RunResults, RunResults]) -> None:
    found = run[0]
    assert found.assignment is not None
    assert found.assignment.lattice == "FCC"
    a = found.numbers["lattice_constant_solvated"]
    assert a.value is not None
    assert a.sigma is not None
    assert abs(a.value - 15.1) < 3.0 * a.sigma < 0.01
    assert a.source.startswith("FCC: ")


def test_no_frame_of_a_clean_run_is_left_out_and_every_voxel_is_within_its_sigma(
    run: tuple[RunResults, RunResults],
) -> None:
    found, truth = run
    assert all(record.used for record in found.frames if record.scan >= 0)
    phi = found.volume_fraction
    pulls = (phi.values - truth.volume_fraction.values) / phi.total_sigma
    assert np.abs(pulls[phi.good]).max() < 4.0
    sizes = (found.diameter.values - truth.diameter.values) / found.diameter.total_sigma
    assert np.abs(sizes[found.diameter.good]).max() < 4.5


def test_crystals_are_set_beside_what_had_left_the_solution_when_they_were_seen(
    run: tuple[RunResults, RunResults],
) -> None:
    numbers, truth = run[0].numbers, run[1].numbers
    time = f"{run[0].volume_fraction.coord('time')[-1, 0]:.0f} s"
    assert time in numbers["crystalline_amount"].source
    beside = numbers["solution_loss_beside_crystals"]
    assert time in beside.source
    assert time not in numbers["solution_loss"].source
    assert beside.value is not None
    assert beside.sigma is not None
    right = truth["solution_loss_beside_crystals"].value
    assert right is not None
    assert abs(beside.value - right) < 3.0 * beside.sigma


def test_a_mass_balance_that_four_heights_do_not_tell_does_not_vouch_for_the_amount(
    run: tuple[RunResults, RunResults],
) -> None:
    numbers = run[0].numbers
    amount, beside = numbers["crystalline_amount"], numbers["solution_loss_beside_crystals"]
    assert amount.value is not None
    assert beside.sigma is not None
    assert beside.sigma > amount.value
    assert amount.quality.startswith("doubtful: a lower bound: what left the solution is not known well enough")
    assert numbers["crystalline_fraction"].quality == "good"
