"""Maps to kinetics: each number that the run does not allow is absent with its reason, the others stay."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from synthetic_maps import HEIGHTS_UM, START, frame_times, growing_layer, volume_fraction_map

from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Number, Run
from electrosaxs.recipes.analyse.maps import kinetics, last_value


@pytest.fixture(scope="module")
def run(quiet_nexus: Path) -> Run:
    return read_run(quiet_nexus)


def growing(scans: int, heights: np.ndarray = HEIGHTS_UM) -> object:
    time = frame_times(scans=scans, heights=heights.size)
    phi = growing_layer(time, heights, sealed=True)
    return volume_fraction_map(phi, time, heights=heights, sigma=np.full(phi.shape, 2e-6))


def test_a_layer_that_grows_steadily_gives_its_slice_flux_and_no_onset(run: Run) -> None:
    found = kinetics(growing(12), run, structure_onset=Number.absent("s", "no peaks were seen"))
    assert found.numbers["onset_time"].value is None
    slope = 2.4e-6 * (1.0 - 100.0 / 3500.0)
    assert_close(found.numbers["slice_flux"].value, 50e-6 * slope, rel=0.02)
    assert abs(found.numbers["mass_balance_error"].value) < 0.03
    assert found.flux is not None
    assert found.flux.values.shape[0] == 12


def test_two_scans_have_no_line(run: Run) -> None:
    found = kinetics(growing(2), run, structure_onset=None)
    for name in ("onset_time", "onset_volume_fraction", "slice_flux", "supply_flux"):
        assert found.numbers[name].value is None, name
        assert len(found.numbers[name].source) > 10
    assert found.line is None
    assert found.flux is None
    assert found.balance is not None
    assert any(note.startswith("growth curve: ") for note in found.notes)


def test_an_open_cell_has_no_mass_balance(run: Run) -> None:
    found = kinetics(growing(6, HEIGHTS_UM[:9]), run, structure_onset=None)
    assert found.balance is None
    assert "not measurable: the scan covers 0 to 600 um" in found.numbers["mass_balance_error"].source
    assert found.growth is not None


def test_the_last_value_is_that_of_the_last_scan_that_has_one() -> None:
    time = frame_times(scans=3)
    missing = np.zeros(time.shape, dtype=bool)
    missing[2, 0] = True
    phi = volume_fraction_map(growing_layer(time), time, sigma=np.full(time.shape, 1e-6), missing=missing)
    number = last_value(phi, "phi at the anode")
    assert_close(number.value, growing_layer(time)[1, 0], rel=1e-12)
    assert f"{time[1, 0]:.0f} s" in number.source
    missing[:, 0] = True
    hidden = volume_fraction_map(growing_layer(time), time, missing=missing)
    assert last_value(hidden, "phi at the anode") == Number.absent(
        "one", "phi at the anode: no usable frame at the anode"
    )
    assert START > 0
