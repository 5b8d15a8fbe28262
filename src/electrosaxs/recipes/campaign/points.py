"""Members as points of a trend: which can be used, at which abscissa, and what is left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import FitError
from ...inference.lines import Values, interpolation, line_through
from ...nouns import FloatArray, Number
from ...nouns.campaign import Join, Kind
from ...nouns.trends import FIELD, VOLTAGE, Member, Point

ALIKE = 0.02
"""Relative difference below which fields, voltages and gaps count as the same."""
NEGATIVE_SIGMAS = 3.0
"""Sigmas below zero from which on a value is no noise about a small positive one."""
NOT_TRUSTED, GOOD = "not trustworthy", "good"
"""Qualities of numbers (`nouns.Number`): such a one is no point; any other than good is told beside the points."""
FEWEST_TO_SCATTER = 3
LeftOut = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Places:
    """Points of one kind with the members they are; `joined`: their abscissa in words. doubts: (name, what its member says of
    a number that is used)."""

    points: tuple[Point, ...]
    members: tuple[Member, ...]
    left_out: LeftOut
    joined: str
    doubts: LeftOut = ()

    def column(self, name: str) -> FloatArray:
        """x, x_sigma, y or y_sigma of all points."""
        return np.array([getattr(point, name) for point in self.points], dtype=float)


def points_of(members: Sequence[Member], kind: Kind, name: str, *, join: Join, positive: bool) -> Places:
    """Points of number `name` over the field, of all members of `kind`; with cells of different gap as `join` says."""
    of_kind = [m for m in members if m.kind == kind]
    left_out: list[tuple[str, str]] = []
    usable = []
    for one in of_kind:
        why = why_not(one, one.number(name), positive=positive)
        if why:
            left_out.append((one.name, why))
        else:
            usable.append(one)
    usable, others, joined = of_one_abscissa(usable, join)
    points = [_point(one, one.number(name), joined) for one in usable]
    return Places(tuple(points), tuple(usable), (*left_out, *others), joined, doubts_of(usable, name))


def doubts_of(used: Sequence[Member], name: str) -> LeftOut:
    """(member, what it says itself against its number), where it says something."""
    return tuple((one.name, one.number(name).quality) for one in used if one.number(name).quality != GOOD)


def why_not(one: Member, number: Number, *, positive: bool) -> str:
    """Why a member is no point of a trend; empty where it is one."""
    if number.value is None:
        return "no results" if one.reason else number.source
    if one.field_V_per_cm is None:
        return "its voltage or gap is not known"
    if one.field_V_per_cm <= 0.0:
        return f"its field is {one.field_V_per_cm:.3g} V/cm"
    if not number.sigma:
        return "its number has no sigma"
    if number.quality.startswith(NOT_TRUSTED):
        return number.quality
    if positive and number.value < -NEGATIVE_SIGMAS * number.sigma:
        return f"it is negative, {number.value:.3g} ± {number.sigma:.2g}"
    return ""


def _point(one: Member, number: Number, joined: str) -> Point:
    x = (one.voltage_V if joined == VOLTAGE else one.field_V_per_cm) or 0.0
    assert number.value is not None
    assert number.sigma is not None
    return Point(one.name, x, abs(x) * one.relative_sigma, number.value, number.sigma)


def of_one_abscissa(usable: Sequence[Member], join: Join) -> tuple[list[Member], LeftOut, str]:
    """Members that share an abscissa, those that do not with the reason, and the abscissa in words.

    In cells of one gap field and voltage are the same. Else "field" and "voltage" say which is taken, and with "none" the
    gap with most members stands alone.
    """
    gaps = [one.gap_mm or 0.0 for one in usable]
    if not gaps or max(gaps) <= (1.0 + ALIKE) * min(gaps):
        return list(usable), (), FIELD
    if join != "none":
        return list(usable), (), FIELD if join == "field" else VOLTAGE
    alike = [sum(abs(g / gap - 1.0) <= ALIKE for g in gaps) for gap in gaps]
    gap = gaps[int(np.argmax(alike))]
    kept = [one for one, own in zip(usable, gaps, strict=True) if abs(own / gap - 1.0) <= ALIKE]
    others = tuple(
        (one.name, f"its gap is {one.gap_mm:g} mm, not {gap:g} mm (--join none)") for one in usable if one not in kept
    )
    return kept, others, FIELD


@dataclass(frozen=True, eq=False)
class Joined:
    """What runs say at the cells of other members: value and covariance at each, NaN where nothing is known there (`why`).
    scatter: of the runs about their own power law, which the covariance contains. doubts: as of `Places`."""

    value: FloatArray
    covariance: FloatArray
    why: tuple[str, ...]
    scatter: float = 0.0
    doubts: LeftOut = ()


def at_cells(
    runs: Sequence[Member], name: str, cells: Sequence[Member], *, join: Join, power: bool
) -> tuple[Joined, LeftOut]:
    """Number `name` of the runs (its logarithm where `power`) at the cells of other members: where a run has the same field,
    or voltage, its own, between two runs linear between theirs. With `join` "none" only runs of the same gap count.

    The other cells are not the cells of the runs: where runs scatter about a power law beyond their sigmas, a cell's own flux
    is as far from the run's as that."""
    usable, left_out = [], []
    for one in runs:
        number = one.number(name)
        why = why_not(one, number, positive=power)
        if not why and power and number.value is not None and number.sigma is not None and number.value <= number.sigma:
            why = f"it is not above its sigma, {number.value:.3g} ± {number.sigma:.2g}"
        if why:
            left_out.append((one.name, why))
        else:
            usable.append(one)
    usable, others = of_the_gap(usable, cells) if join == "none" else (usable, [])
    left_out += others
    if not usable:
        none = np.full(len(cells), np.nan)
        why = f"no run has a {name.replace('_', ' ')}" + (
            " in a cell of its gap (--join none)" if join == "none" else ""
        )
        return Joined(none, np.diag(none), (why,) * len(cells)), tuple(left_out)
    places, values, variances = _by_place(usable, name, join, power)
    at = np.array([_abscissa(one, join) for one in cells])
    weights, inside = interpolation(np.log(at), np.log(places), alike=ALIKE)
    own_gap = np.array([join != "none" or _alike(usable[0].gap_mm, one.gap_mm) for one in cells], dtype=bool)
    word, unit = ("voltage", "V") if join == "voltage" else ("field", "V/cm")
    span = f"{places[0]:.3g} to {places[-1]:.3g} {unit}" if len(places) > 1 else f"{places[0]:.3g} {unit}"
    why_not_there = tuple(
        "no run has its gap (--join none)" if not own else
        "" if known else f"its {word} of {x:.3g} {unit} is not among those of the runs, {span}"
        for known, own, x in zip(inside, own_gap, at, strict=True)
    )  # fmt: skip
    filled = np.nan_to_num(weights)
    value = np.where(inside & own_gap, filled @ values, np.nan)
    scatter = _scatter(places, values, variances) if power else 0.0
    covariance = filled @ ((variances + scatter**2)[:, None] * filled.T)
    return Joined(value, covariance, why_not_there, scatter, doubts_of(usable, name)), tuple(left_out)


def _scatter(places: FloatArray, values: FloatArray, variances: FloatArray) -> float:
    """Of logarithms about a line over those of the places, beyond their sigmas, one sigma; 0 where they are too few."""
    if len(places) < FEWEST_TO_SCATTER:
        return 0.0
    try:
        return line_through(np.log(places), Values(values, np.sqrt(variances))).scatter
    except FitError:
        return 0.0


def of_the_gap(runs: Sequence[Member], cells: Sequence[Member]) -> tuple[list[Member], list[tuple[str, str]]]:
    """The runs whose gap most of the cells have, and the others with the reason."""
    shared = [sum(_alike(run.gap_mm, cell.gap_mm) for cell in cells) for run in runs]
    if not shared or max(shared) == 0:
        return [], [(run.name, f"no other cell has its gap of {run.gap_mm:g} mm (--join none)") for run in runs]
    gap = runs[int(np.argmax(shared))].gap_mm
    kept = [run for run in runs if _alike(run.gap_mm, gap)]
    return kept, [(run.name, f"its gap is {run.gap_mm:g} mm (--join none)") for run in runs if run not in kept]


def _alike(one: float | None, other: float | None) -> bool:
    return bool(one and other and abs(one / other - 1.0) <= ALIKE)


def _abscissa(one: Member, join: Join) -> float:
    return float((one.voltage_V if join == "voltage" else one.field_V_per_cm) or np.nan)


def _by_place(
    usable: Sequence[Member], name: str, join: Join, power: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ascending abscissas, values (logarithms where `power`) and variances; runs at the same place are averaged."""
    rows = []
    for one in usable:
        number = one.number(name)
        value, sigma = number.value or 0.0, number.sigma or 0.0
        rows.append((_abscissa(one, join), np.log(value) if power else value, (sigma / value if power else sigma) ** 2))
    rows.sort()
    groups: list[list[tuple[float, float, float]]] = []
    for row in rows:
        if groups and row[0] <= (1.0 + ALIKE) * groups[-1][0][0]:
            groups[-1].append(row)
        else:
            groups.append([row])
    found = []
    for group in groups:
        x, y, variance = (np.array(column) for column in zip(*group, strict=True))
        weight = 1.0 / variance
        found.append((float(x.mean()), float(np.average(y, weights=weight)), float(1.0 / weight.sum())))
    places, values, variances = (np.array(column) for column in zip(*found, strict=True))
    return places, values, variances
