"""The spots of one image: found, fitted, placed in q, and told apart from what only looks like one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..nouns.film import Spot
from ..physics.film_frame import Incidence, q_along_normal
from .geometry import DetectorPlane, film_coordinates
from .noise import NoiseModel, noise_of
from .spot_fit import FittedSpot, fit_spot
from .spot_search import Candidate, find_candidates, odd_pixels

LEAST_SEEN = 0.55  # of a spot on usable pixels
LEAST_WIDTH = 0.6  # pixels; narrower ones are pixels that count too much
LARGEST_RATIO = 9.0  # of the long axis to the short one; beyond it is a streak
LEAST_SIGNAL = 4.5
SMALLEST_AREA = (
    0.12  # of what spots of the image usually cover; smaller ones are cosmic rays and clusters of hot pixels
)
ROD_WIDTHS = 3.0


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """values (row, column) as floats, bad: pixels that are not used, noise of a pixel."""

    values: FloatArray
    bad: npt.NDArray[np.bool_]
    noise: NoiseModel


def prepare(values: npt.NDArray[np.generic], bad: npt.NDArray[np.bool_]) -> PreparedImage:
    """The image with its noise; pixels that are too bright or too dark for their neighbours are not used either."""
    image = np.asarray(values, dtype=np.float64)
    noise = noise_of(image, bad)
    return PreparedImage(image, bad | odd_pixels(image, bad, noise), noise)


def find_spots(image: PreparedImage, plane: DetectorPlane, incidence: Incidence, *, index: int = 0) -> list[Spot]:
    """Spots, the clearest first; those that cannot be indexed say why in `excluded`."""
    candidates = find_candidates(image.values, image.bad, image.noise)
    return spots_at(candidates, image, plane, incidence, index=index)


def spots_at(
    candidates: Sequence[Candidate], image: PreparedImage, plane: DetectorPlane, incidence: Incidence, *, index: int = 0
) -> list[Spot]:
    """The spots at places that may be spots, as `find_spots` gives them."""
    places = np.array([(c.row, c.column) for c in candidates]).reshape(-1, 2)
    fitted: list[FittedSpot] = []
    for i, candidate in enumerate(candidates):
        spot = fit_spot(image.values, image.bad, image.noise, candidate, np.delete(places, i, axis=0))
        if spot is not None and _is_a_spot(spot) and not _known(spot, fitted):
            fitted.append(spot)
    usual = float(np.median([np.prod(spot.widths) for spot in fitted])) if fitted else 0.0
    fitted = [spot for spot in fitted if np.prod(spot.widths) > SMALLEST_AREA * usual]
    spots = [placed(spot, image, plane, incidence, index) for spot in fitted]
    spots = [_off_the_rod(spot, spots) for spot in spots]
    return sorted(spots, key=lambda s: -s.signal_to_noise)


def _off_the_rod(spot: Spot, others: list[Spot]) -> Spot:
    """Left out where the rods at q_parallel = 0 reach it, as wide as spots usually are and as their arcs are at this q."""
    clear = [s for s in others if not s.excluded]
    if spot.excluded or not clear:
        return spot
    length = np.array([np.hypot(s.q_parallel, s.q_z) for s in clear])
    across = np.array([s.width_parallel for s in clear])
    own = np.hypot(spot.q_parallel, spot.q_z)
    width = max(float(np.median(across)), own * float(np.median(across / length)))
    return replace(spot, excluded="on the specular rod") if abs(spot.q_parallel) < ROD_WIDTHS * width else spot


def _is_a_spot(spot: FittedSpot) -> bool:
    long_axis, short_axis = spot.widths
    located = np.sqrt(np.linalg.eigvalsh(spot.covariance)[-1]) < long_axis
    return bool(
        spot.signal_to_noise > LEAST_SIGNAL
        and short_axis > LEAST_WIDTH
        and long_axis < LARGEST_RATIO * short_axis
        and (located or spot.seen < LEAST_SEEN)
    )


def _known(spot: FittedSpot, others: list[FittedSpot]) -> bool:
    return any(np.linalg.norm(spot.centre - other.centre) < max(1.0, other.widths[1]) for other in others)


def replaced(spots: Sequence[Spot], plane: DetectorPlane, incidence: Incidence) -> list[Spot]:
    """The same spots with q for another angle of incidence or refractive index; those below the horizon have no q_z."""
    made = []
    for spot in spots:
        parallel, along, slopes, _ = _in_q(spot.row, spot.column, plane, incidence)
        made.append(replace(spot, q_parallel=parallel, q_z=along, q_sigma=_q_sigma(slopes, spot.covariance)))
    return made


def _in_q(
    row: float, column: float, plane: DetectorPlane, incidence: Incidence
) -> tuple[float, float, FloatArray, float]:
    """q_parallel, q_z of the direct beam, their derivatives by (row, column), and the sine of the exit angle."""
    steps = np.array([[0.0, 0.0], [0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    parallel, exit_sine = film_coordinates(plane, incidence, row + steps[:, 0], column + steps[:, 1])
    along = q_along_normal(exit_sine, wavenumber=plane.wavenumber, incidence=incidence, reflected=False)
    slopes = np.array([[x[1] - x[2], x[3] - x[4]] for x in (parallel, along)])
    return float(parallel[0]), float(along[0]), slopes, float(exit_sine[0])


def _q_sigma(slopes: FloatArray, covariance: FloatArray) -> tuple[float, float]:
    parallel, along = np.sqrt(np.abs(np.diag(slopes @ covariance @ slopes.T)))
    return float(parallel), float(along)


def placed(spot: FittedSpot, image: PreparedImage, plane: DetectorPlane, incidence: Incidence, index: int) -> Spot:
    """A spot of image `index` with its place in q, and why it is left out of indexing where it is."""
    row, column = float(spot.centre[0]), float(spot.centre[1])
    parallel, along, slopes, exit_sine = _in_q(row, column, plane, incidence)
    across = float(np.sqrt(np.abs(slopes[0] @ spot.shape @ slopes[0])))
    return Spot(
        image=index, row=row, column=column, covariance=spot.covariance, shape=spot.shape, intensity=spot.intensity,
        intensity_sigma=spot.intensity_sigma, background=spot.background, q_parallel=parallel, q_z=along,
        q_sigma=_q_sigma(slopes, spot.covariance), width_parallel=across,
        excluded=_reason(spot, image, parallel, exit_sine, across),
    )  # fmt: skip


def _reason(spot: FittedSpot, image: PreparedImage, parallel: float, exit_sine: float, across: float) -> str:
    """Why a spot is left out of indexing; empty where it is not."""
    if exit_sine <= 0.0:
        return "below the horizon"
    if abs(parallel) < ROD_WIDTHS * across:
        return "on the specular rod"
    row, column = round(spot.centre[0]), round(spot.centre[1])
    inside = 0 <= row < image.bad.shape[0] and 0 <= column < image.bad.shape[1]
    if spot.seen < LEAST_SEEN or not inside or image.bad[row, column]:
        return "cut by a gap, the beam stop or the edge"
    return ""
