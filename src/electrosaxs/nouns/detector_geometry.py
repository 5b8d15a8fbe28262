"""Where the detector stands, as a pyFAI geometry file says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SHORTEST_DISTANCE_M, LONGEST_DISTANCE_M = 0.01, 100.0
"""From sample to detector; what is outside was given in another unit."""

SIGMA = "_sigma:"


@dataclass(frozen=True)
class DetectorGeometry:
    """Lengths in m, rotations in rad, pyFAI's convention; wavelength_m is None where the file gives none.

    detector: the lines that say which detector it is (keys in lower case, values as text), which only pyFAI understands.
    comments: how it was made, how good it is and what the image could not fix.
    """

    source: Path
    distance_m: float
    poni1_m: float
    poni2_m: float
    rot1: float
    rot2: float
    rot3: float
    wavelength_m: float | None
    detector: Mapping[str, str]
    comments: tuple[str, ...] = ()

    @property
    def sigmas(self) -> dict[str, float]:
        """Standard deviations that `calibrate` left among the comments, by name (distance_m, poni1_m, rot1_rad, ...)."""
        found = {}
        for comment in self.comments:
            name, _, value = comment.partition(SIGMA)
            try:
                found[name.strip()] = abs(float(value))
            except ValueError:
                continue
        return found


def sigma_comments(sigmas: Mapping[str, float]) -> tuple[str, ...]:
    """The comments that `DetectorGeometry.sigmas` reads; a sigma of 0 was held and is left out."""
    return tuple(f"{name}{SIGMA} {sigma:.6g}" for name, sigma in sigmas.items() if sigma > 0.0)
