"""Commands from an experiment to the results of a run: demo, simulate, calibrate, analyse, curves."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import typer

from .commands import command
from .root import Figures, Out, Quiet, Scheduler, Workers, app, say, shown_progress


@command(
    app,
    compiles=True,
    short_help="Simulate a run, analyse it, report, compare.",
    epilog="Example: electrosaxs demo --out demo",
)
def demo(out: Out = Path("electrosaxs-demo"), workers: Workers = 2, quiet: Quiet = False) -> None:
    """Simulate a run, analyse it, write the report, compare with the truth."""
    from ..recipes.demo import demo as recipe

    with shown_progress(quiet) as progress:
        summary = recipe(out, workers=workers, progress=progress)
    say(quiet, summary)


@command(
    app,
    compiles=True,
    short_help="The digital twin: a run folder with its truth.",
    epilog="Example: electrosaxs simulate examples/experiment.toml --out run",
)
def simulate(
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="What to simulate.")],
    out: Out,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """The digital twin: a run folder as the beamline would leave it, with the truth beside it; of a TOML with [micrograph],
    micrographs of islands; of one with [film], the GISAXS frame of a film."""
    from ..recipes.simulate_film import simulated_film
    from ..recipes.simulate_micrographs import simulated_micrographs
    from ..recipes.simulate_run import simulate_run

    film = simulated_film(experiment, out)
    if film is not None:
        say(quiet, f"wrote {film.image}; analyse it with: {film.command}")
        return
    with shown_progress(quiet) as progress:
        images = simulated_micrographs(experiment, out, progress=progress)
        if images is not None:
            fields = f"{quote(str(images[0].parent))}/field???{images[0].suffix}"
            say(quiet, f"wrote {len(images)} image(s); count with: electrosaxs islands {fields} --out RESULTS")
            return
        run = simulate_run(experiment, out, workers=workers, progress=progress)
    say(quiet, f"wrote {run}; analyse it with: electrosaxs analyse {quote(str(run))} --out RESULTS")


@command(
    app,
    short_help="Detector geometry from one calibrant image.",
    epilog="Example: electrosaxs calibrate agbh.tiff --calibrant AgBh --energy-kev 13.3 -o geometry.poni "
    "--detector Pilatus2M",
)
def calibrate(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image of the calibrant, any format fabio reads.")],
    energy_kev: Annotated[float, typer.Option("--energy-kev", help="Photon energy in keV.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The geometry file to write.")],
    calibrant: Annotated[str, typer.Option(help="Name of the calibrant, as pyFAI knows it.")] = "AgBh",
    detector: Annotated[str | None, typer.Option(help="Name of the detector; absent: from the image's shape.")] = None,
    distance_m: Annotated[float | None, typer.Option("--distance-m", help="A guess; not needed.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Mask image, 1 = masked.")] = None,
    quiet: Quiet = False,
) -> None:
    """Detector geometry from one image of a calibrant, without a click; refuses an image that cannot give it."""
    from ..recipes.calibrate import calibrate_image, summary

    calibration = calibrate_image(
        image,
        calibrant=calibrant,
        energy_keV=energy_kev,
        output=output,
        detector=detector,
        distance_guess_m=distance_m,
        mask=mask,
    )
    say(quiet, summary(calibration, output))


@command(
    app,
    compiles=True,
    short_help="Frames to a results folder and report.",
    goes_on="from the frames that are reduced already",
    epilog="Example: electrosaxs analyse run/run.toml --out results",
)
def analyse(
    run: Annotated[Path, typer.Argument(metavar="RUN.toml", help="The run to analyse.")],
    out: Out,
    integrator: Annotated[
        str, typer.Option(help="own, or pyfai:METHOD with one of pyFAI's splittings (no, bbox, full) as a cross-check.")
    ] = "own",
    device: Annotated[
        Literal["cpu", "gpu", "auto"],
        typer.Option(help="Where frames are integrated: gpu is an NVIDIA card; auto takes it where there is one."),
    ] = "cpu",
    figures: Figures = "all",
    workers: Workers = 2,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> None:
    """Frames to a results folder: volume fraction, flux, sizes, lattice, report. Killed, it resumes."""
    from ..recipes.analyse.analyse_run import analyse_run, summary

    with shown_progress(quiet) as progress:
        results = analyse_run(
            run,
            out,
            integrator=integrator,
            device=device,
            figures=figures,
            workers=workers,
            scheduler=scheduler,
            progress=progress,
        )
    say(quiet, summary(results, out))


@command(
    app,
    compiles=True,
    short_help="1-D files: invariant, spheres, S(q), lattice.",
    epilog="Example: electrosaxs curves a.dat b.dat --out curves",
)
def curves(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="I(q) files: columns q, I[, sigma], canSAS XML or NXcanSAS.")
    ],
    out: Out,
    q_unit: Annotated[str | None, typer.Option(help="1/nm or 1/A; absent: from the file.")] = None,
    contrast_per_A2: Annotated[
        float | None,
        typer.Option(help="Scattering contrast in 1/A^2, where I is absolute in 1/cm: gives the volume fraction."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """1-D files: invariant, sphere fit, structure factor and lattice, per file and as a table."""
    from ..recipes.curves.analyse_curves import analyse_curves, left_out, summary

    with shown_progress(quiet) as progress:
        table = analyse_curves(files, out, q_unit=q_unit, contrast_per_A2=contrast_per_A2, progress=progress)
    say(quiet, summary(table, out))
    for line in left_out(table) if quiet else ():
        typer.echo(line, err=True)
