"""How many islands the search miscounts: fields simulated as the ones found, searched in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from ...micrographs.find import find_islands
from ...nouns.islands import FieldOfView, Scale
from ...nouns.micrograph import MicrographSettings
from ...twin.micrograph import simulate_field

FIELDS, ISLANDS = 2, 40  # simulated, and on each
NOISE = 8.0  # grey levels of the simulated noise; the contrast follows from what was found
PRIOR_VARIANCE, PRIOR_ISLANDS = 0.25, 200
"""What fields of clear islands show, as if so many islands had been simulated beside: two fields without an error cannot rule
out more than one island in a hundred, the thousands of islands of benchmarks/islands.py do."""
FALLBACK = 0.02  # variance per island where nothing could be simulated


@dataclass(frozen=True)
class Detection:
    """variance: of a count by detection, per island. bias: mean relative error of the simulated counts. fields, islands:
    simulated; 0 fields: none could be (`why`)."""

    variance: float
    bias: float
    fields: int
    islands: int
    why: str = ""


def simulated_detection(views: Sequence[FieldOfView], workers: int = 1) -> Detection:
    """Render fields of the density, size, spread, merging and contrast found, and compare their counts with their truth.
    workers: fields at a time, a thread each."""
    settings = _settings(views)
    if settings is None:
        return Detection(FALLBACK, 0.0, 0, 0, "too few islands to simulate fields like these")
    with ThreadPoolExecutor(workers) as pool:
        pairs = list(pool.map(lambda seed: _counted(settings, seed), range(FIELDS)))
    errors, islands = [found - true for found, true in pairs], sum(true for _, true in pairs)
    variance = (sum(e * e for e in errors) + PRIOR_VARIANCE) / (islands + PRIOR_ISLANDS)
    return Detection(float(variance), float(sum(errors) / max(islands, 1)), FIELDS, islands)


def _counted(settings: MicrographSettings, seed: int) -> tuple[float, int]:
    """Islands found on a simulated field, and those that are there."""
    field = simulate_field(settings, np.random.default_rng(seed))
    image = field.image.astype(float)
    view = find_islands(image[..., None] if image.ndim == 2 else image, Scale(None, "simulated"))
    return view.expected_count, int(field.counted.sum())


def _settings(views: Sequence[FieldOfView]) -> MicrographSettings | None:
    """Settings of a field like those found, a pixel taken as a micrometre; None where too little was found."""
    found = [i for view in views for i in view.found if i.counts]
    if len(found) < 5:
        return None
    edges = np.array([i.edge for i in found])
    edge = float(np.median(edges))
    spread = float(np.clip(np.std(np.log(edges)), 0.0, 0.4))
    pixels = sum(view.used[2] * view.used[3] for view in views)
    side = int(np.clip(np.sqrt(ISLANDS * pixels / len(found)), 4.0 * edge, 900.0))
    groups = [(n, i.group) for n, view in enumerate(views) for i in view.found if i.counts]
    merged = sum(groups.count(g) > 1 for g in groups) / len(groups)
    contrast = float(np.median([view.contrast for view in views]))
    blur = float(np.clip(np.nanmedian([view.blur for view in views]), 0.5, 3.0))
    level = float(np.clip(contrast * NOISE * 0.28, 4.0, 130.0))  # smoothing leaves 0.28 of white noise
    try:
        return MicrographSettings(
            width_px=side, height_px=side, um_per_pixel=1.0, base_edge_um=edge, base_edge_spread=spread,
            thickness_um=max(0.3, 0.04 * edge), islands=max(4, round(len(found) * side**2 / pixels)), merged=min(merged, 0.8),
            truncation=float(np.clip(np.median([i.truncation for i in found]), 0.0, 0.19)), contrast=level,
            facet_contrast=1.3 * level, blur_px=blur, noise=NOISE, dust=1,
        )  # fmt: skip
    except ValidationError:
        return None
