"""A micrograph to simulate: what the section [micrograph] of a TOML file says (docs/how-to/islands.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .settings import Finite, NotNegative, Positive, Settings

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
            raise ValueError(f"base_edge_um / um_per_pixel = {edge:.3g} px must be from 6 px to the side of the image")
        if 2.0 * self.thickness_um > self.base_edge_um * (1.0 - 2.0 * self.base_edge_spread):
            raise ValueError("thickness_um must be below half of the smaller base edges: a tetrahedron has a height")
        return self


class MicrographFile(Settings):
    """A TOML file that describes micrographs to simulate."""

    micrograph: MicrographSettings
