"""Where base and top edges lie, from the brightness across the sides of an island.

Along each side that shows, the image is averaged into one profile across it. Substrate, facet and top are three levels with
two blurred steps between: I(u) = b + A Phi((e - u)/s) + B Phi((e - w - u)/s), u outwards. The levels differ from side
to side (light comes from somewhere) and from channel to channel, the facet's width w is one for the island, the blur s one for
the image, the offset e one for each side.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from ..nouns import FloatArray
from .edge_kernels import fit_sides, profiles_across, sides_seen
from .morphology import Mask
from .triangle_kernels import ANGLE, EDGE, SQRT3, TURN, X, Y

OUTSIDE, STEP = 6.0, 0.5  # px: how far out profiles go, and their step
FARTHER, WIDE = (
    4.0,
    0.2,
)  # px, and of the edge: how far out they go where outlines may follow the top edge of a wide facet
NARROW = 1.5  # px farther out than OUTSIDE: of a facet that blur hides
DEEPEST = 0.24  # of the edge: how far in they go; the centre is at 0.289
SEARCH = 3.5  # px around the outline's side in which the edge is looked for
TRUSTED = 0.5  # px: standard deviation of the outline's side, as a prior
BLURS = 0.6 * 1.16 ** np.arange(12)
ALIKE = 40.0  # difference of misfits of an image's islands that the shape of the blur explains
NEARBY = 0.93 ** np.arange(4, -3, -1)  # of the blur that was learnt
SHARES = (0.0, 0.5, 1.0)  # of the facet that lies outside the outline
SAMPLE, MANY = 24, 100  # islands from which the blur is learnt, and a facet that they share
CLEAR = 80.0  # drop of chi squared that makes the second step believable
BY_CHANCE = 30.0  # of it, that islands without facet show of one: 10 to 20 each
RESOLVED = 3.0  # blurs that a facet must be wide
MOSTLY = 0.5  # of the islands that must show a facet of their own
UNLIKE = 0.2  # share of islands that show something beyond their outlines from which on outlines are not alike
FAINTEST = 0.1  # of an island's height over the substrate: less is no facet outside its outline
BEYOND, WITHIN = (
    (2.0, 3.5),
    (-4.0, -2.0),
)  # px from the outline, outwards: where that is looked at, and the island's height
FLOOR = 0.06  # px: what no fit of an edge is better than
Profile = tuple[FloatArray, FloatArray, FloatArray]


def fit_edges(image: FloatArray, rows: FloatArray, reach: float = 0.0) -> tuple[FloatArray, FloatArray, float, bool]:
    """(rows, facets, blur, seen) of islands on an image (rows, columns, channels) whose noise is 1 and white.

    rows: with edge and place corrected. facets (n, 4): width (nan: not resolved), its sigma, sigma of the base edge,
    drop of chi squared by the second step, against one step that each side blurs as it would have it. blur: px. seen: whether
    the islands together, or half of them alone, show a facet at all. reach: px, at least, that profiles
    go beyond the outlines where these may follow top edges.
    """
    facets = np.full((len(rows), 4), np.nan)
    if not len(rows):
        return rows, facets, float("nan"), False
    profiles, shares, blur = _profiles_and_shares(image, rows, reach)
    fits = [fit_sides(*one, blur, share, SEARCH, TRUSTED, -1.0) for one, share in zip(profiles, shares, strict=True)]
    common = 0.0
    if _shares_a_facet([fit[0] for fit in fits]):
        sharper, common = _shared_facet(profiles, shares, blur)
        if common < RESOLVED * blur:
            blur = sharper
            fits = [
                fit_sides(*one, blur, share, SEARCH, TRUSTED, -1.0) for one, share in zip(profiles, shares, strict=True)
            ]
    fresh, wide = rows.copy(), 0
    for k, (_, fit) in enumerate(fits):
        if fit[11] >= CLEAR and fit[9] >= RESOLVED * blur:
            wide += 1
        else:
            facet = fit[9:12].copy()
            fit = fit_sides(*profiles[k], blur, shares[k], SEARCH, TRUSTED, common)[1]
            fit[9:12] = facet
        fresh[k], sigma = _moved(rows[k], fit)
        if np.isfinite(sigma):
            facets[k] = fit[9], fit[10], sigma, fit[11]
    return fresh, facets, blur, common > 0.0 or wide > MOSTLY * len(rows)


def fit_outlines(image: FloatArray, rows: FloatArray) -> FloatArray:
    """Rows of islands with edge and place corrected, from one step across each side: where a halo's rest beside them would be
    taken for a second."""
    profiles = [profiles_across(image, k, rows, STEP, OUTSIDE, DEEPEST) for k in range(len(rows))]
    sample = sorted(profiles, key=lambda p: -float(p[1].sum()))[:SAMPLE]
    blur = _least(
        np.array([sum(fit_sides(*p, float(one), 0.0, SEARCH, TRUSTED, 0.0)[1][12] for p in sample) for one in BLURS])
    )
    fits = [fit_sides(*p, blur, 0.0, SEARCH, TRUSTED, 0.0)[1] for p in profiles]
    return np.array([_moved(row, fit)[0] for row, fit in zip(rows, fits, strict=True)]).reshape(rows.shape)


def _moved(row: FloatArray, fit: FloatArray) -> tuple[FloatArray, float]:
    """A row whose sides lie where `fit` (of fit_sides) has them, those not seen as the others; sigma of the edge, nan: none."""
    offsets, sigmas, seen = fit[0:3], fit[3:6], fit[6:9] > 0.0
    if not seen.any():
        return row, float("nan")
    offsets = np.where(seen, offsets, offsets[seen].mean())
    r = offsets.mean()
    turn = row[ANGLE] + np.pi + TURN * np.arange(3)
    fresh = row.copy()
    fresh[[X, Y]] += 2.0 / 3.0 * (offsets - r) @ np.stack([np.cos(turn), np.sin(turn)], axis=1)
    fresh[EDGE] += 2.0 * SQRT3 * r
    return fresh, 2.0 * SQRT3 * float(np.sqrt(np.square(sigmas[seen]).sum()) / seen.sum() + FLOOR)


def _profiles_and_shares(image: FloatArray, rows: FloatArray, reach: float) -> tuple[list[Profile], FloatArray, float]:
    """(profiles, shares, blur): of each island, and which share of its facet lies outside the outline that was found.

    A facet fainter than half of the top is left out of the outline where it is narrow, kept where it is wide, and noise decides
    between: of one image some outlines follow the base edge, others the top edge. Where nothing is seen beyond most outlines
    they are all alike.
    """
    farther = np.maximum(max(OUTSIDE + NARROW, reach), FARTHER + WIDE * rows[:, EDGE])
    wide = [profiles_across(image, k, rows, STEP, float(out), DEEPEST) for k, out in enumerate(farther)]
    beyond = np.array([_height_beyond(profile) > FAINTEST for profile in wide])
    near = [profiles_across(image, k, rows, STEP, OUTSIDE, DEEPEST) for k in range(len(rows))]
    sample = np.argsort([-p[1].sum() for p in near])[:SAMPLE]
    if beyond[sample].mean() < UNLIKE:
        blur, share = _blur_and_share([near[k] for k in sample])
        if share > 0.0:
            near = [profiles_across(image, k, rows, STEP, OUTSIDE + NARROW, DEEPEST) for k in range(len(rows))]
        return near, np.full(len(rows), share), blur
    blur, usual = _learnt_blur([wide[k] for k in sample], beyond[sample])
    shares = np.array([_own_share(one, blur, usual) if b else 0.0 for one, b in zip(wide, beyond, strict=True)])
    return [n if share == 0.0 else w for n, w, share in zip(near, wide, shares, strict=True)], shares, blur


def _blur_and_share(profiles: list[Profile]) -> tuple[float, float]:
    """The blur with which the profiles of some islands are fitted best, and the share of their facets outside their outlines,
    one for all."""
    misfits = np.array([
        [sum(fit_sides(*p, float(blur), share, SEARCH, TRUSTED, -1.0)[1][12] for p in profiles) for blur in BLURS]
        for share in SHARES
    ])  # fmt: skip
    which = int(np.argmin(misfits.min(axis=1)))
    return _least(misfits[which]), SHARES[which]


def _height_beyond(profile: Profile) -> float:
    """Of an island's height over the substrate, what there is beyond its outline, farther out than most blurs; 0: not seen."""
    mean, count, at = profile
    levels = []
    for low, high in (BEYOND, WITHIN, (at[0] - 2.0, at[0])):
        part = (at >= low) & (at <= high)
        weight = count[:, part, None]
        if weight.sum() <= 0.0:
            return 0.0
        levels.append((weight * mean[:, part]).sum(axis=(0, 1)) / weight.sum())
    height = levels[1] - levels[2]
    return float((levels[0] - levels[2]) @ height / max(height @ height, 1e-12))


def _own_share(profile: Profile, blur: float, usual: float) -> float:
    """Share of an island's facet outside its outline: the image's, unless another explains its profiles clearly better."""
    misfits = [fit_sides(*profile, blur, share, SEARCH, TRUSTED, -1.0)[1][12] for share in SHARES]
    points = sides_seen(profile[1], profile[2])[1] * profile[0].shape[2]
    return _clearly_best(np.array(misfits), points, usual)


def _clearly_best(misfits: FloatArray, points: float, usual: float) -> float:
    """The share of the least misfit to so many points where it is CLEAR better than the usual one's."""
    noise = max(float(misfits.min()) / max(points - 12.0, 1.0), 1e-12)
    gain = (misfits[SHARES.index(usual)] - misfits.min()) / noise
    return SHARES[int(np.argmin(misfits))] if gain > CLEAR else usual


def _shares_a_facet(falls: list) -> bool:
    """Whether the islands of the image together show a second step. `falls`: misfit over its noise at widths STEP apart, of
    each island. Where no island's own facet is clear, its base edge still needs a facet between substrate and top, or it is
    drawn inwards. What each island gains by chance, and from a blur that is no Gaussian, adds up too."""
    total = _together(falls)
    able = sum(len(fall) > 4 for fall in falls)
    return bool(len(total) and total[0] - total.min() > CLEAR + BY_CHANCE * able)


def _together(falls: list) -> FloatArray:
    """Sum over islands at the widths that most of them have; smaller ones, which have fewer, would bound all the others."""
    able = [fall for fall in falls if len(fall) > 4]
    if not able:
        return np.zeros(0)
    most = int(np.median([len(fall) for fall in able]))
    return np.asarray(np.sum([fall[:most] for fall in able if len(fall) >= most], axis=0))


def _shared_facet(profiles: list, shares: FloatArray, blur: float) -> tuple[float, float]:
    """(blur, facet width) px that serve some islands best, both the same for all of them.

    A narrow facet and the blur are hardly told apart: from a wide blur without facet to a narrow one with a wide facet there
    is a valley of nearly one misfit, and its lowest place is the noise's choice. The mean over the valley is not.
    """
    blurs = blur * NEARBY
    profiles = profiles[:MANY]
    curves = [_misfits(profiles, shares, float(one)) for one in blurs]
    if min(len(curve) for curve in curves) < 5:
        return blur, 0.0  # islands too small for a facet at the wider blurs
    middle = [int(np.clip(np.argmin(curve), 3, len(curve) - 2)) for curve in curves]
    widths = [STEP * max(m + _lowest(c[m - 1 : m + 2]), 0.0) for m, c in zip(middle, curves, strict=True)]
    valley = CubicSpline(blurs, np.stack([[curve[1:].min() for curve in curves], widths], axis=1))
    fine = np.linspace(blurs[0], blurs[-1], 200)
    misfit, width = valley(fine).T
    weight = np.exp(-0.5 * (misfit - misfit.min()) / ALIKE)
    return float(np.average(fine, weights=weight)), float(np.average(width, weights=weight))


def _misfits(profiles: list[Profile], shares: FloatArray, blur: float) -> FloatArray:
    """Misfit of all profiles together at widths STEP apart."""
    fits = [fit_sides(*p, blur, share, SEARCH, TRUSTED, -1.0) for p, share in zip(profiles, shares, strict=False)]
    return _together([chi * one[13] for chi, one in fits if len(chi)])


def _lowest(values: FloatArray) -> float:
    """Place of a parabola's minimum through values at -1, 0 and 1; 0 where it has none."""
    bend = values[0] - 2.0 * values[1] + values[2]
    return float(0.5 * (values[0] - values[2]) / bend) if bend > 0.0 else 0.0


def _learnt_blur(profiles: list[Profile], beyond: Mask) -> tuple[float, float]:
    """(blur, share): the blur with which the profiles of some islands are fitted best, between the steps of BLURS by a
    parabola, and whether most outlines follow their base edge (0), their top edge (1) or what lies between. Both together: of
    an outline that follows the top a wide blur without facet is nearly as good. beyond: which may have facets outside."""
    pairs = list(zip(profiles, beyond, strict=True))

    def misfit(blur: float, share: float) -> list[float]:
        return [fit_sides(*p, blur, share if b else 0.0, SEARCH, TRUSTED, -1.0)[1][12] for p, b in pairs]

    misfits = np.array([[misfit(float(blur), share) for share in SHARES] for blur in BLURS])
    points = sum(sides_seen(p[1], p[2])[1] * p[0].shape[2] for p in profiles)
    share = _clearly_best(misfits.sum(axis=2).min(axis=0), points, SHARES[0])
    totals = (misfits.min(axis=1) if share > 0.0 else misfits[:, 0]).sum(axis=1)
    return _least(totals), share


def _least(misfits: FloatArray) -> float:
    """The blur of the least of the misfits at BLURS, between their steps by a parabola."""
    best = int(np.argmin(misfits))
    if best in (0, len(BLURS) - 1):
        return float(BLURS[best])
    return float(BLURS[best] * (BLURS[1] / BLURS[0]) ** _lowest(misfits[best - 1 : best + 2]))
