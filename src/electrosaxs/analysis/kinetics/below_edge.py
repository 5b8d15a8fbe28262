"""How far the layer at the anode goes on below the edge that cuts the beam.

An anode that is tilted along the beam, or wavy, cuts it at its highest line: heights are those above that, and particles gather
on what lies deeper, where no light passes. In the model of `analysis.kinetics.layer` that depth is one number more: the layer's
bend begins at the wall, and the cathode's, of the same speed and diffusion, does not move with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .field_on import solved
from .layer import LEAST_SIGMA, Layer, Particles, Seen

STEP_UM = 0.5
UNKNOWN_UM = 100.0
"""Sigma of the depth about 0, where the search begins."""


def below_edge(
    x: FloatArray, relative: FloatArray, told: npt.NDArray[np.bool_], seen: Seen, particles: Particles, layer: Layer
) -> tuple[float, float]:
    """Depth (um) and its sigma, by one step of Gauss and Newton from a layer that begins at the edge; arguments as of
    `field_on`."""
    told = told & np.isfinite(x) & np.isfinite(relative)
    deeper = replace(seen, z_um=seen.z_um + STEP_UM, gap_um=seen.gap_um + STEP_UM)
    change = (deeper.logarithm(layer.parameters, particles) - layer.logarithm) * (UNKNOWN_UM / STEP_UM)
    slopes = np.concatenate([layer.slopes, change[..., None]], axis=-1)[told]
    depth, sigma = solved((x - layer.logarithm)[told], np.hypot(relative, LEAST_SIGMA)[told], slopes)
    return UNKNOWN_UM * depth, UNKNOWN_UM * sigma
