from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from fit_cases import GROWING, PHI0, PLAIN, TRUTH, empty_run, measured

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.inference import profile as profile_module
from electrosaxs.inference.compare import Candidate, Comparison, compare
from electrosaxs.inference.covariance import NUMERICAL
from electrosaxs.inference.fit import fit_model
from electrosaxs.inference.forward import predict
from electrosaxs.inference.identifiability import _products, knowledge
from electrosaxs.inference.observations import Channel
from electrosaxs.inference.parameters import Model
from electrosaxs.inference.profile import profile
from electrosaxs.inference.propagate import motion, wall_concentration
from electrosaxs.inference.wording import comparison_sentences, source, statements

SIZES_KNOWN = {name: TRUTH[name] for name in ("charge_exponent", "starting_diameter", "starting_polydispersity")}


@pytest.fixture(scope="module")
def whole():
    """The fit of a whole map, which several tests look at; nobody changes it."""
    return fit_model([measured(empty_run())], PLAIN)


def test_the_anode_alone_is_told_that_it_fixes_v_squared_over_d_only():
    run = measured(empty_run(np.array([0.0]), scans=37), sizes=False)
    fit = fit_model([run], PLAIN, fixed={"charge_exponent": TRUTH["charge_exponent"]})
    known = knowledge(fit)
    (product,) = known.products
    assert (product.first, product.second, product.power, product.inverse) == (
        "effective_charge", "diffusivity_scale", 2.0, True,
    )  # fmt: skip
    assert product.correlation > 0.998
    assert product.sigma < 0.1 * product.alone[1]
    assert "These data fix v²/D only" in statements(fit, known)[0]
    assert "cannot be fixed alone by these data, only v²/D" in source(fit, known, "diffusivity_scale", {})


def test_a_whole_map_fixes_drift_and_diffusion_apart(whole):
    fit, known = whole, knowledge(whole)
    assert known.products == ()
    assert known.unknown == ()
    assert "The data fix effective_charge to" in " ".join(statements(fit, known))


def test_what_the_anode_fixes_is_known_although_its_factors_are_not():
    run = measured(empty_run(np.array([0.0]), scans=37), sizes=False, noise=0.01)
    fit = fit_model([run], PLAIN, fixed={"charge_exponent": TRUTH["charge_exponent"]})
    found = motion(fit)
    value, sigma = found.squared_mobility_over_diffusivity
    whole = motion(fit_model([measured(empty_run(), noise=1e-3)], PLAIN)).squared_mobility_over_diffusivity[0]
    assert sigma / value < 0.3 * found.diffusivity[1] / found.diffusivity[0]
    assert abs(value - whole) < 3.0 * sigma


def test_the_likelihood_of_a_well_known_charge_is_a_parabola(whole):
    shape = profile(whole, "effective_charge")
    assert shape.parabolic
    assert_close(shape.rise[[0, 1, 3, 4]], [4.0, 1.0, 1.0, 4.0], rel=0.15)
    assert_close([shape.best - shape.low, shape.high - shape.best], np.full(2, shape.sigma), rel=0.1)


def test_an_attachment_without_delay_has_an_upper_limit_only():
    truth = {**TRUTH, "attachment_time": 0.0}
    run = measured(empty_run(scans=10, duration=2400.0), GROWING, truth=truth, noise=0.01, sizes=False, seed=1)
    fit = fit_model([run], GROWING, fixed={"charge_exponent": TRUTH["charge_exponent"]})
    shape = profile(fit, "attachment_time")
    assert fit.at_limit[fit.labels.index("attachment_time")]
    assert shape.best == 0.0
    assert not shape.parabolic
    assert shape.low is None
    assert 0.0 < shape.high < 20.0
    said = source(fit, knowledge(fit), "attachment_time", {"attachment_time": shape})
    assert "held by a limit, no sigma" in said


def test_the_model_that_made_the_data_wins():
    neutral = Model("neutralised-at-anode", "none")
    run = measured(empty_run(scans=5), neutral, noise=0.01)
    tried = compare([run], charge_models=("fast-exchange", "neutralised-at-anode"), growth_models=("none",),
                    field_models=("nominal",))  # fmt: skip
    assert tried.best.problem.model == neutral
    assert tried.behind(tried.candidates[1]) > 100.0
    assert any("rejected" in sentence for sentence in statements(tried.best, knowledge(tried.best), tried))


def test_a_field_that_particles_shape_is_found_and_its_share_comes_back():
    conducting = Model("fast-exchange", "none", "conduction")
    run = measured(empty_run(scans=5), conducting, noise=0.01, truth={**TRUTH, "carrier_share": 0.4})
    tried = compare([run], charge_models=("fast-exchange",), growth_models=("none",), fixed=SIZES_KNOWN)
    assert tried.best.problem.model == conducting
    assert tried.behind(tried.candidates[1]) > 100.0
    assert abs(tried.best.value("carrier_share") - 0.4) < 3.0 * tried.best.sigma("carrier_share")


def test_a_field_that_particles_do_not_shape_is_not_told_apart_by_a_share_near_zero():
    tried = compare(
        [measured(empty_run(scans=5), PLAIN, noise=0.01)], charge_models=("fast-exchange",), growth_models=("none",)
    )
    assert tried.best.problem.model == PLAIN
    other = tried.candidates[1]
    assert other.model.field == "conduction"
    assert other.fit.value("carrier_share") < 0.05
    assert 0.0 < tried.behind(other) < 10.0
    assert "not told apart" in comparison_sentences(tried)[1]


def test_a_product_with_a_high_power_is_not_named():
    # ln solubility 3 %, ln attachment time a factor 30, correlated: solubility is simply known and the time is not
    covariance = np.array([[0.03**2, -0.995 * 0.03 * 3.4], [-0.995 * 0.03 * 3.4, 3.4**2]])
    assert _products(("solubility", "attachment_time"), covariance) == ()
    drift = np.array([[0.5**2, 0.9995 * 0.5 * 1.0], [0.9995 * 0.5 * 1.0, 1.0]])
    (named,) = _products(("effective_charge", "diffusivity_scale"), drift)
    assert (named.first, named.power, named.inverse) == ("effective_charge", 2.0, True)


def test_a_model_with_more_parameters_that_does_no_better_is_not_called_rejected():
    run = measured(empty_run(scans=20, duration=2400.0), GROWING, truth={**TRUTH, "attachment_time": 0.0}, seed=2)
    tried = compare([run], charge_models=("fast-exchange",), growth_models=("pinned", "attachment"), fixed=SIZES_KNOWN)
    assert tried.candidates[0].model.growth == "pinned"
    assert tried.candidates[-1].model.field == "conduction"
    assert tried.behind(tried.candidates[-1]) > 10.0
    said = comparison_sentences(tried)
    assert not any("rejected" in sentence for sentence in said)
    assert "as well with 2 more parameters" in said[-1]


def test_the_wall_is_above_what_the_beam_sees_and_its_sigma_grows_from_nothing(whole):
    wall = wall_concentration(whole, 0)
    assert_close(wall.value[0], 8e-4, rel=1e-9)
    assert wall.sigma[0] < 1e-9
    assert np.all(wall.value[1:] > 1.05 * wall.seen[1:])
    assert np.all(np.diff(wall.sigma) > 0.0)
    assert wall.sigma[-1] < 0.02 * wall.value[-1]


@pytest.mark.parametrize("label", ["effective_charge", "diffusivity_scale"])
def test_the_covariance_is_that_of_the_jacobian_and_of_the_grid(label, whole):
    fit = whole
    slopes = fit.minimum.jacobian
    expected = np.linalg.inv(slopes.T @ slopes)
    k = fit.labels.index(label)
    assert_close(fit.sigma(label), fit.value(label) * np.sqrt(expected[k, k] + NUMERICAL**2), rel=1e-6)


def test_a_share_of_which_the_data_say_that_it_is_none_is_known():
    run = measured(empty_run(), truth={**TRUTH, "immobile_fraction": 2e-4, "immobile_diameter": 3.0})
    fit = fit_model([run], PLAIN, free=(*PLAIN.free, "immobile_fraction"))
    known = knowledge(fit)
    assert 0.3 * fit.value("immobile_fraction") < fit.sigma("immobile_fraction") < 0.02
    assert "immobile_fraction" not in known.unknown
    assert "immobile_fraction to +/- 0.0" in " ".join(statements(fit, known))


def test_a_profile_ends_where_the_model_ends(whole, monkeypatch):
    free = profile(whole, "effective_charge")

    def ends(fit, k, place, near, real=profile_module._best_beside):
        if place > near.x[k]:
            raise ElectrosaxsError("transport: more than all particles charged")
        return real(fit, k, place, near)

    monkeypatch.setattr(profile_module, "_best_beside", ends)
    shape = profile(whole, "effective_charge")
    assert shape.high is None
    assert_close(shape.low, free.low, rel=1e-6)


@pytest.fixture(scope="module")
def short_lived():
    """Maps of charges that last 0.3 s, on a grid of their own, and both models fitted to them."""
    model, heights = Model(charge="exchange"), np.array([0.0, 50.0, 200.0, 800.0, 2400.0, 3200.0, 3400.0])
    run, truth = empty_run(heights, scans=6, voltage=30.1), {**TRUTH, "charge_lifetime": 0.3}
    fine = predict(run, model, truth, classes=13, halvings=5, rtol=2e-5)
    rng = np.random.default_rng(4)
    sigma = 3e-3 * np.hypot(fine.volume_fraction, 1e-2 * PHI0)
    phi = Channel(fine.volume_fraction + sigma * rng.standard_normal(sigma.size), sigma, {}, sigma > 0.0)
    size = Channel(fine.diameter + 3e-3 * rng.standard_normal(sigma.size), np.full(sigma.size, 3e-3), {}, sigma > 0.0)
    return compare(
        [replace(run, channels={"volume_fraction": phi, "diameter": size})], charge_models=("fast-exchange", "exchange"),
        growth_models=("none",), field_models=("nominal",), workers=1,
    )  # fmt: skip


def test_a_lifetime_is_found_from_its_limit_and_free_of_the_grid(short_lived):
    fit = short_lived.best
    assert fit.problem.model.charge == "exchange"
    assert fit.chi_squared < 1.4 * fit.degrees_of_freedom
    for name, true in (("charge_lifetime", 0.3), ("diffusivity_scale", TRUTH["diffusivity_scale"])):
        assert abs(fit.value(name) - true) < 3.0 * fit.sigma(name), name
    assert fit.sigma("charge_lifetime") < 0.03


def test_a_model_whose_limit_fits_is_not_rejected_by_a_search_that_failed(short_lived):
    limit = next(one for one in short_lived.candidates if one.model.charge == "fast-exchange")
    worse = limit.reached + 100.0
    for failed in (None, limit.fit):  # no minimum at all, and one worse than the limit's
        candidate = Candidate(Model(charge="exchange"), failed, "no minimum", worse)
        said = " ".join(comparison_sentences(Comparison((limit, candidate))))
        assert "rejected" not in said
        assert "'fast-exchange, no crystals' is its limit" in said
