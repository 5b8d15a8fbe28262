"""What the paper says of maps and of several members at once, computed of a campaign: rows beside those of single numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...claims.paper import NARROWING, SIZES_UM_NM, START_NM, TENFOLD, TENFOLD_M
from ...nouns import FloatArray, Noun, Number, RunResults
from ...nouns.trends import Member, Statement
from ...report.number_text import number_row

NEAREST_UM = SIZES_UM_NM[0][0]
LEAST_POINTS = 3
Truths = Mapping[str, Mapping[str, float | None]]


def map_rows(main: Member | None, true: RunResults | None) -> list[Statement]:
    """Of the run at 57 V/cm in its last scan: the narrowing at the anode, the rise beside it, what is left at the cathode."""
    if main is None or main.run is None:
        return []
    start = main.number("starting_polydispersity")
    phi = float(main.run.settings.get("solution", {}).get("volume_fraction") or 0.0)
    broad = Number(START_NM[1] / START_NM[0], None, "one", "truth")
    changed = narrowing(main.run, start), None if true is None else narrowing(true, broad)
    rows: tuple[tuple[str, str, Callable[[RunResults, float], Number]], ...] = (
        (f"mean φ within {1e6 * TENFOLD_M:.0f} µm over the start's, 57 V/cm", f"about {TENFOLD:.0f}", rise),
        ("φ next to the cathode over the start's, 57 V/cm", "below 1", left_over),
    )
    words = f"δ / d at {NEAREST_UM:.0f} µm over the start's, less 1 (%), 57 V/cm"
    return [
        _row(words, f"−{100 * NARROWING:.0f}", *changed),
        *(_row(words, paper, of(main.run, phi), None if true is None else of(true, phi)) for words, paper, of in rows),
    ]


def _row(words: str, paper: str, found: Number, truth: Number | None) -> Statement:
    row = number_row("", found, None if truth is None or truth.value is None else truth)
    return Statement(words, paper, f"none: {found.source}" if row.absent else row.text, row.truth, row.pull)


def narrowing(run: RunResults, start: Number) -> Number:
    """delta / d at the height nearest 50 um in the last scan over that of the start, less 1, in per cent."""
    if run.diameter is None or run.deviation is None or not start.value:
        return Number.absent("", "no sizes")
    good = run.diameter.good & run.deviation.good
    if not good.any():
        return Number.absent("", "no sizes")
    last = int(np.flatnonzero(good.any(axis=1))[-1])
    seen = np.flatnonzero(good[last])
    k = int(seen[np.argmin(np.abs(run.diameter.coord("height")[seen] - NEAREST_UM))])
    d, s = run.diameter.values[last, k], run.deviation.values[last, k]
    ratio = float(s / d) / start.value
    parts = _sigma(run.deviation, last, k) / s, _sigma(run.diameter, last, k) / d, (start.sigma or 0.0) / start.value
    return Number(100.0 * (ratio - 1.0), 100.0 * ratio * float(np.linalg.norm(parts)), "", "last scan")


def rise(run: RunResults, start: float) -> Number:
    """Mean of phi over the slice of 250 um on the anode in the last scan, by trapezoids, over that of the start."""
    return _over_start(run, start, lambda heights: _slice_weights(heights, 1e6 * TENFOLD_M))


def left_over(run: RunResults, start: float) -> Number:
    """phi of the three highest heights in the last scan over that of the start."""
    return _over_start(run, start, lambda heights: np.where(heights >= heights[-LEAST_POINTS], 1.0 / LEAST_POINTS, 0.0))


def _slice_weights(heights: FloatArray, top: float) -> FloatArray:
    """Of the mean from the lowest of the rising heights to `top`, straight lines between them."""
    ends = np.append(heights[heights < top], top)
    values = np.array([np.interp(ends, heights, unit) for unit in np.eye(len(heights))])
    return np.asarray(np.trapezoid(values, ends, axis=1) / (top - heights[0]))


def _over_start(run: RunResults, start: float, weights: Callable[[FloatArray], FloatArray]) -> Number:
    """A mean of phi over heights in the last scan over that of the start; what its points share is added with its sign."""
    phi = run.volume_fraction
    if not start or not phi.good.any():
        return Number.absent("", "no volume fraction")
    last = int(np.flatnonzero(phi.good.any(axis=1))[-1])
    seen = np.flatnonzero(phi.good[last])
    use = seen[np.argsort(phi.coord("height")[seen])]
    if use.size < LEAST_POINTS:
        return Number.absent("", "fewer than three heights")
    weight = weights(phi.coord("height")[use]) / start
    own = weight * np.nan_to_num(phi.sigma[last, use])
    parts = [float(weight @ np.nan_to_num(np.asarray(part.values)[last, use])) for part in phi.shared.values()]
    return Number(float(weight @ phi.values[last, use]), float(np.linalg.norm([*own, *parts])), "", "last scan")


def _sigma(noun: Noun, scan: int, height: int) -> float:
    return float(np.nan_to_num(noun.total_sigma[scan, height]))


def larger_at_the_anode(runs: Sequence[Member], truths: Truths) -> Statement | None:
    """How many runs have a larger mean size at the anode than their solution had."""
    name, start = "anode_diameter", "starting_diameter"
    having = [(m, a, s) for m in runs if (a := m.number(name).value) and (s := m.number(start).value)]
    if not having:
        return None
    found = sum(a > s for _, a, s in having)
    known = [(t, s) for m, _, s in having if (t := truths.get(m.name, {}).get(name)) is not None]
    true = f"{sum(t > s for t, s in known)} of {len(known)}" if known else ""
    return Statement(
        "runs with a larger mean size at the anode than at the start", "all", f"{found} of {len(having)}", true
    )


def denser(weak: Member | None, strong: Member | None, truths: Truths) -> Statement | None:
    """Nucleation density at 120 over that at 20 V/cm."""
    name = "nucleation_density"
    if weak is None or strong is None:
        return None
    low, high = weak.number(name), strong.number(name)
    if not low.value or not high.value:
        return None
    relative = np.hypot((low.sigma or 0.0) / low.value, (high.sigma or 0.0) / high.value)
    ratio = high.value / low.value
    true = [truths.get(one.name, {}).get(name) for one in (weak, strong)]
    known = Number(true[1] / true[0], None, "", "truth") if true[0] and true[1] else None
    words = f"nucleation density at {strong.field_V_per_cm:.0f} over that at {weak.field_V_per_cm:.0f} V/cm"
    return _row(words, "above 1", Number(ratio, ratio * float(relative), "", "both"), known)
