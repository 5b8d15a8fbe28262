"""Spots of images and the lattice that explains them best: whatever angle was stated, and however light the film is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...errors import InputFileError, bad_value
from ...grazing.expected import Setup
from ...grazing.indexing import RESTLESS, ImageView, Indexed, freed_angle, index_film, with_free_angles, within_stated
from ...grazing.refine import Matched, Prior, joined, matched
from ...grazing.ring_lattice import RingLattice
from ...grazing.second_orientation import Second, second_orientation
from ...grazing.spots import PreparedImage, find_spots, prepare, replaced
from ...grazing.surroundings import surroundings
from ...grazing.yoneda import yoneda_angle
from ...nouns.film import NO_LATTICE, Assignment, FilmConstants, Spot
from ...physics.film_frame import Incidence
from ...physics.lattices import lattice_named
from ...physics.refraction import FilmMedium, Index, core_share_of_touching_shells, material_index, superlattice_medium
from .inputs import FilmInputs, FilmOptions

SUBSTRATE = "Si", 2.33
THICKNESS_NM = 1000.0  # of a film whose thickness is not known: what absorption leaves of it hardly changes places
FIRST_LATTICE, FIRST_A_NM = "FCC", 13.2
CRITICAL_SIGMA, CRITICAL_SIGMA_UNKNOWN_CORE = 0.1, 0.4  # of the critical angle
LIGHTER = (
    0.4,
    0.2,
)  # of the density of the film, where that explains nothing, or spots scatter by more than POOR pixels
POOR = 0.5
TURN_SIGMA_DEG, COLUMN_SIGMA = 0.5, 1.0
LEAST_REACH, MORE_REACH = 2.0, 1.1
FEW_SPOTS = 6


@dataclass(frozen=True, eq=False)
class FilmStudy:
    """What the images gave. spots: of all images, those that take part first within each; indexed: None for "none"; start:
    constants as stated, with the critical angle of the composition, which `composition` names; lighter: a film lighter than it
    explains the spots; free: images whose stated angle was put aside; alone: of several images, what each tells by itself."""

    prepared: tuple[PreparedImage, ...]
    spots: tuple[Spot, ...]
    assignment: Assignment
    indexed: Indexed | None
    setup: Setup
    start: FilmConstants
    composition: str
    priors: Mapping[str, Prior]
    second: Second | None = None
    rings: RingLattice | None = None
    random_share: tuple[float, float] | None = None
    lit_length_mm: float | None = None
    lighter: bool = False
    free: frozenset[int] = frozenset()
    alone: tuple[Indexed | None, ...] = ()

    @property
    def all_indexed(self) -> tuple[Indexed, ...]:
        """The orientations that were found."""
        second = None if self.second is None else self.second.indexed
        return tuple(x for x in (self.indexed, second) if x is not None)

    @property
    def constants(self) -> FilmConstants:
        """The refined constants, or those that were stated."""
        return self.start if self.indexed is None else self.indexed.refined.constants


def settled_study(inputs: FilmInputs, options: FilmOptions, before: FilmStudy | None = None) -> FilmStudy:
    """Spots and their lattice, whatever angle was stated. before: a study of the same images, whose spots are taken."""
    study = _of_composition(inputs, options, before)
    found = study.indexed
    if found is None or options.hold_incident_angle or found.refined.scatter < RESTLESS:
        return study
    given = views_of(study, inputs), study.setup, study.start, study.priors, held_of(options)
    better, free = within_stated(found, *given), study.free
    if better is found and found.refined.scatter > RESTLESS and _pulled(study, found):
        better, free = freed_angle(found, *given), frozenset(range(len(study.prepared)))
    if better is found:
        return study
    second = second_orientation(given[0], study.setup, better)
    return replace(study, indexed=better, second=second, free=free)


def fitted_priors(study: FilmStudy) -> dict[str, Prior]:
    """What was known beforehand, without the stated angles that were put aside."""
    free = with_free_angles(study.priors)
    return {
        name: free[name] if name.startswith("incidence") and int(name.split()[1]) in study.free else p
        for name, p in study.priors.items()
    }


def usable_pairs(study: FilmStudy, image: int | None = None) -> Matched:
    """Spots of all images, or of one, with their reflections, both channels."""
    found = study.indexed
    assert found is not None
    images = range(len(study.prepared))
    taking_part = [[s for s in study.spots if s.image == i and not s.excluded] for i in images]
    of_each = [matched(s, f, e) for s, f, e in zip(taking_part, found.found, found.expected, strict=True)]
    return joined(of_each) if image is None else of_each[image]


def views_of(
    study: FilmStudy, inputs: FilmInputs, blends: Mapping[int, tuple[Spot, ...]] | None = None
) -> list[ImageView]:
    """What indexing sees of each image. blends: of an image, spots that are more than one reflection."""
    return [
        ImageView(
            [s for s in study.spots if s.image == i and not s.excluded], surroundings(image, inputs.plane),
            blends=(blends or {}).get(i, ()),
        )
        for i, image in enumerate(study.prepared)
    ]  # fmt: skip


def _pulled(study: FilmStudy, found: Indexed) -> bool:
    """Whether spots pull an angle of incidence off the one that was stated."""
    angles = enumerate(found.refined.constants.incidence)
    stated = [(angle, study.priors[f"incidence {i}"]) for i, angle in angles]
    return any(abs(angle - prior.value) > prior.sigma for angle, prior in stated)


def _of_composition(inputs: FilmInputs, options: FilmOptions, before: FilmStudy | None) -> FilmStudy:
    """Spots and their lattice; the composition's critical angle is taken again with the lattice that was found."""
    first = _medium(options, FIRST_LATTICE, FIRST_A_NM, 0.0)
    study = _study(inputs, options, first, before)
    if options.critical_angle_deg is not None:
        return study
    if study.indexed is None or study.indexed.refined.scatter > POOR:
        study = _best_of_densities(inputs, options, first, study)
    found = study.indexed
    if found is None or not options.core_is_given or study.lighter:
        return study
    medium = _medium(options, found.orientation.lattice, found.refined.constants.a, found.refined.constants.contraction)
    if abs(medium.index.critical_angle / first.index.critical_angle - 1.0) < 0.02:
        return study
    again = _study(inputs, options, medium, study)
    return again if again.indexed is not None and again.indexed.score > 0.5 * found.score else study


def _best_of_densities(inputs: FilmInputs, options: FilmOptions, first: FilmMedium, study: FilmStudy) -> FilmStudy:
    """The first study, or one with a lighter film where that explains the spots better: the core may be lighter than the one
    assumed, and islands with gaps between them refract as their mean does."""
    tried, options = [study], replace(options, core_is_given=False)
    band = _yoneda_band(inputs, options, study)
    if band is None:
        for share in LIGHTER:
            index = Index(share * first.index.delta, share * first.index.beta)
            tried.append(_study(inputs, options, replace(first, index=index), study))
    elif band.value < first.index.critical_angle:
        tried.append(_study(inputs, options, replace(first, index=first.at(band.value)), study, band))
    tried[1:] = [replace(other, lighter=True) for other in tried[1:]]
    return max(tried, key=lambda s: -np.inf if s.indexed is None else s.indexed.score)


def _yoneda_band(inputs: FilmInputs, options: FilmOptions, study: FilmStudy) -> Prior | None:
    """The critical angle that the first image's Yoneda band tells, its sigma with that of the angle of incidence."""
    angle = float(np.radians(inputs.angles_deg[0]))
    spots = [s for s in study.spots if s.image == 0 and not s.excluded]
    told = yoneda_angle(study.prepared[0], inputs.plane, angle, spots)
    return (
        None if told is None else Prior(told[0], float(np.hypot(told[1], np.radians(options.incident_angle_sigma_deg))))
    )


def _medium(options: FilmOptions, lattice: str, a: float, contraction: float) -> FilmMedium:
    """Cores whose dry shells touch, or as many of them as give the stated critical angle."""
    crystal = lattice_named(lattice)
    share = core_share_of_touching_shells(
        options.ligand, neighbour_nm=a * crystal.neighbour_distance,
        volume_per_particle_nm3=crystal.volume_per_particle * a**3 * (1.0 - contraction),
    )  # fmt: skip
    medium = superlattice_medium(options.core, options.ligand, core_share=share, energy_keV=options.energy_keV)
    if options.critical_angle_deg is None:
        return medium
    return replace(medium, index=medium.at(float(np.radians(options.critical_angle_deg))))


def _study(
    inputs: FilmInputs,
    options: FilmOptions,
    medium: FilmMedium,
    before: FilmStudy | None,
    critical: Prior | None = None,
) -> FilmStudy:
    looked = _looked(inputs, options, medium, before, critical)
    views = views_of(looked, inputs)
    assignment, indexed = index_film(views, looked.setup, looked.start, looked.priors, held_of(options))
    second = None if indexed is None else second_orientation(views, looked.setup, indexed)
    return replace(looked, assignment=assignment, indexed=indexed, second=second)


def looked_study(inputs: FilmInputs, options: FilmOptions) -> FilmStudy:
    """Spots without a lattice, for a film of the composition that is taken first."""
    return _looked(inputs, options, _medium(options, FIRST_LATTICE, FIRST_A_NM, 0.0), None, None)


def _looked(
    inputs: FilmInputs, options: FilmOptions, medium: FilmMedium, before: FilmStudy | None, critical: Prior | None
) -> FilmStudy:
    """Spots, and what is known beforehand of a film of this refraction. before: whose spots are taken."""
    angles = tuple(float(np.radians(angle)) for angle in inputs.angles_deg)
    film = medium.index
    start = FilmConstants(np.nan, 0.0, angles, film.critical_angle)
    if before is None:
        prepared = tuple(
            prepare(image.values, unused) for image, unused in zip(inputs.images, inputs.unused, strict=True)
        )
        spots = [
            find_spots(image, inputs.plane, Incidence(angles[i], film), index=i) for i, image in enumerate(prepared)
        ]
        _check_upright(inputs, spots)
    else:
        prepared = before.prepared
        spots = [
            replaced([s for s in before.spots if s.image == i], inputs.plane, Incidence(angle, film))
            for i, angle in enumerate(angles)
        ]
    usable = [[s for s in found if not s.excluded] for found in spots]
    reach = max((np.hypot(s.q_parallel, s.q_z) for found in usable for s in found), default=LEAST_REACH)
    substrate = material_index(*SUBSTRATE, options.energy_keV)
    k = inputs.plane.wavenumber
    setup = Setup(inputs.plane, medium, substrate, k * THICKNESS_NM, MORE_REACH * max(float(reach), LEAST_REACH))
    priors = _priors(options, start) if critical is None else {**_priors(options, start), "critical": critical}
    composition = f"{options.core} cores with touching dry shells of {options.ligand}"
    if not options.core_is_given:
        composition = f"a film whose density is not known ({options.core} or lighter assumed)"
    if critical is not None:
        composition = "the Yoneda band, where diffuse scattering is brightest"
    return FilmStudy(
        prepared,
        tuple(s for found in spots for s in found),
        Assignment(None, 0.0, None, 0.0, {NO_LATTICE: 1.0}),
        None,
        setup,
        start,
        composition,
        priors,
    )


def _priors(options: FilmOptions, start: FilmConstants) -> dict[str, Prior]:
    share = CRITICAL_SIGMA if options.core_is_given else CRITICAL_SIGMA_UNKNOWN_CORE
    sigma = float(np.radians(options.incident_angle_sigma_deg))
    return {
        **{f"incidence {i}": Prior(angle, sigma) for i, angle in enumerate(start.incidence)},
        "critical": Prior(start.critical, share * start.critical),
        "turn": Prior(0.0, float(np.radians(TURN_SIGMA_DEG))),
        "column_shift": Prior(0.0, COLUMN_SIGMA),
    }


def held_of(options: FilmOptions) -> dict[str, str]:
    """What is not refined, and why."""
    held = {"row_shift": "the direct beam's row is the geometry's: a shift of it and the angle of incidence look alike"}
    if options.hold_incident_angle:
        held["incidence"] = "held as asked"
    if options.critical_angle_deg is not None:
        held["critical"] = "held at the value given"
    return held


def _check_upright(inputs: FilmInputs, spots: list[list[Spot]]) -> None:
    """InputFileError where most spots of an image lie below the horizon."""
    for image, found in zip(inputs.images, spots, strict=True):
        below = sum(s.excluded == "below the horizon" for s in found)
        above = sum(not s.excluded for s in found)
        if below >= FEW_SPOTS and below > 2 * above:
            raise bad_value(
                InputFileError, where=image.path, field="image", value=f"{below} spots below the horizon, {above} above it",
                rule="a film scatters above its horizon: the image is flipped, or the direct beam's row is wrong",
                remedy="flip the image upside down, correct Poni1, or turn the film with --sample-rotation-deg 180",
            )  # fmt: skip
