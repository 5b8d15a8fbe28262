"""Detector geometry from calibrant images: measured ones with known answers, simulated ones, and ones to be refused."""

import re
from collections.abc import Callable
from pathlib import Path

import fabio
import numpy as np
import pytest
from closeness import assert_close
from powder_image import PIXEL, SILVER_BEHENATE_M, powder_image

from electrosaxs.calibration import calibrate as ring_calibration
from electrosaxs.calibration import ring_fit
from electrosaxs.calibration.calibrate import calibrate
from electrosaxs.calibration.ring_geometry import RingPoints, beam_centre, ring_tangents, untilted
from electrosaxs.errors import CalibrationError, ConvergenceError, InputFileError, ShapeError

SHAPE = (619, 487)
SMALL = (195, 487)  # Pilatus 100k
WAVELENGTH = 1.0332e-10
ENERGY = 12.398419843320026 / 1.0332


def simulated(geometry: np.ndarray, shape: tuple[int, int] = SHAPE, **options: float) -> np.ndarray:
    return powder_image(geometry, shape=shape, wavelength_m=WAVELENGTH, **{"peak": 60.0, **options})  # type: ignore[arg-type]


def tilted(distance: float, centre: tuple[float, float], rot1: float, rot2: float) -> np.ndarray:
    """The geometry whose direct beam meets the detector at `centre` (pixel)."""
    geometry = untilted(distance, centre, PIXEL) + np.array([0, 0, 0, np.deg2rad(rot1), np.deg2rad(rot2)])
    geometry[1:3] += (np.array(centre) - beam_centre(geometry, PIXEL)) * PIXEL[0]
    return geometry


def test_pilatus_1m_distance_within_a_thousandth(reference_data: Path) -> None:
    folder = reference_data / "agbeh_pilatus1m"
    image = fabio.open(str(next(folder.glob("*AgBeh*.cbf")))).data
    found = calibrate(image, detector="Pilatus1M", energy_keV=12.0)
    assert_close(found.distance_m, 2.9096968104998107, rel=1e-3)
    assert_close(found.beam_centre_px, [626.704, 491.214], rel=0.0, floor=0.5)
    assert found.quality.rings == (1, 2)


@pytest.mark.parametrize("number", [139, 161])
def test_pilatus_300k_distances_and_centres_without_the_header(reference_data: Path, number: int) -> None:
    """True distance 0.991 x stage + 0.25 mm (sd 1.5 mm); header centres count from the middle of the first pixel."""
    image = fabio.open(str(reference_data / "agbeh_pilatus300k" / f"SFU_latest_0000{number}_caz.tiff"))
    header = image.header["artist"] if "artist" in image.header else _artist(image.filename)
    stage, centre_y, centre_x = _header_truth(header)
    found = calibrate(image.data, detector="Pilatus300k", energy_keV=12.398419843320026 / 1.5418)
    assert abs(found.distance_m * 1e3 - (0.991 * stage + 0.25)) < 3.0
    assert_close(np.array(found.beam_centre_px) - 0.5, [centre_y, centre_x], rel=0.0, floor=0.5)


def _artist(name: str) -> str:
    from PIL import Image

    return str(Image.open(name).tag_v2[315])  # type: ignore[attr-defined]


def _header_truth(header: str) -> tuple[float, float, float]:
    stage = float(re.findall(r'"detector_dist">([\d.]+)', header)[0])
    y, x = re.findall(r'"beamcenter_actual">([\d.]+)\s+([\d.]+)', header)[0]
    return stage, float(y), float(x)


@pytest.mark.parametrize(
    ("distance", "centre", "tilt", "options"),
    [
        (0.2, (303.3, 215.8), (1.2, -0.7), {"peak": 300.0, "width_px": 1.5}),
        (1.1, (655.0, 30.5), (-1.9, 2.1), {"peak": 120.0}),
        (0.9, (280.0, 250.0), (0.0, 3.0), {"peak": 15.0, "width_px": 3.0}),
        (1.6, (90.4, 111.1), (0.0, 0.0), {"peak": 4.0, "width_px": 3.0}),
    ],
)
def test_simulated_geometry_is_recovered(
    distance: float, centre: tuple[float, float], tilt: tuple[float, float], options: dict[str, float]
) -> None:
    """Beam on and off the detector, tilts up to 3 degrees, few counts, hot pixels."""
    truth = tilted(distance, centre, *tilt)
    image = simulated(truth, **options)
    generator = np.random.default_rng(8)
    image[generator.integers(0, SHAPE[0], 40), generator.integers(0, SHAPE[1], 40)] = 10 ** generator.integers(3, 7, 40)
    found = calibrate(image, detector="Pilatus300k", energy_keV=ENERGY)
    assert abs(found.distance_m - distance) < 4.5 * found.sigmas["distance_m"]
    assert np.all(np.abs(np.array(found.beam_centre_px) - centre) < 4.5 * np.array(found.beam_centre_sigma_px))
    assert found.sigmas["distance_m"] < 3e-3 * distance


def test_eight_metres_on_a_large_detector() -> None:
    shape = (1679, 1475)
    truth = untilted(8.0, (840.0, -250.0), PIXEL)
    image = powder_image(truth, shape=shape, wavelength_m=0.8e-10, peak=20.0, width_px=4.0)
    found = calibrate(image, detector="Pilatus2M", energy_keV=12.398419843320026 / 0.8)
    assert abs(found.distance_m - 8.0) < 4.5 * found.sigmas["distance_m"]


@pytest.mark.parametrize("hidden", [1, 2])
def test_rings_are_numbered_rightly_behind_a_large_beam_stop(hidden: int) -> None:
    centre = (300.2, 240.9)
    truth = untilted(0.45, centre, PIXEL)
    row, column = np.indices(SHAPE)
    first = 0.45 * WAVELENGTH / 58.38e-10 / PIXEL[0]
    stop = np.hypot(row + 0.5 - centre[0], column + 0.5 - centre[1]) < (hidden + 0.5) * first
    found = calibrate(simulated(truth), detector="Pilatus300k", energy_keV=ENERGY, mask=stop)
    assert found.quality.rings[0] == hidden + 1
    assert_close(found.distance_m, 0.45, rel=1e-3)


def test_a_fit_that_does_not_converge_gives_no_geometry(monkeypatch: pytest.MonkeyPatch) -> None:
    image = simulated(untilted(0.7, (310.4, 260.8), PIXEL))
    points = RingPoints(
        np.array([0, 0, 1, 1]), np.array([310.0, 100.0, 15.0, 310.0]), np.array([200.0, 50.0, 20.0, 90.0]), np.ones(4)
    )
    monkeypatch.setattr(ring_fit, "EVALUATIONS", 1)
    tangents = ring_tangents(SILVER_BEHENATE_M, WAVELENGTH)
    with pytest.raises(ConvergenceError, match="did not converge in 1 evaluations"):
        ring_fit.fit_geometry(points, tangents, PIXEL, untilted(0.4, (300.0, 250.0), PIXEL), tilts=False)
    with pytest.raises(CalibrationError, match=r"image: .*must converge"):
        calibrate(image, detector="Pilatus300k", energy_keV=ENERGY)


@pytest.mark.slow
def test_sigmas_are_the_scatter_over_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulls of distance and centre over 14 simulated exposures; the search in one of them serves all as the start."""
    truth = tilted(0.4, (60.3, 120.7), 1.1, -1.7)
    search, starts = ring_calibration._starting_geometries, []
    monkeypatch.setattr(
        ring_calibration, "_starting_geometries", lambda *seen: starts or starts.extend(search(*seen)) or starts
    )
    pulls = []
    for seed in range(14):
        found = calibrate(simulated(truth, SMALL, peak=30.0, seed=seed), detector="Pilatus100k", energy_keV=ENERGY)
        off = np.array([found.distance_m - 0.4, *(np.array(found.beam_centre_px) - (60.3, 120.7))])
        pulls.append(off / [found.sigmas["distance_m"], *found.beam_centre_sigma_px])
    spread = np.std(pulls, axis=0)
    assert np.all((spread > 0.7) & (spread < 1.3)), spread
    assert 0.8 < np.sqrt(np.mean(np.square(spread))) < 1.25
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 1.0)


def test_distance_and_energy_are_told_only_as_a_ratio_near_the_beam() -> None:
    image = simulated(untilted(1.2, (300.0, 240.0), PIXEL))
    found = calibrate(image, detector="Pilatus300k", energy_keV=ENERGY)
    other = calibrate(image, detector="Pilatus300k", energy_keV=1.01 * ENERGY)
    slope = np.log(other.distance_m / found.distance_m) / np.log(1.01)
    assert_close(slope, found.energy.distance_slope, rel=5e-3)
    assert found.energy.energy_sigma > 0.01
    assert any("energy" in note for note in found.notes)


def test_tilts_that_the_image_does_not_fix_are_held_at_zero_and_said_so() -> None:
    found = calibrate(
        simulated(untilted(1.6, (300.0, 240.0), PIXEL), peak=5.0), detector="Pilatus300k", energy_keV=ENERGY
    )
    assert found.rot1 == found.rot2 == found.sigmas["rot1"] == 0.0
    assert any("tilts fixed at 0" in note for note in found.notes)


def test_one_ring_needs_a_guess() -> None:
    image = simulated(untilted(2.0, (300.0, 250.0), PIXEL), peak=200.0)
    with pytest.raises(CalibrationError, match="rings found = 1"):
        calibrate(image, detector="Pilatus300k", energy_keV=ENERGY)
    found = calibrate(image, detector="Pilatus300k", energy_keV=ENERGY, distance_guess_m=2.15)
    assert_close(found.distance_m, 2.0, rel=1e-3)


def _spheres(radius_nm: float) -> np.ndarray:
    row, column = np.indices(SMALL)
    q = np.maximum(np.hypot(row - 97.3, column - 250.2), 1.0) * 2 * np.pi / 0.10332 * PIXEL[0] / 1.5
    profile = np.zeros(SMALL)
    for step in np.linspace(-3, 3, 13):
        x = q * radius_nm * (1 + 0.05 * step)
        profile += np.exp(-0.5 * step**2) * np.square((np.sin(x) - x * np.cos(x)) / x**3)
    return np.random.default_rng(0).poisson(1e6 * profile / profile.max() + 1.0)


def _broad_ring() -> np.ndarray:
    row, column = np.indices(SHAPE)
    radius = np.hypot(row - 300.3, column - 250.2)
    return np.random.default_rng(0).poisson(50 + 300 * np.exp(-0.5 * np.square((radius - 120) / 25)))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: np.random.default_rng(0).poisson(5.0, SHAPE),
        lambda: np.zeros(SHAPE, dtype=int),
        lambda: np.full(SHAPE, -1),
        lambda: np.random.default_rng(0).poisson(np.linspace(5, 60, SHAPE[0])[:, None] * np.ones(SHAPE)),
        _broad_ring,
        lambda: _spheres(20.0),
        lambda: _spheres(40.0),
    ],
    ids=["noise", "nothing", "gaps", "gradient", "one broad ring", "spheres 20", "spheres 40"],
)
def test_images_without_powder_rings_are_refused(draw: Callable[[], np.ndarray]) -> None:
    image = draw()
    with pytest.raises(CalibrationError, match="; "):
        calibrate(image, detector="Pilatus300k" if image.shape == SHAPE else "Pilatus100k", energy_keV=12.0)


def test_a_broad_ring_is_refused_also_with_a_guess() -> None:
    with pytest.raises(CalibrationError):
        calibrate(_broad_ring(), detector="Pilatus300k", energy_keV=12.0, distance_guess_m=1.2)


@pytest.mark.parametrize("calibrant", ["LaB6", "PBBA"])
def test_another_calibrant_is_refused(calibrant: str) -> None:
    image = simulated(untilted(0.4, (97.0, 250.0), PIXEL), SMALL, peak=200.0)
    with pytest.raises(CalibrationError):
        calibrate(image, detector="Pilatus100k", energy_keV=ENERGY, calibrant=calibrant)


@pytest.fixture(scope="module")
def wide_angles() -> np.ndarray:
    """Rings up to wide angles, which the right energy explains."""
    image = simulated(untilted(0.12, (97.0, 250.0), PIXEL), SMALL, peak=200.0)
    assert_close(calibrate(image, detector="Pilatus100k", energy_keV=ENERGY).distance_m, 0.12, rel=1e-4)
    return image


@pytest.mark.parametrize("factor", [0.92, 1.5])
def test_a_wrong_energy_is_refused_where_rings_reach_wide_angles(wide_angles: np.ndarray, factor: float) -> None:
    with pytest.raises(CalibrationError):
        calibrate(wide_angles, detector="Pilatus100k", energy_keV=factor * ENERGY)


def test_measured_images_that_are_no_calibrants_are_refused(reference_data: Path) -> None:
    """Three modules of a Pilatus 2M, one above the other, are a Pilatus 300k."""
    image = fabio.open(str(next((reference_data / "pilatus2m_cbf").glob("*.cbf")))).data
    row, column = 4 * (195 + 17), 487 + 7  # the beam is in the middle one
    image = image[row : row + SHAPE[0], column : column + SHAPE[1]]
    with pytest.raises(CalibrationError):
        calibrate(image, detector="Pilatus300k", energy_keV=13.0)


def test_mistakes_in_the_arguments_are_named() -> None:
    image = np.zeros(SHAPE, dtype=np.int32)
    with pytest.raises(InputFileError, match=r"calibrant = Unobtainium.*AgBh"):
        calibrate(image, detector="Pilatus300k", energy_keV=12.0, calibrant="Unobtainium")
    with pytest.raises(InputFileError, match="energy_keV = -1"):
        calibrate(image, detector="Pilatus300k", energy_keV=-1.0)
    with pytest.raises(InputFileError, match=r"detector = Pilatus300q.*Pilatus2M"):
        calibrate(image, detector="Pilatus300q", energy_keV=12.0)
    with pytest.raises(InputFileError, match="image shape"):
        calibrate(image, detector="Pilatus2M", energy_keV=12.0)
    with pytest.raises(ShapeError, match="mask"):
        calibrate(image, detector="Pilatus300k", energy_keV=12.0, mask=np.zeros((3, 3)))
