"""Micrographs of simulated islands, with their truth beside them: the images of one sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from tifffile import imwrite

from ..io.island_files import outline_text
from ..io.micrograph_toml import read_micrograph_settings
from ..io.rows_csv import write_rows
from ..nouns import FloatArray
from ..nouns.micrograph import MicrographSettings
from ..physics.tetrahedron import SQRT3, outline, top_edge_from_facet
from ..report.provenance import write_provenance
from ..twin.anode import Anode, field_seeds
from ..twin.micrograph import SimulatedField, simulate_field
from .output_folder import output_folder
from .progress import Progress, over

UM_PER_CM = 1e4
TRUTH = ("image", "island", "x_px", "y_px", "base_edge_um", "top_edge_um", "rotation_deg", "truncation", "shown", "counted",
         "outline_px", "born_s")  # fmt: skip


def simulated_micrographs(path: str | Path, out: str | Path, *, progress: Progress | None = None) -> list[Path] | None:
    """Write the images of the section [micrograph] of a TOML file into `out`, with labels and truth.csv; returns the images,
    None where the file has no such section."""
    path = Path(path)
    settings = read_micrograph_settings(path)
    if settings is None:
        return None
    folder = output_folder(out, [path], command="simulate")
    images = draw_micrographs(settings, folder, progress=progress)
    write_provenance(folder, "simulate", settings.model_dump(mode="json"), inputs=[path], seed=settings.seed)
    return images


def draw_micrographs(
    settings: MicrographSettings, folder: Path, *, grown: Anode | None = None, progress: Progress | None = None
) -> list[Path]:
    """The fields of one sample into `folder`, with labels and truth.csv; returns the images. `grown`: the anode whose
    islands they show."""
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
    write_rows(folder / "truth.csv", TRUTH, rows)
    return images


def _write(path: Path, field: SimulatedField, settings: MicrographSettings) -> Path:
    """The image; a TIFF states its scale as its resolution in pixels per centimetre."""
    if settings.form == "tif":
        per_cm = UM_PER_CM / settings.um_per_pixel
        imwrite(path, field.image, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER")
    else:
        Image.fromarray(field.image).save(path, quality=92) if settings.form == "jpg" else Image.fromarray(
            field.image
        ).save(path)
    return path


def _truth(
    name: str, field: SimulatedField, settings: MicrographSettings, born_s: FloatArray | None
) -> list[list[object]]:
    scale = settings.um_per_pixel
    rows: list[list[object]] = []
    for number, (island, shown, counted) in enumerate(
        zip(field.islands, field.shown, field.counted, strict=True), start=1
    ):
        reach = island.edge / SQRT3
        if not (-reach < island.x < settings.width_px + reach and -reach < island.y < settings.height_px + reach):
            continue
        top = max(0.0, top_edge_from_facet(island.edge, island.facet))
        corners = outline(island.x, island.y, island.edge, island.rotation_deg, island.truncation)
        rows.append([
            name, number, f"{island.x:.3f}", f"{island.y:.3f}", f"{island.edge * scale:.5g}", f"{top * scale:.5g}",
            f"{island.rotation_deg:.2f}", f"{island.truncation:.4f}", f"{shown:.4f}", "yes" if counted else "no",
            outline_text(corners), "" if born_s is None else f"{born_s[number - 1]:.1f}",
        ])  # fmt: skip
    return rows
