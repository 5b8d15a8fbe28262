"""Whether an image stands as its geometry says: upside down, turned, mirrored, or with the direct beam elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...errors import CalibrationError, ElectrosaxsError, InputFileError, bad_value
from ...grazing.expected import Setup
from ...grazing.geometry import DetectorPlane, detector_plane
from ...grazing.indexing import ImageView, index_film
from ...grazing.mirror import middle_column, pairs
from ...grazing.refine import Prior
from ...grazing.spots import PreparedImage, find_spots
from ...grazing.surroundings import surroundings
from ...nouns.base import FloatArray
from ...nouns.film import FilmConstants
from ...physics.film_frame import Incidence
from .first_study import FilmStudy
from .inputs import FilmInputs, FilmOptions

DOUBTFUL = 0.5  # of the spots are explained where an image stands as its geometry says
LEAST_PAIRED = 8  # spots with a partner on the other side
PAIRED = 0.6  # of the spots that the best way has in pairs
OFF_COLUMN = 3.0  # pixels
LEAST_ODDS = 20.0  # ln, over the image as it stands
LOOKED_AT = 3
BELOW = "below the horizon"
TURNED = {
    (False, True): ("upside down", "rows reversed"),
    (True, False): ("transposed", "columns taken for rows"),
    (True, True): ("turned by a quarter", "columns taken for rows, these reversed"),
}


@dataclass(frozen=True, eq=False)
class Way:
    """Another way in which the image may stand: columns taken for rows, rows reversed, the direct beam's column moved (pixels),
    the film turned about the beam (degrees)."""

    swapped: bool = False
    reversed: bool = False
    shift: float = 0.0
    turn_deg: float = 0.0

    def places(self, place: FloatArray, rows: int) -> FloatArray:
        """Where places (n, 2) of the image lie when it is put right."""
        put = place[:, ::-1] if self.swapped else place
        return np.stack([rows - 1.0 - put[:, 0], put[:, 1]], axis=1) if self.reversed else put

    def picture(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The image put right."""
        put = values.T if self.swapped else values
        return put[::-1] if self.reversed else put


def check_standing(inputs: FilmInputs, options: FilmOptions, study: FilmStudy) -> None:
    """InputFileError or CalibrationError where the first image's spots fit no lattice, or few of them do, and most of them
    fit one when the image is turned, or the direct beam's column or the film's normal is another."""
    spots = [s for s in study.spots if s.image == 0 and s.excluded in ("", BELOW)]
    explained = sum(int(np.count_nonzero(one.found[0] >= 0)) for one in study.all_indexed)
    if len(spots) < LEAST_PAIRED or explained > DOUBTFUL * len(spots):
        return
    place = np.array([(s.row, s.column) for s in spots])
    incidence = Incidence(study.start.incidence[0], study.setup.film.index)
    before = 0.0 if study.indexed is None else study.indexed.score
    for way in _likely_ways(inputs, options, place, incidence):
        found = _looked_at(way, inputs, options, study, incidence)
        if found is not None and found[0] > before + LEAST_ODDS:
            raise _refusal(inputs, way, found[1])


def _likely_ways(inputs: FilmInputs, options: FilmOptions, place: FloatArray, incidence: Incidence) -> list[Way]:
    """Ways in which most spots have partners, those first that ask for least."""
    rows, columns = inputs.plane.shape
    beam = float(inputs.plane.pixel(np.array([[1.0, 0.0, 0.0]]))[1][0])
    ways = [Way(turn_deg=turn) for turn in (180.0, 90.0, -90.0)]
    for swapped in (False, True) if rows == columns else (False,):
        for turned in (Way(swapped, False), Way(swapped, True)):
            middle = middle_column(turned.places(place, rows))
            if swapped or turned.reversed:
                ways.append(turned)
            if middle is not None and abs(middle - beam) > OFF_COLUMN:
                ways.append(replace(turned, shift=middle - beam))
    count = [pairs(_plane(inputs, options, way), incidence, way.places(place, rows)) for way in ways]
    least = max(LEAST_PAIRED, PAIRED * max(count))
    likely = [
        (way.shift != 0.0, way.swapped, -n, i) for i, (way, n) in enumerate(zip(ways, count, strict=True)) if n >= least
    ]
    return [ways[key[-1]] for key in sorted(likely)[:LOOKED_AT]]


def _plane(inputs: FilmInputs, options: FilmOptions, way: Way) -> DetectorPlane:
    turn = options.sample_rotation_deg + way.turn_deg
    plane = inputs.plane if way.turn_deg == 0.0 else detector_plane(inputs.geometry, sample_rotation_deg=turn)
    return replace(plane, origin=plane.origin - way.shift * plane.by_column)


def _looked_at(
    way: Way, inputs: FilmInputs, options: FilmOptions, study: FilmStudy, incidence: Incidence
) -> tuple[float, str] | None:
    """Score and words of the lattice that most spots have when the image stands so; None where they have none."""
    plane, image = _plane(inputs, options, way), study.prepared[0]
    put = PreparedImage(way.picture(image.values).astype(np.float64), way.picture(image.bad).astype(bool), image.noise)
    usable = [s for s in find_spots(put, plane, incidence) if not s.excluded]
    setup = Setup(plane, study.setup.film, study.setup.substrate, study.setup.thickness_k, study.setup.reach)
    start = FilmConstants(np.nan, 0.0, study.start.incidence[:1], study.start.critical)
    priors = {name: prior for name, prior in study.priors.items() if name in ("incidence 0", "turn", "critical")}
    held = {"row_shift": "not asked"}
    _, found = index_film(
        [ImageView(usable, surroundings(put, plane))], setup, start, {**priors, "column_shift": Prior(0.0, 1.0)}, held
    )
    if found is None or found.matches < DOUBTFUL * len(usable):
        return None
    return found.score, f"{found.matches} of {len(usable)} spots are those of {found.orientation.name}"


def _refusal(inputs: FilmInputs, way: Way, words: str) -> ElectrosaxsError:
    image, geometry = inputs.images[0].path, inputs.geometry.source
    beam = float(inputs.plane.pixel(np.array([[1.0, 0.0, 0.0]]))[1][0])
    columns = inputs.plane.shape[1]
    to = f"column {beam + way.shift:.1f}"
    mirrored = abs(2.0 * beam + way.shift - (columns - 1.0)) < OFF_COLUMN
    if way.turn_deg:
        return bad_value(
            InputFileError, where=image, field="image", value="turned",
            rule=f"the film's normal does not point where the geometry has it: with it turned by {way.turn_deg:g} deg {words}",
            remedy=f"add {way.turn_deg:g} to --sample-rotation-deg, or turn the image",
        )  # fmt: skip
    if way.swapped or way.reversed:
        how, put = TURNED[way.swapped, way.reversed]
        also = f" and the direct beam at {to}" if way.shift else ""
        remedy = "flip the image upside down"
        if way.swapped:
            remedy = "turn the image by a quarter (left and right of a film's pattern are alike)"
        elif way.shift and mirrored:
            remedy += " and left to right"
        if not way.swapped:
            remedy += ", or correct Poni1 and turn the film with --sample-rotation-deg 180"
        return bad_value(
            InputFileError, where=image, field="image", value=how,
            rule=f"as it stands the film's spots lie below the horizon of the film: with {put}{also} {words}", remedy=remedy,
        )  # fmt: skip
    mirror = ", or flip the image left to right" if mirrored else ""
    return bad_value(
        CalibrationError, where=geometry, field="the direct beam", value=f"column {beam:.1f}",
        rule=f"the pattern of {image.name} is the same on both sides of {to}, and with the beam there {words}",
        remedy=f"correct Poni2{mirror}",
    )  # fmt: skip
