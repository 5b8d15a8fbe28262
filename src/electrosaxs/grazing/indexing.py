"""Which lattice stands how on the substrate, and its constants: every candidate is tried, the best are refined and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from ..errors import ConvergenceError
from ..nouns.base import FloatArray
from ..nouns.film import NO_LATTICE, Assignment, FilmConstants, Orientation, Refined, Spot
from ..physics.lattices import neighbour_distance
from .candidates import Start, candidate_orientations, starts
from .expected import Expected, Setup, behind, expected_reflections, in_blends, incidence_of, match
from .intensities import UNSEEN, Envelope, envelopes_of_images
from .likelihood import Explained, direct_spots, explain, weighted_intensities
from .refine import PIXEL_SIGMA, Matched, Prior, joined, matched, refine, value_of
from .shifts import in_yoneda_band
from .surroundings import Surroundings

REFINED_STARTS = 6
LEAST_SPOTS = 5  # that a lattice must explain
ROUNDS = ((4.0, 0.012, 2.0), (2.5, 0.006, 0.7), (1.2, 0.002, PIXEL_SIGMA))
"""Each round of matching: tolerance (pixels, and of the distance), and how well places are trusted (pixels)."""
FAR_BEHIND = 100.0  # of the scores of two starts in the same round: no refinement makes up for it
SCATTERS = 1.2  # by how much spots scatter beyond their fits, in tolerances of the next matching
NEAR_CRITICAL = np.radians(0.1)  # between the two angles
FREE_STARTS, FREE_ANGLE = (np.radians(0.15), np.radians(0.3), np.radians(0.6)), np.radians(1.0)
RESTLESS, WITHIN_STATED = 0.05, (0.0, -1.0, 1.0, -2.0, 2.0)  # pixels of scatter; sigmas of the stated angle
DISTORTED = 0.5  # pixels of scatter: more is that of the detector, or of a film of another density
CALMER = 0.5  # of the scatter, a quarter of its square, is left where the stated angle was wrong
MOST_SCATTER = 0.5  # of the width of spots: reflections from which spots scatter by more do not explain them
LEAST_PLACE_SIGMA = 1.0  # pixels, in the likelihood
LEAST_SCORE = 12.0  # ln of the odds against "none", for so many candidates and constants were tried


@dataclass(frozen=True, eq=False)
class ImageView:
    """One image as indexing sees it: the spots that take part, what could be seen where, the places (n, 2) of spots that
    are explained already, and spots that are more than one reflection."""

    spots: list[Spot]
    view: Surroundings
    taken: FloatArray | None = None
    blends: tuple[Spot, ...] = ()


@dataclass(frozen=True, eq=False)
class Indexed:
    """An orientation with refined constants; per image: expected reflections, which of them each spot is (-1: none), and
    how well they explain it; rounds: scores before each refinement."""

    orientation: Orientation
    refined: Refined
    expected: list[Expected]
    found: list[npt.NDArray[np.int64]]
    explained: list[Explained]
    rounds: tuple[float, ...] = ()

    @property
    def score(self) -> float:
        """ln likelihood over that of "none", all images."""
        return sum(part.score for part in self.explained)

    @property
    def matches(self) -> int:
        """Spots of the direct beam that have a reflection."""
        return sum(
            int(np.count_nonzero((f >= 0) & ~e.reflected[np.maximum(f, 0)]))
            for f, e in zip(self.found, self.expected, strict=True)
            if len(e)
        )


def index_film(
    images: Sequence[ImageView],
    setup: Setup,
    stated: FilmConstants,
    priors: Mapping[str, Prior],
    held: Mapping[str, str],
) -> tuple[Assignment, Indexed | None]:
    """The assignment, and the constants of the best orientation (None where no lattice explains the spots).

    stated: angles, critical angle and centre as given; its a is not used. priors and held as for `refine`.
    """
    tried: list[Indexed] = []
    for start in _promising(images, setup, stated):
        leader = max(tried, key=lambda t: t.score, default=None)
        ahead = () if leader is None else leader.rounds
        done = try_start(start, images, setup, stated, priors, held, ahead=ahead)
        tried += [] if done is None else [done]
    best: dict[Orientation, Indexed] = {}
    for one in sorted(tried, key=lambda t: -t.score):
        best.setdefault(one.orientation, one)
    ranked = list(best.values())
    scores = {one.orientation.name: one.score - LEAST_SCORE for one in ranked}
    total = float(logsumexp([0.0, *scores.values()]))
    probabilities = {name: float(np.exp(score - total)) for name, score in scores.items()}
    probabilities |= {o.name: 0.0 for o in candidate_orientations() if o.name not in probabilities}
    probabilities[NO_LATTICE] = float(np.exp(-total))
    found = ranked[0] if ranked and ranked[0].score > LEAST_SCORE and ranked[0].matches >= LEAST_SPOTS else None
    second = ranked[1] if len(ranked) > 1 else None
    if found is not None:
        found = other_side(found, images, setup, stated, priors, held)
    if found is None:
        probabilities = (
            {**dict.fromkeys(probabilities, 0.0), NO_LATTICE: 1.0}
            if ranked and ranked[0].score > LEAST_SCORE
            else probabilities
        )
    assignment = Assignment(
        None if found is None else found.orientation,
        0.0 if found is None else found.score,
        (None if second is None else second.orientation)
        if found is not None
        else (ranked[0].orientation if ranked else None),
        (0.0 if second is None else second.score) if found is not None else (ranked[0].score if ranked else 0.0),
        probabilities,
    )
    return assignment, found


def _promising(images: Sequence[ImageView], setup: Setup, stated: FilmConstants) -> list[Start]:
    """First constants of the orientations that do best on the clearest spots of all images."""
    spots = sorted((s for image in images for s in image.spots), key=lambda s: -s.signal_to_noise)
    spots = [s for s in spots if np.isfinite(s.q_z)]
    p, z, w = _folded(spots)
    if p.size < 3:
        return []
    shift = 2.0 * setup.plane.wavenumber * incidence_of(stated, 0, setup.film).sine_inside
    found = [start for o in candidate_orientations() for start in starts(o, p, z, w, shift=shift)]
    return sorted(found, key=lambda s: -s.score)[:REFINED_STARTS]


def _folded(spots: Sequence[Spot]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """|q_parallel|, q_z and number of spots, those of both sides (and of all images) at one place as one."""
    kept: list[list[float]] = []
    for spot in spots:
        p, z = abs(spot.q_parallel), spot.q_z
        near = next(
            (k for k in kept if np.hypot(k[0] / k[2] - p, k[1] / k[2] - z) < 0.006 + 0.004 * np.hypot(p, z)), None
        )
        if near is None:
            kept.append([p, z, 1.0])
        else:
            near[0], near[1], near[2] = near[0] + p, near[1] + z, near[2] + 1.0
    table = np.array(kept).reshape(-1, 3)
    return table[:, 0] / table[:, 2], table[:, 1] / table[:, 2], table[:, 2]


def try_start(
    start: Start,
    images: Sequence[ImageView],
    setup: Setup,
    stated: FilmConstants,
    priors: Mapping[str, Prior],
    held: Mapping[str, str],
    *,
    ahead: Sequence[float] = (),
) -> Indexed | None:
    """Matching and refinement in turns from first constants; None where too few spots are met. ahead: scores of the leader
    after each round; who is far behind it after the first refinement stays there."""
    constants = FilmConstants(
        start.a, start.contraction, stated.incidence, stated.critical, stated.row_shift, stated.column_shift, stated.turn,
        stated.spot_shift, stated.field_shift,
    )  # fmt: skip
    envelopes: Sequence[Envelope] = ()
    refined: Refined | None = None
    rounds: list[float] = []
    for number, (least, relative, place_sigma) in enumerate((*ROUNDS, ROUNDS[-1])):
        tolerance = least if refined is None else max(least, SCATTERS * refined.scatter)
        expected, found, explained = _look(start.orientation, images, setup, constants, tolerance, relative, envelopes)
        pairs = _usable(images, expected, found)
        if len(pairs.spots) < LEAST_SPOTS:
            return None
        rounds.append(sum(part.score for part in explained))
        if refined is not None and number < len(ahead) and rounds[-1] < ahead[number] - FAR_BEHIND:
            return Indexed(start.orientation, refined, expected, found, explained, tuple(rounds))
        envelopes = [part.envelope for part in explained]
        try:
            refined = refine(
                setup, constants, pairs, priors, held=held, envelope=envelopes[0], place_sigma=place_sigma,
                drawn=number == len(ROUNDS),
            )  # fmt: skip
        except (ConvergenceError, np.linalg.LinAlgError):
            return None
        constants = refined.constants
    assert refined is not None
    if refined.scatter > MOST_SCATTER * usual_width(images):
        return None
    tolerance, relative = max(ROUNDS[-1][0], SCATTERS * refined.scatter), ROUNDS[-1][1]
    expected, found, explained = _look(start.orientation, images, setup, constants, tolerance, relative, envelopes)
    return Indexed(start.orientation, refined, expected, found, explained, tuple(rounds))


def usual_width(images: Sequence[ImageView]) -> float:
    """Median standard deviation (pixels) of the spots along their long axes."""
    return float(np.median([np.sqrt(np.linalg.eigvalsh(s.shape)[-1]) for image in images for s in image.spots]))


def other_side(
    found: Indexed, images: Sequence[ImageView], setup: Setup, stated: FilmConstants, priors: Mapping[str, Prior],
    held: Mapping[str, str],
) -> Indexed:  # fmt: skip
    """What was found, or the same with the beam on the other side of the critical angle where that explains more, for all that
    was stated: near it two angles of incidence give almost the same wave in the film."""
    c = found.refined.constants
    mirrored = tuple(2.0 * c.critical - angle for angle in c.incidence)
    near = max(abs(m - angle) for m, angle in zip(mirrored, c.incidence, strict=True)) < NEAR_CRITICAL
    if "incidence" in held or not near:
        return found
    start = Start(found.orientation, c.a, c.contraction, 0.0)
    other = try_start(start, images, setup, replace(stated, incidence=mirrored), priors, held)
    if other is None or other.score - against(other, priors) <= found.score - against(found, priors):
        return found
    return other


def against(one: Indexed, priors: Mapping[str, Prior]) -> float:
    """What stated angles say against those found: half the sum of squares over their sigmas."""
    c = one.refined.constants
    off = [
        (value_of(c, name) - p.value) / p.sigma
        for name, p in priors.items()
        if name.startswith(("incidence", "critical"))
    ]
    return 0.5 * float(np.square(off).sum())


def within_stated(
    found: Indexed, images: Sequence[ImageView], setup: Setup, stated: FilmConstants, priors: Mapping[str, Prior],
    held: Mapping[str, str],
) -> Indexed:  # fmt: skip
    """What was found, or the same from other angles of incidence that the stated one allows, where spots that scattered about
    their places then lie on them: near the critical angle a wrong angle may look like the right one from nearby."""
    if not RESTLESS < found.refined.scatter < DISTORTED or "incidence" in held:
        return found
    sigma = priors["incidence 0"].sigma
    angles = [priors["incidence 0"].value + step * sigma for step in WITHIN_STATED]
    return _calmest(found, angles, images, setup, stated, priors, held)


def freed_angle(
    found: Indexed, images: Sequence[ImageView], setup: Setup, stated: FilmConstants, priors: Mapping[str, Prior],
    held: Mapping[str, str],
) -> Indexed:  # fmt: skip
    """What was found, or the same with angles of incidence that are not those stated, where spots that scattered about their
    places then lie on them: who stated a wrong angle meant another one."""
    return _calmest(found, FREE_STARTS, images, setup, stated, with_free_angles(priors), held)


def with_free_angles(priors: Mapping[str, Prior]) -> dict[str, Prior]:
    """The same with angles of incidence of which hardly anything is known."""
    return {name: Prior(p.value, FREE_ANGLE) if name.startswith("incidence") else p for name, p in priors.items()}


def _calmest(
    found: Indexed, angles: Sequence[float], images: Sequence[ImageView], setup: Setup, stated: FilmConstants,
    priors: Mapping[str, Prior], held: Mapping[str, str],
) -> Indexed:  # fmt: skip
    """What was found, or what comes from these first angles where most of the scatter is gone then and no spot is lost but
    for those in the Yoneda band: it shows tails of reflections from below the horizon, too, and no angle puts these on it."""
    c, tried, least = found.refined.constants, [found], _firm_matches(found, images, setup)
    for angle in angles:
        other = tuple(angle + i - c.incidence[0] for i in c.incidence)
        if min(other) > 0.0:
            start = Start(found.orientation, c.a, c.contraction, 0.0)
            done = try_start(start, images, setup, replace(stated, incidence=other), priors, held)
            if done is not None and _firm_matches(done, images, setup) >= least:
                tried.append(done)
    best = min(tried, key=lambda one: one.refined.scatter)
    return best if best.refined.scatter < CALMER * found.refined.scatter else found


def _firm_matches(one: Indexed, images: Sequence[ImageView], setup: Setup) -> int:
    """Spots above the Yoneda band that have a reflection of the direct beam."""
    c, count = one.refined.constants, 0
    for i, (image, found, expected) in enumerate(zip(images, one.found, one.expected, strict=True)):
        above = ~in_yoneda_band(setup, c, i, image.spots)
        count += int(np.count_nonzero(above & direct_spots(found, expected)))
    return count


def _look(
    orientation: Orientation, images: Sequence[ImageView], setup: Setup, constants: FilmConstants, tolerance: float,
    relative: float, envelopes: Sequence[Envelope],
) -> tuple[list[Expected], list[npt.NDArray[np.int64]], list[Explained]]:  # fmt: skip
    """Expected reflections, matches and explanation of each image. envelopes: of each, none before the first look."""
    expected, found = [], []
    neighbour = neighbour_distance(orientation.lattice, constants.a)
    for number, image in enumerate(images):
        here = expected_reflections(setup, orientation, constants, number, image.view)
        if image.taken is not None:
            here = behind(here, image.taken)
        here = in_blends(here, image.blends)
        known = bool(envelopes) and envelopes[number].level > UNSEEN
        intensity = here.weight * (np.exp(np.clip(envelopes[number].log(here.q), -60.0, 60.0)) if known else 1.0)
        matches = match(image.spots, here, tolerance=tolerance, relative=relative, intensity=intensity, known=known)
        expected.append(here)
        found.append(matches)
    told = [weighted_intensities(i.spots, f, e) for i, e, f in zip(images, expected, found, strict=True)]
    sigma = max(LEAST_PLACE_SIGMA, 0.8 * tolerance)
    explained = [
        explain(image.spots, matches, here, image.view, envelope=envelope, sigma=sigma)
        for image, matches, here, envelope in zip(
            images, found, expected, envelopes_of_images(told, neighbour_nm=neighbour), strict=True
        )
    ]
    return expected, found, explained


def _usable(
    images: Sequence[ImageView], expected: Sequence[Expected], found: Sequence[npt.NDArray[np.int64]]
) -> Matched:
    """Matched spots that may take part in the refinement: channels are not mixed where both could be meant."""
    return joined([matched(i.spots, f, e) for i, e, f in zip(images, expected, found, strict=True)])
