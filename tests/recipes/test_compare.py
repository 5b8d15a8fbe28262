"""A pull is (value - truth) / sigma, a bias its median over the map: signs, units and gaps."""

import numpy as np
import pytest
from closeness import assert_close
from synthetic_maps import HEIGHTS_UM, frame_times, growing_layer, volume_fraction_map

from electrosaxs.nouns import Number, RunResults
from electrosaxs.recipes.compare import compare, pulls

TIME = frame_times(scans=4)
TRUE = growing_layer(TIME)


def results(phi: np.ndarray, *, sigma: float, missing: np.ndarray | None = None, **numbers: Number) -> RunResults:
    noun = volume_fraction_map(phi, TIME, sigma=np.full(phi.shape, sigma), missing=missing)
    return RunResults("test", noun, numbers=numbers)


def test_pulls_count_sigmas_and_skip_what_is_not_known() -> None:
    missing = np.zeros(TIME.shape, dtype=bool)
    missing[1, 2] = True
    measured = results(TRUE + 3e-5, sigma=2e-5, missing=missing)
    pull = pulls(measured.volume_fraction, results(TRUE, sigma=0.0).volume_fraction)
    assert np.isnan(pull[1, 2])
    assert_close(pull[~missing], np.full(TIME.size - 1, 1.5), rel=1e-9)


def test_shared_contributions_are_part_of_the_sigma() -> None:
    shared = {"reference": np.full(TIME.shape, 4e-5)}
    measured = volume_fraction_map(TRUE + 1e-4, TIME, sigma=np.full(TIME.shape, 3e-5), shared=shared)
    pull = pulls(measured, results(TRUE, sigma=0.0).volume_fraction)
    assert_close(pull, np.full(TIME.shape, 2.0), rel=1e-9)


def test_bias_of_the_volume_fraction_is_relative() -> None:
    found = compare(results(0.99 * TRUE, sigma=1e-5), results(TRUE, sigma=0.0)).maps[0]
    assert (found.name, found.points, found.relative) == ("volume_fraction", 4 * HEIGHTS_UM.size, True)
    assert_close(found.bias, -0.01, rel=1e-9)
    assert found.pull_mean < 0.0


def test_numbers_that_either_side_lacks_have_no_pull() -> None:
    measured = results(
        TRUE,
        sigma=1e-5,
        onset_time=Number(590.0, 20.0, "s", "kink"),
        slice_flux=Number.absent("m/s", "two scans"),
        anode_height=Number(4.6, 0.0, "um", "given"),
        normalisation_noise=Number(2e-4, 1e-4, "one", "scatter"),
    )
    truth = results(
        TRUE,
        sigma=0.0,
        onset_time=Number(550.0, 0.0, "s", "set"),
        slice_flux=Number(7e-10, 0.0, "m/s", "set"),
        anode_height=Number(4.5, 0.0, "um", "set"),
    )
    comparison = compare(measured, truth)
    found = {n.name: n.pull for n in comparison.numbers}
    assert found == {"onset_time": pytest.approx(2.0), "slice_flux": None, "anode_height": None}
    table = comparison.table()
    assert "onset_time" in table
    assert "+2.00  s" in table
    assert comparison.to_json()["numbers"][1]["value"] is None
    widths = {len(line) for line in table.splitlines()[:2]}
    assert len(widths) == 1  # the columns are aligned
