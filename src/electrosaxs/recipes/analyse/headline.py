"""The headline numbers that are read from the maps; those of kinetics and crystals come with their own analysis."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...analysis.kinetics.scan_map import ScanMap
from ...io.poni import read_poni
from ...nouns import Number, Run, StartingSizeErrors, VolumeFraction
from ...nouns.contributions import BACKGROUND, REFERENCE
from .anode import AnodePosition
from .maps import FrameMaps, last_value
from .quality import OF_SIZES, Doubt
from .standards import Standards


def headline_numbers(maps: FrameMaps, standard: Standards, anode: AnodePosition) -> dict[str, Number]:
    """Anode height, the starting solution's sizes, and what the voxel at the anode holds in the last scan."""
    fit = standard.reference_fit
    source = "sphere fit of the pooled reference frames"
    sigma = standard.starting.size_sigma
    return {
        "anode_height": anode.number,
        **({} if anode.spread is None else {"anode_edge_spread": anode.spread}),
        "normalisation_noise": standard.normalisation.number,
        "starting_diameter": Number(float(fit.diameter[0]), float(sigma[0]), "nm", source),
        "starting_polydispersity": Number(float(fit.polydispersity[0]), float(sigma[1]), "one", source),
        "anode_volume_fraction": last_value(maps.phi, "phi at the anode"),
        "anode_diameter": last_value(maps.diameter, "mean core diameter at the anode"),
        "anode_polydispersity": last_value(maps.polydispersity, "delta / d at the anode"),
    }


def doubts_of_the_last_scan(phi: VolumeFraction, grid: ScanMap) -> list[Doubt]:
    """Of what the voxel at the anode holds last, where its frames are out of later scans: it has changed since."""
    good = np.flatnonzero(phi.good[:, 0])
    since = np.unique(grid.scan[(grid.height_index == 0) & (grid.scan > good[-1])]) if good.size else good
    if not since.size:
        return []
    time = float(phi.coord("time")[good[-1], 0])
    why = f"of {time:.0f} s: the frame at the anode is out in the {since.size} scan(s) since"
    return [Doubt(frozenset({"anode_volume_fraction", *OF_SIZES}), why)]


def detector_settings(run: Run) -> dict[str, dict[str, Any]]:
    """{"detector": ...} of the run with the name and distance that its geometry file has."""
    geometry = read_poni(run.detector.geometry)
    found = {"name": geometry.detector.get("detector"), "distance_m": geometry.distance_m}
    return {"detector": {**run.detector.model_dump(mode="json"), **found}}


def starting_size_errors(standard: Standards) -> StartingSizeErrors:
    """How the errors of the starting sizes (d, delta / d) hang together and with those of the voxels, for a fit."""
    start = standard.starting
    solvent = {name: change for name, change in start.shared.items() if name != BACKGROUND}
    return StartingSizeErrors(start.covariance, {REFERENCE: start.with_reference, **solvent})
