"""Maps and curves of a GISAXS image: intensity over (q_z, q_parallel), over |q|, over the tilt of the crystals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from .base import Noun


class FilmPattern(Noun):
    """Mean value of the pixels at each (q_z, q_parallel), in the image's units (counts); q_z inside the film, of the direct
    beam; q_parallel negative to the left. NaN where no pixel looks: gaps, beam stop, the wedge about q_parallel = 0."""

    DIMS: ClassVar[tuple[tuple[str, ...], ...]] = (("q_z", "q_parallel"),)
    COORDS: ClassVar[Mapping[str, str]] = {"q_z": "1/nm", "q_parallel": "1/nm"}


class RadialIntensity(Noun):
    """Mean value of the pixels above the horizon at each |q|, in the image's units: no powder average, for an oriented film
    shows at each |q| only the directions that cross the Ewald sphere."""

    DIMS: ClassVar[tuple[tuple[str, ...], ...]] = (("q",),)
    COORDS: ClassVar[Mapping[str, str]] = {"q": "1/nm"}


class MosaicProfile(Noun):
    """Intensity along the arcs of clear spots over the tilt from their middle, each with its largest value as 1, averaged."""

    DIMS: ClassVar[tuple[tuple[str, ...], ...]] = (("angle",),)
    COORDS: ClassVar[Mapping[str, str]] = {"angle": "deg"}
