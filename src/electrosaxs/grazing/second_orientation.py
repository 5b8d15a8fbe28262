"""A second orientation in the same film: indexed from the spots that the first one leaves, with angles and centre known as
well as the first one knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..nouns.film import FilmConstants, Refined
from .expected import Setup, incidence_of, moved
from .indexing import LEAST_SPOTS, ImageView, Indexed, index_film
from .refine import Prior, value_of
from .spots import replaced

LEAST_MATCHES = 6
LEAST_EXPLAINED = 0.5  # of the spots that the first orientation leaves
LEAST_ODDS = 20.0  # ln, over "none"


@dataclass(frozen=True, eq=False)
class Second:
    """The second orientation, its matches counted over all spots that take part; share of the spots' crystals that have it,
    with sigma."""

    indexed: Indexed
    share: float
    share_sigma: float


def second_orientation(images: Sequence[ImageView], setup: Setup, first: Indexed) -> Second | None:
    """What stands beside the first orientation, or None.

    Reflections that fall on spots of the first one say nothing, neither for the second nor against it.
    """
    constants = first.refined.constants
    left = [_left(image, setup, constants, first, i) for i, image in enumerate(images)]
    count = sum(len(image.spots) for image in left)
    if count < LEAST_MATCHES:
        return None
    _, found = index_film(left, setup, constants, known_from(first.refined), first.refined.held)
    if found is None or found.orientation == first.orientation:
        return None
    if found.matches < max(LEAST_MATCHES, LEAST_EXPLAINED * count) or found.score < LEAST_ODDS:
        return None
    if not any(s and (f >= 0).any() for s, f in zip(shown(first), found.found, strict=True)):
        return None  # no image shows both
    share, sigma = _share(images, first, left, found)
    return Second(_over_all_spots(found, first), share, sigma)


def known_from(refined: Refined) -> dict[str, Prior]:
    """What one orientation says of the angles, the centre and the shifts of spots, for another in the same film."""
    names = [name for name in refined.names if name not in ("a", "contraction")]
    return {name: Prior(value_of(refined.constants, name), refined.sigma(name) or 0.0) for name in names}


def _left(image: ImageView, setup: Setup, constants: FilmConstants, first: Indexed, number: int) -> ImageView:
    """The spots that the first orientation does not explain, and where those are that it does."""
    taken = first.found[number] >= 0
    plane, incidence = moved(setup.plane, constants), incidence_of(constants, number, setup.film)
    places = np.array([(s.row, s.column) for s, t in zip(image.spots, taken, strict=True) if t]).reshape(-1, 2)
    spots = replaced([s for s, t in zip(image.spots, taken, strict=True) if not t], plane, incidence)
    return replace(image, spots=spots, taken=places)


def _over_all_spots(found: Indexed, first: Indexed) -> Indexed:
    """The same with matches counted over the spots of the first orientation too, -1 for those."""
    matches = []
    for own, before in zip(found.found, first.found, strict=True):
        over_all = np.full(before.size, -1, dtype=np.int64)
        over_all[before < 0] = own
        matches.append(over_all)
    return replace(found, found=matches)


def _share(
    images: Sequence[ImageView], first: Indexed, left: Sequence[ImageView], second: Indexed
) -> tuple[float, float]:
    """Share of the second orientation: its spots' intensities over those that the spheres and displacements of the first
    one's spots give, against the same of the first."""
    levels = []
    for views, one in ((images, first), (left, second)):
        off = []
        for view, expected, found, part, both in zip(
            views, one.expected, one.found, first.explained, shown(first), strict=True
        ):
            if not both:
                continue
            for spot, k in zip(view.spots, found, strict=True):
                if k >= 0 and not expected.reflected[k]:
                    q = expected.q[k : k + 1]
                    off.append(np.log(spot.intensity / expected.weight[k]) - float(part.envelope.log(q)[0]))
        centre = float(np.median(off))
        levels.append((centre, 1.25 * 1.4826 * float(np.median(np.abs(np.array(off) - centre))) / np.sqrt(len(off))))
    ratio = float(np.exp(np.clip(levels[1][0] - levels[0][0], -30.0, 30.0)))
    share = ratio / (1.0 + ratio)
    return share, share * (1.0 - share) * float(np.hypot(levels[0][1], levels[1][1]))


def shown(found: Indexed) -> list[bool]:
    """Whether each image shows as many spots of an orientation as it must explain."""
    return [int((matches >= 0).sum()) >= LEAST_SPOTS for matches in found.found]
