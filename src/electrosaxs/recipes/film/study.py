"""Images of a film to spots, assignment and constants: the steps of the command `gisaxs`, without files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...grazing.blended_spots import index_parted, part_blends
from ...grazing.expected import incidence_of, moved
from ...grazing.fold import with_fold
from ...grazing.ring_lattice import ring_lattice
from ...grazing.ring_profile import sectors_of
from ...grazing.ring_share import random_share, spots_on_rings
from ...grazing.second_orientation import Second, second_orientation
from ...nouns.film import NO_LATTICE, Orientation, Spot
from .first_study import FilmStudy, fitted_priors, held_of, usable_pairs, views_of
from .inputs import FilmInputs, FilmOptions
from .several import clearest, study_of_images


def study_film(inputs: FilmInputs, options: FilmOptions) -> FilmStudy:
    """Spots, assignment and constants, of all images together; where spots have no lattice, that of the rings."""
    study = study_of_images(inputs, options)
    study = study if study.indexed is None else _parted(study, inputs, held_of(options))
    return _with_rings(replace(_with_fold(study), lit_length_mm=options.lit_length_mm))


def _with_fold(study: FilmStudy) -> FilmStudy:
    """The same with sigmas that hold where the beam comes in near the critical angle."""
    found = study.indexed
    if found is None:
        return study
    envelope, pairs = found.explained[0].envelope, usable_pairs(study)
    refined = with_fold(study.setup, found.refined, pairs, fitted_priors(study), envelope)
    return replace(study, indexed=replace(found, refined=refined))


def _with_rings(study: FilmStudy) -> FilmStudy:
    """The same with the share of the crystals that have any orientation, or with the lattice that rings without spots have; of
    the image with most spots of the lattice."""
    found, image = study.indexed, clearest(study.indexed)
    plane, incidence = moved(study.setup.plane, study.constants), incidence_of(study.constants, image, study.setup.film)
    spots = [s for s in study.spots if s.image == image]
    data = sectors_of(study.prepared[image], study.setup, plane, incidence, spots if found is not None else [])
    if data is None:
        return study
    if found is not None:
        taking_part = [s for s in spots if not s.excluded]
        on_rings = spots_on_rings(taking_part, found.found[image], found.expected[image], plane, incidence)
        c = found.refined.constants
        share = random_share(data, c.a, c.contraction, found.orientation, on_rings)
        return replace(study, random_share=_of_all_crystals(share, study.second))
    rings = ring_lattice(data)
    if rings is None:
        return study
    odds = float(np.exp(-min(rings.score, 700.0)))
    orientation = Orientation(rings.lattice, None)
    probabilities = {orientation.name: 1.0 / (1.0 + odds), **dict.fromkeys(study.assignment.probabilities, 0.0)}
    probabilities[NO_LATTICE] = odds / (1.0 + odds)
    made = replace(
        study.assignment, orientation=orientation, score=rings.score, runner_up=None, runner_up_score=0.0,
        probabilities=probabilities,
    )  # fmt: skip
    return replace(study, rings=rings, assignment=made)


def _of_all_crystals(share: tuple[float, float] | None, second: Second | None) -> tuple[float, float] | None:
    """The share of the random crystals beside those of the first orientation, taken of all with the second ones too."""
    if share is None or second is None:
        return share
    value, sigma = share
    rest = (1.0 - value) / (1.0 - second.share)
    whole = value + rest
    return value / whole, sigma / whole**2 / (1.0 - second.share)


def _parted(study: FilmStudy, inputs: FilmInputs, held: Mapping[str, str]) -> FilmStudy:
    """The same with spots that are two reflections parted, or left out of the constants."""
    assert study.indexed is not None
    spots: list[Spot] = []
    blends: dict[int, tuple[Spot, ...]] = {}
    for number, image in enumerate(study.prepared):
        here = [s for s in study.spots if s.image == number]
        parted = part_blends(image, here, study.indexed, number, study.setup)
        spots += here if parted is None else parted.spots
        if parted is not None:
            blends[number] = parted.blends
    if not blends:
        return study
    looked = replace(study, spots=tuple(spots))
    views = views_of(looked, inputs, blends)
    indexed = index_parted(study.indexed, views, study.setup, fitted_priors(study), held)
    if indexed is None:
        return study
    return replace(looked, indexed=indexed, second=second_orientation(views, study.setup, indexed))
