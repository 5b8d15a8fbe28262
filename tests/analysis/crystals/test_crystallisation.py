"""Crystals in the voxel at the anode: their share and lattice in time, when they appeared, and a clear null."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from analysis.synthetic_crystals import crystals_in_solution
from closeness import assert_close

from electrosaxs.analysis.crystals import frame_fits
from electrosaxs.analysis.crystals.crystallisation import (
    crystallisation,
    decided_by_frames,
    lattice_constant_solvated,
    onset_from_structure_factor,
    pooled,
)
from electrosaxs.analysis.crystals.frame_fits import amplitude_significance, fit_and_judge
from electrosaxs.analysis.crystals.lattice_choice import constants_in_words
from electrosaxs.analysis.crystals.parameters import SLOT
from electrosaxs.analysis.crystals.weighted_curve import FrameCurves, curve_of_frame
from electrosaxs.errors import ShapeError
from electrosaxs.nouns import LatticeConstant

TIMES = 50.0 + 270.0 * np.arange(9)
ONSET = 1000.0
SHARE = 2.0e-5 * np.maximum(TIMES - ONSET, 0.0)
SHELL = 1.2


@pytest.fixture(scope="module")
def sample():
    return crystals_in_solution(list(SHARE), gain=0.05, mean_square=0.16, seed=11)


@pytest.fixture(scope="module")
def growing(sample):
    return crystallisation(sample, TIMES, dry_shell_nm=SHELL)


@pytest.fixture(scope="module")
def fits(sample, growing):
    """The whole fit of each frame."""
    return [fit_and_judge(curve, growing.study.likeliest)[0] for curve in FrameCurves.of(sample)]


def test_the_share_of_crystals_is_followed_from_zero(growing):
    assert growing.assignment.lattice == "FCC"
    pulls = (growing.fraction.values - SHARE) / growing.fraction.total_sigma
    assert np.abs(pulls).max() < 4.0
    assert growing.detected.tolist() == (TIMES > ONSET).tolist()


def test_scans_without_crystals_have_no_lattice_constant(growing):
    a = growing.lattice_constant
    assert np.isnan(a.values[~growing.detected]).all()
    assert (a.good == growing.detected).all()
    assert np.all(np.abs(a.values - 15.1)[a.good] < 4.0 * a.total_sigma[a.good])
    assert_close(lattice_constant_solvated(a).value, 15.1, rel=5e-4)


def test_a_scan_whose_fit_fails_is_named_and_not_passed_over(growing, monkeypatch):
    assert growing.missed.size == 0
    monkeypatch.setattr(frame_fits, "knows_the_lattice", lambda one: one.value("fraction") < 0.02)
    failing = crystallisation(
        crystals_in_solution([0.0, 0.0, 0.015, 0.03], gain=0.05, mean_square=0.16), TIMES[:4], dry_shell_nm=SHELL
    )
    assert failing.detected.tolist() == [False, False, True, False]
    assert failing.missed.tolist() == [3]


def test_onset_is_where_growth_extrapolates_to_zero(growing):
    x = growing.fraction
    onset = onset_from_structure_factor(TIMES, x.values, x.total_sigma, growing.detected)
    assert abs(onset.value - ONSET) < 3.5 * onset.sigma
    assert onset.sigma < 0.3 * np.diff(TIMES)[0]


def test_a_voxel_in_which_nothing_grows_says_so():
    nothing = crystallisation(crystals_in_solution([0.0] * 5, gain=0.05, seed=12), TIMES[:5], dry_shell_nm=SHELL)
    assert nothing.assignment.lattice is None
    assert nothing.fraction is None
    assert not nothing.detected.any()
    onset = onset_from_structure_factor(TIMES[:5], np.zeros(5), np.ones(5), nothing.detected)
    assert onset.value is None
    assert "no scan shows" in onset.source


def test_what_frames_share_is_kept_apart_from_what_each_counts(growing, fits):
    """Squares of both add to the fit's own sigma; the solvent's part is the fit's response to the solvent's counts."""
    k = SLOT["fraction"]
    assert_close(growing.fraction.total_sigma, [one.sigma("fraction") for one in fits], rel=1e-9)
    response = [np.sum(one.outcome.influence[k] ** 2 * one.curve.shared_variance) for one in fits]
    assert_close(growing.fraction.shared["background"].values, np.sqrt(response), rel=1e-9)
    assert np.all(growing.fraction.shared["background"].values < growing.fraction.total_sigma)


def test_a_pattern_in_noise_of_twice_the_size_is_half_as_significant(fits):
    one = fits[-1]
    noisy = replace(one, outcome=replace(one.outcome, chi_squared=4.0 * one.degrees_of_freedom))
    assert_close(amplitude_significance(noisy), amplitude_significance(one) / (2.0 / one.widening), rel=1e-9)


def test_a_series_in_blocks_is_the_series(sample, growing, monkeypatch):
    monkeypatch.setattr(frame_fits, "BLOCK", 2)
    blocks = crystallisation(sample, TIMES, dry_shell_nm=SHELL)
    assert_close(blocks.fraction.total_sigma, growing.fraction.total_sigma, rel=1e-12)
    one, other = blocks.lattice_constant, growing.lattice_constant
    assert_close(one.total_sigma[growing.detected], other.total_sigma[growing.detected], rel=1e-12)
    assert blocks.mixture.structure.shape[0] == growing.detected.sum()
    assert_close(blocks.mixture.structure, growing.mixture.structure, rel=1e-12)
    assert_close(blocks.mixture.volume.value, growing.mixture.volume.value, rel=1e-12)
    assert blocks.mixture.solution.flags == growing.mixture.solution.flags


def test_pooling_averages_the_counts_of_frames_and_not_the_solvent_s():
    sample = crystals_in_solution([0.0, 0.1, 0.2], gain=0.05, seed=14)
    curves = [curve_of_frame(sample, i) for i in range(3)]
    one = pooled([curves[0].at(slice(5, None)), *curves[1:]])
    assert_close(one.q, curves[1].q[5:], rel=1e-12)
    model = one.intensity
    assert_close(model, np.mean([curve.intensity[5:] for curve in curves], axis=0), rel=1e-12)
    single = curves[1].at(slice(5, None))
    model = np.full_like(model, model.mean())  # what a bend leaves open is the model's and not averaged either
    assert_close(
        one.variance(model) - one.shared_variance, (single.variance(model) - single.shared_variance) / 3.0, rel=1e-9
    )
    assert_close(one.shared_variance, single.shared_variance, rel=1e-12)


def growth_of(seed: int, noise: float = 3e-3, power: float = 1.4, start: float = ONSET) -> tuple[np.ndarray, ...]:
    t = np.arange(0.0, 3000.0, 200.0)
    m = 0.05 * (np.maximum(t - start, 0.0) / 1000.0) ** power
    x = m / (1.0 + m)
    sigma = np.full(t.size, noise)
    noisy = x + noise * np.random.default_rng(seed).normal(size=t.size)
    return t, noisy, sigma


@pytest.mark.parametrize("noise", [3e-3, 1e-4])
def test_onset_has_an_honest_sigma(noise):
    """How growth bends is not known: m ~ (t - t0)^p with p from 0.9 to 2.4 (2 sd), at any time between scans."""
    random, pulls = np.random.default_rng(7), []
    for seed in range(200):
        start = random.uniform(800.0, 1200.0)
        t, x, sigma = growth_of(seed, noise, 1.45 * np.exp(0.25 * random.normal()), start)
        onset = onset_from_structure_factor(t, x, sigma, x > 4.0 * sigma)
        pulls.append((onset.value - start) / onset.sigma)
    assert 0.8 < np.std(pulls) < 1.15
    assert abs(np.mean(pulls)) < 0.4


def test_growth_that_starts_from_rest_is_not_found_late():
    """Nothing is in excess at the onset: the rate rises as 1 - exp(-(t - t0) / settling), and crystals end as most of what is
    seen. Over all phases of the scans, times between them and settling times the onset is neither late nor early."""
    pulls = []
    for settling, period in product([10.0, 100.0, 1000.0], [30.0, 100.0, 300.0]):
        for phase in np.linspace(0.05, 0.95, 5):
            t = ONSET + period * (np.arange(-4, 4) + phase)
            since = np.maximum(t - ONSET, 0.0)
            m = 1.5e-3 * (since + settling * np.expm1(-since / settling))
            x = m / (1.0 + m)
            onset = onset_from_structure_factor(t, x, np.full(t.size, 3e-4), x > 1.2e-3)
            pulls.append((onset.value - ONSET) / onset.sigma)
    assert abs(np.mean(pulls)) < 0.35
    assert np.abs(pulls).max() < 2.0


def test_a_film_in_its_own_shadow_does_not_pin_the_onset() -> None:
    """What scatters stays as it is while the film grows: by the law, it would have begun just before it was seen."""
    for start in (425.0, 435.0, 442.0):
        t = 30.0 + 214.0 * np.arange(7)
        amount = np.maximum(t - start, 0.0) ** 1.6
        shown = 0.016 * np.minimum(amount / amount[3], 1.27)
        onset = onset_from_structure_factor(t, shown, np.full(7, 1e-4), shown > 2e-3)
        assert abs(onset.value - start) < 1.5 * onset.sigma
        assert onset.sigma < 90.0


def test_crystals_that_show_fewer_by_their_third_scan_were_in_their_shadow_by_the_second():
    """A strongly absorbing film (PbS at 8 keV): 0.0, 0.007, 0.064, 0.142 um grew; X of 0.065 and 0.147 put the onset 21 s (3.3
    sigma) early, on a line through a scan that showed two fifths of what was there."""
    t = np.array([137.5, 182.5, 227.5, 272.5, 317.5, 362.5, 407.5])
    shown = np.array([0.0, 0.0, 0.0, 0.065, 0.147, 0.066, 0.012])
    sigma = np.array([1e-4, 1e-4, 1e-4, 1e-3, 2e-3, 2e-3, 2e-3])
    onset = onset_from_structure_factor(t, shown, sigma, shown > 4.0 * sigma)
    assert abs(onset.value - 255.0) < onset.sigma
    assert onset.sigma < 15.0
    grows = onset_from_structure_factor(t, np.maximum.accumulate(shown), sigma, shown > 4.0 * sigma)
    assert grows.value < onset.value - 10.0


def test_one_lone_alarm_is_not_an_onset():
    t, x, sigma = growth_of(1)
    alarm = x > 4.0 * sigma
    assert alarm[:5].sum() == 0
    alarm[1] = True
    with_alarm = onset_from_structure_factor(t, x, sigma, alarm)
    assert_close(with_alarm.value, onset_from_structure_factor(t, x, sigma, x > 4.0 * sigma).value, rel=1e-9)


def test_crystals_from_the_first_scan_on_give_no_onset():
    onset = onset_from_structure_factor(TIMES, np.full(9, 0.1), np.full(9, 0.01), np.ones(9, dtype=bool))
    assert onset.value is None
    assert "earlier" in onset.source


def test_a_single_scan_with_crystals_brackets_the_onset():
    detected = np.arange(9) == 8
    onset = onset_from_structure_factor(TIMES, 0.1 * detected, np.full(9, 0.01), detected)
    assert_close([onset.value, onset.sigma], [TIMES[7] + 135.0, 270.0 / np.sqrt(12.0)], rel=1e-9)


def series(a: np.ndarray, sigma: float, shared: float = 0.0) -> LatticeConstant:
    times = 300.0 * np.arange(a.size)
    return LatticeConstant.from_arrays(
        a,
        dims=("scan",),
        coords={"time": (("scan",), times)},
        sigma=np.full(a.size, sigma),
        shared={"background": np.full(a.size, shared)},
        masks={"no_crystal": (("scan",), np.isnan(a))},
    )


def test_the_solvent_s_error_does_not_average_away():
    a = np.where(np.arange(18) < 2, np.nan, 15.1)
    number = lattice_constant_solvated(series(a, 0.004, shared=0.002))
    assert_close([number.value, number.sigma], [15.1, np.hypot(0.001, 0.002)], rel=1e-9)


def test_a_trend_is_not_hidden_in_a_mean():
    number = lattice_constant_solvated(series(15.1 - 0.01 * np.arange(10), 0.004))
    assert_close(number.value, 15.01, rel=1e-6)
    assert "nm/h" in number.source


def test_scatter_beyond_the_sigmas_widens_the_mean():
    """Birge: by the root of chi-squared per degree of freedom, here 9 x 10 / 9."""
    number = lattice_constant_solvated(series(15.1 + 0.012 * np.array([1, -1, -1, 1, 1, -1, -1, 1, 1, -1]), 0.004))
    assert_close(number.sigma, 0.004 * np.sqrt(10.0) / np.sqrt(10.0), rel=1e-6)


def test_scatter_beyond_the_sigmas_is_no_trend_and_widens_one_that_is_there():
    """Five times the stated sigma: a slope of 3 stated sigmas is nothing, and the end of a real line is known less."""
    random, times = np.random.default_rng(7), np.arange(12.0)
    said = [
        lattice_constant_solvated(series(15.1 + 0.02 * random.standard_normal(12), 0.004)).source for _ in range(40)
    ]
    assert sum("nm/h" in words for words in said) <= 4
    line = 1.0 / 12.0 + (times[-1] - times.mean()) ** 2 / np.sum((times - times.mean()) ** 2)
    pulls = []
    for _ in range(40):
        number = lattice_constant_solvated(series(15.1 - 0.02 * times + 0.02 * random.standard_normal(12), 0.004))
        pulls.append((number.value - 14.88) / number.sigma)
        assert number.sigma > 2.0 * 0.004 * np.sqrt(line)
    assert 0.7 < np.std(pulls) < 1.4


def test_a_trend_s_last_value_is_less_certain_than_a_mean():
    """Of a line through n points, at its end: sigma^2 [1/n + (t - mean)^2 / sum (t - mean)^2]."""
    times = np.arange(10.0)
    number = lattice_constant_solvated(series(15.1 - 0.01 * times, 0.004, shared=0.003))
    line = 0.1 + (times[-1] - times.mean()) ** 2 / np.sum((times - times.mean()) ** 2)
    assert_close(number.sigma, np.hypot(0.004 * np.sqrt(line), 0.003), rel=1e-6)


def test_every_frame_needs_its_time():
    with pytest.raises(ShapeError, match="one per frame"):
        crystallisation(crystals_in_solution([0.0, 0.0], seed=13), TIMES, dry_shell_nm=SHELL)


def test_a_fraction_that_a_bound_holds_says_nothing_about_the_onset() -> None:
    times = np.array([60.0, 960.0, 1860.0, 2760.0, 3660.0, 4560.0])
    fraction, sigma = np.array([3e-4, 3.0, 0.002, 0.21, 0.42, 0.61]), np.array([2e-3, 0.0, 3e-3, 0.01, 0.01, 0.01])
    seen = np.array([False, False, False, True, True, True])
    onset = onset_from_structure_factor(times, fraction, sigma, seen)
    without = onset_from_structure_factor(times[sigma > 0], fraction[sigma > 0], sigma[sigma > 0], seen[sigma > 0])
    assert onset == without
    assert onset.value is not None
    assert 1860.0 < onset.value < 2760.0


@pytest.fixture(scope="module")
def tied(growing):
    """The study of growing FCC crystals as if HCP had explained the pooled frames as well."""
    study = growing.study
    return replace(study, chosen="", tied=("HCP", "FCC"))


def test_frames_together_break_a_tie_that_the_pooled_ones_leave(tied):
    frames = crystals_in_solution(list(SHARE[-3:]), gain=0.05, mean_square=0.16, seed=11)
    curves = [curve_of_frame(frames, i) for i in range(3)]
    decided = decided_by_frames(tied, curves)
    assert decided.assignment.lattice == "FCC"
    assert "3 frames together decide against HCP" in decided.assignment.verdict
    assert decided.tied == ()


def test_a_tie_that_stays_has_both_constants(tied):
    assert decided_by_frames(tied, []).tied == ("HCP", "FCC")
    assert tied.best is None
    assert tied.likeliest is tied.fits["HCP"]
    words = constants_in_words([tied.fits[name] for name in ("FCC", "HCP")], tied.search.peaks)
    assert words.startswith("FCC with a = 15.1")
    assert " or HCP with a = " in words
