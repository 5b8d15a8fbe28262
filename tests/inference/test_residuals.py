from dataclasses import replace

import numpy as np
from closeness import assert_close
from fit_cases import PLAIN, TRUTH, empty_run, measured

from electrosaxs.inference.forward import predict
from electrosaxs.inference.residuals import in_sigma, residual_maps, whitener


def run_with_two_shifts():
    run = measured(empty_run(), shared=0.02, seed=4)
    phi = run.channels["volume_fraction"]
    tilt = {**phi.shared, "extrapolation": 0.01 * phi.values * np.linspace(0.0, 1.0, phi.values.size)}
    return replace(run, channels={**run.channels, "volume_fraction": replace(phi, shared=tilt)})


def test_independent_residuals_have_the_chi_squared_of_the_full_covariance():
    run = run_with_two_shifts()
    residual = in_sigma(run, predict(run, PLAIN, TRUTH))
    white = whitener(run)
    assert white.names == ("reference", "volume_fraction.extrapolation")
    covariance = np.eye(residual.size) + white.shifts @ white.shifts.T
    assert_close(white(residual) @ white(residual), residual @ np.linalg.solve(covariance, residual), rel=1e-10)


def test_a_common_factor_within_its_sigma_is_found_and_taken_off():
    run = measured(empty_run(), noise=1e-4, shared=0.02, seed=3)
    prediction = predict(run, PLAIN, TRUTH, classes=41)
    residual = in_sigma(run, prediction)
    drawn = np.random.default_rng(3).standard_normal()
    assert_close(-whitener(run).best_shifts(residual), [drawn], rel=0.02)
    left = residual_maps(run, prediction, whitener(run))["volume_fraction"]
    assert left.shape == run.shape
    assert np.sqrt(np.mean(left**2)) < 1.2 < np.sqrt(np.mean(residual[: left.size] ** 2))


def test_without_shared_contributions_nothing_is_changed():
    run = measured(empty_run())
    residual = in_sigma(run, predict(run, PLAIN, TRUTH))
    assert whitener(run).names == ()
    assert_close(whitener(run)(residual), residual, rel=1e-12)


def test_the_footprint_errs_at_each_height_on_its_own():
    run = measured(empty_run(), shared=0.0)
    phi = run.channels["volume_fraction"]
    near = 0.002 * phi.values * (run.height < 75.0)
    white = whitener(replace(run, channels={"volume_fraction": replace(phi, shared={"footprint": near})}))
    assert white.names == ("volume_fraction.footprint at 0 um", "volume_fraction.footprint at 50 um")
    assert np.all(white.shifts[:, 0] * white.shifts[:, 1] == 0.0)
