"""One reader of geometry files: what pyFAI writes is read, what cannot be meant is refused by name."""

import sys
from pathlib import Path

import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.io.poni import read_poni, write_poni
from electrosaxs.nouns import DetectorGeometry

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import PONI


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "geometry.poni"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("Distance: 1.99389\n", "", "Distance = missing: .*in m"),
        ("1.99389", "two", "Distance = two"),
        ("1.99389", "0", "Distance = 0: must be in m, above 0"),
        ("1.99389", "-2.0", "Distance = -2.0: must be in m, above 0"),
        ("1.99389", "1993.89", "Distance = 1993.89: must be in m, .* at most 100; .*1993.89 mm is 1.99389 m"),
        ("Distance: 1.99389", "dist: 1993.89", "Distance = 1993.89: must be in m"),
        ("Poni1: 0.28", "Poni1: x", "Poni1 = x"),
        ("Poni2: 0.12\n", "", "Poni2 = missing"),
        ("Rot3: 0.0", "Rot3: nan", "Rot3 = nan"),
        ("9.322e-11", "-1", "Wavelength = -1: must be above 0"),
        ("9.322e-11", "short", "Wavelength = short"),
        ("Detector: Pilatus2M\n", "", "Detector = missing"),
    ],
)
def test_a_broken_file_names_its_line(tmp_path: Path, good: str, bad: str, message: str) -> None:
    assert good in PONI
    with pytest.raises(InputFileError, match=rf"geometry\.poni: {message}"):
        read_poni(written(tmp_path, PONI.replace(good, bad)))


def test_a_missing_file_and_a_picture_are_no_geometry(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"geometry = nothing\.poni: there is no such file"):
        read_poni(tmp_path / "nothing.poni")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\xff\xfe:")
    with pytest.raises(InputFileError, match="geometry = unreadable"):
        read_poni(picture)


def test_keys_are_read_in_any_case_and_a_distance_under_both_its_names(tmp_path: Path) -> None:
    whole = read_poni(written(tmp_path, PONI))
    other = PONI.lower().replace("pilatus2m", "Pilatus2M").replace("distance:", "dist:")
    assert read_poni(written(tmp_path, other)) == whole
    assert_close(whole.distance_m, 1.99389, rel=1e-15)
    assert whole.detector == {"poni_version": "2.1", "detector": "Pilatus2M", "detector_config": '{"orientation": 3}'}


def test_of_a_file_to_which_pyfai_appended_the_last_values_count(tmp_path: Path) -> None:
    later = PONI.replace("1.99389", "2.5").replace("Distance", "dist")
    assert_close(read_poni(written(tmp_path, PONI + later)).distance_m, 2.5, rel=1e-15)
    assert_close(read_poni(written(tmp_path, later + PONI)).distance_m, 1.99389, rel=1e-15)


def test_version_1_and_a_file_without_wavelength_are_read(tmp_path: Path, reference_data: Path) -> None:
    old = PONI.replace("poni_version: 2.1\nDetector: Pilatus2M\n", "PixelSize1: 1.72e-4\nPixelSize2: 1.72e-4\n")
    assert read_poni(written(tmp_path, old)).detector["pixelsize1"] == "1.72e-4"
    for text in (PONI.replace("Wavelength: 9.322e-11\n", ""), PONI.replace("9.322e-11", "None")):
        assert read_poni(written(tmp_path, text)).wavelength_m is None
    assert_close(read_poni(reference_data / "agbeh_pilatus1m" / "atT_SAXS.poni").distance_m, 2.9097, rel=1e-5)


def test_a_geometry_file_read_back_is_the_one_written(tmp_path: Path) -> None:
    import pyFAI

    config = '{"pixel1": 0.0001, "pixel2": 0.0002, "max_shape": [100, 200], "orientation": 3}'
    geometry = DetectorGeometry(
        source=tmp_path / "deep" / "a.poni",
        distance_m=1.2345678901234567,
        poni1_m=-0.0123,
        poni2_m=0.0456,
        rot1=0.01,
        rot2=-0.02,
        rot3=0.03,
        wavelength_m=9.3e-11,
        detector={"poni_version": "2.1", "detector": "Detector", "detector_config": config},
        comments=("made by hand", "not fixed: nothing"),
    )
    write_poni(geometry)
    back = read_poni(geometry.source)
    assert back.comments[-2:] == geometry.comments
    numbers = ("distance_m", "poni1_m", "poni2_m", "rot1", "rot2", "rot3", "wavelength_m", "detector")
    assert [getattr(back, name) for name in numbers] == [getattr(geometry, name) for name in numbers]
    theirs = pyFAI.load(str(geometry.source))
    assert_close([theirs.poni1, theirs.rot2, theirs.rot3], [-0.0123, -0.02, 0.03], rel=1e-12)
    assert theirs.detector.shape == (100, 200)
