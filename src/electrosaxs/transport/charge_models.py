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
from ..materials import ligand, solvent
from ..nouns import Cell, FloatArray, Solution, TransportSettings
from ..physics import colloid
from ..units import quantity
from .size_classes import SizeClasses

CONTACT_SPEED = 1.0
"""Speed (m/s) of neutralisation on the anode: 1e4 times diffusion over a micrometre, so at once."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns that are transported, charged ones first and then, where there are two states, neutral ones.

    mobility (m2/(V s), towards the anode in a positive field), diffusion (m2/s), share of the starting phi, and
    attaches (1, or 0 for what cannot join a crystal): (column,). loss, gain: rates (1/s) from charged to neutral and
    back, (class,). contact: speed (m/s) of neutralisation on the anode. states: 1 or 2.
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
    shell = dry_shell_nm(solution)
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


def dry_shell_nm(solution: Solution) -> float:
    """Thickness of the dry ligand per side (nm): as given, or the ligand's own."""
    given = solution.dry_shell_nm
    return ligand(solution.ligand).dry_shell_nm if given is None else given


def solvated_shell_nm(solution: Solution) -> float:
    """Thickness of the ligand in the solvent per side (nm): as given, or the ligand's own."""
    given = solution.solvated_shell_nm
    return ligand(solution.ligand).solvated_shell_nm if given is None else given


def columns(
    cell: Cell, solution: Solution, classes: SizeClasses, settings: TransportSettings
) -> tuple[SizeClasses, Columns]:
    """The columns for a charge model, and the classes with immobile clusters among them.

    Viscosity is the solvent's at 298.15 K. Raises ElectrosaxsError where more than all particles would be charged.
    """
    all_classes, share = with_immobile(classes, solution, settings)
    moves = np.ones(len(all_classes))
    if settings.immobile_fraction > 0.0:
        moves[all_classes.diameter_nm == settings.immobile_diameter_nm] = 0.0
    mobility, diffusion, z_eff = _single_particle(cell, solution, all_classes, settings)
    reference = float(np.interp(classes.mean_nm(), all_classes.diameter_nm, diffusion))
    return all_classes, _with_states(settings, share, moves, mobility * moves, diffusion * moves, z_eff, reference)


def _single_particle(
    cell: Cell, solution: Solution, classes: SizeClasses, settings: TransportSettings
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mobility per elementary charge, diffusivity and effective charge of each class."""
    d = sc.array(dims=["class"], values=classes.diameter_nm, unit="nm")
    hydrodynamic = colloid.hydrodynamic_diameter(d, solvated_shell=quantity(solvated_shell_nm(solution), "nm"))
    viscosity = quantity(solvent(solution.solvent).viscosity_Pa_s, "Pa*s")
    temperature = quantity(cell.temperature_K, "K")
    mobility = colloid.mobility_per_charge(hydrodynamic, viscosity=viscosity)
    diffusion = colloid.diffusivity(hydrodynamic, viscosity=viscosity, temperature=temperature)
    charge = colloid.effective_charge(d, reference_charge=settings.effective_charge, exponent=settings.charge_exponent)
    return mobility.values, settings.diffusivity_scale * diffusion.values, charge.values


def _with_states(
    settings: TransportSettings,
    share: FloatArray,
    moves: FloatArray,
    mobility: FloatArray,
    diffusion: FloatArray,
    z_eff: FloatArray,
    reference: float,
) -> Columns:
    none = np.zeros(share.size)
    if settings.charge_model == "fast-exchange":
        return Columns(mobility * z_eff, diffusion, share, moves, none, none, 0.0, 1, reference)
    both = np.concatenate([diffusion, diffusion])
    attaches = np.concatenate([moves, moves])
    if settings.charge_model == "neutralised-at-anode":
        carried = np.concatenate([mobility * z_eff, none])
        split = np.concatenate([share, none])
        return Columns(carried, both, split, attaches, none, none, CONTACT_SPEED, 2, reference)
    charged = charged_share(z_eff, settings)
    carried = np.concatenate([mobility * settings.charge_of_charged, none])
    split = np.concatenate([share * charged, share * (1.0 - charged)])
    if settings.charge_model == "permanent":
        return Columns(carried, both, split, attaches, none, none, 0.0, 2, reference)
    loss = np.full(share.size, 1.0 / settings.charge_lifetime_s)
    gain = loss * charged / (1.0 - charged)
    return Columns(carried, both, split, attaches, loss, gain, 0.0, 2, reference)


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
