"""What the transport model says on its own fine grid, between and below what a beam of finite size can see."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..errors import ShapeError
from .base import FloatArray

PROFILE_UNITS = {
    "time": "s",
    "height": "um",
    "edge": "um",
    "volume_fraction": "one",
    "diameter": "nm",
    "deviation": "nm",
    "drift": "m/s",
    "diffusion": "m/s",
    "interaction": "m/s",
    "field": "V/cm",
    "attachment": "m/s",
    "wall_volume_fraction": "one",
    "crystals": "um",
    "voltage": "V",
    "current_density": "A/m^2",
}
"""Unit of each array of a profile."""


@dataclass(frozen=True, eq=False)
class ModelProfile:
    """Profiles at the model's own times (time,), on its nodes `height` (node,) and the edges between them (edge,).

    (time, node): volume_fraction of the solution (crystals not included), number-weighted mean diameter and deviation.
    (time, edge): drift, diffusion, interaction: terms of the flux towards the anode, whose sum it is; field E.
    (time,): attachment, what leaves the solution for crystals; wall_volume_fraction, phi at the anode's surface;
    crystals, particle volume per area on the anode; voltage; current_density, NaN where not known.
    """

    time: FloatArray
    height: FloatArray
    edge: FloatArray
    volume_fraction: FloatArray
    diameter: FloatArray
    deviation: FloatArray
    drift: FloatArray
    diffusion: FloatArray
    interaction: FloatArray
    field: FloatArray
    attachment: FloatArray
    wall_volume_fraction: FloatArray
    crystals: FloatArray
    voltage: FloatArray
    current_density: FloatArray

    def __post_init__(self) -> None:
        for entry in fields(self):
            shape, expected = np.shape(getattr(self, entry.name)), self.shape_of(entry.name)
            if shape != expected:
                raise ShapeError(f"profile: {entry.name} has shape {shape}, it must have {expected}")

    @staticmethod
    def dims_of(name: str) -> tuple[str, ...]:
        """Dimensions of the array `name`."""
        if name in ("time", "height", "edge"):
            return (name,)
        if name in ("volume_fraction", "diameter", "deviation"):
            return ("time", "height")
        return ("time", "edge") if name in ("drift", "diffusion", "interaction", "field") else ("time",)

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Shape that the array `name` must have."""
        return tuple(np.size(getattr(self, dim)) for dim in self.dims_of(name))

    @property
    def flux(self) -> FloatArray:
        """Sum of the terms, (time, edge) in m/s towards the anode."""
        return self.drift + self.diffusion + self.interaction
