"""What the layer at the anode says of voltage, solvent and temperature that the run was told.

v0 and D0 of the layer (analysis.kinetics.layer) come from heights, times and phi alone. So the charge that v0 asks for at the
voltage, z = v0 / D0 kT / (e V / L), and the viscosity that D0 asks for, kT / (3 pi D0 d_h), are measured: a charge that no such
particle holds is a voltage in other units, a viscosity that the solvent does not have is another solvent, temperature or shell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipp as sc

from ...analysis.kinetics.layer import Layer
from ...errors import ElectrosaxsError
from ...materials import solvent_of
from ...nouns import Run
from ...nouns.voltage_pieces import Piece
from ...physics.colloid import diffusivity, diffusivity_sigma, solvated_shell_nm
from ...physics.electrostatics import charges_held, thermal_voltage
from ...units import in_unit, quantity
from .quality import Doubt

OF_THE_VOLTAGE = {"slice_flux", "slice_flux_mean", "supply_flux"}
"""Numbers that are said to be of a voltage."""
SURE = 3.0
MOST_MISFIT = 2.0
"""Of the layer (chosen), from which on it is another one than that of a constant field and one kind of charge."""
UNITS = {1e3: "kV", 1e-3: "mV", 1e6: "MV", 1e-6: "uV"}


@dataclass(frozen=True)
class Motion:
    """What of the run's voltage and what of its solvent cannot be, in words; "" where nothing is said."""

    voltage: str = ""
    solvent: str = ""

    @property
    def doubts(self) -> list[Doubt]:
        return [Doubt(frozenset(OF_THE_VOLTAGE), self.voltage)] if self.voltage else []

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(f"motion: {words}" for words in (self.voltage, self.solvent) if words)


def motion_of(layer: Layer | None, run: Run, mean_nm: float, program: tuple[Piece, ...]) -> Motion:
    """mean_nm: core diameter of the starting solution. Nothing is said where no layer is told, or it is another one."""
    if layer is None or layer.misfit > MOST_MISFIT:
        return Motion()
    speed, diffusion = np.exp(layer.parameters[:2])
    voltage = program[0].voltage if len(program) == 1 and program[0].held else 0.0
    return Motion(_voltage(speed / diffusion, run, mean_nm, voltage), _solvent(layer, run, mean_nm))


def _voltage(speed_over_diffusion: float, run: Run, mean_nm: float, voltage: float) -> str:
    """speed_over_diffusion (1/m)."""
    if not voltage:
        return ""
    temperature = quantity(run.cell.temperature_K, "K")
    thermal = in_unit(thermal_voltage(temperature), "V")
    charge = speed_over_diffusion * 1e-3 * run.cell.gap_mm * thermal / voltage
    if charge < 0.0:
        return (
            f"particles gather at z = 0 at {voltage:g} V, and a positive voltage is what makes that electrode the anode: the"
            " voltage has the other sign, or the particles have the other charge"
        )
    wet = mean_nm + 2.0 * solvated_shell_nm(run.solution)
    least, most = charges_held(wet, solvent_of(run.solution).permittivity, temperature)
    if least <= charge <= most:
        return ""
    fits = [unit for factor, unit in UNITS.items() if least <= charge / factor <= most]
    unit = f" (it may be in {' or '.join(fits)})" if fits else ""
    return (
        f"at {voltage:g} V the layer at the anode asks for {charge:.2g} elementary charges a particle, which holds"
        f" {least:g} to {most:.2g}: the voltage is in other units{unit}, or not what the cell had"
    )


def _solvent(layer: Layer, run: Run, mean_nm: float) -> str:
    temperature, shell = run.cell.temperature_K, solvated_shell_nm(run.solution)
    try:
        viscosity = solvent_of(run.solution).viscosity_at(temperature, name=run.solution.solvent)
    except ElectrosaxsError:
        return ""
    wet = mean_nm + 2.0 * shell
    expected = diffusivity(
        sc.scalar(wet, unit="nm"), viscosity=quantity(viscosity, "Pa*s"), temperature=quantity(temperature, "K")
    )
    ratio = float(np.exp(layer.parameters[1])) / in_unit(expected, "m^2/s")
    sigma = float(np.hypot(layer.sigma[1], diffusivity_sigma(mean_nm, run.solution)))
    if abs(np.log(ratio)) <= SURE * sigma:
        return ""
    return (
        f"the layer at the anode spreads {ratio:.3g} times as fast as particles of {wet:.3g} nm in {run.solution.solvent} at"
        f" {temperature:g} K, as if its viscosity were {1e6 * viscosity / ratio:.3g} uPa s: solvent, temperature or solvated"
        " shell are others; the charge of a fit of the transport model rests on them"
    )
