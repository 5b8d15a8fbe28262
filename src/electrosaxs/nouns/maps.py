"""The quantities of the experiment, in the order in which the data flow through them.

Curves have dims (frame, q) while they stream; maps have dims (scan, height) with a two-dimensional `time`, because
every frame has its own time and a scan is not a snapshot. `height` is above the anode surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipp as sc

from ..errors import ShapeError, UnitError
from .base import FloatArray, Noun

CURVES = (("frame", "q"), ("scan", "height", "q"), ("q",), ("scan", "q"))
MAP = (("scan", "height"), ("frame",))
MAP_COORDS = {"height": "um", "time": "s"}


@dataclass(frozen=True, eq=False)
class RadialCounts:
    """Photons counted in each q bin, and what they are to be divided by.

    counts: dims (frame, q), unit counts, integer-valued, variance exactly the counts (Poisson, no floor).
    norm: dims (frame, q), dimensionless: solid angle x polarisation summed over the pixels that counted, relative
    to a pixel on the axis, as pyFAI's normalisation. Not included: monitor, transmission, background.
    """

    counts: sc.DataArray
    norm: sc.Variable

    def __post_init__(self) -> None:
        if self.counts.unit != sc.Unit("counts"):
            raise UnitError(f"RadialCounts has unit {self.counts.unit}: it must be counts")
        if tuple(self.counts.dims) != ("frame", "q") or self.norm.dims != self.counts.dims:
            raise ShapeError("RadialCounts has dims (frame, q) in counts and norm")
        if "q" not in self.counts.coords or self.counts.coords["q"].unit != sc.Unit("1/nm"):
            raise UnitError("RadialCounts must carry a coordinate q in 1/nm")

    @property
    def q(self) -> FloatArray:
        return np.asarray(self.counts.coords["q"].values)


class Intensity(Noun):
    """Scattered intensity per incident photon and transmission, mean over the pixels of a bin: counts / norm / monitor
    / transmission x (mean monitor). Relative scale, unit one. Not included: solvent subtraction."""

    NAME: ClassVar[str] = "intensity"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = CURVES
    COORDS: ClassVar = {"q": "1/nm"}


class SampleIntensity(Noun):
    """Intensity less that of the solvent-filled cell: the particles alone.

    Variances are the sample frame's own counting only; the solvent's sigma is `shared["background"]`.
    """

    NAME: ClassVar[str] = "curves"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = CURVES
    COORDS: ClassVar = {"q": "1/nm"}


class Invariant(Noun):
    """Integral of I q^2 dq from 0 to infinity, window plus low-q and high-q parts, 1/nm^3 on the intensity's scale."""

    NAME: ClassVar[str] = "invariant"
    UNIT: ClassVar[str] = "1/nm^3"
    DIMS: ClassVar = MAP


class VolumeFraction(Noun):
    """phi: volume fraction of core + dry ligand shell, averaged over the beam's footprint; at the anode solution and
    crystals together. Not the core fraction, not the hydrodynamic one."""

    NAME: ClassVar[str] = "volume_fraction"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = MAP
    COORDS: ClassVar = MAP_COORDS


class Diameter(Noun):
    """Number-weighted mean diameter of the core."""

    NAME: ClassVar[str] = "diameter"
    UNIT: ClassVar[str] = "nm"
    DIMS: ClassVar = MAP
    COORDS: ClassVar = MAP_COORDS


class DiameterDeviation(Noun):
    """Number-weighted standard deviation (delta) of the core diameter."""

    NAME: ClassVar[str] = "deviation"
    UNIT: ClassVar[str] = "nm"
    DIMS: ClassVar = MAP
    COORDS: ClassVar = MAP_COORDS


class Polydispersity(Noun):
    """delta / d, dimensionless."""

    NAME: ClassVar[str] = "polydispersity"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = MAP
    COORDS: ClassVar = MAP_COORDS


class SizeDistribution(Noun):
    """d phi / dd: volume fraction (core + dry shell) per nm of core diameter, so that its integral over the diameter is phi
    of the observable sizes. Volume-weighted, absolute: what a sealed cell conserves is its integral over z, size by
    size; `shares` gives it per volume. Not included: sizes under the mask `not_observable`, whose values are the
    prior's. Optional coordinates: `starting_solution` (diameter,), the same of the starting solution; `undetected`, the
    density up to which a narrow population would not show (a limit, not part of the sigma); `conserved` (scan,), 1 where
    the sum of each size over the cell was held to that of the starting solution, 0 where each height is on its own."""

    NAME: ClassVar[str] = "size_distribution"
    UNIT: ClassVar[str] = "1/nm"
    DIMS: ClassVar = (("scan", "height", "diameter"), ("frame", "diameter"))
    COORDS: ClassVar = {"diameter": "nm"}

    @property
    def shares(self) -> FloatArray:
        """Volume share per nm: values over their integral (trapezoids over the observable sizes), NaN where masked."""
        density, d = np.where(self.good, self.values, np.nan), self.coord("diameter")
        total = np.nansum(0.5 * np.diff(d) * (density[..., 1:] + density[..., :-1]), axis=-1)
        return np.asarray(density / np.where(total > 0.0, total, np.nan)[..., None])


class MassBalance(Noun):
    """Particle volume in the cell over that at field-on, dims (scan,): 1 in a sealed cell until particles leave the
    scanned region."""

    NAME: ClassVar[str] = "mass_balance"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = (("scan",),)
    COORDS: ClassVar = {"time": "s"}


class GrowthCurve(Noun):
    """phi of the slice next to the anode against time, dims (scan,)."""

    NAME: ClassVar[str] = "growth"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = (("scan",),)
    COORDS: ClassVar = {"time": "s"}


class SliceFlux(Noun):
    """Accumulation rate of the slice next to the anode: slice thickness x d phi/dt, positive when it fills. It is the
    paper's flux and not the flux through the slice's upper face once particles leave it."""

    NAME: ClassVar[str] = "flux_slice"
    UNIT: ClassVar[str] = "m/s"
    DIMS: ClassVar = (("scan",), ())
    COORDS: ClassVar = {}


class SliceMeanFlux(SliceFlux):
    """The same of the mean phi of the slice, where SliceFlux has that of the voxel at the anode: what the model calls the flux
    into the slice."""

    NAME: ClassVar[str] = "flux_slice_mean"


class Flux(Noun):
    """J: particle volume flux towards the anode (m/s of particle volume per area), positive towards the anode."""

    NAME: ClassVar[str] = "flux"
    UNIT: ClassVar[str] = "m/s"
    DIMS: ClassVar = MAP
    COORDS: ClassVar = MAP_COORDS


class StructureFactor(Noun):
    """S(q) = I / (fitted form factor), 1 for particles that do not see each other."""

    NAME: ClassVar[str] = "structure_factor"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = CURVES
    COORDS: ClassVar = {"q": "1/nm"}


class LatticeConstant(Noun):
    """a of the conventional cubic cell (for HCP the nearest-neighbour distance), not the nearest-neighbour distance of FCC."""

    NAME: ClassVar[str] = "lattice_constant"
    UNIT: ClassVar[str] = "nm"
    DIMS: ClassVar = (("scan",), ("frame",), ())


class CrystallineFraction(Noun):
    """Share of the scattering particles of the voxel that sit in superlattices."""

    NAME: ClassVar[str] = "crystalline_fraction"
    UNIT: ClassVar[str] = "one"
    DIMS: ClassVar = (("scan",), ("frame",), ())
