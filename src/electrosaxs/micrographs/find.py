"""An image to its islands: contrast, what stands out, the triangles that explain it, their edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from skimage.measure import regionprops

from ..nouns import FloatArray
from ..nouns.islands import FieldOfView, Island, Scale
from ..physics.tetrahedron import FACET_SLOPE, TURN, outline, top_edge_from_facet
from .contrast import Contrast, contrast
from .dark_rims import dark_rim
from .edges import CLEAR, RESOLVED, SEARCH, fit_edges, fit_outlines
from .explanation import Explanation, explain_mask, exposed_outline
from .halos import Halo, look_around
from .mask import Standing, island_mask, standing, usual_edge
from .morphology import Mask
from .stretch import stretch
from .triangle_kernels import ANGLE, CUT, EDGE, SQRT3, X, Y, pixels_inside
from .valleys import valleys

WORKING_EDGE = 48.0  # px: larger islands are looked for on a smaller image


LEAST_BLUR, MOST = 0.8, 0.4  # px; share of an image's facets that must be wide
DOUBTFUL_CONTRAST = 8.0  # of islands over the smoothed substrate's noise
OUTLINE_SEEN, OUTLINE_DOUBTFUL = 0.5, 0.8  # median share of their outline that is seen, of triangles
FAINT = 0.1  # of what stands out, that is fainter than half of what is beside it
PER_TRIANGLE = 0.1  # of outlines seen, that triangles which another explanation does without must gain
EXPLAINED = 0.5  # of what stands out that islands must hold
CONVEX = 0.93  # area over that of the convex hull; two triangles that touch or overlap have less
CONVEX_SHARE, CONVEX_DOUBTFUL = (
    0.5,
    0.05,
)  # of the triangles in such pieces: 0.9 of squares and hexagons, 0.01 of crowded islands
MANY_ON_ONE = 6  # triangles on one piece, and elsewhere
LESS_SEEN = 0.7  # of the outlines' visible share elsewhere: 0.5 on a ring, 0.9 where islands crowd
UNSEEN = (
    0.1  # share of their outlines that should show and does not: 0.02 to 0.07 of islands that are explained rightly
)
CROWD = 20  # islands, at least: of fewer one rough outline makes the share
RIM_SHARE = (
    2.0  # of a rim's width, in the base edge's sigma: rms of 0 to 2 sqrt(3) of it, each as likely; of the blur where
)
# no facet is seen: a facet w wide, of the share p of the islands' height, is hidden where w sqrt(p (1 - p)) is below the blur,
# and moves the middle of the step by w (1 - p), which is up to a blur
RIM = "a rim on the other side of the substrate's level hides where facets begin"
HALO = "a halo that is brightest beside the islands hides where facets begin"
NOT_TOLD = "what runs along the base edges is a facet or a halo that fades within few blurs: not told apart"
LOOKS, NEAR_ENOUGH = 5, 0.5  # without the halo that is found, until its edges lie so near (px) the outlines
BEYOND_FITTED = 0.25  # px: base edges farther out than those fitted are fitted again
LEFT_OF_A_HALO = 0.25  # of its height: what is left where it was taken off is no rim
FLAT_FROM = 4.0  # blurs beyond a step: the substrate
Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class _Search:
    """What one look at an image finds: its contrast, what stands out of it (`mask`, and `seen` at the size 1/`factor` at which
    islands are looked for), the triangles that explain it, and their rows, facets and blur once their edges are fitted, with
    whether there are facets to be seen."""

    whole: Contrast
    mask: Mask
    seen: Mask
    found: Explanation
    factor: int
    triangles: FloatArray
    fitted: FloatArray
    facets: FloatArray
    blur: float
    facets_seen: bool


def _searched(part: FloatArray) -> _Search:
    """One look at an image (rows, columns, channels)."""
    whole = contrast(part)
    out = standing(whole)
    mask = island_mask(out)
    edge = usual_edge(mask)
    factor = 1 if np.isnan(edge) else max(1, int(edge / WORKING_EDGE))
    working = whole if factor == 1 else contrast(_shrunk(part, factor))
    smaller = out if factor == 1 else standing(working)
    seen, found, fainter = _explained(smaller, edge / factor, mask if factor == 1 else island_mask(smaller))
    if fainter:
        mask = seen if factor == 1 else island_mask(out, facets=True)
    triangles = found.rows * np.array([factor, factor, factor, 1.0, 1.0])
    triangles[:, [X, Y]] += 0.5 * (factor - 1)
    return _Search(whole, mask, seen, found, factor, triangles, *fit_edges(whole.residual, triangles))


def _without_halo(first: _Search) -> tuple[_Search, Halo | None, float]:
    """The look that finds islands and no halo, the halo that was taken off for it, and how wide (px) that is which may be
    facets or a halo that fades within few blurs. What was taken for islands at first is both, so that it is looked for again
    around what the next look finds. Triangles of whose outline little is seen, as on a glowing ring, tell of none."""
    image, looked, taken, beyond, before = first.whole.residual, first, None, 0.0, None
    for _ in range(LOOKS):
        around = look_around(image, looked.fitted[looked.found.support >= OUTLINE_SEEN], looked.blur)
        if around.halo is None:
            beyond, before = around.beyond, None if taken else around.before
            break
        if around.halo.height < 0.0 and dark_rim(image, looked.fitted, looked.blur)[0]:
            break  # it ends at an edge
        looked, taken = _searched(image - around.halo.light), around.halo
        if abs(taken.offset) < NEAR_ENOUGH:
            break
    last = _with_facets_beyond(looked, beyond)
    if before is None:
        return last, taken, 0.0
    doubt = _grown(looked.fitted, last.fitted) - before
    return last, taken, doubt if doubt > 0.5 * max(last.blur, LEAST_BLUR) else 0.0


def _grown(rows: FloatArray, fresh: FloatArray) -> float:
    """px by which sides have moved outwards, in the median."""
    return float(np.median(fresh[:, EDGE] - rows[:, EDGE])) / (2.0 * SQRT3)


def _with_facets_beyond(looked: _Search, beyond: float) -> _Search:
    """The same with edges fitted so far out as base edges lie: `beyond` (px) those of the first fit, which reached no farther
    from outlines that follow top edges."""
    if beyond <= BEYOND_FITTED:
        return looked
    reach = (
        beyond + max(_grown(looked.triangles, looked.fitted), 0.0) + SEARCH + FLAT_FROM * max(looked.blur, LEAST_BLUR)
    )
    fitted, facets, blur, seen = fit_edges(looked.whole.residual, looked.triangles, reach)
    if _grown(looked.fitted, fitted) < 0.5 * beyond:  # rough sides of a few
        return looked
    mask = looked.mask | _inside(fitted, looked.mask.shape)
    return replace(looked, mask=mask, fitted=fitted, facets=facets, blur=blur, facets_seen=seen)


def _inside(rows: FloatArray, shape: tuple[int, ...]) -> Mask:
    """Pixels of an image that triangles hold."""
    inside = np.zeros(shape, dtype=bool)
    inside.ravel()[pixels_inside(rows, *shape)[1]] = True
    return inside


def find_islands(image: FloatArray, scale: Scale, name: str = "image", used: Box | None = None) -> FieldOfView:
    """The islands of an image (rows, columns, channels) in grey levels; `used`: left, top, width, height of the part used."""
    rows, columns, _ = image.shape
    left, top, width, height = used or (0, 0, columns, rows)
    part = image[top : top + height, left : left + width]
    looked, halo, doubt = _without_halo(_searched(part))
    whole, mask, seen, found, factor = looked.whole, looked.mask, looked.seen, looked.found, looked.factor
    fitted, facets, blur = looked.fitted, looked.facets, looked.blur
    unsure, facet_seen = 0.0, bool(halo and halo.facet)
    if halo and len(fitted):
        one_step = fitted if facet_seen else fit_outlines(whole.residual, fitted)
        apart = float(np.median(one_step[:, EDGE]) - np.median(fitted[:, EDGE]))
        unsure = float(np.linalg.norm([blur, apart, 2.0 * SQRT3 * halo.sigma]))
        fitted = one_step
    rim, depth = dark_rim(whole.residual, fitted, blur)
    if halo and depth < LEFT_OF_A_HALO * abs(halo.height):
        rim = 0.0
    hides = RIM if rim else HALO if halo and not facet_seen else NOT_TOLD if doubt else ""
    shared = float(np.linalg.norm([RIM_SHARE * rim, RIM_SHARE * doubt, unsure]))
    if hides or halo:
        facets[:, 2] = np.hypot(facets[:, 2], shared)
    if hides:
        facets[:, [0, 1, 3]] = np.nan  # its profile has more than two steps
    islands = _islands(found, seen, fitted, facets, blur, (height, width), factor, hides)
    islands, bodies = _without_bodies(islands, mask)
    unseen = _unseen(islands)
    crowd = [_crowd_in_words(unseen)] if unseen else []
    light = [halo.words] if halo else [_doubt_in_words(doubt, blur)] if doubt else []
    flags = (*_flags(islands, mask, whole), *bodies, *crowd, *light, *([_rim_in_words(rim, depth)] if rim else []))
    if stretched := stretch([i for i in islands if i.probability >= 0.5], mask):
        flags = (*flags, stretched.words)
    moved = tuple(
        replace(i, x=i.x + left, y=i.y + top, outline=i.outline + np.array([left, top], dtype=float)) for i in islands
    )
    return FieldOfView(
        name, (rows, columns), (left, top, width, height), scale, moved, float(mask.mean()), whole.typical, blur, flags,
        shared, unseen, 0.0 if hides not in ("", NOT_TOLD) or looked.facets_seen or not len(fitted) else RIM_SHARE * blur,
    )  # fmt: skip


def _crowd_in_words(unseen: float) -> str:
    return (
        f"perhaps not triangular, or too crowded: the count may be {unseen:.0f} too high, for as many outlines' worth of sides "
        "that should show is not seen"
    )


def _doubt_in_words(doubt: float, blur: float) -> str:
    return (
        f"base edges may be up to {2.0 * SQRT3 * doubt:.1f} px shorter: what runs along them, {doubt:.1f} px wide, may be "
        f"facets or a halo of charging, which a blur of {blur:.1f} px does not tell apart"
    )


def _rim_in_words(rim: float, depth: float) -> str:
    return (
        f"base edges may be up to {2.0 * SQRT3 * rim:.1f} px longer: a rim {rim:.1f} px wide runs along them on the other side "
        f"of the substrate's level ({depth:.0%} of the islands' height), a fringe on facets or a shadow beside them"
    )


def _explained(out: Standing, edge: float, seen: Mask) -> tuple[Mask, Explanation, bool]:
    """(what stands out, the triangles that explain it, whether with faint facets); seen: what stands out without them.

    What is fainter than half of a top beside it may be a glow or grain, which no triangle holds, or a facet, which belongs to
    it. Where it is much, both are explained, and the one whose outlines are seen better is right.
    """
    working = out.contrast
    found = explain_mask(seen & ~valleys(working, seen, edge))
    fuller = island_mask(out, facets=True)
    if fuller.sum() < (1.0 + FAINT) * seen.sum() or not len(found.rows):
        return seen, found, False
    # islands are larger with their facets: what is long for the tops may be a bend between top and facet
    other = explain_mask(fuller & ~valleys(working, fuller, usual_edge(fuller)))
    spared = max(1.0 - len(other.rows) / len(found.rows), 0.0)  # three corners and a top that are one island
    better = len(other.rows) > 0 and _well_seen(other) > _well_seen(found) - PER_TRIANGLE * spared
    return (fuller, other, True) if better else (seen, found, False)


def _well_seen(found: Explanation) -> float:
    """Share of the triangles' outlines that is seen, weighted by area."""
    return float(np.average(np.minimum(found.support, 1.0) * found.fill, weights=found.rows[:, EDGE] ** 2))


def _flags(islands: tuple[Island, ...], mask: Mask, whole: Contrast) -> tuple[str, ...]:
    """What a reader must know before he believes the count."""
    if whole.typical == 0.0 or not mask.any():
        return ("nothing stands out from the substrate",)
    flags = []
    taken = [i for i in islands if i.probability >= 0.5]
    rows = np.array([[i.x, i.y, i.edge, -np.radians(i.rotation_deg), i.truncation] for i in taken]).reshape(-1, 5)
    held = float((mask & _inside(rows, mask.shape)).sum() / mask.sum())
    if not taken or held < EXPLAINED:
        flags.append(f"not triangular: islands explain {held:.0%} of what stands out")
    elif (several := _in_convex_pieces(taken, mask)) > CONVEX_SHARE:
        flags.append(
            f"not triangular: {several:.0%} of the triangles share a convex piece, as one body of another shape"
        )
    elif (seen := float(np.median([i.visible for i in taken]))) < OUTLINE_SEEN:
        flags.append(f"not triangular: half of the triangles have less than {seen:.0%} of their outline seen")
    elif seen < OUTLINE_DOUBTFUL:
        flags.append(f"perhaps not triangular: half of the triangles have less than {seen:.0%} of their outline seen")
    elif several > CONVEX_DOUBTFUL:
        flags.append(f"perhaps not triangular: {several:.0%} of the triangles share a convex piece with another")
    if 0.0 < whole.typical < DOUBTFUL_CONTRAST:
        flags.append(f"faint: islands differ from the substrate by {whole.typical:.1f} of its standard deviations")
    return tuple(flags)


def _unseen(islands: Sequence[Island]) -> float:
    """Outlines' worth of sides that no island and no frame hides and that are not seen all the same; 0 where it is as little as
    on islands that are explained rightly."""
    missing = [1.0 - i.visible for i in islands if i.probability >= 0.5 and i.counts]
    return float(sum(missing)) if sum(missing) > UNSEEN * len(missing) and len(missing) >= CROWD else 0.0


def _on_pieces(islands: Sequence[Island], mask: Mask) -> tuple[FloatArray, list[int]]:
    """(numbered pieces of what stands out, the number under the centre of each island)."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    rows, columns = mask.shape
    at = [(int(np.clip(round(i.y), 0, rows - 1)), int(np.clip(round(i.x), 0, columns - 1))) for i in islands]
    return labels, [int(labels[place]) for place in at]


def _without_bodies(islands: tuple[Island, ...], mask: Mask) -> tuple[tuple[Island, ...], tuple[str, ...]]:
    """The islands, and a flag where some are none: a ring or a scratch is filled with triangles whose free sides lie where
    nothing changes, while the islands elsewhere on the image have outlines that are seen."""
    taken = [k for k, i in enumerate(islands) if i.probability >= 0.5]
    labels, at = _on_pieces([islands[k] for k in taken], mask)
    seen, piece = np.array([islands[k].visible for k in taken]), np.array(at)
    none: list[int] = []
    bodies = []
    for label in [label for label in np.unique(piece) if label and np.sum(piece == label) >= MANY_ON_ONE]:
        on, beside = piece == label, piece != label
        if beside.sum() < MANY_ON_ONE:
            continue
        limit = LESS_SEEN * float(np.median(seen[beside]))
        if np.median(seen[on]) < limit:
            bodies.append(label)
            none += [taken[k] for k in np.flatnonzero(on) if islands[taken[k]].visible_share < OUTLINE_SEEN]
    if not none:
        return islands, ()
    flag = (
        f"perhaps not triangular: {len(none)} triangles, of whose outline little is seen, on what looks like a ring or a "
        f"scratch ({np.isin(labels, bodies).mean():.0%} of the image) do not count"
    )
    return tuple(replace(i, probability=0.0) if k in none else i for k, i in enumerate(islands)), (flag,)


def _in_convex_pieces(islands: list[Island], mask: Mask) -> float:
    """Share of the islands that share a convex piece of what stands out with others, over pieces that the frame does not cut:
    triangles that touch leave a notch, so that such a piece is one body that is no triangle."""
    labels, at = _on_pieces(islands, mask)
    rows, columns = mask.shape
    number = np.bincount(at, minlength=int(labels.max()) + 1)
    together = 0
    for piece in regionprops(labels):
        top, left, bottom, right = piece.bbox
        if number[piece.label] > 1 and min(top, left) > 0 and bottom < rows and right < columns:
            together += int(number[piece.label]) if piece.solidity > CONVEX else 0
    return together / max(len(islands), 1)


def _islands(
    found: Explanation, seen: Mask, rows: FloatArray, facets: FloatArray, blur: float, shape: tuple[int, int],
    factor: int, hides: str,
) -> tuple[Island, ...]:  # fmt: skip
    shows, border = _shows(rows, shape)
    exposed, whole = exposed_outline(rows, shape)
    groups = _groups(found, seen)
    area = SQRT3 / 4.0 * (found.typical * factor) ** 2
    reasons = _unresolved(facets, blur, hides)
    limit = FACET_SLOPE * RESOLVED * max(blur, LEAST_BLUR)
    made = []
    for k, row in enumerate(rows):
        width, width_sigma, edge_sigma, _ = facets[k]
        why = reasons[k]
        top = np.nan if why else float(top_edge_from_facet(row[EDGE], width))
        top_sigma = np.nan if why else float(np.hypot(edge_sigma, 2.0 * SQRT3 * width_sigma))
        rotation = float(-np.degrees(row[ANGLE]) % TURN)
        made.append(
            Island(
                x=float(row[X]), y=float(row[Y]), edge=float(row[EDGE]),
                edge_sigma=float(edge_sigma) if np.isfinite(edge_sigma) else 0.05 * float(row[EDGE]),
                top_edge=top, top_edge_sigma=top_sigma, rotation_deg=rotation, truncation=float(row[CUT]),
                visible=float(min(1.0, found.support[k])), exposed=float(exposed[k] / whole[k]), shows=float(shows[k]),
                probability=probability(found.cost[k] * factor**2 / area, found.support[k], found.fill[k]),
                group=int(groups[k]), border=bool(border[k]),
                centre_inside=bool(-0.5 <= row[X] < shape[1] - 0.5 and -0.5 <= row[Y] < shape[0] - 0.5),
                outline=outline(float(row[X]), float(row[Y]), float(row[EDGE]), rotation, float(row[CUT])),
                why_no_top=why, thinner_than=limit if why and FACET_SLOPE * width < limit else np.nan,
            )
        )  # fmt: skip
    return tuple(made)


def _unresolved(facets: FloatArray, blur: float, hides: str) -> list[str]:
    """Why the top edge of each island is not known; empty where it is.

    Where most facets of an image are too narrow, the few that seem wide are the tail of the noise: none is taken.
    """
    width, sigma, _, drop = facets.T
    limit = RESOLVED * max(blur, LEAST_BLUR)
    clear = np.isfinite(width) & np.isfinite(sigma) & (drop >= CLEAR)
    wide = clear & (width >= limit)
    usual = float(np.median(width[clear])) if clear.any() else float("nan")
    few = wide.sum() < MOST * max(clear.sum(), 0.5 * len(facets))
    reasons = []
    for k in range(len(facets)):
        if hides:
            reasons.append(hides)
        elif not clear[k]:
            reasons.append("no second step across its sides")
        elif not wide[k]:
            reasons.append(f"facet of {width[k]:.1f} px is narrower than {RESOLVED:g} times the blur of {blur:.1f} px")
        elif few:
            reasons.append(f"most facets of the image ({usual:.1f} px) are narrower than {RESOLVED:g} times its blur")
        else:
            reasons.append("")
    return reasons


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


def _groups(found: Explanation, seen: Mask) -> FloatArray:
    """A number for each island, from 1: those on one piece of what stands out share it, though a valley parts them."""
    labels, pieces = found.outlines.labels, ndimage.label(seen, np.ones((3, 3)))[0]
    piece_of = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    piece_of[labels[labels > 0]] = pieces[labels > 0]
    return np.asarray(
        np.unique(piece_of[found.component.astype(np.int64)], return_inverse=True)[1] + 1, dtype=np.float64
    )


def _shrunk(image: FloatArray, factor: int) -> FloatArray:
    rows, columns, channels = image.shape
    whole = image[: rows // factor * factor, : columns // factor * factor]
    return np.asarray(whole.reshape(rows // factor, factor, columns // factor, factor, channels).mean(axis=(1, 3)))
