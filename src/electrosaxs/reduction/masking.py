"""Which pixels are never used: the gaps of the detector, the user's mask, what `outliers` found. True = left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, ShapeError, bad_value
from .geometry import Geometry

BoolImage = npt.NDArray[np.bool_]
FIT2D_MASK = b"MASK"
MOST_MASKED = 0.95  # chosen: no beam stop covers that much of the q range, a mask with 1 = used does


def read_mask(path: str | Path, shape: tuple[int, int], *, first_row_below: bool = False) -> BoolImage:
    """The user's mask, any format fabio reads: 0 = used, any other one value = masked. Never cropped, and flipped only where
    its format says so: FIT2D counts the rows of a mask (.msk) from the bottom of the image that it shows, and fabio hands
    them out in that order. first_row_below: FIT2D shows the frames with their first row at the bottom (EDF), then the rows
    are in the frames' order.

    Raises InputFileError (missing, unreadable, more than two values), ShapeError (not the detector's shape).
    """
    path = Path(path)
    values = _mask_image(path)
    if values.shape != shape:
        raise bad_value(
            ShapeError,
            where=path,
            field="mask",
            value=f"shape {values.shape}",
            rule=f"the detector has {tuple(shape)}" + (", the mask is turned" if values.shape[::-1] == shape else ""),
            remedy="draw the mask on a frame of the run",
        )
    levels = np.unique(values)
    if levels.size > 2 or (levels.size == 2 and 0 not in levels):
        raise bad_value(
            InputFileError,
            where=path,
            field="mask",
            value=f"{levels.size} values from {levels[0]} to {levels[-1]}",
            rule="must hold 0 where a pixel is used and 1 where it is masked",
            remedy="give the mask, not a frame",
        )
    masked = np.asarray(values != 0)
    return masked[::-1] if is_fit2d_mask(path) and not first_row_below else masked


def is_fit2d_mask(path: Path) -> bool:
    """Whether the file is a mask of FIT2D, which its first bytes say."""
    with path.open("rb") as file:
        return file.read(16)[::4] == FIT2D_MASK


def _mask_image(path: Path) -> npt.NDArray:
    """The pixels of a mask file, in the order of the file."""
    import fabio

    try:
        with fabio.open(str(path)) as image:
            return np.asarray(image.data)
    except Exception as error:  # fabio raises what its readers happen to raise
        raise bad_value(
            InputFileError,
            where=path,
            field="detector.mask",
            value=path.name,
            rule=_no_image(path),
            remedy="give a mask as an image (EDF, TIFF, CBF, npy, FIT2D's msk), for example drawn with pyFAI-drawmask",
        ) from error


def _no_image(path: Path) -> str:
    """What is wrong with a file that fabio cannot open, in words."""
    if not path.exists():
        return "there is no such file"
    if path.is_dir():
        return "is a folder"
    if not path.stat().st_size:
        return "is empty"
    with path.open("rb") as file:
        start = file.read(2048)
    return "is text and no image" if b"\0" not in start else "is no image that fabio can read, or damaged"


def static_mask(
    geometry: Geometry, user: BoolImage | None = None, *, q_min: float, q_max: float, where: str | Path = "mask"
) -> BoolImage:
    """Gaps of the detector or masked by the user, shape (y, x).

    Refuses (InputFileError) a user's mask that covers more than 95 % of the pixels between q_min and q_max (1/nm)
    that the detector has: it was written with 1 = used. `where` names its file in the message.
    """
    gaps = geometry.gaps()
    if user is None:
        return gaps
    q = geometry.q()
    there = (q >= q_min) & (q <= q_max) & ~gaps
    covered = float((user & there).sum()) / max(float(there.sum()), 1.0)
    if covered > MOST_MASKED:
        raise bad_value(
            InputFileError,
            where=where,
            field="mask",
            value=f"{covered:.1%} of the pixels from {q_min:g} to {q_max:g} 1/nm are 1",
            rule=f"mask: 1 = masked; at least {1 - MOST_MASKED:.0%} must be left",
            remedy="invert the mask if it was drawn with 1 = used, or widen the q range",
        )
    return np.asarray(gaps | user)
