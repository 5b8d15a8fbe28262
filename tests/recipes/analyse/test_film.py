"""Islands on a tilted anode: what is seen of the crystals is said to be a lower bound, phi at the anode has it in its sigma."""

from types import SimpleNamespace

import numpy as np
import pytest
from closeness import assert_close
from simulated_runs import analysed, simulated

from electrosaxs.io.results import read_results
from electrosaxs.nouns import Number, RunResults, VolumeFraction
from electrosaxs.recipes.analyse.film import film_study
from electrosaxs.recipes.analyse.film_shadow import Shadow

SCAN = {
    "duration_s": 1500.0, "heights_um": [0.0, 50.0, 100.0, 250.0, 600.0, 1500.0, 3450.0], "scans": 7,
    "reference_frames": 3, "solvent_frames": 3,
}  # fmt: skip
GROWTH = {"solubility": 0.009, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, RunResults]:
    folder = tmp_path_factory.mktemp("film")
    wrong = {"islands": True, "anode_tilt_mrad": 4.0}
    run = simulated(folder / "run", scan=SCAN, growth=GROWTH, imperfections=wrong)
    return analysed(run, folder / "out"), read_results(run.parent / "truth.nxs")


def number(results: RunResults, name: str) -> tuple[float, float, Number]:
    found = results.numbers[name]
    assert found.value is not None
    assert found.sigma is not None
    return found.value, found.sigma, found


def test_what_is_seen_of_a_film_in_its_own_shadow_is_a_lower_bound(film: tuple[RunResults, RunResults]) -> None:
    results, truth = film
    amount, sigma, found = number(results, "crystalline_amount")
    lost, unsure, _ = number(results, "solution_loss")
    right, lit = (truth.numbers[name].value for name in ("solution_loss_beside_crystals", "crystalline_amount"))
    assert right is not None
    assert lit is not None
    assert amount + 3.0 * sigma < right
    assert abs(amount - lit) < 3.0 * sigma
    left = truth.numbers["solution_loss"].value
    assert left is not None
    assert right < left  # the anode is looked at first
    assert abs(lost - left) < 3.0 * unsure
    assert "a lower bound: the film takes" in found.source
    assert found.quality.startswith("doubtful: a lower bound")
    assert results.numbers["crystalline_fraction"].quality.startswith("doubtful: a lower bound")


def test_the_tilt_is_told_by_how_dark_the_film_is_and_not_by_the_edge(film: tuple[RunResults, RunResults]) -> None:
    tilt, sigma, _ = number(film[0], "anode_tilt")
    assert abs(tilt - 4.0) < 3.0 * sigma < 6.0
    assert number(film[0], "anode_edge_spread")[0] < 1.0
    assert "an even tilt along the beam does not show" in film[0].numbers["anode_edge_spread"].source


def test_no_frame_is_lost_to_the_shadow_and_none_is_surer_than_it_may_be(film: tuple[RunResults, RunResults]) -> None:
    results, truth = film
    anode = results.volume_fraction
    assert np.all(anode.good[:, 0])
    pulls = np.abs(anode.values - truth.volume_fraction.values) / anode.total_sigma
    assert np.nanmax(np.where(anode.good, pulls, np.nan)) < 4.5
    hidden = np.asarray(anode.shared["shadow"].values)
    assert np.all(hidden[:2] == 0.0)
    assert hidden[-1, 0] > 0.1 * anode.values[-1, 0]
    assert np.all(hidden[:, 3:] < 1e-6)
    sizes = [
        np.asarray(getattr(results, name).shared["shadow"].values)[-1, 0] for name in ("deviation", "polydispersity")
    ]
    ratio = results.polydispersity.values[-1, 0] / results.deviation.values[-1, 0]
    assert_close(sizes[1], sizes[0] * ratio, rel=0.05)  # a ratio has no nanometres


def test_light_that_a_lower_stage_lacks_is_no_film_of_crystals() -> None:
    """A stage that lost 12 um: three quarters of the light at the anode gone from scan 5 on, no curve with crystals, and 0.083
    +- 0.001 um of them in the numbers of a run that has none."""
    heights, scans = np.array([0.0, 30.0, 90.0, 300.0, 1000.0, 2100.0]), 8
    time = np.add.outer(90.0 * np.arange(scans), 12.0 * np.arange(heights.size))
    values = 6e-4 * (1.0 + np.outer(1.0 + np.arange(scans), np.exp(-heights / 80.0)))
    phi = VolumeFraction.from_arrays(
        values,
        dims=("scan", "height"),
        coords={"time": (("scan", "height"), time), "height": (("height",), heights)},
        sigma=1e-3 * values,
    )
    missing = np.zeros(values.shape)
    missing[5:, 0] = 1.43
    depth = 90.0 * values
    density = np.exp(-0.5 * np.square(heights / 10.2))
    shadow = Shadow(
        missing, np.full(values.shape, 3e-3), np.zeros(values.shape), depth, np.full(values.shape, 90.0), density
    )
    run = SimpleNamespace(
        beam=SimpleNamespace(fwhm_um=24.0),
        cell=SimpleNamespace(gap_mm=2.2, path_length_mm=2.5),
        solution=SimpleNamespace(volume_fraction=6e-4),
    )
    maps = SimpleNamespace(
        phi=phi, crystalline_fraction=np.zeros(values.shape), diameter=SimpleNamespace(values=values)
    )
    crystals = SimpleNamespace(column=0, crystalline_fraction=None)
    study = film_study(shadow, crystals, maps, run, SimpleNamespace(surely_wavy_um=0.0), 0.5)  # type: ignore[arg-type]
    amount = study.numbers["crystalline_amount"]
    assert amount.value is not None
    assert amount.sigma is not None
    assert amount.value < 1.01 * amount.sigma
    assert "there may be none" in study.doubts[0].words
    assert study.notes == ()


def test_the_flux_into_the_slice_has_what_is_hidden_of_the_crystals_in_its_sigma(
    film: tuple[RunResults, RunResults],
) -> None:
    """Against the flux at 50 um: crystals below it are counted by the model, seen or not."""
    results, truth = film
    mean, right = results.flux_slice_mean, truth.flux
    assert mean is not None
    assert right is not None
    onset = number(results, "onset_time")[0]
    time, good = mean.coord("time"), mean.good
    flux = np.interp(time, right.coord("time")[:, 1], right.values[:, 1])
    pull = (mean.values - flux) / mean.total_sigma
    since = good & (time > onset)
    assert since.sum() >= 2
    assert np.all(np.abs(pull[good]) < 2.5)
    alone = np.square(mean.total_sigma) - np.square(mean.shared["shadow"].values)
    assert np.any(np.abs(mean.values - flux)[since] > 3.0 * np.sqrt(alone[since]))
