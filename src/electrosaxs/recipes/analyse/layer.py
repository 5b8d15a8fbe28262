"""The layer at the anode as the frames of a run should show it (analysis.kinetics.layer), where one voltage builds it."""

from __future__ import annotations

import numpy as np

from ...analysis.footprint.beam_profile import BeamView
from ...analysis.footprint.layer_shape import LayerShape
from ...analysis.kinetics.below_edge import below_edge
from ...analysis.kinetics.layer import Layer, Particles, Seen, fit_layer
from ...nouns import FloatArray
from ...physics.colloid import dry_shell_nm, solvated_shell_nm
from .measured_run import MeasuredRun
from .voltage import voltage_pieces

SURE, LEAST_DEPTH_UM = 5.0, 1.0
"""Sigmas and um (chosen) from which on a layer goes on below the edge."""
MOST_MISFIT = 5.0
"""Of the layer (chosen): it is another one. A depth of 7.5 um makes 1 to 3."""


def layer_of(
    measured: MeasuredRun,
    phi: FloatArray,
    relative: FloatArray,
    *,
    attenuation: FloatArray,
    crystals: FloatArray,
) -> Layer | None:
    """From phi, its own relative sigma, a and the share of crystals, all (scan, height): of the scans before the first with
    crystals; None where the voltage changes, or is not known."""
    program = voltage_pieces(measured.reduced)
    if len(program) != 1 or not program[0].held:
        return None
    x, seen, particles = as_seen(measured, phi, attenuation)
    return fit_layer(x, relative, without_crystals(crystals), seen, particles)


def deeper_than_the_edge(
    measured: MeasuredRun, phi: FloatArray, relative: FloatArray, told: np.ndarray, attenuation: FloatArray, layer: Layer | None
) -> float:  # fmt: skip
    """By how much (um) the layer goes on below the edge of the anode, by the frames that are `told` (scan, height); 0 where
    that is not sure, or where the frames are of another layer."""
    if layer is None or layer.misfit > MOST_MISFIT or not told.any():
        return 0.0
    x, seen, particles = as_seen(measured, phi, attenuation)
    depth, sigma = below_edge(x, relative, told, seen, particles, layer)
    return depth if depth > max(SURE * sigma, LEAST_DEPTH_UM) else 0.0


def as_seen(measured: MeasuredRun, phi: FloatArray, attenuation: FloatArray) -> tuple[FloatArray, Seen, Particles]:
    """ln(phi / phi0) (scan, height), how its frames see a profile, and the particles of the starting solution."""
    run, grid = measured.run, measured.grid
    start, fit = run.solution.volume_fraction, measured.standard.reference_fit
    particles = Particles.gaussian(
        float(fit.diameter[0]),
        float(fit.deviation[0]),
        dry_shell_nm=dry_shell_nm(run.solution),
        solvated_shell_nm=solvated_shell_nm(run.solution),
    )
    seen = Seen.of(
        grid.heights, run.beam.fwhm_um, time_s=grid.time, depth=start * attenuation, gap_um=1e3 * run.cell.gap_mm
    )
    return over_start(phi, start), seen, particles


def over_start(phi: FloatArray, start: float) -> FloatArray:
    """ln(phi / start), NaN where phi is not above 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(phi > 0.0, np.log(phi / start), np.nan)


def without_crystals(crystals: FloatArray) -> np.ndarray:
    """(scan, height) frames before the first scan with crystals."""
    seen = np.flatnonzero((crystals > 0.0).any(axis=1))
    scans = np.arange(crystals.shape[0]) < (seen[0] if seen.size else crystals.shape[0])
    return np.broadcast_to(scans[:, None], crystals.shape)


def shape_of(
    layer: Layer | None, beams: BeamView, time_s: FloatArray, crystals: FloatArray, start: float
) -> LayerShape | None:
    """How the layer bends across each of the beams (scan, height); near the anode before the first scan with crystals."""
    if layer is None:
        return None
    told = without_crystals(crystals)
    return LayerShape.of(layer.inside.over_start, beams, time_s=time_s, told=told, start=start)
