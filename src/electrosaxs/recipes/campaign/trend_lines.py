"""Points of a trend to its number: the line, and in words how it was found and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import chdtrc

from ...errors import FitError
from ...inference.lines import LineThrough, Seen, line_through, one_sigma, within
from ...nouns import FloatArray, Number
from ...nouns.trends import Trend
from .points import ALIKE, GOOD, LeftOut, Places

FEWEST, FEWEST_WITHOUT_ONE = 2, 4
IMPROBABLE, PROBABLE = 0.01, 0.1
"""Probability of a chi-squared that speaks against all points together, and of one that does not (chosen)."""
FAR_MORE = 4.0
"""Times by which sigma is smaller without a point that lies off (chosen)."""
HEAVY_TAILS = 30.0
"""Degrees of freedom of a t distribution from which on it is a normal one (chosen)."""


def trend(
    places: Places, x: FloatArray, seen: Seen, x_covariance: FloatArray, abscissa: str, statistics: str, *, unit: str,
    power: bool,
) -> Trend:  # fmt: skip
    """The line through the points and its slope as a number; absent with the reason where they do not give one."""
    left = f"; left out: {_listed(places.left_out)}" if places.left_out else ""

    def absent(why: str) -> Trend:
        return Trend(Number.absent(unit, f"{why}{left}"), places.points, places.left_out, power, abscissa=abscissa)

    if len(x) < FEWEST:
        few = f"one point, {places.points[0].name}" if places.points else "no point"
        return absent(f"{few}, a line needs two")
    try:
        if np.ptp(x if power else np.log(x)) <= ALIKE:
            raise FitError("all points have the same abscissa")
        line = _line(x, seen, x_covariance)
    except FitError as error:
        return absent(str(error))
    source = f"against {abscissa}: {_used(places)}; {_how(line, power, statistics)}{_durations(places)}"
    number = Number(line.slope, line.slope_sigma, unit, source)
    number = doubted(_with_one_left_out(number, line, places, x, seen, x_covariance, power), places.doubts)
    number = replace(number, source=f"{number.source}{left}")
    return Trend(number, places.points, places.left_out, power, (line.intercept, line.slope, line.centre), abscissa)


def _line(x: FloatArray, seen: Seen, x_covariance: FloatArray) -> LineThrough:
    exact = not bool(np.any(np.diag(x_covariance) > 0.0))
    return line_through(x, seen, x_covariance=None if exact else x_covariance)


def without(places: Places, apart: Mapping[str, str]) -> Places:
    """The places without the members named in `apart`, which are left out for the reason beside them."""
    kept = [k for k, one in enumerate(places.members) if one.name not in apart]
    return replace(
        places, points=tuple(places.points[k] for k in kept), members=tuple(places.members[k] for k in kept),
        left_out=(*places.left_out, *apart.items()), doubts=tuple(one for one in places.doubts if one[0] not in apart),
    )  # fmt: skip


def doubted(number: Number, doubts: LeftOut) -> Number:
    """`number` with what its members say themselves against what it is made of."""
    if number.value is None or not doubts:
        return number
    why = f"{', '.join(dict.fromkeys(name for name, _ in doubts))}: doubtful in the member's own results"
    before = [] if number.quality == GOOD else [number.quality.partition(": ")[2]]
    words = "; ".join(f"{name} ({quality.partition(': ')[2] or quality})" for name, quality in doubts)
    return replace(
        number, quality=f"doubtful: {'; '.join([*before, why])}", source=f"{number.source}; doubtful: {words}"
    )


def of_themselves(tails: float) -> str:
    """In words, how far the errors of a sigma reach that rests on few residuals; empty where they are as of any other."""
    if tails > HEAVY_TAILS:
        return ""
    return f"; estimated from few: two sigma hold {within(2.0 * one_sigma(tails), tails):.0%}"


def _with_one_left_out(
    number: Number, line: LineThrough, places: Places, x: FloatArray, seen: Seen, x_covariance: FloatArray, power: bool
) -> Number:
    """`number`, doubtful where one point makes most of its sigma: all together are improbable on one line, without it they are
    not, and the others alone say far more."""
    if len(x) < FEWEST_WITHOUT_ONE or chdtrc(line.freedom, line.chi_squared) > IMPROBABLE:
        return number
    best: tuple[float, int, LineThrough] | None = None
    for k in range(len(x)):
        kept = np.arange(len(x)) != k
        try:
            other = _line(x[kept], _part(seen, kept), x_covariance[np.ix_(kept, kept)])
        except FitError:
            continue
        if best is None or other.chi_squared < best[0]:
            best = (other.chi_squared, k, other)
    if best is None or chdtrc(best[2].freedom, best[0]) < PROBABLE or FAR_MORE * best[2].slope_sigma > line.slope_sigma:
        return number
    name, other = places.points[best[1]].name, best[2]
    what = f"{'exponent' if power else 'slope'} {other.slope:.3g} ± {other.slope_sigma:.2g}"
    why = f"{name} lies off the line of the others, which alone have the {what}"
    return replace(number, quality=f"doubtful: {why}", source=f"{number.source}; {why}")


def _part(seen: Any, kept: FloatArray) -> Any:
    """The same statistics of some of the points."""
    return replace(seen, **{k: v[kept] for k, v in vars(seen).items() if isinstance(v, np.ndarray)})


def _listed(left_out: LeftOut) -> str:
    return "; ".join(f"{name} ({why})" for name, why in left_out)


def _used(places: Places) -> str:
    return f"{len(places.points)} points ({', '.join(point.name for point in places.points)})"


def _how(line: LineThrough, power: bool, statistics: str) -> str:
    law = "power law" if power else "line"
    text = f"errors in both axes, {statistics}"
    if line.freedom == 0:
        return f"{text}; two points do not test the {law}"
    text += f", chi-squared {line.chi_squared:.3g} of {line.freedom}"
    if line.scatter > 0.0:
        beyond = f"{line.scatter:.1%}" if power else f"{line.scatter:.2g} nm"
        text += f"; points scatter {beyond} about the {law} beyond their sigmas, which sigma contains"
        text += of_themselves(line.tails)
    return text


def _durations(places: Places) -> str:
    """A warning where the members were not under voltage for the same time."""
    if not places.members or places.members[0].kind == "run":
        return ""
    times = [m.duration_s for m in places.members if m.duration_s is not None]
    if len(times) < 2 or max(times) <= (1.0 + ALIKE) * min(times):
        return ""
    return f"; durations from {min(times):g} to {max(times):g} s differ, which is not corrected"
