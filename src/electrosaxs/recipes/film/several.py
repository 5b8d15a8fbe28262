"""Several images of one film: each is studied alone, and together they are fitted from where each alone has its constants.

An angle stated wrongly for one image, or a beam on the other side of the critical angle, is found by that image alone; among
angles that are all off at once a common fit ends in the first valley. What the images tell alone also says whether they are
of one film.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...grazing.candidates import Start
from ...grazing.indexing import Indexed, against, try_start
from ...grazing.second_orientation import second_orientation
from ...nouns.film import Orientation
from .first_study import FilmStudy, fitted_priors, held_of, looked_study, settled_study, views_of
from .inputs import FilmInputs, FilmOptions


def study_of_images(inputs: FilmInputs, options: FilmOptions) -> FilmStudy:
    """Spots of all images and the lattice that they have in common, its constants begun from those of each image alone; where
    none alone has a lattice, or not the same, all images are also looked at together from the beginning."""
    if len(inputs.images) == 1:
        return settled_study(inputs, options)
    looked = looked_study(inputs, options)
    alone = [_alone(i, looked, inputs, options) for i in range(len(inputs.images))]
    seen = {i: one for i, one in enumerate(alone) if one.indexed is not None}
    leaders = _leaders(seen)
    study = replace(looked, alone=tuple(one.indexed for one in alone))
    if len(leaders) != 1:
        study = replace(settled_study(inputs, options, looked), alone=study.alone)
    return study if not leaders else _together(study, seen, leaders, inputs, options)


def _together(
    study: FilmStudy, seen: Mapping[int, FilmStudy], leaders: Mapping[Orientation, FilmStudy], inputs: FilmInputs,
    options: FilmOptions,
) -> FilmStudy:  # fmt: skip
    """The study with the constants that explain most, begun from those of the images that show each orientation best."""
    base = _with_what_is_known(study, seen)
    angles = tuple(seen[i].constants.incidence[0] if i in seen else a for i, a in enumerate(study.start.incidence))
    views, held, priors = views_of(base, inputs), held_of(options), fitted_priors(base)
    tried = [] if study.indexed is None else [study.indexed]
    for orientation, one in leaders.items():
        c = one.constants
        stated = replace(base.start, incidence=angles, critical=c.critical)
        done = try_start(Start(orientation, c.a, c.contraction, 0.0), views, base.setup, stated, priors, held)
        tried += [] if done is None else [done]
    best = max(tried, key=lambda one: one.score - against(one, priors), default=None)
    if best is None or best is study.indexed:
        return study
    same = study.indexed is not None and study.indexed.orientation == best.orientation
    made = (study if same else leaders[best.orientation]).assignment
    return replace(
        base, indexed=best, second=second_orientation(views, base.setup, best), assignment=replace(made, score=best.score)
    )  # fmt: skip


def _alone(image: int, study: FilmStudy, inputs: FilmInputs, options: FilmOptions) -> FilmStudy:
    """What one of the images tells by itself."""
    angle = (inputs.angles_deg[image],)
    own = replace(inputs, images=(inputs.images[image],), unused=(inputs.unused[image],), angles_deg=angle)
    spots = tuple(replace(spot, image=0) for spot in study.spots if spot.image == image)
    before = replace(study, prepared=(study.prepared[image],), spots=spots)
    return settled_study(own, replace(options, incident_angle_deg=angle), before)


def _with_what_is_known(study: FilmStudy, seen: Mapping[int, FilmStudy]) -> FilmStudy:
    """The study with stated angles put aside that an image alone puts aside; where all images together have no lattice, with
    the film's composition as the clearest one has it."""
    free = study.free | {i for i, one in seen.items() if one.free}
    if study.indexed is not None:
        return replace(study, free=free)
    clear = max(seen.values(), key=_score)
    return replace(
        study, free=free, setup=clear.setup, composition=clear.composition, lighter=clear.lighter,
        start=replace(study.start, critical=clear.start.critical),
        priors={**study.priors, "critical": clear.priors["critical"]},
    )  # fmt: skip


def _leaders(seen: Mapping[int, FilmStudy]) -> dict[Orientation, FilmStudy]:
    """Of each orientation that an image has alone, the image that shows it most clearly."""
    made: dict[Orientation, FilmStudy] = {}
    for one in sorted(seen.values(), key=_score, reverse=True):
        assert one.indexed is not None
        made.setdefault(one.indexed.orientation, one)
    return made


def _score(study: FilmStudy) -> float:
    return 0.0 if study.indexed is None else study.indexed.score


def clearest(found: Indexed | None) -> int:
    """The image with most spots of the lattice: the first of equals."""
    counts = [0] if found is None else [int((f >= 0).sum()) for f in found.found]
    return counts.index(max(counts))
