"""Images of films: any detector that fabio reads, counting or not; which of its pixels hold no measurement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_opening

from ..errors import InputFileError
from .images import numbers_of_image, stated_cutoff
from .refusal import refusal

FEW_VALUES = 4  # so many different negative values at most are marks, not measurements
LONELY = 20.0  # a lowest value that lies so many spreads below the next is a mark
SATURATED_PIXELS, SATURATED_ABOVE = 30, 1000.0
MOST_SATURATED = 0.003
BAND = 100  # pixels
PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP"}


@dataclass(frozen=True, eq=False)
class FilmImage:
    """values (y, x) as stored; unused (y, x): True where a pixel holds no measurement (gaps, marks, saturated)."""

    path: Path
    values: npt.NDArray[np.generic]
    unused: npt.NDArray[np.bool_]


def read_film_image(path: str | Path) -> FilmImage:
    """One image of whole or broken numbers; marks of gaps and saturated pixels are found. Raises InputFileError for a file
    that is no image, is empty, or is saturated."""
    path = Path(path)
    if not path.is_file():
        raise refusal(path, "image", path.name, "there is no such file", "correct the path")
    _refuse_picture(path)
    values = numbers_of_image(path)
    if values.ndim != 2 or values.dtype.kind not in "iuf":
        raise refusal(
            path, "shape", values.shape, "must be one image (y, x) of numbers", "give one GISAXS frame per file"
        )
    image = values.astype(np.float64)
    unused = ~np.isfinite(image) | _marks(image)
    if values.dtype.kind == "u":
        full = image >= np.iinfo(values.dtype).max - 1
        _refuse_saturated(path, full & ~_bands(full), float(np.iinfo(values.dtype).max))
        unused |= full  # gaps of detectors that store no sign
    if not np.any(image[~unused] > 0.0):
        raise refusal(
            path, "image", path.name, "no pixel counts anything", "give the frame itself, not a mask or a dark one"
        )
    if np.ptp(image[~unused]) == 0.0:
        counts = f"{float(image[~unused][0]):g} in every pixel"
        raise refusal(path, "image", counts, "must be a measurement", "give the frame itself, not a mask")
    return FilmImage(path, values, unused | _saturated(path, image, unused))


def _refuse_picture(path: Path) -> None:
    """InputFileError for a file that begins like a picture to look at (PNG, JPEG, GIF, BMP)."""
    with path.open("rb") as stream:
        begins = stream.read(8)
    kind = next((name for mark, name in PICTURES.items() if begins.startswith(mark)), None)
    if kind is not None:
        rule = "is a picture to look at, whose colours or greys are no counts"
        raise refusal(path, "image", kind, rule, "give the frame that the detector wrote (CBF, EDF, TIFF, HDF5)")


def _bands(full: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Those of the full pixels that lie in straight lines longer than spots are: gaps between modules."""
    return np.logical_or.reduce([binary_opening(full, np.ones(line)) for line in ((1, BAND), (BAND, 1))])


def _marks(image: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Negative values that mark pixels without a measurement."""
    negative = image[image < 0.0]
    if negative.size == 0:
        return np.zeros(image.shape, dtype=bool)
    levels = np.unique(negative)
    if levels.size <= FEW_VALUES:
        return np.asarray(image < 0.0)
    spread = np.median(np.abs(negative - np.median(negative))) + 1.0
    if levels[1] - levels[0] > LONELY * spread:
        return np.asarray(image <= levels[0])
    return np.zeros(image.shape, dtype=bool)


def _saturated(path: Path, image: npt.NDArray[np.float64], unused: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels at the largest value where many have it; refused where they are more than a few thousandths."""
    top = float(image[~unused].max())
    cutoff = stated_cutoff(path)
    limit = cutoff if cutoff is not None and top >= cutoff else top
    full = (image >= limit) & ~unused
    count = int(np.count_nonzero(full))
    if count < SATURATED_PIXELS or limit < SATURATED_ABOVE:
        return np.zeros(image.shape, dtype=bool)
    _refuse_saturated(path, full, limit)
    return np.asarray(full)


def _refuse_saturated(path: Path, full: npt.NDArray[np.bool_], limit: float) -> None:
    count = int(np.count_nonzero(full))
    if count > MOST_SATURATED * full.size:
        raise refusal(
            path, "pixels", f"{count} at {limit:g}", f"saturated: at most {MOST_SATURATED:.1%} of the pixels may be",
            "expose for a shorter time, or attenuate the beam", InputFileError,
        )  # fmt: skip
