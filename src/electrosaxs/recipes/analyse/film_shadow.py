"""The shadow of a film on the anode: what light it takes in each frame, and what of its crystals may not scatter."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...analysis.crystals.film_shadow import DEEPEST, FilmShadow, film_shadow
from ...nouns import FloatArray

DENSEST = 0.55
"""phi of core + dry shell that no superlattice in a solvent exceeds (0.49 at the paper's constants; chosen)."""
LEAST_SHOWN = 0.003
"""Of the depth of all particles (chosen): crystals that no curve shows."""
OF_SHOWN = 0.1
"""Relative (chosen): of the depth of crystals that a curve shows."""


@dataclass(frozen=True, eq=False)
class Shadow:
    """Maps (scan, height). missing: ln T that the film takes beyond what its scattering shows, 0 where it does not, and sigma;
    shown: depth of crystals as they scatter; depth: of all particles; per_phi: depth of unit phi. density (height,): how
    strongly the open beam sees the anode, in parts."""

    missing: FloatArray
    sigma: FloatArray
    shown: FloatArray
    depth: FloatArray
    per_phi: FloatArray
    density: FloatArray

    def film(self, scan: int, column: int) -> FilmShadow:
        """What both measures of one frame say; where no peaks tell, anything from what takes so much light up to a film as
        dense as crystals can be."""
        shown, missing, per_phi = (float(x[scan, column]) for x in (self.shown, self.missing, self.per_phi))
        own = float(np.hypot(OF_SHOWN * shown, LEAST_SHOWN * self.depth[scan, column]))
        found = film_shadow(shown, own, shown + missing, float(self.sigma[scan, column]))
        most = max(found.taken * DENSEST * per_phi, shown)
        if found.edge < 0.9 * DEEPEST and found.lit < most:
            return found
        least = max(shown, found.taken)
        return replace(found, lit=least, sigma=max(most - least, 0.0) / np.sqrt(3.0), edge_sigma=np.inf)

    def hidden(self) -> FloatArray:
        """phi (scan, height) of crystals in the light that the scattering does not show, with what it is uncertain by; above
        the anode in proportion to how the beam sees it."""
        hidden = np.zeros(self.missing.shape)
        for scan, column in np.argwhere(self.missing > 0.0):
            film = self.film(int(scan), int(column))
            own = np.hypot(film.lit - film.shown, film.sigma) / self.per_phi[scan, column]
            hidden[scan] = np.maximum(hidden[scan], own * self.density / self.density[column])
        return hidden
