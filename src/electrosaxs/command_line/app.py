"""The command line: parse, call one recipe, exit code. 0 on success, 2 on bad input with one line on stderr.

Nothing heavy is imported here: `electrosaxs --help` answers within 0.3 s.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from typer.exceptions import TyperException

    from ..recipes.progress import Progress

app = typer.Typer(
    name="electrosaxs",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="From detector frames to volume fraction, flux, sizes and lattice of field-driven nanocrystal assembly.",
)

OBJECTS_BETWEEN_SEARCHES = 50_000
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if it does not exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no summary.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="Threads that decode, integrate and fit.")]


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


@app.command(short_help="Simulate a run, analyse it, report, compare.", epilog="Example: electrosaxs demo --out demo")
def demo(out: Out = Path("electrosaxs-demo"), workers: Workers = 2, quiet: Quiet = False) -> None:
    """Simulate a run, analyse it, write the report, compare with the truth."""
    from ..recipes.demo import demo as recipe

    with _progress(quiet) as progress:
        summary = recipe(out, workers=workers, progress=progress)
    _say(quiet, summary)


@app.command(
    short_help="The digital twin: a run folder with its truth.",
    epilog="Example: electrosaxs simulate examples/experiment.toml --out run",
)
def simulate(
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="What to simulate.")],
    out: Out,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """The digital twin: a run folder as the beamline would leave it, with the truth beside it; of a TOML with [film], the
    GISAXS frame of a film."""
    from ..recipes.film.simulate_film import simulated_film
    from ..recipes.simulate_run import simulate_run

    film = simulated_film(experiment, out)
    if film is not None:
        _say(quiet, f"wrote {film.image}; analyse it with: {film.command}")
        return
    with _progress(quiet) as progress:
        run = simulate_run(experiment, out, workers=workers, progress=progress)
    _say(quiet, f"wrote {run}; analyse it with: electrosaxs analyse {run} --out RESULTS")


@app.command(
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


@app.command(
    short_help="Frames to a results folder and report.",
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


@app.command(
    short_help="1-D files: invariant, spheres, S(q), lattice.",
    epilog="Example: electrosaxs curves a.dat b.dat --out curves",
)
def curves(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="I(q) files: columns q, I[, sigma], or NXcanSAS.")
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
    from ..recipes.curves.analyse_curves import analyse_curves, summary

    with _progress(quiet) as progress:
        table = analyse_curves(files, out, q_unit=q_unit, contrast_per_A2=contrast_per_A2, progress=progress)
    _say(quiet, summary(table, out))


@app.command(
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


@app.command(
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

    _say(quiet, summary(recipe(experiment, out), out))


@app.command(
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


@app.command(
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
    made = recipe(experiment, target, out, measure=measure, limits=limits, fit=parameters, calibration=calibration)
    _say(quiet, summary(made, out))


@app.command(
    short_help="What is in files and folders.",
    epilog="Example: electrosaxs inspect frames.nxs run.toml results",
)
def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of any kind, or results folders.")],
) -> None:
    """What files hold: who wrote them, stacks, columns with units and ranges, headers, numbers."""
    from ..recipes.inspect.inspect_files import inspect_files, paragraph

    for found in inspect_files(files):
        typer.echo(paragraph(found) + "\n")


def main() -> None:
    """Entry point: every mistake of the user is one line on stderr and exit code 2."""
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)  # importing makes objects by the hundred thousand and no garbage
    code = run()
    gc.freeze()  # no last search through all of them: half a second
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line on `arguments` (default: those of the process) and return the exit code."""
    from typer.exceptions import Abort, TyperException

    from ..errors import ElectrosaxsError

    try:
        code = app(args=arguments, prog_name="electrosaxs", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "electrosaxs"
        if context is not None and not (sys.argv[1:] if arguments is None else arguments):
            typer.echo(context.get_help())
            return 0
        return _refuse(f"{command}: {_misread(error)} (see {command} --help)")
    except (ElectrosaxsError, OSError) as error:
        if os.environ.get("ELECTROSAXS_TRACEBACK"):
            raise
        return _refuse(f"electrosaxs: {_system_said(error) if isinstance(error, OSError) else error}")
    except (KeyboardInterrupt, Abort):
        typer.echo("electrosaxs: interrupted; the same command goes on where it stopped", err=True)
        return 130


def _misread(error: TyperException) -> str:
    """What of the command line was not understood, and the value that was given."""
    from pydantic import ValidationError

    text, cause = error.format_message(), error.__cause__
    given = cause.errors() if isinstance(cause, ValidationError) else []
    return f"{text}, not {given[0]['input']!r}" if given else text


def _system_said(error: OSError) -> str:
    """What the operating system refused, and what to look at."""
    reason = (error.strerror or str(error)).lower()
    return (
        f"{error.filename or 'file'}: {reason}; check the path, the right to read and write there, and the free space"
    )


def _refuse(text: str) -> int:
    typer.echo(" ".join(text.split()), err=True)
    return 2


if __name__ == "__main__":
    main()
