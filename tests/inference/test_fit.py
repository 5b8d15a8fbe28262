from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from fit_cases import FULL_HEIGHTS, GROWING, PLAIN, TRUTH, empty_run, measured

from electrosaxs.errors import ConvergenceError, FitError
from electrosaxs.inference import forward
from electrosaxs.inference.fit import fit_model
from electrosaxs.inference.parameters import Model
from electrosaxs.transport import simulate

ASKED = ("effective_charge", "charge_exponent", "diffusivity_scale")
NEAR = {name: TRUTH[name] for name in ("effective_charge", "diffusivity_scale", "charge_exponent")}


def pulls(fit, names=ASKED):
    return np.array([(fit.value(name) - TRUTH[name]) / fit.sigma(name) for name in names])


@pytest.mark.parametrize("noise", [0.03, 0.005])
def test_the_effective_charge_comes_back_within_a_percent_and_its_sigma(noise):
    fit = fit_model([measured(empty_run(scans=16, duration=2000.0), noise=noise, shared=0.01, seed=2)], PLAIN)
    assert_close(fit.value("effective_charge"), 0.045, rel=0.01)
    assert np.all(np.abs(pulls(fit)) < 3.0)
    assert abs(fit.chi_squared / fit.degrees_of_freedom - 1.0) < 0.3
    assert fit.widening == 1.0


def test_sigma_is_the_scatter_over_twelve_runs():
    found = [
        pulls(fit_model([measured(empty_run(scans=6), noise=0.01, shared=0.01, seed=seed)], PLAIN, start=NEAR))
        for seed in range(12)
    ]
    # the rms of 36 pulls is known to 0.12, the mean of 12 to 0.29
    assert 0.76 < np.sqrt(np.mean(np.square(found))) < 1.24
    assert np.all(np.abs(np.mean(found, axis=0)) < 0.58)


def test_a_full_map_with_growth_gives_drift_and_diffusion_to_parts_of_a_percent():
    # 37 x 30 voxels at 3 %: v to about 0.2 % and D to 0.6 % (physics.md)
    run = measured(empty_run(FULL_HEIGHTS, scans=37, duration=3300.0), GROWING, sizes=False, seed=6)
    fit = fit_model([run], GROWING, fixed={"charge_exponent": TRUTH["charge_exponent"]})
    names = ("effective_charge", "diffusivity_scale", "solubility", "crystal_length")
    relative = [fit.sigma(name) / fit.value(name) for name in names]
    assert 5e-4 < relative[0] < 3e-3
    assert 1e-3 < relative[1] < 8e-3
    assert np.all(np.abs(pulls(fit, names)) < 3.0)


def test_two_fields_share_their_charge_and_fix_it_better():
    runs = [measured(empty_run(voltage=volts), seed=volts) for volts in (10, 20)]
    both, one = fit_model(runs, PLAIN, start=NEAR), fit_model(runs[1:], PLAIN, start=NEAR)
    assert both.labels[-4:] == (
        "starting_diameter[1]", "starting_polydispersity[1]", "starting_diameter[2]", "starting_polydispersity[2]",
    )  # fmt: skip
    assert np.all(np.abs(pulls(both)) < 3.0)
    assert both.sigma("diffusivity_scale") < one.sigma("diffusivity_scale")


def test_particles_that_keep_what_the_model_takes_away_widen_the_sigma():
    run = measured(empty_run(), Model("neutralised-at-anode", "none"), noise=0.01)
    fit = fit_model([run], PLAIN)
    assert fit.widening > 1.5
    assert fit.chi_squared > 2.0 * fit.degrees_of_freedom


def test_a_held_parameter_stays_and_names_must_mean_something():
    run = measured(empty_run())
    fit = fit_model([run], PLAIN, fixed={"charge_exponent": 1.7, "starting_diameter": 7.0})
    assert "charge_exponent" not in fit.labels
    assert "starting_diameter" not in fit.labels
    assert fit.values()["charge_exponent"] == 1.7
    for arguments, words in (
        ({"free": ["charge"]}, "is not a parameter"),
        ({"free": ["solubility"]}, "means nothing in the model"),
        ({"fixed": {"effective_charge": -1.0}}, "must lie between"),
        ({"free": ["effective_charge"], "fixed": {"effective_charge": 0.1}}, "no parameter is free"),
    ):
        with pytest.raises(FitError, match=words):
            fit_model([run], PLAIN, **arguments)


def test_too_few_values_are_refused():
    run = measured(empty_run(np.array([0.0]), scans=3), sizes=False)
    with pytest.raises(FitError, match="3 values for 5 free parameters"):
        fit_model([run], PLAIN)


def test_contradictory_data_give_no_parameters():
    run = measured(empty_run(scans=3), sizes=False)
    run.channels["volume_fraction"].values[:] *= -1.0
    try:
        fit = fit_model([run], PLAIN)
    except ConvergenceError:
        return
    assert fit.widening > 10.0


def test_a_field_at_which_nothing_grows_helps_one_at_which_crystals_do():
    grows = measured(empty_run(scans=10, duration=2400.0), GROWING, seed=1)
    silent = measured(empty_run(scans=5, duration=2400.0, voltage=5.0), GROWING, seed=2)
    start = NEAR | {"solubility": 0.011}
    both, one = (fit_model(runs, GROWING, start=start) for runs in ([silent, grows], [grows]))
    unseen = [label for label, nothing in zip(both.labels, both.unseen, strict=True) if nothing]
    assert unseen == ["crystal_length[1]"]
    names = (*ASKED, "solubility", "crystal_length[2]")
    truth = [TRUTH[name.split("[")[0]] for name in names]
    off = [(both.value(name) - true) / both.sigma(name) for name, true in zip(names, truth, strict=True)]
    assert np.all(np.abs(off) < 3.0)
    assert both.sigma("diffusivity_scale") < one.sigma("diffusivity_scale")
    assert both.degrees_of_freedom == both.observed - len(both.labels) + 1


def test_a_solubility_that_is_never_reached_is_refused():
    run = measured(empty_run(voltage=2.0, duration=600.0))
    with pytest.raises(FitError, match="solubility changes nothing that was measured"):
        fit_model([run], GROWING, start={"solubility": 0.1})


def test_an_attachment_time_held_at_zero_still_counts_in_the_sigma_of_the_solubility():
    # that it is 0 is not known, only that it is not negative: without it the solubility would look much better known
    run, pinned = empty_run(scans=10, duration=2400.0), {**TRUTH, "attachment_time": 0.0}
    fits = [
        fit_model([measured(run, GROWING, truth=pinned, seed=seed)], GROWING, start=NEAR | {"solubility": 0.011})
        for seed in (0, 1)  # noise of which one leaves it free, and one does not
    ]
    held = [fit for fit in fits if fit.value("attachment_time") == 0.0]
    free = [fit.sigma("solubility") for fit in fits if fit.value("attachment_time") > 0.0]
    assert held
    assert free
    for fit in held:
        assert fit.sigma("attachment_time") == 0.0
        start = {name: fit.value(name) for name in (*ASKED, "solubility")}
        alone = fit_model(fit.problem.runs, GROWING, fixed={"attachment_time": 0.0}, start=start)
        assert_close(alone.value("solubility"), fit.value("solubility"), rel=1e-3)
        assert fit.sigma("solubility") > 1.5 * alone.sigma("solubility")
        assert 0.5 < fit.sigma("solubility") / np.mean(free) < 2.0


def test_clusters_that_do_not_move_come_back_with_their_share_and_the_charge_unharmed():
    truth = {**TRUTH, "immobile_fraction": 0.03, "immobile_diameter": 3.0}
    run = measured(empty_run(scans=12, duration=2400.0), noise=0.01, truth=truth, seed=4)
    free = (*Model().free, "immobile_fraction")
    fit = fit_model([run], PLAIN, free=free, fixed={"immobile_diameter": 3.0})
    assert abs(fit.value("immobile_fraction") - 0.03) < 3.0 * fit.sigma("immobile_fraction")
    assert fit.sigma("immobile_fraction") < 0.003
    assert np.all(np.abs(pulls(fit)) < 3.0)
    without = fit_model([run], PLAIN)
    assert without.bayes > fit.bayes + 10.0


def test_a_wrong_start_is_left_on_the_coarse_grid(monkeypatch):
    asked = []

    def counted(*arguments, halvings=0, **more):
        asked.append(halvings)
        return simulate(*arguments, halvings=halvings, **more)

    monkeypatch.setattr(forward, "simulate", counted)
    run = measured(empty_run(), PLAIN, noise=0.01)
    asked.clear()
    fit = fit_model([run], PLAIN)
    assert np.all(np.abs(pulls(fit)) < 3.5)
    # the usual grid sees the last steps and, for the covariance, two runs for each of five parameters
    assert 10 <= asked.count(0) <= 30
    assert asked.count(-1) >= 15


def test_a_charge_at_which_the_model_has_no_numbers_is_no_start_of_a_fit(monkeypatch):
    """Where all particles of a dense solution would stand on the wall, phi there is none."""
    run = measured(empty_run(scans=6), noise=0.01, seed=3)
    whole = forward.predict

    def up_to_a_fifth(run, model, values, **how):
        found = whole(run, model, values, **how)
        if values["effective_charge"] < 0.19:
            return found
        return replace(found, volume_fraction=np.full_like(found.volume_fraction, np.nan))

    monkeypatch.setattr("electrosaxs.inference.problem.predict", up_to_a_fifth)
    monkeypatch.setattr("electrosaxs.inference.problem.coarse_prediction", up_to_a_fifth)
    fit = fit_model([run], PLAIN)
    assert_close(fit.value("effective_charge"), 0.045, rel=0.01)
