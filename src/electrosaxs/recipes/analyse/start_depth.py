"""What the particles of the starting solution absorb: seen by the diode, and expected of phi0, path and composition.

    seen = ln(T_solvent / T_reference)        expected = phi0 t d mu / d phi

Every phi of a run is phi0 times what its frames say, so a phi0 that is wrong makes all of them wrong by as much, and no frame
contradicts another. The diode does.
"""

from __future__ import annotations

import numpy as np

from ...nouns.contributions import ENERGY, PATH, STARTING_SOLUTION
from .attenuation import start_depth
from .measured_run import MeasuredRun
from .quality import OF_PHI, Doubt
from .scale_errors import Scales

TABLES = 0.02
"""Relative, of attenuation coefficients and densities (chosen: what tables differ by from each other)."""
SURE = 3.0
"""Sigmas by which the depth must be another one before it is said."""
LEAST_DEPTH = 0.02
"""Expected or seen: particles that absorb less say too little (chosen)."""
ATTENUATION_BY_ENERGY = 3.0
"""Power of the photon energy with which attenuation falls, about."""
OF_THE_DEPTH = {STARTING_SOLUTION: 1.0, PATH: 1.0, ENERGY: ATTENUATION_BY_ENERGY}
"""What the run was told that the depth follows, and with which power."""


def doubts_of_the_depth(measured: MeasuredRun, scales: Scales) -> list[Doubt]:
    """Of phi where the starting solution absorbs more or less than it should by SURE sigmas; scales: how well what the run was
    told is known."""
    depth = start_depth(measured.reduced, measured.standard)
    if not max(depth.seen, depth.expected) > LEAST_DEPTH:
        return []
    told = [TABLES, *(scales.relative.get(name, 0.0) * power for name, power in OF_THE_DEPTH.items())]
    sigma = float(np.hypot(depth.sigma, np.linalg.norm(told) * depth.expected))
    if abs(depth.seen - depth.expected) <= SURE * sigma:
        return []
    words = (
        f"the starting solution absorbs {depth.scale:.3g} times what phi0, path and composition say (ln(T_solvent /"
        f" T_reference) = {depth.seen:.3g} for {depth.expected:.3g}): phi0, to which every phi is in proportion, the path, the"
        " photon energy or the core is another one, or the diode changed between solvent and reference"
    )
    return [Doubt(frozenset(OF_PHI), words)]
