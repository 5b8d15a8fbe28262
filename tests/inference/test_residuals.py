from dataclasses import replace

import numpy as np
from closeness import assert_close
from fit_cases import PLAIN, TRUTH, empty_run, measured

from electrosaxs.inference.forward import predict
from electrosaxs.inference.observations import SIZES, StartErrors
from electrosaxs.inference.residuals import LARGEST_CORRELATION, in_sigma, residual_maps, whitener


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
    prediction = predict(run, PLAIN, TRUTH, classes=41, halvings=2, rtol=2e-5)
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


def test_errors_that_hang_together_have_the_chi_squared_of_the_full_covariance():
    """Within voxels, over the channels and with the starting sizes: against the covariance written out."""
    run = measured(empty_run(), seed=6)
    points = run.time.size
    random = np.random.default_rng(2)
    channels = dict(run.channels)
    modes = {name: 0.5 * random.standard_normal(points) * channel.sigma for name, channel in channels.items()}
    for name, channel in channels.items():
        used = random.random(points) > 0.1
        channels[name] = replace(channel, shared={"background_1": modes[name]}, used=used)
    pairs = {
        ("volume_fraction", "diameter"): np.full(points, -0.5),
        ("volume_fraction", "deviation"): np.full(points, 0.4),
        ("diameter", "deviation"): np.full(points, -0.9),
    }
    change = np.array([0.002, -0.0003])
    start = StartErrors(-0.6, {"background_1": change})
    run = replace(run, channels=channels, correlation=pairs, start_errors=start)
    white = whitener(run, SIZES)
    assert white.names == ("background_1",)

    order = [(name, point) for name in channels for point in np.flatnonzero(channels[name].used)]
    own = np.eye(len(order) + 2)
    for i, (one, here) in enumerate(order):
        for j, (other, there) in enumerate(order):
            if here == there and one != other:
                own[i, j] = LARGEST_CORRELATION * pairs.get((one, other), pairs.get((other, one)))[here]
    own[-2, -1] = own[-1, -2] = -0.6 * LARGEST_CORRELATION
    sigma = [start.independent(name, getattr(run, name.replace("starting", "start")).sigma) for name in SIZES]
    mode = np.array([modes[name][point] / channels[name].sigma[point] for name, point in order])
    mode = np.concatenate([mode, change / np.array(sigma)])
    residual = random.standard_normal(own.shape[0])
    covariance = own + np.outer(mode, mode)
    assert_close(white(residual) @ white(residual), residual @ np.linalg.solve(covariance, residual), rel=1e-9)


def test_a_starting_size_keeps_what_no_shared_number_explains():
    errors = StartErrors(0.0, {"reference": np.array([0.003, 0.0]), "background_1": np.array([0.0, 0.0007])})
    assert_close(errors.independent("starting_diameter", 0.005), 0.004, rel=1e-12)
    assert_close(errors.independent("starting_polydispersity", 0.0007), 0.1 * 0.0007, rel=1e-12)
