"""Images of a film to spots, assignment and constants: the steps of the command `gisaxs`, without files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...errors import InputFileError, bad_value
from ...grazing.blended_spots import index_parted, part_blends
from ...grazing.expected import Setup, incidence_of, moved
from ...grazing.indexing import RESTLESS, ImageView, Indexed, freed_angle, index_film, with_free_angles, within_stated
from ...grazing.refine import SCATTERED, Prior
from ...grazing.ring_lattice import RingLattice, ring_lattice
from ...grazing.ring_profile import sectors_of
from ...grazing.ring_share import random_share, spots_on_rings
from ...grazing.second_orientation import Second, second_orientation
from ...grazing.spots import PreparedImage, find_spots, prepare, replaced
from ...grazing.surroundings import surroundings
from ...grazing.yoneda import yoneda_angle
from ...nouns.film import NO_LATTICE, Assignment, FilmConstants, Orientation, Spot
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
    explains the spots."""

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

    @property
    def all_indexed(self) -> tuple[Indexed, ...]:
        """The orientations that were found."""
        second = None if self.second is None else self.second.indexed
        return tuple(x for x in (self.indexed, second) if x is not None)

    @property
    def constants(self) -> FilmConstants:
        """The refined constants, or those that were stated."""
        return self.start if self.indexed is None else self.indexed.refined.constants


def study_film(inputs: FilmInputs, options: FilmOptions) -> FilmStudy:
    """Spots, assignment and constants; where spots have no lattice, that of the rings."""
    return _with_rings(replace(_study_of_spots(inputs, options), lit_length_mm=options.lit_length_mm))


def _with_rings(study: FilmStudy) -> FilmStudy:
    """The same with the share of the crystals that have any orientation, or with the lattice that rings without spots have; of
    the first image."""
    found, plane, incidence = study.indexed, moved(study.setup.plane, study.constants), _first_incidence(study)
    spots = [s for s in study.spots if s.image == 0]
    data = sectors_of(study.prepared[0], study.setup, plane, incidence, spots if found is not None else [])
    if data is None:
        return study
    if found is not None:
        taking_part = [s for s in spots if not s.excluded]
        on_rings = spots_on_rings(taking_part, found.found[0], found.expected[0], plane, incidence)
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


def _first_incidence(study: FilmStudy) -> Incidence:
    return incidence_of(study.constants, 0, study.setup.film)


def _study_of_spots(inputs: FilmInputs, options: FilmOptions) -> FilmStudy:
    """Spots and their lattice, whatever angle was stated, and with spots parted that are two reflections."""
    study = _of_composition(inputs, options)
    found = study.indexed
    if found is None:
        return study
    priors = study.priors
    if not options.hold_incident_angle and found.refined.scatter >= RESTLESS:
        given = _views(study, inputs), study.setup, study.start, study.priors, _held(options)
        freed = within_stated(found, *given)
        if freed is found and found.refined.scatter > SCATTERED and _pulled(study, found):
            freed, priors = freed_angle(found, *given), with_free_angles(study.priors)
        if freed is not found:
            second = second_orientation(given[0], study.setup, freed)
            study = replace(study, indexed=freed, second=second)
        else:
            priors = study.priors
    return _parted(study, inputs, priors, _held(options))


def _views(
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


def _parted(study: FilmStudy, inputs: FilmInputs, priors: Mapping[str, Prior], held: Mapping[str, str]) -> FilmStudy:
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
    views = _views(looked, inputs, blends)
    indexed = index_parted(study.indexed, views, study.setup, priors, held)
    if indexed is None:
        return study
    return replace(looked, indexed=indexed, second=second_orientation(views, study.setup, indexed))


def _pulled(study: FilmStudy, found: Indexed) -> bool:
    """Whether spots pull an angle of incidence off the one that was stated."""
    angles = enumerate(found.refined.constants.incidence)
    stated = [(angle, study.priors[f"incidence {i}"]) for i, angle in angles]
    return any(abs(angle - prior.value) > prior.sigma for angle, prior in stated)


def _of_composition(inputs: FilmInputs, options: FilmOptions) -> FilmStudy:
    """Spots and their lattice; the composition's critical angle is taken again with the lattice that was found."""
    first = _medium(options, FIRST_LATTICE, FIRST_A_NM, 0.0)
    study = _study(inputs, options, first, None)
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
    views = [ImageView(found, surroundings(image, inputs.plane)) for found, image in zip(usable, prepared, strict=True)]
    priors = _priors(options, start) if critical is None else {**_priors(options, start), "critical": critical}
    assignment, indexed = index_film(views, setup, start, priors, _held(options))
    second = None if indexed is None else second_orientation(views, setup, indexed)
    composition = f"{options.core} cores with touching dry shells of {options.ligand}"
    if not options.core_is_given:
        composition = f"a film whose density is not known ({options.core} or lighter assumed)"
    if critical is not None:
        composition = "the Yoneda band, where diffuse scattering is brightest"
    return FilmStudy(
        prepared,
        tuple(s for found in spots for s in found),
        assignment,
        indexed,
        setup,
        start,
        composition,
        priors,
        second,
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


def _held(options: FilmOptions) -> dict[str, str]:
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
