"""What distance and energy do to the numbers of a film: scales that all its spots share and that no image tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...errors import ConvergenceError
from ...grazing.geometry import DetectorPlane
from ...grazing.refine import refine
from ...nouns import Number
from ...nouns.contributions import ENERGY, GEOMETRY
from ...nouns.film import FilmConstants
from .first_study import FilmStudy, fitted_priors, usable_pairs
from .inputs import FilmInputs
from .numbers import layer_spacing, volume_constant

LENGTHS = ("lattice_constant_dried", "layer_spacing", "lattice_constant_volume")
CALLED = {GEOMETRY: "distance", ENERGY: "energy"}
KEYS = {GEOMETRY: "distance (--distance-sigma-m)", ENERGY: "energy (--energy-sigma-kev)"}
SMALL = 1e-2  # of the distance: step of the slope


def with_scales(numbers: Mapping[str, Number], study: FilmStudy, inputs: FilmInputs) -> dict[str, Number]:
    """The numbers with the parts of their sigmas that distance and energy have, and in words which of the two have none.

    Lengths are as the wavelength is: q = 4 pi sin(theta) / lambda at every place, angles stay. A distance scales the angles
    to the direct beam while the angle of incidence is the one that was stated, so that the film is fitted again with another
    distance: contraction and angle take up what does not scale.
    """
    moved = {name: number for name, number in numbers.items() if number.value is not None and number.sigma is not None}
    slopes = _slopes_of_distance(study, numbers) if GEOMETRY in inputs.scales else {}
    missing = [words for name, words in KEYS.items() if name not in inputs.scales and not inputs.needless(name)]
    found = dict(numbers)
    for name in (*LENGTHS, "contraction_along_normal", "incidence_angle", "critical_angle"):
        if name not in moved:
            continue  # absent, or held
        number = moved[name]
        if GEOMETRY in inputs.scales:
            number = number.with_contribution(GEOMETRY, slopes[name] * inputs.scales[GEOMETRY])
        if name in LENGTHS and ENERGY in inputs.scales and number.value is not None:
            number = number.with_contribution(ENERGY, -number.value * inputs.scales[ENERGY])
        contains = [f"{CALLED[one]} ± {share:.2%}" for one, share in inputs.scales.items()]
        text = f"; sigma contains {' and '.join(contains)}" if contains else ""
        text += f"; not included: {' and '.join(missing)}, 1 % of which is 1 % of a length" if missing else ""
        found[name] = replace(number, source=number.source + text)
    return found


def _slopes_of_distance(study: FilmStudy, numbers: Mapping[str, Number]) -> dict[str, float]:
    """What each number changes by per relative change of the distance, all spots staying where they are."""
    found = study.indexed
    if found is None:
        return {name: numbers[name].value or 0.0 for name in LENGTHS}  # of rings: as the distance
    pairs, envelope = usable_pairs(study), found.explained[0].envelope

    def constants(step: float) -> FilmConstants:
        setup = replace(study.setup, plane=_farther(study.setup.plane, step))
        start = replace(study.constants, a=(1.0 + step) * study.constants.a)
        try:
            return refine(
                setup, start, pairs, fitted_priors(study), held=found.refined.held, envelope=envelope
            ).constants
        except ConvergenceError:  # where no fit ends at another distance, lengths are as the distance
            return start

    near, far = constants(-SMALL), constants(SMALL)
    values = [
        {
            "lattice_constant_dried": c.a,
            "contraction_along_normal": c.contraction,
            "layer_spacing": layer_spacing(study, c),
            "lattice_constant_volume": volume_constant(study, c),
            "incidence_angle": float(np.degrees(c.incidence[0])),
            "critical_angle": float(np.degrees(c.critical)),
        }
        for c in (near, far)
    ]
    return {name: (values[1][name] - values[0][name]) / (2.0 * SMALL) for name in values[0]}


def _farther(plane: DetectorPlane, step: float) -> DetectorPlane:
    """The detector farther away along its normal, by so much of its distance."""
    normal = np.cross(plane.by_row, plane.by_column)
    normal /= np.linalg.norm(normal)
    return replace(plane, origin=plane.origin + step * (plane.origin @ normal) * normal)
