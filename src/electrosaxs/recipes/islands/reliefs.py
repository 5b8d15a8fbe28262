"""Height maps of the sample: thickness of the islands, against that from their edges on micrographs (Figs. 1b, 1c)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...nouns import Number
from ...nouns.heights import Relief

COLUMNS = ("map", "island", "thickness_um", "thickness_um_sigma", "base_edge_um", "top_edge_um", "volume_um3",
           "rms_roughness_nm", "note")  # fmt: skip


def relief_rows(reliefs: Sequence[Relief]) -> list[list[object]]:
    """Rows of height_islands.csv; what cannot be told is empty, `note` says why."""
    return [
        [relief.map.name, number, *map(_cell, (
            i.thickness_um, i.thickness_um_sigma, i.base_edge_um, i.top_edge_um, i.volume_um3, i.rms_roughness_nm)),
         i.why_no_edges]
        for relief in reliefs for number, i in enumerate(relief.islands, start=1)
    ]  # fmt: skip


def _cell(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""


def relief_thickness(reliefs: Sequence[Relief]) -> Number:
    """island_thickness_afm (um)."""
    islands = [(relief, i) for relief in reliefs for i in relief.islands]
    if not islands:
        return Number.absent("um", next((flag for relief in reliefs for flag in relief.flags), "no island"))
    thick = np.array([i.thickness_um for _, i in islands])
    own = np.array([i.thickness_um_sigma for _, i in islands])
    scatter = float(thick.std(ddof=1)) if len(thick) > 1 else 0.0
    sigma = float(np.hypot(scatter, np.median(own)) / np.sqrt(len(thick)))
    left_out = "the scanner's scale" if len(thick) > 1 else "the scanner's scale and how other islands differ"
    return Number(
        float(thick.mean()), sigma, "um",
        f"terrace over substrate, mean of {len(thick)} island(s) on {len(reliefs)} map(s); {left_out} is not in sigma",
    )  # fmt: skip


def thickness_ratio(reliefs: Sequence[Relief], probed: Number, from_edges: Mapping[str, Number]) -> Number:
    """AFM over edges. from_edges: the numbers of the micrographs."""
    edges = from_edges.get("island_thickness")
    if probed.value is None or probed.sigma is None:
        return Number.absent("one", probed.source)
    if edges is None or edges.value is None or edges.sigma is None or edges.unit != "um":
        why = (
            "no micrographs"
            if edges is None
            else edges.source
            if edges.value is None
            else "micrographs without a scale"
        )
        return Number.absent("one", f"no thickness from edges: {why}")
    probed_islands = sum(len(relief.islands) for relief in reliefs)
    few = max(
        probed.sigma / probed.value, _spread_of_edges(from_edges) / np.sqrt(probed_islands)
    )  # which of all were probed
    ratio = probed.value / edges.value
    sigma = ratio * float(np.hypot(few, edges.sigma / edges.value))
    return Number(
        ratio, sigma, "one", "height maps over edges, means of different islands of one sample; 1 where both are right"
    )


def _spread_of_edges(numbers: Mapping[str, Number]) -> float:
    """How much islands differ, relative: what one of them says of all."""
    mean, spread = (numbers.get(name) for name in ("base_edge_mean", "base_edge_spread"))
    return float(spread.value / mean.value) if mean and spread and mean.value and spread.value else 0.0
