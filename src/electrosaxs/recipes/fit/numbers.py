"""The numbers of a fit: every parameter with sigma, unit and, in words, what was held and what cannot be fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...inference.fit import CellFit
from ...inference.identifiability import Knowledge
from ...inference.observations import Observations
from ...inference.parameters import PARAMETERS
from ...inference.profile import Profile
from ...inference.propagate import WallConcentration, motion
from ...inference.wording import interval, reported, source
from ...materials import solvent_of
from ...nouns import Number, RunResults
from ...physics.colloid import REFERENCE_DIAMETER_NM, diffusivity_sigma, solvated_shell_nm
from ...physics.electrostatics import charges_held
from ...units import quantity

DOUBTFUL, WRONG = 3.0, 10.0
"""Sigmas (rms) by which the best model misses the maps from which on its numbers are doubted, and no longer those of a model
that describes the cell (chosen)."""
SURE = 3.0
"""Sigmas by which a diffusion must be another one before it is said."""
CLOCK = "field_on_time"
ALWAYS = ("effective_charge", "charge_exponent", "diffusivity_scale", "solubility", "attachment_time")


def fit_numbers(
    fit: CellFit, known: Knowledge, profiles: Mapping[str, Profile], walls: Sequence[WallConcentration]
) -> dict[str, Number]:
    """Parameters of the model first, then what follows from them."""
    numbers: dict[str, Number] = {}
    for name in dict.fromkeys((*ALWAYS, *reported(fit))):
        numbers[name] = _parameter(fit, known, dict(profiles), name)
    moving = motion(fit)
    model = f"fit of '{fit.problem.model.name}'"
    numbers["electrophoretic_mobility"] = Number(
        *moving.mobility, "m^2/(V*s)", f"{model}: drift speed over the nominal field V/L, mean over the particle volume"
    )
    numbers["diffusivity"] = Number(*moving.diffusivity, "m^2/s", f"{model}: of the mean size")
    numbers["mobility_squared_over_diffusivity"] = Number(
        *moving.squared_mobility_over_diffusivity, "m^2/(V^2*s)", f"{model}: v^2/D over the squared nominal field"
    )
    for number, wall in enumerate(walls, start=1):
        name = "wall_volume_fraction" if len(walls) == 1 else f"wall_volume_fraction[{number}]"
        numbers[name] = Number(
            float(wall.value[-1]),
            float(wall.sigma[-1]),
            "one",
            f"{model}: solution at z = 0, {wall.time[-1]:.0f} s after field-on",
        )
    reduced = fit.chi_squared / fit.degrees_of_freedom
    numbers["reduced_chi_squared"] = Number(
        reduced, (2.0 / fit.degrees_of_freedom) ** 0.5, "one",
        f"chi-squared {fit.chi_squared:.6g} over {fit.degrees_of_freedom} degrees of freedom",
    )  # fmt: skip
    return {name: _with_quality(number, fit.widening) for name, number in numbers.items()}


def with_clocks(numbers: Mapping[str, Number], measured: Sequence[RunResults]) -> dict[str, Number]:
    """`numbers`, all doubted where the layer of a run began at another time than the field is said to have: the model begins
    with the field."""
    doubts = [run.numbers[CLOCK].quality for run in measured if CLOCK in run.numbers]
    doubt = next((said for said in doubts if said != "good"), None)
    return {
        name: replace(number, quality=doubt)
        if doubt and number.value is not None and number.quality == "good"
        else number
        for name, number in numbers.items()
    }


def with_known_particles(numbers: Mapping[str, Number], run: Observations) -> dict[str, Number]:
    """`numbers`, the charge doubted where no particle of such a solution holds it, or where it diffuses as in another solvent:
    the one rests on the voltage, the other on viscosity and solvated shell."""
    solution, temperature, core = (
        run.solution,
        run.cell.temperature_K,
        run.start_diameter.value or REFERENCE_DIAMETER_NM,
    )
    charge, scale = numbers["effective_charge"], numbers["diffusivity_scale"]
    found = dict(numbers)
    if scale.value is not None and scale.sigma is not None:
        known = np.hypot(scale.sigma / scale.value, diffusivity_sigma(core, solution))
        if abs(np.log(scale.value)) > SURE * known:
            why = (
                f"doubtful: particles diffuse {scale.value:.3g} times as fast as they should in {solution.solvent} at"
                f" {temperature:g} K: solvent, temperature or solvated shell are others"
            )
            found |= {name: replace(numbers[name], quality=why) for name in ("effective_charge", "diffusivity_scale")}
    wet = core + 2.0 * solvated_shell_nm(solution)
    least, most = charges_held(wet, solvent_of(solution).permittivity, quantity(temperature, "K"))
    if charge.value is not None and not least <= abs(charge.value) <= most:
        why = f"doubtful: a particle holds {least:g} to {most:.2g} elementary charges: the voltage is in other units"
        found["effective_charge"] = replace(charge, quality=why)
    return found


def _with_quality(number: Number, misses: float) -> Number:
    """`number`, doubted where the model misses the maps by more than a few of their sigmas (rms)."""
    if number.value is None or misses < DOUBTFUL:
        return number
    how = "not trustworthy" if misses > WRONG else "doubtful"
    return replace(number, quality=f"{how}: the model misses the maps by {misses:.3g} of their sigmas")


def _parameter(fit: CellFit, known: Knowledge, profiles: dict[str, Profile], name: str) -> Number:
    units = {item.label: item.parameter.unit for item in fit.problem.layout.free}
    unit = units[name] if name in units else PARAMETERS[name].unit
    growth = fit.problem.model.growth
    if name not in fit.labels and name not in fit.problem.model.parameters:
        why = "no crystals" if growth == "none" else "the wall pinned at the solubility"
        return Number.absent(unit, f"the model that fits best has {why}: these data do not ask for this parameter")
    told = source(fit, known, name, profiles)
    if name in fit.labels and fit.unseen[fit.problem.layout.index(name)]:
        return Number.absent(unit, "this run shows nothing of it: no crystals grow in the fitted model")
    if name not in fit.labels:
        return Number(fit.values()[name], None, unit, told)
    shape = profiles.get(name)
    if fit.at_limit[fit.problem.layout.index(name)]:
        limit = "" if shape is None else f"; 68 % {interval(shape)}"
        return Number(fit.value(name), None, unit, told + limit)
    return Number(fit.value(name), fit.sigma(name), unit, told)
