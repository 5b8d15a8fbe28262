"""Which pixels are island: half the local height of the contrast, without streaks, drawn marks and small holes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from ..nouns import FloatArray
from .contrast import SEEN, Contrast
from .filters import closed, largest_nearby
from .morphology import SQUARE, Mask, depth, dilated, disc, eroded, grown, shrunk

LEAST = 0.22  # of the typical contrast: what is fainter is no island
HALF = 0.5  # of the brightest nearby: where a blurred edge lies
NARROW_HOLE = 3  # px: a hole nowhere farther than this from its rim is a gap between facet and top, not substrate
GAP = 24  # px, how far a gap between two islands, fainter than half of both, is followed inwards
WIDEST_GAP = 4  # px: half of how wide such a gap is
FADING, USUAL_BLUR = 1.5, 1.3  # blurs between half of the height and a fifteenth of it; px, of an image
THIN = 2  # px: half the width of streaks that are taken away
SMALLEST = 24  # px: area of what is looked at
LEAST_INNER, LEAST_TOP, LARGEST_TOP = 4.0, 60, 0.2  # radius (px) and area of what a rim may enclose; share of the image
RIM = 4  # px: how wide a rim is
BESIDE, THIN_RIM = 0.6, 0.3  # of that radius: how far around it is looked, and half of how wide a rim is
CONVEX = 0.72  # area over that of the convex hull, of one island or of two that overlap


@dataclass(frozen=True, eq=False)
class Standing:
    """What is no substrate (`seen`), and what of the image is fainter than half of the brightest nearby (`low`)."""

    contrast: Contrast
    seen: Mask
    low: Mask

    @cached_property
    def tops(self) -> Mask:
        """Of islands that show only their rim."""
        return inside_rims(_closed(self.seen)) | inside_rims(_closed(_without_specks(self.seen & ~self.low)))


def standing(found: Contrast) -> Standing:
    """What stands out of an image's contrast, the brightest on the same side of the substrate."""
    distance = found.distance
    if found.typical == 0.0:
        nothing = np.zeros(distance.shape, dtype=bool)
        return Standing(found, nothing, nothing)
    reach = int(np.ceil(2.0 * found.smoothing)) + 2
    bright, dark = (largest_nearby(distance * side, reach) for side in (found.bright, ~found.bright))
    nearby = np.where(found.bright, bright, dark)
    low = distance < HALF * np.minimum(nearby, 3.0 * found.typical)
    return Standing(found, distance > max(SEEN, LEAST * found.typical), low)


def island_mask(of: Standing, *, facets: bool = False) -> Mask:
    """True on islands and whatever else stands out as they do. facets: of what is fainter than half of the brightest nearby
    only that is left out which blur and gaps between islands explain."""
    if not of.seen.any():
        return of.seen
    seen, low = of.seen, of.low
    way = _passable(of.contrast.distance, seen, low, of.contrast.smoothing) if facets else low
    outside = ndimage.binary_dilation(~seen, mask=~seen | way, iterations=GAP)
    filled = _with_tops(_without_narrow_holes(~outside), of)
    kept = filled & grown(_opened(filled), THIN + 1)
    labels, number = ndimage.label(kept)
    area = np.bincount(labels.ravel(), minlength=number + 1)
    return np.asarray((area >= SMALLEST)[labels] & (labels > 0))


def _passable(distance: FloatArray, seen: Mask, low: Mask, smoothing: float) -> Mask:
    """Of what is fainter than half of its surroundings: what blur explains, near the substrate, and gaps between islands.

    A facet fainter than half of its top is neither: the top lies on one side of it only, and it is wider than the blur.
    """
    near = dilated(~seen, disc(FADING * float(np.hypot(smoothing, USUAL_BLUR))))
    between = distance < HALF * closed(distance, WIDEST_GAP)
    return np.asarray(low & (near | between))


def _with_tops(mask: Mask, of: Standing) -> Mask:
    """With the tops of islands that show only their rim, and the rim around them."""
    if not of.tops.any():
        return mask
    around = grown(of.tops, RIM) & of.seen
    return np.asarray(_closed(mask | of.tops | around))


def inside_rims(mask: Mask) -> Mask:
    """What thin rims enclose, with the frame's help: the tops of islands that have the level of the substrate.

    A rim is thin against what it encloses, while islands that enclose a piece of substrate are not; and what they enclose is
    bounded by their convex sides, and is not convex.
    """
    labels, number = ndimage.label(~mask)
    area = np.bincount(labels.ravel(), minlength=number + 1)[1:]
    filled = np.zeros_like(mask)
    places = ndimage.find_objects(labels)
    for k in np.flatnonzero((area >= LEAST_TOP) & (area < LARGEST_TOP * mask.size)):
        reach = int(np.ceil(0.5 * np.sqrt(area[k]))) + 1  # the inner radius is less
        part = tuple(slice(max(0, s.start - reach), s.stop + reach) for s in places[k])
        one = labels[part] == k + 1
        inner = float(ndimage.distance_transform_edt(one).max())
        beside = mask[part] & (ndimage.distance_transform_edt(~one) <= BESIDE * inner)
        if inner < LEAST_INNER or not beside.any():
            continue
        thick = ndimage.distance_transform_edt(mask[part])[beside]
        if np.percentile(thick, 95.0) <= THIN_RIM * inner and area[k] >= CONVEX * ConvexHull(_corners(one)).volume:
            filled[part] |= one
    return filled


def _closed(mask: Mask) -> Mask:
    """Without gaps of a pixel or two."""
    return mask | eroded(dilated(mask, SQUARE), SQUARE)


def _without_specks(mask: Mask) -> Mask:
    """Without pieces smaller than the rim of the smallest island."""
    labels, number = ndimage.label(mask, np.ones((3, 3)))
    area = np.bincount(labels.ravel(), minlength=number + 1)
    return np.asarray((area >= SMALLEST)[labels] & mask)


def _corners(mask: Mask) -> FloatArray:
    """Pixels with substrate beside them, each with its four corners."""
    rim = mask & ~ndimage.binary_erosion(mask)
    points = np.argwhere(rim).astype(float)
    return np.concatenate([points + np.array(step) for step in ((0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5))])


def _opened(mask: Mask) -> Mask:
    """Opening with a disc of radius THIN; the frame does not take anything away."""
    shape = disc(THIN + 0.3)
    return dilated(eroded(mask, shape), shape)


def _without_narrow_holes(mask: Mask) -> Mask:
    """Holes that are narrow are filled, also those that a rough island leaves open by a pixel or two."""
    closed = _closed(mask)
    labels, number = ndimage.label(~closed)
    narrow = np.ones(number + 1, dtype=bool)
    narrow[labels[shrunk(~closed, NARROW_HOLE)]] = False
    narrow[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    narrow[0] = False
    inner = eroded(closed | narrow[labels], np.ones((5, 5), dtype=bool))
    return np.asarray(mask | narrow[labels] | inner)


def usual_edge(mask: Mask) -> float:
    """Edge (px) of the triangle that fits between the outlines: 2 sqrt(3) times the inner radius of what stands out, the
    median over bodies weighted by their area; nan where nothing stands out. Islands that touch do not change it."""
    inside = depth(mask)
    top = (inside == largest_nearby(inside, 4)) & (inside > 2.5) & np.isfinite(inside)
    radius = np.sort(inside[top])
    if not radius.size:
        return float("nan")
    weight = np.cumsum(radius**2)
    return float(2.0 * np.sqrt(3.0) * radius[np.searchsorted(weight, 0.5 * weight[-1])])
