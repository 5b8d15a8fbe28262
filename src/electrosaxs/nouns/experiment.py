"""An experiment to simulate or predict: what experiment.toml says (docs/formats.md)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .detector_geometry import LONGEST_DISTANCE_M, SHORTEST_DISTANCE_M
from .film_experiment import DriedFilm
from .imperfections import Imperfections
from .nucleation import NucleationSettings
from .run import Beam, Cell, RunTitle, Solution, check_beam, check_field
from .settings import Finite, Positive, Settings, WrongSetting
from .voltage import VoltageProgram

ChargeModel = Literal["fast-exchange", "permanent", "neutralised-at-anode", "exchange"]
SPARSE: tuple[ChargeModel, ...] = ("permanent", "exchange")  # few particles at a time carry the charge of all
FieldModel = Literal["nominal", "electrode-loss", "conduction"]
Interactions = Literal["none", "hard-spheres"]
Order = Literal["as-given", "down", "alternating", "shuffled"]


NARROWEST, WIDEST = 1e-3, 0.6  # core_sigma_nm over core_diameter_nm
CORES_NM = (0.3, 1000.0)  # diameters; what is outside was given in another unit
LONGEST_S = 864_000.0  # an experiment of ten days; what is longer was given in another unit
WEAKEST_V = 0.05  # twice kT/e: a lower voltage moves nothing, and no source meter holds it
HIGHEST_CHARGE = 40.0  # elementary charges: in an apolar solvent a particle of 10 nm holds a few
MOST_FRAMES = 1_000_000
SMALLEST_SPAN = 0.2  # of the heights of a scan over the FWHM of the beam: all frames would see the same
FARTHEST_APART = 3.0  # of neighbours in a lattice, over particles that touch in the solvent
THICK_SHELL_NM = 3.0  # thicker than any of the built-in ligands


SIZES = "core_diameter_nm and core_sigma_nm (both in nm), or distribution = the path of a table"


class StartingSolution(Solution):
    """The solution of run.toml and the sizes in it: a Gaussian, or a table (columns diameter_nm, number)."""

    core_diameter_nm: Annotated[float, Field(ge=CORES_NM[0], le=CORES_NM[1])] | None = None
    core_sigma_nm: Positive | None = None
    distribution: Path | None = None

    @model_validator(mode="after")
    def _sizes_given_once(self) -> StartingSolution:
        sizes = {"core_diameter_nm": self.core_diameter_nm, "core_sigma_nm": self.core_sigma_nm}
        lacking = [key for key, value in sizes.items() if value is None]
        if self.distribution is not None and len(lacking) < 2:
            raise WrongSetting(
                "distribution",
                f'"{self.distribution}"',
                "stands beside core_diameter_nm or core_sigma_nm",
                f"give one: {SIZES}",
            )
        if self.distribution is None and lacking:
            raise WrongSetting(lacking[0], "missing", "is required", f"give {SIZES}")
        if self.core_diameter_nm and self.core_sigma_nm and self.core_sigma_nm > WIDEST * self.core_diameter_nm:
            raise WrongSetting(
                "core_sigma_nm", f"{self.core_sigma_nm:g}",
                f"must be at most {WIDEST:g} of core_diameter_nm = {self.core_diameter_nm:g}: a wider Gaussian has diameters "
                "below 0", "give the standard deviation in nm (not in per cent), or distribution",
            )  # fmt: skip
        if self.core_diameter_nm and self.core_sigma_nm and self.core_sigma_nm < NARROWEST * self.core_diameter_nm:
            raise WrongSetting(
                "core_sigma_nm", f"{self.core_sigma_nm:g}",
                f"must be at least {NARROWEST:g} of core_diameter_nm = {self.core_diameter_nm:g}: no particles are as equal",
                "give the standard deviation in nm (for one size 0.01)",
            )  # fmt: skip
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
    effective_charge: Annotated[float, Field(ge=-HIGHEST_CHARGE, le=HIGHEST_CHARGE)]
    charge_exponent: Annotated[float, Field(ge=-10, le=10)] = 2.0
    charge_of_charged: Annotated[float, Field(gt=0, le=1e4)] = 1.0
    charge_lifetime_s: Annotated[float, Field(gt=0, le=1e9)] = 1.0
    diffusivity_scale: Annotated[float, Field(ge=1e-6, le=1e3)] = 1.0
    immobile_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    immobile_diameter_nm: Annotated[float, Field(ge=CORES_NM[0], le=10 * CORES_NM[1])] = 3.0
    field_model: FieldModel = "nominal"
    electrode_loss: Annotated[float, Field(ge=0, lt=1)] | None = None
    carrier_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    conductivity_nS_per_m: Annotated[float, Field(gt=0, le=1e9)] | None = None
    interactions: Interactions = "none"

    @model_validator(mode="after")
    def _field_model_with_its_keys(self) -> TransportSettings:
        for key, model in (("electrode_loss", "electrode-loss"), ("carrier_share", "conduction")):
            value = getattr(self, key)
            if (value is not None) != (self.field_model == model):
                given = "missing" if value is None else f"{value:g}"
                raise WrongSetting(
                    key, given, f'{key} belongs to field_model = "{model}"; here it is "{self.field_model}"',
                    "give both or neither",
                )  # fmt: skip
        return self


class GrowthSettings(Settings):
    """Superlattices at the anode; without a solubility nothing grows."""

    solubility: Annotated[float, Field(gt=0, lt=1)] | None = None
    attachment_time_s: Annotated[float, Field(ge=0, le=10.0 * LONGEST_S)] = 0.0
    lattice_constant_nm: Annotated[float, Field(gt=CORES_NM[0], le=10 * CORES_NM[1])] | None = None


def check_lattice(growth: GrowthSettings, solution: StartingSolution, core_diameter_nm: float) -> None:
    """WrongSetting where cores of this mean diameter would overlap in the face-centred lattice, or be far from touching."""
    constant = growth.lattice_constant_nm
    if constant is None:
        return
    own = solution.materials.ligand.get(solution.ligand)
    shell = solution.solvated_shell_nm
    if shell is None:  # 0 is bare cores
        shell = own.solvated_shell_nm if own else THICK_SHELL_NM
    apart = constant / math.sqrt(2.0)
    mean = "solution.core_diameter_nm" if solution.distribution is None else "the mean of solution.distribution"
    if not core_diameter_nm <= apart * (1.0 + 1e-6):
        rule = f"cores would overlap: {mean} = {core_diameter_nm:g}, and neighbours are {apart:.3g} nm apart"
    elif apart > FARTHEST_APART * (core_diameter_nm + 2.0 * shell):
        rule = f"neighbours are {apart:.3g} nm apart, and {mean} = {core_diameter_nm:g} could not touch"
    else:
        return
    raise WrongSetting(
        "growth.lattice_constant_nm", f"{constant:g}", rule,
        "give both in nm (71 A is 7.1 nm); touching particles have sqrt(2) (core_diameter_nm + 2 solvated_shell_nm)",
    )  # fmt: skip


class ScanSettings(Settings):
    """Which heights are visited, how often, for how long, and in which order: as they are given, from above, up and down in
    turn, or each scan in an order of its own; and the frames before the field is switched on."""

    duration_s: Annotated[float, Field(gt=0, le=LONGEST_S)]
    heights_um: list[Finite] = Field(min_length=1)
    scans: Annotated[int, Field(ge=1, le=MOST_FRAMES)]
    order: Order = "as-given"
    exposure_s: Annotated[float, Field(ge=1e-5, le=LONGEST_S)] = 1.0
    reference_frames: Annotated[int, Field(ge=0, le=10_000)] = 6
    solvent_frames: Annotated[int, Field(ge=0, le=10_000)] = 6
    alignment: bool = True

    @model_validator(mode="after")
    def _so_many_frames(self) -> ScanSettings:
        frames = self.scans * len(self.heights_um)
        if frames > MOST_FRAMES:
            raise WrongSetting(
                "scans", self.scans, f"are {frames} frames over {len(self.heights_um)} heights, more than {MOST_FRAMES}",
                "give fewer scans or heights",
            )  # fmt: skip
        return self


class SourceBeam(Beam):
    """The beam, and how many photons per second it brings to the cell."""

    photons_per_s: Annotated[float, Field(ge=1e3, le=1e18)] = 3.0e10


class DetectorModel(Settings):
    """A detector by its name in pyFAI, and its distance from the cell."""

    name: str = "Pilatus2M"
    distance_m: Annotated[float, Field(ge=SHORTEST_DISTANCE_M, le=LONGEST_DISTANCE_M)] = 1.99389


class OutputSettings(Settings):
    """In which form the frames are written, and the seed that decides every count."""

    form: Literal["nexus", "cbf"] = "nexus"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1


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
    imperfections: Imperfections = Imperfections()
    nucleation: NucleationSettings | None = None
    dried_film: DriedFilm | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Experiment:
        check_beam(self.beam, self.cell)
        largest = max(self.voltage.voltage_V, key=abs)
        check_field("voltage.voltage_V", largest, self.cell.gap_mm)
        if 0.0 < abs(largest) < WEAKEST_V:
            raise WrongSetting(
                "voltage.voltage_V", f"{largest:g}", f"nowhere reaches {WEAKEST_V:g} V, so that nothing would move",
                "give volts (not kV), or 0 for no field",
            )  # fmt: skip
        heights = self.scan.heights_um
        if len(heights) > 1 and max(heights) - min(heights) < SMALLEST_SPAN * self.beam.fwhm_um:
            raise WrongSetting(
                "scan.heights_um", f"{min(heights):g} to {max(heights):g}",
                f"lie within {SMALLEST_SPAN:g} of the beam, beam.fwhm_um = {self.beam.fwhm_um:g}",
                "give the heights above the anode in um (not in mm)",
            )  # fmt: skip
        if self.dried_film is not None and self.nucleation is None:
            raise WrongSetting(
                "dried_film",
                "given",
                "shows the islands of [nucleation], which is missing",
                "give both tables, or neither",
            )
        if self.solution.core_diameter_nm is not None:
            check_lattice(self.growth, self.solution, self.solution.core_diameter_nm)
        return self
