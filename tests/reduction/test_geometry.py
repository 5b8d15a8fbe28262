"""A geometry file is read as pyFAI reads it, and what does not fit together is refused with the reason."""

import math
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import CalibrationError
from electrosaxs.io.poni import read_poni
from electrosaxs.materials import HC_KEV_NM, wavelength_nm
from electrosaxs.reduction.geometry import Geometry, pixel_geometry

VERSION_2 = """# a comment: with a colon
poni_version: 2.1
Detector: Pilatus100k
Detector_config: {"orientation": 3}
Distance: 2.0
Poni1: 0.016
Poni2: 0.041
Rot1: 0.0
Rot2: 0.0
Rot3: 0.0
Wavelength: 9.322e-11
"""
VERSION_1 = """PixelSize1: 0.000172
PixelSize2: 0.000172
Distance: 2.0
Poni1: 0.016
Poni2: 0.041
Rot1: 0.01
Rot2: 0.0
Rot3: 0.0
"""


def read_geometry(path: Path, **run: float | tuple[int, int]) -> Geometry:
    return pixel_geometry(read_poni(path), **run)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "geometry.poni"
    path.write_text(text)
    return path


def test_q_grows_with_the_angle_as_bragg_says(tmp_path: Path) -> None:
    geometry = read_geometry(written(tmp_path, VERSION_2))
    y, x = 180, 400
    radius = math.hypot((y + 0.5) * 172e-6 - 0.016, (x + 0.5) * 172e-6 - 0.041)
    expected = 4 * math.pi * math.sin(math.atan2(radius, 2.0) / 2) / 0.09322
    assert_close(geometry.q()[y, x], expected, rel=1e-9)
    assert geometry.shape == geometry.q().shape == (195, 487)


def test_oblique_pixels_see_less_of_the_beam(tmp_path: Path) -> None:
    """Solid angle cos^3; polarisation takes away where the electric field points to the pixel."""
    geometry = read_geometry(written(tmp_path, VERSION_2))
    tilt = np.arctan(np.hypot(0.016 - 194.5 * 172e-6, 0.041 - 486.5 * 172e-6) / 2.0)
    assert_close(geometry.weight(None)[194, 486], np.cos(tilt) ** 3, rel=1e-6)
    factor = geometry.weight(0.99) / geometry.weight(None)
    horizontal, vertical = factor[93, 486], factor[0, 238]
    assert horizontal < vertical <= 1.0


def test_version_1_takes_its_wavelength_from_the_energy_of_the_run(tmp_path: Path) -> None:
    geometry = read_geometry(written(tmp_path, VERSION_1), energy_keV=13.3, frame_shape=(100, 120))
    assert_close(geometry.wavelength, wavelength_nm(13.3), rel=1e-12)
    assert geometry.shape == (100, 120)
    assert not geometry.gaps().any()


def test_energies_that_differ_by_more_than_the_tolerance_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, VERSION_2)
    in_file = HC_KEV_NM / 0.09322
    assert read_geometry(path, energy_keV=in_file * 1.0015).wavelength == pytest.approx(0.09322, rel=1e-12)
    with pytest.raises(CalibrationError, match=r"geometry\.poni: Wavelength.*keV.*13\.4 keV within 0\.2%"):
        read_geometry(path, energy_keV=13.4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Detector: Pilatus100k", "Detector: Pilotus"), "pyFAI cannot read"),
        (('{"orientation": 3}', "{"), "pyFAI cannot read"),
        (("Wavelength: 9.322e-11\n", ""), "Wavelength = missing.*energy"),
    ],
)
def test_a_detector_unknown_to_pyfai_and_a_missing_wavelength_are_named(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(CalibrationError, match=rf"geometry\.poni: .*{message}"):
        read_geometry(written(tmp_path, VERSION_2.replace(*change)))


def test_a_geometry_is_that_of_pyfai_reading_the_same_file(tmp_path: Path) -> None:
    """All versions, tilted, with another orientation and with pyFAI's correction for parallax."""
    import pyFAI

    tilted = (
        VERSION_2.replace("Rot1: 0.0", "Rot1: 0.01")
        .replace("Rot2: 0.0", "Rot2: -0.02")
        .replace("Rot3: 0.0", "Rot3: 0.3")
    )
    silicon = '{"orientation": 3, "sensor": {"material": "Si", "thickness": 0.00045}}'
    for text in (
        tilted,
        tilted.replace('"orientation": 3', '"orientation": 2'),
        tilted.replace("2.1", "3").replace('{"orientation": 3}', silicon) + "Parallax: True\n",
        tilted.replace("poni_version: 2.1\n", "").replace('Detector_config: {"orientation": 3}\n', ""),
    ):
        path = written(tmp_path, text)
        theirs = pyFAI.load(str(path))
        ours = read_geometry(path)
        assert np.array_equal(ours.q(), theirs.center_array(ours.shape, unit="q_nm^-1", scale=False))
        assert np.array_equal(ours.weight(None), theirs.solidAngleArray(ours.shape))


def test_an_unnamed_detector_needs_the_size_of_the_frames(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="how many pixels"):
        read_geometry(written(tmp_path, VERSION_1), energy_keV=13.3)


def test_measured_geometry_has_silver_behenate_where_it_was_calibrated(reference_data: Path) -> None:
    geometry = read_geometry(reference_data / "agbeh_pilatus1m" / "atT_SAXS.poni", energy_keV=12.0)
    assert geometry.shape == (1043, 981)
    assert_close(geometry.distance, 2.9097, rel=1e-5)
    assert geometry.gaps().sum() > 30_000
