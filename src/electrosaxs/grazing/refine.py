"""Constants of a film from the places of its spots: least squares on pixels, with priors, over one or several images.

Free are a, the contraction along the normal, the angle of incidence of each image (prior: the stated angle), the square of
the critical angle, over which places are straight (prior: the composition), the direct beam's column, the film's turn about
the beam, and which share of the computed shifts spots have (priors 1 +- 0.5: sources differ in how their spots grow out of
powder rings, and surfaces in how the waves' field rises towards the critical angle). Where spots lie off their reflections,
and how well that is known, is `shifts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import ConvergenceError
from ..nouns.base import FloatArray
from ..nouns.film import FilmConstants, Refined, Spot
from .expected import Expected, Setup, places
from .intensities import Envelope
from .shifts import Places, corrected_places

PIXEL_SIGMA = 0.01  # pixels: what no fit of a spot knows better
STEPS = 60
SETTLED = 1e-3  # of a sigma
FLAT = 1e-5  # of chi-squared: smaller gains end the steps; those after n steps n^2 times as large, where a valley has no end
OUTLIER = 3.0
MEDIAN_OF_TWO = 1.1774  # median length of two independent normal numbers
SCATTERED = 0.1  # pixels beyond what fits say: then neighbours are asked whether they are off together
REACH_OF_NEIGHBOURS = 0.5  # of the distance of spots from their middle
STEP_SIZES = {
    "a": 1e-4,
    "contraction": 1e-5,
    "critical": 1e-8,
    "turn": 1e-6,
}


@dataclass(frozen=True)
class Prior:
    """Value and standard deviation of a parameter that is known beforehand."""

    value: float
    sigma: float


SPOT_SHIFT, FIELD_SHIFT = Prior(1.0, 0.5), Prior(1.0, 0.5)


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
    drawn: bool = False,
) -> Refined:
    """Constants from matched spots. priors: by name of the parameter ("incidence 0" for the first image's); held: name -> why.

    place_sigma: pixels, added to what each spot's fit says; where spots scatter more than that it grows until they do not,
    so that priors keep their weight. Spots more than three sigma off are left out in a second round. Raises ConvergenceError
    where steps do not end.
    """
    names, priors = _free_names(start, held), {"spot_shift": SPOT_SHIFT, "field_shift": FIELD_SHIFT, **priors}
    if (angle := priors.get("critical")) is not None:
        priors["critical"] = Prior(angle.value**2, 2.0 * angle.value * angle.sigma)
    use = np.ones(len(pairs.spots), dtype=bool)
    constants, scatter = start, place_sigma
    for _ in range(4):
        lie = corrected_places(setup, constants, pairs.spots, pairs.reflected, envelope, drawn=drawn)
        whitening = np.linalg.inv(np.linalg.cholesky(lie.covariance + scatter**2 * np.eye(2)))
        measured = _Measured(setup, pairs, lie, whitening, use)
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
    shared = (
        _shared_by_neighbours([s for s, u in zip(pairs.spots, use, strict=True) if u], off[use])
        if scatter > SCATTERED
        else 1.0
    )
    covariance = shared * covariance * max(reduced, 1.0)
    return Refined(constants, names, _of_the_angle(covariance, names, constants.critical), dict(held), reduced, scatter)


def _of_the_angle(covariance: FloatArray, names: tuple[str, ...], critical: float) -> FloatArray:
    """The same of the critical angle c where it was of its square: sqrt(c^2 + s) - c for the sigma s of the square, so that
    an angle that is found near zero keeps a sigma."""
    scale = np.ones(len(names))
    if "critical" in names:
        i = names.index("critical")
        scale[i] = 1.0 / (np.sqrt(critical**2 + np.sqrt(covariance[i, i])) + critical)
    return np.asarray(np.outer(scale, scale) * covariance)


def _shared_by_neighbours(spots: Sequence[Spot], off: FloatArray) -> float:
    """By how much (>= 1) variances grow because neighbours lie off together, as on a detector whose distortion was not
    corrected: 1 + r n, n the number of neighbours that a spot has, a Gaussian of their distance K_ij, and r = sum of
    K_ij r_i r_j over sum of K_ij, over the mean square of the residuals r_i. off (spot, 2): whitened."""
    place = np.array([(s.row, s.column) for s in spots])
    image = np.array([s.image for s in spots])
    reach = REACH_OF_NEIGHBOURS * float(np.sqrt(np.square(place - place.mean(axis=0)).sum(axis=1).mean()))
    apart = np.square(place[:, None] - place).sum(axis=2)
    near = np.exp(-0.5 * apart / max(reach, 1.0) ** 2) * (image[:, None] == image)
    np.fill_diagonal(near, 0.0)
    alike = float((near * (off @ off.T)).sum() / max(near.sum(), 1e-12) / np.square(off).sum(axis=1).mean())
    return 1.0 + max(alike, 0.0) * float(near.sum(axis=1).mean())


def _free_names(start: FilmConstants, held: Mapping[str, str]) -> tuple[str, ...]:
    angles = [f"incidence {i}" for i in range(len(start.incidence))] if "incidence" not in held else []
    others = ("critical", "row_shift", "column_shift", "turn", "spot_shift", "field_shift")
    return (
        "a",
        *(["contraction"] if "contraction" not in held else []),
        *angles,
        *(n for n in others if n not in held),
    )


def value_of(constants: FilmConstants, name: str) -> float:
    """A constant by the name of its parameter."""
    if name.startswith("incidence"):
        return constants.incidence[int(name.split()[1])]
    return float(getattr(constants, name))


def _value(constants: FilmConstants, name: str) -> float:
    """What is fitted: of the critical angle its square."""
    return constants.critical**2 if name == "critical" else value_of(constants, name)


def _with(constants: FilmConstants, name: str, value: float) -> FilmConstants:
    if name.startswith("incidence"):
        angles = list(constants.incidence)
        angles[int(name.split()[1])] = value
        return replace(constants, incidence=tuple(angles))
    if name == "critical":
        return replace(constants, critical=float(np.sqrt(max(value, 0.0))))
    return FilmConstants(**{**vars(constants), name: value})


@dataclass(frozen=True, eq=False)
class _Measured:
    """What constants are compared with: where spots lie less shares of the shifts, matrices that whiten differences
    (spot, 2, 2), which count."""

    setup: Setup
    pairs: Matched
    lie: Places
    whitening: FloatArray
    use: npt.NDArray[np.bool_]

    def residuals(self, constants: FilmConstants) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Whitened differences (spot, 2) flattened, and which of them count."""
        predicted = np.empty(self.lie.centre.shape)
        for image, here, parallel, normal, reflected in self._images:
            predicted[here, 0], predicted[here, 1] = places(self.setup, constants, image, parallel, normal, reflected)
        moved_by = constants.spot_shift * self.lie.shift + constants.field_shift * self.lie.by_field
        off = np.einsum("nij,nj->ni", self.whitening, self.lie.centre - moved_by - predicted)
        finite = np.isfinite(off)
        counted = np.repeat(self.use & finite.all(axis=1), 2)
        return (off if finite.all() else np.where(finite, off, self._lost)).ravel(), counted

    @cached_property
    def _lost(self) -> FloatArray:
        """What it costs a spot (spot, 1) to have no ray: too much, but for tails from below the horizon that of an outlier."""
        return np.where(self.lie.low, OUTLIER / np.sqrt(2.0), 1e3)[:, None]

    @cached_property
    def _images(self) -> list[tuple[int, npt.NDArray[np.bool_], FloatArray, FloatArray, npt.NDArray[np.bool_]]]:
        """Of each image its number, which spots are its own, and their reflections: a fit asks for them thousands of times."""
        pairs, images = self.pairs, np.array([spot.image for spot in self.pairs.spots])
        parts = [(int(image), images == image) for image in np.unique(images)]
        return [(n, here, pairs.parallel[here], pairs.normal[here], pairs.reflected[here]) for n, here in parts]

    def falls(self, constants: FilmConstants, name: str, off: FloatArray) -> FloatArray:
        """By how much residuals `off` fall with a parameter: those on the detector move places by themselves."""
        if name in ("spot_shift", "field_shift"):
            by = self.lie.shift if name == "spot_shift" else self.lie.by_field
            return np.einsum("nij,nj->ni", self.whitening, by).ravel()
        if name in ("row_shift", "column_shift"):
            return self.whitening[:, :, 0 if name == "row_shift" else 1].ravel()
        size = STEP_SIZES.get(name.split()[0], 1e-6)
        return (off - self.residuals(_with(constants, name, _value(constants, name) + size))[0]) / size


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

    def cost(c: FilmConstants, off: FloatArray, counted: npt.NDArray[np.bool_]) -> float:
        lost = np.repeat(measured.use, 2) & ~counted  # no ray goes there any more: constants that do this are far off
        return float(np.square(off[counted]).sum() + np.square(off[lost]).sum() + np.square(prior_terms(c)).sum())

    off, counted = measured.residuals(constants)
    before = cost(constants, off, counted)
    for number in range(STEPS):
        jacobian = np.stack([measured.falls(constants, name, off) for name in names], axis=1)
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
            after = np.inf
            if trial.critical > 0.0 and min(trial.incidence) > 0.0:
                there = measured.residuals(trial)
                after = cost(trial, *there)
            if after <= before * (1.0 + 1e-10):
                break
            damping = max(4.0 * damping, 1e-4)
        else:
            break
        gained = before - after
        constants, before, damping = trial, after, 0.2 * damping
        off, counted = there
        if (
            np.max(np.abs(step) * scale) < SETTLED * max(1.0, np.sqrt(after / max(counted.sum(), 1)))
            or gained < FLAT * (1 + number**2) * after
        ):
            break
    else:
        raise ConvergenceError("the film's constants: no minimum in 60 steps; give fewer free parameters")
    covariance = np.linalg.pinv(scaled, hermitian=True) / np.outer(scale, scale)
    return constants, covariance, off
