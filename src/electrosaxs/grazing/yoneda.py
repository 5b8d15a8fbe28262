"""The Yoneda band of an image: diffuse scattering is brightest where rays leave at the film's critical angle, and falls to
nothing at the horizon (Yoneda 1963). It tells the mean density of what lies on the substrate, of islands with gaps too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..nouns.base import FloatArray
from ..nouns.film import Spot
from ..physics.film_frame import Incidence
from ..physics.refraction import Index
from .geometry import DetectorPlane, film_coordinates
from .noise import MAD_TO_SIGMA
from .ring_profile import under
from .spots import PreparedImage

LOWEST, HIGHEST = np.radians(-0.3), np.radians(1.0)  # of exit angles that are looked at
CLEAR_OF_ROD = 0.3  # 1/nm
BANDS, LEAST_BANDS = 16, 5  # of q_parallel; with pixels in most steps
STEPS = 65
MEDIAN_SIGMA = 1.25  # of a median over that of a mean
BESIDE = 12  # steps between the band and what is beside it
LEAST_CONTRAST = 0.1  # of the band over what is beside it
AGREE = np.radians(0.06)  # spread of the angles that the bands tell: where they differ by more there is no Yoneda band
PLACE_SHARE = 0.1  # of the angle: what the detector's spread and absorption do to the place of the maximum


def yoneda_angle(
    image: PreparedImage, plane: DetectorPlane, angle: float, spots: Sequence[Spot]
) -> tuple[float, float] | None:
    """(critical angle, sigma) in rad for a beam that meets the film under `angle` (rad); None where no band stands out at the
    same exit angle in most parts of the image."""
    profiles = _profiles(image, plane, angle, spots)
    exit_angle = LOWEST + (np.arange(STEPS) + 0.5) * (HIGHEST - LOWEST) / STEPS
    inside = np.flatnonzero(exit_angle > 0.0)[:-BESIDE]
    beside = np.maximum(profiles[:, inside - BESIDE], profiles[:, inside + BESIDE])
    over = profiles[:, inside] / np.maximum(beside, 1e-12) - 1.0
    highest = over.max(axis=1, initial=0.0)
    told = exit_angle[inside[over.argmax(axis=1)]][highest > LEAST_CONTRAST]
    if told.size < LEAST_BANDS:
        return None
    middle = float(np.median(told))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(told - middle)))
    sigma = np.hypot(MEDIAN_SIGMA * spread / np.sqrt(told.size), PLACE_SHARE * middle)
    return (middle, float(sigma)) if spread < AGREE else None


def _profiles(image: PreparedImage, plane: DetectorPlane, angle: float, spots: Sequence[Spot]) -> FloatArray:
    """Mean value over steps of the exit angle (band, step) of bands of q_parallel, over its own mean and over three steps."""
    count, total = exit_sums(image, plane, angle, spots, lowest=LOWEST, highest=HIGHEST, steps=STEPS)
    whole = (count > 0).all(axis=1) & (total.sum(axis=1) > 0.0)
    profile = total[whole] / count[whole]
    profile = profile / profile.mean(axis=1, keepdims=True)
    beside = np.pad(profile, ((0, 0), (1, 1)), mode="edge")
    return 0.25 * beside[:, :-2] + 0.5 * profile + 0.25 * beside[:, 2:]


def exit_sums(
    image: PreparedImage, plane: DetectorPlane, angle: float, spots: Sequence[Spot], *, lowest: float, highest: float,
    steps: int,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Used pixels and the sum of their values (band, step) in steps of the exit angle, lowest to highest in rad, and in bands
    of q_parallel; without the rod and without spots."""
    row, column = np.nonzero(~(image.bad | under(spots, image.values.shape)))
    parallel, exit_sine = film_coordinates(plane, Incidence(angle, Index(0.0, 0.0)), row, column)
    step = np.floor((np.arcsin(np.clip(exit_sine, -1.0, 1.0)) - lowest) / (highest - lowest) * steps).astype(int)
    use = (step >= 0) & (step < steps) & (np.abs(parallel) > CLEAR_OF_ROD)
    if not use.any():
        return np.zeros((0, steps)), np.zeros((0, steps))
    edges = np.linspace(CLEAR_OF_ROD, float(np.abs(parallel[use]).max()), BANDS + 1)
    band = np.clip(np.digitize(np.abs(parallel[use]), edges) - 1, 0, BANDS - 1)
    cell, size = band * steps + step[use], BANDS * steps
    count = np.bincount(cell, minlength=size).reshape(BANDS, steps)
    total = np.bincount(cell, weights=image.values[row[use], column[use]], minlength=size).reshape(BANDS, steps)
    return np.asarray(count, dtype=np.float64), np.asarray(total, dtype=np.float64)
