"""Image in; geometry file, picture and numbers out."""

import json
from pathlib import Path

import fabio
import numpy as np
import pytest
from closeness import assert_close
from powder_image import PIXEL, powder_image

from electrosaxs.calibration.ring_geometry import untilted
from electrosaxs.errors import CalibrationError, InputFileError
from electrosaxs.io.poni import read_poni
from electrosaxs.recipes.calibrate import calibrate_image, detector_by_shape, summary

WAVELENGTH = 1.0332e-10
ENERGY = 12.398419843320026 / 1.0332


@pytest.fixture(scope="module")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pilatus 300K, EDF inside a name that ends in .cbf."""
    counts = powder_image(untilted(0.7, (310.4, 260.8), PIXEL), shape=(619, 487), wavelength_m=WAVELENGTH, peak=80.0)
    path = tmp_path_factory.mktemp("calibrant") / "agbh_0001.cbf"
    edf = path.with_suffix(".edf")
    fabio.edfimage.EdfImage(data=counts).write(str(edf))
    return edf.rename(path)


def test_an_image_becomes_geometry_picture_and_numbers(image_file: Path, tmp_path: Path) -> None:
    import pyFAI

    output = tmp_path / "deep" / "geometry.poni"
    found = calibrate_image(image_file, energy_keV=ENERGY, output=output)
    theirs = pyFAI.load(str(output))
    assert_close(theirs.dist, 0.7, rel=1e-3)
    assert_close([theirs.poni1, theirs.poni2], [found.poni1_m, found.poni2_m], rel=1e-12)
    assert theirs.detector.shape == (619, 487)
    assert_close(theirs.wavelength, WAVELENGTH, rel=1e-9)
    ours = read_poni(output)
    assert ours.detector["poni_version"] == "2.1"
    comments = "\n".join(ours.comments)
    assert "agbh_0001.cbf" in comments
    assert "energy 1 % higher" in comments
    assert "rms" in comments
    numbers = json.loads(output.with_suffix(".json").read_text())
    assert_close(numbers["distance"]["value"], 0.7, rel=1e-3)
    assert numbers["distance"]["unit"] == "m"
    assert numbers["distance"]["sigma"] > 0
    assert output.with_suffix(".png").stat().st_size > 20_000
    assert str(output) in summary(found, output)


def test_the_detector_follows_from_the_shape() -> None:
    assert detector_by_shape((1679, 1475), source="x") == "Pilatus2M"
    assert detector_by_shape((1043, 981), source="x") == "Pilatus1M"
    assert detector_by_shape((2167, 2070), source="x") == "Eiger4M"
    with pytest.raises(InputFileError, match=r"shared by .*Apex2"):
        detector_by_shape((1024, 1024), source="x")
    with pytest.raises(InputFileError, match="one known detector"):
        detector_by_shape((123, 77), source="x")


def test_nothing_is_written_for_an_image_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.edf"
    fabio.edfimage.EdfImage(data=np.random.default_rng(0).poisson(3.0, (619, 487)).astype(np.int32)).write(str(path))
    with pytest.raises(CalibrationError, match=r"noise.edf: rings found"):
        calibrate_image(path, energy_keV=12.0, output=tmp_path / "g.poni")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["noise.edf"]


def test_mistakes_are_named(image_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "g.poni"
    with pytest.raises(InputFileError, match=r"absent.tif: file = absent"):
        calibrate_image(tmp_path / "absent.tif", energy_keV=12.0, output=output)
    (tmp_path / "text.tif").write_text("no image")
    with pytest.raises(InputFileError, match=r"text.tif: file"):
        calibrate_image(tmp_path / "text.tif", energy_keV=12.0, output=output)
    with pytest.raises(InputFileError, match=r"agbh_0001.cbf: calibrant = salt"):
        calibrate_image(image_file, energy_keV=12.0, output=output, calibrant="salt")
    with pytest.raises(InputFileError, match=r"agbh_0001.cbf: energy_keV = 0"):
        calibrate_image(image_file, energy_keV=0.0, output=output)
    with pytest.raises(InputFileError, match=r"agbh_0001.cbf: distance_guess_m = 700.0: must be in m"):
        calibrate_image(image_file, energy_keV=12.0, output=output, distance_guess_m=700.0)
    with pytest.raises(InputFileError, match=r"agbh_0001.cbf: detector = Pilatos"):
        calibrate_image(image_file, energy_keV=12.0, output=output, detector="Pilatos")
    small = tmp_path / "mask.edf"
    fabio.edfimage.EdfImage(data=np.zeros((5, 5), dtype=np.uint8)).write(str(small))
    with pytest.raises(InputFileError, match=r"mask.edf: shape"):
        calibrate_image(image_file, energy_keV=ENERGY, output=output, mask=small)
