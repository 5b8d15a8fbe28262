"""Every frame has two measures of phi: one that contradicts itself is left out, says why, and moves no other."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from simulated_runs import simulated

from electrosaxs.analysis.concentration.missing_solvent import solvent_level
from electrosaxs.analysis.kinetics.scan_map import ScanMap
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role, VolumeFraction
from electrosaxs.nouns.contributions import DIODE
from electrosaxs.physics.beam import open_fraction
from electrosaxs.recipes.analyse.agreement import Agreement, agreement
from electrosaxs.recipes.analyse.causes import Contradiction, cause
from electrosaxs.recipes.analyse.edge_light import of_diode_and_detector
from electrosaxs.recipes.analyse.harmonics import harmonics, may_be, without_harmonics
from electrosaxs.recipes.analyse.maps import frame_maps
from electrosaxs.recipes.analyse.measured_run import MeasuredRun
from electrosaxs.recipes.analyse.reduce_run import reduce_run
from electrosaxs.recipes.analyse.standards import standards

LITRE = {
    "duration_s": 1500.0, "heights_um": [0.0, 50.0, 100.0, 150.0, 250.0, 400.0, 1000.0], "scans": 4,
    "reference_frames": 3, "solvent_frames": 3, "alignment": False,
}  # fmt: skip

SOLVENT_DEPTH = 0.884  # of 10 mm toluene at 13.3 keV


@dataclass(frozen=True, eq=False)
class Measured(MeasuredRun):
    """One whose frames can be made wrong in memory."""

    def with_scattering(self, row: int, times: float) -> "Measured":
        phi = self.voxels.values["phi"].copy()
        phi[row] *= times
        sigma = self.voxels.values["phi_sigma"].copy()
        sigma[row] *= times
        return replace(self, voxels=replace(self.voxels, values={**self.voxels.values, "phi": phi, "phi_sigma": sigma}))

    def with_transmission(self, change: np.ndarray) -> "Measured":
        """The transmission `change` times as large, and the intensity that is divided by it so much less."""
        table = self.reduced.table
        transmission = table.transmission.copy()
        transmission[self.voxels.frame] *= change
        reduced = replace(self.reduced, table=replace(table, transmission=transmission))
        values = {**self.voxels.values, "phi": self.voxels.values["phi"] / change}
        return replace(self, reduced=reduced, voxels=replace(self.voxels, values=values))

    def with_gas(self, rows: list[int], share: float) -> "Measured":
        """Less solvent, fewer particles and more light in a share of the path of some frames."""
        gas = np.zeros(self.voxels.frame.size)
        gas[rows] = share
        lighter = np.exp(gas * (SOLVENT_DEPTH + 262.0 * self.voxels.values["phi"]))
        level = solvent_level(self.standard.solvent.values)
        wrong = self.with_transmission(lighter)
        values = {**wrong.voxels.values, "background": wrong.voxels.values["background"] - gas * level}
        wrong = replace(wrong, voxels=replace(wrong.voxels, values=values))
        for row in rows:
            wrong = wrong.with_scattering(row, (1.0 - share) * lighter[row])
        return wrong

    def judged(self, crystals: np.ndarray | float = 0.0) -> tuple[Agreement, ScanMap, VolumeFraction]:
        fraction = np.zeros(self.grid.shape) + crystals
        agreed = agreement(self, fraction)
        grid = self.without(agreed.reasons).grid
        maps = frame_maps(self.voxels, grid, self.reduced.run, ~grid.measured, fraction, agreed)
        return agreed, grid, maps.phi


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    folder = tmp_path_factory.mktemp("agreement")
    reduced = reduce_run(read_run(simulated(folder / "run", scan=LITRE)), folder / "out")
    measured = Measured.of(reduced, standards(reduced))
    return replace(measured, height_um=reduced.table.height[measured.voxels.frame] - 4.6)


Clean = tuple[Agreement, ScanMap, VolumeFraction]


@pytest.fixture(scope="module")
def clean(measured: Measured) -> Clean:
    """Nothing is wrong; not to be changed."""
    return measured.judged()


def test_no_frame_of_a_clean_run_contradicts_itself(clean: Clean) -> None:
    agreed, _, phi = clean
    assert agreed.reasons == {}
    assert agreed.notes == ()
    assert not np.any(agreed.drift)
    off = (agreed.absorbed / phi.values - 1.0)[:, 1:]
    assert np.max(np.abs(off)) < 0.01


Wrong = Callable[[Measured, int], Measured]
WRONG: dict[str, tuple[Wrong, int]] = {
    "monitor halved": (lambda m, row: m.with_scattering(row, 2.0), 0),
    "monitor doubled": (lambda m, row: m.with_scattering(row, 0.5), 1),
    "frame gone": (lambda m, row: m.without({row: "gone"}), 2),
}
"""What is wrong, and the first frame that it happens to; then to every third, which is each height and each scan: together
they meet every frame once."""


@pytest.mark.parametrize("name", WRONG)
def test_no_frame_moves_another_by_more_than_its_sigma(measured: Measured, clean: Clean, name: str) -> None:
    wrong, first = WRONG[name]
    for row in range(first, measured.voxels.frame.size, 3):
        agreed, grid, phi = wrong(measured, row).judged()
        place = (grid.scan[row], grid.height_index[row])
        assert phi.masked[place]
        assert set(agreed.reasons) <= {row}
        moved = np.abs(phi.values - clean[2].values) / phi.total_sigma
        moved[place] = 0.0
        assert np.max(moved) < (1.0 if name != "frame gone" else 2.0), (row, place)


@pytest.mark.parametrize("times", [1.3, 0.77, 0.96])
def test_a_monitor_that_was_read_wrong_is_found(measured: Measured, times: float) -> None:
    for row in (3, 24):  # in the first and in the last scan
        agreed, _, _ = measured.with_scattering(row, times).judged()
        assert list(agreed.reasons) == [row]
        words = agreed.reasons[row]
        assert times == 0.96 or (f"phi is {times:.2g}" in words and "the monitor was read wrong" in words)


@pytest.mark.parametrize("share", [0.4, 0.1])
def test_gas_in_the_beam_for_half_of_the_scans_is_found_at_any_height(measured: Measured, share: float) -> None:
    for column in (0, 3, 6) if share > 0.2 else (3, 6):  # at the anode a tenth may be a micrometre of height
        gas = np.zeros(28)
        gas[[7 + column, 14 + column]] = share
        lighter = np.exp(gas * (SOLVENT_DEPTH + 262.0 * measured.voxels.values["phi"]))  # less solvent, fewer particles
        wrong = measured.with_transmission(lighter)
        for row in np.flatnonzero(gas):
            wrong = wrong.with_scattering(int(row), (1.0 - share) * lighter[row])
        agreed, _, _ = wrong.judged()
        assert sorted(agreed.reasons) == [7 + column, 14 + column]
        assert column == 0 or all(
            "something else than the solution is in the beam" in words for words in agreed.reasons.values()
        )


def test_weak_gas_at_the_anode_shows_in_the_solvent_that_is_missing(measured: Measured) -> None:
    """5 % of the path: where the layer is steep the light that passes does not tell."""
    agreed, _, _ = measured.with_gas([0, 7], 0.05).judged()
    assert sorted(agreed.reasons) == [0, 7]
    assert "of the solvent is missing" in agreed.reasons[7]


def test_what_is_flat_in_a_curve_that_spheres_do_not_describe_is_not_gas(measured: Measured) -> None:
    values = {**measured.voxels.values, "background": measured.voxels.values["background"].copy()}
    values["background"][7] -= 0.1 * solvent_level(measured.standard.solvent.values)
    flags = tuple(("poor fit",) if row == 7 else () for row in range(28))
    agreed, _, _ = replace(measured, voxels=replace(measured.voxels, values=values, flags=flags)).judged()
    assert 7 not in agreed.reasons


def test_noise_of_the_monitor_that_the_standards_do_not_have_leaves_no_frame_out(
    measured: Measured, clean: Clean
) -> None:
    random, wrong = np.random.default_rng(3), measured
    for row in range(28):
        wrong = wrong.with_scattering(row, float(np.exp(0.02 * random.standard_normal())))
    agreed, _, phi = wrong.judged()
    assert agreed.reasons == {}
    assert 0.01 < agreed.own < 0.04
    assert np.all(phi.shared["reference"].values > 0.5 * 0.01 * phi.values / np.sqrt(3))
    pull = (phi.values - clean[2].values) / phi.total_sigma
    assert np.max(np.abs(pull)) < 3.5


@pytest.mark.parametrize("size", [0.01, -0.005])
def test_a_diode_that_drifts_is_said_and_is_in_the_sigma_of_phi(measured: Measured, clean: Clean, size: float) -> None:
    change = 1.0 + size * np.linspace(0.0, 1.0, 28)
    agreed, _, phi = measured.with_transmission(change).judged()
    assert agreed.reasons == {}
    assert any("transmission: drifts by up to" in note and "disagree" in note for note in agreed.notes)
    pull = (phi.values - clean[2].values) / phi.total_sigma
    assert np.max(np.abs(pull)) < 3.0
    last = np.abs(phi.shared["transmission"].values / phi.values)[-1]
    assert np.all((last > 0.6 * abs(size)) & (last < 1.6 * abs(size)))


@pytest.mark.parametrize("who", ["monitor", "transmission"])
def test_noise_beyond_that_of_the_standards_is_in_the_sigma_of_each_frame(
    measured: Measured, clean: Clean, who: str
) -> None:
    random = np.random.default_rng(6)
    noise = np.exp(0.01 * random.standard_normal(28))
    wrong = measured.with_transmission(noise) if who == "transmission" else measured
    for row in range(28 if who == "monitor" else 0):
        wrong = wrong.with_scattering(row, float(noise[row]))
    agreed, _, phi = wrong.judged()
    assert 0.005 < agreed.own < 0.06 or agreed.scatter
    pull = (phi.values - clean[2].values)[phi.good] / phi.total_sigma[phi.good]
    assert np.mean(np.abs(pull) < 4.5) >= 0.96


@pytest.mark.parametrize("times", [1.3, 0.5])
def test_a_scan_whose_monitor_was_wrong_is_out_and_the_other_scans_stay(measured: Measured, times: float) -> None:
    wrong = measured
    for row in range(7, 14):
        wrong = wrong.with_scattering(row, times)
    agreed, _, _ = wrong.judged()
    assert sorted(agreed.reasons) == list(range(7, 14))


def test_a_run_that_contradicts_itself_everywhere_says_so_and_trusts_nothing(measured: Measured) -> None:
    wrong = measured
    random = np.random.default_rng(1)
    for row in range(28):
        wrong = wrong.with_scattering(row, float(random.choice([0.6, 1.0, 1.6])))
    agreed, _, phi = wrong.judged()
    assert any("too many to leave out" in note for note in agreed.notes)
    assert agreed.scatter > 0.1
    assert np.nanmedian(phi.total_sigma / phi.values) > 0.1


@pytest.mark.parametrize("off", [7.0, -4.0])
def test_an_anode_that_is_not_where_it_was_said_shows_in_the_transmission_at_it(measured: Measured, off: float) -> None:
    opened = open_fraction(measured.height_um + off, 34.0) / open_fraction(measured.height_um, 34.0)
    table = measured.reduced.table
    transmission = table.transmission.copy()
    transmission[measured.voxels.frame] *= opened
    wrong = replace(measured, reduced=replace(measured.reduced, table=replace(table, transmission=transmission)))
    agreed, _, _ = wrong.judged()
    assert agreed.reasons == {}
    assert abs(agreed.moved_um - off) < 0.15 * abs(off)
    assert any("something else is in the beam there" in note for note in agreed.notes)
    assert agreed.change is None  # beside a layer at other heights every height would seem to change with its dose


def test_light_that_is_missing_since_crystals_grew_is_theirs_and_moves_no_anode(measured: Measured) -> None:
    """A shift is there from the first frame: one scan before the onset tells it, three with crystals do not."""
    crystals, lacks = np.zeros((4, 7)), np.zeros((4, 7))
    crystals[1:, 0], lacks[1:, 0] = (0.3, 0.5, 0.6), (0.3, 0.8, 1.0)
    dark = np.exp(-lacks).ravel()
    wrong = measured.with_transmission(dark)
    for row in (7, 14, 21):  # what scatters is divided by what passes: as many as before are seen
        wrong = wrong.with_scattering(row, float(dark[row]))
    agreed, _, phi = wrong.judged(crystals)
    assert agreed.moved_um == 0.0
    assert agreed.reasons == {}
    assert agreed.shadow is not None
    missing = agreed.shadow.missing[:, 0]
    assert missing[0] == 0.0
    assert np.all(np.abs(missing[1:] - lacks[1:, 0]) < 0.4)
    assert np.all(phi.shared["shadow"].values[1:, 0] > 0.2 * phi.values[1:, 0])


def test_an_anode_that_is_elsewhere_is_told_beside_crystals_by_the_scan_before_them(measured: Measured) -> None:
    crystals = np.zeros((4, 7))
    crystals[1:, 0] = (0.1, 0.15, 0.2)
    opened = open_fraction(measured.height_um - 5.0, 34.0) / open_fraction(measured.height_um, 34.0)
    table = measured.reduced.table
    transmission = table.transmission.copy()
    transmission[measured.voxels.frame] *= opened
    wrong = replace(measured, reduced=replace(measured.reduced, table=replace(table, transmission=transmission)))
    agreed, _, _ = wrong.judged(crystals)
    assert abs(agreed.moved_um + 5.0) < 1.0


def test_what_only_the_transmission_says_is_blamed_on_what_absorbs() -> None:
    alone = Contradiction(scattering=0.001, light=0.25, sigma=0.01, significance=12.0)
    assert "less light passes" in cause(alone)
    both = Contradiction(scattering=0.3, light=0.25, sigma=0.01, significance=12.0)
    assert "or monitor or transmission were read wrong" in cause(both)


def test_a_frame_that_is_out_for_those_beside_it_is_not_said_to_contradict_itself() -> None:
    words = cause(Contradiction(scattering=1e-3, light=2e-3, sigma=0.01, significance=0.4))
    assert "0.999 times" in words
    assert "no contradiction" in words
    assert "read wrong" not in words


def test_two_per_cent_of_gas_is_found_where_a_fiftieth_of_the_light_passes(measured: Measured) -> None:
    time = measured.reduced.table.time[measured.voxels.frame]
    row = int(np.argmax(np.where(np.abs(measured.height_um) < 1.0, time, -np.inf)))
    agreed, _, _ = measured.with_gas([row], 0.02).judged()
    assert set(agreed.reasons) == {row}


def test_a_deposit_where_the_layer_has_arrived_is_in_the_sigma_of_that_height(measured: Measured, clean: Clean) -> None:
    alone, grid, _ = clean
    assert not np.any(alone.deposit)
    more = np.where(grid.height_index == 4, 3e-3 * (grid.scan + 0.5), 0.0)
    darker = np.exp(-262.0 * more * measured.voxels.values["phi"])
    wrong = measured.with_transmission(darker)
    for row in np.flatnonzero(more):
        wrong = wrong.with_scattering(int(row), float((1.0 + more[row]) * darker[row]))
    agreed, _, _ = wrong.judged()
    assert agreed.reasons == {}
    assert np.unique(np.argwhere(agreed.deposit)[:, 1]).tolist() == [0, 4]  # at the anode it cannot be told
    assert np.allclose(np.asarray(agreed.deposit)[:, 4], 3e-3 * np.arange(1.0, 5.0), rtol=0.3)


def test_light_that_nothing_absorbs_is_told_by_all_frames_and_taken_off(measured: Measured, clean: Clean) -> None:
    """2 % of what passes the starting solution: the multiple of the photon energy."""
    share, table, run = 0.02, measured.reduced.table, measured.run
    level = float(np.mean(table.transmission[measured.reduced.frames(Role.REFERENCE)]))
    passes = open_fraction(measured.height_um, run.beam.fwhm_um, 1e3 * run.cell.gap_mm)
    wrong = measured.with_transmission(1.0 - share + share * passes * level / table.transmission[measured.voxels.frame])
    light = wrong.reduced.table.transmission.copy()
    solvent = measured.reduced.frames(Role.SOLVENT)
    light[solvent] = (1.0 - share) * light[solvent] + share * level
    wrong = replace(wrong, reduced=replace(wrong.reduced, table=replace(wrong.reduced.table, transmission=light)))
    nothing = np.zeros(wrong.grid.shape)
    assert may_be(wrong.judged()[0])
    assert not may_be(clean[0])
    assert harmonics(measured, nothing) is None
    found = harmonics(wrong, nothing)
    assert found is not None
    assert abs(found.share - share) < 3.0 * found.sigma < 0.2 * share
    freed = without_harmonics(wrong.reduced, found, wrong)
    sample = measured.voxels.frame
    left = freed.table.transmission[sample] / table.transmission[sample] - 1.0
    uncertain = of_diode_and_detector(replace(wrong, reduced=freed))[DIODE]
    assert np.max(np.abs(left)) < 3.0 * np.max(uncertain) < 0.3
    assert freed.notes[-1].startswith("transmission: ")
