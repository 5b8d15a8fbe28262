"""The anode of a simulated cell under the microscope: how many islands there are, and how large."""

from __future__ import annotations

import math

import numpy as np

from ..nouns.micrograph import MicrographSettings
from ..nouns.nucleation import NucleationSettings
from ..physics.tetrahedron import volume

TOP_OVER_BASE, BASE_UM = 26.9 / 28.5, 28.5
"""Shape and size of an island of Yu 2018; all others are scaled from it."""
PACKED = 0.74
"""Share of a dried superlattice that cores with their shells fill: closest packing."""
BASE_SPREAD, TRUNCATION, EDGE_PX, SIDE_PX = 0.12, 0.05, 22.0, 1024
ENOUGH, MOST_FIELDS, MOST_MERGED = 150.0, 12, 0.33
TRIANGLE, UM2_PER_MM2 = math.sqrt(3.0) / 4.0, 1e6


def anode_micrographs(
    nucleation: NucleationSettings, flux: float, crystals_um: float, *, seed: int
) -> MicrographSettings:
    """Fields with so many islands that ENOUGH are seen, as far as MOST_FIELDS go. flux: slice flux (m/s) at which they began;
    crystals_um: particle volume per area (um) in them.

    The number on a field is a Poisson number about density times area; islands share the crystals, alike in shape.
    """
    density = nucleation.density(flux)
    each_um3 = crystals_um * UM2_PER_MM2 / (density * PACKED)
    edge = BASE_UM * (each_um3 / float(volume(BASE_UM, TOP_OVER_BASE * BASE_UM, TRUNCATION))) ** (1.0 / 3.0)
    um_per_pixel = edge / EDGE_PX
    on_a_field = density * (SIDE_PX * um_per_pixel) ** 2 / UM2_PER_MM2
    covered = density * TRIANGLE * edge**2 / UM2_PER_MM2
    return MicrographSettings(
        images=int(np.clip(math.ceil(ENOUGH / max(on_a_field, 1.0)), 1, MOST_FIELDS)), width_px=SIDE_PX, height_px=SIDE_PX,
        um_per_pixel=um_per_pixel, islands=round(on_a_field), poisson=True, merged=min(4.0 * covered, MOST_MERGED),
        base_edge_um=edge, base_edge_spread=BASE_SPREAD, truncation=TRUNCATION,
        thickness_um=math.sqrt(2.0 / 3.0) * (1.0 - TOP_OVER_BASE) * edge, seed=seed,
    )  # fmt: skip
