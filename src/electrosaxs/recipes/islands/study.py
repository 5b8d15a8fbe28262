"""All that one call of `islands` found of a sample, and its numbers together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...io.micrograph import Micrograph
from ...nouns import Number
from ...nouns.heights import Face, Relief
from .numbers import Sample, numbers_of
from .packing import packing_numbers, unlikely
from .reliefs import relief_thickness, thickness_ratio


@dataclass(frozen=True, eq=False)
class Study:
    """sample: fields of view with islands, as many as `pictures`; None without micrographs. faces: images that resolve
    particles, with what was found. scored: against a truth."""

    sample: Sample | None
    pictures: tuple[Micrograph, ...]
    reliefs: tuple[Relief, ...]
    faces: tuple[tuple[Micrograph, Face], ...]
    scored: Mapping[str, Any] | None

    @property
    def title(self) -> str:
        parts = [(len(self.pictures), "image(s)"), (len(self.reliefs), "height map(s)"),
                 (len(self.faces), "image(s) of particles")]  # fmt: skip
        return "islands on " + ", ".join(f"{number} {what}" for number, what in parts if number)

    def numbers(self) -> dict[str, Number]:
        """All numbers of numbers.json."""
        return dict(self._numbers)

    @cached_property
    def _numbers(self) -> dict[str, Number]:
        probed = relief_thickness(self.reliefs) if self.reliefs else None
        numbers = numbers_of(self.sample, probed) if self.sample else {}
        if probed is not None:
            numbers |= {
                "island_thickness_afm": probed,
                "thickness_ratio": thickness_ratio(self.reliefs, probed, numbers),
            }
        if self.faces:
            numbers |= packing_numbers([face for _, face in self.faces])
        return numbers

    def doubt(self) -> str | None:
        """A spacing that is no spacing of nanocrystals."""
        return (unlikely(packing_numbers([face for _, face in self.faces])) or None) if self.faces else None
