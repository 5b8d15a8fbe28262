"""Commands of the transport model: predict, fit, plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .root import Figures, Out, Quiet, Scheduler, Workers, app, say, shown_progress


@command(
    app,
    compiles=True,
    short_help="What the model expects of an experiment, no frames.",
    epilog="Example: electrosaxs predict examples/experiment.toml --out prediction",
)
def predict(
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="What to predict.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the prediction.")] = Path("prediction"),
    figures: Figures = "all",
    quiet: Quiet = False,
) -> None:
    """What the model expects: maps on the scan's heights and times, and `profile` on the model's own fine grid."""
    from ..recipes.predict import predict as recipe
    from ..recipes.predict import summary

    with shown_progress(quiet) as progress:
        prediction = recipe(experiment, out, figures=figures, progress=progress)
    say(quiet, summary(prediction, out))


@command(
    app,
    compiles=True,
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
    figures: Figures = "all",
    workers: Workers = 2,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> None:
    """Charge, diffusion, solubility and attachment from measured maps; says which of them the data do not fix."""
    from ..recipes.fit.fit_cell import fit_cell, summary
    from .options import chosen_models, fixed_parameters

    with shown_progress(quiet) as progress:
        fitted = fit_cell(
            results, out, fixed=fixed_parameters(fix or []), also=free or (), figures=figures, workers=workers,
            scheduler=scheduler, progress=progress, **chosen_models(model or []),
        )  # fmt: skip
    say(quiet, summary(fitted, out))


@command(
    app,
    compiles=True,
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
    figures: Figures = "all",
    quiet: Quiet = False,
) -> None:
    """A voltage program within limits for a target (out of reach: the nearest and why), and what to measure next."""
    from ..recipes.plan.plan import plan as recipe
    from ..recipes.plan.plan import summary
    from .options import plan_limits

    limits = plan_limits(voltage_V=max_voltage, ramp_V_s=max_ramp, current_A=max_current)
    with shown_progress(quiet) as progress:
        made = recipe(
            experiment, target, out, measure=measure, limits=limits, fit=parameters, calibration=calibration,
            figures=figures, progress=progress,
        )  # fmt: skip
    say(quiet, summary(made, out))
