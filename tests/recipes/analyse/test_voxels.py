"""Each frame on its own: blocks, order and neighbours change nothing."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.kinetics.scan_map import scan_map
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role
from electrosaxs.recipes.analyse import voxels as recipe
from electrosaxs.recipes.analyse.reduce_run import ReducedRun, reduce_run
from electrosaxs.recipes.analyse.standards import Standards, standards
from electrosaxs.recipes.analyse.voxels import Voxels, fitted_blocks, measure, on_map, shared_on_map


@pytest.fixture(scope="module")
def quiet(quiet_nexus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReducedRun, Standards]:
    reduced = reduce_run(read_run(quiet_nexus), tmp_path_factory.mktemp("voxels"))
    return reduced, standards(reduced)


def measured(quiet: tuple[ReducedRun, Standards], frames: np.ndarray) -> Voxels:
    reduced, standard = quiet
    voxels = Voxels.empty(frames)
    for block in fitted_blocks(reduced, standard, frames):
        measure(voxels, block.rows, block.sample, block.fit, reduced=reduced, standard=standard)
    return voxels


def test_numbers_of_a_frame_do_not_depend_on_its_block(
    quiet: tuple[ReducedRun, Standards], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = quiet[0].frames(Role.SAMPLE)
    together = measured(quiet, frames)
    monkeypatch.setattr(recipe, "BLOCK", 3)
    in_blocks = measured(quiet, frames[::-1])
    for name in recipe.COLUMNS:
        assert_close(in_blocks.values[name][::-1], together.values[name], rel=1e-6, floor=1e-12)
    assert in_blocks.flags[::-1] == together.flags


def test_the_reference_frames_hold_the_starting_solution(quiet: tuple[ReducedRun, Standards]) -> None:
    voxels = measured(quiet, quiet[0].frames(Role.REFERENCE))
    phi, sigma = voxels.values["phi"], voxels.values["phi_sigma"]
    assert_close(phi.mean(), 8e-4, rel=1e-4)
    assert np.all(np.abs(phi - 8e-4) < 4.0 * sigma)
    assert np.all(sigma < 2e-3 * phi)


def test_photons_are_those_that_were_counted(quiet: tuple[ReducedRun, Standards]) -> None:
    reduced, _ = quiet
    frames = reduced.frames(Role.SAMPLE)[:3]
    counted = np.asarray(reduced.counts(frames).counts.values).sum(axis=1)
    assert_close(measured(quiet, frames).values["photons"], counted, rel=1e-9)


def test_noise_of_monitor_and_transmission_is_in_the_sigma_of_phi(quiet: tuple[ReducedRun, Standards]) -> None:
    from dataclasses import replace

    from electrosaxs.analysis.concentration.normalisation_noise import NormalisationNoise
    from electrosaxs.nouns import Number

    reduced, standard = quiet
    frames = reduced.frames(Role.SAMPLE)[15:]
    sigmas = {}
    for noise in (0.0, 0.02):
        noisy = replace(standard, normalisation=NormalisationNoise(Number(noise, 0.0, "one", "chosen"), False, noise))
        voxels = measured((reduced, noisy), frames)
        sigmas[noise] = voxels.values["phi_sigma"]
    more = np.sqrt(sigmas[0.02] ** 2 - sigmas[0.0] ** 2)
    assert np.all(more > 0.019 * voxels.values["phi"])  # 2 % of phi, and of the solvent that is subtracted
    assert np.all(more < 0.04 * voxels.values["phi"] + 0.02 * 8e-4)


def test_a_frame_left_out_is_a_hole_in_every_column(quiet: tuple[ReducedRun, Standards]) -> None:
    reduced, _ = quiet
    frames = reduced.frames(Role.SAMPLE)
    kept = measured(quiet, frames[:3])
    holed = Voxels.empty(frames)
    holed.values["phi"][:3] = kept.values["phi"]
    grid = scan_map(reduced.table.height[frames], reduced.table.time[frames], np.isfinite(holed.values["phi"]))
    phi = on_map(holed, grid, "phi")
    assert phi.shape == (4, 5)
    assert np.isfinite(phi).sum() == 3
    assert shared_on_map(holed, grid, "phi") == {}
