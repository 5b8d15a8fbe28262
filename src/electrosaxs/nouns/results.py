"""What an analysis (or the truth of a simulation, or a prediction) holds when it is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .base import FloatArray, Noun, Number
from .maps import (
    CrystallineFraction,
    Diameter,
    DiameterDeviation,
    Flux,
    GrowthCurve,
    LatticeConstant,
    MassBalance,
    Polydispersity,
    SampleIntensity,
    SizeDistribution,
    SliceFlux,
    SliceMeanFlux,
    StructureFactor,
    VolumeFraction,
)


@dataclass(frozen=True)
class Peak:
    """One diffraction peak: position, FWHM (1/nm), area of S - 1, with sigma; hkl is None where no lattice explains it."""

    q: float
    q_sigma: float
    fwhm: float
    area: float
    area_sigma: float
    significance: float
    hkl: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ExpectedReflection:
    """A reflection that a candidate expects at q (1/nm). fate: "found"; "absent", though it would stand out by
    `significance`; "smeared" by faults of the stacking; "hidden" by a zero of the form factor; "weak", too weak to be seen."""

    hkl: tuple[int, int, int]
    q: float
    significance: float
    fate: str


@dataclass(frozen=True)
class ReflectionRecord:
    """One candidate beside the peaks of the curve: its expected reflections, and q (1/nm) of the clear peaks that are no
    reflection of it."""

    reflections: tuple[ExpectedReflection, ...]
    unexplained: tuple[float, ...]

    def with_fate(self, fate: str) -> tuple[ExpectedReflection, ...]:
        return tuple(one for one in self.reflections if one.fate == fate)


@dataclass(frozen=True)
class LatticeAssignment:
    """Which lattice explains the peaks. lattice: a name of physics.lattices.CANDIDATES or None ("none of these").

    a: conventional lattice constant in nm (HCP, FCC/HCP: nearest-neighbour distance); scores: lattice -> chi-squared-like
    score, smaller is better; verdict says in words why. probabilities: of all that was tried, with what is none of them,
    1 together; empty where nothing was tried. against: candidate -> what its reflections are to the peaks.
    """

    lattice: str | None
    a: Number
    crystalline_fraction: Number
    peaks: tuple[Peak, ...]
    scores: Mapping[str, float]
    verdict: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    against: Mapping[str, ReflectionRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class CurveSet:
    """A few curves kept for the figures: intensity and fitted model, dims (frame, q); height (um) and time (s) per curve.

    counted (frame, q): what the invariant sums, the intensity less the fitted constant and less what crystals add to it
    and take from it; missing bins are the spheres'. window, invariant (frame,), intensity/nm^3: its sum of q^2 dq over the
    bins, and with what the fit has outside them. with_peaks (frame,): 1 where spheres and a lattice were fitted together.
    None where these were not kept.
    """

    intensity: SampleIntensity
    model: FloatArray
    height: FloatArray
    time: FloatArray
    diameter: FloatArray
    deviation: FloatArray
    counted: FloatArray | None = None
    window: FloatArray | None = None
    invariant: FloatArray | None = None
    with_peaks: FloatArray | None = None


@dataclass(frozen=True)
class LineFit:
    """phi = offset + slope t between t_start and t_end (s): the paper's linear fit of the growth curve."""

    slope: float
    slope_sigma: float
    offset: float
    t_start: float
    t_end: float


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One row of frames.csv. scan and height_index are -1 where the frame has no place in the map; flags empty when good."""

    index: int
    file: str
    role: str
    scan: int
    height_index: int
    height_um: float
    time_s: float
    used: bool
    flags: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, eq=False)
class VoxelCorrelations:
    """Correlations of the counting errors of phi, d and delta within each voxel, maps (scan, height): they come from the
    same photons."""

    phi_diameter: FloatArray
    phi_deviation: FloatArray
    diameter_deviation: FloatArray


@dataclass(frozen=True, eq=False)
class StartingSizeErrors:
    """How the errors of the starting solution's sizes, d (nm) and delta / d, hang together, and with those of the maps.

    covariance (2, 2): of their own errors. shared: contribution -> signed change (2,) per sigma of one number of the run,
    the same number as in the maps.
    """

    covariance: FloatArray
    shared: Mapping[str, FloatArray]


@dataclass(frozen=True, repr=False)
class RunResults:
    """Everything one run gave, as attributes. A field is None where it does not exist (the truth has no quality map)."""

    title: str
    volume_fraction: VolumeFraction
    diameter: Diameter | None = None
    deviation: DiameterDeviation | None = None
    polydispersity: Polydispersity | None = None
    size_distribution: SizeDistribution | None = None
    mass_balance: MassBalance | None = None
    growth: GrowthCurve | None = None
    growth_line: LineFit | None = None
    flux_slice: SliceFlux | None = None
    flux_slice_mean: SliceMeanFlux | None = None
    flux: Flux | None = None
    structure_factor: StructureFactor | None = None
    structure_factor_model: FloatArray | None = None
    lattice_constant: LatticeConstant | None = None
    crystalline_fraction: CrystallineFraction | None = None
    assignment: LatticeAssignment | None = None
    quality: Mapping[str, FloatArray] = field(default_factory=dict)
    correlations: VoxelCorrelations | None = None
    starting_errors: StartingSizeErrors | None = None
    curves: CurveSet | None = None
    numbers: Mapping[str, Number] = field(default_factory=dict)
    frames: tuple[FrameRecord, ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """What there is, in a few lines: the arrays are those of the attributes."""
        size = " x ".join(f"{length} {name}s" for name, length in self.volume_fraction.data.sizes.items())
        nouns = [one.name for one in fields(self) if isinstance(getattr(self, one.name), Noun)]
        return (
            f"<RunResults {self.title!r}: {size}; {', '.join(nouns)}; "
            f"{len(self.numbers)} numbers, {len(self.frames)} frames, {len(self.notes)} notes>"
        )
