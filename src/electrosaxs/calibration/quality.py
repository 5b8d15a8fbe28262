"""When a calibration is to be believed.

The numbers that speak for or against it, and the one sentence that refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray

FEWEST_SECTORS = 8
LEAST_COVERAGE_DEG = 8.0
LEAST_EXPLAINED = 0.55
LEAST_RINGS_SHOWN = 0.7
LEAST_SECTORS_ACCEPTED = 0.4
MOST_RING_SCATTER = 0.005
MOST_SCATTER_WIDTHS = 0.5
LEAST_ALLOWED_SCATTER_PX = 0.7
MOST_WIDTH_SPACINGS = 0.25
MOST_DISTANCE_SIGMA = 0.02
MOST_CENTRE_SIGMA_PX = 10.0
ENERGY_PULL = 3.5
ENERGY_DEVIATION = 0.03
ENERGY_FIXED = 0.1


@dataclass(frozen=True)
class Quality:
    """What the gate looks at.

    rings: ring numbers (from 1) used; missing: predicted on the detector, inside the outermost ring, not found;
    points and sectors_tried: control points used and sectors fitted; coverage_deg: azimuth covered by any ring, in
    steps of 2 degrees; rms_px: of the residuals; scatter_px: of it what counting noise does not explain; explained:
    share of all crest points in the image that lie on predicted rings; ring_scatter: relative shift of whole rings
    (NaN below three rings); width_px: median Gaussian sigma of the rings; width_spacings: largest over the distance
    to the next ring; relative sigma of the distance, sigma of the centre (px); energy_ratio, energy_sigma: energy
    that the rings alone would give, over the one stated.
    """

    rings: tuple[int, ...]
    missing: tuple[int, ...]
    points: int
    sectors_tried: int
    coverage_deg: float
    rms_px: float
    scatter_px: float
    explained: float
    ring_scatter: float
    width_px: float
    width_spacings: float
    distance_relative_sigma: float
    centre_sigma_px: float
    energy_ratio: float
    energy_sigma: float

    @property
    def rings_shown(self) -> float:
        return len(self.rings) / max(len(self.rings) + len(self.missing), 1)


@dataclass(frozen=True)
class Refusal:
    """One unmet rule: field, value, rule and remedy of the error message."""

    field: str
    value: str
    rule: str
    remedy: str


NUMBERING = "check calibrant and energy; give the distance as a guess; mask what is not powder rings"


Rules = list[tuple[bool, Refusal]]


def refusals(quality: Quality, *, distance_given: bool) -> list[Refusal]:
    """Every rule that the calibration breaks, most telling first; empty where it is good."""
    rules = _rules_of_amount(quality, distance_given) + _rules_of_identity(quality) + _rules_of_the_fit(quality)
    return [refusal for broken, refusal in rules if broken]


def _rules_of_amount(q: Quality, distance_given: bool) -> Rules:
    fewest = 1 if distance_given else 2
    rings = Refusal(
        "rings found",
        f"{len(q.rings)}",
        f"at least {fewest} rings number themselves",
        "move the detector closer, or give the distance as a guess where only one ring fits on the detector",
    )
    points = Refusal(
        "control points", f"{q.points}", f"at least {FEWEST_SECTORS} are needed", "expose longer or mask less"
    )
    return [(len(q.rings) < fewest, rings), (q.points < FEWEST_SECTORS, points)]


def _rules_of_identity(q: Quality) -> Rules:
    """Whether these are the rings of this calibrant at this energy."""
    width = Refusal(
        "ring width over ring spacing",
        f"{q.width_spacings:.2f}",
        f"a powder ring is sharper than {MOST_WIDTH_SPACINGS}",
        "this looks like a sample, not like a calibrant",
    )
    explained = Refusal(
        "crest points on predicted rings",
        f"{q.explained:.0%}",
        f"at least {LEAST_EXPLAINED:.0%} of the ridges of the image must lie on rings of the calibrant",
        NUMBERING,
    )
    shown = Refusal(
        "predicted rings that the image shows",
        f"{q.rings_shown:.0%} (missing {list(q.missing)})",
        f"at least {LEAST_RINGS_SHOWN:.0%} of those inside the outermost one",
        NUMBERING,
    )
    shifted = Refusal(
        "shift of whole rings against the calibrant",
        f"{q.ring_scatter:.2%}",
        f"the ratios of the ring radii must fit within {MOST_RING_SCATTER:.1%}",
        NUMBERING,
    )
    energy = Refusal(
        "energy that the rings alone give, over the one stated",
        f"{q.energy_ratio:.3f} +/- {q.energy_sigma:.3f}",
        f"must be 1 within {ENERGY_PULL:.1f} sigma",
        "correct the energy or the calibrant",
    )
    off = abs(q.energy_ratio - 1.0)
    return [
        (q.width_spacings > MOST_WIDTH_SPACINGS, width),
        (q.explained < LEAST_EXPLAINED, explained),
        (q.rings_shown < LEAST_RINGS_SHOWN, shown),
        (q.ring_scatter > MOST_RING_SCATTER, shifted),
        (q.energy_sigma < ENERGY_FIXED and off > max(ENERGY_DEVIATION, ENERGY_PULL * q.energy_sigma), energy),
    ]


def _rules_of_the_fit(q: Quality) -> Rules:
    allowed_px = max(MOST_SCATTER_WIDTHS * q.width_px, LEAST_ALLOWED_SCATTER_PX)
    scatter = Refusal(
        "residual beyond counting noise",
        f"{q.scatter_px:.2f} px",
        f"must stay below {allowed_px:.2f} px, half the width of the rings",
        "check the detector (pixel size, orientation, binning) and mask shadows",
    )
    sectors = Refusal(
        "sectors that show their ring",
        f"{q.points} of {q.sectors_tried}",
        f"at least {LEAST_SECTORS_ACCEPTED:.0%}",
        "a texture or a shadow; mask it, or expose longer",
    )
    coverage = Refusal(
        "azimuth covered",
        f"{q.coverage_deg:.0f} deg",
        f"at least {LEAST_COVERAGE_DEG:.0f} deg fix centre and distance",
        "move the beam nearer to the detector",
    )
    sigma = Refusal(
        "sigma of distance and centre",
        f"{q.distance_relative_sigma:.2%}, {q.centre_sigma_px:.1f} px",
        f"at most {MOST_DISTANCE_SIGMA:.0%} and {MOST_CENTRE_SIGMA_PX:.0f} px",
        "more rings or more azimuth are needed",
    )
    unsure = q.distance_relative_sigma > MOST_DISTANCE_SIGMA or q.centre_sigma_px > MOST_CENTRE_SIGMA_PX
    return [
        (q.scatter_px > allowed_px, scatter),
        (q.points < LEAST_SECTORS_ACCEPTED * q.sectors_tried, sectors),
        (q.coverage_deg < LEAST_COVERAGE_DEG, coverage),
        (unsure, sigma),
    ]


def azimuth_covered(azimuth_rad: FloatArray) -> float:
    """Degrees of azimuth with at least one control point, in steps of 2 degrees widened by one step to either side."""
    steps = np.unique((np.rad2deg(azimuth_rad) % 360.0 / 2.0).astype(int))
    touched = np.zeros(180, dtype=bool)
    for shift in (-1, 0, 1):
        touched[(steps + shift) % 180] = True
    return float(2.0 * touched.sum())
