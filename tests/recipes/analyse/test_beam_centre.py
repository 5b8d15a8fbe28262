"""Frames are integrated about the beam centre that they show, where they show one and not something else."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from simulated_runs import analysed, simulated

from electrosaxs.io.poni import read_poni
from electrosaxs.io.results import read_results
from electrosaxs.nouns import RunResults
from electrosaxs.recipes.analyse.beam_centre import about_the_beam
from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.geometry import Geometry, pixel_geometry

PONI = """poni_version: 2.1
Detector: Pilatus100k
Detector_config: {"orientation": 3}
Distance: 1.5
Poni1: 0.0172
Poni2: 0.0301
Rot1: 0.0
Rot2: 0.0
Rot3: 0.0
Wavelength: 9.1e-11
"""
Sensitivity = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


@pytest.fixture(scope="module")
def geometry(tmp_path_factory: pytest.TempPathFactory) -> Geometry:
    path = tmp_path_factory.mktemp("centre") / "geometry.poni"
    path.write_text(PONI)
    return pixel_geometry(read_poni(path))


def engine(geometry: Geometry) -> Integrator:
    return Integrator(geometry, mask=geometry.gaps(), q_min=0.1, q_max=1.6, bins=120, polarization=None)


def frames(geometry: Geometry, shift: tuple[float, float], seen: npt.NDArray[np.float64] | float = 1.0) -> list:
    """Five frames of particles of 3 nm gyration about a beam `shift` (column, row) pixels off; seen: by each pixel."""
    q = geometry.beside(*shift).q()
    expected = seen * np.where(geometry.gaps(), 0.0, 3e3 * np.exp(-((3.0 * q) ** 2) / 3.0) + 20.0)
    return [np.random.default_rng(seed).poisson(expected).astype(np.int32) for seed in range(5)]


def judged(geometry: Geometry, shown: list) -> tuple[Geometry, tuple[str, ...]]:
    first = [seen for frame in shown if (seen := engine(geometry).quarters(frame)) is not None]
    return about_the_beam(geometry, first, lambda: shown, engine)


@pytest.mark.parametrize("shift", [(0.3, 0.0), (-1.0, 0.6), (3.0, -2.0)])
def test_a_centre_that_is_off_is_corrected_to_a_few_hundredths_of_a_pixel(
    geometry: Geometry, shift: tuple[float, float]
) -> None:
    better, notes = judged(geometry, frames(geometry, shift))
    moved = np.array([better.engine.poni2 - geometry.engine.poni2, better.engine.poni1 - geometry.engine.poni1])
    assert np.all(np.abs(moved / geometry.engine.pixel1 - shift) < 0.03)
    assert "integrated about the centre that they show" in notes[0]


def test_a_centre_that_is_right_stays(geometry: Geometry) -> None:
    assert judged(geometry, frames(geometry, (0.0, 0.0))) == (geometry, ())


@pytest.mark.parametrize(("seam", "gain"), [(175, 1.05), (250, 1.3)])
def test_a_detector_that_sees_more_on_one_side_is_no_centre_that_is_off(
    geometry: Geometry, seam: int, gain: float
) -> None:
    """Two modules of a different gain, whose seam lies on the beam (no shift is seen) or beside it (4 pixels seem to be, and
    leave half of what the quarters disagree by)."""
    column = np.arange(geometry.shape[1])
    shown = frames(geometry, (0.0, 0.0), np.where(column > seam, gain, 1.0))
    assert judged(geometry, shown) == (geometry, ())


def test_a_hot_pixel_does_not_hide_what_the_quarters_show(geometry: Geometry) -> None:
    shown = frames(geometry, (0.4, 0.0))
    for frame in shown:
        frame[60, 300] += 40_000
    mask = geometry.gaps().copy()
    mask[60, 300] = True
    first = [seen for frame in shown if (seen := engine(geometry).quarters(frame)) is not None]

    def without(other: Geometry) -> Integrator:
        return Integrator(other, mask=mask, q_min=0.1, q_max=1.6, bins=120, polarization=None)

    better, _ = about_the_beam(geometry, first, lambda: shown, without)
    assert abs((better.engine.poni2 - geometry.engine.poni2) / geometry.engine.pixel2 - 0.4) < 0.03


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, RunResults]:
    folder = tmp_path_factory.mktemp("beside")
    scan = {"duration_s": 900.0, "heights_um": [0.0, 100.0, 300.0, 1500.0], "scans": 4}
    run = simulated(folder / "run", scan=scan, imperfections={"centre_shift_px": 1.5})
    return analysed(run, folder / "out"), read_results(run.parent / "truth.nxs")


def test_a_run_about_a_wrong_centre_loses_no_frame_and_no_number(beside: tuple[RunResults, RunResults]) -> None:
    found, truth = beside
    assert all(frame.used for frame in found.frames if frame.scan >= 0)
    note = next(note for note in found.notes if note.startswith("geometry: "))
    assert abs(float(note.split("off by ")[1].split()[0]) - 1.5) < 0.02
    for name in ("volume_fraction", "diameter"):
        one, right = getattr(found, name), getattr(truth, name)
        assert np.max(np.abs(one.values - right.values) / one.total_sigma) < 4.5
    assert found.numbers["starting_diameter"].quality == "good"
