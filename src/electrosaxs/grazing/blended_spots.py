"""Spots that are two reflections in one: parted where the image parts them, else left out of the constants.

Which spots may be two is asked of the lattice: a second reflection that no other spot has lies within the spot and is
bright enough to draw its middle off by more than half of its sigma. Whether there are two is asked of the image: two
Gaussians of one shape must fit it better than one by PARTED of chi-squared, for the three parameters that they have more. Their
places are free, so that a wrong lattice does not make its own spots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..nouns.film import FilmConstants, Spot
from .candidates import Start
from .expected import Expected, Setup, incidence_of, moved, within_spots
from .indexing import ImageView, Indexed, try_start
from .refine import Prior
from .spot_fit import FittedSpot, fit_pair
from .spots import PreparedImage, placed

DRAWN_OFF = 0.5  # sigmas of the spot's middle
PARTED = 16.0  # of chi-squared, for three parameters: one in a thousand by chance
LEAST_SIGNAL = 3.0  # of each of the two, which the lattice foretold


@dataclass(frozen=True, eq=False)
class Parted:
    """Spots of one image after their blends were looked at, and those of them that stayed blends (excluded, they say why)."""

    spots: list[Spot]
    blends: tuple[Spot, ...]


def part_blends(
    image: PreparedImage, spots: Sequence[Spot], indexed: Indexed, number: int, setup: Setup
) -> Parted | None:
    """The spots of image `number`, all of them, with blends parted or excluded; None where there is none."""
    expected, found = indexed.expected[number], indexed.found[number]
    taking_part = [i for i, spot in enumerate(spots) if not spot.excluded]
    centres = np.array([(spot.row, spot.column) for spot in spots])
    plane, incidence = (
        moved(setup.plane, indexed.refined.constants),
        incidence_of(indexed.refined.constants, number, setup.film),
    )
    made, blends, changed = list(spots), [], {}
    light = expected.weight * np.exp(np.clip(indexed.explained[number].envelope.log(expected.q), -60.0, 60.0))
    for own, reflection in zip(taking_part, found, strict=True):
        inside = _inside(spots[own], int(reflection), expected, found, light)
        if len(inside) < 2:
            continue
        pair = _two(image, spots[own], [(inside[0], j) for j in inside[1:]], expected, np.delete(centres, own, axis=0))
        if pair is not None:
            changed[own] = [placed(one, image, plane, incidence, number) for one in pair]
            continue
        if reflection < 0:  # it may have another cause
            continue
        blend = replace(spots[own], excluded=_words(expected, inside))
        changed[own] = [blend]
        blends.append(blend)
    if not changed:
        return None
    made = [one for i, spot in enumerate(spots) for one in changed.get(i, [spot])]
    return Parted(made, tuple(blends))


def _inside(
    spot: Spot, reflection: int, expected: Expected, found: npt.NDArray[np.int64], light: FloatArray
) -> list[int]:
    """The spot's reflection (of a spot that has none, since it lies between two, the brightest that is free), and those without
    a spot of their own that draw its middle off, the strongest first."""
    free = within_spots(expected, [spot]) & (expected.status == "")
    free[found[found >= 0]] = False
    if reflection < 0:
        if not free.any():
            return []
        reflection = int(np.argmax(np.where(free, light, -1.0)))
        free[reflection] = False
    apart = np.stack([expected.row - expected.row[reflection], expected.column - expected.column[reflection]], axis=1)
    pull = (light / np.maximum(light + light[reflection], 1e-300))[:, None] * apart
    off = np.sqrt(np.einsum("ni,ij,nj->n", pull, np.linalg.inv(spot.covariance), pull))
    return [reflection, *sorted(np.flatnonzero(free & (off > DRAWN_OFF)).tolist(), key=lambda j: -off[j])]


def _two(
    image: PreparedImage, spot: Spot, pairs: Sequence[tuple[int, int]], expected: Expected, others: FloatArray
) -> list[FittedSpot] | None:
    """The two spots of the first pair of reflections that the image parts."""
    one = FittedSpot(
        np.array([spot.row, spot.column]),
        spot.covariance,
        spot.shape,
        spot.intensity,
        spot.intensity_sigma,
        spot.background,
        1.0,
    )
    for pair in pairs:
        places = np.stack([expected.row[list(pair)], expected.column[list(pair)]], axis=1)
        fitted = fit_pair(image.values, image.bad, image.noise, one, places, others)
        if fitted is None or fitted[1] < PARTED:
            continue
        off = np.linalg.norm([a.centre - p for a, p in zip(fitted[0], places, strict=True)], axis=1)
        if (
            off.max() < 0.5 * np.linalg.norm(places[0] - places[1])
            and min(s.signal_to_noise for s in fitted[0]) > LEAST_SIGNAL
        ):
            return fitted[0]
    return None


def _words(expected: Expected, reflections: Sequence[int]) -> str:
    """Which reflections are in a blend."""
    names = [
        "({} {} {}){}".format(*expected.hkl[i], " of the reflected beam" if expected.reflected[i] else "")
        for i in reflections
    ]
    return f"a blend of {', '.join(names[:-1])} and {names[-1]}"


def index_parted(
    found: Indexed, images: Sequence[ImageView], setup: Setup, priors: Mapping[str, Prior], held: Mapping[str, str]
) -> Indexed | None:
    """What was found, indexed anew from its own constants with the spots of `images`; None where that explains less."""
    c = found.refined.constants
    stated = replace(c, spot_shift=FilmConstants.spot_shift, field_shift=FilmConstants.field_shift)
    again = try_start(Start(found.orientation, c.a, c.contraction, 0.0), images, setup, stated, priors, held)
    left_out = sum(len(image.blends) for image in images)
    return again if again is not None and again.matches >= found.matches - left_out else None
