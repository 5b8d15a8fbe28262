"""Islands on micrographs: what one field of view holds, and what a sample is made of.

Lengths of an island are in pixels of its image; a `Scale` turns them into micrometres. x to the right, y downwards, pixel
(0, 0) has its centre at 0, 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .base import FloatArray

COUNTED_SHARE = 0.3
"""An island counts where its centre lies in the area used and at least this share of its base shows."""


@dataclass(frozen=True)
class Scale:
    """Size of a pixel in micrometres, None where nothing tells it; `source`: what told it."""

    um_per_pixel: float | None
    source: str

    @property
    def unit(self) -> str:
        """Unit of lengths."""
        return "px" if self.um_per_pixel is None else "um"

    @property
    def length(self) -> float:
        """A pixel in `unit`."""
        return 1.0 if self.um_per_pixel is None else self.um_per_pixel

    @property
    def density_unit(self) -> str:
        return "1/Mpx" if self.um_per_pixel is None else "1/mm^2"

    def area(self, pixels: float) -> float:
        """Area of so many pixels in mm^2, or in millions of pixels."""
        return 1e-6 * pixels * self.length**2


@dataclass(frozen=True, eq=False)
class Island:
    """One island: its base triangle (centre, edge before its tips were cut, rotation 0 to 120 degrees from +x to a tip,
    counter-clockwise as one sees it, share of the edge cut at each tip), its top edge (nan: not resolved, `why_no_top`).

    visible: share of the exposed outline that is seen. exposed: share of the outline that no other island and no frame
    hides. shows: share of the base that no other island and no frame hides.
    thinner_than: thickness (px) above which its facets would be resolved, of an island measured thinner; else nan.
    probability: that it is an island. group: islands that touch share a number. border: the frame cuts it.
    """

    x: float
    y: float
    edge: float
    edge_sigma: float
    top_edge: float
    top_edge_sigma: float
    rotation_deg: float
    truncation: float
    visible: float
    exposed: float
    shows: float
    probability: float
    group: int
    border: bool
    centre_inside: bool
    outline: FloatArray
    why_no_top: str = ""
    thinner_than: float = float("nan")

    @property
    def visible_share(self) -> float:
        """Share of the whole outline that is seen."""
        return self.visible * self.exposed

    @property
    def counts(self) -> bool:
        """Whether it is one of the islands that make the density, if it is an island at all."""
        return self.centre_inside and self.shows >= COUNTED_SHARE

    @property
    def thickness_sigma(self) -> float:
        """Of sqrt(2/3) (L_base - L_top), in pixels."""
        return float(np.sqrt(2.0 / 3.0) * np.hypot(self.edge_sigma, self.top_edge_sigma))


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """What was found on one image. used: (left, top, width, height) in pixels. covered: share of the area that stands out.
    contrast: of the islands over the substrate's noise. flags: what a reader must know before he believes the count.
    edge_shared: sigma (px) of all base edges together, where a rim or a halo hides where they lie.
    edge_hidden: sigma (px) of all base edges together, where blur hides a facet before them.
    unseen: by how many the count may be too high, where most outlines are seen in part."""

    name: str
    shape: tuple[int, int]
    used: tuple[int, int, int, int]
    scale: Scale
    islands: tuple[Island, ...]
    covered: float
    contrast: float
    blur: float
    flags: tuple[str, ...] = ()
    edge_shared: float = 0.0
    unseen: float = 0.0
    edge_hidden: float = 0.0

    @property
    def area(self) -> float:
        """mm^2, or millions of pixels without a scale."""
        return self.scale.area(self.used[2] * self.used[3])

    @property
    def expected_count(self) -> float:
        """Sum of the probabilities of the islands that count."""
        return float(sum(island.probability for island in self.islands if island.counts))

    @property
    def found(self) -> tuple[Island, ...]:
        """Islands more likely than not."""
        return tuple(island for island in self.islands if island.probability >= 0.5)

    @property
    def triangular(self) -> bool:
        """Whether what was found is islands: else no number of it may be believed."""
        return not any(flag.startswith("not triangular") for flag in self.flags)


@dataclass(frozen=True, eq=False)
class Distribution:
    """A histogram or a curve over islands or particles: `values` in `value_unit` with `errors` at `axis`, whose unit is `unit`
    (um, nm or px)."""

    name: str
    axis_name: str
    axis: FloatArray
    values: FloatArray
    errors: FloatArray
    unit: str
    value_unit: str = "1"
