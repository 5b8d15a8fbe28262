"""The bulk of the cell keeps its concentration, so that what drifts there is the instrument."""

import numpy as np

from electrosaxs.analysis.concentration.bulk_level import BulkLevel, beside_the_bulk, bulk_level

START = 8e-4
HEIGHTS = np.array([0.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 2400.0, 3200.0])
SCANS, NOISE = 8, 4e-4


def cell(drift: float = 0.0, seed: int = 1) -> np.ndarray:
    """A layer that grows at the anode, depletion from the other end, and a reading that drifts to `drift`."""
    layer = np.outer(np.arange(1.0, SCANS + 1.0), np.exp(-HEIGHTS / 30.0))
    depleted = np.clip((3400.0 - 150.0 * np.arange(SCANS)[:, None] - HEIGHTS) / 200.0, 0.0, 1.0)
    phi = START * (1.0 + layer) * depleted
    noise = 1.0 + NOISE * np.random.default_rng(seed).standard_normal(phi.shape)
    return phi * noise * (1.0 + drift * np.linspace(0.0, 1.0, SCANS))[:, None]


def level(phi: np.ndarray, *, shared: float = 4e-4) -> BulkLevel:
    return bulk_level(phi, np.full(phi.shape, NOISE), start=START, shared=shared)


def test_a_reading_that_drifts_shows_in_the_bulk_and_a_layer_or_depletion_does_not() -> None:
    for seed in range(20):
        assert not level(cell(seed=seed)).drifts
    for size in (0.01, -0.02):
        found = level(cell(size))
        assert found.drifts
        assert np.all(np.abs(found.change - size * np.linspace(0.0, 1.0, SCANS)) < 4.0 * found.sigma)
        assert not found.bulk[:, :3].any()
        times = np.add.outer(100.0 * np.arange(SCANS), np.linspace(0.0, 90.0, HEIGHTS.size))
        assert np.all(np.diff(found.at(times)[:, 0]) * np.sign(size) > 0.0)


def test_what_the_starting_solution_leaves_open_is_in_the_sigma_of_every_scan() -> None:
    own, whole = (level(cell(), shared=shared).sigma for shared in (0.0, 3e-3))
    assert np.allclose(whole, np.hypot(own, 3e-3), rtol=1e-12)


def test_a_reference_of_another_solution_is_told_by_the_bulk_however_far_it_is_off() -> None:
    """Reference frames taken after the field, or of another dilution: 11 % and more were no bulk, and all phi was wrong."""
    for off in (0.03, 0.12, 0.4, -0.25):
        found = level(cell() * (1.0 + off))
        assert found.drifts
        assert abs(np.expm1(found.off_from_the_start) / off - 1.0) < 0.02
    assert level(cell(0.02)).off_from_the_start == 0.0
    assert level(cell()).off_from_the_start == 0.0


def test_a_cell_that_empties_later_does_not_move_the_start() -> None:
    """The first scan holds the start; plateaus of what does not drift are left when all else has gone."""
    phi = cell()
    phi[2:, 4:] *= 0.6
    assert np.isnan(level(phi).change[2:]).all()
    assert not level(phi).drifts


def test_heights_that_are_all_depleted_are_not_the_bulk() -> None:
    phi = np.full((SCANS, HEIGHTS.size), 0.02 * START)
    assert np.isnan(level(phi).change).all()
    assert not level(phi).drifts


def test_without_three_heights_in_a_row_nothing_is_told() -> None:
    phi = START * (1.0 + 0.05 * np.arange(HEIGHTS.size))[None, :] * np.ones((SCANS, 1))
    found = level(phi)
    assert np.isnan(found.change).all()
    assert np.all(found.at(np.zeros(phi.shape)) == 0.0)


def test_one_height_with_a_deposit_is_not_the_bulk_and_hides_it_not() -> None:
    phi = cell()
    phi[:, 5] *= 1.0 + 0.01 * np.arange(SCANS)
    found = level(phi)
    assert not found.bulk[2:, 5].any()
    assert np.all(np.isfinite(found.change[:5]))
    assert not found.drifts


def test_two_heights_make_a_bulk_and_what_they_differ_by_is_in_its_sigma() -> None:
    alike, end_of_a_layer = (level(START * np.array([[5.0, off, 1.003, 0.5]] * 3)) for off in (1.003, 1.0045))
    assert np.allclose(alike.change, np.log(1.003))
    assert alike.drifts
    assert not end_of_a_layer.drifts


def test_where_no_layer_reaches_phi_has_to_be_that_of_the_bulk() -> None:
    phi, none = cell(), np.zeros(SCANS)
    phi[3] = np.nan  # a scan without beam
    phi[:, 5] *= 1.0 + 2e-3 * np.arange(SCANS)  # a deposit at 800 um, two others are at rest
    told = beside_the_bulk(phi, np.full(phi.shape, NOISE), height_um=HEIGHTS, start=START, level=none)
    assert np.delete(told[:, 5], 3).all()
    assert not told[:, :4].any()  # the layer
    assert not told[-1, -1]  # depletion has arrived
    drifted = beside_the_bulk(1.02 * phi, np.full(phi.shape, NOISE), height_um=HEIGHTS, start=START, level=none)
    assert not drifted.any()  # nothing is at rest
