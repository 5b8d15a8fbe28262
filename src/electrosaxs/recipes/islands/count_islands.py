"""Micrographs of one sample -> islands, density and shape: islands.csv, images.csv, numbers.json, report, figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import InputFileError, bad_value
from ...io.height_map import read_height_map
from ...io.micrograph import Micrograph, read_micrograph
from ...micrographs.bar import without_bar
from ...micrographs.find import Box, find_islands
from ...micrographs.heights import study_relief
from ...micrographs.packing import find_face
from ...nouns.heights import Face
from ...nouns.islands import FieldOfView, Scale
from ...report.number_text import number_lines
from ..output_folder import check_free
from ..progress import Progress, over
from ..settings import as_paths
from .detection import simulated_detection
from .numbers import sample_of
from .output import write_study
from .study import Study

AGREE = 0.02  # relative difference of two scales that are the same
USUAL_EDGE_UM = (0.2, 2000.0)
FINEST, COARSEST = 1e-5, 1e3  # um per pixel


@dataclass(frozen=True)
class Beside:
    """What else there is of the sample: height maps, and images on which particles are resolved. um_per_level: of height maps
    that do not state it."""

    height_maps: Sequence[str | Path] = ()
    packing: Sequence[str | Path] = ()
    um_per_level: float | None = None

    @property
    def inputs(self) -> list[Path]:
        return [Path(path) for path in (*self.height_maps, *self.packing)]


def count_islands(
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    um_per_pixel: float | None = None,
    crop: str | None = None,
    truth: Sequence[str | Path] = (),
    lattice_constant_nm: float = 13.2,
    beside: Beside | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> Study:
    """Find, count and measure the islands of `images`, fields of one sample, and write the results folder `out`.

    um_per_pixel: where the files state none. crop: "left,top,width,height". truth: labels per image or one CSV of outlines.
    Without images `beside` must hold something. workers: images that are searched at a time, a thread each. Raises
    InputFileError for an image that cannot be read, for labels given as image, for two scales, and for a crop or truth that
    does not fit; then nothing is written.

    >>> from electrosaxs import count_islands
    >>> count_islands(["field001.tif", "field002.tif"], "islands", um_per_pixel=0.2).numbers
    """
    paths, beside = as_paths(images), beside or Beside()
    _check(paths, beside, um_per_pixel, lattice_constant_nm)
    inputs = [*paths, *map(Path, truth), *beside.inputs]
    check_free(Path(out), inputs, "islands")
    pictures = [read_micrograph(path) for path in paths]
    scale = _one_scale(pictures, um_per_pixel) if pictures else Scale(um_per_pixel, "--um-per-pixel")
    reliefs = [
        study_relief(read_height_map(path, um_per_pixel=um_per_pixel, um_per_level=beside.um_per_level))
        for path in beside.height_maps
    ]
    resolved = [(picture, _face(picture, um_per_pixel)) for picture in map(read_micrograph, beside.packing)]
    views = _looked_at(pictures, _names(paths), scale, crop, workers, progress)
    sample = sample_of(views, simulated_detection(views, workers), lattice_constant_nm) if views else None
    scored = None
    if truth:
        from .score import score  # with shapely, that nothing else needs

        scored = score(views, [Path(path) for path in truth])
    settings = {
        "um_per_pixel": scale.um_per_pixel, "scale": scale.source, "crop": crop, "lattice_constant_nm": lattice_constant_nm,
        "um_per_level": beside.um_per_level,
    }  # fmt: skip
    study = Study(sample, tuple(pictures), tuple(reliefs), tuple(resolved), scored)
    write_study(Path(out), study, settings, inputs)
    return study


def _looked_at(
    pictures: Sequence[Micrograph], names: Sequence[str], scale: Scale, crop: str | None, workers: int,
    progress: Progress | None,
) -> list[FieldOfView]:  # fmt: skip
    """What is found on each image, in their order: the same for any number of workers."""
    parts = [_used(picture, crop) for picture in pictures]
    views = []
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda p, name, used: find_islands(p.pixels, scale, name, used), pictures, names, parts)
        for view, picture, used in zip(
            over(progress, found, stage="images", total=len(pictures)), pictures, parts, strict=True
        ):
            views.append(replace(view, flags=(*view.flags, *_notes(view, picture, used))))
    return views


def _face(picture: Micrograph, um_per_pixel: float | None) -> Face:
    """Particles of an image that resolves them; its own scale goes before the option, which is that of other images."""
    own = picture.scale.um_per_pixel
    length, source = (um_per_pixel, "--um-per-pixel") if own is None else (own, picture.scale.source)
    left, top, width, height = without_bar(picture.pixels)
    part = picture.pixels[top : top + height, left : left + width]
    return find_face(part, picture.path.stem, None if length is None else 1000.0 * length, source)


def summary(study: Study, out: str | Path) -> str:
    """One line per image, then the density and what else was measured, for the terminal."""
    numbers, sample = study.numbers(), study.sample
    lines = []
    for view in sample.views if sample else ():
        flags = "; ".join(("", *view.flags))
        lines.append(f"{view.name}: {len([i for i in view.found if i.counts])} islands{flags}")
    lines += [
        f"{r.map.name}: {'; '.join((f'{len(r.islands)} islands on a height map', *r.flags))}" for r in study.reliefs
    ]
    lines += [f"{f.name}: {'; '.join((f'{len(f.positions)} particles', *f.flags))}" for _, f in study.faces]
    told = (
        "nucleation_density",
        "island_thickness_afm",
        "thickness_ratio",
        "particle_spacing",
        "lattice_constant_from_packing",
    )
    lines += number_lines({name: numbers[name] for name in told if name in numbers}, sources=True)
    if (note := study.doubt()) is not None:
        lines.append(note)
    table = "islands.csv" if sample else "numbers.json"
    return "\n".join([*lines, f"wrote {Path(out) / table} and {Path(out) / 'report.html'}"])


def _check(paths: Sequence[Path], beside: Beside, um_per_pixel: float | None, lattice_constant_nm: float) -> None:
    if not paths and not beside.inputs:
        raise _wrong("images", "none", "at least one image is needed", "give the paths of micrographs")
    if um_per_pixel is not None and not (np.isfinite(um_per_pixel) and FINEST <= um_per_pixel <= COARSEST):
        raise _wrong(
            "--um-per-pixel",
            um_per_pixel,
            f"must be between {FINEST:g} and {COARSEST:g}",
            "give the size of a pixel in um",
        )
    if not (np.isfinite(lattice_constant_nm) and 1.0 <= lattice_constant_nm <= 1000.0):
        raise _wrong(
            "--lattice-constant-nm", lattice_constant_nm, "must be between 1 and 1000", "give a in nm, for example 13.2"
        )


def _wrong(field: str, value: object, rule: str, remedy: str, where: str | Path = "islands") -> Exception:
    return bad_value(InputFileError, where=where, field=field, value=value, rule=rule, remedy=remedy)


def _one_scale(pictures: Sequence[Micrograph], given: float | None) -> Scale:
    """The scale of all images: the option, or the tags; two that contradict each other are an error."""
    stated = [(p.path, p.scale) for p in pictures if p.scale.um_per_pixel is not None]
    for path, scale in stated:
        other = given if given is not None else stated[0][1].um_per_pixel
        told = "--um-per-pixel" if given is not None else f"{stated[0][0].name} ({stated[0][1].source})"
        own = scale.um_per_pixel
        if own is not None and other is not None and abs(own / other - 1.0) > AGREE:
            raise _wrong(
                scale.source, f"{own:.4g} um per pixel", f"contradicts {told}, which says {other:.4g}",
                "give images of one magnification, and the option only where it agrees with the file", path,
            )  # fmt: skip
    if given is not None:
        return Scale(given, "--um-per-pixel")
    if not stated:
        return Scale(None, "no scale given: lengths are in pixels")
    if len(stated) < len(pictures):
        silent = next(p.path for p in pictures if p.scale.um_per_pixel is None)
        raise _wrong(
            "scale",
            "none",
            f"states no scale, while {stated[0][0].name} does",
            "give --um-per-pixel for all images",
            silent,
        )
    return stated[0][1]


def _used(picture: Micrograph, crop: str | None) -> Box:
    """(left, top, width, height) of the part used: as cropped, else without the information bar."""
    rows, columns, _ = picture.pixels.shape
    if crop is None:
        return without_bar(picture.pixels)
    found = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", crop)
    if not found:
        raise _wrong("--crop", crop, "must be LEFT,TOP,WIDTH,HEIGHT in pixels", "for example --crop 0,0,1024,884")
    left, top, width, height = (int(v) for v in found.groups())
    if left + width > columns or top + height > rows or min(width, height) < 32:
        raise _wrong(
            "--crop", crop, f"must lie in the image of {columns} x {rows} pixels and be 32 x 32 or more", "give a part of it",
            picture.path,
        )  # fmt: skip
    return left, top, width, height


def _notes(view: FieldOfView, picture: Micrograph, used: Box) -> list[str]:
    """Flags that need more than the pixels: the bar that was left out, a scale that cannot be."""
    notes = []
    rows, columns, _ = picture.pixels.shape
    if used[2] * used[3] < rows * columns:
        notes.append(f"used: columns {used[0]} to {used[0] + used[2] - 1}, rows {used[1]} to {used[1] + used[3] - 1}")
    edges = [i.edge * view.scale.length for i in view.found]
    if view.scale.um_per_pixel is not None and edges:
        middle = float(np.median(edges))
        if not USUAL_EDGE_UM[0] <= middle <= USUAL_EDGE_UM[1]:
            notes.append(f"scale: base edges of {middle:.3g} um are not those of islands; check um per pixel")
    return notes


def _names(paths: Sequence[Path]) -> list[str]:
    """A name for each image: its stem, with a number where two are the same."""
    names: list[str] = []
    for path in paths:
        name = re.sub(r"[^\w.+-]+", "_", path.stem) or "image"
        unused = name
        number = 2
        while unused in names:
            unused = f"{name}-{number}"
            number += 1
        names.append(unused)
    return names
