"""Runs fitted together must share what the fit lets them share."""

import numpy as np
import pytest
from closeness import assert_close
from fit_cases import PLAIN, TRUTH, empty_run, measured
from scipy.stats import chi2

from electrosaxs.errors import FitError
from electrosaxs.inference.agreement import CONTRADICTION, UNLIKELY, Agreement, agreement
from electrosaxs.inference.fit import fit_model
from electrosaxs.inference.wording import agreement_sentence


def two_runs(charge: float = 1.0, *, seed: int = 1, noise: float = 0.03):
    """20 V and 10 V, the second with another charge by this factor."""
    other = {**TRUTH, "effective_charge": charge * TRUTH["effective_charge"]}
    return [
        measured(empty_run(voltage=20.0), seed=seed, noise=noise),
        measured(empty_run(voltage=10.0), seed=seed + 500, truth=other, noise=noise),
    ]


def test_one_run_has_nobody_to_disagree_with():
    assert agreement(fit_model(two_runs()[:1], PLAIN)) is None


def test_sharing_costs_what_chance_costs_where_runs_do_share():
    chances = [agreement(fit_model(two_runs(seed=seed), PLAIN)).chance for seed in range(4)]
    assert 0.2 < np.mean(chances) < 0.8  # the mean of 4 draws is 0.5 with a sigma of 0.14
    assert min(chances) > 1e-3


def test_the_runs_apart_are_those_fitted_alone():
    runs = two_runs()
    found = agreement(fit_model(runs, PLAIN))
    for number, run in enumerate(runs):
        alone = fit_model([run], PLAIN)
        # a fit apart may leave a thousandth of chi-squared to gain
        assert_close(found.apart[number], alone.chi_squared, rel=2e-3)
        assert_close(found.own["effective_charge"][number, 0], alone.value("effective_charge"), rel=2e-3)
    assert found.freed == 3
    assert np.all(found.together >= found.apart)


def test_a_small_difference_is_said_and_not_refused():
    found = agreement(fit_model(two_runs(1.12), PLAIN))
    assert found.chance < UNLIKELY
    assert not found.contradictory
    assert found.farthest == "effective_charge"
    said = agreement_sentence(found)
    assert "do not quite share" in said
    assert "in '20 V'" in said
    assert "in '10 V'" in said


def test_runs_that_contradict_each_other_are_refused_with_the_parameter_named():
    with pytest.raises(FitError, match=r"contradict each other.*Apart, effective_charge is .* in '20 V'.* in '10 V'"):
        agreement(fit_model(two_runs(2.0), PLAIN))


@pytest.mark.parametrize(
    ("together", "refused"), [(1.01, False), (0.9 * CONTRADICTION, False), (1.1 * CONTRADICTION, True)]
)
def test_refused_where_residuals_are_twice_as_long_together(together: float, refused: bool):
    count = np.array([500.0, 500.0])
    own = {"effective_charge": np.array([[0.04, 0.001], [0.05, 0.001]])}
    assert Agreement(("a", "b"), together * count, count, count, 3, own).contradictory == refused


def test_a_misfit_that_both_share_is_no_contradiction():
    count = np.array([500.0, 500.0])
    own = {"effective_charge": np.array([[0.045, 0.001], [0.0451, 0.001]])}
    found = Agreement(("a", "b"), 9.05 * count, 9.0 * count, count, 3, own)
    assert not found.contradictory
    assert found.chance > 1e-3


def test_the_chance_of_a_rise_is_that_of_as_many_parameters_as_were_freed():
    count = np.array([50.0, 50.0])
    own = {"effective_charge": np.array([[0.045, 0.001], [0.0451, 0.001]])}
    for freed in (1, 4):
        found = Agreement(("a", "b"), np.array([55.0, 53.0]), np.array([51.0, 51.0]), count, freed, own)
        assert_close(found.rise, 6.0 / 1.02, rel=1e-12)
        assert_close(found.chance, chi2.sf(6.0 / 1.02, freed), rel=1e-12)


def test_the_farthest_parameter_is_measured_in_the_sigma_of_both_runs():
    count = np.array([50.0, 50.0])
    own = {
        "effective_charge": np.array([[1.0, 0.01], [2.0, 1.0]]),
        "diffusivity_scale": np.array([[1.0, 0.1], [1.5, 0.1]]),
        "solubility": np.array([[1.0, 1e-6], [np.nan, np.nan]]),
    }
    assert Agreement(("a", "b"), count, count, count, 2, own).farthest == "diffusivity_scale"
