"""Maps to kinetics: each number that the run does not allow is absent with its reason, the others stay."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from synthetic_maps import HEIGHTS_UM, frame_times, growing_layer, volume_fraction_map

from electrosaxs.analysis.kinetics.growth import growth_curve, growth_line
from electrosaxs.analysis.kinetics.scan_map import ScanMap, scan_map
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import FloatArray, Number, Run
from electrosaxs.nouns.voltage_pieces import pieces
from electrosaxs.recipes.analyse.crystal_view import sees_crystals
from electrosaxs.recipes.analyse.headline import doubts_of_the_last_scan
from electrosaxs.recipes.analyse.maps import FrameMaps, frame_maps, kinetics, last_value
from electrosaxs.recipes.analyse.voxels import COLUMNS, Voxels, on_map


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


@pytest.mark.parametrize(("taken", "doubted"), [(True, True), (False, False)])
def test_what_the_anode_holds_last_is_doubtful_where_its_frame_of_a_later_scan_is_out(
    taken: bool, doubted: bool
) -> None:
    time = frame_times(scans=4)
    missing = np.zeros(time.shape, dtype=bool)
    missing[3, 0] = True
    phi = volume_fraction_map(growing_layer(time), time, missing=missing)
    heights = np.tile(HEIGHTS_UM, (4, 1))
    kept = np.full(time.shape, taken) | ~missing  # a scan that ends before the anode has no frame that is out
    grid = scan_map(heights[kept], time[kept], ~missing[kept])
    found = doubts_of_the_last_scan(phi, grid)
    assert bool(found) == doubted
    if doubted:
        assert (
            found[0].words == f"doubtful: of {time[2, 0]:.0f} s: the frame at the anode is out in the 1 scan(s) since"
        )
        assert "anode_diameter" in found[0].names


def test_an_onset_that_is_uncertain_makes_the_slice_flux_of_a_bending_curve_uncertain(run: Run) -> None:
    """Which scans count is not known: half of what the flux is apart with the onset one sigma earlier and later."""
    time = frame_times(scans=12)
    bent = growing_layer(time, curvature=4e-10)
    phi = volume_fraction_map(bent, time, sigma=np.full(time.shape, 2e-6))
    numbers = [kinetics(phi, run, structure_onset=Number(2400.0, s, "s", "peaks")).numbers for s in (0.0, 500.0)]
    sharp, vague = (found["slice_flux"] for found in numbers)
    curve = growth_curve(phi, slice_um=run.analysis.slice_um)
    ends = [
        growth_line(curve, onset_s=2400.0 + step).slice_flux(run.analysis.slice_um).value for step in (-500.0, 500.0)
    ]
    assert vague.value == sharp.value
    assert_close(vague.sigma, np.hypot(sharp.sigma, 0.5 * abs(ends[1] - ends[0])), rel=1e-9)
    assert vague.sigma > 2.0 * sharp.sigma


HEIGHT, SCANS = np.array([0.0, 50.0, 100.0, 200.0, 400.0]), 3


def mapped(run: Run, fraction: FloatArray) -> tuple[Voxels, ScanMap, FrameMaps]:
    """Maps of a steep layer whose particles grow smaller with height, `fraction` (scan, height) of them crystals."""
    height, time = np.tile(HEIGHT, SCANS), 60.0 * np.arange(SCANS * HEIGHT.size)
    steady = {
        "phi": 8e-4 * (1.0 + 20.0 * np.exp(-height / 80.0)),
        "phi_sigma": np.full(height.size, 1e-6),
        "diameter": 7.6 - 1e-3 * height,
        "deviation": 1.0 + 2e-4 * height,
        "shell_ratio": np.full(height.size, 2.27),
        "skewness": np.zeros(height.size),
    }
    steady["polydispersity"] = steady["deviation"] / steady["diameter"]
    empty = Voxels.empty(np.arange(height.size))
    voxels = Voxels(
        empty.frame, {name: steady.get(name, np.zeros(height.size)) for name in COLUMNS}, empty.shared, empty.flags
    )
    grid = scan_map(height, time, np.ones(height.size, dtype=bool))
    return voxels, grid, frame_maps(voxels, grid, run, ~grid.measured, fraction)


def test_a_size_read_by_the_transmitted_light_is_brought_to_the_mean_and_its_sigma_knows_the_step_and_the_profile(
    run: Run,
) -> None:
    """A fifth of the step, and what phi's unknown profile does to sizes: one number for d in delta^2 / d, and for delta."""
    voxels, grid, maps = mapped(run, np.zeros((SCANS, HEIGHT.size)))
    of_profile = {}
    for name in ("diameter", "deviation", "polydispersity"):
        noun = getattr(maps, name)
        step = noun.values - on_map(voxels, grid, name)
        assert np.all(np.abs(step[:, :2]) > 1e-6)
        rest = np.square(noun.shared["footprint"].values) - np.square(0.2 * step)
        assert np.all(rest >= -1e-12)
        of_profile[name] = np.sqrt(np.maximum(rest, 0.0))
    d, delta = on_map(voxels, grid, "diameter"), on_map(voxels, grid, "deviation")
    assert_close(of_profile["diameter"], 10.0 * of_profile["deviation"] * delta / d, rel=0.03, floor=1e-6)
    assert_close(of_profile["polydispersity"] * d, of_profile["deviation"], rel=0.03, floor=1e-6)
    assert np.all(maps.phi.values[:, :2] > on_map(voxels, grid, "phi")[:, :2])


def test_absorption_hides_what_is_dissolved_and_not_the_crystals_on_the_surface(run: Run) -> None:
    """The crystals' volume fraction is what was read, in whatever solution; none where none was seen."""
    fraction = np.zeros((SCANS, HEIGHT.size))
    fraction[2, 0] = 0.4
    voxels, grid, maps = mapped(run, fraction)
    apparent = on_map(voxels, grid, "phi")
    assert_close(maps.crystalline_fraction * maps.phi.values, fraction * apparent, rel=1e-12)
    assert maps.crystalline_fraction[2, 0] < 0.4
    _, _, dissolved = mapped(run, np.zeros_like(fraction))
    assert 0.0 < maps.phi.values[2, 0] / apparent[2, 0] - 1.0 < dissolved.phi.values[2, 0] / apparent[2, 0] - 1.0


def test_crystals_on_the_anode_are_seen_within_two_and_a_half_deviations_of_the_beam() -> None:
    fraction = np.zeros((2, 4))
    fraction[1, 0] = 0.1
    height = np.array([0.0, 35.0, 37.0, 50.0])  # 2.5 deviations of a 34 um beam are 36.1 um
    phi = np.full((2, 4), 0.01)
    assert sees_crystals(fraction, height, 34.0, phi).tolist() == [[False] * 4, [True, True, False, False]]


def test_crystals_stay_where_the_anode_is_too_dark_to_see_them_and_may_go_where_it_is_not() -> None:
    fraction, phi = np.zeros((4, 3)), np.full((4, 3), 0.01)
    fraction[1, 0] = 0.1
    phi[0, 0] = phi[2, 0] = np.nan
    found = sees_crystals(fraction, np.array([0.0, 50.0, 100.0]), 34.0, phi)
    assert found[:, 0].tolist() == [False, True, True, False]


def test_rates_are_those_of_one_voltage_and_the_others_stand_beside(run: Run) -> None:
    time = frame_times(scans=16)
    volts = np.where(time < 2300.0, 20.0, 0.0)
    phi = growing_layer(np.minimum(time, 2300.0), HEIGHTS_UM, sealed=True)
    found = kinetics(
        volume_fraction_map(phi, time, sigma=np.full(phi.shape, 2e-6)),
        run,
        structure_onset=Number.absent("s", "no peaks were seen"),
        program=pieces(time.ravel(), volts.ravel()),
    )
    slope = 50e-6 * 2.4e-6 * (1.0 - 100.0 / 3500.0)
    assert_close(found.numbers["slice_flux"].value, slope, rel=0.03)
    assert found.numbers["slice_flux"].source.endswith("20 V, 20 to 2295 s")
    assert abs(found.numbers["slice_flux[2]"].value) < 0.03 * slope
    assert "field off" in found.numbers["slice_flux[2]"].source
    assert found.numbers["onset_time_kink"].value is None


def test_a_run_that_begins_with_crystals_has_no_rates_of_a_closed_cell(run: Run) -> None:
    """Its growth is that of crystals, and what is missing has gone into them."""
    never = Number.absent("s", "the first scan shows superlattices already")
    found = kinetics(growing(12), run, structure_onset=never, begun=True)
    for name in ("slice_flux", "slice_flux_mean", "supply_flux", "mass_balance_error", "onset_time"):
        assert found.numbers[name].value is None, name
    assert "crystals" in found.numbers["slice_flux"].source
    assert found.flux is not None  # from the cathode alone
