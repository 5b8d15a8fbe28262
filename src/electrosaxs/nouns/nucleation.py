"""When superlattices form and how many: the published band of phi, and what [nucleation] of experiment.toml says."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .settings import Positive, Settings

ONSET_BAND = (0.007, 0.012)
"""phi of the slice at the anode at which superlattices are found to form (Yu et al. 2018)."""


class NucleationSettings(Settings):
    """N = density_per_mm2 (J / flux_m_per_s)^exponent, J the flux into the slice of 50 um when the wall comes to the
    solubility: islands per mm2 that crystals begin as, and keep as they grow. nucleation_time_s: in which the sites run out.
    depletion_length_um: within which an island keeps others from nucleating; absent: half of 1 / sqrt(N)."""

    density_per_mm2: Annotated[float, Field(gt=0, le=1e5)]
    flux_m_per_s: Positive
    exponent: Annotated[float, Field(ge=0, le=10)]
    nucleation_time_s: Positive = 120.0
    depletion_length_um: Positive | None = None

    def density(self, flux: float) -> float:
        """Islands per mm2 that nucleate at the slice flux `flux` (m/s)."""
        return float(self.density_per_mm2 * (max(flux, 0.0) / self.flux_m_per_s) ** self.exponent)
