"""Commands of dried films: gisaxs, islands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .root import Out, Quiet, app, say, shown_progress
from .several import SeveralValues


@command(
    app,
    compiles=True,
    cls=SeveralValues,
    short_help="GISAXS of a dried film: lattice, orientation, constants.",
    epilog="Example: electrosaxs gisaxs film/film.cbf --geometry film/geometry.poni --incident-angle-deg 0.31 --energy-kev 10 "
    "--out gisaxs",
)
def gisaxs(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Frames of one film, any format fabio reads.")
    ],
    geometry: Annotated[Path, typer.Option(help="pyFAI geometry (.poni) of the direct beam.")],
    incident_angle_deg: Annotated[
        list[float], typer.Option("--incident-angle-deg", help="Between beam and film; once, or once per image.")
    ],
    energy_kev: Annotated[float, typer.Option("--energy-kev", help="Photon energy in keV.")],
    out: Out,
    incident_angle_sigma_deg: Annotated[
        float, typer.Option("--incident-angle-sigma-deg", help="How well the angle is known, one standard deviation.")
    ] = 0.02,
    hold_incident_angle: Annotated[
        bool, typer.Option("--hold-incident-angle", help="Do not refine the angle of incidence.")
    ] = False,
    critical_angle_deg: Annotated[
        float | None, typer.Option("--critical-angle-deg", help="Hold the film's critical angle at this value.")
    ] = None,
    sample_rotation_deg: Annotated[
        float,
        typer.Option("--sample-rotation-deg", help="Turns the film's normal from smaller rows to larger columns."),
    ] = 0.0,
    core: Annotated[str | None, typer.Option(help="Core material, for the first critical angle; default Ag.")] = None,
    ligand: Annotated[str, typer.Option(help="Ligand, for the first critical angle.")] = "1-dodecanethiol",
    mask: Annotated[Path | None, typer.Option(help="Mask image, 1 = masked.")] = None,
    lit_length_mm: Annotated[
        float | None,
        typer.Option("--lit-length-mm", help="Length of the sample that the beam lights: taken off the spots' widths."),
    ] = None,
    distance_sigma_m: Annotated[
        float | None,
        typer.Option(
            "--distance-sigma-m", help="How well the distance is known; absent: what calibrate left in the geometry."
        ),
    ] = None,
    energy_sigma_kev: Annotated[
        float | None, typer.Option("--energy-sigma-kev", help="How well the energy is known, one standard deviation.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """GISAXS of a dried film: spots, lattice and plane on the substrate, lattice constants with their sigma."""
    from ..recipes.film.gisaxs import analyse_film, summary
    from ..recipes.film.inputs import FilmOptions

    options = FilmOptions(
        incident_angle_deg=tuple(incident_angle_deg), energy_keV=energy_kev, mask=mask, lit_length_mm=lit_length_mm,
        incident_angle_sigma_deg=incident_angle_sigma_deg, hold_incident_angle=hold_incident_angle,
        critical_angle_deg=critical_angle_deg, sample_rotation_deg=sample_rotation_deg,
        core=core or "Ag", core_is_given=core is not None, ligand=ligand,
        distance_sigma_m=distance_sigma_m, energy_sigma_keV=energy_sigma_kev,
    )  # fmt: skip
    say(quiet, summary(analyse_film(images, out, geometry=geometry, options=options), out))


@command(
    app,
    compiles=True,
    cls=SeveralValues,
    short_help="Micrographs: islands counted and measured, density.",
    epilog="Example: electrosaxs islands sem/*.tif --um-per-pixel 0.2 --out islands",
)
def islands(
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE...", help="Fields of one sample: TIFF, PNG or JPEG.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")] = Path("islands"),
    um_per_pixel: Annotated[
        float | None, typer.Option("--um-per-pixel", help="Size of a pixel in um; absent: from the file's tags.")
    ] = None,
    crop: Annotated[
        str | None, typer.Option(metavar="LEFT,TOP,WIDTH,HEIGHT", help="Part of each image to use, in pixels.")
    ] = None,
    truth: Annotated[
        list[Path] | None,
        typer.Option(
            "--truth", metavar="LABELS", help="Instance labels per image, or a CSV of outlines: adds score.json."
        ),
    ] = None,
    lattice_constant_nm: Annotated[
        float, typer.Option("--lattice-constant-nm", help="Of the dried FCC superlattice, for particles per island.")
    ] = 13.2,
    height_map: Annotated[
        list[Path] | None,
        typer.Option(
            "--height-map", metavar="MAP...", help="AFM of the same sample: .gwy, .spm, .ibw, .jpk, TIFF, text."
        ),
    ] = None,
    um_per_level: Annotated[
        float | None, typer.Option("--um-per-level", help="Height of one level of a TIFF or text map in um.")
    ] = None,
    packing: Annotated[
        list[Path] | None,
        typer.Option("--packing", metavar="IMAGE...", help="Micrographs that resolve particles: spacing and lattice."),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, help="Images that are searched at a time, a thread each.")
    ] = 2,
    quiet: Quiet = False,
) -> None:
    """Islands of micrographs, merged ones told apart: density with its sigma, sizes, thickness, distances, overlays."""
    from ..recipes.islands.count_islands import Beside, count_islands, summary

    with shown_progress(quiet) as progress:
        study = count_islands(
            images or (), out, um_per_pixel=um_per_pixel, crop=crop, truth=truth or (),
            lattice_constant_nm=lattice_constant_nm, beside=Beside(height_map or (), packing or (), um_per_level),
            workers=workers, progress=progress,
        )  # fmt: skip
    say(quiet, summary(study, out))
