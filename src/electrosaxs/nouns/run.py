"""A measured run: what run.toml and the frame table say. Units stand in the names; see docs/formats.md.

The models check ranges; `io.run_toml` turns what they refuse into one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .base import FloatArray

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class Settings(BaseModel):
    """Base of every settings table: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cell(Settings):
    """The sealed cell: gap between the electrodes, path of the beam through the solution, and what may stand in the run
    instead of the frame table (voltage, where it is constant) or instead of the data (stage height of the anode). Lengths
    beyond the limits were meant in another unit."""

    gap_mm: Annotated[float, Field(gt=0, le=100)]
    path_length_mm: Annotated[float, Field(gt=0, le=1000)]
    temperature_K: Annotated[float, Field(gt=150, lt=500)] = 298.15
    voltage_V: Finite | None = None
    anode_height_um: Finite | None = None
    electrode_area_mm2: Positive | None = None


class Solution(Settings):
    """The starting solution: volume fraction of core + dry ligand shell, and materials by name. Shells per side; absent:
    the ligand's own."""

    volume_fraction: Fraction
    volume_fraction_sigma: NotNegative | None = None
    core: str = "Ag"
    ligand: str = "1-dodecanethiol"
    solvent: str = "toluene"
    dry_shell_nm: NotNegative | None = None
    solvated_shell_nm: NotNegative | None = None


class Beam(Settings):
    """Photon energy, vertical full width at half maximum, and pyFAI's polarisation factor."""

    energy_keV: Annotated[float, Field(gt=1, lt=200)]
    fwhm_um: Positive
    polarization: Annotated[float, Field(ge=-1, le=1)] = 0.99


class DetectorFiles(Settings):
    """The geometry file of pyFAI and, where there is one, a mask on top of the detector's own (1 = masked)."""

    geometry: Path
    mask: Path | None = None


class FrameSource(Settings):
    """Where the frames are: one NeXus file, or a folder of images with a CSV table."""

    nexus: Path | None = None
    images: Path | None = None
    table: Path | None = None

    @model_validator(mode="after")
    def _one_form(self) -> FrameSource:
        if (self.nexus is None) == (self.table is None):
            raise ValueError("give either nexus, or images with table")
        if self.images is not None and self.table is None:
            raise ValueError("images needs table, the CSV with one row per frame")
        return self


class AnalysisSettings(Settings):
    """The q window and its bins, and the thickness of the slice next to the anode."""

    q_min_per_nm: Positive = 0.1
    q_max_per_nm: Positive = 3.5
    bins: Annotated[int, Field(ge=50, le=10_000)] = 500
    slice_um: Positive = 50.0

    @model_validator(mode="after")
    def _ordered(self) -> AnalysisSettings:
        if self.q_max_per_nm <= self.q_min_per_nm:
            raise ValueError("q_max_per_nm must be above q_min_per_nm")
        return self


class RunTitle(Settings):
    """What the run is called in figures and report."""

    title: str = "untitled"


class Run(Settings):
    """One cell filling under one voltage program; paths are absolute once read."""

    run: RunTitle = RunTitle()
    cell: Cell
    solution: Solution
    beam: Beam
    detector: DetectorFiles
    frames: FrameSource
    analysis: AnalysisSettings = AnalysisSettings()


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
    transmission: of that frame, cell and content. `file` is empty in the NeXus form.
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

    def __len__(self) -> int:
        return len(self.role)

    def is_role(self, role: Role) -> npt.NDArray[np.bool_]:
        return np.asarray(self.role == str(role))
