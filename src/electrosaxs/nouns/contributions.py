"""The shared contributions to a sigma that are more than a sigma of their own: how far each reaches.

`Noun.shared` maps the name of a contribution to what one sigma of it does to every point. Most are a sigma of that noun
alone. Those below are numbers of the run that several nouns feel together: a fit that uses several maps must take such
a number once.
"""

from __future__ import annotations

from dataclasses import dataclass

BACKGROUND = "background"
"""What the modes of the solvent's noise do not hold: a sigma of each noun."""
SOLVENT_SCALE = "background_scale"
"""Normalisation of the subtracted solvent."""
SOLVENT_MODES = tuple(f"background_{k}" for k in range(1, 9))
"""Counting noise of the solvent, as numbers of mean 0 and variance 1 (analysis.concentration.solvent_modes)."""
SOLVENT = (BACKGROUND, SOLVENT_SCALE, *SOLVENT_MODES)
REFERENCE = "reference"
"""Particle volume of the reference frames, against which phi is measured."""
SIZE_SHAPE = "size_shape"
"""Kurtosis of sorted sizes."""
FOOTPRINT = "footprint"
"""Correction for the profile within the beam: its slope comes from neighbouring heights, so that it errs to either side."""

SIZES_MISFIT = "sizes"
"""Of phi, where spheres of one kind do not describe the curves: what the sizes that do may be off by."""
DEAD_TIME = "dead_time"
"""Of the detector's pixels after each photon, found from the curves."""
INTERACTION = "interaction"
"""Contact distance of the dissolved particles, or the stickiness of their surfaces."""
TRANSMISSION = "transmission"
"""Drift of the transmission against the scattering: one sigma takes all of it for an error of diode or monitor."""
DIODE = "diode"
"""Of the transmission, that is not linear, or sees photons which nothing absorbs: one sigma takes all of the first, and what is
uncertain of the others."""
AFTERGLOW = "afterglow"
"""What an image still holds of the one before: one sigma takes all of it."""
SIZE_DRIFT = "size_drift"
"""Of sizes, where those of the bulk are no longer the starting solution's: one sigma takes all of it."""
DEPOSIT = "deposit"
"""What stays on the windows where the beam was, or is damaged there: one sigma takes all of it."""
GAS = "gas"
"""Gas in the beam that a frame shows, but not by enough to leave it out."""
NORMALISATION = "normalisation"
"""Monitor or transmission of a frame, that seem to have been read wrong, but not by enough to leave it out."""
SHADOW = "shadow"
"""Of phi at the anode: crystals in the light that a film's own shadow keeps from scattering."""
WAVINESS = "waviness"
"""Of integrals from the anode on: what lies below the highest lines of a wavy anode."""
DOUBLE_SCATTERING = "double_scattering"
"""Photons that the solution scatters more than once."""

STARTING_SOLUTION = "starting_solution"
"""phi0, which multiplies all phi."""
GEOMETRY, ENERGY = "geometry", "energy"
"""Distance of the detector and photon energy: lengths go as distance over energy."""
GAP, PATH, BEAM_WIDTH, ANODE = "gap", "path", "beam_width", "anode_height"
TEMPERATURE, VOLTAGE = "temperature", "voltage"
SCALES = (STARTING_SOLUTION, GEOMETRY, ENERGY, GAP, PATH, BEAM_WIDTH, ANODE, TEMPERATURE, VOLTAGE)
"""What the run was told and the frames cannot tell: one number each for everything that follows from the run."""


@dataclass(frozen=True)
class Reach:
    """in_every_noun: one number for all nouns that name it, with its sign. per_height: another number at each height."""

    in_every_noun: bool = False
    per_height: bool = False


REACH = {
    **dict.fromkeys(
        (REFERENCE, SOLVENT_SCALE, *SOLVENT_MODES, INTERACTION, DEAD_TIME, DOUBLE_SCATTERING), Reach(in_every_noun=True)
    ),
    **dict.fromkeys((SIZE_DRIFT, *SCALES), Reach(in_every_noun=True)),
    SIZE_SHAPE: Reach(in_every_noun=True, per_height=True),
    FOOTPRINT: Reach(per_height=True),
}


def reach(contribution: str) -> Reach:
    """Of a contribution by name; one that is not listed is a sigma of its own noun."""
    return REACH.get(contribution, Reach())
