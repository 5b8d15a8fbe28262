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


def relief_numbers(reliefs: Sequence[Relief], from_edges: Mapping[str, Number]) -> dict[str, Number]:
    """island_thickness_afm (um) and thickness_ratio, AFM over edges. from_edges: the numbers of the micrographs."""
    islands = [(relief, i) for relief in reliefs for i in relief.islands]
    if not islands:
        why = next((flag for relief in reliefs for flag in relief.flags), "no island")
        return {"island_thickness_afm": Number.absent("um", why), "thickness_ratio": Number.absent("one", why)}
    thick = np.array([i.thickness_um for _, i in islands])
    own = np.array([i.thickness_um_sigma for _, i in islands])
    scatter = float(thick.std(ddof=1)) if len(thick) > 1 else 0.0
    sigma = float(np.hypot(scatter, np.median(own)) / np.sqrt(len(thick)))
    found = Number(
        float(thick.mean()), sigma, "um",
        f"terrace over substrate, mean of {len(thick)} islands on {len(reliefs)} map(s); the scanner's scale is not in sigma",
    )  # fmt: skip
    return {"island_thickness_afm": found, "thickness_ratio": _ratio(found, from_edges.get("island_thickness"))}


def _ratio(found: Number, edges: Number | None) -> Number:
    if edges is None or edges.value is None or edges.sigma is None or edges.unit != "um":
        why = (
            "no micrographs"
            if edges is None
            else edges.source
            if edges.value is None
            else "micrographs without a scale"
        )
        return Number.absent("one", f"no thickness from edges: {why}")
    assert found.value is not None
    assert found.sigma is not None
    ratio = found.value / edges.value
    sigma = ratio * float(np.hypot(found.sigma / found.value, edges.sigma / edges.value))
    return Number(
        ratio, sigma, "one", "height maps over edges, means of different islands of one sample; 1 where both are right"
    )
