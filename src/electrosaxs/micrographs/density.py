"""From the islands of several fields to a density with its sigma, and what the sigma is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..nouns.islands import FieldOfView


@dataclass(frozen=True)
class DensityErrors:
    """Density (per `area` unit of the fields) and the parts of its sigma. detection: what may be missed or taken for an
    island; counting: Poisson; field_to_field: standard deviation over images; excess: of it beyond counting, of the mean."""

    density: float
    count: float
    area: float
    detection: float
    counting: float
    field_to_field: float | None
    excess: float

    @property
    def sigma(self) -> float:
        return float(np.sqrt(self.detection**2 + self.counting**2 + self.excess**2))

    @property
    def dominant(self) -> str:
        parts = {
            "detection": self.detection, "the number of islands counted": self.counting,
            "the scatter from field to field": self.excess,
        }  # fmt: skip
        return max(parts, key=lambda name: parts[name])


def count_variance(view: FieldOfView, per_island: float) -> float:
    """Variance of a field's count by detection: of the islands in doubt, what simulated fields showed per island, and that it
    may be too high by the outlines that are not seen."""
    return _own_variance(view, per_island) + view.unseen**2


def _own_variance(view: FieldOfView, per_island: float) -> float:
    """The part of it that fields do not share."""
    doubt = sum(i.probability * (1.0 - i.probability) for i in view.islands if i.counts)
    return float(doubt + per_island * max(view.expected_count, 1.0))


def sample_density(views: Sequence[FieldOfView], per_island: float) -> DensityErrors:
    """Density of a sample from its fields.

    Fields that scatter more than counting allows (beyond two sigma of that scatter) add the excess; less never subtracts.
    """
    counts = np.array([view.expected_count for view in views])
    areas = np.array([view.area for view in views])
    count, area = float(counts.sum()), float(areas.sum())
    shared = sum(view.unseen for view in views) ** 2
    detection = np.sqrt(sum(_own_variance(view, per_island) for view in views) + shared) / area
    counting = np.sqrt(max(count, 1.0)) / area
    number = len(views)
    if number < 2:
        return DensityErrors(count / area, count, area, detection, counting, None, 0.0)
    densities = counts / areas
    scatter = float(np.std(densities, ddof=1))
    expected = counting**2 * number  # variance of one field's density, of fields of one size
    dispersion = scatter**2 / expected
    limit = 1.0 + 2.0 * np.sqrt(2.0 / (number - 1))
    excess = np.sqrt(max(scatter**2 - expected, 0.0) / number) if dispersion > limit else 0.0
    return DensityErrors(count / area, count, area, float(detection), float(counting), scatter, float(excess))


def images_needed(errors: DensityErrors, views: Sequence[FieldOfView], wanted: float) -> int | None:
    """Further images like these for a relative sigma `wanted`; None where detection alone is larger."""
    if errors.density <= 0.0:
        return None
    per_image = (errors.counting**2 + errors.excess**2) * len(views)
    rest = (wanted * errors.density) ** 2 - errors.detection**2
    if rest <= 0.0:
        return None
    return max(0, int(np.ceil(per_image / rest)) - len(views))
