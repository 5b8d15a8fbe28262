"""The size classes that a population of particles is divided into, and moments over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError, bad_value
from ..nouns import FloatArray

DEFAULT_CLASSES = 41
REACH = 5.0
"""Half-width of the classes in standard deviations: beyond it lies 6e-7 of the particles."""
SMALLEST_SHARE_OF_MEAN = 0.05
"""No class is smaller than this share of the mean: a Gaussian's tail at and below zero is not particles."""
MATCHED_MOMENTS = 7
"""Moments 0 to 6 of a Gaussian are matched to rounding: phi weighs with d^3, forward scattering with d^6."""


@dataclass(frozen=True, eq=False)
class SizeClasses:
    """Core diameters (nm, ascending) and the share of the particles by number in each (sums to 1)."""

    diameter_nm: FloatArray
    number: FloatArray

    def __post_init__(self) -> None:
        d, n = self.diameter_nm, self.number
        if d.ndim != 1 or d.shape != n.shape or d.size == 0:
            raise ShapeError(f"size classes: diameters {d.shape} and numbers {n.shape} must be equally long lists")
        if not (np.all(np.isfinite(d)) and np.all(d > 0.0) and np.all(np.diff(d) > 0.0)):
            raise bad_value(
                ShapeError,
                where="size classes",
                field="diameter_nm",
                value=f"{d.min():g} to {d.max():g}",
                rule="must be positive and increase from row to row",
                remedy="sort the table by diameter and merge equal ones",
            )
        if not (np.all(np.isfinite(n)) and np.all(n >= 0.0) and n.sum() > 0.0):
            raise bad_value(
                ShapeError,
                where="size classes",
                field="number",
                value=f"{n.min():g} to {n.max():g}",
                rule="must not be negative, and some must be above 0",
                remedy="give the number of particles per diameter",
            )

    def __len__(self) -> int:
        return int(self.diameter_nm.size)

    @classmethod
    def from_table(cls, diameter_nm: npt.ArrayLike, number: npt.ArrayLike) -> SizeClasses:
        """Any distribution: one class per row, numbers in any unit; rows are sorted by diameter."""
        d = np.atleast_1d(np.asarray(diameter_nm, dtype=np.float64))
        n = np.atleast_1d(np.asarray(number, dtype=np.float64))
        if d.shape != n.shape:
            raise ShapeError(f"size classes: {d.size} diameters but {n.size} numbers; give one number per diameter")
        order = np.argsort(d, kind="stable")
        total = n.sum()
        return cls(d[order], n[order] / total if total > 0.0 else n[order])

    @classmethod
    def gaussian(cls, mean_nm: float, deviation_nm: float, classes: int = DEFAULT_CLASSES) -> SizeClasses:
        """A normal distribution of core diameters, number-weighted.

        Equidistant nodes over +-5 deviations: for a Gaussian the trapezoid rule converges faster than any power of the
        spacing, and the nodes are a histogram that free-form distributions share. A polynomial factor within 1e-4
        of one then makes moments 0 to 6 those of the whole Gaussian. Where the nodes reach down to zero diameter
        (deviation above a fifth of the mean) the Gaussian is cut there and only normalised.
        """
        low = max(mean_nm - REACH * deviation_nm, SMALLEST_SHARE_OF_MEAN * mean_nm)
        d = np.linspace(low, mean_nm + REACH * deviation_nm, classes)
        x = (d - mean_nm) / deviation_nm
        weight = np.exp(-0.5 * x * x)
        weight /= weight.sum()
        corrected = weight * _moment_factor(x, weight)
        whole = low > SMALLEST_SHARE_OF_MEAN * mean_nm and bool(np.all(corrected > 0.0))
        return cls(d, corrected if whole else weight)

    def volume_share(self, dry_shell_nm: float) -> FloatArray:
        """Share of phi in each class: number x (d + 2 s)^3, normalised."""
        volume = self.number * (self.diameter_nm + 2.0 * dry_shell_nm) ** 3
        return np.asarray(volume / volume.sum())

    def mean_nm(self) -> float:
        """Number-weighted mean diameter."""
        return float(self.number @ self.diameter_nm)

    def deviation_nm(self) -> float:
        """Number-weighted standard deviation of the diameter."""
        return float(np.sqrt(self.number @ (self.diameter_nm - self.mean_nm()) ** 2))


def _moment_factor(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Polynomial in x that gives `weight` the moments 1, 0, 1, 0, 3, 0, 15 of a standard normal distribution."""
    wanted = np.array([1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 15.0])[:MATCHED_MOMENTS]
    powers = np.vander(x, MATCHED_MOMENTS, increasing=True)
    normal_matrix = powers.T @ (weight[:, None] * powers)
    return np.asarray(powers @ np.linalg.solve(normal_matrix, wanted))


def number_moments(phi: FloatArray, diameter_nm: FloatArray, dry_shell_nm: float) -> tuple[FloatArray, FloatArray]:
    """Number-weighted mean and standard deviation (nm) of the core diameter, of class volume fractions (..., class).

    The number in a class is phi / (d + 2 s)^3. NaN where there are no particles.
    """
    number = phi / (diameter_nm + 2.0 * dry_shell_nm) ** 3
    total = number.sum(axis=-1)
    present = total > 0.0
    safe = np.where(present, total, 1.0)
    mean = (number @ diameter_nm) / safe
    spread = np.sum(number * (diameter_nm - mean[..., None]) ** 2, axis=-1) / safe
    return np.where(present, mean, np.nan), np.where(present, np.sqrt(spread), np.nan)
