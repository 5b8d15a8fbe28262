"""Superlattices at the anode: what leaves the solution above its solubility and comes back below it.

Total phi at the wall of the particles that can attach is compared with the solubility. Above it, particle volume
attaches at k (phi_wall - phi_sat) per area, taken from the classes in proportion to their share at the wall; below it
crystals dissolve at k (phi_sat - phi_wall) with their own composition, as long as there are any.

The exchange speed k follows from the attachment time tau as k = sqrt(D / tau), D of the mean size. It is the one speed
that D and tau make, and it gives tau its meaning: a supersaturated solution without field, deep against sqrt(D tau),
relaxes at its wall as phi_wall - phi_sat ~ exp(t/tau) erfc(sqrt(t/tau)) (Carslaw & Jaeger 1959, 2.7), down to 0.428 at
t = tau. No grid, gap or voltage enters. Against a field, growth is limited by attachment where tau > D / v^2, and by
supply where tau < D / v^2 (135 s at 57 V/cm in Yu 2018). tau = 0 pins the wall at the solubility.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import GrowthSettings


@dataclass(frozen=True)
class Growth:
    """solubility: phi at the wall in equilibrium with crystals, inf for none; slowness: 1/k (s/m), 0 pinned."""

    solubility: float
    slowness: float


def growth_from_settings(settings: GrowthSettings, diffusion: float) -> Growth:
    """The sink for a solubility and an attachment time; `diffusion` (m2/s) of the mean size."""
    if settings.solubility is None:
        return Growth(np.inf, 0.0)
    return Growth(settings.solubility, float(np.sqrt(settings.attachment_time_s / diffusion)))
