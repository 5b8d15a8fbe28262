"""What is known of a film's constants where the beam comes in near the critical angle.

There a spot's place hardly changes with the angle of incidence i: the wave in the film bends by as much as the beam is
turned, and on either side of one angle places are almost the same. Chi-squared is no parabola of i, it may have two valleys,
and its curvature in one of them says too little. So i is held at angles on both sides, all else refined, and the covariance is
that of the mixture of all about what was found: weights exp(-D / 2) sqrt(det C), D = chi-squared and what was known
beforehand, C the covariance of what is refined, times the step of i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ConvergenceError
from ..nouns.base import FloatArray
from ..nouns.film import FilmConstants, Refined
from .expected import Setup, places
from .intensities import Envelope
from .refine import OUTLIER, Matched, Prior, refine, value_of
from .shifts import corrected_places

NEAR, WIDE, STEPS = np.radians(0.05), np.radians(0.06), 21
HELD = 1e-7  # rad


@dataclass(frozen=True, eq=False)
class _Component:
    """Constants that one angle leaves, ln of their weight, and their covariance."""

    refined: Refined
    log_weight: float


def near_the_fold(constants: FilmConstants) -> list[int]:
    """Images whose beam comes in near the critical angle."""
    return [i for i, angle in enumerate(constants.incidence) if abs(angle - constants.critical) < NEAR]


def with_fold(
    setup: Setup, refined: Refined, pairs: Matched, priors: Mapping[str, Prior], envelope: Envelope
) -> Refined:
    """The same with sigmas that hold for angles on both sides of the critical one, of each image near it."""
    if "incidence" in refined.held or "critical" in refined.held:
        return refined
    for image in near_the_fold(refined.constants):
        shown = any(spot.image == image for spot in pairs.spots)
        refined = _over_angles(setup, refined, pairs, priors, envelope, image) if shown else refined
    return refined


def _over_angles(
    setup: Setup, refined: Refined, pairs: Matched, priors: Mapping[str, Prior], envelope: Envelope, image: int
) -> Refined:
    name = f"incidence {image}"
    grid = refined.constants.critical + np.linspace(-WIDE, WIDE, STEPS)
    grid = grid[grid > 0.0]
    lost = _Lost(setup, refined, pairs, priors, envelope)
    held = [
        _refined(setup, _at(refined.constants, image, float(angle)), pairs, {**priors, name: Prior(float(angle), HELD)},
                 refined, envelope)
        for angle in grid
    ]  # fmt: skip
    found = [one for one in held if one is not None]
    step = float(np.log((grid[1] - grid[0]) / (np.sqrt(2.0 * np.pi) * HELD)))
    return _mixture([_component(lost, refined, 0.0), *(_component(lost, one, step) for one in found)])


def _at(constants: FilmConstants, image: int, angle: float) -> FilmConstants:
    """The same with this angle of incidence of one image."""
    return replace(constants, incidence=tuple(angle if i == image else a for i, a in enumerate(constants.incidence)))


def _refined(
    setup: Setup, start: FilmConstants, pairs: Matched, priors: Mapping[str, Prior], like: Refined, envelope: Envelope
) -> Refined | None:
    """Constants from `start`, with the same held; None where steps do not end."""
    try:
        return refine(setup, start, pairs, priors, held=like.held, envelope=envelope, drawn=True)
    except (ConvergenceError, np.linalg.LinAlgError):
        return None


def _component(lost: _Lost, refined: Refined, more: float) -> _Component:
    determinant = 0.5 * float(np.linalg.slogdet(2.0 * np.pi * refined.covariance)[1])
    return _Component(refined, determinant + more - 0.5 * lost.of(refined))


def _mixture(components: Sequence[_Component]) -> Refined:
    """The first, with the covariance of all about it."""
    first = components[0].refined
    weight = np.exp(np.array([c.log_weight for c in components]) - max(c.log_weight for c in components))
    values = np.array([[value_of(c.refined.constants, n) for n in first.names] for c in components])
    off = values - values[0]
    covariance = sum(
        w * (c.refined.covariance + np.outer(o, o)) for w, c, o in zip(weight, components, off, strict=True)
    )
    return replace(first, covariance=np.asarray(covariance / weight.sum()))


class _Lost:
    """-2 ln of the posterior of constants, up to a constant: spots weigh as they do at the constants found first, for what is
    not known of a place changes by steps in the Yoneda band."""

    def __init__(
        self, setup: Setup, first: Refined, pairs: Matched, priors: Mapping[str, Prior], envelope: Envelope
    ) -> None:
        self._setup, self._pairs, self._priors, self._envelope = setup, pairs, priors, envelope
        self._names = first.names
        lie = corrected_places(setup, first.constants, pairs.spots, pairs.reflected, envelope, drawn=True)
        self._inverse = np.linalg.inv(lie.covariance + first.scatter**2 * np.eye(2)) / max(first.reduced, 1.0)

    def of(self, refined: Refined) -> float:
        """D of these constants; spots far off count as outliers."""
        c, pairs = refined.constants, self._pairs
        lie = corrected_places(self._setup, c, pairs.spots, pairs.reflected, self._envelope, drawn=True)
        predicted: FloatArray = np.empty(lie.centre.shape)
        images = np.array([spot.image for spot in pairs.spots])
        for image in np.unique(images):
            here = images == image
            parts = pairs.parallel[here], pairs.normal[here], pairs.reflected[here]
            predicted[here, 0], predicted[here, 1] = places(self._setup, c, int(image), *parts)
        off = lie.centre - c.spot_shift * lie.shift - c.field_shift * lie.by_field - predicted
        square = np.einsum("ni,nij,nj->n", off, self._inverse, off)
        square = np.minimum(np.nan_to_num(square, nan=np.inf), OUTLIER**2)
        known = [(value_of(c, n) - p.value) / p.sigma for n, p in self._priors.items() if n in self._names]
        return float(square.sum() + np.square(known).sum())
