"""A deposit that grows where the layer has arrived is told from the layer, and a layer that is another one from a deposit."""

import numpy as np

from electrosaxs.analysis.concentration.deposit import change_beside_layer

HEIGHT = np.array([50.0, 100.0, 150.0, 300.0, 700.0, 1500.0])
SECONDS = np.tile(np.arange(1.0, 7.0)[:, None], (1, 6))
LAYER = np.exp(-HEIGHT / 120.0) * np.sqrt(SECONDS)
SLOPES = np.stack([LAYER, LAYER * HEIGHT / 120.0], axis=-1)
NOISE = 3e-4
ALL = np.ones(SECONDS.shape, dtype=bool)


def rest(seed: int = 1) -> np.ndarray:
    return SLOPES @ np.array([0.01, -0.02]) + NOISE * np.random.default_rng(seed).standard_normal(SECONDS.shape)


def changes(value: np.ndarray, told: np.ndarray = ALL) -> tuple[np.ndarray, np.ndarray]:
    found = change_beside_layer(value, np.full(value.shape, NOISE), LAYER, SLOPES, SECONDS, told)
    return found.per_second, found.sigma


def test_no_height_changes_where_the_layer_is_a_little_more_or_less() -> None:
    for seed in range(5):
        change, sigma = changes(rest(seed))
        assert np.all(np.abs(change) < 4.0 * sigma)


def test_two_deposits_are_told_and_no_other_height_is_blamed() -> None:
    value = rest()
    value[:, 3] += 2e-3 * SECONDS[:, 3]
    value[:, 4] += 4e-3 * SECONDS[:, 4]
    change, sigma = changes(value)
    assert np.flatnonzero(np.abs(change) > 5.0 * sigma).tolist() == [3, 4]
    assert np.all(np.abs(change - 1e-3 * np.array([0, 0, 0, 2, 4, 0])) < 4.0 * sigma)


def test_a_layer_of_another_shape_is_no_deposit() -> None:
    value = rest() + 0.01 * np.sin(HEIGHT / 90.0) * SECONDS
    change, sigma = changes(value)
    assert np.all(np.abs(change) < 5.0 * sigma)


def test_too_few_heights_or_scans_tell_nothing() -> None:
    for told in (ALL & (HEIGHT < 200.0), ALL & (SECONDS < 2.5)):
        change, sigma = changes(rest(), told)
        assert np.all(np.isnan(change) & np.isnan(sigma))
