"""What the cell was said to be - gap, voltage, temperature, phi0 - as contributions to the numbers of a fit.

Maps over time and height give the drift speed v = z e V / (3 pi eta d_h L) and the diffusivity D = s k T / (3 pi eta d_h); what
is said of the cell turns these into charge and scale. So for maps that stay as they are

    z ~ L eta(T) / V,    s ~ eta(T) / T,    v / E ~ L / V

and the solubility goes with phi0, against which all phi is measured. Distance, photon energy, beam width and the height of the
anode are contributions of the maps, which the fit takes as numbers of its own (`inference.residuals`): they are in its sigmas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...inference.observations import Observations
from ...materials.choice import solvent_of
from ...nouns import Number
from ...nouns.contributions import GAP, STARTING_SOLUTION, TEMPERATURE, VOLTAGE

CHARGES = ("effective_charge", "charge_of_charged")
SQUARED = "mobility_squared_over_diffusivity"
CONCENTRATIONS = ("solubility", "wall_volume_fraction")
KEYS = {GAP: "gap", VOLTAGE: "voltage", TEMPERATURE: "temperature", STARTING_SOLUTION: "starting phi"}
STEP_K = 0.5


def powers(name: str, run: Observations) -> dict[str, float]:
    """d ln(number) / d ln(scale) of a number of the fit, for maps that stay as they are."""
    if name in CHARGES:
        return {GAP: 1.0, VOLTAGE: -1.0, TEMPERATURE: _viscosity_power(run)}
    if name == "diffusivity_scale":
        return {TEMPERATURE: _viscosity_power(run) - 1.0}
    if name == "electrophoretic_mobility":
        return {GAP: 1.0, VOLTAGE: -1.0}
    if name == SQUARED:
        return {GAP: 2.0, VOLTAGE: -2.0}
    return {STARTING_SOLUTION: 1.0} if name.split("[")[0] in CONCENTRATIONS else {}


def with_scale_errors(numbers: Mapping[str, Number], runs: Sequence[Observations]) -> dict[str, Number]:
    """The numbers of a fit with the contributions of the cell, and what has no sigma in words.

    Of several runs in one cell the least well known counts: an error of the gap is the same for all of them.
    """
    relative = {
        name: max(known) for name in KEYS if (known := [s for run in runs if (s := _relative(run, name)) is not None])
    }
    found = {}
    for name, number in numbers.items():
        moved = powers(name, runs[0])
        for scale, power in moved.items():
            if scale in relative and number.value is not None:
                number = number.with_contribution(scale, power * relative[scale] * number.value)
        absent = [KEYS[scale] for scale in moved if scale not in relative]
        if absent and number.value is not None:
            words = f"; not included: errors of {', '.join(absent)} (no sigma given)"
            number = replace(number, source=number.source + words)
        found[name] = number
    return found


def _relative(run: Observations, scale: str) -> float | None:
    """Relative sigma of a scale of one run, None where none is given."""
    cell, start = run.cell, run.solution
    value, sigma = {
        GAP: (cell.gap_mm, cell.gap_mm_sigma),
        VOLTAGE: (float(np.max(np.abs(run.program.voltage_V))), cell.voltage_V_sigma),
        TEMPERATURE: (cell.temperature_K, cell.temperature_K_sigma),
        STARTING_SOLUTION: (start.volume_fraction, start.volume_fraction_sigma),
    }[scale]
    return None if sigma is None or not value else sigma / value


def _viscosity_power(run: Observations) -> float:
    """d ln eta / d ln T of the solvent; 0 where it is known at one temperature only."""
    solvent, temperature = solvent_of(run.solution), run.cell.temperature_K
    below, above = (solvent.viscosity_at(temperature + step, name=run.solution.solvent) for step in (-STEP_K, STEP_K))
    return float(temperature * np.log(above / below) / (2.0 * STEP_K))
