"""A measured run: what run.toml and the frame table say. Units stand in the names; see docs/formats.md.

The models check ranges; `io.run_toml` turns what they refuse into one line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from .base import FloatArray
from .frame_source import FrameSource
from .material import REFERENCE_TEMPERATURE_K, TEMPERATURES_K, OwnMaterials
from .settings import Finite, NotNegative, Settings, WrongSetting
from .voltage import VoltageProgram

Mass = Literal["core", "core and ligand"]
AMOUNT = 'volume_fraction, or concentration_mg_mL with mass = "core" or "core and ligand"'
THINNEST_MM = 0.02  # path through the solution; what is thinner was given in another unit
FARTHEST_UM = 1e6  # a stage that travels one metre
DENSEST = 0.74  # spheres of core and dry shell cannot be packed closer
THICKEST_SHELL_NM = 50.0
LARGEST_Q_PER_NM = 200.0  # beyond it no detector of this method reaches
NARROW_GAP_MM = 0.1  # below it the gap is blamed where beam and gap do not fit together
NARROWEST_UM = 0.1  # FWHM of a beam; what is below was given in another unit
STRONGEST_FIELD_V_M = 3e6
"""30 kV/cm: here the air between the leads breaks down, and a solution of ions long before."""


def check_field(field: str, voltage_V: float, gap_mm: float) -> None:
    """WrongSetting, naming the key `field`, for a voltage that no cell of this gap stands."""
    strength = abs(voltage_V) / (1e-3 * gap_mm)
    if strength > STRONGEST_FIELD_V_M:
        raise WrongSetting(
            field, f"{voltage_V:g}",
            f"is a field of {1e-5 * strength:.3g} kV/cm over cell.gap_mm = {gap_mm:g}: no cell stands more than"
            f" {1e-5 * STRONGEST_FIELD_V_M:g} kV/cm",
            "give volts (19.95 V, not 19950 mV), and the gap in mm",
        )  # fmt: skip


def check_beam(beam: Beam, cell: Cell) -> None:
    """WrongSetting where the beam is as wide as the gap: one of the two was given in another unit."""
    if beam.fwhm_um >= 1e3 * cell.gap_mm:
        gap, width = ("cell.gap_mm", cell.gap_mm), ("beam.fwhm_um", beam.fwhm_um)
        told, other = (gap, width) if cell.gap_mm < NARROW_GAP_MM else (width, gap)
        raise WrongSetting(
            told[0], f"{told[1]:g}", f"the gap must be wider than the beam, and {other[0]} = {other[1]:g}",
            "give the distance between the electrodes in mm, the vertical full width at half maximum in um",
        )  # fmt: skip


def check_sigmas(table: Settings, keys: tuple[str, ...]) -> None:
    """WrongSetting for a standard deviation that is not below its value: it was given in another unit, or as a percentage."""
    for key in keys:
        value, sigma = getattr(table, key), getattr(table, f"{key}_sigma")
        if sigma is not None and sigma >= value:
            raise WrongSetting(
                f"{key}_sigma", f"{sigma:g}", f"must be below {key} = {value:g}", "give it in the unit of the value"
            )


class Cell(Settings):
    """The sealed cell: gap between the electrodes, path of the beam through the solution, and what may stand in the run
    instead of the frame table (voltage, where it is constant) or instead of the data (stage height of the anode). Lengths
    beyond the limits were meant in another unit."""

    gap_mm: Annotated[float, Field(gt=0, le=100)]
    path_length_mm: Annotated[float, Field(ge=THINNEST_MM, le=1000)]
    temperature_K: Annotated[float, Field(gt=TEMPERATURES_K[0], lt=TEMPERATURES_K[1])] = REFERENCE_TEMPERATURE_K
    voltage_V: Finite | None = None
    anode_height_um: Annotated[float, Field(ge=-FARTHEST_UM, le=FARTHEST_UM)] | None = None
    electrode_area_mm2: Annotated[float, Field(gt=0, le=1e6)] | None = None
    gap_mm_sigma: NotNegative | None = None
    path_length_mm_sigma: NotNegative | None = None
    temperature_K_sigma: NotNegative | None = None
    voltage_V_sigma: NotNegative | None = None

    @model_validator(mode="after")
    def _stands_the_field(self) -> Cell:
        check_field("voltage_V", self.voltage_V or 0.0, self.gap_mm)
        check_sigmas(self, ("gap_mm", "path_length_mm", "temperature_K"))
        return self


class Solution(Settings):
    """The starting solution: volume fraction of core + dry ligand shell, and materials by name; `materials`: the file's own
    tables of them. Shells per side; absent: the ligand's own.

    concentration_mg_mL of `mass` may stand instead of volume_fraction, which is NaN until the sizes of the cores are known
    (physics.concentration).
    """

    volume_fraction: Annotated[float, Field(gt=0, le=DENSEST)] = math.nan
    volume_fraction_sigma: NotNegative | None = None
    concentration_mg_mL: Annotated[float, Field(gt=0, le=1e4)] | None = None
    concentration_mg_mL_sigma: NotNegative | None = None
    mass: Mass | None = None
    core: str = "Ag"
    ligand: str = "1-dodecanethiol"
    solvent: str = "toluene"
    dry_shell_nm: Annotated[float, Field(ge=0, le=THICKEST_SHELL_NM)] | None = None
    solvated_shell_nm: Annotated[float, Field(ge=0, le=THICKEST_SHELL_NM)] | None = None
    materials: OwnMaterials = OwnMaterials()

    @model_validator(mode="after")
    def _one_concentration(self) -> Solution:
        phi, mass = self.volume_fraction, self.concentration_mg_mL
        if math.isnan(phi) and mass is None:
            raise WrongSetting("volume_fraction", "missing", "is required", f"give {AMOUNT}")
        if mass is not None and not math.isnan(phi):
            raise WrongSetting(
                "concentration_mg_mL", f"{mass:g}", "stands beside volume_fraction", f"give one: {AMOUNT}"
            )
        for key in ("mass", "concentration_mg_mL_sigma"):
            if mass is None and getattr(self, key) is not None:
                raise WrongSetting(
                    key, getattr(self, key), "belongs to concentration_mg_mL", "give that too, or neither"
                )
        if mass is not None and self.mass is None:
            raise WrongSetting(
                "mass", "missing", "belongs to concentration_mg_mL", 'give mass = "core" or "core and ligand"'
            )
        if mass is not None and self.volume_fraction_sigma is not None:
            raise WrongSetting(
                "volume_fraction_sigma", f"{self.volume_fraction_sigma:g}", "belongs to volume_fraction",
                "give concentration_mg_mL_sigma",
            )  # fmt: skip
        for key in ("volume_fraction", "concentration_mg_mL"):
            sigma, value = getattr(self, f"{key}_sigma"), getattr(self, key)
            if sigma is not None and sigma >= value:
                raise WrongSetting(
                    f"{key}_sigma", f"{sigma:g}", f"must be below {key} = {value:g}", "give it in the unit of the value"
                )
        return self


class Beam(Settings):
    """Photon energy, vertical full width at half maximum, and pyFAI's polarisation factor. transmission_sigma: standard
    deviation of one reading of the transmission where no light passes; absent: looked for in frames behind the anode."""

    energy_keV: Annotated[float, Field(gt=1, lt=200)]
    fwhm_um: Annotated[float, Field(ge=NARROWEST_UM, le=1e5)]
    polarization: Annotated[float, Field(ge=-1, le=1)] = 0.99
    energy_keV_sigma: NotNegative | None = None
    fwhm_um_sigma: NotNegative | None = None
    transmission_sigma: Annotated[float, Field(ge=0, lt=0.1)] | None = None

    @model_validator(mode="after")
    def _known_to_a_part(self) -> Beam:
        check_sigmas(self, ("energy_keV", "fwhm_um"))
        return self


class DetectorFiles(Settings):
    """The geometry file of pyFAI and, where there is one, a mask on top of the detector's own (1 = masked); the standard
    deviation of the distance, where it is not that which `calibrate` left in the geometry file. dead_time_ns: of a pixel
    after each photon, corrected for; absent: looked for in the curves."""

    geometry: Path
    mask: Path | None = None
    distance_m_sigma: NotNegative | None = None
    dead_time_ns: Annotated[float, Field(ge=0, le=1e5)] | None = None


SLICE_UM = 50.0
"""The slice next to the anode of Yu 2018, of which the flux is told, planned and held where nothing else is said."""
FEWEST_BINS = 50  # of a q window: fewer do not follow a form factor


class AnalysisSettings(Settings):
    """The q window and its bins, and the thickness of the slice next to the anode."""

    q_min_per_nm: Annotated[float, Field(ge=1e-4, le=LARGEST_Q_PER_NM)] = 0.1
    q_max_per_nm: Annotated[float, Field(ge=1e-4, le=LARGEST_Q_PER_NM)] = 3.5
    bins: Annotated[int, Field(ge=FEWEST_BINS, le=10_000)] = 500
    slice_um: Annotated[float, Field(ge=1, le=1e5)] = SLICE_UM

    @model_validator(mode="after")
    def _ordered(self) -> AnalysisSettings:
        if self.q_max_per_nm <= self.q_min_per_nm:
            raise WrongSetting(
                "q_min_per_nm", f"{self.q_min_per_nm:g}", f"must be below q_max_per_nm = {self.q_max_per_nm:g}",
                "give both in 1/nm (1/A x 10)",
            )  # fmt: skip
        return self


class RunTitle(Settings):
    """What the run is called in figures and report."""

    title: str = "untitled"


class Run(Settings):
    """One cell filling under one voltage program, which may say when the voltage changed better than the frames do; paths are
    absolute once read."""

    run: RunTitle = RunTitle()
    cell: Cell
    solution: Solution
    beam: Beam
    detector: DetectorFiles
    frames: FrameSource
    voltage: VoltageProgram | None = None
    analysis: AnalysisSettings = AnalysisSettings()

    @model_validator(mode="after")
    def _fits_together(self) -> Run:
        check_beam(self.beam, self.cell)
        if self.analysis.slice_um > 1e3 * self.cell.gap_mm:
            raise WrongSetting(
                "analysis.slice_um", f"{self.analysis.slice_um:g}", f"must not be above cell.gap_mm = {self.cell.gap_mm:g}",
                "give the thickness of the slice next to the anode in um",
            )  # fmt: skip
        return self


class Role(StrEnum):
    """What stood in the beam (docs/formats.md): `reference` is the starting solution without field, `solvent` the cell
    without particles, `empty` the cell with nothing."""

    SAMPLE = "sample"
    REFERENCE = "reference"
    SOLVENT = "solvent"
    EMPTY = "empty"
    DARK = "dark"
    ALIGNMENT = "alignment"


@dataclass(frozen=True)
class FrameTable:
    """One row per frame, arrays of one length; NaN where the table has no value. `source` names the file it came from.

    height: stage height of the beam centre (um); time: middle of the exposure from field-on (s); voltage (V) and
    current (A), None where the table has no such column; exposure (s); monitor: counts over the exposure;
    transmission: of that frame, cell and content. `file` is empty in the NeXus form. `origin`: in words, where columns come
    from that a beamline named and how they were converted. `place`: number of each row's frame among the frames of the
    files, None where they are the same.
    """

    role: npt.NDArray[np.str_]
    height: FloatArray
    time: FloatArray
    exposure: FloatArray
    monitor: FloatArray
    transmission: FloatArray
    voltage: FloatArray | None
    current: FloatArray | None
    file: tuple[str, ...]
    source: Path
    origin: tuple[str, ...] = ()
    place: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.role)

    def first(self, frames: int) -> FrameTable:
        """The first `frames` rows."""
        cut = {
            one.name: values[:frames]
            for one in fields(self)
            if one.name not in ("source", "origin") and (values := getattr(self, one.name)) is not None
        }
        return replace(self, **cut)

    def is_role(self, role: Role) -> npt.NDArray[np.bool_]:
        return np.asarray(self.role == str(role))
