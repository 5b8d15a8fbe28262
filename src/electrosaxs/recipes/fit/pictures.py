"""The figures of a fit with their captions."""

from __future__ import annotations

from collections.abc import Sequence

from ...figures.fit_maps import fit_growth, fit_profiles, residual_maps
from ...figures.fit_parameters import LikelihoodCurve, correlation_matrix, likelihood_profiles
from ...figures.fit_wall import wall_concentration
from ...figures.gallery import Drawn
from ...figures.gallery import drawn as as_drawn
from ...figures.maps import fitted_volume_fraction_map
from ...inference.profile import Profile
from ...nouns import RunResults
from .fitted import FittedCell
from .maps import model_lines, residuals_of


def pictures(fitted: FittedCell, maps: Sequence[RunResults]) -> list[Drawn]:
    """All figures of a fit: those of each run, then those of the parameters."""
    drawn = [picture for number in range(len(maps)) for picture in _of_run(fitted, maps[number], number)]
    fit = fitted.fit
    drawn.append(
        as_drawn(
            "correlation_matrix",
            "Correlations of the fitted parameters.",
            correlation_matrix(fit.labels, fit.correlation),
        )
    )
    curves = [_curve(shape) for shape in fitted.profiles.values()]
    drawn.append(
        as_drawn(
            "likelihood_profiles",
            "Rise of χ² along each parameter with all others at their best (points), and the parabola of its σ (dashed). "
            "Orange: not a parabola; vertical lines: 68 % interval.",
            likelihood_profiles(curves),
        )
    )
    return drawn


def _curve(shape: Profile) -> LikelihoodCurve:
    return LikelihoodCurve(
        name=shape.label, unit=shape.unit, best=shape.best, sigma=shape.sigma, values=shape.values, rise=shape.rise,
        line=shape.curve(), low=shape.low, high=shape.high, parabolic=shape.parabolic,
    )  # fmt: skip


def _of_run(fitted: FittedCell, model: RunResults, number: int) -> list[Drawn]:
    measured, wall = fitted.measured[number], fitted.walls[number]
    many = len(fitted.measured) > 1
    end, title = (f"_{number + 1}", f" {measured.title}.") if many else ("", "")
    residuals = {name: noun.values for name, noun in residuals_of(fitted, number).items()}
    return [
        as_drawn(
            f"volume_fraction_map{end}",
            "Measured volume fraction φ over the distance to the anode and the time that the field has been on; white lines: "
            f"round values of φ in %, dashed: those of the fitted model. Dots: frames.{title}",
            fitted_volume_fraction_map(measured, model),
        ),
        as_drawn(
            f"fit_growth{end}", f"φ against time next to the anode: measured (points, total σ) and fitted (lines).{title}",
            fit_growth(measured, model),
        ),
        as_drawn(
            f"fit_profiles{end}",
            "Measured profiles (points, total σ) and the fitted model as the beam sees it at each frame's own time (lines): "
            f"φ near the anode (a) and over the cell (b), mean core diameter (c) and its deviation (d).{title}",
            fit_profiles(measured, model_lines(fitted, number)),
        ),
        as_drawn(
            f"residual_maps{end}",
            f"Data less model in units of σ, shared shifts taken off. A good fit has r.m.s. 1 and no pattern.{title}",
            residual_maps(measured.volume_fraction, residuals),
        ),
        as_drawn(
            f"wall_concentration{end}",
            "φ of the solution at the anode's surface, below the size of the beam: fitted model with the bands that the "
            f"parameters leave, what a beam centred on the surface sees of it, and what was measured.{title}",
            wall_concentration(
                wall.time, wall.value, wall.sigma, wall.seen, measured.volume_fraction, model.volume_fraction
            ),
        ),
    ]  # fmt: skip
