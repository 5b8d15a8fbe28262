"""What a GISAXS image of a film gives: spots, reflections, which lattice stands how on the substrate, and its constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .base import FloatArray

Channel = Literal["T", "R"]
NO_LATTICE = "none"


@dataclass(frozen=True, eq=False)
class Spot:
    """A spot of an image. row, column: its centre (pixels, (0, 0) is the centre of the first one) with `covariance` (2, 2) in
    that order; shape (2, 2): covariance of its intensity; intensity with sigma, in the image's units.

    q_parallel (1/nm, negative to the left) and q_z (1/nm, inside the film, of the direct beam) with `q_sigma`, in that order;
    width_parallel: standard deviation of the intensity along q_parallel (1/nm).
    excluded: why it has no part in indexing, empty where it has.
    """

    image: int
    row: float
    column: float
    covariance: FloatArray
    shape: FloatArray
    intensity: float
    intensity_sigma: float
    background: float
    q_parallel: float
    q_z: float
    q_sigma: tuple[float, float]
    width_parallel: float
    excluded: str = ""

    @property
    def signal_to_noise(self) -> float:
        """Intensity over its sigma."""
        return self.intensity / self.intensity_sigma


@dataclass(frozen=True)
class Orientation:
    """A lattice with one of its planes on the substrate; normal is None where crystals have any orientation."""

    lattice: str
    normal: tuple[int, int, int] | None

    @property
    def texture(self) -> str:
        """How the crystals are turned."""
        return "random" if self.normal is None else "in-plane powder"

    @property
    def name(self) -> str:
        """FCC (111), or FCC random."""
        return f"{self.lattice} random" if self.normal is None else f"{self.lattice} ({self.plane})"

    @property
    def plane(self) -> str:
        """The plane on the substrate without brackets, "111"; empty where there is none."""
        return "" if self.normal is None else "".join(str(i) for i in self.normal)


@dataclass(frozen=True)
class FilmConstants:
    """The film: a (nm, conventional, of the unstrained cell in the plane; HCP: nearest neighbours) and its contraction along
    the normal; angles of incidence (rad, one per image), sine of the critical angle, place of the direct beam (pixels, from
    where the geometry has it: rows, columns) and turn of the film about the beam (rad); spot_shift: share of the computed
    shifts by which spots lie off their reflections; field_shift: of those by the waves' field."""

    a: float
    contraction: float
    incidence: tuple[float, ...]
    critical: float
    row_shift: float = 0.0
    column_shift: float = 0.0
    turn: float = 0.0
    spot_shift: float = 1.0
    field_shift: float = 1.0


@dataclass(frozen=True)
class Reflection:
    """A reflection expected on an image: place in pixels, what was found there, and how clearly it should stand out."""

    image: int
    hkl: tuple[int, int, int]
    channel: Channel
    variant: str
    row: float
    column: float
    q_parallel: float
    q_z: float
    expected_signal_to_noise: float
    status: str = "not found"
    spot: int | None = None


@dataclass(frozen=True)
class Assignment:
    """Which lattice explains the image. orientation None: none does. probabilities of all candidates with "none" among them;
    scores: logarithms of their likelihoods over that of "none"."""

    orientation: Orientation | None
    score: float
    runner_up: Orientation | None
    runner_up_score: float
    probabilities: Mapping[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Refined:
    """Constants with their covariance over `names`, the parameters that were free; held: name -> why the others were not.
    reduced: chi-squared per degree of freedom; scatter (pixels): what spots scatter beyond what their fits say."""

    constants: FilmConstants
    names: tuple[str, ...]
    covariance: FloatArray
    held: Mapping[str, str] = field(default_factory=dict)
    reduced: float = 1.0
    scatter: float = 0.0

    def sigma(self, name: str) -> float | None:
        """One standard deviation of a parameter, None where it was held."""
        return (
            float(np.sqrt(self.covariance[self.names.index(name), self.names.index(name)]))
            if name in self.names
            else None
        )
