"""A layer on the anode that is thinner than the beam and too dark to show all of itself: particles that hold a whole charge
stay within a few micrometres of it.

A layer of depth K in a share f of the open beam takes f (1 - exp(-K)) of the light and scatters f K exp(-K): of its own depth,
f K, it hides at least twice what is missing of the light beyond what its scattering says, and more the darker it is
(`film_shadow`). Missing light is told against the knife edge, which saw the anode before the field came on.
"""

from __future__ import annotations

import numpy as np

from ...analysis.concentration.two_measures import TwoMeasures
from ...analysis.crystals.film_shadow import film_shadow
from ...nouns import FloatArray
from ...physics.beam import beam_deviation, open_fraction, relative_density
from .gas_and_dirt import OF_THE_EDGE, of_the_edge
from .measured_view import MeasuredView

LEAST_HIDDEN, MOST_HIDDEN = 2.0, 5.0
"""Hidden depth over the depth that light lacks: of a thin layer, and of one that lets exp(-5) pass, which no more scattering
tells from a darker one."""
OF_SHOWN = 0.3
"""Relative (chosen): of the depth that stands out over that of the next height."""


def hidden_on_the_anode(measures: TwoMeasures, view: MeasuredView, edge_sigma_um: float | None) -> FloatArray:
    """phi (scan, height) that a dark layer on the anode may hide, where less light passes than the knife edge lets; above the
    anode in proportion to how the beam sees it. edge_sigma_um: of the anode's height, None where no edge told it."""
    heights, fwhm = view.grid.heights, view.run.beam.fwhm_um
    none = np.zeros(view.phi.shape)
    at_anode = view.cut & (heights < 500.0 * view.run.cell.gap_mm)
    if edge_sigma_um is None or not at_anode.any():
        return none
    column = int(np.argmin(np.where(at_anode, np.abs(heights), np.inf)))
    edge = float(of_the_edge(measures, heights, fwhm, edge_sigma_um)[column])
    sigma = np.hypot(measures.sigma[:, column], edge)
    clear = np.isfinite(measures.difference[:, column]) & ~view.beside_crystals[:, column]
    lacks = -np.nan_to_num(measures.residual + measures.place + measures.wander)[:, column]
    if not (np.any(clear & (lacks > OF_THE_EDGE * sigma)) or measures.place[column] < -OF_THE_EDGE * edge):
        return none
    lacks = np.where(clear, np.maximum(lacks, 0.0), 0.0)
    before = np.maximum(np.maximum.accumulate(lacks), -measures.place[column])
    lacks = np.where(clear, lacks, before)  # the light of crystals is not known well enough
    per_phi = view.scale * view.attenuation[:, column]
    shown = per_phi * np.maximum(_over_the_next(view, column), 0.0)
    hidden = np.zeros(lacks.size)
    for scan in np.flatnonzero((lacks > 0.0) & (per_phi > 0.0)):
        film = film_shadow(shown[scan], OF_SHOWN * shown[scan], shown[scan] + lacks[scan], sigma[scan])
        depth = np.clip(film.lit - film.shown, LEAST_HIDDEN * lacks[scan], MOST_HIDDEN * lacks[scan])
        hidden[scan] = depth / per_phi[scan]
    density = relative_density(heights, beam_deviation(fwhm)) / np.maximum(open_fraction(heights, fwhm), 1e-9)
    return np.where(heights < 500.0 * view.run.cell.gap_mm, np.outer(hidden, density / density[column]), none)


def _over_the_next(view: MeasuredView, column: int) -> FloatArray:
    """phi (scan,) at the anode beyond that of the next height which it does not cut; 0 where either is not known."""
    free = np.flatnonzero(~view.cut & (view.grid.heights > view.grid.heights[column]))
    if not free.size:
        return np.zeros(view.phi.shape[0])
    return np.nan_to_num(view.phi[:, column] - view.phi[:, free[0]])
