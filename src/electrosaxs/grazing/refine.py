"""Constants of a film from the places of its spots: least squares on pixels, with priors, over one or several images.

Free are a, the contraction along the normal, the angle of incidence of each image (prior: the stated angle), the critical
angle (prior: the composition), the direct beam's column and the film's turn about the beam. A spot is not where its
reflection is: the middle of an arc lies inside its circle, t^2 / 2G for a spot of width t along it; a slope of the
intensity below the spot (1 / q_parallel of a ring, the form factor, the waves' amplitudes near the critical angle) moves a
spot of covariance S by S grad ln I; and where q is no straight function of pixels, near the critical angle above all, the
mean q of a spot is not the q of its middle. All are taken off, and a part of them is added to the spot's sigma, and in
the Yoneda band a part of the spot's height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import ConvergenceError
from ..nouns.base import FloatArray
from ..nouns.film import FilmConstants, Refined, Spot
from ..physics.film_frame import Incidence, channel_fields, q_along_normal
from .expected import Expected, Setup, incidence_of, moved, places
from .geometry import DetectorPlane, film_coordinates
from .intensities import Envelope

PIXEL_SIGMA = 0.01  # pixels: what no fit of a spot knows better
CORRECTION_SHARE, FIELD_SHARE = (
    0.05,
    0.3,
)  # of what is taken off a place, and of what the waves' field makes of it, is its sigma
SHAPE_SHARE = 0.005  # of a spot's width: what its shape, which is no Gaussian, does to its middle
STEPS = 60
SETTLED = 1e-3  # of a sigma
FLAT = 1e-5  # of chi-squared: smaller gains end the steps; those after n steps n^2 times as large, where a valley has no end
OUTLIER = 3.0
DIMMEST = 0.1  # of the field in the middle of a spot: what it is nearby is not taken to be less
YONEDA_WIDTHS, YONEDA_END = 2.0, 1.25  # widths of a spot; critical angles
YONEDA_SHARE, TOTAL_SHARE = (
    0.2,
    0.5,
)  # of its height is the sigma of a spot in the Yoneda band, and where it reaches below the critical angle
MEDIAN_OF_TWO = 1.1774  # median length of two independent normal numbers
STEP_SIZES = {"a": 1e-4, "contraction": 1e-5, "critical": 1e-6, "row_shift": 1e-3, "column_shift": 1e-3, "turn": 1e-6}


@dataclass(frozen=True)
class Prior:
    """Value and standard deviation of a parameter that is known beforehand."""

    value: float
    sigma: float


@dataclass(frozen=True, eq=False)
class Matched:
    """Spots and the reflections that they are, arrays of one length; parallel and normal in 2 pi / a."""

    spots: Sequence[Spot]
    parallel: FloatArray
    normal: FloatArray
    reflected: npt.NDArray[np.bool_]


def matched(spots: Sequence[Spot], found: npt.NDArray[np.int64], expected: Expected) -> Matched:
    """The spots of one image that have a reflection, from the indices of `match`."""
    use = np.flatnonzero(found >= 0)
    chosen = found[use]
    return Matched(
        [spots[int(i)] for i in use], expected.parallel[chosen], expected.normal[chosen], expected.reflected[chosen]
    )


def joined(parts: Sequence[Matched]) -> Matched:
    """The matches of several images together."""
    return Matched(
        [spot for part in parts for spot in part.spots],
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("parallel", "normal", "reflected")),
    )


def refine(
    setup: Setup,
    start: FilmConstants,
    pairs: Matched,
    priors: Mapping[str, Prior],
    *,
    held: Mapping[str, str],
    envelope: Envelope | None,
    place_sigma: float = PIXEL_SIGMA,
) -> Refined:
    """Constants from matched spots. priors: by name of the parameter ("incidence 0" for the first image's); held: name -> why.

    place_sigma: pixels, added to what each spot's fit says; where spots scatter more than that it grows until they do not,
    so that priors keep their weight. Spots more than three sigma off are left out in a second round. Raises ConvergenceError
    where steps do not end.
    """
    names = _free_names(start, held)
    use = np.ones(len(pairs.spots), dtype=bool)
    constants, scatter = start, place_sigma
    for _ in range(4):
        target, covariances = _corrected_places(setup, constants, pairs, envelope)
        whitening = np.linalg.inv(np.linalg.cholesky(covariances + scatter**2 * np.eye(2)))
        measured = _Measured(setup, pairs, target, whitening, use)
        constants, covariance, residuals = _gauss_newton(measured, constants, names, priors)
        off = residuals.reshape(-1, 2)
        size = np.sqrt(np.square(off).sum(axis=1))
        typical = float(np.median(size[use])) / MEDIAN_OF_TWO
        again = size < OUTLIER * max(1.0, typical)
        if typical > 1.1:
            pixels = np.sqrt(np.median(np.square(np.linalg.solve(whitening, off[..., None])[use, :, 0]).sum(axis=1)))
            scatter = float(np.hypot(scatter, np.sqrt(1.0 - 1.0 / typical**2) * pixels / MEDIAN_OF_TWO))
        elif np.array_equal(again, use):
            break
        use = again if np.count_nonzero(again) >= len(names) else use
    freedom = max(2 * int(use.sum()) - len(names), 1)
    reduced = float(np.square(off[use]).sum() / freedom)
    return Refined(constants, names, covariance * max(reduced, 1.0), dict(held), reduced, scatter)


def _of_yoneda_band(
    setup: Setup, constants: FilmConstants, image: int, centre: FloatArray, shape: FloatArray
) -> FloatArray:
    """Covariances (n, 2, 2) that spots in the Yoneda band have beside their own: there the waves' amplitudes decide how high a
    spot is brightest, and no slope describes them. A spot of covariance S then moves along S n, n up the film's normal."""
    plane, incidence = moved(setup.plane, constants), incidence_of(constants, image, setup.film)
    rows = centre[:, :1] + YONEDA_WIDTHS * np.sqrt(shape[:, :1, 0]) * np.array([0.0, 1.0, -1.0])
    exit_sine = film_coordinates(plane, incidence, rows, np.broadcast_to(centre[:, 1:], rows.shape))[1]
    critical = max(
        constants.critical, setup.film.index.critical_angle
    )  # no spot gains weight where the angle is found small
    share = np.where(exit_sine[:, 0] < YONEDA_END * critical, YONEDA_SHARE, 0.0)
    share = np.where(exit_sine.min(axis=1) < critical, TOTAL_SHARE, share)
    along = _along_the_normal(plane, shape)
    return np.square(share)[:, None, None] * along[:, :, None] * along[:, None, :]


def _free_names(start: FilmConstants, held: Mapping[str, str]) -> tuple[str, ...]:
    angles = [f"incidence {i}" for i in range(len(start.incidence))] if "incidence" not in held else []
    others = [name for name in ("critical", "row_shift", "column_shift", "turn") if name not in held]
    return ("a", *(["contraction"] if "contraction" not in held else []), *angles, *others)


def _value(constants: FilmConstants, name: str) -> float:
    if name.startswith("incidence"):
        return constants.incidence[int(name.split()[1])]
    return float(getattr(constants, name))


def _with(constants: FilmConstants, name: str, value: float) -> FilmConstants:
    if name.startswith("incidence"):
        angles = list(constants.incidence)
        angles[int(name.split()[1])] = value
        return replace(constants, incidence=tuple(angles))
    return FilmConstants(**{**vars(constants), name: value})


@dataclass(frozen=True, eq=False)
class _Measured:
    """What constants are compared with: places (spot, 2), matrices that whiten differences (spot, 2, 2), which count."""

    setup: Setup
    pairs: Matched
    target: FloatArray
    whitening: FloatArray
    use: npt.NDArray[np.bool_]

    def residuals(self, constants: FilmConstants) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Whitened differences (spot, 2) flattened, and which of them count."""
        pairs, predicted = self.pairs, np.full(self.target.shape, np.nan)
        images = np.array([spot.image for spot in pairs.spots])
        for image in np.unique(images):
            here = images == image
            row, column = places(
                self.setup, constants, int(image), pairs.parallel[here], pairs.normal[here], pairs.reflected[here]
            )
            predicted[here] = np.stack([row, column], axis=1)
        off = np.einsum("nij,nj->ni", self.whitening, self.target - predicted)
        counted = np.repeat(self.use & np.isfinite(off).all(axis=1), 2)
        return np.nan_to_num(off, nan=1e3).ravel(), counted


AROUND = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


def _corrected_places(
    setup: Setup, constants: FilmConstants, pairs: Matched, envelope: Envelope | None
) -> tuple[FloatArray, FloatArray]:
    """Places of the reflections (spot, 2) in pixels, and their covariances (spot, 2, 2)."""
    target, covariances = np.empty((len(pairs.spots), 2)), np.empty((len(pairs.spots), 2, 2))
    images = np.array([spot.image for spot in pairs.spots])
    for image in np.unique(images):
        here = np.flatnonzero(images == image)
        spots = [pairs.spots[int(i)] for i in here]
        centre = np.array([(spot.row, spot.column) for spot in spots])
        shape = np.array([spot.shape for spot in spots])
        widest = np.sqrt(np.linalg.eigvalsh(shape)[:, 1:])
        parts = _shifts(setup, constants, int(image), centre, shape, pairs.reflected[here], envelope)
        shift, by_field = (np.clip(np.nan_to_num(part), -widest, widest) for part in parts)
        target[here] = centre - shift - by_field
        own = np.array([spot.covariance for spot in spots]) + _of_yoneda_band(
            setup, constants, int(image), centre, shape
        )
        for share, part in ((CORRECTION_SHARE, shift), (FIELD_SHARE, by_field)):
            own = own + share**2 * part[:, :, None] * part[:, None, :]
        covariances[here] = own + SHAPE_SHARE**2 * shape
    return target, covariances


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
        log = log + envelope.log(np.nan_to_num(np.hypot(parallel, along), nan=1.0))
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


def _gauss_newton(
    measured: _Measured,
    start: FilmConstants,
    names: Sequence[str],
    priors: Mapping[str, Prior],
) -> tuple[FilmConstants, FloatArray, FloatArray]:
    """Constants, covariance and residuals at the minimum of chi-squared and priors."""
    constants, damping = start, 0.0

    def prior_terms(c: FilmConstants) -> FloatArray:
        known = [(_value(c, n), priors.get(n)) for n in names]
        return np.array([0.0 if p is None else (p.value - v) / p.sigma for v, p in known])

    def cost(c: FilmConstants) -> float:
        off, counted = measured.residuals(c)
        lost = np.repeat(measured.use, 2) & ~counted  # no ray goes there any more: constants that do this are far off
        return float(np.square(off[counted]).sum() + np.square(off[lost]).sum() + np.square(prior_terms(c)).sum())

    before = cost(constants)
    for number in range(STEPS):
        off, counted = measured.residuals(constants)
        jacobian = np.empty((off.size, len(names)))
        for j, name in enumerate(names):
            size = STEP_SIZES.get(name.split()[0], 1e-6)
            ahead = measured.residuals(_with(constants, name, _value(constants, name) + size))[0]
            behind = measured.residuals(_with(constants, name, _value(constants, name) - size))[0]
            jacobian[:, j] = -(ahead - behind) / (2.0 * size)
        sigma = np.array([np.inf if (p := priors.get(n)) is None else p.sigma for n in names])
        j_used = jacobian[counted]
        normal = j_used.T @ j_used + np.diag(1.0 / np.square(sigma))
        gradient = j_used.T @ off[counted] + prior_terms(constants) / sigma
        scale = np.sqrt(np.maximum(np.diag(normal), 1e-300))
        scaled = normal / np.outer(scale, scale)
        for _ in range(12):
            step = np.linalg.lstsq(scaled + damping * np.eye(len(names)), gradient / scale, rcond=None)[0] / scale
            trial = constants
            for name, move in zip(names, step, strict=True):
                trial = _with(trial, name, _value(trial, name) + float(move))
            after = cost(trial) if trial.critical > 0.0 and min(trial.incidence) > 0.0 else np.inf
            if after <= before * (1.0 + 1e-10):
                break
            damping = max(4.0 * damping, 1e-4)
        else:
            break
        gained = before - after
        constants, before, damping = trial, after, 0.2 * damping
        if (
            np.max(np.abs(step) * scale) < SETTLED * max(1.0, np.sqrt(after / max(counted.sum(), 1)))
            or gained < FLAT * (1 + number**2) * after
        ):
            break
    else:
        raise ConvergenceError("the film's constants: no minimum in 60 steps; give fewer free parameters")
    covariance = np.linalg.pinv(scaled, hermitian=True) / np.outer(scale, scale)
    return constants, covariance, measured.residuals(constants)[0]
