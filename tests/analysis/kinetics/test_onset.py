from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from synthetic_maps import volume_fraction_map

from electrosaxs.analysis.kinetics.onset import onset, onset_from_kink, phi_at, without_supply
from electrosaxs.nouns import GrowthCurve, Number

TIME = 20.0 + 110.0 * np.arange(30)
START = 8e-4


def curve_of(phi, seed=0, relative=0.02):
    sigma = relative * np.sqrt(phi * START)
    noisy = phi + sigma * np.random.default_rng(seed).standard_normal(phi.size)
    return GrowthCurve.from_arrays(noisy, dims=("scan",), coords={"time": (("scan",), TIME)}, sigma=sigma)


def pinned(kink=1700.0, after=0.15):
    slope = 4e-6
    return START + slope * np.minimum(TIME, kink) + after * slope * np.maximum(TIME - kink, 0.0)


NO_KINK = {
    "a steady rise": START + 4e-6 * TIME,
    "a boundary layer that fills": START + 5e-5 * np.sqrt(TIME) + 2e-6 * TIME,
    "saturation": START + 6e-3 * (1.0 - np.exp(-TIME / 1100.0)),
    "a gentle bend": START + 4e-6 * TIME - 4e-10 * TIME**2,
}


def test_kink_time_pulls_have_unit_width():
    found = [onset_from_kink(curve_of(pinned(), seed, 0.06)) for seed in range(100)]
    assert all(n.value is not None for n in found)
    pulls = [(n.value - 1700.0) / n.sigma for n in found]
    assert abs(np.mean(pulls)) < 0.2
    assert 0.9 < np.std(pulls) < 1.15


def test_a_slope_that_rises_because_the_beam_sees_the_crystals_is_a_kink_too():
    number = onset_from_kink(curve_of(pinned(after=3.0)))
    assert abs(number.value - 1700.0) < 4.0 * number.sigma
    assert "slope rises at once" in number.source


def test_a_slope_that_changes_gradually_begins_where_it_begins():
    slow = START + 4e-6 * TIME + 3e-9 * np.maximum(TIME - 1700.0, 0.0) ** 2
    found = [onset_from_kink(curve_of(slow, seed, 0.1)) for seed in range(60)]
    pulls = [(n.value - 1700.0) / n.sigma for n in found]
    assert "gradually" in found[0].source
    assert abs(np.mean(pulls)) < 0.5
    assert 0.8 < np.std(pulls) < 1.25


@pytest.mark.parametrize("shape", NO_KINK)
def test_a_curve_without_crystals_has_no_kink(shape):
    found = [onset_from_kink(curve_of(NO_KINK[shape], seed)) for seed in range(60)]
    assert sum(n.value is not None for n in found) == 0
    assert "no kink" in found[0].source


def test_nothing_grew_is_said():
    number = onset_from_kink(curve_of(np.full(TIME.size, START)))
    assert number.value is None
    assert "nothing grew" in number.source


def test_a_few_points_have_no_kink():
    short = GrowthCurve.from_arrays(
        pinned()[:5], dims=("scan",), coords={"time": (("scan",), TIME[:5])}, sigma=np.full(5, 1e-5)
    )
    assert "fewer than 7" in onset_from_kink(short).source


def test_phi_at_the_onset_carries_the_slope_times_the_sigma_of_the_time():
    number = phi_at(curve_of(pinned(), relative=1e-6), 1690.0, 100.0)
    assert_close(number.value, START + 4e-6 * 1690.0, rel=1e-4)
    assert_close(number.sigma, 4e-6 * 100.0, rel=1e-2)


def smooth_curve(phi, **shared):
    return GrowthCurve.from_arrays(
        phi, dims=("scan",), coords={"time": (("scan",), TIME)}, sigma=np.full(TIME.size, 1e-5), shared=shared
    )


def test_phi_at_the_onset_is_read_from_the_four_scans_before_it():
    """What the curve does after the onset, and before those four, says nothing; the line goes on to the onset itself."""
    at = 1690.0  # scan 15 was at 1670 s
    before = np.arange(12, 16)
    phi = np.full(TIME.size, 0.5)
    phi[before] = 3e-3 + 2e-6 * TIME[before]
    number = phi_at(smooth_curve(phi), at)
    assert_close(number.value, 3e-3 + 2e-6 * at, rel=1e-9)
    x = TIME[before] - TIME[before].mean()  # sigma of a least-squares line at a point: 1/n + distance^2 / sum x^2
    assert_close(number.sigma, 1e-5 * np.sqrt(0.25 + (at - TIME[before].mean()) ** 2 / np.sum(x**2)), rel=1e-9)
    assert "line through 4 scans" in number.source
    first = np.arange(4)
    phi[first] = 3e-3 + 2e-6 * TIME[first]
    assert_close(phi_at(smooth_curve(phi), 140.0).value, 3e-3 + 2e-6 * 140.0, rel=1e-9)


def test_each_shared_error_counts_once_in_phi_at_the_onset_and_goes_along_the_line():
    """A scale error is that share of phi there; one that changes sign with time is read from its own line."""
    phi = START + 4e-6 * TIME
    at, sigma_t = 1690.0, 40.0
    alone = phi_at(smooth_curve(phi), at).sigma
    parts = {"reference": 0.02 * phi, "background": 3e-7 * (TIME - 1800.0), "footprint": np.full(TIME.size, 5e-5)}
    added = {"reference": 0.02 * (START + 4e-6 * at), "background": 3e-7 * (at - 1800.0), "footprint": 5e-5}
    for name, sigma in parts.items():
        assert_close(phi_at(smooth_curve(phi, **{name: sigma}), at).sigma, np.hypot(alone, added[name]), rel=1e-9)
    together = phi_at(smooth_curve(phi, **parts), at, sigma_t)
    squares = alone**2 + (4e-6 * sigma_t) ** 2 + sum(s**2 for s in added.values())
    assert_close(together.sigma, np.sqrt(squares), rel=1e-9)
    found = onset(
        smooth_curve(phi, **parts), structure=Number(at, sigma_t, "s", "peaks"), kink=Number.absent("s", "none")
    )
    assert_close(found["onset_volume_fraction"].value, START + 4e-6 * at, rel=1e-9)
    assert_close(found["onset_volume_fraction"].sigma, together.sigma, rel=1e-12)


def test_phi_at_pulls_have_unit_width():
    found = [phi_at(curve_of(pinned(), seed), 1690.0) for seed in range(200)]
    pulls = [(n.value - (START + 4e-6 * 1690.0)) / n.sigma for n in found]
    assert 0.9 < np.std(pulls) < 1.15


def test_the_structure_factor_comes_before_the_kink():
    curve = curve_of(pinned())
    kink = onset_from_kink(curve)
    numbers = onset(curve, structure=Number(1600.0, 55.0, "s", "first scan with peaks"), kink=kink)
    assert numbers["onset_time"].value == 1600.0
    assert numbers["onset_time"].source.startswith("structure factor")
    assert numbers["onset_time_kink"] == kink
    assert_close(numbers["onset_volume_fraction"].value, START + 4e-6 * 1600.0, rel=0.02)


def test_no_crystals_seen_means_never_even_if_the_curve_bends():
    curve = curve_of(pinned())
    kink = onset_from_kink(curve)
    numbers = onset(curve, structure=Number.absent("s", "no peak in any of 30 scans"), kink=kink)
    assert numbers["onset_time"].value is None
    assert "no peak in any of 30 scans" in numbers["onset_volume_fraction"].source
    assert numbers["onset_time_kink"].value is not None


def test_without_a_structure_factor_the_kink_decides():
    curve = curve_of(pinned())
    numbers = onset(curve, structure=None, kink=onset_from_kink(curve))
    assert abs(numbers["onset_time"].value - 1700.0) < 60.0


def test_a_kink_that_the_structure_factor_does_not_see_is_doubtful() -> None:
    kink = Number(700.0, 10.0, "s", "kink")
    for structure in (Number.absent("s", "no peak"), Number(1500.0, 60.0, "s", "peaks")):
        found = onset(curve_of(pinned()), structure=structure, kink=kink)["onset_time_kink"]
        assert found.value == 700.0
        assert found.quality.startswith("doubtful")
    alike = onset(curve_of(pinned()), structure=Number(730.0, 20.0, "s", "peaks"), kink=kink)["onset_time_kink"]
    assert alike.quality == "good"
    unsure = replace(kink, sigma=300.0)
    far = onset(curve_of(pinned()), structure=Number(1500.0, 20.0, "s", "peaks"), kink=unsure)["onset_time_kink"]
    assert far.quality == "good"  # 2.7 sigma of the kink


def test_a_cell_that_ran_empty_has_no_kink_of_crystals() -> None:
    heights = np.array([0.0, 500.0, 1500.0, 2500.0])
    time = np.broadcast_to(100.0 * np.arange(1.0, 5.0)[:, None], (4, 4))
    over = np.array([[3.0, 1.0, 1.0, 1.0], [6.0, 1.0, 1.0, 0.3], [8.0, 0.6, 0.05, 0.01], [8.2, 0.01, 0.01, 0.01]])
    phi = volume_fraction_map(START * over, time, heights=heights, sigma=np.full((4, 4), 1e-7))
    assert without_supply(Number(310.0, 5.0, "s", "kink"), phi, start=START).value is None
    assert without_supply(Number(190.0, 5.0, "s", "kink"), phi, start=START).value == 190.0
