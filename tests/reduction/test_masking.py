"""A mask means 1 = masked, and one that means something else is refused, not repaired."""

from pathlib import Path

import fabio
import numpy as np
import pytest

from electrosaxs.errors import InputFileError, ShapeError
from electrosaxs.reduction.geometry import Geometry
from electrosaxs.reduction.masking import read_mask, static_mask

Q = {"q_min": 0.1, "q_max": 1.8}


def saved(path: Path, values: np.ndarray) -> Path:
    image = {".edf": fabio.edfimage.EdfImage, ".tif": fabio.tifimage.TifImage}[path.suffix]
    image(data=values).write(str(path))
    return path


@pytest.mark.parametrize(("suffix", "level"), [(".edf", 1), (".tif", 255)])
def test_ones_are_masked_and_add_to_the_gaps(tmp_path: Path, small_geometry: Geometry, suffix: str, level: int) -> None:
    drawn = np.zeros(small_geometry.shape, np.uint8)
    drawn[10:20, 30:50] = level
    user = read_mask(saved(tmp_path / f"mask{suffix}", drawn), small_geometry.shape)
    mask = static_mask(small_geometry, user, **Q)
    assert np.array_equal(user, drawn == level)
    assert np.array_equal(mask, small_geometry.gaps() | (drawn == level))


def test_an_inverted_mask_is_refused_and_not_flipped(small_geometry: Geometry) -> None:
    inverted = np.ones(small_geometry.shape, bool)
    inverted[:3] = False
    with pytest.raises(InputFileError, match=r"m\.edf: mask = 9\d\.\d%.*1 = masked.*invert"):
        static_mask(small_geometry, inverted, where="m.edf", **Q)


def test_a_large_beam_stop_is_not_taken_for_an_inverted_mask(small_geometry: Geometry) -> None:
    large = np.zeros(small_geometry.shape, bool)
    large[: small_geometry.shape[0] * 4 // 5] = True
    assert static_mask(small_geometry, large, **Q).sum() >= large.sum()


def test_a_mask_of_another_detector_or_a_frame_is_refused(tmp_path: Path, small_geometry: Geometry) -> None:
    with pytest.raises(ShapeError, match=r"other\.edf.*\(5, 6\).*\(195, 487\)"):
        read_mask(saved(tmp_path / "other.edf", np.zeros((5, 6), np.uint8)), small_geometry.shape)
    frame = np.random.default_rng(0).poisson(3.0, small_geometry.shape).astype(np.int32)
    with pytest.raises(InputFileError, match=r"frame\.edf: mask = \d+ values.*not a frame"):
        read_mask(saved(tmp_path / "frame.edf", frame), small_geometry.shape)
    with pytest.raises(InputFileError, match=r"absent\.edf"):
        read_mask(tmp_path / "absent.edf", small_geometry.shape)


def test_the_measured_mask_covers_the_gaps_of_its_detector(reference_data: Path) -> None:
    mask = read_mask(reference_data / "agbeh_pilatus1m" / "RT_SAXS_mask_03.edf", (1043, 981))
    assert mask.sum() == 217_298


def test_a_mask_of_fit2d_is_counted_from_the_bottom_of_the_frame(tmp_path: Path) -> None:
    drawn = np.zeros((195, 487), np.uint8)
    drawn[3:9, 40:90] = 1
    path = tmp_path / "drawn.msk"
    fabio.fit2dmaskimage.Fit2dMaskImage(data=drawn).write(str(path))
    assert np.array_equal(read_mask(path, drawn.shape), drawn[::-1] == 1)
    assert np.array_equal(read_mask(path, drawn.shape, first_row_below=True), drawn == 1)
    assert np.array_equal(read_mask(saved(tmp_path / "drawn.edf", drawn), drawn.shape), drawn == 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Distance: 2.0\n", "is text and no image"),
        (b"", "is empty"),
        (b"\0" * 99, "no image that fabio"),
        (None, "no such"),
    ],
)
def test_a_mask_file_that_is_no_image_is_refused_in_words(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "mask.edf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputFileError, match=rf"detector\.mask = mask\.edf: .*{words}.*; give a mask"):
        read_mask(path, (195, 487))


def test_a_turned_mask_is_refused_as_turned(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r"shape \(487, 195\): the detector has \(195, 487\), the mask is turned"):
        read_mask(saved(tmp_path / "mask.edf", np.zeros((487, 195), np.uint8)), (195, 487))
