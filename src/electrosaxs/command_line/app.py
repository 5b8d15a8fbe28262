"""The command line: parse, call one recipe, exit code. 0 on success, 2 on bad input with one line on stderr.

Nothing heavy is imported here: `electrosaxs --help` answers within 0.3 s.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import __version__
from .commands import Log, Verbose, command

if TYPE_CHECKING:
    from ..recipes.progress import Progress

app = typer.Typer(
    name="electrosaxs",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="From detector frames to volume fraction, flux, sizes and lattice of field-driven nanocrystal assembly.",
)

OBJECTS_BETWEEN_SEARCHES = 50_000
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if it does not exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no summary.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="Threads that decode, integrate and fit.")]


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"electrosaxs {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and exit.")
    ] = False,
    verbose: Verbose = False,
    log: Log = None,
) -> None:
    """From detector frames to volume fraction, flux, sizes and lattice of field-driven nanocrystal assembly."""
    from .logs import start_log

    start_log(verbose, log)


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress | None]:
    """A progress bar on stderr, or None where the user asked for silence."""
    if quiet:
        yield None
        return
    from ..recipes.progress import Progress

    with Progress() as progress:
        yield progress


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        typer.echo(text)


@command(app, short_help="Simulate a run, analyse it, report, compare.", epilog="Example: electrosaxs demo --out demo")
def demo(out: Out = Path("electrosaxs-demo"), workers: Workers = 2, quiet: Quiet = False) -> None:
    """Simulate a run, analyse it, write the report, compare with the truth."""
    from ..recipes.demo import demo as recipe

    with _progress(quiet) as progress:
        summary = recipe(out, workers=workers, progress=progress)
    _say(quiet, summary)


@command(
    app,
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
    from ..recipes.film.simulate_film import simulated_film
    from ..recipes.islands.simulate_micrographs import simulated_micrographs
    from ..recipes.simulate_run import simulate_run

    film = simulated_film(experiment, out)
    if film is not None:
        _say(quiet, f"wrote {film.image}; analyse it with: {film.command}")
        return
    with _progress(quiet) as progress:
        images = simulated_micrographs(experiment, out, progress=progress)
        if images is not None:
            _say(
                quiet,
                f"wrote {len(images)} image(s); count with: electrosaxs islands {images[0].parent}/field*.* --out RESULTS",
            )
            return
        run = simulate_run(experiment, out, workers=workers, progress=progress)
    _say(quiet, f"wrote {run}; analyse it with: electrosaxs analyse {run} --out RESULTS")


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
    _say(quiet, summary(calibration, output))


@command(
    app,
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
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Frames to a results folder: volume fraction, flux, sizes, lattice, report. Killed, it resumes."""
    from ..recipes.analyse.analyse_run import analyse_run, summary

    with _progress(quiet) as progress:
        results = analyse_run(run, out, integrator=integrator, workers=workers, progress=progress)
    _say(quiet, summary(results, out))


@command(
    app,
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

    with _progress(quiet) as progress:
        table = analyse_curves(files, out, q_unit=q_unit, contrast_per_A2=contrast_per_A2, progress=progress)
    _say(quiet, summary(table, out))
    for line in left_out(table) if quiet else ():
        typer.echo(line, err=True)


@command(
    app,
    short_help="GISAXS of a dried film: lattice, orientation, constants.",
    epilog="Example: electrosaxs gisaxs film/film.edf --geometry film/geometry.poni --incident-angle-deg 0.31 --energy-kev 10 "
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
    quiet: Quiet = False,
) -> None:
    """GISAXS of a dried film: spots, lattice and plane on the substrate, lattice constants with their sigma."""
    from ..recipes.film.gisaxs import analyse_film, summary
    from ..recipes.film.inputs import FilmOptions

    options = FilmOptions(
        tuple(incident_angle_deg), energy_kev, incident_angle_sigma_deg, hold_incident_angle, critical_angle_deg,
        sample_rotation_deg, core or "Ag", ligand, core is not None, mask,
    )  # fmt: skip
    _say(quiet, summary(analyse_film(images, out, geometry=geometry, options=options), out))


@command(
    app,
    short_help="What the model expects of an experiment, no frames.",
    epilog="Example: electrosaxs predict examples/experiment.toml --out prediction",
)
def predict(
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="What to predict.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the prediction.")] = Path("prediction"),
    quiet: Quiet = False,
) -> None:
    """What the model expects: maps on the scan's heights and times, and `profile` on the model's own fine grid."""
    from ..recipes.predict import predict as recipe
    from ..recipes.predict import summary

    with _progress(quiet) as progress:
        prediction = recipe(experiment, out, progress=progress)
    _say(quiet, summary(prediction, out))


@command(
    app,
    short_help="Transport model against one or several results folders.",
    epilog="Example: electrosaxs fit results/ --out fit",
)
def fit(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Results folders of `analyse`.")],
    out: Out,
    fix: Annotated[
        list[str] | None, typer.Option("--fix", metavar="NAME=VALUE", help="Hold a parameter; may be repeated.")
    ] = None,
    free: Annotated[
        list[str] | None,
        typer.Option(
            "--free", metavar="NAME", help="Also fit this parameter, e.g. immobile_fraction; may be repeated."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Compare only this charge (fast-exchange, permanent, ...), growth (none, pinned, attachment) or field "
            "model (nominal, conduction, ...); may be repeated.",
        ),
    ] = None,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Charge, diffusion, solubility and attachment from measured maps; says which of them the data do not fix."""
    from ..recipes.fit.fit_cell import fit_cell, summary
    from .options import chosen_models, fixed_parameters

    with _progress(quiet) as progress:
        fitted = fit_cell(
            results, out, fixed=fixed_parameters(fix or []), also=free or (), workers=workers, progress=progress,
            **chosen_models(model or []),
        )  # fmt: skip
    _say(quiet, summary(fitted, out))


@command(
    app,
    short_help="Voltage program for a target; frames that fix a parameter.",
    epilog="Example: electrosaxs plan examples/experiment.toml --target slice-flux=3e-10 --out plan",
)
def plan(
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="Cell, solution, transport and scan.")],
    target: Annotated[
        str | None,
        typer.Option(
            help="slice-flux=M/S, supply-flux=M/S, onset-time=S, enrichment=RATIO or nucleation-density=PER_MM2."
        ),
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(
            metavar="PARAMETER",
            help="Also choose the heights and times that fix this parameter best; without --target the voltage too.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the plan.")] = Path("plan"),
    parameters: Annotated[
        Path | None, typer.Option("--fit", help="Results of `fit`, whose parameters and sigmas are used.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Table of nucleation density against flux, for that target.")
    ] = None,
    max_voltage: Annotated[float | None, typer.Option("--max-voltage", help="Largest voltage, V.")] = None,
    max_ramp: Annotated[float | None, typer.Option("--max-ramp", help="Fastest change, V/s.")] = None,
    max_current: Annotated[float | None, typer.Option("--max-current", help="Largest current, A.")] = None,
    quiet: Quiet = False,
) -> None:
    """A voltage program within limits for a target (out of reach: the nearest and why), and what to measure next."""
    from ..recipes.plan.plan import plan as recipe
    from ..recipes.plan.plan import summary
    from .options import plan_limits

    limits = plan_limits(voltage_V=max_voltage, ramp_V_s=max_ramp, current_A=max_current)
    with _progress(quiet) as progress:
        made = recipe(
            experiment, target, out, measure=measure, limits=limits, fit=parameters, calibration=calibration,
            progress=progress,
        )  # fmt: skip
    _say(quiet, summary(made, out))


@command(
    app,
    short_help="Measure a run: source meter, scans, run folder.",
    epilog="Example: electrosaxs acquire examples/plan_run.toml --out run",
)
def acquire(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="What to measure, and within which limits.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the run; new or empty.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Connect, check, say what would happen; switch nothing on.")
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option("--operator-token-file", help="Its token lets requests pause, resume and abort the run."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure a run on the simulated beamline (or the plan's) with the output off at its end, whatever happens."""
    from ..recipes.experiment.acquire import acquire as recipe

    raise typer.Exit(recipe(plan, out, dry_run=dry_run, token_file=token_file, say=lambda text: _say(quiet, text)))


@command(
    app,
    short_help="Micrographs: islands counted and measured, density.",
    epilog="Example: electrosaxs islands sem/*.tif --um-per-pixel 0.2 --out islands",
)
def islands(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Fields of one sample: TIFF, PNG or JPEG.")],
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
    quiet: Quiet = False,
) -> None:
    """Islands of micrographs, merged ones told apart: density with its sigma, sizes, thickness, distances, overlays."""
    from ..recipes.islands.count_islands import count_islands, summary

    with _progress(quiet) as progress:
        sample = count_islands(
            images, out, um_per_pixel=um_per_pixel, crop=crop, truth=truth or (),
            lattice_constant_nm=lattice_constant_nm, progress=progress,
        )  # fmt: skip
    _say(quiet, summary(sample, out))


@command(
    app,
    short_help="What is in files and folders.",
    epilog="Example: electrosaxs inspect frames.nxs run.toml results",
)
def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of any kind, or results folders.")],
    draft: Annotated[
        Path | None, typer.Option("--draft", metavar="RUN.toml", help="Write the draft for frames there.")
    ] = None,
) -> None:
    """What files hold: who wrote them, stacks, columns with units and ranges, headers, numbers; of frames also a draft of
    run.toml with what the files do not say behind #."""
    from ..recipes.inspect.inspect_files import drafted, inspect_files, paragraph

    seen = []
    for found in inspect_files(files):
        seen.append(found)
        typer.echo(paragraph(found) + "\n")
    if said := drafted(seen, draft):
        typer.echo(said)


@command(
    app,
    short_help="What a run or an experiment would give; what is missing.",
    epilog="Example: electrosaxs check run.toml",
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="run.toml or experiment.toml.")],
) -> None:
    """Read all but the pixels: what `analyse` or `simulate` would do, what is not given, and what is missing."""
    from ..recipes.check import check as recipe
    from ..recipes.check import text

    typer.echo(text(recipe(file)))


@command(
    app,
    short_help="The example files, and sample data to try every command on.",
    epilog="Example: electrosaxs examples --data --out try",
)
def examples(
    out: Annotated[Path, typer.Option("--out", help="Where the folder `examples` is put.")] = Path("."),
    data: Annotated[
        bool, typer.Option("--data", help="Also small sample data: image, curves, runs, results. Half a minute.")
    ] = False,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """All example files of the documentation, into DIR/examples; with --data every command of the pages runs in DIR."""
    from ..recipes.examples import summary, write_examples

    with _progress(quiet) as progress:
        written = write_examples(out, data=data, workers=workers, progress=progress)
    _say(quiet, summary(written, out))


@app.command(
    short_help="Built-in cores, ligands and solvents.",
    epilog="Example: electrosaxs materials octane",
)
def materials(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only those with this in name or formula; or core, ligand, solvent."),
    ] = None,
) -> None:
    """Built-in cores, ligands and solvents, every value with unit and source."""
    from ..recipes.list_materials import list_materials

    typer.echo(list_materials(name))


def main() -> None:
    """Entry point: every mistake of the user is one line on stderr and exit code 2."""
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)  # importing makes objects by the hundred thousand and no garbage
    code = run()
    gc.freeze()  # no last search through all of them: half a second
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line on `arguments` (default: those of the process) and return the exit code."""
    from .endings import exit_code
    from .logs import logging_of_a_command

    with logging_of_a_command():
        return exit_code(app, arguments)


if __name__ == "__main__":
    main()
