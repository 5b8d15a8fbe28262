"""Exponents, slopes and what follows from them: the headline numbers of a campaign, each with its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...inference.lines import PowerCounts, PowerValues, Seen, Values, freedom_of_sum, one_sigma
from ...nouns import FloatArray, Number
from ...nouns.campaign import Join, Kind
from ...nouns.trends import FIELD, Member, Point, Trend
from ...physics.critical_nucleus import (
    critical_size_of_complete_condensation,
    critical_size_of_slow_attachment,
)
from ...physics.lattices import lattice_named
from .points import GOOD, LeftOut, Places, at_cells, doubts_of, points_of, why_not
from .trend_lines import doubted, of_themselves, trend, without

FEW_COUNTS = 30.0
"""Counts below which the logarithm of a count is not Gaussian: with any such sample all are fitted as counts."""
SOLVATED, DRIED, DENSITY = "lattice_constant_solvated", "lattice_constant_dried", "nucleation_density"
VOLUME = "lattice_constant_volume"
FLUXES = ("slice_flux", "supply_flux")
HOW_JOINED: dict[Join, str] = {
    "field": "at equal field", "voltage": "at equal voltage", "none": "in cells of one gap",
}  # fmt: skip
KNOWN_TO = (0.5, 0.3)
"""Sigma of a critical size, absolute or relative, up to which it tells sizes apart (chosen)."""
FEWEST_FOR_A_SIZE = 4
"""Points: of three, one in three lies on a power law by chance, with a sigma that knows of no scatter (chosen)."""


def trends_of(members: Sequence[Member], join: Join) -> dict[str, Trend]:
    """Every exponent and slope by its name in numbers.json."""
    found = {f"{flux}_exponent": power_of_field(members, "run", flux, join) for flux in FLUXES}
    found["nucleation_density_exponent"] = power_of_field(members, "micrographs", DENSITY, join)
    for flux in FLUXES:
        of_flux = power_of_flux(members, flux, join)
        found[f"nucleation_density_exponent_{flux}"] = _with_doubt_of(of_flux, found[f"{flux}_exponent"].number)
    found["lattice_constant_solvated_slope"] = slope_of_field(members, "run", SOLVATED, join)
    found["lattice_constant_dried_slope"] = slope_of_field(members, "film", DRIED, join)
    found["anode_diameter_slope"] = slope_of_field(members, "run", "anode_diameter", join)
    return found


def _with_doubt_of(of_flux: Trend, of_field: Number) -> Trend:
    """A trend over the fluxes of the runs is as doubtful as the trend of those fluxes."""
    number = of_flux.number
    if number.value is None or number.quality != GOOD:
        return of_flux
    return replace(of_flux, number=replace(number, quality=of_field.quality))


def campaign_numbers(members: Sequence[Member], trends: dict[str, Trend], join: Join) -> dict[str, Number]:
    """All of numbers.json."""
    numbers = {name: trend.number for name, trend in trends.items()}
    numbers["critical_nucleus_size"] = critical_nucleus_size(trends)
    numbers["volume_contraction"] = volume_contraction(members, join)
    return numbers


def power_of_field(members: Sequence[Member], kind: Kind, name: str, join: Join) -> Trend:
    """Exponent of a number against the field."""
    places = points_of(members, kind, name, join=join, positive=True)
    relative = np.divide(places.column("x_sigma"), places.column("x")) if places.points else np.zeros(0)
    return _power(places, np.diag(relative**2), places.joined)


def power_of_flux(members: Sequence[Member], flux: str, join: Join) -> Trend:
    """Exponent of the nucleation density against a flux of the runs at the same field or voltage."""
    places = points_of(members, "micrographs", DENSITY, join="field", positive=True)
    runs = [m for m in members if m.kind == "run"]
    joined, others = at_cells(runs, flux, places.members, join=join, power=True)
    kept = np.isfinite(joined.value)
    beyond = tuple((m.name, why) for m, why in zip(places.members, joined.why, strict=True) if why)
    sigma = np.sqrt(np.diag(joined.covariance))
    points = tuple(
        Point(p.name, float(np.exp(x)), float(np.exp(x) * s), p.y, p.y_sigma)
        for p, x, s, known in zip(places.points, joined.value, sigma, kept, strict=True)
        if known
    )
    words = f"{flux.replace('_', ' ')} of the runs (m/s), joined {HOW_JOINED[join]}, between runs interpolated"
    if joined.scatter > 0.0:
        words += f", each with the {joined.scatter:.1%} by which runs scatter about their power law"
    used = tuple(m for m, known in zip(places.members, kept, strict=True) if known)
    taken = Places(points, used, (*places.left_out, *beyond, *others), words,
                   (*doubts_of(used, DENSITY), *joined.doubts))  # fmt: skip
    return _power(taken, joined.covariance[np.ix_(kept, kept)], words)


def _power(places: Places, x_covariance: FloatArray, abscissa: str) -> Trend:
    seen, statistics = _seen(places)
    return trend(places, np.log(places.column("x")), seen, x_covariance, abscissa, statistics, unit="one", power=True)


def _seen(places: Places) -> tuple[Seen, str]:
    """Values with their sigma, or counts where some are few."""
    y, sigma = places.column("y"), places.column("y_sigma")
    counts = [(m.number("island_count").value, m.number("area").value) for m in places.members]
    known = [(count, area) for count, area in counts if count is not None and area]
    if len(known) == len(counts) > 0 and min(count for count, _ in known) < FEW_COUNTS:
        n, area = (np.array(column, dtype=float) for column in zip(*known, strict=True))
        excess = np.square(sigma / np.maximum(y, 0.5 / area)) - 1.0 / np.maximum(n, 1.0)
        return PowerCounts(n, area, np.maximum(np.where(n < 1.0, 0.0, excess), 0.0)), "Poisson, counts are few"
    return PowerValues(y, sigma), "Gaussian sigmas"


def slope_of_field(members: Sequence[Member], kind: Kind, name: str, join: Join) -> Trend:
    """Slope (nm per V/cm) of a length against the field."""
    places = points_of(members, kind, name, join=join, positive=False)
    if name in (SOLVATED, DRIED):
        places = _of_one_lattice(places)
    unit = "nm per V/cm" if places.joined == FIELD else "nm per V"
    seen = Values(places.column("y"), places.column("y_sigma"))
    return trend(places, places.column("x"), seen, np.diag(places.column("x_sigma") ** 2), places.joined,
                  "Gaussian sigmas", unit=unit, power=False)  # fmt: skip


def _of_one_lattice(places: Places) -> Places:
    """The points of the lattice that most members have: edges of different cells are different lengths."""
    names = [one.lattice or "of no lattice" for one in places.members]
    if len(set(names)) < 2:
        return places
    most = max(names, key=names.count)
    apart = {one.name: f"it is {name}, most are {most}" for one, name in zip(places.members, names, strict=True)
             if name != most}  # fmt: skip
    return without(places, apart)


def volume_contraction(members: Sequence[Member], join: Join) -> Number:
    """1 - volume per particle dried over solvated, of films against runs at the same field or voltage."""
    films, left_out = [], []
    for one in members:
        if one.kind == "film":
            if why := why_not(one, one.number(VOLUME), positive=False):
                left_out.append((one.name, why))
            else:
                films.append(one)
    runs, solvated, apart = _solvated_alike([m for m in members if m.kind == "run"])
    left_out += apart
    joined, others = at_cells(runs, SOLVATED, films, join=join, power=False)
    rows, kept = [], []
    for k, one in enumerate(films):
        why = joined.why[k]
        if not why and one.lattice != solvated:
            why = f"it is {one.lattice or 'of no lattice'}, the runs are {solvated or 'of no lattice'}"
        if why:
            left_out.append((one.name, why))
            continue
        number = one.number(VOLUME)
        cell = lattice_named(str(one.lattice))
        conventional = float(np.cbrt(cell.volume_per_particle * cell.particles_per_cell)) * joined.value[k]
        assert number.value is not None
        ratio = (number.value / conventional) ** 3
        rows.append((ratio, 3.0 * ratio * (number.sigma or 0.0) / number.value, 3.0 * ratio / joined.value[k]))
        kept.append(k)
    found = _mean_contraction(rows, joined.covariance[np.ix_(kept, kept)], [films[k].name for k in kept], join,
                              (*left_out, *others))  # fmt: skip
    return doubted(found, (*doubts_of([films[k] for k in kept], VOLUME), *joined.doubts))


def _solvated_alike(runs: Sequence[Member]) -> tuple[list[Member], str | None, list[tuple[str, str]]]:
    """(runs without those whose solvated crystals have another lattice than most, that lattice, the others with the reason)."""
    having = [m.lattice for m in runs if m.number(SOLVATED).value is not None]
    most = max(having, key=lambda name: (having.count(name), name is not None), default=None)
    apart = [m for m in runs if m.number(SOLVATED).value is not None and m.lattice != most]
    why = [(m.name, f"it is {m.lattice or 'of no lattice'}, most runs are {most}") for m in apart]
    return [m for m in runs if m not in apart], most, why


def _mean_contraction(
    rows: Sequence[tuple[float, float, float]],
    covariance: FloatArray,
    names: Sequence[str],
    join: Join,
    left_out: LeftOut,
) -> Number:
    """Weighted mean of 1 - ratio; runs that several films share are errors that they share."""
    left = f"; left out: {'; '.join(f'{name} ({why})' for name, why in left_out)}" if left_out else ""
    if not rows:
        return Number.absent("one", f"no dried film meets a solvated crystal{left}")
    ratio, own, slope = (np.array(column) for column in zip(*rows, strict=True))
    total = np.diag(own**2) + slope[:, None] * covariance * slope[None, :]
    inverse = np.linalg.inv(total)
    weight = inverse.sum(axis=1) / inverse.sum()
    mean = float(weight @ ratio)
    sigma = float(np.sqrt(1.0 / inverse.sum()))
    off = ratio - mean
    excess = float(off @ inverse @ off) / max(len(rows) - 1, 1)
    source = (
        f"1 - volume per particle dried over solvated, {HOW_JOINED[join]}: {len(rows)} film(s) ({', '.join(names)})"
    )
    if len(rows) > 1 and excess > 1.0:
        wider = sigma * float(np.sqrt(excess))
        tails = freedom_of_sum(sigma**2, wider**2, len(rows) - 1)
        sigma = wider * one_sigma(tails)
        source += (
            f"; films differ by {np.sqrt(excess):.2g} times their sigmas, which sigma contains{of_themselves(tails)}"
        )
    return Number(1.0 - mean, sigma, "one", source + left)


def critical_nucleus_size(trends: Mapping[str, Trend]) -> Number:
    """From the power of the flux in the nucleation density; absent where sigma or too few points do not tell sizes apart."""
    for flux in FLUXES:
        found = trends[f"nucleation_density_exponent_{flux}"]
        exponent = found.number
        if exponent.value is not None and exponent.sigma is not None:
            break
    else:
        return Number.absent("one", f"no exponent of the nucleation density against a flux: {exponent.source}")
    x, sigma = exponent.value, exponent.sigma
    words = f"exponent {x:.2f} ± {sigma:.2f} against the {flux.replace('_', ' ')}"
    if not 2.0 * sigma < x < 1.0 - 2.0 * sigma:
        return Number.absent(
            "one", f"{words}: with its sigma not between 0 and 1, where x = i / (i + 2) (complete condensation) has a size"
            + _other(x),
        )  # fmt: skip
    size, largest = (critical_size_of_complete_condensation(one) for one in (x, x + 2.0 * sigma))
    size_sigma = 0.5 * (largest - size)
    if size_sigma > max(KNOWN_TO[0], KNOWN_TO[1] * size):
        return Number.absent(
            "one", f"{words} gives i = {size:.1f} ± {size_sigma:.1f}: its sigma does not tell sizes apart"
        )
    if len(found.points) < FEWEST_FOR_A_SIZE:
        return Number.absent(
            "one", f"{words} gives i = {size:.1f} ± {size_sigma:.1f}: {len(found.points)} points hardly test a power law"
        )  # fmt: skip
    source = f"{words}: x = i / (i + 2), complete condensation{_other(x)}; sigma: towards larger sizes, half of two"
    return Number(size, size_sigma, "one", source, exponent.quality)


def _other(exponent: float) -> str:
    """What slow attachment would make of it."""
    if not 0.0 < exponent < 2.0:
        return ""
    return f"; with slow attachment, x = 2 i / (i + 3), i = {critical_size_of_slow_attachment(exponent):.1f}"


def points_as_trend(members: Sequence[Member], kind: Kind, name: str, join: Join) -> Trend:
    """The points of a number against the field, without a line."""
    places = points_of(members, kind, name, join=join, positive=False)
    why = "; ".join(f"{one} ({reason})" for one, reason in places.left_out) or f"the campaign has no {kind}"
    return Trend(Number.absent("one", why), places.points, places.left_out, power=False, abscissa=places.joined)
