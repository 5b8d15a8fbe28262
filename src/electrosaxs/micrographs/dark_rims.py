"""Rims of islands on the other side of the substrate's level than the islands themselves.

Along an island's side its brightness may pass the substrate's level and dip beneath it: a fringe of interference on the facet,
the shadow of the island on the substrate, ringing of a lens or of sharpening. A fringe lies within the base edge, a shadow and
ringing beyond it, and one image does not tell which.
"""

from __future__ import annotations

import numpy as np

from ..nouns import FloatArray
from .edge_kernels import profiles_across
from .triangle_kernels import EDGE

STEP, FLAT = 0.5, 2.0  # px, of profiles across the sides; of the substrate at their outer ends
FARTHEST = 0.2  # of the edge: how far out a rim is looked for, as a wide facet is
BEHIND = 4.0  # px within the edge: the island's own level
LEAST, CLEAR, FEW = 0.02, 5.0, 5  # of an island's height over the substrate; in sigma; islands that show it
ENOUGH = 100  # islands whose profiles are looked at
MOST = 0.7  # share of the islands that must show it
SHARP, LEAST_BLUR = (
    2.0,
    0.8,
)  # blurs over which three quarters of a blurred edge fall to one (1.35 of a straight one); px


def dark_rim(image: FloatArray, rows: FloatArray, blur: float) -> tuple[float, float]:
    """(reach, depth) of the rim that most islands of an image (rows, columns, channels) share: px from the base edges that were
    found to where it ends outwards, and its depth over an island's height; (0, 0) where there is none.

    It ends at an edge, that of the facet or of the shadow, as sharply as the image's blur (px) lets it: what fades is a halo
    of charging, and no edge of an island. What is narrower than the blur is no rim."""
    curves = [curve for k in range(min(len(rows), ENOUGH)) if (curve := _curve(image, rows, k)) is not None]
    if len(curves) < FEW:
        return 0.0, 0.0
    least = min(len(one) for one in curves)
    all_of = np.array([one[-least:] for one in curves])  # the last value of each lies on its edge
    usual = np.median(all_of, axis=0)
    lowest = int(np.argmin(usual))
    depth = -float(usual[lowest])
    sigma = 1.2533 * float(np.std(all_of[:, lowest])) / np.sqrt(len(curves))  # of a median
    if depth < LEAST or depth < CLEAR * sigma or np.mean(all_of[:, lowest] < 0.0) < MOST:
        return 0.0, 0.0
    outwards = usual[: lowest + 1][::-1]
    begins, middle, ends = (int(np.argmax(outwards > -share * depth)) for share in (0.75, 0.5, 0.25))
    reach, fade = STEP * (least - 1 - lowest + middle), STEP * (ends - begins)
    blur = max(blur, LEAST_BLUR)
    return (reach, depth) if reach > blur and fade < SHARP * blur else (0.0, 0.0)


def _curve(image: FloatArray, rows: FloatArray, k: int) -> FloatArray | None:
    """Brightness across the sides of island k over the substrate, of the island's height, from the outer end to its edge."""
    out = 6.0 + FARTHEST * rows[k, EDGE]
    mean, count, at = profiles_across(image, k, rows, STEP, out, 0.24)
    weight = count.sum(axis=0)
    outside, own = at >= 0.0, (at <= -BEHIND) & (weight > 0.0)
    if (weight[outside] <= 0.0).any() or not own.any():
        return None
    level = (mean * count[..., None]).sum(axis=0) / np.maximum(weight, 1e-9)[:, None]
    substrate = level[at >= out - FLAT].mean(axis=0)
    height = level[own].mean(axis=0) - substrate
    return np.asarray((level[outside] - substrate) @ height / max(float(height @ height), 1e-12))
