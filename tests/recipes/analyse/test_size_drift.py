"""Sizes that step at all heights at once, or are not the start's where nothing has arrived, are another energy or distance."""

from types import SimpleNamespace

import numpy as np
import pytest

from electrosaxs.analysis.concentration.bulk_level import BulkLevel
from electrosaxs.nouns import Diameter, DiameterDeviation, LatticeConstant, Number
from electrosaxs.recipes.analyse.crystals import Crystals
from electrosaxs.recipes.analyse.maps import FrameMaps
from electrosaxs.recipes.analyse.size_drift import SizeDrift, size_drift

HEIGHTS = np.array([0.0, 50.0, 100.0, 200.0, 400.0, 700.0, 1000.0, 2000.0])
TIME = 60.0 + 300.0 * np.arange(7)[:, None] + np.linspace(0.0, 250.0, HEIGHTS.size)
D0, NOISE = 7.1, 4e-4


def sorted_sizes(seed: int) -> np.ndarray:
    """Larger at the anode, smaller where the cell empties, as time goes on; with noise."""
    random = np.random.default_rng(seed)
    anode = 0.05 * np.sqrt(TIME / 2000.0) * np.exp(-HEIGHTS / 200.0)
    empty = -0.08 * TIME / 2000.0 * np.exp((HEIGHTS - 2000.0) / 400.0)
    return np.asarray(D0 * (1.0 + anode + empty) * (1.0 + NOISE * random.standard_normal(TIME.shape)))


def told(
    values: np.ndarray,
    bulk: BulkLevel | None = None,
    *,
    phi_sigma: float = 5e-4,
    drift_of_phi: np.ndarray | float = 0.0,
) -> tuple[SizeDrift, FrameMaps]:
    def noun(kind: type, of: np.ndarray) -> object:
        coords = {"height": (("height",), HEIGHTS), "time": (("scan", "height"), TIME)}
        return kind.from_arrays(of, dims=("scan", "height"), coords=coords, sigma=NOISE * of)  # type: ignore[attr-defined]

    phi = SimpleNamespace(values=np.ones(values.shape), sigma=np.full(values.shape, phi_sigma))
    maps = FrameMaps(
        phi, noun(Diameter, values), noun(DiameterDeviation, 0.15 * values),  # type: ignore[arg-type]
        SimpleNamespace(), np.zeros(values.shape),  # type: ignore[arg-type]
    )  # fmt: skip
    return size_drift(maps, bulk, Number(D0, 1e-3, "nm", "start"), drift_of_phi), maps


def test_sizes_that_the_field_sorts_do_not_drift() -> None:
    bulk = np.zeros(TIME.shape, dtype=bool)
    bulk[:, 5:7] = TIME[:, 5:7] < 700.0
    nothing = BulkLevel(np.where(bulk.any(axis=1), 0.0, np.nan), np.full(7, 5e-4), bulk)
    assert all(told(sorted_sizes(seed), nothing)[0].change is None for seed in range(60))


@pytest.mark.parametrize("step", [0.004, -0.01])
def test_a_step_of_all_sizes_is_told_with_its_size_and_in_the_sigma_of_what_comes_after(step: float) -> None:
    values = sorted_sizes(3)
    values[4:] *= 1.0 + step
    drift, maps = told(values)
    assert drift.change is not None
    assert np.all(drift.change[:4] == 0.0)
    assert drift.change[4:] == pytest.approx(step, abs=8e-4)
    assert drift.doubts[0].names == {"anode_diameter", "lattice_constant_solvated"}
    for noun in (drift.of(maps).diameter, drift.of(maps).deviation):
        relative = noun.total_sigma / noun.values
        assert np.all(relative[4:] > 0.8 * abs(step))
        assert np.allclose(relative[:4], NOISE)


def test_another_energy_than_in_the_reference_frames_shows_in_the_bulk() -> None:
    bulk = np.zeros(TIME.shape, dtype=bool)
    bulk[:3, 5:7] = True
    level = BulkLevel(np.where(bulk.any(axis=1), 0.0, np.nan), np.full(7, 5e-4), bulk)
    drift, _ = told(1.005 * sorted_sizes(5), level)
    assert drift.change == pytest.approx(0.005, abs=1.5e-3)
    # with a phi of 2 % it may as well be the end of the layer
    assert told(1.005 * sorted_sizes(5), level, phi_sigma=0.02)[0].change is None


def early_bulk(scans: int) -> BulkLevel:
    """Two heights, in the first scans."""
    bulk = np.zeros(TIME.shape, dtype=bool)
    bulk[:scans, 5:7] = True
    return BulkLevel(np.where(bulk.any(axis=1), 0.0, np.nan), np.full(7, 5e-4), bulk)


def creeping(share: float, seed: int) -> np.ndarray:
    """Sizes of which those of the bulk are still the start's, all of them `share` larger at the end."""
    values = sorted_sizes(seed)
    values[:, 5:7] = D0 * (1.0 + NOISE * np.random.default_rng(seed + 90).standard_normal((7, 2)))
    return np.asarray(values * (1.0 + share * TIME / TIME.max()))


def test_sizes_that_creep_in_the_bulk_go_on_when_none_is_left() -> None:
    for seed in range(3):
        change = told(creeping(0.008, seed), early_bulk(4))[0].change
        assert change is not None
        assert change[-1] == pytest.approx(0.008, abs=2e-3)  # of the bulk itself, the last scan tells half
    assert all(told(creeping(0.0, seed), early_bulk(4))[0].change is None for seed in range(40))


def test_phi_that_drifts_as_of_another_q_is_one_if_sizes_say_so() -> None:
    """A third of what the invariant changes by, with the other sign; a monitor that drifts leaves all sizes as they are."""
    of_phi = -3.0 * 0.0025 * TIME / TIME.max()
    for seed in range(5):
        drift = told(creeping(0.0025, seed), early_bulk(4), drift_of_phi=of_phi)[0]
        assert drift.change is not None
        assert drift.change[-1] == pytest.approx(0.0025, rel=0.15)
        for other in (of_phi, -of_phi):
            assert told(creeping(0.0, seed + 20), early_bulk(4), drift_of_phi=3.0 * other)[0].change is None


def test_the_lattice_constant_has_it_in_its_sigma() -> None:
    change = np.linspace(0.0, 0.002, 7)[:, None] * np.ones(HEIGHTS.size)
    lattice = LatticeConstant.from_arrays(np.full(7, 15.1), dims=("scan",), coords={}, sigma=np.full(7, 0.001))
    number = Number(15.1, 0.001, "nm", "a")
    crystals = Crystals(None, {"lattice_constant_solvated": number}, np.zeros((7, 8)), lattice_constant=lattice)
    assert SizeDrift().of_lattice(crystals) is crystals
    wider = SizeDrift(change).of_lattice(crystals)
    assert wider.numbers["lattice_constant_solvated"].sigma == pytest.approx(0.002 * 15.1, rel=0.01)
    assert wider.lattice_constant is not None
    assert wider.lattice_constant.total_sigma == pytest.approx(np.hypot(0.001, change[:, 0] * 15.1), rel=1e-9)
