"""Each frame on its own: blocks, order and neighbours change nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis.synthetic_curves import DRY_SHELL_NM, field_selected_sizes, gaussian_sizes, synthetic_sample
from closeness import assert_close
from recipes.analyse.reduced_runs import reduced_run, standards_of

from electrosaxs.analysis.concentration.invariant import ParticleVolume, particle_volume
from electrosaxs.analysis.concentration.normalisation_noise import NormalisationNoise
from electrosaxs.analysis.kinetics.scan_map import scan_map
from electrosaxs.analysis.spheres.fit import fit_spheres
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import FloatArray, Number, Role, SampleIntensity
from electrosaxs.nouns.contributions import SOLVENT
from electrosaxs.recipes.analyse import voxels as recipe
from electrosaxs.recipes.analyse.measured_run import MeasuredRun
from electrosaxs.recipes.analyse.reduce_run import ReducedRun, reduce_run
from electrosaxs.recipes.analyse.standards import Standards, standards
from electrosaxs.recipes.analyse.voxels import Voxels, measure, on_map, shared_on_map


@pytest.fixture(scope="module")
def quiet(quiet_nexus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReducedRun, Standards]:
    reduced = reduce_run(read_run(quiet_nexus), tmp_path_factory.mktemp("voxels"))
    return reduced, standards(reduced)


def measured(quiet: tuple[ReducedRun, Standards], frames: np.ndarray) -> Voxels:
    return MeasuredRun(*quiet, Voxels.empty(frames)).again(*quiet).voxels


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
    nothing = Voxels.empty(frames)
    holed = nothing.replaced([kept])
    grid = scan_map(reduced.table.height[frames], reduced.table.time[frames], np.isfinite(holed.values["phi"]))
    phi = on_map(holed, grid, "phi")
    assert phi.shape == (4, 5)
    assert np.isfinite(phi).sum() == 3
    assert np.isfinite(shared_on_map(holed, grid, "phi")["reference"]).sum() == 3
    assert shared_on_map(nothing, grid, "phi") == {}


PHI0 = 8e-4
START = gaussian_sizes(7.1, 1.1)


def read(sample: SampleIntensity) -> ParticleVolume:
    return particle_volume(sample, fit_spheres(sample), dry_shell_nm=DRY_SHELL_NM)


def made(
    sample: SampleIntensity,
    reference: SampleIntensity,
    *,
    noise: float = 0.0,
    phi0_sigma: float | None = None,
    in_modes: bool = True,
    flags: tuple[tuple[str, ...], ...] | None = None,
) -> Voxels:
    """Voxels of `sample` against a pooled `reference`; noise: relative, of the normalisation of each frame and of both
    standards."""
    standard = standards_of(reference, noise=noise, in_modes=in_modes)
    frames = np.arange(sample.values.shape[0])
    known = {} if phi0_sigma is None else {"volume_fraction_sigma": phi0_sigma}
    reduced = reduced_run(["sample"] * frames.size, volume_fraction=PHI0, **known)
    found = fit_spheres(sample)
    found = found if flags is None else replace(found, flags=flags)
    return measure(frames, sample, found, reduced=reduced, standard=standard)


def from_solvent(voxels: Voxels) -> FloatArray:
    """Sigma of phi by all that the solvent brings."""
    return np.sqrt(sum(np.square(np.nan_to_num(voxels.shared["phi"][name])) for name in SOLVENT))


@pytest.mark.parametrize(
    ("gain", "phi"), [(1.0, 8e-4), (0.05, 8e-5), (0.001, 8e-4)], ids=["plenty", "0.1 per pixel, a tenth", "hardly any"]
)
def test_sigma_of_phi_is_the_scatter(gain: float, phi: float) -> None:
    sizes, errors, sigmas = field_selected_sizes(0.05), [], []
    for seed in range(1, 41):
        options: dict[str, Any] = {"solvent_gain": 6 * gain, "solvent_seed": seed}
        reference = synthetic_sample(START, gain=[gain] * 6, seed=1000 + seed, **options)
        sample = synthetic_sample(sizes, phi, gain=[gain] * 5, seed=seed, **options)
        voxels = made(sample, reference, in_modes=False)
        own, shared = voxels.values["phi_sigma"], voxels.shared["phi"]["reference"]
        errors.append(voxels.values["phi"] - phi)
        sigmas.append(np.sqrt(own**2 + shared**2 + from_solvent(voxels) ** 2))
    pulls = np.ravel(errors) / np.ravel(sigmas)
    assert 0.88 < np.std(pulls) < 1.15  # 200 draws: 1.00 +/- 0.05
    assert abs(np.mean(errors)) < 0.3 * np.mean(sigmas) + 3e-4 * phi


CELL = [START, gaussian_sizes(6.4, 1.0), gaussian_sizes(7.5, 1.0)]
CONTENT = [8e-4, 8e-5, 4e-3]


@pytest.mark.parametrize("noise", [0.0, 0.02], ids=["counting", "counting and monitor"])
def test_references_part_of_phi_is_what_other_references_would_have_made_of_it(noise: float) -> None:
    """200 references, each with its own counts and monitor, under one solvent: the scatter of the same voxels' phi."""
    sample = synthetic_sample(CELL, CONTENT, seed=None)
    options: dict[str, Any] = {"gain": 0.02, "solvent_gain": 50.0}
    stated = made(sample, synthetic_sample(START, seed=None, **options), noise=noise)
    one = synthetic_sample(START, seed=None, **options)
    random, content = np.random.default_rng(7), read(sample).value
    gross = one.values[0] + one.coord("solvent")
    spread = np.sqrt(gross * one.coord("per_count")[0])
    found = []
    for _ in range(200):
        data = one.data.copy()
        data.values = (
            one.values + spread * random.standard_normal(gross.size) + noise * random.standard_normal() * gross
        )
        found.append(PHI0 * content / read(SampleIntensity(data, one.shared)).value[0])
    assert_close(stated.shared["phi"]["reference"], np.std(found, axis=0), rel=0.15)  # 0.05 is one sigma


@pytest.mark.parametrize("noise", [0.0, 0.02], ids=["counting", "counting and monitor"])
def test_backgrounds_part_of_phi_is_what_another_solvent_would_have_made_of_it(noise: float) -> None:
    """200 solvents, subtracted from voxels and reference alike; at the starting phi and sizes they hardly matter."""
    options: dict[str, Any] = {"gain": 1.0, "solvent_gain": 0.02}
    voxels, one = synthetic_sample(CELL, CONTENT, seed=None, **options), synthetic_sample(START, seed=None, **options)
    stated = from_solvent(made(voxels, one, noise=noise))
    solvent, random, found = one.coord("solvent"), np.random.default_rng(8), []
    for _ in range(200):
        error = np.sqrt(one.coord("solvent_variance")) * random.standard_normal(solvent.size)
        error = error + noise * random.standard_normal() * solvent
        read_again = []
        for sample in (voxels, one):
            data = sample.data.copy()
            data.values = sample.values - error
            read_again.append(read(SampleIntensity(data, sample.shared)).value)
        found.append(PHI0 * read_again[0] / read_again[1][0])
    assert_close(stated[1:], np.std(found, axis=0)[1:], rel=0.15)  # 0.05 is one sigma
    assert stated[0] / CONTENT[0] < 0.05 * stated[1] / CONTENT[1]


def test_the_starting_solutions_own_sigma_is_the_same_share_of_every_phi() -> None:
    sample, reference = synthetic_sample(CELL, CONTENT, seed=None), synthetic_sample(START, seed=None)
    voxels = made(sample, reference, phi0_sigma=4e-5)
    assert_close(voxels.shared["phi"]["starting_solution"], 0.05 * voxels.values["phi"], rel=1e-12)
    assert np.isnan(made(sample, reference).shared["phi"]["starting_solution"]).all()


def test_what_is_measured_again_replaces_only_its_own_frames() -> None:
    voxels = made(synthetic_sample(CELL, CONTENT, seed=None), synthetic_sample(START, seed=None))
    other = replace(
        made(synthetic_sample([START], 2e-3, seed=None), synthetic_sample(START, seed=None)),
        frame=np.array([1]),
        flags=(("seen again",),),
    )
    both = voxels.replaced([other])
    assert_close(
        both.values["phi"], [voxels.values["phi"][0], other.values["phi"][0], voxels.values["phi"][2]], rel=1e-12
    )
    assert both.shared["diameter"]["background"][1] == other.shared["diameter"]["background"][0]
    assert both.flags == ((), ("seen again",), ())
    assert_close(voxels.values["phi"], CONTENT, rel=2e-3)


def test_sizes_that_a_bound_holds_are_not_known_but_phi_is() -> None:
    flags = (("diameter at bound",), ("poor fit",), ())
    sample, reference = synthetic_sample(CELL, CONTENT, seed=None), synthetic_sample(START, seed=None)
    voxels = made(sample, reference, in_modes=False, flags=flags)
    for name in ("diameter", "deviation_sigma", "polydispersity", "skewness"):
        assert np.isnan(voxels.values[name]).tolist() == [True, False, False]
    assert_close(voxels.values["phi"], CONTENT, rel=2e-3)
    assert voxels.flags == flags


def test_a_frame_of_which_nothing_is_known_has_no_phi_and_says_so() -> None:
    """Else 500 +- 1e8 would stand in profiles and integrals as if it were measured."""
    sample = synthetic_sample([START] * 3, 8e-4, gain=[1.0, 1e-3, 1e-10], seed=3)
    voxels = made(sample, synthetic_sample(START, gain=[1.0] * 6), in_modes=False)
    assert np.isfinite(voxels.values["phi"]).tolist() == [True, True, False]
    assert [recipe.NOTHING_TOLD in flags for flags in voxels.flags] == [False, False, True]
    assert np.isfinite(voxels.values["phi_sigma"][2])


def test_an_emptied_height_reads_nothing_within_its_sigma_as_often_below_as_above() -> None:
    """Spheres of free size fit no flat curve, or any wriggle of it, and their scale is above 0 all the same."""
    left = np.concatenate([np.zeros(60), [2e-4, 8e-4]])
    sample = synthetic_sample(START, left, gain=0.02, solvent_gain=1e4, background=0.1, seed=5)
    voxels = made(sample, synthetic_sample(START, gain=[1.0] * 6, solvent_gain=1e4), in_modes=False)
    phi, sigma = voxels.values["phi"], voxels.values["phi_sigma"]
    assert np.isfinite(phi).all()
    assert [recipe.EMPTIED in flags for flags in voxels.flags] == [True] * 60 + [False] * 2
    assert not any(recipe.UNTOLD.intersection(flags) for flags in voxels.flags)
    counted = np.min(sigma[:60])  # where what is read is near 0 its size does not matter
    assert abs(phi[:60].mean()) < 0.4 * counted
    assert 0.75 < phi[:60].std() / counted < 1.25
    assert np.all(sigma[:60] < 8e-5)
    assert np.isnan(voxels.values["diameter"][:60]).all()
    assert_close(phi[60:], left[60:], rel=0.05)


def test_the_few_that_are_left_are_small_and_phi_has_that_in_its_sigma() -> None:
    """Large ones drift away first: 1.5 % of phi0 of 2.6 nm read as 3.5 nm was 0.5 %, nine sigmas off."""
    left = np.full(40, 1.6e-6)
    sample = synthetic_sample(gaussian_sizes(4.9, 0.6), left, gain=2e-3, solvent_gain=1e4, background=0.1, seed=5)
    reference = synthetic_sample(START, gain=[1.0] * 6, solvent_gain=1e4)
    voxels = made(sample, reference, in_modes=False, flags=(("not converged",),) * left.size)
    read = np.array([recipe.EMPTIED in flags for flags in voxels.flags])
    assert read.sum() > 20
    off, sigma = (voxels.values["phi"] - left)[read], voxels.values["phi_sigma"][read]
    assert off.mean() < -0.5 * left[0]
    assert np.mean(np.abs(off / sigma) < 2.0) > 0.9


def test_a_little_that_no_spheres_fit_is_read_with_the_starting_sizes() -> None:
    """Twenty sigmas of the counts, and less than a hundredth of the start: the frame was out in runs without a fault."""
    left = np.array([3.2e-6, 6e-6, 2e-5])
    sample = synthetic_sample(START, left, gain=0.1, solvent_gain=1e4, background=0.1, seed=5)
    reference = synthetic_sample(START, gain=[1.0] * 6, solvent_gain=1e4)
    voxels = made(sample, reference, in_modes=False, flags=(("not converged",),) * 3)
    assert [recipe.EMPTIED in flags for flags in voxels.flags] == [True, True, False]
    assert np.all(np.abs(voxels.values["phi"] - left)[:2] < 3.0 * voxels.values["phi_sigma"][:2])


def test_a_curve_that_no_spheres_fit_and_that_is_not_flat_is_not_empty() -> None:
    sample = synthetic_sample(START, [0.0, 8e-4], gain=0.02, solvent_gain=1e4, seed=5)
    reference = synthetic_sample(START, gain=[1.0] * 6, solvent_gain=1e4)
    voxels = made(sample, reference, in_modes=False, flags=(("not converged",), ("not converged",)))
    assert [recipe.EMPTIED in flags for flags in voxels.flags] == [True, False]


def test_frames_that_are_measured_again_keep_what_only_the_first_time_knew() -> None:
    """Dead time is found before contacts are: its contribution outlives them."""
    both, again = Voxels.empty(np.arange(3)), Voxels.empty(np.array([1]))
    lost = np.array([1e-6, 2e-6, 3e-6])
    both = replace(both, shared={**both.shared, "phi": {**both.shared["phi"], "dead_time": lost}})
    again = replace(again, values={**again.values, "phi": np.array([2e-3])})
    together = both.replaced([again])
    assert_close(together.shared["phi"]["dead_time"], lost, rel=1e-12)
    assert together.values["phi"][1] == 2e-3
