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
from itertools import pairwise

import numpy as np

from ...inference.observations import Observations
from ...materials.choice import solvent_of
from ...nouns import Number
from ...nouns.contributions import GAP, STARTING_SOLUTION, TEMPERATURE, VOLTAGE
from ...nouns.voltage_pieces import whole_program

CHARGES = ("effective_charge", "charge_of_charged")
SQUARED = "mobility_squared_over_diffusivity"
CONCENTRATIONS = ("solubility", "wall_volume_fraction")
KEYS = {GAP: "gap", VOLTAGE: "voltage", TEMPERATURE: "temperature", STARTING_SOLUTION: "starting phi"}
STEP_K = 0.5
STEP = "voltage_steps"
"""The contribution of when the voltage changed, where only frames know it."""
UNIFORM = 12.0**-0.5
SHORT_STEP_S = 1.0


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
    return {STARTING_SOLUTION: 1.0} if whole_program(name) in CONCENTRATIONS else {}


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
        parts = {**relative, STEP: max(step_error(run) for run in runs)}
        for scale, power in {**moved, STEP: moved.get(VOLTAGE, 0.0)}.items():
            if power and parts.get(scale) and number.value is not None:
                number = number.with_contribution(scale, power * parts[scale] * number.value)
        absent = [KEYS[scale] for scale in moved if scale not in relative]
        if absent and number.value is not None:
            words = f"; not included: errors of {', '.join(absent)} (no sigma given)"
            number = replace(number, source=number.source + words)
        found[name] = number
    return found


def open_steps(run: Observations) -> list[tuple[float, float, float, float]]:
    """(from s, to s, V before, V after) of the changes between two neighbouring points of the program with constant voltage on
    either side: the frames say that it changed, and not when within. A step that is given is as short as it was."""
    time, volts = run.program.time_s, run.program.voltage_V
    last = len(time) - 1
    found = []
    for k, (before, after) in enumerate(pairwise(volts)):
        flat = (k == 0 or volts[k - 1] == before) and (k + 1 == last or volts[k + 2] == after)
        if before != after and flat:
            found.append((time[k], time[k + 1], before, after))
    return found


def step_error(run: Observations) -> float:
    """Relative error of the voltage's integral over the run, by steps that lie anywhere between two frames."""
    end = float(run.time.max())
    times = np.unique(np.clip([0.0, *run.program.time_s, end], 0.0, end))
    volts = np.abs(run.program.at(times))
    dose = float(np.trapezoid(volts, times))
    squares = [(UNIFORM * (after - before) * (to - start)) ** 2 for start, to, before, after in open_steps(run)]
    return float(np.sqrt(sum(squares))) / dose if dose > 0.0 else 0.0


def step_sentences(runs: Sequence[Observations]) -> tuple[str, ...]:
    """What it leaves open that only frames know when the voltage changed."""
    said = []
    for number, run in enumerate(runs, 1):
        where = f" of run {number}" if len(runs) > 1 else ""
        for start, to, before, after in open_steps(run):
            if to - start > SHORT_STEP_S:
                said.append(
                    f"The voltage{where} went from {before:g} to {after:g} V between {start:.0f} and {to:.0f} s, and is taken"
                    " to have changed evenly: only frames know it. All such steps leave"
                    f" {100.0 * step_error(run):.2g} % of the charge open; give [voltage] in run.toml with the times at"
                    " which it was switched."
                )
    return tuple(said)


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
