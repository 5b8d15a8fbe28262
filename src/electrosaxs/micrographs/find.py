"""An image to its islands: contrast, what stands out, the triangles that explain it, their edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..nouns import FloatArray
from ..nouns.islands import FieldOfView, Island, Scale
from ..physics.tetrahedron import TURN, outline, top_edge_from_facet
from .contrast import Contrast, Mask, contrast
from .edges import CLEAR, RESOLVED, fit_edges
from .explanation import Explanation, explain_mask
from .mask import island_mask, usual_edge
from .triangle_kernels import ANGLE, CUT, EDGE, SQRT3, X, Y, pixels_inside

WORKING_EDGE = 48.0  # px: larger islands are looked for on a smaller image


@dataclass(frozen=True, eq=False)
class Seen:
    """What the search saw: contrast of the whole image, mask of what stands out, explanation in its pixels."""

    contrast: Contrast
    mask: Mask
    explanation: Explanation


def find_islands(image: FloatArray, scale: Scale, name: str = "image") -> tuple[FieldOfView, Seen]:
    """The islands of an image (rows, columns, channels) in grey levels."""
    rows, columns, _ = image.shape
    whole = contrast(image)
    mask = island_mask(whole, np.ones((rows, columns), dtype=bool))
    edge = usual_edge(mask)
    factor = 1 if np.isnan(edge) else max(1, int(edge / WORKING_EDGE))
    if factor > 1:
        small = _shrunk(image, factor)
        seen_mask = island_mask(contrast(small), np.ones(small.shape[:2], dtype=bool))
    else:
        seen_mask = mask
    found = explain_mask(seen_mask)
    triangles = found.rows * np.array([factor, factor, factor, 1.0, 1.0])
    triangles[:, [X, Y]] += 0.5 * (factor - 1)
    fitted, facets, blur = fit_edges(whole.residual, triangles)
    islands = _islands(found, fitted, facets, blur, (rows, columns), factor)
    view = FieldOfView(
        name, (rows, columns), (0, 0, columns, rows), scale, islands, float(mask.mean()), whole.typical, blur
    )
    return view, Seen(whole, mask, found)


def _islands(
    found: Explanation, rows: FloatArray, facets: FloatArray, blur: float, shape: tuple[int, int], factor: int
) -> tuple[Island, ...]:
    shows, border = _shows(rows, shape)
    groups = _groups(rows, found.component)
    area = SQRT3 / 4.0 * (found.typical * factor) ** 2
    made = []
    for k, row in enumerate(rows):
        width, width_sigma, edge_sigma, drop = facets[k]
        why = ""
        if not np.isfinite(width) or not np.isfinite(width_sigma) or drop < CLEAR:
            why = "no second step across its sides"
        elif width < RESOLVED * max(blur, 0.8):
            why = f"facet of {width:.1f} px is narrower than {RESOLVED:g} times the blur of {blur:.1f} px"
        top = np.nan if why else float(top_edge_from_facet(row[EDGE], width))
        top_sigma = np.nan if why else float(np.hypot(edge_sigma, 2.0 * SQRT3 * width_sigma))
        rotation = float(-np.degrees(row[ANGLE]) % TURN)
        made.append(
            Island(
                x=float(row[X]), y=float(row[Y]), edge=float(row[EDGE]),
                edge_sigma=float(edge_sigma) if np.isfinite(edge_sigma) else 0.05 * float(row[EDGE]),
                top_edge=top, top_edge_sigma=top_sigma, rotation_deg=rotation, truncation=float(row[CUT]),
                visible=float(min(1.0, found.support[k])), shows=float(shows[k]),
                probability=probability(found.cost[k] * factor**2 / area, found.support[k], found.fill[k]),
                group=int(groups[k]), border=bool(border[k]),
                centre_inside=bool(-0.5 <= row[X] < shape[1] - 0.5 and -0.5 <= row[Y] < shape[0] - 0.5),
                outline=outline(float(row[X]), float(row[Y]), float(row[EDGE]), rotation, float(row[CUT])),
                why_no_top=why,
            )
        )  # fmt: skip
    return tuple(made)


def probability(cost: float, support: float, fill: float) -> float:
    """That a triangle is an island: from what leaving it out would cost (in typical areas), from how much of its outline
    is seen, and from how much of it stands out."""
    z = 6.0 * min(cost, 0.6) + 9.0 * (min(support, 1.0) - 0.5) + 12.0 * (min(fill, 0.97) - 0.85)
    return float(1.0 / (1.0 + np.exp(-z)))


def _shows(rows: FloatArray, shape: tuple[int, int]) -> tuple[FloatArray, Mask]:
    """(share of each base that shows, whether the frame cuts it): a pixel that n islands hold shows 1/n of each."""
    start, pixels, areas = pixels_inside(rows, *shape)
    cover = np.bincount(pixels, minlength=shape[0] * shape[1]) if len(pixels) else np.zeros(1)
    share = np.concatenate([[0.0], np.cumsum(1.0 / np.maximum(cover[pixels], 1))])
    shows = (share[start[1:]] - share[start[:-1]]) / np.maximum(areas, 1.0)
    return shows, np.diff(start) < 0.985 * areas - 2.0


def _groups(rows: FloatArray, component: FloatArray) -> FloatArray:
    """A number for each: those of one component that lie within reach of each other share it."""
    return np.unique(component, return_inverse=True)[1] + 1 if len(rows) else np.zeros(0)


def _shrunk(image: FloatArray, factor: int) -> FloatArray:
    rows, columns, channels = image.shape
    whole = image[: rows // factor * factor, : columns // factor * factor]
    return np.asarray(whole.reshape(rows // factor, factor, columns // factor, factor, channels).mean(axis=(1, 3)))
