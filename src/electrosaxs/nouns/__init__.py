"""The validated data types: the one place to read first.

base: what a noun is (scipp data, checked unit and dims, counting variances, named shared sigmas), and Number.
maps: the quantities, in the order of the data flow. run: a measured run and its frame table. experiment: a run to simulate.
"""

from .base import LOWER_BOUND, FloatArray, Noun, Number
from .detector_geometry import DetectorGeometry
from .experiment import (
    ChargeModel,
    DetectorModel,
    Experiment,
    GrowthSettings,
    OutputSettings,
    ScanSettings,
    SourceBeam,
    StartingSolution,
    TransportSettings,
)
from .frame_source import FrameSource
from .maps import (
    CrystallineFraction,
    Diameter,
    DiameterDeviation,
    Flux,
    GrowthCurve,
    Intensity,
    Invariant,
    LatticeConstant,
    MassBalance,
    Polydispersity,
    RadialCounts,
    SampleIntensity,
    SizeDistribution,
    SliceFlux,
    SliceMeanFlux,
    StructureFactor,
    VolumeFraction,
)
from .results import (
    CurveSet,
    FrameRecord,
    LatticeAssignment,
    LineFit,
    Peak,
    RunResults,
    StartingSizeErrors,
    VoxelCorrelations,
)
from .run import (
    AnalysisSettings,
    Beam,
    Cell,
    DetectorFiles,
    FrameTable,
    Role,
    Run,
    RunTitle,
    Solution,
)
from .settings import Settings
from .voltage import VoltageProgram
