"""An experiment to simulate or predict: what experiment.toml says (docs/formats.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .detector_geometry import LONGEST_DISTANCE_M
from .run import Beam, Cell, Finite, NotNegative, Positive, RunTitle, Settings, Solution

ChargeModel = Literal["fast-exchange", "permanent", "neutralised-at-anode", "exchange"]
FieldModel = Literal["nominal", "electrode-loss", "conduction"]
Interactions = Literal["none", "hard-spheres"]


WIDEST = 0.6  # core_sigma_nm over core_diameter_nm
NARROWEST_UM = 0.5  # FWHM of a beam; what is below was given in another unit


class StartingSolution(Solution):
    """The solution of run.toml and the sizes in it: a Gaussian, or a table (columns diameter_nm, number)."""

    core_diameter_nm: Positive | None = None
    core_sigma_nm: Positive | None = None
    distribution: Path | None = None

    @model_validator(mode="after")
    def _sizes_given_once(self) -> StartingSolution:
        gaussian = self.core_diameter_nm is not None and self.core_sigma_nm is not None
        if gaussian == (self.distribution is not None):
            raise ValueError("give core_diameter_nm and core_sigma_nm, or distribution")
        if self.core_diameter_nm and self.core_sigma_nm and self.core_sigma_nm > WIDEST * self.core_diameter_nm:
            raise ValueError(
                f"core_sigma_nm = {self.core_sigma_nm:g} must be at most {WIDEST:g} of core_diameter_nm ="
                f" {self.core_diameter_nm:g}: a wider Gaussian has diameters below 0; give distribution"
            )
        return self


class VoltageProgram(Settings):
    """Piecewise linear in time; constant before the first and after the last point."""

    time_s: list[Finite] = Field(min_length=1)
    voltage_V: list[Finite] = Field(min_length=1)

    @model_validator(mode="after")
    def _increasing(self) -> VoltageProgram:
        if len(self.time_s) != len(self.voltage_V):
            raise ValueError("time_s and voltage_V must have the same length")
        if any(b <= a for a, b in zip(self.time_s, self.time_s[1:], strict=False)):
            raise ValueError("time_s must increase")
        return self


class TransportSettings(Settings):
    """How particles carry charge, and what of the solution does not move.

    effective_charge: time average in elementary charges on a core of 7.1 nm. charge_of_charged: what a charged particle
    carries while it is charged, and charge_lifetime_s how long it stays so (models "permanent" and "exchange").
    diffusivity_scale multiplies Stokes-Einstein. immobile_fraction of phi sits in clusters that neither drift nor diffuse.

    field_model: "nominal" is V / L; "electrode-loss" V (1 - electrode_loss) / L; "conduction" E(z, t) of a solution of
    which charged particles carry carrier_share of the starting conductivity (conductivity_nS_per_m: for the current).
    interactions "hard-spheres": collective diffusion at the hydrodynamic volume fraction.
    """

    charge_model: ChargeModel = "fast-exchange"
    effective_charge: Finite
    charge_exponent: Finite = 2.0
    charge_of_charged: Positive = 1.0
    charge_lifetime_s: Positive = 1.0
    diffusivity_scale: Positive = 1.0
    immobile_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    immobile_diameter_nm: Positive = 3.0
    field_model: FieldModel = "nominal"
    electrode_loss: Annotated[float, Field(ge=0, lt=1)] | None = None
    carrier_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    conductivity_nS_per_m: Positive | None = None
    interactions: Interactions = "none"

    @model_validator(mode="after")
    def _field_model_with_its_keys(self) -> TransportSettings:
        for key, model in (("electrode_loss", "electrode-loss"), ("carrier_share", "conduction")):
            if (getattr(self, key) is not None) != (self.field_model == model):
                raise ValueError(f'{key} belongs to field_model = "{model}": give both or neither')
        return self


class GrowthSettings(Settings):
    """Superlattices at the anode; without a solubility nothing grows."""

    solubility: Annotated[float, Field(gt=0, lt=1)] | None = None
    attachment_time_s: NotNegative = 0.0
    lattice_constant_nm: Positive | None = None


class ScanSettings(Settings):
    """Which heights are visited, how often, for how long; and the frames before the field is switched on."""

    duration_s: Positive
    heights_um: list[Finite] = Field(min_length=1)
    scans: Annotated[int, Field(ge=1)]
    exposure_s: Positive = 1.0
    reference_frames: Annotated[int, Field(ge=0)] = 6
    solvent_frames: Annotated[int, Field(ge=0)] = 6
    alignment: bool = True


class SourceBeam(Beam):
    """The beam, and how many photons per second it brings to the cell."""

    fwhm_um: Annotated[float, Field(ge=NARROWEST_UM, allow_inf_nan=False)]
    photons_per_s: Positive = 3.0e10


class DetectorModel(Settings):
    """A detector by its name in pyFAI, and its distance from the cell."""

    name: str = "Pilatus2M"
    distance_m: Annotated[float, Field(gt=0, le=LONGEST_DISTANCE_M)] = 1.99389


class OutputSettings(Settings):
    """In which form the frames are written, and the seed that decides every count."""

    form: Literal["nexus", "cbf"] = "nexus"
    seed: Annotated[int, Field(ge=0)] = 1


class Experiment(Settings):
    """All that is needed to simulate or predict a run: the tables of experiment.toml."""

    run: RunTitle = RunTitle()
    cell: Cell
    solution: StartingSolution
    voltage: VoltageProgram
    transport: TransportSettings
    growth: GrowthSettings = GrowthSettings()
    scan: ScanSettings
    beam: SourceBeam
    detector: DetectorModel = DetectorModel()
    output: OutputSettings = OutputSettings()

    @model_validator(mode="after")
    def _beam_within_the_gap(self) -> Experiment:
        if self.beam.fwhm_um >= 1e3 * self.cell.gap_mm:
            raise ValueError(
                f"beam.fwhm_um = {self.beam.fwhm_um:g} must be below the gap of {1e3 * self.cell.gap_mm:g} um; give the"
                " vertical full width at half maximum in micrometres"
            )
        return self
