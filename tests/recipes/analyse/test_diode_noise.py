"""Where hardly any light passes, the noise of the diode is phi's: it is told by the dark frames of the knife edge."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from recipes.analyse.reduced_runs import reduced_run
from scipy.special import ndtr

from electrosaxs.analysis.concentration.diode_noise import DiodeNoise, diode_noise
from electrosaxs.recipes.analyse.diode_noise import doubts_of_the_diode, with_diode_noise
from electrosaxs.recipes.analyse.reduce_run import ReducedRun

FWHM, OPENED, COUNTS, NOISE = 34.0, 0.33, 8e6, 1e-6
HEIGHT = np.linspace(-110.0, 100.0, 22)
FAINT = np.array([0.2, 1e-4])
ROLES = ["solvent"] * 3 + ["alignment"] * HEIGHT.size + ["sample"] * FAINT.size


def run_with(
    *, seed: int = 1, noise: float = NOISE, clip: float = 1e-7, halo: float = 0.0, lowest: int = 0
) -> ReducedRun:
    """`halo` of the beam is ten times as wide; lowest: frames of the knife edge that were not taken."""
    random = np.random.default_rng(seed)
    x = 2.3548 * HEIGHT / FWHM
    light = (1.0 - halo) * ndtr(x) + halo * ndtr(x / 10.0)
    reading = np.maximum(
        OPENED * light * (1.0 + 2e-4 * random.standard_normal(x.size)) + noise * random.standard_normal(x.size), clip
    )
    counts = random.poisson(np.tile(0.5 * COUNTS * light[:, None], (1, 2))).astype(float)
    run = reduced_run(ROLES, counts=np.concatenate([np.full((3, 2), 1e6), counts, np.full((2, 2), 1e6)]))
    stage = np.concatenate([np.full(3, 900.0), HEIGHT + 7.0, np.full(2, 7.0)])
    table = replace(run.table, height=stage, transmission=np.concatenate([np.full(3, 0.4), reading, FAINT]))
    left_out = np.isin(np.arange(len(ROLES)), 3 + np.arange(lowest))
    flags = tuple(("unreadable",) if out else () for out in left_out)
    return replace(run, table=table, flags=flags)


def found(run: ReducedRun) -> float:
    diode = with_diode_noise(run).diode
    assert diode is not None
    return diode.sigma


@pytest.mark.parametrize(
    ("few", "noise", "most"), [(1, 1.0, 0.06), (2, 1.0, 0.06), (5, 1.0, 0.07), (2, 4.0, 0.15), (5, 20.0, 0.1)]
)
def test_further_readings_lie_within_two_sigmas_as_often_as_of_a_normal(few: int, noise: float, most: float) -> None:
    random = np.random.default_rng(4)
    told = np.array(
        [1e6 * diode_noise(1e-6 * noise * random.standard_normal(few), np.full(few, 1e-8)) for _ in range(300)]
    )
    assert np.mean(2.0 * ndtr(-2.0 * told / noise)) < most
    assert np.median(told) < 2.5 * noise


def test_readings_of_light_that_is_uncertain_leave_what_photodiodes_have() -> None:
    assert 1.0 < 1e6 * diode_noise(np.array([0.0]), np.array([3e-5])) < 8.0


@pytest.mark.parametrize("clip", [1e-7, -1.0])
def test_dark_frames_tell_it_be_they_clipped_or_below_nothing(clip: float) -> None:
    told = np.array([found(run_with(seed=seed, clip=clip)) for seed in range(40)])
    assert 0.7 * NOISE < np.median(told) < 2.5 * NOISE
    assert np.mean(2.0 * ndtr(-2.0 * told / NOISE)) < 0.08


def test_what_the_detector_sees_as_well_is_no_noise() -> None:
    assert found(run_with(halo=1e-4, noise=1e-8)) < 3e-6


def test_phi_where_hardly_any_light_passes_has_it() -> None:
    run = with_diode_noise(run_with())
    bright, faint = run.of_diode(np.array([len(ROLES) - 2, len(ROLES) - 1]))
    assert bright < 2e-5
    assert 0.005 < faint < 0.03
    assert "of phi, and in its sigma" in run.notes[-1]


def test_a_shorter_exposure_averages_less() -> None:
    noise = DiodeNoise(1e-6, 4.0, "")
    assert np.allclose(noise.relative(np.full(3, 1e-4), np.array([1.0, 4.0, 8.0])), [0.02, 0.01, 0.01])
    assert np.allclose(DiodeNoise(1e-6, np.nan, "").relative(np.array([1e-4]), np.array([1.0])), 0.01)


def test_the_run_file_says_it_better() -> None:
    run = run_with()
    beam = run.run.beam.model_copy(update={"transmission_sigma": 3e-6})
    assert found(replace(run, run=run.run.model_copy(update={"beam": beam}))) == 3e-6


def test_where_nothing_tells_it_the_numbers_of_phi_say_so() -> None:
    run = with_diode_noise(run_with(lowest=7))
    assert run.diode is None
    frames = np.array([len(ROLES) - 2, len(ROLES) - 1])
    voxels = SimpleNamespace(frame=frames, values={"phi": np.ones(2)})
    measured = SimpleNamespace(reduced=run, voxels=voxels, grid=SimpleNamespace(used=np.ones(2, dtype=bool)))
    (doubt,) = doubts_of_the_diode(measured)  # type: ignore[arg-type]
    assert "as little as 0.0001 of the beam passes in 1 frame(s)" in doubt.words
    assert {"anode_volume_fraction", "supply_flux"} <= doubt.names
    measured.voxels.values["phi"][1] = np.nan
    assert not doubts_of_the_diode(measured)  # type: ignore[arg-type]
