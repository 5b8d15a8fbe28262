"""Numbers of one particle and of the cell, from the experiment files alone: no time runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipp as sc

from ..materials import solvent_of
from ..nouns import Experiment, FloatArray
from ..nouns.claims import Claim, follows_if
from ..physics import colloid
from ..physics.colloid import dry_shell_nm, solvated_shell_nm
from ..physics.concentration import particle_density_g_cm3
from ..physics.electrostatics import bjerrum_length, nominal_field, thermal_voltage
from ..units import in_unit, quantity
from .cells import Campaign, sizes_of
from .paper import CONCENTRATION_MG_ML, EX_SITU_FIELDS, IN_SITU_FIELDS, PHI_PERCENT

LAST_DIGIT = 1.0
"""How far the paper's fields, whole V/cm, may be from U / L: one of their last digit, because some are cut."""
NEAR_EXPONENT = 0.5
"""How far an exponent may be from the paper's and still be called it (chosen: half of one power)."""


@dataclass(frozen=True)
class Particle:
    """The mean particle of an experiment in its solvent."""

    core: sc.Variable
    hydrodynamic: sc.Variable
    diffusion: sc.Variable
    mobility: sc.Variable
    charge: float
    temperature: sc.Variable


def particle(experiment: Experiment) -> Particle:
    """Size, diffusivity, mobility per elementary charge and effective charge of the mean particle."""
    solution, temperature = experiment.solution, quantity(experiment.cell.temperature_K, "K")
    d = quantity(solution.core_diameter_nm, "nm")
    wet = colloid.hydrodynamic_diameter(d, solvated_shell=quantity(solvated_shell_nm(solution), "nm"))
    viscosity = quantity(solvent_of(solution).viscosity_at(experiment.cell.temperature_K), "Pa*s")
    settings = experiment.transport
    charge = colloid.effective_charge(d, reference_charge=settings.effective_charge, exponent=settings.charge_exponent)
    return Particle(
        d,
        wet,
        colloid.diffusivity(wet, viscosity=viscosity, temperature=temperature),
        colloid.mobility_per_charge(wet, viscosity=viscosity),
        float(charge.value),
        temperature,
    )


def field(experiment: Experiment) -> sc.Variable:
    """Nominal E of the last voltage of the program."""
    return nominal_field(quantity(experiment.voltage.voltage_V[-1], "V"), quantity(experiment.cell.gap_mm, "mm"))


def decay_um(experiment: Experiment) -> float:
    """D / v of the mean particle (um)."""
    one = particle(experiment)
    speed = colloid.drift_speed(one.mobility, one.charge, field(experiment))
    return float(in_unit(colloid.decay_length(one.diffusion, speed), "um"))


def fields(campaign: Campaign) -> FloatArray:
    """Nominal fields in situ (V/cm)."""
    return np.array([in_unit(field(e), "V/cm") for e in campaign.in_situ.values()])


def motion_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """Fields, drift, diffusion and what follows from them, at 14, 28, 57 and 86 V/cm."""
    one, cells = particle(campaign.main), tuple(campaign.in_situ.values())
    drift = [colloid.drift_speed(one.mobility, one.charge, field(e)) for e in cells]
    gap = quantity(campaign.main.cell.gap_mm, "mm")
    peclet = [
        colloid.peclet_number(one.charge, voltage=quantity(v, "V"), temperature=one.temperature)
        for v in campaign.in_situ
    ]
    decay = [decay_um(e) for e in cells]
    slowest = [in_unit(colloid.slowest_relaxation(one.diffusion, v, gap), "s") for v in drift]
    return (
        _fields_claim("fields", campaign.in_situ, IN_SITU_FIELDS, ".1f"),
        _fields_claim("fields_ex_situ", campaign.ex_situ, EX_SITU_FIELDS, ".0f"),
        Claim("hydrodynamic", "hydrodynamic diameter", "", (in_unit(one.hydrodynamic, "nm"),), "nm", form=".2f"),
        Claim("diffusivity", "diffusivity D", "", (in_unit(one.diffusion, "m^2/s"),), "m²/s", form=".2e"),
        Claim("mobility", "mobility per elementary charge", "", (in_unit(one.mobility, "m^2/(V*s)"),), "m²/(V s)",
              form=".3e"),
        Claim("drift", "drift speed v", "", tuple(in_unit(v, "um/s") for v in drift), "µm/s"),
        Claim("peclet", "Péclet number v L / D", "", tuple(peclet), form=".1f"),
        Claim("decay", "decay length D / v", "", tuple(decay), "µm", form=".0f"),
        Claim("relaxation", "slowest relaxation", "", tuple(slowest), "s", form=".0f"),
    )  # fmt: skip


def _fields_claim(key: str, cells: Mapping[float, Experiment], stated: tuple[int, ...], form: str) -> Claim:
    """U / L against the whole numbers that the paper writes."""
    nominal = np.array([in_unit(field(e), "V/cm") for e in cells.values()])
    near = bool(np.all(np.abs(nominal - stated) < LAST_DIGIT))
    cut = [
        f"{value:.1f}"
        for value, paper in zip(nominal, stated, strict=True)
        if paper == np.floor(value) != np.rint(value)
    ]
    gap = next(iter(cells.values())).cell.gap_mm
    return Claim(
        key, f"fields of {', '.join(f'{v:g}' for v in cells)} V over {gap:g} mm",
        f"{', '.join(map(str, stated))} V/cm", tuple(nominal), "V/cm", follows_if(near),
        f"{', '.join(cut)} is cut, not rounded" if cut else "", form,
    )  # fmt: skip


def solution_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """What 4 mg/mL of coated silver is, and the constants of the solvent."""
    experiment, one = campaign.main, particle(campaign.main)
    solution, medium = experiment.solution, solvent_of(experiment.solution)
    dry, wet = quantity(dry_shell_nm(solution), "nm"), quantity(solvated_shell_nm(solution), "nm")
    shares = (
        core_share_of(experiment),
        in_unit(colloid.hydrodynamic_share(one.core, dry_shell=dry, solvated_shell=wet), "one"),
    )
    density = particle_density_g_cm3(solution, shares[0])
    fraction = 100.0 * CONCENTRATION_MG_ML * 1e-3 / density
    speed, spread = size_exponents(experiment)
    return (
        Claim("thermal_voltage", "kT / e", "", (in_unit(thermal_voltage(one.temperature), "mV"),), "mV", form=".2f"),
        Claim("bjerrum", "Bjerrum length", "",
              (in_unit(bjerrum_length(medium.permittivity, one.temperature), "nm"),), "nm", form=".1f"),
        Claim("volume_fraction", f"φ of {CONCENTRATION_MG_ML:g} mg/mL", f"{PHI_PERCENT:g} %", (fraction,), "%",
              follows_if(round(fraction, 2) == PHI_PERCENT), "as core + dry shell", ".3f"),
        Claim("shares", "core and hydrodynamic volume over core + dry shell", "", shares, form=".2f"),
        Claim("inventory", "particle volume per area, φ₀ L", "",
              (1e3 * solution.volume_fraction * experiment.cell.gap_mm,), "µm", form=".1f"),
        Claim("excess_density", "1 % solution over the solvent", "", (10.0 * (density - medium.density_g_cm3),), "kg/m³",
              form=".0f"),
        Claim("size_of_drift", "v ∝ d", "exponent 1", (speed,), "", follows_if(abs(speed - 1.0) < NEAR_EXPONENT),
              "steeper: the shell weighs less on large particles" if speed > 1.0 else "", ".2f"),
        Claim("size_of_diffusion", "D ∝ 1 / d", "exponent −1", (spread,), "", follows_if(abs(spread + 1.0) < NEAR_EXPONENT),
              "weaker: the shell adds to the drag" if spread > -1.0 else "", ".2f"),
    )  # fmt: skip


def core_share_of(experiment: Experiment) -> float:
    """Core volume over core + dry shell of the mean particle."""
    shell = quantity(dry_shell_nm(experiment.solution), "nm")
    return float(in_unit(colloid.core_share(particle(experiment).core, dry_shell=shell), "one"))


def size_exponents(experiment: Experiment) -> tuple[float, float]:
    """d ln v / d ln d = p - d / d_h and d ln D / d ln d = -d / d_h at the mean size."""
    one = particle(experiment)
    share = sizes_of(experiment, 13).mean_nm() / in_unit(one.hydrodynamic, "nm")
    return experiment.transport.charge_exponent - share, -share
