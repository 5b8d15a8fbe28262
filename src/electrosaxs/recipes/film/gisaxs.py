"""GISAXS images of one film -> spots, lattice and orientation, constants, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ...figures.gallery import Drawn, drawn
from ...figures.gisaxs import FilmPicture, indexed_image, indexed_pattern, radial_intensity, residuals
from ...grazing.expected import incidence_of, moved
from ...grazing.fold import near_the_fold
from ...grazing.geometry import horizon
from ...grazing.maps import film_pattern, pixel_q
from ...grazing.maps import radial_intensity as radial_mean
from ...grazing.widths import mosaic_profile
from ...io.atomic import replacing
from ...io.film_results import write_film_results
from ...io.numbers_json import write_numbers
from ...io.plain_json import to_json
from ...io.rows_csv import write_rows
from ...nouns import Noun, Number
from ...nouns.film import Reflection, Spot
from ...report.number_text import number_lines, number_row
from ...report.provenance import write_provenance
from ...report.template import render, save_figure
from ..output_folder import check_free, output_folder
from ..settings import as_paths
from .contradictions import contradictions, silent_images
from .first_study import FilmStudy, usable_pairs
from .inputs import FilmInputs, FilmOptions, read_inputs
from .numbers import film_numbers
from .scales import with_scales
from .several import clearest
from .standing import check_standing
from .study import study_film
from .tables import (
    IMAGE_COLUMNS,
    REFLECTION_COLUMNS,
    SPOT_COLUMNS,
    assignment_record,
    final_spots,
    image_rows,
    reflection_rows,
    reflections,
    spot_rows,
)
from .tables import residuals as spot_residuals  # fmt: skip

WEDGE = (
    "mean over the pixels above the horizon; directions in the wedge about q_parallel = 0 that the Ewald sphere does not "
    "reach, and gaps and beam stop, are left out and not filled in: no powder average"
)
TWINS = "with an in-plane powder the two twins of FCC (111) give identical patterns: which of them stand here cannot be told"
RINGS = (
    "crystals of any orientation make rings; q is that of the direct beam, and what angles that are off do to all rings is "
    "fitted along with the lattice constant"
)
CHANNELS = "spots of the direct (T) and of the reflected beam (R) are reflections of their own"
SUBSTRATE_NOTE = (
    "the substrate is taken to be silicon and the film 1 µm thick: both decide only how bright spots should be"
)


@dataclass(frozen=True, eq=False)
class FilmResults:
    """What the command found: the study, spots and reflections as in the tables, numbers, notes, among them what contradicts
    what was given (doubts)."""

    study: FilmStudy
    spots: list[Spot]
    reflections: list[Reflection]
    numbers: dict[str, Number]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The assignment in words."""
        made = self.study.assignment
        if made.orientation is None:
            return "no lattice explains the image"
        if made.orientation.normal is None:
            return f"{made.orientation.lattice}, crystals of any orientation"
        parallel = "planes parallel to the substrate, in-plane powder"
        also = "" if self.study.second is None else f", and {self.study.second.indexed.orientation.name} beside it"
        return f"{made.orientation.lattice}, ({made.orientation.plane}) {parallel}{also}"


def analyse_film(
    images: str | Path | Sequence[str | Path], out: str | Path, *, geometry: str | Path, options: FilmOptions
) -> FilmResults:
    """Analyse GISAXS images of one film and write the results folder `out`.

    Raises InputFileError and CalibrationError for inputs that cannot be meant; then nothing is written.

    >>> from electrosaxs import analyse_film
    >>> analyse_film(["film.cbf"], "gisaxs", geometry="geometry.poni", options=FilmOptions((0.31,), 10.0)).numbers
    """
    files = as_paths(images)
    read = [*files, Path(geometry), *([options.mask] if options.mask else [])]
    check_free(Path(out), [file for file in read if file.exists()], "gisaxs")
    inputs = read_inputs(files, geometry, options)
    study = study_film(inputs, options)
    check_standing(inputs, options, study)
    spots, expected = final_spots(study), reflections(study)
    doubts = contradictions(study)
    results = FilmResults(
        study, spots, expected, _doubted(with_scales(film_numbers(study), study, inputs), doubts),
        (*doubts, *silent_images(study), *_notes(study)), doubts,
    )  # fmt: skip
    _write(output_folder(out, read, command="gisaxs"), inputs, results, options, read)
    return results


def summary(results: FilmResults, out: str | Path) -> str:
    """The verdict and the headline numbers as text for the terminal."""
    lines = number_lines(results.numbers)
    said = [f"note: {one}" for one in (*results.doubts, *silent_images(results.study))]
    return "\n".join([results.verdict, *lines, *said, f"report: {Path(out) / 'report.html'}"])


def _doubted(numbers: dict[str, Number], doubts: Sequence[str]) -> dict[str, Number]:
    """The numbers; those that rest on the geometry, which are those with a sigma, doubtful where something contradicts it."""
    if not doubts:
        return numbers
    quality = f"doubtful: {'; '.join(doubts)}"
    return {name: replace(one, quality=quality) if one.sigma else one for name, one in numbers.items()}


def _notes(study: FilmStudy) -> tuple[str, ...]:
    found = study.indexed
    if study.rings is not None:
        return (RINGS,)
    if found is None:
        return (CHANNELS, SUBSTRATE_NOTE)
    notes = [CHANNELS, SUBSTRATE_NOTE, *study.assignment.notes]
    orientation = found.orientation
    if orientation.lattice == "FCC" and orientation.normal == (1, 1, 1):
        notes.insert(0, TWINS)
    copies = sum(
        int(np.count_nonzero(e.reflected[f[f >= 0]])) for f, e in zip(found.found, found.expected, strict=True)
    )
    if copies:
        notes.append(f"{copies} spots are copies made by the beam that the substrate reflects")
    near = [str(i + 1) for i in near_the_fold(found.refined.constants)]
    if near:
        notes.append(
            f"the beam of image {' and '.join(near)} comes in near the critical angle, where angles on both sides of it give "
            "nearly the same places: sigmas hold both"
        )
    if study.second is not None:
        also = study.second.indexed.orientation
        notes.insert(
            0,
            f"a second orientation, {also.name}, has {study.second.share:.2g} ± {study.second.share_sigma:.1g} of the crystals "
            "that make spots; its spots carry its plane as `variant`",
        )
    if found.refined.scatter > 0.1:
        notes.append(
            f"spots scatter by {found.refined.scatter:.2g} pixels more than their fits say; every sigma contains it"
        )
    return tuple(notes)


def _write(out: Path, inputs: FilmInputs, results: FilmResults, options: FilmOptions, read: Sequence[Path]) -> None:
    study, spots, expected = results.study, results.spots, results.reflections
    write_rows(out / "spots.csv", SPOT_COLUMNS, spot_rows(inputs, study, spots, expected))
    write_rows(out / "reflections.csv", REFLECTION_COLUMNS, reflection_rows(inputs, expected))
    write_rows(out / "images.csv", IMAGE_COLUMNS, image_rows(inputs, study, spots, expected))
    with replacing(out / "assignment.json") as part:
        part.write_text(to_json(assignment_record(study, results.notes), indent=2) + "\n", encoding="utf-8")
    write_numbers(out / "numbers.json", results.numbers)
    picture, maps = _picture(results)
    write_film_results(
        out / "results.nxs", results.verdict, maps, command="gisaxs",
        notes={"radial_intensity": WEDGE, "pattern": "q_z inside the film, of the direct beam"},
    )  # fmt: skip
    write_provenance(out, "gisaxs", asdict(options), inputs=read)
    figures = [save_figure(out / "figures", item) for item in _drawn(picture)]
    page = render(
        __package__, "report.html.j2", verdict=results.verdict, images=inputs.names,
        numbers=[number_row(name, number, None) for name, number in results.numbers.items()], notes=results.notes,
        probabilities=sorted(study.assignment.probabilities.items(), key=lambda item: -item[1])[:6],
        figures=[figure for figure in figures if figure.png], omitted=[figure for figure in figures if not figure.png],
        counts=_counts(expected),
        provenance=(out / "provenance.json").read_text(encoding="utf-8"),
    )  # fmt: skip
    with replacing(out / "report.html") as part:
        part.write_text(page, encoding="utf-8")


def _counts(expected: Sequence[Reflection]) -> dict[str, dict[str, int]]:
    """How many reflections of each channel have each status."""
    counts: dict[str, dict[str, int]] = {}
    for mark in expected:
        of_channel = counts.setdefault("direct beam" if mark.channel == "T" else "reflected beam", {})
        of_channel[mark.status] = of_channel.get(mark.status, 0) + 1
    return counts


def _picture(results: FilmResults) -> tuple[FilmPicture, dict[str, Noun]]:
    """What the figures show, of the image with most spots of the lattice, and the maps of results.nxs."""
    study = results.study
    shown = clearest(study.indexed)
    plane, incidence = moved(study.setup.plane, study.constants), incidence_of(study.constants, shown, study.setup.film)
    prepared = study.prepared[shown]
    pixels = pixel_q(prepared, plane, incidence)
    pattern, radial = film_pattern(pixels, plane), radial_mean(pixels)
    maps: dict[str, Noun] = {"pattern": pattern, "radial_intensity": radial}
    width = results.numbers["mosaic_width"].value
    if width is not None:
        profile = mosaic_profile(prepared, usable_pairs(study, shown), plane, incidence, width)
        if profile is not None:
            maps["mosaic_profile"] = profile
    off, channels = spot_residuals(study, results.spots, results.reflections)
    first = [i for i, spot in enumerate(results.spots) if spot.image == shown]
    picture = FilmPicture(
        title=results.verdict.replace(", and ", ",\nand "),
        image=np.where(prepared.bad, np.nan, prepared.values),
        pattern=pattern,
        radial=radial,
        reflections=tuple(mark for mark in results.reflections if mark.image == shown),
        spots=tuple(results.spots[i] for i in first),
        residuals=off[first],
        channels=tuple(channels[i] for i in first),
        horizon=horizon(plane, incidence),
    )
    return picture, maps


def _drawn(picture: FilmPicture) -> list[Drawn]:
    return [
        drawn(
            "indexed_pattern",
            "The pattern over q along the surface and along the normal (inside the film). Red: reflections of the direct beam, "
            "green: those of a second orientation; blue: copies made by the reflected beam, drawn where the direct beam's axis "
            "shows them. Crosses: found; points: not found; faint points: below the noise, in a blend, or behind gaps and "
            "beam stop.",
            indexed_pattern(picture),
        ),
        drawn(
            "indexed_image",
            "The same on the detector's pixels; circles: spots that were found (green: left out); dotted: the horizon.",
            indexed_image(picture),
        ),
        drawn(
            "radial_intensity",
            f"Intensity against |q|: {WEDGE}. Lines: reflections of the direct beam that were found.",
            radial_intensity(picture),
        ),
        drawn(
            "residuals",
            "Found minus expected places of the indexed spots along the surface (a) and along the normal (b), as they were "
            "fitted: the shifts by arcs and by slopes of the intensity, which the refinement takes off, are in them. Bars: σ "
            "of the fit of each spot.",
            residuals(picture),
        ),
    ]  # fmt: skip
