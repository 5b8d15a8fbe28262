"""The files of the command `islands`."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from ...figures.gallery import Drawn
from ...figures.islands import (
    DensityPicture,
    closest_island,
    density_by_image,
    overlay,
    pair_correlation_figure,
    size_distribution,
)
from ...figures.reliefs import height_map_figure, height_profile_figure, packing_figure
from ...figures.rendered import png_bytes
from ...figures.style import Omitted
from ...io.atomic import replacing
from ...io.island_files import outline_text, write_island_results
from ...io.micrograph import Micrograph
from ...io.numbers_json import write_numbers
from ...io.plain_json import to_json
from ...io.rows_csv import write_rows
from ...micrographs.density import count_variance
from ...micrographs.packing import particle_distances
from ...micrographs.pairs import nearest_neighbours, pair_correlation
from ...micrographs.profile import line_through
from ...nouns import FloatArray
from ...nouns.islands import Distribution, FieldOfView, Island
from ...physics.tetrahedron import thickness
from ...report.number_text import value_with_sigma
from ...report.provenance import write_provenance
from ...report.template import render, save_figure
from ..output_folder import output_folder
from .numbers import FEW, Sample, base_edges, density_in_words, merged_share
from .reliefs import COLUMNS as HEIGHT_ISLANDS
from .reliefs import relief_rows
from .study import Study

ISLANDS = ("image", "island", "x_px", "y_px", "base_edge_um", "base_edge_um_sigma", "top_edge_um", "top_edge_um_sigma",
           "thickness_um", "thickness_um_sigma", "rotation_deg", "truncation", "visible_share", "border", "centre_inside",
           "group", "probability", "outline_px")  # fmt: skip
IMAGES = ("image", "width_px", "height_px", "um_per_pixel", "area_um2", "count", "count_sigma", "density_per_mm2",
          "density_per_mm2_sigma", "covered_fraction", "merged_fraction", "flags")  # fmt: skip
ON_PAGE_PX, SCREEN_DPI = 1100, 96
BINS = (6, 40)


def write_study(out: Path, study: Study, settings: Mapping[str, Any], inputs: Sequence[Path]) -> None:
    """Tables, numbers, results.nxs, overlays, figures, report and provenance."""
    out = output_folder(out, inputs, command="islands")
    sample = study.sample
    if sample:
        write_rows(out / "islands.csv", ISLANDS, [row for view in sample.views for row in _island_rows(view)])
        write_rows(out / "images.csv", IMAGES, [_image_row(view, sample.detection.variance) for view in sample.views])
    if study.reliefs:
        write_rows(out / "height_islands.csv", HEIGHT_ISLANDS, relief_rows(study.reliefs))
    numbers = study.numbers()
    write_numbers(out / "numbers.json", numbers)
    curves = [*(_distributions(sample) if sample else []), *_curves_beside(study)]
    write_island_results(out / "results.nxs", study.title, curves)
    if study.scored is not None:
        with replacing(out / "score.json") as part:
            part.write_text(to_json(study.scored, indent=2) + "\n", encoding="utf-8")
    write_provenance(out, "islands", settings, inputs=inputs)
    drawn = [*(_drawn(sample, curves) if sample else []), *_closest(study), *_drawn_beside(study)]
    figures = [save_figure(out / "figures", one) for one in drawn]
    views = sample.views if sample else ()
    overlays = [_overlay(out / "figures", view, picture) for view, picture in zip(views, study.pictures, strict=True)]
    page = render(
        __package__, "report.html.j2", title=study.title, figures=figures, overlays=overlays, scored=study.scored,
        views=[_on_page(view, sample.detection.variance) for view in views] if sample else [],
        detection=_detection(sample) if sample else "", density=density_in_words(sample) if sample else "",
        scale=views[0].scale if views else None, doubt=study.doubt(),
        numbers=[(name.replace("_", " "), "—" if n.value is None else value_with_sigma(n.value, n.sigma), n.unit, n.source)
                 for name, n in numbers.items()],
    )  # fmt: skip
    with replacing(out / "report.html") as part:
        part.write_text(page, encoding="utf-8")


def _closest(study: Study) -> list[Drawn]:
    """Of the islands that stand alone and whole with a top edge the one of the usual size; none where there is none."""
    sample = study.sample
    if sample is None:
        return []
    groups = Counter((view.name, i.group) for view in sample.views for i in view.found)
    able = [
        (k, i)
        for k, view in enumerate(sample.views)
        for i in view.found
        if np.isfinite(i.top_edge) and not i.border and groups[view.name, i.group] == 1
    ]
    if not able:
        return []
    usual = float(np.median([i.edge for i in sample.islands]))
    k, island = min(able, key=lambda one: abs(one[1].edge - usual))
    view = sample.views[k]
    number = 1 + next(n for n, one in enumerate(view.islands) if one is island)
    caption = f"Island {number} of {view.name}: base before its tips were cut (white), top (blue), thickness from both."
    thick = float(thickness(island.edge, island.top_edge))
    return [_named("closest", closest_island(study.pictures[k].pixels, view, island, thick), caption)]


def _drawn_beside(study: Study) -> list[Drawn]:
    """Pictures of height maps and faces, numbered from the second on."""
    found = []
    for number, relief in enumerate(study.reliefs, start=1):
        end = "" if number == 1 else f"_{number}"
        line = line_through(relief)
        found += [
            _named(f"height_map{end}", height_map_figure(relief, line),
                   f"{relief.map.source}, levelled on the substrate; numbers as in height_islands.csv, dotted: the line of the "
                   "profile."),
            _named(f"height_profile{end}", height_profile_figure(line),
                   "The line through the largest whole island; blue: substrate, red: terrace."),
        ]  # fmt: skip
    for number, (picture, face) in enumerate(study.faces, start=1):
        end = "" if number == 1 else f"_{number}"
        found.append(
            _named(f"packing{end}", packing_figure(picture.pixels, face),
                   f"Part of {face.name}: particles (dots), neighbours in the largest grain joined, its cell (arrows).")
        )  # fmt: skip
    return found


def _curves_beside(study: Study) -> list[Distribution]:
    """height_profile of the first map that has an island; particle_distances of the first face that has a grain."""
    found: list[Distribution] = []
    for relief, line in ((one, line_through(one)) for one in study.reliefs):
        if line is not None and not found:
            noise = np.full(line.heights_um.shape, relief.noise_um)
            found.append(
                Distribution("height_profile", "distance", line.distance_um, line.heights_um, noise, "um", "um")
            )
    for _, face in study.faces:
        if face.grains:
            distance, number = particle_distances(face)
            unit, length = ("px", 1.0) if face.nm_per_pixel is None else ("nm", face.nm_per_pixel)
            sigma = np.sqrt(np.maximum(number, 1.0))
            return [*found, Distribution("particle_distances", "distance", length * distance, number, sigma, unit)]
    return found


def _cell(value: float) -> str:
    """Seven digits; empty for what is not known."""
    return f"{value:.7g}" if np.isfinite(value) else ""


def _island_rows(view: FieldOfView) -> list[list[object]]:
    length = view.scale.length
    return [_island_row(view.name, number, island, length) for number, island in enumerate(view.islands, start=1)]


def _island_row(image: str, number: int, i: Island, length: float) -> list[object]:
    return [
        image, number, f"{i.x:.3f}", f"{i.y:.3f}", _cell(i.edge * length), _cell(i.edge_sigma * length),
        _cell(i.top_edge * length), _cell(i.top_edge_sigma * length), _cell(thickness(i.edge, i.top_edge) * length),
        _cell(i.thickness_sigma * length), f"{i.rotation_deg:.3f}", f"{i.truncation:.4f}", f"{i.visible_share:.3f}",
        "yes" if i.border else "no", "yes" if i.centre_inside else "no", i.group, f"{i.probability:.4f}",
        outline_text(i.outline),
    ]  # fmt: skip


def _image_row(view: FieldOfView, per_island: float) -> list[object]:
    sigma = float(np.sqrt(count_variance(view, per_island)))
    count, area = view.expected_count, view.area
    known = view.scale.um_per_pixel is not None
    density_sigma = float(np.hypot(sigma, np.sqrt(max(count, 1.0)))) / area
    return [
        view.name, view.shape[1], view.shape[0], _cell(view.scale.um_per_pixel or np.nan),
        _cell(1e6 * area if known else np.nan),
        *((_cell(count), _cell(sigma), _cell(count / area), _cell(density_sigma)) if view.triangular else ("",) * 4),
        _cell(view.covered), _cell(merged_share(view)), "; ".join(view.flags),
    ]  # fmt: skip


def _distributions(sample: Sample) -> list[Distribution]:
    """base_edge, nearest_neighbour and pair_correlation, as far as there are islands for them."""
    unit, fields = sample.views[0].scale.unit, sample.fields
    found = []
    for name, values in (("base_edge", base_edges(sample)), ("nearest_neighbour", nearest_neighbours(fields))):
        if len(values) > 1:
            found.append(_histogram(name, values, unit))
    if sum(len(f.points) for f in fields) >= FEW:
        distance, g, sigma = pair_correlation(fields)
        found.append(Distribution("pair_correlation", "distance", distance, g, sigma, unit))
    return found


def _histogram(name: str, values: FloatArray, unit: str) -> Distribution:
    number, edges = np.histogram(values, bins=int(np.clip(2.0 * np.sqrt(len(values)), *BINS)))
    middle = 0.5 * (edges[1:] + edges[:-1])
    axis = "edge" if name == "base_edge" else "distance"
    return Distribution(name, axis, middle, number.astype(float), np.sqrt(np.maximum(number, 1.0)), unit)


def _drawn(sample: Sample, curves: Sequence[Distribution]) -> list[Drawn]:
    views, errors = sample.views, sample.errors
    areas = np.array([v.area for v in views])
    counts = np.array([v.expected_count for v in views])
    density = DensityPicture(
        [v.name for v in views], counts / areas, np.sqrt(np.maximum(counts, 1.0)) / areas, errors.density, errors.sigma,
        views[0].scale.density_unit,
    )  # fmt: skip
    pairs = next((one for one in curves if one.name == "pair_correlation"), None)
    return [
        _named("size_distribution", size_distribution(base_edges(sample), views[0].scale.unit),
               "Base edges of the islands that the frame does not cut; line: mean."),
        _named("density_by_image", density_by_image(density),
               "Islands per area on each image, bars: counting; band: the sample with its total σ."),
        _named("pair_correlation", pair_correlation_figure(pairs),
               "Pairs of islands at a distance, over those of random points (1), the frame corrected."),
    ]  # fmt: skip


def _named(name: str, figure: Figure | Omitted, caption: str) -> Drawn:
    if isinstance(figure, Omitted):
        return Drawn(name, caption, None, figure.reason)
    return Drawn(name, caption, figure)


def _overlay(folder: Path, view: FieldOfView, picture: Micrograph) -> dict[str, str]:
    """Write figures/overlay_<image>.png, and a copy for the page of at most ON_PAGE_PX."""
    drawn = overlay(picture.pixels, view)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"overlay_{view.name}.png") as part:
        part.write_bytes(png_bytes(np.asarray(drawn), SCREEN_DPI))
    small = drawn.copy()
    small.thumbnail((ON_PAGE_PX, ON_PAGE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=85)
    return {"name": view.name, "jpeg": base64.b64encode(buffer.getvalue()).decode("ascii")}


def _on_page(view: FieldOfView, per_island: float) -> dict[str, str]:
    sigma = float(np.sqrt(count_variance(view, per_island)))
    return {
        "name": view.name,
        "count": value_with_sigma(view.expected_count, sigma) if view.triangular else "—",
        "density": f"{view.expected_count / view.area:.4g}" if view.triangular else "—",
        "covered": f"{view.covered:.1%}",
        "merged": f"{merged_share(view):.0%}",
        "flags": "; ".join(view.flags),
    }


def _detection(sample: Sample) -> str:
    found = sample.detection
    if not found.fields:
        return f"Detection was not simulated: {found.why}; {np.sqrt(found.variance):.2g} is taken per square root of an island."
    return (
        f"Detection: {found.islands} islands on {found.fields} fields simulated with the density, sizes and contrast found"
        f" were counted with an error of {found.bias:+.1%}."
    )
