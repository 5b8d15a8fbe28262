"""Which pixels are never used: the gaps of the detector, the user's mask, what `outliers` found. True = left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, ShapeError, bad_value
from .geometry import Geometry

BoolImage = npt.NDArray[np.bool_]
MOST_MASKED = 0.95  # chosen: no beam stop covers that much of the q range, a mask with 1 = used does


def read_mask(path: str | Path, shape: tuple[int, int]) -> BoolImage:
    """The user's mask, any format fabio reads: 0 = used, any other one value = masked. Never flipped, never cropped.

    Raises InputFileError (missing, unreadable, more than two values), ShapeError (not the detector's shape).
    """
    import fabio

    path = Path(path)
    try:
        values = np.asarray(fabio.open(str(path)).data)
    except Exception as error:  # fabio raises what its readers happen to raise
        raise bad_value(
            InputFileError,
            where=path,
            field="mask",
            value=type(error).__name__,
            rule="must be an image that fabio reads",
            remedy="save the mask as EDF or TIFF, for example with pyFAI-drawmask",
        ) from error
    if values.shape != shape:
        raise ShapeError(
            f"{path}: mask has shape {values.shape}: the detector has {shape}; draw it on a frame of the run"
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
    return np.asarray(values != 0)


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
