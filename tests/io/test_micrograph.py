"""Micrographs as instruments write them: depth, colour, scale; labels are refused."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from PIL import Image
from tifffile import imwrite

from electrosaxs.errors import InputFileError
from electrosaxs.io.contents import contents
from electrosaxs.io.micrograph import read_micrograph

NOISE = np.random.default_rng(0).integers(0, 256, (64, 80)).astype(np.uint8)


@pytest.mark.parametrize(
    ("options", "um_per_pixel"),
    [
        ({"resolution": (5e4, 5e4), "resolutionunit": "CENTIMETER"}, 0.2),
        ({"resolution": (8.0, 8.0), "imagej": True, "metadata": {"unit": "um"}}, 0.125),
        ({"resolution": (4.0, 4.0), "imagej": True, "metadata": {"unit": "\\u00B5m"}}, 0.25),  # as ImageJ writes it
        ({"resolution": (300.0, 300.0), "resolutionunit": "INCH"}, None),
        ({}, None),
    ],
    ids=["per centimetre", "ImageJ", "ImageJ, escaped", "of a printed page", "none"],
)
def test_the_scale_is_what_the_file_states(tmp_path: Path, options: dict, um_per_pixel: float | None) -> None:
    imwrite(tmp_path / "a.tif", NOISE, **options)
    found = read_micrograph(tmp_path / "a.tif").scale
    if um_per_pixel is None:
        assert found.um_per_pixel is None
        assert found.unit == "px"
    else:
        assert_close(found.um_per_pixel, um_per_pixel, rel=1e-6)


def test_an_electron_microscope_writes_metres_per_pixel(tmp_path: Path) -> None:
    text = "[User]\r\nDate=1/1/2020\r\n[Scan]\r\nPixelWidth=2.5e-08\r\nPixelHeight=2.5e-08\r\n"
    imwrite(tmp_path / "fei.tif", NOISE, extratags=[(34682, 2, len(text) + 1, text, True)], metadata=None)
    found = read_micrograph(tmp_path / "fei.tif").scale
    assert found.um_per_pixel is not None
    assert_close(found.um_per_pixel, 0.025, rel=1e-9)
    assert "FEI" in found.source


def test_a_text_file_beside_the_image_may_state_the_scale(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "j.png")
    (tmp_path / "j.txt").write_text("$$SM_MICRON_BAR 102\n$$SM_MICRON_MARKER 10um\n")
    assert_close(read_micrograph(tmp_path / "j.png").scale.um_per_pixel or 0.0, 10.0 / 102.0, rel=1e-9)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA"])
def test_grey_is_grey_in_every_form(tmp_path: Path, mode: str) -> None:
    Image.fromarray(NOISE).convert(mode).save(tmp_path / "a.png")
    pixels = read_micrograph(tmp_path / "a.png").pixels
    assert pixels.shape == (64, 80, 1)
    assert_close(pixels[..., 0], NOISE.astype(float), rel=0.0, floor=1e-9)


def test_sixteen_bits_are_spread_over_the_grey_levels(tmp_path: Path) -> None:
    imwrite(tmp_path / "a.tif", NOISE.astype(np.uint16) * 40 + 900)
    pixels = read_micrograph(tmp_path / "a.tif").pixels[..., 0]
    assert_close(pixels, NOISE.astype(float), rel=0.01, floor=1.0)


def test_labels_are_no_micrograph(tmp_path: Path) -> None:
    labels = np.zeros((64, 80), dtype=np.uint16)
    labels[5:20, 5:20], labels[30:50, 30:60] = 3, 7
    imwrite(tmp_path / "labels.tif", labels)
    with pytest.raises(InputFileError, match="labels"):
        read_micrograph(tmp_path / "labels.tif")


def test_text_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(InputFileError, match="no image that can be read"):
        read_micrograph(tmp_path / "a.png")


def test_a_tiff_without_pixels_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "f.tif").write_bytes(b"II*\x00\x08\x00\x00\x00" + bytes(400))
    with pytest.raises(InputFileError, match=r"f\.tif: .*is no image that can be read"):
        read_micrograph(tmp_path / "f.tif")
    with pytest.raises(InputFileError, match=r"f\.tif: .*of no kind known here"):
        contents(tmp_path / "f.tif")
