"""Where the reflection of a spot lies: what moves spots off, and how well it is known.

The middle of an arc lies inside its circle, t^2 / 2G for a spot of width t along it; a slope of the intensity below the spot
(1 / q_parallel of a ring, the form factor) moves a spot of covariance S by S grad ln I; where q is no straight function of
pixels, near the critical angle above all, the mean q of a spot is not the q of its middle; and the waves' field, which rises
towards the critical angle, draws spots there. All are taken off, and what is left of them is added to the spot's sigma once:
a part of the shift, of the spot's width and, in the Yoneda band, of its height. Which share of the shifts by arcs, slopes
and bends there is, and which of those by the field, which all spots have in common, the refinement asks the spots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..nouns.film import FilmConstants, Spot
from ..physics.film_frame import Incidence, channel_fields, q_along_normal
from .expected import Setup, incidence_of, moved
from .geometry import DetectorPlane, film_coordinates
from .intensities import Envelope
from .rendered_spots import drawn_shifts

CORRECTION_SHARE = 0.05  # of what is taken off a place is its sigma
DIMMEST = 0.1  # of the field in the middle of a spot: what it is nearby is not taken to be less
YONEDA_WIDTHS, YONEDA_END = 2.0, 1.25  # widths of a spot; critical angles
DRAWN_STEPS = 2
TOTAL_SHARE = 0.4  # of its height is the sigma of a spot that reaches below the critical angle
NO_HEIGHT = 1e3  # the same where its place along the normal is left out
AROUND = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


@dataclass(frozen=True)
class Left:
    """What is left of shifts that were taken off, as sigma of a place: shape, of a spot's width, for a spot is no Gaussian;
    yoneda, of the height of a spot in the Yoneda band. As on frames without noise (docs/decisions/0053)."""

    shape: float
    yoneda: float


FIRST_ORDER, DRAWN = Left(0.01, 0.05), Left(0.004, 0.015)


@dataclass(frozen=True, eq=False)
class Places:
    """Middles of spots (spot, 2) in pixels, by how much arcs, slopes and bends (`shift`) and the waves' field (`by_field`) move
    them off their reflections, and what else is not known of each place: covariances (spot, 2, 2); low: spots that reach below
    the critical angle, which may be tails of reflections from below the horizon."""

    centre: FloatArray
    shift: FloatArray
    by_field: FloatArray
    covariance: FloatArray
    low: npt.NDArray[np.bool_]


def corrected_places(
    setup: Setup, constants: FilmConstants, spots: Sequence[Spot], reflected: npt.NDArray[np.bool_],
    envelope: Envelope | None, *, drawn: bool = False,
) -> Places:  # fmt: skip
    """Places of the reflections of spots, `reflected` where they are of the channel "R". drawn: shifts of spots that are drawn
    and fitted, instead of those of first order. What is left of shifts is the same in all images of a film, so that its
    variance grows with their number: the mean over images is no better known."""
    count, left = len(spots), DRAWN if drawn else FIRST_ORDER
    middle, shift, by_field = (np.empty((count, 2)) for _ in range(3))
    made = Places(middle, shift, by_field, np.empty((count, 2, 2)), np.zeros(count, dtype=bool))
    images = np.array([spot.image for spot in spots])
    numbers, counts = np.unique(images, return_counts=True)
    copies = count / max(counts, default=1)
    for image in numbers:
        here = np.flatnonzero(images == image)
        of_image = [spots[int(i)] for i in here]
        centre = np.array([(spot.row, spot.column) for spot in of_image])
        shape = np.array([spot.shape for spot in of_image])
        widest = np.sqrt(np.linalg.eigvalsh(shape)[:, 1:])
        parts = _shifts(setup, constants, int(image), centre, shape, reflected[here], envelope)
        yoneda, total = _of_yoneda_band(setup, constants, int(image), centre, shape, reflected[here], left.yoneda)
        if drawn:
            exact = parts
            for _ in range(DRAWN_STEPS):
                place = centre - np.clip(np.nan_to_num(exact[0] + exact[1]), -widest, widest)
                exact = drawn_shifts(setup, constants, int(image), of_image, place, reflected[here], envelope)
            known = np.isfinite(exact[0] + exact[1]) & ~total[:, None]
            parts = np.where(known, exact[0], parts[0]), np.where(known, exact[1], parts[1])
        shift, by_field = (np.clip(np.nan_to_num(part), -widest, widest) for part in parts)
        own = np.array([spot.covariance for spot in of_image]) + copies * left.shape**2 * shape
        for part in (CORRECTION_SHARE * shift, yoneda):
            own = own + copies * part[:, :, None] * part[:, None, :]
        made.low[here] = total
        made.centre[here], made.shift[here], made.by_field[here], made.covariance[here] = centre, shift, by_field, own
    return made


def in_yoneda_band(setup: Setup, constants: FilmConstants, image: int, spots: Sequence[Spot]) -> npt.NDArray[np.bool_]:
    """Which spots reach below the critical angle, where the waves' amplitudes decide how high they are seen."""
    if not spots:
        return np.zeros(0, dtype=bool)
    centre, shape = np.array([(spot.row, spot.column) for spot in spots]), np.array([spot.shape for spot in spots])
    return _of_yoneda_band(setup, constants, image, centre, shape, np.zeros(len(spots), dtype=bool), 0.0)[1]


def _of_yoneda_band(
    setup: Setup, constants: FilmConstants, image: int, centre: FloatArray, shape: FloatArray,
    reflected: npt.NDArray[np.bool_], band_share: float,
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:  # fmt: skip
    """By how many pixels (n, 2) spots in the Yoneda band may lie off, band_share of their height, and which of them reach below
    the critical angle. There the waves' amplitudes decide how high a spot is brightest, and a drawing tells no more than they
    do. Where the beam itself comes in below it, copies by the reflected beam that reach below it tell no height at all: their
    reflections lie at the angle of incidence or nearby, where hardly a wave leaves the film, and all are seen where the band
    is. A spot of covariance S moves along S n, n up the film's normal."""
    plane, incidence = moved(setup.plane, constants), incidence_of(constants, image, setup.film)
    rows = centre[:, :1] + YONEDA_WIDTHS * np.sqrt(shape[:, :1, 0]) * np.array([0.0, 1.0, -1.0])
    exit_sine = film_coordinates(plane, incidence, rows, np.broadcast_to(centre[:, 1:], rows.shape))[1]
    # no spot gains weight where the angle is found small
    critical = max(constants.critical, setup.film.index.critical_angle)
    share = np.where(exit_sine[:, 0] < YONEDA_END * critical, band_share, 0.0)
    total = np.asarray(exit_sine.min(axis=1) < critical)
    share = np.where(total, TOTAL_SHARE, share)
    share = np.where(total & reflected & (incidence.angle < constants.critical), NO_HEIGHT, share)
    return np.asarray(share[:, None] * _along_the_normal(plane, shape)), total


def _shifts(
    setup: Setup, constants: FilmConstants, image: int, centre: FloatArray, shape: FloatArray,
    reflected: npt.NDArray[np.bool_], envelope: Envelope | None,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """By how many pixels (n, 2) spots lie off their reflections; centre (n, 2), shape (n, 2, 2). By arcs, slopes and bends,
    and by the waves' field."""
    plane, incidence = moved(setup.plane, constants), incidence_of(constants, image, setup.film)
    place = centre[:, None] + AROUND
    parallel, exit_sine = film_coordinates(plane, incidence, place[..., 0], place[..., 1])
    along = q_along_normal(exit_sine, wavenumber=plane.wavenumber, incidence=incidence, reflected=reflected[:, None])
    log = -np.log(np.abs(parallel) + 1e-12)
    if envelope is not None:
        log = log + envelope.leaning(np.nan_to_num(np.hypot(parallel, along), nan=1.0))
    by_slope = np.einsum("nij,nj->ni", shape, np.stack(_first_differences(log), axis=-1))
    q = np.stack([parallel, along], axis=1)  # (n, 2, place)
    by_pixel = np.stack(_first_differences(q), axis=-1)
    bent = np.stack([q[..., 1] - 2.0 * q[..., 0] + q[..., 2], q[..., 3] - 2.0 * q[..., 0] + q[..., 4]], axis=-1)
    by_bend = -0.5 * np.einsum("nij,nj->ni", bent, np.einsum("njj->nj", shape))
    known = np.isfinite(by_pixel).all(axis=(1, 2)) & np.isfinite(by_bend).all(axis=1)
    safe = np.where(known[:, None, None], by_pixel, np.eye(2))
    in_q = np.where(known[:, None], _arc_shift(shape, safe, q[..., 0]) + by_bend, 0.0)
    by_field = _field_shift(setup, plane, incidence, centre, shape, reflected)
    return np.where(np.isfinite(by_slope), by_slope, 0.0) + np.linalg.solve(safe, in_q[..., None])[..., 0], by_field


def _along_the_normal(plane: DetectorPlane, shape: FloatArray) -> FloatArray:
    """How a spot of covariance S moves (n, 2) where what weights it changes along the normal n: S n / sqrt(n S n)."""
    up = np.array([plane.by_row[1], plane.by_column[1]])
    return np.asarray(shape @ up / np.sqrt(np.einsum("i,nij,j->n", up, shape, up))[:, None])


def _field_shift(
    setup: Setup, plane: DetectorPlane, incidence: Incidence, centre: FloatArray, shape: FloatArray,
    reflected: npt.NDArray[np.bool_],
) -> FloatArray:  # fmt: skip
    """By how many pixels (n, 2) the waves' field F moves spots: what was seen over F has its middle at the mean of x / F over
    the mean of 1 / F, taken along the normal at three points of a Gaussian (0 and +-sqrt 3, weights 2/3 and 1/6)."""
    along = _along_the_normal(plane, shape)
    place = centre[:, None] + np.sqrt(3.0) * np.array([-1.0, 0.0, 1.0])[:, None] * along[:, None]
    exit_sine = film_coordinates(plane, incidence, place[..., 0], place[..., 1])[1]
    direct, back = channel_fields(exit_sine, incidence, setup.substrate, thickness_k=setup.thickness_k)
    field = np.where(reflected[:, None], back, direct)
    below, here, above = np.moveaxis(np.maximum(field, 1e-12), -1, 0)
    before, after = (here / np.maximum(x, DIMMEST * here) for x in (below, above))
    moved_by = np.sqrt(3.0) * (after - before) / (4.0 + before + after)
    return np.asarray(-moved_by[:, None] * along)


def _first_differences(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Derivatives by row and column of values at the places AROUND (last axis)."""
    return 0.5 * (values[..., 1] - values[..., 2]), 0.5 * (values[..., 3] - values[..., 4])


def _arc_shift(shape: FloatArray, by_pixel: FloatArray, q: FloatArray) -> FloatArray:
    """By how much (n, 2), in q, the middles of arcs lie from their reflections: t^2 / 2G towards the origin."""
    length = np.linalg.norm(q, axis=1, keepdims=True)
    outwards = q / length
    across = np.stack([-outwards[:, 1], outwards[:, 0]], axis=1)
    in_q = by_pixel @ shape @ by_pixel.transpose(0, 2, 1)
    mosaic = np.einsum("ni,nij,nj->n", across, in_q, across) - np.einsum("ni,nij,nj->n", outwards, in_q, outwards)
    return np.asarray(-np.maximum(mosaic, 0.0)[:, None] / (2.0 * length) * outwards)
