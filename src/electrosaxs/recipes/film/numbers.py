"""The headline numbers of a film, each with its sigma and source (docs/how-to/gisaxs.md)."""

from __future__ import annotations

import numpy as np

from ...grazing.expected import incidence_of, moved
from ...grazing.widths import (
    SpotWidths,
    Width,
    domain_size,
    fault_probability,
    mosaic_width,
    spot_widths,
    strain_spread,
)
from ...nouns import FloatArray, Number
from ...nouns.film import FilmConstants, Refined
from ...physics.film_reflections import film_reflections
from ...physics.lattices import lattice_named
from .first_study import FilmStudy, usable_pairs

FILM_NUMBERS = {
    "lattice_constant_dried": "nm",
    "contraction_along_normal": "one",
    "layer_spacing": "nm",
    "lattice_constant_volume": "nm",
    "incidence_angle": "deg",
    "critical_angle": "deg",
    "mosaic_width": "deg",
    "domain_size": "nm",
    "strain_spread": "one",
    "stacking_fault_probability": "one",
    "displacement_rms": "nm",
    "random_share": "one",
    "second_orientation_share": "one",
}
CORRELATED = 0.5
LOWEST_SQUARES = 2.0  # sigmas by which a displacement must differ from none


def film_numbers(study: FilmStudy) -> dict[str, Number]:
    """Every number of the contract; those that do not exist say why."""
    found = study.indexed
    spots = sum(not spot.excluded for spot in study.spots)
    counts = {
        "spots_found": Number(float(spots), None, "one", "spots of all images that are not excluded"),
        "spots_indexed": Number(
            float(sum(one.matches for one in study.all_indexed)),
            None,
            "one",
            "of them explained as reflections of the direct beam",
        ),
    }
    if found is None:
        why = "no lattice explains the image" if spots else "the image has no spots"
        if study.rings is not None:
            why = "crystals of any orientation have no plane on the substrate"
        absent = {name: Number.absent(unit, why) for name, unit in FILM_NUMBERS.items()}
        return {**absent, **_stated_angles(study), **_of_rings(study), **counts}
    refined, constants = found.refined, found.refined.constants
    note = f"{len(usable_pairs(study).spots)} spots{_of_images(study)}, least squares on pixels{_held(study)}"
    hexagonal = found.orientation.lattice == "HCP"
    what = "distance of neighbours in the plane" if hexagonal else "conventional a of the unstrained cell in the plane"
    numbers = {
        "lattice_constant_dried": Number(constants.a, refined.sigma("a"), "nm", f"{what}: {note}{_correlations(refined, 'a')}"),
        "contraction_along_normal": Number(
            constants.contraction, refined.sigma("contraction"), "one",
            f"1 - spacing along the normal over that of the cubic cell (HCP: c = 1.633 a): {note}"
            f"{_correlations(refined, 'contraction')}",
        ),
        "layer_spacing": _combined(
            refined, layer_spacing(study, constants), _layer_slopes(study), "nm", f"planes parallel to the substrate: {note}"
        ),
        "lattice_constant_volume": _combined(
            refined, volume_constant(study, constants), _volume_slopes(study), "nm", f"cube root of the cell's volume: {note}"
        ),
        **_angles(study),
        **_widths(study),
        "displacement_rms": _displacement(study),
        "random_share": _random_share(study),
        "second_orientation_share": _second_share(study),
    }  # fmt: skip
    return {**{name: numbers[name] for name in FILM_NUMBERS}, **counts}


def _of_images(study: FilmStudy) -> str:
    """How many images spots are of, and what these tell by themselves."""
    if len(study.prepared) == 1:
        return ""
    assert study.indexed is not None
    told = [one.refined for one in study.alone if one is not None and one.orientation == study.indexed.orientation]
    of_each = ", ".join(f"{one.constants.a:.6g} ± {one.sigma('a') or 0.0:.1g}" for one in told)
    return f" of {len(study.prepared)} images together (a of each alone: {of_each or 'none'})"


def _of_rings(study: FilmStudy) -> dict[str, Number]:
    """The constant of a film whose crystals have any orientation."""
    rings = study.rings
    if rings is None:
        return {}
    volume = lattice_named(rings.lattice)
    ratio = float(np.cbrt(volume.volume_per_particle * volume.particles_per_cell))
    note = (
        f"{len(rings.rings)} rings of the direct beam, an offset of all of them ({rings.offset:+.4f} 1/nm) fitted along"
    )
    by_volume = f"cube root of the cell's volume: {note}"
    return {
        "lattice_constant_dried": Number(rings.a, rings.sigma, "nm", note),
        "lattice_constant_volume": Number(ratio * rings.a, ratio * rings.sigma, "nm", by_volume),
        "random_share": Number(1.0, None, "one", "there are rings and no spots that a lattice explains"),
    }  # fmt: skip


def _random_share(study: FilmStudy) -> Number:
    if study.random_share is None:
        return Number.absent(
            "one", "fewer than four spots lie clearly on a ring of their own, or the film is strained off them"
        )
    return Number(
        *study.random_share, "one",
        "of the crystals: rings over spots of the same families, between the spots, per reflection; first image",
    )  # fmt: skip


def _second_share(study: FilmStudy) -> Number:
    if study.second is None:
        return Number.absent("one", "no second orientation explains the spots that the first one leaves")
    name = study.second.indexed.orientation.name
    return Number(
        study.second.share, study.second.share_sigma, "one",
        f"of the crystals that make spots: {name}, from intensities over those that spheres and displacements give",
    )  # fmt: skip


def layer_spacing(study: FilmStudy, constants: FilmConstants) -> float:
    """Spacing (nm) of the lattice planes parallel to the substrate: 2 pi over the first reflection along the normal."""
    found = study.indexed
    assert found is not None
    assert found.orientation.normal is not None
    rings = film_reflections(found.orientation.lattice, found.orientation.normal, 7.0)
    first = float(np.min(rings.normal[rings.parallel < 1e-6]))
    return constants.a * (1.0 - constants.contraction) / first


def volume_constant(study: FilmStudy, constants: FilmConstants) -> float:
    """Cube root (nm) of the volume of the conventional cell, contracted along the normal."""
    assert study.indexed is not None
    lattice = lattice_named(study.indexed.orientation.lattice)
    cell = lattice.volume_per_particle * lattice.particles_per_cell * constants.a**3
    return float(np.cbrt(cell * (1.0 - constants.contraction)))


def _layer_slopes(study: FilmStudy) -> dict[str, float]:
    assert study.indexed is not None
    c = study.indexed.refined.constants
    d = layer_spacing(study, c)
    return {"a": d / c.a, "contraction": -d / (1.0 - c.contraction)}


def _volume_slopes(study: FilmStudy) -> dict[str, float]:
    assert study.indexed is not None
    c = study.indexed.refined.constants
    value = volume_constant(study, c)
    return {"a": value / c.a, "contraction": -value / 3.0 / (1.0 - c.contraction)}


def _combined(refined: Refined, value: float, slopes: dict[str, float], unit: str, source: str) -> Number:
    by: FloatArray = np.array([slopes.get(name, 0.0) for name in refined.names])
    return Number(value, float(np.sqrt(by @ refined.covariance @ by)), unit, source)


def _held(study: FilmStudy) -> str:
    """What was not refined, and why."""
    assert study.indexed is not None
    held = "; ".join(f"{name.replace('_', ' ')}: {why}" for name, why in study.indexed.refined.held.items())
    return f"; held: {held}" if held else ""


def _correlations(refined: Refined, name: str) -> str:
    """Which parameters the data tell apart badly from this one."""
    sigma = np.sqrt(np.diag(refined.covariance))
    row = refined.covariance[refined.names.index(name)] / sigma / sigma[refined.names.index(name)]
    strong = [
        f"{other} {value:+.2f}" for other, value in zip(refined.names, row, strict=True)
        if other != name and abs(value) > CORRELATED
    ]  # fmt: skip
    return f"; correlated with {', '.join(strong)}" if strong else ""


def _angles(study: FilmStudy) -> dict[str, Number]:
    assert study.indexed is not None
    refined, constants = study.indexed.refined, study.indexed.refined.constants
    prior = study.priors["incidence 0"]
    angle, critical = refined.sigma("incidence 0"), refined.sigma("critical")
    stated = f"stated {np.degrees(prior.value):.4g} ± {np.degrees(prior.sigma):.2g} deg as prior"
    related = "" if angle is None else _correlations(refined, "incidence 0")
    first = "of the first image; " if len(constants.incidence) > 1 else ""
    return {
        "incidence_angle": Number(
            float(np.degrees(constants.incidence[0])), None if angle is None else float(np.degrees(angle)), "deg",
            first + ("held as asked" if angle is None else f"refined with the lattice, {stated}{related}"),
        ),
        "critical_angle": Number(
            float(np.degrees(constants.critical)), None if critical is None else float(np.degrees(critical)), "deg",
            "held at the value given" if critical is None else
            f"refined with the lattice; prior {np.degrees(study.start.critical):.4g} ± "
            f"{np.degrees(study.priors['critical'].sigma):.2g} deg from {study.composition}; spots in the Yoneda band are "
            "widened along the normal",
        ),
    }  # fmt: skip


def _stated_angles(study: FilmStudy) -> dict[str, Number]:
    """Angles where nothing was refined: absent, with what was stated."""
    return {
        "incidence_angle": Number.absent("deg", f"not refined; stated {np.degrees(study.start.incidence[0]):.4g} deg"),
        "critical_angle": Number.absent(
            "deg", f"not refined; {np.degrees(study.start.critical):.4g} deg from {study.composition}"
        ),
    }  # fmt: skip


def _widths(study: FilmStudy) -> dict[str, Number]:
    constants, pairs = study.constants, usable_pairs(study)
    plane = moved(study.setup.plane, constants)
    beams = [incidence_of(constants, i, study.setup.film) for i in range(len(constants.incidence))]
    widths = spot_widths(pairs, plane, beams, 1e-3 * (study.lit_length_mm or 0.0))
    taken_off = "the length of the lit sample is not known and not taken off"
    if study.lit_length_mm is not None:
        taken_off = f"what {study.lit_length_mm:g} mm of lit sample draw out is taken off"
    pixel = plane.wavenumber * float(np.linalg.norm(plane.by_column) / np.linalg.norm(plane.origin))
    faults = _faults(study, widths)
    if faults.value is not None:
        widths = widths.some(~widths.on_streaks)
    return {
        "mosaic_width": _number(mosaic_width(widths), "deg"),
        "domain_size": _number(domain_size(widths, pixel, taken_off), "nm"),
        "strain_spread": _number(strain_spread(widths, taken_off), "one"),
        "stacking_fault_probability": _number(faults, "one"),
    }


def _faults(study: FilmStudy, widths: SpotWidths) -> Width:
    assert study.indexed is not None
    orientation = study.indexed.orientation
    if (orientation.lattice, orientation.normal) != ("FCC", (1, 1, 1)):
        return Width(None, None, "measured for FCC (111) films")
    return fault_probability(widths, layer_spacing(study, study.constants))


def _number(width: Width, unit: str) -> Number:
    return Number(width.value, width.sigma, unit, width.source)


def _displacement(study: FilmStudy) -> Number:
    assert study.indexed is not None
    envelope = study.indexed.explained[0].envelope
    if not envelope.square > LOWEST_SQUARES * envelope.square_sigma:
        return Number.absent("nm", "intensities over those of spheres do not fall with q by more than they scatter")
    u = float(np.sqrt(envelope.square))
    return Number(
        u, 0.5 * envelope.square_sigma / u, "nm",
        f"intensities over those of spheres of {envelope.diameter:.2f} nm, exp(-q^2 u^2), u along one axis; depends on the "
        "form factor and on the waves in the film",
    )  # fmt: skip
