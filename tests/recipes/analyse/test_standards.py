"""The starting solution, seen through the reference frames, is the unit of everything after it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import FitError, InputFileError
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Role
from electrosaxs.recipes.analyse.reduce_run import ReducedRun, reduce_run
from electrosaxs.recipes.analyse.standards import (
    Standards,
    intensity,
    sample_intensity,
    solvent_transmission,
    standards,
)


@pytest.fixture(scope="module")
def quiet(quiet_nexus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReducedRun, Standards]:
    reduced = reduce_run(read_run(quiet_nexus), tmp_path_factory.mktemp("standards"))
    return reduced, standards(reduced)


def test_reference_has_the_sizes_of_the_starting_solution(quiet: tuple[ReducedRun, Standards]) -> None:
    fit = quiet[1].reference_fit
    assert abs(fit.diameter[0] - 7.1) < 4.0 * fit.sigma("diameter")[0]
    assert abs(fit.deviation[0] - 1.1) < 4.0 * fit.sigma("deviation")[0]
    assert quiet[1].reference_volume.value[0] > 0.0


def test_reference_less_solvent_is_the_mean_of_its_frames(quiet: tuple[ReducedRun, Standards]) -> None:
    reduced, standard = quiet
    frames = sample_intensity(reduced, standard, reduced.frames(Role.REFERENCE)).values
    assert frames.shape[0] == 3
    known = np.isfinite(frames).all(axis=0) & (standard.reference.values[0] > 1.0)
    assert known.sum() > 100
    assert_close(standard.reference.values[0][known], frames.mean(axis=0)[known], rel=2e-3)


def test_intensity_does_not_depend_on_the_monitors_gain(quiet: tuple[ReducedRun, Standards]) -> None:
    reduced, standard = quiet
    frames = reduced.frames(Role.SAMPLE)[:2]
    once, twice = (intensity(reduced, frames, scale * standard.monitor_scale, None).values for scale in (1.0, 2.0))
    assert_close(np.nanmedian(twice / once), 2.0, rel=1e-12)


def test_solvent_lets_through_what_toluene_and_the_cell_let_through(quiet: tuple[ReducedRun, Standards]) -> None:
    assert_close(solvent_transmission(quiet[0]), 0.409, rel=2e-3)


def test_dark_counts_are_taken_away(nexus_run: Path, quiet: tuple[ReducedRun, Standards], tmp_path: Path) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        data, role = file["entry/instrument/detector/data"], file["entry/frames/role"]
        names = role.asstr()[()]
        for index in range(len(data)):
            frame = data[index]
            data[index] = np.full_like(frame, 40) if names[index] == "empty" else frame + np.int32(40)
        role[...] = ["dark" if name == "empty" else name for name in names]
    reduced = reduce_run(read_run(nexus_run), tmp_path / "out")
    darkened = standards(reduced)
    assert darkened.dark is not None
    known = np.isfinite(darkened.dark.rate)
    assert_close(np.median(darkened.dark.rate[known]), 40.0, rel=0.03)
    fit = darkened.reference_fit
    assert_close(fit.diameter, quiet[1].reference_fit.diameter, rel=5e-3)
    assert_close(darkened.reference_volume.value, quiet[1].reference_volume.value, rel=5e-3)


def test_solvent_frames_that_are_all_broken_are_named(nexus_run: Path, tmp_path: Path) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        data = file["entry/instrument/detector/data"]
        for index in np.flatnonzero(file["entry/frames/role"].asstr()[()] == "solvent"):
            data[index] = np.full(data.shape[1:], -1)
    with pytest.raises(
        InputFileError, match=r"role = solvent: 3 frames, none usable \(all pixels masked.*one usable solvent"
    ):
        standards(reduce_run(read_run(nexus_run), tmp_path / "out"))


def test_a_reference_without_particles_is_refused(nexus_run: Path, tmp_path: Path) -> None:
    with h5py.File(nexus_run.parent / "frames.nxs", "r+") as file:
        role = file["entry/frames/role"]
        names = role.asstr()[()]
        names[names == "reference"] = "empty"
        names[np.flatnonzero(names == "solvent")[0]] = "reference"
        role[...] = list(names)
    with pytest.raises(
        FitError, match=r"frames\.nxs: reference frames = .*must scatter as spheres do, above the solvent"
    ):
        standards(reduce_run(read_run(nexus_run), tmp_path / "out"))
