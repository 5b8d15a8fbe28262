"""Micrographs: pixels as grey levels or colours, and the size of a pixel where the file states it.

TIFF, PNG and JPEG, 8 and 16 bit, grey, RGB, palette, with or without alpha. Scale: tags of FEI/Thermo, Zeiss and ImageJ, the
text file that JEOL writes beside the image, the TIFF resolution or PNG pixel size where it is not that of a printed page.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, UnidentifiedImageError
from scipy import ndimage

from ..nouns import FloatArray
from ..nouns.islands import Scale
from .refusal import refusal

UM_PER = {"m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "nm": 1e-3,
          "inch": 25400.0, "pm": 1e-6}  # fmt: skip
COARSEST_UM = 20.0  # per pixel: a resolution that gives more (under 1270 dots an inch) is that of a printed page
FULL = 255.0
LABELS = 20_000  # at most
SAME = 0.9  # of neighbouring pixels of a label image are equal
FEW_LABELS, PATCHES = 40, 1.6  # labels looked at, and patches of each of them on average, at most
LARGEST = 400_000_000  # pixels


@dataclass(frozen=True, eq=False)
class Micrograph:
    """pixels (rows, columns, 1 or 3) in grey levels from 0 to 255, whatever the depth; scale as the file states it."""

    path: Path
    pixels: FloatArray
    scale: Scale


def read_micrograph(path: str | Path) -> Micrograph:
    """Read an image; raises InputFileError for a file that holds none, several, or labels."""
    path = Path(path)
    array, scale = _tiff(path) if path.suffix.lower() in (".tif", ".tiff") else _picture(path)
    if _holds_labels(array):
        raise refusal(
            path, "image", f"0 to {array.max()}", "holds labels (patches of whole numbers), no micrograph",
            "give the micrograph here and the labels as --truth",
        )  # fmt: skip
    if min(array.shape[:2]) < 32:
        raise refusal(
            path, "image", f"{array.shape[1]} x {array.shape[0]}", "is too small", "give 32 x 32 pixels or more"
        )
    return Micrograph(path, _grey_levels(array), scale)


def read_levels(path: Path) -> tuple[npt.NDArray[Any], Scale]:
    """A grey TIFF as it is, levels not scaled, and the size of a pixel where it states one."""
    array, scale = _tiff(path)
    if array.ndim != 2:
        raise refusal(path, "image", str(array.shape), "must be one number per pixel", "save it in grey levels")
    return array, scale


def read_labels(path: str | Path) -> npt.NDArray[np.int64]:
    """An image of instance labels, 0 the substrate."""
    path = Path(path)
    array = _tiff(path)[0] if path.suffix.lower() in (".tif", ".tiff") else _picture(path)[0]
    if array.ndim == 3 and (array[..., :1] == array[..., :3]).all():
        array = array[..., 0]
    if array.ndim != 2 or array.dtype.kind not in "uib":
        raise refusal(path, "labels", str(array.shape), "must be one whole number per pixel", "give a grey image")
    return array.astype(np.int64)


def _tiff(path: Path) -> tuple[npt.NDArray[Any], Scale]:
    try:
        with tifffile.TiffFile(path) as file:
            if len(file.series) == 0 or len(file.pages) == 0:
                raise ValueError("no image in it")
            shape = [size for size in file.series[0].shape if size > 1]
            if len(shape) > 3 or (len(shape) == 3 and shape[-1] > 4 and shape[0] > 4):
                raise ValueError(f"a stack of {shape[0]} images; save each as a file")
            array = np.squeeze(file.series[0].asarray())
            if array.ndim == 3 and array.shape[0] in (2, 3, 4) and array.shape[2] > 4:
                array = np.moveaxis(array, 0, -1)
            if array.ndim < 2:
                raise ValueError("no rows and columns of pixels in it")
            page = file.pages[0]
            if getattr(page, "photometric", None) == 3 and array.ndim == 2:
                table = np.asarray(page.colormap).T  # type: ignore[union-attr]
                array = (table[array] >> 8).astype(np.uint8)
            return array, _tiff_scale(path, file)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, tifffile.TiffFileError) as error:
        raise refusal(
            path, "file", path.name, f"is no image that can be read ({error})", "give a TIFF, PNG or JPEG"
        ) from error


def _picture(path: Path) -> tuple[npt.NDArray[Any], Scale]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            Image.MAX_IMAGE_PIXELS = LARGEST
            image = Image.open(path)
            if image.mode in ("P", "CMYK", "YCbCr", "LAB", "HSV", "PA"):
                plain = image.convert("RGB")
            elif image.mode in ("LA", "1"):
                plain = image.convert("L")
            else:
                plain = image
            array = np.asarray(plain)
            dots = image.info.get("dpi")
    except FileNotFoundError:
        raise
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise refusal(
            path, "file", path.name, f"is no image that can be read ({error})", "give a TIFF, PNG or JPEG"
        ) from error
    beside = _jeol(path)
    if beside is not None:
        return array, beside
    if dots and float(dots[0]) > 0.0 and UM_PER["inch"] / float(dots[0]) < COARSEST_UM:
        return array, Scale(UM_PER["inch"] / float(dots[0]), "resolution in the file")
    return array, Scale(None, "the file states no scale")


def _tiff_scale(path: Path, file: tifffile.TiffFile) -> Scale:
    """The scale of the most specific tag."""
    fei: Any = file.fei_metadata
    if fei:
        width = fei.get("Scan", {}).get("PixelWidth") or fei.get("EScan", {}).get("PixelWidth")
        if width:
            return Scale(1e6 * float(width), "FEI tag Scan.PixelWidth")
    zeiss: Any = file.sem_metadata
    for key in ("ap_image_pixel_size", "ap_pixel_size"):
        _, value, unit = (*zeiss[key], "")[:3] if zeiss and key in zeiss else ("", 0.0, "")
        if str(unit).strip() in UM_PER and float(value) > 0.0:
            return Scale(float(value) * UM_PER[str(unit).strip()], f"Zeiss tag {key}")
    beside = _jeol(path)
    if beside is not None:
        return beside
    tags: Mapping[str, Any] = {tag.name: tag.value for tag in file.pages[0].tags}  # type: ignore[union-attr]
    per_unit = _ratio(tags.get("XResolution"))
    imagej: Any = file.imagej_metadata
    unit = _unescaped(str(imagej.get("unit", ""))) if imagej else ""
    if unit in UM_PER and per_unit:
        return Scale(UM_PER[unit] / per_unit, f"ImageJ tags ({unit})")
    told = {2: "inch", 3: "cm"}.get(int(tags.get("ResolutionUnit", 1)))
    if told and per_unit and UM_PER[told] / per_unit < COARSEST_UM:
        return Scale(UM_PER[told] / per_unit, "TIFF resolution")
    return Scale(None, "the file states no scale")


def _unescaped(unit: str) -> str:
    """ImageJ writes letters beyond ASCII as `\\u00B5`."""
    return re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), unit).strip().strip("\x00")


def _ratio(value: Any) -> float:
    if value is None:
        return 0.0
    above, below = value if isinstance(value, tuple) else (value, 1)
    return float(above) / float(below) if below else 0.0


def _jeol(path: Path) -> Scale | None:
    """`$$SM_MICRON_BAR` (pixels) and `$$SM_MICRON_MARKER` (length) of the text file that JEOL writes beside an image."""
    beside = path.with_suffix(".txt")
    if not beside.is_file():
        return None
    text = beside.read_text(encoding="latin-1", errors="replace")
    bar = re.search(r"\$\$SM_MICRON_BAR\s+([\d.]+)", text)
    marker = re.search(r"\$\$SM_MICRON_MARKER\s+([\d.]+)\s*(nm|um|mm)", text)
    if not bar or not marker or float(bar[1]) <= 0.0:
        return None
    return Scale(float(marker[1]) * UM_PER[marker[2]] / float(bar[1]), f"JEOL text file {beside.name}")


def _holds_labels(array: npt.NDArray[Any]) -> bool:
    """Whether pixels are whole numbers in patches, 0 between them, most numbers in one patch alone; or 0 and 1."""
    if array.ndim != 2 or array.dtype.kind not in "uib" or array.size == 0:
        return False
    values = np.unique(array)
    if len(values) < 2 or values[0] != 0 or len(values) > LABELS:
        return False
    if float((array[:, 1:] == array[:, :-1]).mean()) < SAME:
        return False
    if len(values) == 2:
        return bool(values[1] == 1)
    patches = sum(ndimage.label(array == value)[1] for value in values[1 : FEW_LABELS + 1])
    return bool(patches <= PATCHES * min(len(values) - 1, FEW_LABELS))


def _grey_levels(array: npt.NDArray[Any]) -> FloatArray:
    """(rows, columns, 1 or 3) from 0 to 255; alpha is left out; three equal channels are one; other depths are scaled."""
    pixels = array[..., None] if array.ndim == 2 else array[..., : 3 if array.shape[2] >= 3 else 1]
    if pixels.shape[2] == 3 and (pixels[..., :1] == pixels).all():
        pixels = pixels[..., :1]
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, dtype=np.float64)
    values = np.nan_to_num(np.asarray(pixels, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = (float(v) for v in np.percentile(values, [0.05, 99.95]))
    return np.asarray(np.clip((values - low) / ((high - low) or 1.0), -0.5, 1.5) * FULL)
