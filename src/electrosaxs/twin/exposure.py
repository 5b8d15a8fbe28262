"""From the content of the cell to what one frame is expected to count: beam footprint, absorption, scattering.

The beam is a Gaussian over the height, cut by the electrodes: at z = 0 half of it enters. It is taken as sub-beams,
each with the solution of its own height; scattering of each is weighted with its own transmission, and the transmission
of the frame is the sum over the open ones.

Superlattices stand on the anode, micrometres high, so that a beam sees them with its density at z = 0. A flat film would be
opaque along the path and hide in its own shadow, but experiments see them: the anode is taken as wavy and tilted by a few mrad
over the path, which brings one part of the crystals into the light, the same for every beam, and hides the others. With
`islands` of `[imperfections]` the light finds them where they stand (`electrode`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray
from ..physics.beam import beam_deviation, open_nodes, relative_density, share_above
from .scattering_cell import ScatteringCell

SUB_BEAMS, REACH = 15, 5.5
SMALLEST_SHARE = 1e-300
IN_THE_LIGHT = 0.3619
"""Share of the crystals (chosen): a beam of 34 um on the edge then reads solution + crystals of the 50 um slice of Yu 2018."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """Sub-beams: height above the anode (um) and share of the whole beam; the shares sum to the open part.

    at_anode: density of the open part at z = 0 (1/um), one over `surface_weight`.
    """

    height: FloatArray
    share: FloatArray
    at_anode: float

    @property
    def open(self) -> float:
        return float(self.share.sum())


def footprint(centre_um: float, *, fwhm_um: float, gap_um: float) -> Footprint:
    """Gauss-Legendre over the part of the beam between the electrodes, scaled so that the open share is exact (1e-6
    on what is averaged over it, with 15 sub-beams out to 5.5 sigma)."""
    sigma = beam_deviation(fwhm_um)
    height, share = open_nodes(centre_um, fwhm_um, gap=gap_um, nodes=SUB_BEAMS, reach=REACH)
    passes = share_above(centre_um, sigma) - share_above(centre_um - gap_um, sigma)
    return Footprint(height, passes * share, density_at_anode(np.array([centre_um]), sigma, float(passes)))


def density_at_anode(centre_um: FloatArray, sigma: float, passes: float) -> float:
    """Density (1/um) at the edge, mean of rows whose beam is centred at `centre_um` (row,), over the share that passes."""
    whole = float(np.mean(relative_density(centre_um, sigma))) / (np.sqrt(2.0 * np.pi) * sigma)
    return whole / max(passes, SMALLEST_SHARE)


@dataclass(frozen=True, eq=False)
class Exposure:
    """What one frame is made of.

    curve: photons scattered per incident photon and steradian, over the cell's q; transmission: of cell and content.
    dissolved (sub-beam, class), crystals (class,) or (sub-beam, class): volume fractions, means along the path.
    """

    curve: FloatArray
    transmission: float
    beam: Footprint
    dissolved: FloatArray
    crystals: FloatArray

    def mean_over_beam(self) -> FloatArray:
        """phi (class,) of solution and crystals over the open footprint, not weighted by transmission."""
        return np.asarray(self.beam.share @ self.dissolved / self.beam.open + self.crystals_over_beam())

    def crystals_over_beam(self) -> FloatArray:
        """phi (class,) of the crystals alone, the same mean."""
        spread = self.crystals.ndim == 1
        return self.crystals if spread else np.asarray(self.beam.share @ self.crystals / self.beam.open)


def crystals_in_footprint(beam: Footprint, per_area_um: FloatArray) -> FloatArray:
    """Volume fraction (class,) of crystals in the open footprint, from their particle volume per area (um).

    What stands in the light of them times the beam's density at the anode: per area / 50 um for 34 um on the edge.
    """
    return np.asarray(per_area_um * (IN_THE_LIGHT * beam.at_anode))


def expose(cell: ScatteringCell, beam: Footprint, dissolved: FloatArray, crystals: FloatArray) -> Exposure:
    """A frame of solution (sub-beam, class) and crystals (class,) or (sub-beam, class): each sub-beam scatters with its own
    transmission.

    curve = t sum_i w_i T_i [solution_i + crystals_i + (1 - phi_i) solvent] + sum_i w_i T_i windows; with `cell.repeated` T is
    of what goes straight through, and what is scattered more than once is added.
    """
    content = dissolved + crystals
    passed = beam.share * cell.transmission(content)
    again = None
    if cell.repeated is not None:
        others = cell.path * _beside_the_dissolved(cell, passed, dissolved, crystals)
        again = cell.repeated.of_frame(cell.path * dissolved, others)
        passed = passed * again.unscattered
    seen = float(passed.sum())
    solvent = passed if again is None else passed / again.unscattered
    in_cell = (
        cell.together(passed, dissolved)
        + cell.crystalline(_seen(passed, crystals))
        + float(solvent @ (1.0 - content.sum(axis=1))) * cell.solvent
    )
    curve = cell.path * in_cell + seen * cell.window
    return Exposure(curve if again is None else curve + again.curve(passed), seen, beam, dissolved, crystals)


def _seen(passed: FloatArray, crystals: FloatArray) -> FloatArray:
    """Crystals (class,) times the light that passes them."""
    return float(passed.sum()) * crystals if crystals.ndim == 1 else np.asarray(passed @ crystals)


def _beside_the_dissolved(
    cell: ScatteringCell, passed: FloatArray, dissolved: FloatArray, crystals: FloatArray
) -> FloatArray:
    """dSigma/dOmega (1/m) of crystals, and of what dissolved particles do to each other, mean of the light that passes."""
    whole = cell.together(passed, dissolved) - cell.dissolved(passed @ dissolved)
    return np.asarray((whole + cell.crystalline(_seen(passed, crystals))) / max(float(passed.sum()), 1e-300))


def expose_empty(cell: ScatteringCell, beam: Footprint) -> Exposure:
    """A frame of the cell with nothing in it: the windows alone."""
    seen = beam.open * cell.window_transmission
    nothing = np.zeros((beam.share.size, cell.diameter.size))
    return Exposure(seen * cell.window, seen, beam, nothing, nothing[0])
