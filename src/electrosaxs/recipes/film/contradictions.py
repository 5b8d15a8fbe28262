"""What contradicts what was given: angles, the direct beam's row, the assignment, and whether images are of one film."""

from __future__ import annotations

import numpy as np

from ...grazing.indexing import Indexed
from ...grazing.second_orientation import shown
from ...grazing.seen_horizon import seen_horizon
from ...nouns.base import FloatArray
from .first_study import FilmStudy
from .standing import DOUBTFUL

CONTRADICTED = 4.0  # sigmas between the angle stated and the one found, and between images of one film
MODEL_SIGMA = 5e-5, 1e-4  # of a, relative, and of the contraction: frames without noise are no nearer to the truth
FEW_SPOTS = 6  # of an image: fewer may all have another cause


def contradictions(study: FilmStudy) -> tuple[str, ...]:
    """All of them, one sentence each."""
    return (*_angles(study), *_unexplained(study), *_other_films(study), *_horizons(study))


def silent_images(study: FilmStudy) -> tuple[str, ...]:
    """Images that add nothing to the constants, though those of others are as sure as they are said to be."""
    if study.indexed is None or len(study.prepared) == 1:
        return ()
    without = [i for i, found in enumerate(study.indexed.found) if not (found >= 0).any()]
    return tuple(f"image {i + 1} shows no spot of the lattice: it adds nothing to the constants" for i in without)


def _angles(study: FilmStudy) -> list[str]:
    """Stated angles that the spots contradict."""
    found, said = study.indexed, []
    for i, angle in enumerate(() if found is None else found.refined.constants.incidence):
        assert found is not None
        prior, sigma = study.priors[f"incidence {i}"], found.refined.sigma(f"incidence {i}") or 0.0
        if abs(angle - prior.value) > CONTRADICTED * np.hypot(prior.sigma, sigma):
            said.append(
                f"the spots of image {i + 1} tell {np.degrees(angle):.3f} ± {np.degrees(sigma):.1g} deg of incidence, and "
                f"{np.degrees(prior.value):.4g} ± {np.degrees(prior.sigma):.2g} deg was stated: the angle, or the beam's "
                "row in the geometry, is wrong"
            )
    return said


def _unexplained(study: FilmStudy) -> list[str]:
    """Images of which most spots have no reflection."""
    said = []
    several = len(study.prepared) > 1
    for i in range(len(study.prepared) if study.indexed is not None else 0):
        usable = sum(s.image == i and not s.excluded for s in study.spots)
        explained = sum(int(np.count_nonzero(one.found[i] >= 0)) for one in study.all_indexed)
        if explained >= DOUBTFUL * usable or (several and usable < FEW_SPOTS) or i in _of_others(study):
            continue
        of_image, other = (f" of image {i + 1}", ", or the image is of another film") if several else ("", "")
        said.append(
            f"{usable - explained} of {usable} spots{of_image} are not explained: the direct beam's row or the distance of "
            f"the geometry may be wrong, or there are more than two orientations{other}; do not trust constants of a lattice "
            f"that explains so few{_told_alone(study, i)}"
        )
    return said


def _told_alone(study: FilmStudy, image: int) -> str:
    one = study.alone[image] if study.alone else None
    return "" if one is None else f" (alone the image tells {_lattice(one)})"


def _lattice(one: Indexed) -> str:
    c, sigma = one.refined.constants, one.refined.sigma("a") or 0.0
    return f"{one.orientation.name}, a {c.a:.5g} ± {sigma:.1g} nm"


def _other_films(study: FilmStudy) -> list[str]:
    """Whether images that have a lattice of their own have not the same one."""
    alone = {i: one for i, one in enumerate(study.alone) if one is not None}
    if len(study.prepared) == 1 or not alone:
        return []
    if study.indexed is None:
        told = "; ".join(f"image {i + 1} {_lattice(one)}" for i, one in alone.items())
        return [
            f"the images have no lattice in common, and alone they have ({told}): give those of each film to a call of its own"
        ]
    name = study.indexed.orientation.name
    without = [
        f"image {i + 1} hardly shows {name}{_told_alone(study, i)}: it is of another film" for i in _of_others(study)
    ]
    same = {i: one for i, one in alone.items() if one.orientation == study.indexed.orientation}
    off = [i for i in same if _off_the_others(i, same) > CONTRADICTED**2]
    if not off:
        return without
    told = "; ".join(
        f"image {i + 1} {one.refined.constants.a:.6g} ± {one.refined.sigma('a') or 0.0:.1g} nm, "
        f"{one.refined.constants.contraction:+.4f} ± {one.refined.sigma('contraction') or 0.0:.1g}"
        for i, one in same.items()
    )  # fmt: skip
    return [
        *without, f"the images are not of one film, or an angle or place is wrong: alone they tell a and contraction {told}"
    ]  # fmt: skip


def _of_others(study: FilmStudy) -> list[int]:
    """Images, among several, with spots of which hardly any is the lattice's."""
    if study.indexed is None or len(study.prepared) == 1:
        return []
    each = enumerate(zip(study.indexed.found, shown(study.indexed), strict=True))
    return [
        i for i, (matches, seen) in each
        if not seen and matches.size >= FEW_SPOTS and (matches >= 0).sum() < DOUBTFUL * matches.size
    ]  # fmt: skip


def _off_the_others(image: int, same: dict[int, Indexed]) -> float:
    """Chi-squared of (a, contraction) of one image against the mean of the others, 0 where there is none."""
    told = {i: _strain(one) for i, one in same.items()}
    others = [told[i] for i in same if i != image]
    if not others:
        return 0.0
    weights = [np.linalg.inv(covariance) for _, covariance in others]
    covariance = np.linalg.inv(sum(weights))
    mean = covariance @ sum(w @ value for w, (value, _) in zip(weights, others, strict=True))
    off = told[image][0] - mean
    return float(off @ np.linalg.solve(told[image][1] + covariance, off))


def _strain(one: Indexed) -> tuple[FloatArray, FloatArray]:
    """(a in nm, contraction) of one image, and their covariance with what the model leaves."""
    refined, c = one.refined, one.refined.constants
    at = [refined.names.index(name) for name in ("a", "contraction")]
    return np.array([c.a, c.contraction]), refined.covariance[np.ix_(at, at)] + np.diag(
        np.square([MODEL_SIGMA[0] * c.a, MODEL_SIGMA[1]])
    )


def _horizons(study: FilmStudy) -> list[str]:
    """Images whose scattering does not end where the geometry and the stated angle have the horizon."""
    plane, said = study.setup.plane, []
    row = float(np.linalg.norm(plane.by_row) / np.linalg.norm(plane.origin))  # rad
    for i, angle in enumerate(study.start.incidence):
        seen = seen_horizon(study.prepared[i], plane, angle, [s for s in study.spots if s.image == i])
        if seen is None:
            continue
        off, sigma = seen[0], float(np.hypot(seen[1], study.priors[f"incidence {i}"].sigma))
        if abs(off) > CONTRADICTED * sigma:
            said.append(
                f"scattering of image {i + 1} begins {abs(off) / row:.0f} ± {sigma / row:.0f} rows "
                f"{'above' if off > 0.0 else 'below'} the horizon that the geometry has at {np.degrees(angle):.4g} deg of "
                "incidence: the direct beam's row (Poni1), or the angle, is wrong, and with it every number"
            )
    return said
