"""Numbers of absorption and scattering on which the measured claims stand."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from ..nouns.claims import Claim
from ..physics.absorption import attenuation, largest_uncorrected_enrichment
from ..physics.lattices import reflections
from ..physics.sphere_kernels import amplitude
from .cells import Campaign
from .motion import core_share_of
from .paper import SOLVATED_NM

FAMILIES = ("111", "200", "220", "311", "222")


def xray_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """Absorption of the particles, and where the superlattice's reflections and the sphere's zero lie."""
    experiment = campaign.main
    solution = experiment.solution
    mu = attenuation(solution, energy_keV=experiment.beam.energy_keV)
    depth = solution.volume_fraction * 1e-3 * experiment.cell.path_length_mm
    start = depth * float(mu.of_particles(core_share_of(experiment)))
    families = reflections("FCC", 4.0)
    named = {"".join(map(str, sorted(hkl, reverse=True))): s for hkl, s in zip(families.hkl, families.s, strict=True)}
    places = tuple(float(2.0 * np.pi * named[name] / SOLVATED_NM) for name in FAMILIES)
    assert solution.core_diameter_nm is not None
    diameter = solution.core_diameter_nm
    zero = float(brentq(lambda q: float(amplitude(np.array([q]), diameter, 0.0)[0]), 1.0, 1.5))
    return (
        Claim("absorption", "μt of the particles at the start; at ten times it", "", (start, 10.0 * start), form=".2f"),
        Claim("uncorrected", "largest enrichment that shows without transmission", "",
              (largest_uncorrected_enrichment(start),), form=".2f"),
        Claim("reflections", f"FCC {', '.join(FAMILIES)} at a = {SOLVATED_NM} nm", "", places, "1/nm", form=".4f"),
        Claim("sphere_zero", f"first zero of {diameter:g} nm spheres", "", (zero,), "1/nm", form=".3f"),
    )  # fmt: skip
