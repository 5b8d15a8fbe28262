"""The model on its own grid and at its own steps, as the noun that results files and figures take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..nouns.profile import ModelProfile
from ..units import UM_PER_M
from .history import CellHistory

V_PER_CM_PER_V_PER_M = 1e-2


def model_profile(history: CellHistory) -> ModelProfile:
    """Every step of the integrator: profiles, each term of the flux summed over sizes, the wall, field and current."""
    steps = replace(history, times=np.asarray(history.knots.times))
    terms = steps.flux_terms_in_all()
    diameter, deviation = steps.moments()
    inner = steps.field()
    return ModelProfile(
        time=steps.times,
        height=UM_PER_M * steps.z,
        edge=UM_PER_M * steps.edges,
        volume_fraction=steps.total_phi(),
        diameter=diameter,
        deviation=deviation,
        drift=terms.drift.sum(axis=1),
        diffusion=terms.diffusion.sum(axis=1),
        interaction=terms.interaction.sum(axis=1),
        field=V_PER_CM_PER_V_PER_M * np.concatenate([inner[:, :1], inner, inner[:, -1:]], axis=1),
        attachment=terms.attachment.sum(axis=1),
        wall_volume_fraction=steps.wall_phi(),
        crystals=UM_PER_M * steps.crystals.sum(axis=1),
        voltage=steps.voltage,
        current_density=steps.current_density(),
    )
