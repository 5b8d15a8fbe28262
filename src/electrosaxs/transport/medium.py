"""What a voltage and the particles around it do to a particle: the field at every height, and hard-sphere repulsion.

Both depend on the profile through two sums over the columns (the `surroundings`): the hydrodynamic volume fraction and
the charge carriers over those of the starting solution. Without conduction and interactions neither is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ElectrosaxsError, bad_value
from ..nouns import FloatArray, TransportSettings
from ..physics.colloid import FREEZING, collective_factor, excess_chemical_potential
from ..physics.conduction import relative_conductivity, series_field
from .charge_models import Columns

HYDRODYNAMIC, CARRIERS = 0, 1
CLOSEST = 0.7
"""Hydrodynamic fraction beyond which tries of the solver are evaluated as if at it; results above FREEZING are refused."""


@dataclass(frozen=True, eq=False)
class Medium:
    """loss: share of the voltage that falls off at the electrodes. carrier_share: of the conductivity that charged
    particles carry, None for a field that is the same everywhere. repulsion: hard spheres. weights (column, 2): sums
    of u with them are the surroundings. conductivity: of the starting solution (S/m), None where not known.
    """

    loss: float = 0.0
    carrier_share: float | None = None
    repulsion: bool = False
    weights: FloatArray | None = None
    conductivity: float | None = None

    @property
    def depends_on_state(self) -> bool:
        """True where the coefficients follow from the solution itself."""
        return self.repulsion or self.carrier_share is not None

    def surroundings(self, u: FloatArray) -> FloatArray:
        """(..., node, 2): hydrodynamic volume fraction, and carriers over those of the starting solution."""
        assert self.weights is not None
        return np.asarray(u @ self.weights)

    def field(self, voltage: float, spacing: FloatArray, surroundings: FloatArray | None) -> FloatArray:
        """E (face,) in V/m between the nodes: V (1 - loss) / L, or Ohm's law in series."""
        if self.carrier_share is None:
            return np.full(spacing.size, voltage * (1.0 - self.loss) / spacing.sum())
        return self._ohmic(voltage, spacing, surroundings)[0]

    def current_density(self, voltage: float, spacing: FloatArray, surroundings: FloatArray | None) -> float:
        """j in A/m2, the same at every height; NaN where the field model or the settings do not give it."""
        if self.carrier_share is None or self.conductivity is None:
            return np.nan
        return self.conductivity * self._ohmic(voltage, spacing, surroundings)[1]

    def push(self, surroundings: FloatArray, spacing: FloatArray, diffusion: FloatArray) -> FloatArray:
        """Speed (face, column) towards the anode that hard spheres give each other, D d(mu_ex)/dz / kT in m/s."""
        crowding = np.clip(surroundings[:, HYDRODYNAMIC], 0.0, CLOSEST)
        return np.asarray((np.diff(excess_chemical_potential(crowding)) / spacing)[:, None] * diffusion)

    def caution(self, surroundings: FloatArray) -> FloatArray:
        """Share (..., 2) of a change of the surroundings that a solver may follow at once.

        In equilibrium a change x of the hydrodynamic fraction f calls for -f mu_ex'(f) x = (1 - D_c/D) x: following it
        by D/D_c ends the ringing.
        """
        share = np.ones_like(surroundings)
        if self.repulsion:
            share[..., HYDRODYNAMIC] = 1.0 / collective_factor(np.clip(surroundings[..., HYDRODYNAMIC], 0.0, CLOSEST))
        return share

    def _ohmic(self, voltage: float, spacing: FloatArray, surroundings: FloatArray | None) -> tuple[FloatArray, float]:
        assert surroundings is not None
        assert self.carrier_share is not None
        carriers = np.maximum(surroundings[:, CARRIERS], 0.0)
        return series_field(voltage, spacing, relative_conductivity(carriers, self.carrier_share))


def medium_from_settings(settings: TransportSettings, columns: Columns, start_phi: float) -> Medium:
    """The medium of an experiment; ElectrosaxsError where charged particles should conduct and none is charged."""
    carriers = start_phi * float(columns.share @ columns.conductivity)
    share = settings.carrier_share if settings.field_model == "conduction" else None
    if share and carriers == 0.0:
        raise bad_value(
            ElectrosaxsError,
            where="experiment",
            field="transport.carrier_share",
            value=share,
            rule="no particle of this solution carries a charge",
            remedy="give 0, or an effective_charge",
        )
    relative = columns.conductivity / carriers if carriers > 0.0 else np.zeros_like(columns.conductivity)
    given = settings.conductivity_nS_per_m
    return Medium(
        loss=settings.electrode_loss or 0.0,
        carrier_share=share,
        repulsion=settings.interactions == "hard-spheres",
        weights=np.stack([columns.hydrodynamic, relative], axis=1),
        conductivity=None if given is None else 1e-9 * given,
    )


def refuse_frozen(medium: Medium, profiles: list[FloatArray]) -> None:
    """ElectrosaxsError where hard spheres came to be packed beyond freezing: their equation of state ends there."""
    if not medium.repulsion:
        return
    densest = max(float(medium.surroundings(u)[:, HYDRODYNAMIC].max()) for u in profiles)
    if densest > FREEZING:
        raise bad_value(
            ElectrosaxsError,
            where="transport",
            field="interactions",
            value="hard-spheres",
            rule=f"the hydrodynamic volume fraction reaches {densest:.3g}: the fluid ends at {FREEZING:g}",
            remedy="give a solubility, a lower voltage or a smaller effective_charge",
        )
