"""Where an image has the horizon of its film: nothing that the film scatters leaves below it, so that diffuse scattering rises
steeply there. It tells the direct beam's row less the angle of incidence, whatever lattice the spots have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..nouns.base import FloatArray
from ..nouns.film import Spot
from .geometry import DetectorPlane
from .noise import MAD_TO_SIGMA
from .spots import PreparedImage
from .yoneda import MEDIAN_SIGMA, exit_sums

STEP = np.radians(0.02)  # of the exit angle
DOWN = 0.8  # of the angle of incidence: farther down scattering that passes the sample's edge ends at the direct beam's row
UP = np.radians(0.6)
DARK = 1.5  # times the darkest part of a band is as bright as what lies below its horizon may be
SPAN = 4  # steps on either side of a rise
LEAST_RISE = 0.3  # ln: of the mean over SPAN steps above over that below
CLEAR = 5.0  # of its own sigmas
LEAST_BANDS = 4
LEAST_SEEN = 0.5  # of the usual pixels
AGREE = np.radians(0.04)  # spread of the angles that bands tell: where they differ by more no horizon is seen
MOST = 0.6  # of the bands within that of their median
PLACE_SIGMA = np.radians(0.02)  # how far above the horizon the rise is steepest depends on density and roughness


def seen_horizon(
    image: PreparedImage, plane: DetectorPlane, angle: float, spots: Sequence[Spot]
) -> tuple[float, float] | None:
    """(exit angle of the horizon, sigma) in rad, where the geometry and the angle of incidence `angle` (rad) have it at 0; None
    where scattering does not rise at the same exit angle in most parts of the image."""
    down, up = SPAN + int(DOWN * angle / STEP), SPAN + int(UP / STEP)  # steps below and above the horizon
    count, total = exit_sums(image, plane, angle, spots, lowest=-down * STEP, highest=up * STEP, steps=down + up)
    if not count.size:
        return None
    rise = _rises(count, total)
    told = (SPAN - down + rise.argmax(axis=1)) * STEP
    told = told[rise.max(axis=1) > LEAST_RISE]
    if told.size < LEAST_BANDS:
        return None
    middle = float(np.median(told))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(told - middle)))
    sigma = float(np.hypot(MEDIAN_SIGMA * spread / np.sqrt(told.size), PLACE_SIGMA))
    near = float(np.mean(np.abs(told - middle) < AGREE))
    return (middle, sigma) if spread < AGREE and near > MOST else None


def _rises(count: FloatArray, total: FloatArray) -> FloatArray:
    """ln of the mean over SPAN steps above each edge between steps over that below it (band, edge), -inf where gaps take more
    than half of the pixels of either or what is below is not dark."""

    def sums(of_steps: FloatArray) -> tuple[FloatArray, FloatArray]:
        up_to = np.cumsum(np.pad(of_steps, ((0, 0), (1, 0))), axis=1)
        return up_to[:, SPAN:-SPAN] - up_to[:, : -2 * SPAN], up_to[:, 2 * SPAN :] - up_to[:, SPAN:-SPAN]

    pixels, light = sums(count), sums(total)
    usual = SPAN * np.median(count, axis=1, keepdims=True)
    enough = np.minimum(*pixels) > LEAST_SEEN * usual
    below, above = (x / np.maximum(n, 1.0) for x, n in zip(light, pixels, strict=True))
    darkest = np.min(np.where(enough, below, np.inf), axis=1, keepdims=True)
    usable = enough & (below > 0.0) & (above > 0.0) & (below <= DARK * darkest)
    rise = np.log(np.where(usable, above, 1.0) / np.where(usable, below, 1.0))
    sigma = np.sqrt(sum(1.0 / np.maximum(x, 1e-9) for x in light))  # of counts
    return np.where(usable & (rise > CLEAR * sigma), rise, -np.inf)
