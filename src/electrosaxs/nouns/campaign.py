"""A campaign as its TOML names it: runs, films and micrographs, each of a cell under a voltage (docs/how-to/campaign.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .run import check_field
from .settings import Finite, NotNegative, Positive, Settings, WrongSetting

Join = Literal["field", "voltage", "none"]
Kind = Literal["run", "film", "micrographs"]
LARGEST_ANGLE_DEG, RADIANS_BELOW_DEG = 5.0, 0.02
Angle = Annotated[float, Field(gt=0, le=LARGEST_ANGLE_DEG)]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class ExSituCell(Settings):
    """The cell that a film or a sample of micrographs was grown in, and where its images or its finished results are.

    images: files or patterns; results: a folder that `gisaxs` or `islands` left, instead of images. Paths are relative to
    the file.
    """

    name: Name | None = None
    images: Annotated[list[str], Field(min_length=1)] | None = None
    results: Path | None = None
    voltage_V: Annotated[float, Field(gt=0, le=1e5)]
    gap_mm: Annotated[float, Field(gt=0, le=100)]
    duration_s: Positive | None = None
    voltage_V_sigma: NotNegative | None = None
    gap_mm_sigma: NotNegative | None = None

    @model_validator(mode="after")
    def _stands_the_field(self) -> ExSituCell:
        check_field("voltage_V", self.voltage_V, self.gap_mm)
        if not self._inputs() and self.results is None:
            raise WrongSetting(
                "images", "missing", "is required where there are no results",
                'give images = ["film.edf"], or results = "folder"',
            )  # fmt: skip
        if self._inputs() and self.results is not None:
            raise WrongSetting("results", self.results, "stands beside images", "give one of them")
        return self

    def _inputs(self) -> tuple[str, ...]:
        """Files and patterns that results are computed from."""
        return tuple(self.images or ())

    @property
    def called(self) -> str:
        """Its name, or what it is told by (`told_by`)."""
        return self.name or told_by(self.results, self._inputs())


def told_by(results: Path | None, inputs: Sequence[str]) -> str:
    """The results folder's name, or that of the first image, height map or image of particles with the folder it lies in."""
    if results is not None:
        return results.name
    first = Path(inputs[0])
    stem = "" if any(c in first.name for c in "*?[") else first.stem
    return "-".join(part for part in (first.parent.name, stem) if part)


class FilmMember(ExSituCell):
    """GISAXS of one dried film: what `electrosaxs gisaxs` takes."""

    geometry: Path | None = None
    incident_angle_deg: Angle | Annotated[list[Angle], Field(min_length=1)] | None = None
    energy_keV: Annotated[float, Field(gt=1, lt=200)] | None = None
    incident_angle_sigma_deg: Annotated[float, Field(gt=0, lt=5)] = 0.02
    hold_incident_angle: bool = False
    critical_angle_deg: Angle | None = None
    sample_rotation_deg: Finite = 0.0
    distance_m_sigma: NotNegative | None = None
    energy_keV_sigma: NotNegative | None = None
    core: str | None = None
    ligand: str = "1-dodecanethiol"
    mask: Path | None = None

    @property
    def angles_deg(self) -> tuple[float, ...]:
        """Stated angles of incidence: one for all images, or one for each."""
        given = self.incident_angle_deg
        return () if given is None else tuple(given) if isinstance(given, list) else (given,)

    @model_validator(mode="after")
    def _can_be_analysed(self) -> FilmMember:
        for key in ("geometry", "incident_angle_deg", "energy_keV"):
            if self.images is not None and getattr(self, key) is None:
                raise WrongSetting(key, "missing", "is required with images", "give it, or results instead of images")
        for angle in self.angles_deg:
            if angle < RADIANS_BELOW_DEG:
                raise WrongSetting(
                    "incident_angle_deg", f"{angle:g}", "must be in degrees, and this looks like radians",
                    f"{angle:g} rad is {57.29578 * angle:.3g} degrees",
                )  # fmt: skip
        return self


class MicrographMember(ExSituCell):
    """Fields of one sample: what `electrosaxs islands` takes. height_maps, packing: files or patterns beside the images, or
    instead of them."""

    um_per_pixel: Annotated[float, Field(ge=1e-5, le=1e3)] | None = None
    height_maps: tuple[str, ...] = ()
    um_per_level: Positive | None = None
    packing: tuple[str, ...] = ()
    crop: str | None = None
    lattice_constant_nm: Annotated[float, Field(ge=1, le=1000)] = 13.2

    def _inputs(self) -> tuple[str, ...]:
        return (*super()._inputs(), *self.height_maps, *self.packing)


@dataclass(frozen=True)
class RefusedMember:
    """A film or micrographs of which the file says what cannot be meant, and why. called: as `ExSituCell.called`; voltage_V,
    gap_mm, duration_s: as far as they can be meant."""

    called: str
    reason: str
    voltage_V: float | None = None
    gap_mm: float | None = None
    duration_s: float | None = None


@dataclass(frozen=True)
class Campaign:
    """The members of a campaign in the order of its file, their paths absolute."""

    runs: tuple[Path, ...]
    films: tuple[FilmMember | RefusedMember, ...]
    micrographs: tuple[MicrographMember | RefusedMember, ...]


class CampaignFile(Settings):
    """campaign.toml. runs: run.toml files, or folders of finished results. films, micrographs: those that can be meant."""

    runs: tuple[Path, ...] = ()
    films: tuple[FilmMember, ...] = ()
    micrographs: tuple[MicrographMember, ...] = ()

    @model_validator(mode="after")
    def _names_each_once(self) -> CampaignFile:
        given: list[tuple[str, Path | tuple[str, ...]]] = [("runs", run) for run in self.runs]
        given += [(f"{kind}.results", cell.results) for kind, cell in self._cells() if cell.results is not None]
        given += [(f"{kind}.images", tuple(cell.images)) for kind, cell in self._cells() if cell.images is not None]
        for place, (key, what) in enumerate(given):
            if (key, what) in given[:place]:
                shown = what if isinstance(what, Path) else ", ".join(what)
                raise WrongSetting(key, shown, "stands twice, and would count twice", "name each member once")
        return self

    def _cells(self) -> list[tuple[str, ExSituCell]]:
        return [*(("films", film) for film in self.films), *(("micrographs", one) for one in self.micrographs)]
