"""Micrographs to simulate, and closer looks at their islands: what the sections [micrograph], [height_map] and [packing] of a
TOML file say (docs/how-to/islands.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .settings import Finite, NotNegative, Positive, Settings, WrongSetting

Share = Annotated[float, Field(ge=0, lt=1)]
Side = Annotated[int, Field(ge=64, le=8192)]


class MicrographSettings(Settings):
    """Fields of one sample, and the microscope.

    islands: on each field on average (a Poisson number with `poisson`). merged: share of islands that touch or overlap
    another. base_edge_um: mean, and its relative standard deviation. truncation: share of the edge missing at each tip.
    contrast: island's top over substrate, in grey levels of 255. bar_px: rows of an information bar below the image.
    """

    images: Annotated[int, Field(ge=1, le=200)] = 3
    width_px: Side = 1024
    height_px: Side = 1024
    um_per_pixel: Positive = 0.2
    microscope: Literal["SEM", "optical"] = "SEM"
    islands: Annotated[int, Field(ge=0, le=5000)] = 90
    poisson: bool = False
    merged: Share = 0.33
    base_edge_um: Positive = 12.0
    base_edge_spread: Annotated[float, Field(ge=0, le=0.5)] = 0.12
    thickness_um: Positive = 1.3
    truncation: Annotated[float, Field(ge=0, le=0.3)] = 0.05
    one_orientation: bool = False
    contrast: Finite = 45.0
    facet_contrast: Finite = 80.0
    blur_px: NotNegative = 1.0
    noise: NotNegative = 8.0
    uneven_light: NotNegative = 0.15
    charging: NotNegative = 0.0
    dust: Annotated[int, Field(ge=0, le=1000)] = 5
    bar_px: Annotated[int, Field(ge=0, le=512)] = 0
    form: Literal["tif", "png", "jpg"] = "tif"
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _fits(self) -> MicrographSettings:
        edge = self.base_edge_um / self.um_per_pixel
        if edge < 6 or edge > min(self.width_px, self.height_px):
            raise WrongSetting(
                "base_edge_um", f"{self.base_edge_um:g}",
                f"is {edge:.3g} px of {self.um_per_pixel:g} um, and must be from 6 px to the side of the image",
                "give both in um, and as many pixels as an island needs",
            )  # fmt: skip
        if 2.0 * self.thickness_um > self.base_edge_um * (1.0 - 2.0 * self.base_edge_spread):
            raise WrongSetting(
                "thickness_um",
                f"{self.thickness_um:g}",
                "must be below half of the smaller base edges",
                "a tetrahedron has a height",
            )
        return self


class HeightMapSettings(Settings):
    """A map of the heights of the first field, as a scanning probe takes it: section [height_map].

    A square around the island that stands most alone. The tip is a ball on a cone of `tip_half_angle_deg`. tilt: of the sample.
    bow: of the scanner, at the middle of a side over the middle of the map. line_offset: standard deviation between lines.
    """

    side_um: Positive = 60.0
    pixels: Annotated[int, Field(ge=64, le=4096)] = 512
    tip_radius_nm: NotNegative = 10.0
    tip_half_angle_deg: Annotated[float, Field(ge=1, le=60)] = 18.0
    tilt_nm_per_um: NotNegative = 5.0
    bow_nm: Finite = 100.0
    line_offset_nm: NotNegative = 4.0
    noise_nm: NotNegative = 3.0

    @property
    def um_per_pixel(self) -> float:
        return self.side_um / self.pixels


class PackingSettings(Settings):
    """The (111) face on top of an island, at the magnification that resolves its particles: section [packing].

    strain: uniaxial, at constant area. drift: how far the sample moves along x and y while one unit of y is scanned. noise: in
    grey levels of 255, of which the middle of a particle is 90 above what is between them.
    """

    pixels: Annotated[int, Field(ge=64, le=4096)] = 512
    nm_per_pixel: Positive = 0.5
    lattice_constant_nm: Annotated[float, Field(ge=1, le=1000)] = 13.2
    core_diameter_nm: Positive = 7.1
    core_sigma_nm: NotNegative = 0.7
    displacement_nm: NotNegative = 0.3
    strain: Annotated[float, Field(gt=-0.2, lt=0.2)] = 0.0
    drift: tuple[Annotated[float, Field(gt=-0.2, lt=0.2)], Annotated[float, Field(gt=-0.2, lt=0.2)]] = (0.002, 0.001)
    blur_nm: NotNegative = 0.8
    noise: NotNegative = 20.0

    @model_validator(mode="after")
    def _resolves_particles(self) -> PackingSettings:
        if self.core_diameter_nm > self.lattice_constant_nm / 2**0.5:
            raise WrongSetting(
                "core_diameter_nm", f"{self.core_diameter_nm:g}",
                "must be at most lattice_constant_nm / sqrt(2), where cores touch", "give both in nm",
            )  # fmt: skip
        if self.core_diameter_nm < 4.0 * self.nm_per_pixel:
            raise WrongSetting(
                "nm_per_pixel", f"{self.nm_per_pixel:g}",
                "must be at most a quarter of core_diameter_nm, or no particle is resolved", "give more pixels",
            )  # fmt: skip
        return self


@dataclass(frozen=True)
class CloserLook:
    """What is taken of a sample beside its fields; None where it is not."""

    height_map: HeightMapSettings | None = None
    packing: PackingSettings | None = None


class MicrographFile(Settings):
    """A TOML file that describes micrographs to simulate."""

    micrograph: MicrographSettings
    height_map: HeightMapSettings | None = None
    packing: PackingSettings | None = None
