"""How size classes become columns of the transport problem: what drifts, what diffuses, what converts into what.

fast-exchange: every particle drifts with its time-averaged charge z_eff(d).
permanent: a share z_eff(d) / z_c of the particles carries z_c for ever, the rest only diffuses.
neutralised-at-anode: all carry z_eff(d) until they touch the anode; from then on they only diffuse.
exchange: as permanent, but a charged particle loses its charge after a mean lifetime and neutral ones gain it so
that the charged share stays z_eff(d) / z_c on average. Short lifetimes are fast exchange; long ones add dispersion.

Particles with a whole charge have decay lengths of a few micrometres: away from the anode the default grid broadens
their front by (v h / D)^2 / 12 of D. Give a finer grid where the front itself matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipp as sc

from ..errors import ElectrosaxsError, bad_value
from ..materials import solvent_of
from ..nouns import Cell, FloatArray, Solution, TransportSettings
from ..physics import colloid
from ..physics.conduction import carrier_conductivity
from ..units import quantity
from .size_classes import SizeClasses

CONTACT_SPEED = 1.0
"""Speed (m/s) of neutralisation on the anode: 1e4 times diffusion over a micrometre, so at once."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns that are transported, charged ones first and then, where there are two states, neutral ones.

    mobility (m2/(V s), towards the anode in a positive field), diffusion (m2/s), share of the starting phi, and
    attaches (1, or 0 for what cannot join a crystal): (column,). loss, gain: rates (1/s) from charged to neutral and
    back, (class,). contact: speed (m/s) of neutralisation on the anode. states: 1 or 2. conductivity (S/m) that the
    charges of a column give, and its hydrodynamic volume fraction, both per phi, (column,).
    """

    mobility: FloatArray
    diffusion: FloatArray
    share: FloatArray
    attaches: FloatArray
    loss: FloatArray
    gain: FloatArray
    contact: float
    states: int
    reference_diffusion: float
    conductivity: FloatArray
    hydrodynamic: FloatArray

    def per_class(self, values: FloatArray) -> FloatArray:
        """Sum over charge states: (..., column) to (..., class)."""
        if self.states == 1:
            return values
        classes = values.shape[-1] // 2
        return np.asarray(values[..., :classes] + values[..., classes:])


def with_immobile(
    classes: SizeClasses, solution: Solution, settings: TransportSettings
) -> tuple[SizeClasses, FloatArray]:
    """Size classes with the immobile clusters as one more, and the share of phi in each.

    The clusters take `immobile_fraction` of phi, whatever their size; `number` follows. They must not have the
    diameter of another class.
    """
    shell = colloid.dry_shell_nm(solution)
    share = classes.volume_share(shell)
    if settings.immobile_fraction == 0.0:
        return classes, share
    if np.any(classes.diameter_nm == settings.immobile_diameter_nm):
        raise bad_value(
            ElectrosaxsError,
            where="transport",
            field="immobile_diameter_nm",
            value=settings.immobile_diameter_nm,
            rule="must differ from the diameter of every mobile class",
            remedy="shift it slightly",
        )
    diameter = np.append(classes.diameter_nm, settings.immobile_diameter_nm)
    share = np.append((1.0 - settings.immobile_fraction) * share, settings.immobile_fraction)
    order = np.argsort(diameter)
    number = share / (diameter + 2.0 * shell) ** 3
    return SizeClasses.from_table(diameter, number), share[order]


@dataclass(frozen=True, eq=False)
class _Particles:
    """One particle of each class, (class,): mobility per elementary charge (m2/(V s)), diffusivity (m2/s), effective
    charge, volume of core and dry shell (m3), and hydrodynamic volume over it; `moves`: 0 for immobile clusters."""

    mobility: FloatArray
    diffusion: FloatArray
    z_eff: FloatArray
    volume: FloatArray
    hydrodynamic: FloatArray
    moves: FloatArray


def columns(
    cell: Cell, solution: Solution, classes: SizeClasses, settings: TransportSettings
) -> tuple[SizeClasses, Columns]:
    """The columns for a charge model, and the classes with immobile clusters among them.

    Viscosity is the solvent's at the cell's temperature. Raises ElectrosaxsError where more than all particles would be
    charged, InputFileError where the viscosity is not known.
    """
    all_classes, share = with_immobile(classes, solution, settings)
    moves = np.ones(len(all_classes))
    if settings.immobile_fraction > 0.0:
        moves[all_classes.diameter_nm == settings.immobile_diameter_nm] = 0.0
    particles = _single_particle(cell, solution, all_classes, settings, moves)
    reference = float(np.interp(classes.mean_nm(), all_classes.diameter_nm, particles.diffusion))
    return all_classes, _with_states(settings, share, particles, reference)


def _single_particle(
    cell: Cell, solution: Solution, classes: SizeClasses, settings: TransportSettings, moves: FloatArray
) -> _Particles:
    d = sc.array(dims=["class"], values=classes.diameter_nm, unit="nm")
    shells = {
        "dry_shell": quantity(colloid.dry_shell_nm(solution), "nm"),
        "solvated_shell": quantity(colloid.solvated_shell_nm(solution), "nm"),
    }
    hydrodynamic = colloid.hydrodynamic_diameter(d, solvated_shell=shells["solvated_shell"])
    viscosity = quantity(solvent_of(solution).viscosity_at(cell.temperature_K, name=solution.solvent), "Pa*s")
    temperature = quantity(cell.temperature_K, "K")
    diffusion = colloid.diffusivity(hydrodynamic, viscosity=viscosity, temperature=temperature)
    charge = colloid.effective_charge(d, reference_charge=settings.effective_charge, exponent=settings.charge_exponent)
    return _Particles(
        mobility=colloid.mobility_per_charge(hydrodynamic, viscosity=viscosity).values,
        diffusion=settings.diffusivity_scale * diffusion.values,
        z_eff=charge.values,
        volume=colloid.dry_volume(d, dry_shell=shells["dry_shell"]).to(unit="m^3").values,
        hydrodynamic=colloid.hydrodynamic_share(d, **shells).values,
        moves=moves,
    )


def _with_states(settings: TransportSettings, share: FloatArray, p: _Particles, reference: float) -> Columns:
    """The columns of a charge model; what is said of charged and neutral ones stands in the head of this file."""
    none, model = np.zeros(share.size), settings.charge_model
    paired = model != "fast-exchange"
    whole = np.full(share.size, settings.charge_of_charged)  # what a particle carries while it conducts
    mobility, charged, loss, gain, contact = p.mobility * p.z_eff, np.ones(share.size), none, none, 0.0
    if model == "neutralised-at-anode":
        whole, contact = np.abs(p.z_eff), CONTACT_SPEED
    elif paired:
        mobility, charged = p.mobility * whole, charged_share(p.z_eff, settings)
    if model == "exchange":
        loss = np.full(share.size, 1.0 / settings.charge_lifetime_s)
        gain = loss * charged / (1.0 - charged)
    carried = mobility * p.moves
    conducting = carrier_conductivity(1.0 / p.volume, whole, np.abs(carried))

    def states(of_charged: FloatArray, of_neutral: FloatArray) -> FloatArray:
        return np.concatenate([of_charged, of_neutral]) if paired else of_charged

    diffusion = p.diffusion * p.moves
    return Columns(
        mobility=states(carried, none),
        diffusion=states(diffusion, diffusion),
        share=states(share * charged, share * (1.0 - charged)),
        attaches=states(p.moves, p.moves),
        loss=loss,
        gain=gain,
        contact=contact,
        states=2 if paired else 1,
        reference_diffusion=reference,
        conductivity=states(conducting, none),
        hydrodynamic=states(p.hydrodynamic, p.hydrodynamic),
    )


def charged_share(z_eff: FloatArray, settings: TransportSettings) -> FloatArray:
    """Share of each class that is charged, z_eff(d) / z_c; must lie in [0, 1)."""
    share = z_eff / settings.charge_of_charged
    if np.any(share < 0.0) or np.any(share >= 1.0):
        raise bad_value(
            ElectrosaxsError,
            where="transport",
            field="effective_charge",
            value=settings.effective_charge,
            rule=f"charges {100 * share.min():.3g} to {100 * share.max():.3g} % of a class: must be 0 to 100 %",
            remedy=f"give a smaller one, or raise charge_of_charged ({settings.charge_of_charged:g})",
        )
    return np.asarray(share)
