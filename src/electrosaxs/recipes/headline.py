"""The headline numbers that are read from the maps; those of kinetics and crystals come with their own analysis."""

from __future__ import annotations

from ..nouns import Number
from .anode import AnodePosition
from .maps import FrameMaps, last_value
from .standards import Standards


def headline_numbers(maps: FrameMaps, standard: Standards, anode: AnodePosition) -> dict[str, Number]:
    """Anode height, the starting solution's sizes, and what the voxel at the anode holds in the last scan."""
    fit = standard.reference_fit
    source = "sphere fit of the pooled reference frames"
    return {
        "anode_height": anode.number,
        "normalisation_noise": standard.normalisation,
        "starting_diameter": Number(
            float(fit.diameter[0]),
            float((fit.sigma("diameter")[0] ** 2 + fit.shared_sigma("diameter")[0] ** 2) ** 0.5),
            "nm",
            source,
        ),
        "starting_polydispersity": Number(
            float(fit.polydispersity[0]), float(fit.polydispersity_sigma[0]), "one", source
        ),
        "anode_volume_fraction": last_value(maps.phi, "phi at the anode"),
        "anode_diameter": last_value(maps.diameter, "mean core diameter at the anode"),
        "anode_polydispersity": last_value(maps.polydispersity, "delta / d at the anode"),
    }
