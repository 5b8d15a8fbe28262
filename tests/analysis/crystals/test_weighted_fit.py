"""The one least-squares loop of crystals and plain curves: it ends at minima known without it, or says that it did not."""

from dataclasses import replace

import numpy as np
import pytest
from analysis.synthetic_crystals import crystals_in_solution
from closeness import assert_close

from electrosaxs.analysis.crystals import lattice_fit, peaks
from electrosaxs.analysis.crystals.lattice_choice import study_curve
from electrosaxs.analysis.crystals.weighted_curve import WeightedCurve, curve_from_arrays, curve_of_frame
from electrosaxs.analysis.crystals.weighted_fit import Knowledge, Limit, fit, local_excess, score

Q = np.linspace(0.1, 3.0, 60)
TRUTH = np.array([80.0, 2.3, 5.0])
LIMITS = [Limit(0.0, 1e5), Limit(0.0, 20.0), Limit(-100.0, 100.0)]


def decay(p):
    """amplitude exp(-rate q) + offset, and its slopes."""
    falling = np.exp(-p[1] * Q)
    return p[0] * falling + p[2], np.column_stack([falling, -p[0] * Q * falling, np.ones_like(Q)])


def counted(intensity: np.ndarray, per_count: float = 0.5) -> WeightedCurve:
    """A curve whose variance is per_count x model."""
    zero = np.zeros_like(Q)
    return WeightedCurve(Q, intensity, zero + per_count, zero, zero, zero, zero + 1.0)


@pytest.mark.parametrize("start", [(1.0, 0.2, 0.0), (3000.0, 9.0, -4.0), (5.0, 12.0, 60.0)])
def test_from_far_away_the_minimum_is_reached(start):
    outcome = fit(curve_from_arrays(Q, decay(TRUTH)[0], 0.1 + 0.0 * Q), decay, Knowledge.of(np.array(start), LIMITS))
    assert outcome.converged
    assert_close(outcome.parameters, TRUTH, rel=1e-6)


def test_counts_are_fitted_with_the_greatest_likelihood_of_poisson():
    """Of a curve known but for its scale that is sum of counts over sum of the curve, and its variance likewise."""
    shape = decay(TRUTH)[0]
    measured = 0.5 * np.random.default_rng(3).poisson(2.0 * shape)
    outcome = fit(
        counted(measured), lambda p: (p[0] * shape, shape[:, None]), Knowledge.of(np.array([30.0]), [Limit()])
    )
    assert outcome.converged
    assert_close(outcome.parameters, [measured.sum() / shape.sum()], rel=1e-6)
    assert_close(outcome.covariance[0, 0], 0.5 * outcome.parameters[0] / shape.sum(), rel=1e-9)


def test_a_prior_is_one_more_measurement():
    """A line through 0: precision-weighted mean of prior and data."""
    slope = fit(
        curve_from_arrays(Q, 3.0 * Q, 0.2 + 0.0 * Q),
        lambda p: (p[0] * Q, Q[:, None]),
        Knowledge.of(np.array([0.0]), [Limit(mean=2.0, sd=0.03)]),
    )
    data, prior = np.sum(Q**2) / 0.04, 0.03**-2
    assert_close(slope.parameters, [(3.0 * data + 2.0 * prior) / (data + prior)], rel=1e-9)
    assert_close(slope.covariance, [[1.0 / (data + prior)]], rel=1e-9)
    assert_close(slope.prior_penalty, prior * (slope.parameters[0] - 2.0) ** 2, rel=1e-9)


def test_a_bound_is_kept_and_has_no_error():
    known = Knowledge.of(np.array([50.0, 1.0, 20.0]), [Limit(), Limit(), Limit(7.0, 90.0)])
    outcome = fit(curve_from_arrays(Q, decay(TRUTH)[0], 0.1 + 0.0 * Q), decay, known)
    assert outcome.converged
    assert outcome.parameters[2] == 7.0
    assert_close(outcome.covariance[2], np.zeros(3), rel=1e-12)
    assert outcome.moved.tolist() == [True, True, False]


def test_bins_that_are_far_off_hardly_pull_where_weights_are_robust():
    spoilt = decay(TRUTH)[0] + np.where(np.arange(Q.size) == 20, 50.0, 0.0)
    known = Knowledge.of(np.array([50.0, 1.0, 2.0]), LIMITS)
    plain, robust = (
        fit(curve_from_arrays(Q, spoilt, 0.1 + 0.0 * Q), decay, known, robust=r).parameters for r in (0.0, 3.0)
    )
    assert np.abs(robust / TRUTH - 1.0).max() < 1e-3
    assert np.abs(plain / TRUTH - 1.0).max() > 0.05


def test_a_fit_that_runs_out_of_steps_says_so():
    known = Knowledge.of(np.array([3000.0, 9.0, -4.0]), LIMITS)
    assert not fit(curve_from_arrays(Q, decay(TRUTH)[0], 0.1 + 0.0 * Q), decay, known, steps=3).converged


def test_influence_is_how_the_answer_follows_each_bin():
    measured = decay(TRUTH)[0] + 0.3 * np.random.default_rng(5).normal(size=Q.size)
    known = Knowledge.of(TRUTH, LIMITS)
    shared = 0.04 + 0.0 * Q
    curve = replace(curve_from_arrays(Q, measured, 0.3 + 0.0 * Q), shared_variance=shared)
    outcome = fit(curve, decay, known)
    for k in (0, 30, 59):
        step = 0.01 * np.eye(Q.size)[k]
        up, down = (fit(replace(curve, intensity=measured + s * step), decay, known).parameters for s in (1.0, -1.0))
        assert_close(outcome.influence[:, k], (up - down) / 0.02, rel=0.02, floor=1e-3)
    assert_close(outcome.shared_covariance, (outcome.influence * shared) @ outcome.influence.T, rel=1e-9)
    assert_close(outcome.variance, 0.09 + shared, rel=1e-12)


def test_freedom_costs_what_the_evidence_says():
    """A linear model with flat priors: ln n each; with a prior: ln of how much the data narrow it."""
    curve = curve_from_arrays(Q, 3.0 * Q + 1.0, 0.2 + 0.0 * Q)
    known = Knowledge.of(np.array([0.0, 0.0]), [Limit(), Limit(mean=1.0, sd=0.5)])
    outcome = fit(curve, lambda p: (p[0] * Q + p[1], np.column_stack([Q, np.ones_like(Q)])), known)
    narrowed = 1.0 + 0.5**2 * Q.size / 0.2**2
    assert_close(score(outcome, known), np.log(Q.size) + np.log(narrowed), rel=1e-6)


def test_residuals_say_by_how_much_the_variance_is_too_small():
    """Four times: of n squared residuals that a fit of three parameters leaves, n - 3 count."""
    curve = curve_from_arrays(Q, decay(TRUTH)[0], 0.1 + 0.0 * Q)
    outcome = fit(curve, decay, Knowledge.of(TRUTH, LIMITS))
    missed = 0.1 * np.sqrt(4.0 * (Q.size - 3) / Q.size)
    assert_close(local_excess(curve, replace(outcome, model=curve.intensity - missed)), 4.0 + 0.0 * Q, rel=1e-9)


def test_no_lattice_is_named_from_a_fit_that_did_not_converge(monkeypatch):
    curve, whole = curve_of_frame(crystals_in_solution([0.05], gain=0.02, seed=10), 0), lattice_fit.fit
    monkeypatch.setattr(lattice_fit, "fit", lambda *given, **more: replace(whole(*given, **more), converged=False))
    assignment = study_curve(curve).assignment
    assert assignment.lattice is None
    assert assignment.a.value is None
    assert "did not converge" in assignment.verdict


def test_a_rival_that_did_not_converge_may_be_nearer_than_its_score(monkeypatch):
    def halted(curve, model, known, **more):
        return replace(whole(curve, model, known, **more), converged=model.lattice == "FCC")

    curve, whole = curve_of_frame(crystals_in_solution([0.05], gain=0.02, seed=10), 0), lattice_fit.fit
    monkeypatch.setattr(lattice_fit, "fit", halted)
    assignment = study_curve(curve).assignment
    assert assignment.lattice == "FCC"
    assert "its score worse by at most" in assignment.verdict


def test_peaks_of_a_search_that_did_not_converge_are_not_passed_off_as_measured(monkeypatch):
    curve, whole = curve_of_frame(crystals_in_solution([0.05], gain=0.02, seed=10), 0), peaks.fit
    monkeypatch.setattr(peaks, "fit", lambda *given, **more: replace(whole(*given, **more), converged=False))
    assignment = study_curve(curve).assignment
    assert assignment.lattice == "FCC"
    assert assignment.verdict.endswith("places of the peaks from a search that did not converge")
