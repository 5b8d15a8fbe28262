"""Micrographs of simulated islands, with their truth beside them: the images of one sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from tifffile import imwrite

from ..io.island_files import outline_text
from ..io.micrograph_toml import read_micrograph_settings
from ..io.rows_csv import write_rows
from ..nouns import FloatArray
from ..nouns.micrograph import CloserLook, MicrographSettings
from ..physics.tetrahedron import outline, top_edge_from_facet
from ..report.provenance import write_provenance
from ..twin.anode import Anode, field_seeds
from ..twin.height_map import simulate_height_map
from ..twin.islands import PlacedIsland
from ..twin.micrograph import SimulatedField, simulate_field
from ..twin.packing import simulate_packing
from .output_folder import output_folder
from .progress import Progress, over

UM_PER_CM = 1e4
HEIGHT_MAP, PACKING = "height_map.tif", "packing.tif"
FIELDS_ALONE = CloserLook()
TRUTH = ("image", "island", "x_px", "y_px", "base_edge_um", "top_edge_um", "rotation_deg", "truncation", "shown", "counted",
         "outline_px", "born_s")  # fmt: skip


def simulated_micrographs(path: str | Path, out: str | Path, *, progress: Progress | None = None) -> list[Path] | None:
    """Write the images of the section [micrograph] of a TOML file into `out`, with labels and truth.csv, and what [height_map]
    and [packing] ask for; returns the images, None where the file has no such section."""
    path = Path(path)
    settings = read_micrograph_settings(path)
    if settings is None:
        return None
    folder = output_folder(out, [path], command="simulate")
    closer = CloserLook(settings.height_map, settings.packing)
    images = draw_micrographs(settings.micrograph, folder, closer=closer, progress=progress)
    seed = settings.micrograph.seed
    write_provenance(folder, "simulate", settings.model_dump(mode="json", exclude_none=True), inputs=[path], seed=seed)
    return images


def draw_micrographs(
    settings: MicrographSettings, folder: Path, *, grown: Anode | None = None, closer: CloserLook = FIELDS_ALONE,
    progress: Progress | None = None,
) -> list[Path]:  # fmt: skip
    """The fields of one sample into `folder`, with labels and truth.csv; returns the images. `grown`: the anode whose
    islands they show. closer: height_map.tif of the first field, packing.tif of the face of an island."""
    seeds = field_seeds(settings)
    images, rows = [], []
    for number, seed in enumerate(over(progress, seeds, stage="micrographs", total=settings.images), start=1):
        random = np.random.default_rng(seed)
        shown = None if grown is None else grown.field(random)
        field = simulate_field(settings, random, None if shown is None else shown.islands)
        name = f"field{number:03d}"
        images.append(_write(folder / f"{name}.{settings.form}", field, settings))
        imwrite(folder / f"{name}_labels.tif", field.labels)
        rows += _truth(name, field, settings, None if shown is None else shown.born_s)
        if number == 1:
            rows += _closer(folder, closer, field.islands, settings, random)
    write_rows(folder / "truth.csv", TRUTH, rows)
    return images


def _closer(
    folder: Path, closer: CloserLook, islands: list[PlacedIsland], view: MicrographSettings, random: np.random.Generator
) -> list[list[object]]:
    """Writes what is taken beside the fields; rows of truth.csv of the height map. A map's TIFF holds nm."""
    rows = []
    if closer.height_map is not None:
        asked = closer.height_map
        found = simulate_height_map(asked, islands, view.um_per_pixel, (view.height_px, view.width_px), random)
        _write_tiff(folder / HEIGHT_MAP, found.heights_nm.astype(np.float32), asked.um_per_pixel)
        inside = [min(i.x, i.y) >= 0.0 and max(i.x, i.y) <= asked.pixels - 1.0 for i in found.islands]
        rows = [
            _row("height_map", number, one, asked.um_per_pixel, None, counted, "")
            for number, (one, counted) in enumerate(zip(found.islands, inside, strict=True), start=1)
        ]
    if closer.packing is not None:
        _write_tiff(folder / PACKING, simulate_packing(closer.packing, random), 1e-3 * closer.packing.nm_per_pixel)
    return rows


def _write_tiff(path: Path, levels: npt.NDArray[Any], um_per_pixel: float) -> None:
    """Its scale as its resolution in pixels per centimetre."""
    per_cm = UM_PER_CM / um_per_pixel
    imwrite(path, levels, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER")


def _write(path: Path, field: SimulatedField, settings: MicrographSettings) -> Path:
    """The image; a TIFF states its scale."""
    if settings.form == "tif":
        _write_tiff(path, field.image, settings.um_per_pixel)
    else:
        Image.fromarray(field.image).save(path, quality=92) if settings.form == "jpg" else Image.fromarray(
            field.image
        ).save(path)
    return path


def _truth(
    name: str, field: SimulatedField, settings: MicrographSettings, born_s: FloatArray | None
) -> list[list[object]]:
    rows: list[list[object]] = []
    for number, (island, shown, counted) in enumerate(
        zip(field.islands, field.shown, field.counted, strict=True), start=1
    ):
        reach = island.reach
        if -reach < island.x < settings.width_px + reach and -reach < island.y < settings.height_px + reach:
            born = "" if born_s is None else f"{born_s[number - 1]:.1f}"
            rows.append(_row(name, number, island, settings.um_per_pixel, float(shown), bool(counted), born))
    return rows


def _row(
    image: str, number: int, island: PlacedIsland, um_per_pixel: float, shown: float | None, counted: bool, born: str
) -> list[object]:
    top = max(0.0, top_edge_from_facet(island.edge, island.facet))
    corners = outline(island.x, island.y, island.edge, island.rotation_deg, island.truncation)
    return [
        image, number, f"{island.x:.3f}", f"{island.y:.3f}", f"{island.edge * um_per_pixel:.5g}",
        f"{top * um_per_pixel:.5g}", f"{island.rotation_deg:.2f}", f"{island.truncation:.4f}",
        "" if shown is None else f"{shown:.4f}", "yes" if counted else "no", outline_text(corners), born,
    ]  # fmt: skip
