"""How much of the crystals on the anode the run has seen, beside what left the solution: all of it, or a lower bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipp as sc

from ...analysis.crystals.film_shadow import FilmShadow, tilt_mrad
from ...analysis.footprint.open_beam import lit_length
from ...analysis.kinetics.mass_balance import solution_loss
from ...nouns import LOWER_BOUND, CrystallineFraction, FloatArray, Number, Run
from ...nouns.contributions import FOOTPRINT, SHADOW
from ...units import METRE_PER_UM
from .anode import AnodePosition
from .crystals import Crystals
from .film_shadow import Shadow
from .maps import FrameMaps, Kinetics
from .quality import Doubt
from .scale_errors import with_part

BESIDE = "solution_loss_beside_crystals"
MISSED = 3.0
"""Sigmas by which more than was seen must have left the solution, to say that it was a lower bound."""
MISSED_IN_SHADOW = 2.0
"""The same where a film takes light: then it is in its own shadow, the question is only by how much."""
TOLD = 0.5
"""Relative sigma of the depth beside the anode up to which it tells the tilt, and of what may be hidden, of an amount."""
NONE_SEEN = "no curve shows crystals, and there may be none: a beam or a stage that went down passes as little light"
ALIKE = 0.6
"""Of the sigma of one scan (chosen): what no number of scans makes smaller."""


@dataclass(frozen=True, eq=False)
class FilmStudy:
    """crystalline_amount with whether it is a lower bound, what had left the solution by then, anode_tilt where a shadow tells
    it; doubts; notes; the time (s) that these are of, None without crystals."""

    numbers: dict[str, Number]
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()
    time_s: float | None = None

    def hidden_rate(self, onset_s: float) -> float | None:
        """Particle volume per area (m/s) that left the solution since the onset and was not seen in crystals, a mean; 0 without
        crystals, None where what left the solution is not known."""
        lost, seen = (self.numbers[name].value for name in (BESIDE, "crystalline_amount"))
        if self.time_s is None or seen is None or self.time_s <= onset_s:
            return 0.0
        return None if lost is None else METRE_PER_UM * max(lost - seen, 0.0) / (self.time_s - onset_s)


def film_study(
    shadow: Shadow | None, crystals: Crystals, maps: FrameMaps, run: Run, anode: AnodePosition, anode_um: float
) -> FilmStudy:
    """What the last scan with crystals says of them, beside what had left the solution when that scan saw the anode; anode_um:
    sigma of its height."""
    column = crystals.column
    none = Number.absent("um", "no crystals were seen at the anode")
    untold = Number.absent("mrad", "no film on the anode takes light that would tell")
    nothing = FilmStudy({"crystalline_amount": none, BESIDE: none, "anode_tilt": untold})
    if column is None:
        return nothing
    phi = np.nan_to_num(maps.phi.values * maps.crystalline_fraction)[:, column]
    dark = np.zeros(phi.size) if shadow is None else shadow.missing[:, column]
    seen = np.flatnonzero((phi > 0.0) | (dark > 0.0))
    if not seen.size:
        return nothing
    last = int(seen[-1])
    when, height = (float(maps.phi.coord(name)[at]) for name, at in (("time", (last, column)), ("height", column)))
    lost, waviness = _lost(maps, when, run), anode.surely_wavy_um
    length, unknown = lit_length(height, run.beam.fwhm_um, height_sigma=anode_um, waviness=waviness)
    amount, own, film = float(phi[last]), _reading_sigma(maps, crystals, last, column), None
    if shadow is not None and dark[last] > 0.0:
        film = shadow.film(last, column)
        per_phi = float(shadow.per_phi[last, column])
        shade = film.sigma if np.isfinite(film.edge_sigma) else float(shadow.sigma[last, column])
        own = float(np.hypot(own, shade / per_phi))
        amount = film.lit / per_phi
        untold = _tilt([_Seen.of(shadow, int(scan), column, maps, run) for scan in np.flatnonzero(dark > 0.0)], run)
    amount, sigma = amount * length, length * float(np.hypot(unknown * amount, own))
    none_seen = film is not None and not np.any(phi > 0.0)
    sigma = float(np.hypot(sigma, amount)) if none_seen else sigma
    bound, reason = _lower_bound(amount, sigma, film, lost)
    reason = f"{NONE_SEEN}; else {reason}" if none_seen else reason
    if not bound and lost.value is not None and lost.sigma is not None:  # as much as may yet be hidden
        sigma = float(np.linalg.norm([sigma, lost.sigma, max(lost.value - amount, 0.0)]))
    source = (
        "particle volume per area of the anode in crystals that stand in the light, by the voxel at the anode in its last scan "
        "with crystals, "
        f"{when:.0f} s; "
        f"{LOWER_BOUND if bound else f'not {LOWER_BOUND}'}: {reason}"
    )
    in_voxel = (
        set() if film is None else {"anode_volume_fraction", "crystalline_fraction"}
    )  # what lies lower is not in it
    names = {"crystalline_amount", *in_voxel}
    return FilmStudy(
        {"crystalline_amount": Number(amount, sigma, "um", source), BESIDE: lost, "anode_tilt": untold},
        (Doubt(frozenset(names), f"{LOWER_BOUND}: {reason}"),) if bound else (),
        () if film is None or none_seen else (_words(film),),
        when,
    )


def with_hidden_crystals(growth: Kinetics, film: FilmStudy) -> Kinetics:
    """The flux into the slice, crystals counted, has in its sigma from the onset on what was not seen of them; all of itself
    where that is not known."""
    mean, onset = growth.flux_slice_mean, growth.numbers.get("onset_time")
    onset_s = 0.0 if onset is None or onset.value is None else onset.value  # crystals in the first scan have no onset
    if mean is None or film.time_s is None:
        return growth
    rate = film.hidden_rate(onset_s)
    hidden = np.abs(mean.values) if rate is None else np.full(mean.values.shape, rate)
    since = mean.coord("time") > onset_s
    return replace(growth, flux_slice_mean=with_part(mean, SHADOW, np.where(since, np.nan_to_num(hidden), 0.0)))


def _reading_sigma(maps: FrameMaps, crystals: Crystals, scan: int, column: int) -> float:
    """Sigma of phi of crystals as the voxel reads it: of all particles', and of their share, which is of numbers: particles in
    crystals are larger, as those of the voxel are larger than above it. Not in it: what a film's
    shadow may hide, and the absorption of what is dissolved beside crystals."""
    here = maps.phi.values[scan, column], maps.crystalline_fraction[scan, column]
    phi, share = (float(np.nan_to_num(x)) for x in here)  # a frame that is out has neither
    shared = [
        float(sigma.values[scan, column]) for name, sigma in maps.phi.shared.items() if name not in (FOOTPRINT, SHADOW)
    ]
    parts = [share * np.nan_to_num(x) for x in (float(maps.phi.sigma[scan, column]), *shared)]
    if crystals.crystalline_fraction is not None:
        of_share = crystals.crystalline_fraction.shared
        own = [float(sigma.values[scan]) for name, sigma in of_share.items() if name not in (FOOTPRINT, SHADOW)]
        parts += [phi * np.nan_to_num(x) for x in (float(crystals.crystalline_fraction.sigma[scan]), *own)]
    return float(np.linalg.norm([*parts, phi * (1.0 - share) * _larger(maps.diameter.values[scan], column)]))


def _larger(d: FloatArray, column: int) -> float:
    """How far the mean volume of a voxel's particles is from that of the next one above, relative; 0 where it is not known."""
    above = d[column + 1 : column + 2]
    return float(np.abs(1.0 - np.nan_to_num(above / d[column], nan=1.0) ** 3).sum())


@dataclass(frozen=True, eq=False)
class _Seen:
    """The film in one scan, what had left the solution by then, and the depth of unit phi."""

    film: FilmShadow
    lost: Number
    per_phi: float

    @classmethod
    def of(cls, shadow: Shadow, scan: int, column: int, maps: FrameMaps, run: Run) -> _Seen:
        when = float(maps.phi.coord("time")[scan, column])
        return cls(shadow.film(scan, column), _lost(maps, when, run), float(shadow.per_phi[scan, column]))


def _lost(maps: FrameMaps, time_s: float, run: Run) -> Number:
    """What had left the solution at a time when crystals were there."""
    gap, start = 1e3 * run.cell.gap_mm, run.solution.volume_fraction
    return solution_loss(maps.phi, time_s, gap_um=gap, start=start, beam_fwhm_um=run.beam.fwhm_um, onset_s=0.0)


def in_shadow(crystals: Crystals, shadow: Shadow | None) -> Crystals:
    """`crystals` whose fraction has what a film's own shadow may hide in its sigma."""
    seen, column = crystals.crystalline_fraction, crystals.column
    if shadow is None or seen is None or column is None:
        return crystals
    more = np.zeros(seen.values.size)
    for scan in np.flatnonzero((shadow.missing[:, column] > 0.0) & np.isfinite(seen.values)):
        film, rest = shadow.film(int(scan), column), float(shadow.depth[scan, column] - shadow.shown[scan, column])
        lit = film.shown + float(np.hypot(film.lit - film.shown, film.sigma))
        more[scan] = lit / (lit + rest) - film.shown / (film.shown + rest)
    unit = seen.data.unit
    fraction = CrystallineFraction(seen.data, {**seen.shared, SHADOW: sc.array(dims=["scan"], values=more, unit=unit)})
    number = crystals.numbers["crystalline_fraction"]
    if number.value is not None and number.sigma is not None and np.any(more > 0.0):
        last = int(np.flatnonzero(more > 0.0)[-1])
        number = replace(number, sigma=float(np.hypot(number.sigma, more[last])))
    return replace(
        crystals, crystalline_fraction=fraction, numbers={**crystals.numbers, "crystalline_fraction": number}
    )


def _lower_bound(amount: float, sigma: float, film: FilmShadow | None, lost: Number) -> tuple[bool, str]:
    """Whether what was seen of the crystals must be taken as a lower bound, and why, or why not."""
    shade = "" if film is None else f"the film takes {100.0 * film.taken:.0f} % of the light at the anode, and "
    if lost.value is None or lost.sigma is None:
        return True, f"{shade}what lies lower than the anode's highest line is not seen; {lost.source}"
    beside = f"{lost.value:.2g} +- {lost.sigma:.1g} um left the solution, {amount:.2g} +- {sigma:.1g} um were seen"
    sigmas = MISSED if film is None else MISSED_IN_SHADOW
    if lost.value - amount > sigmas * np.hypot(sigma, lost.sigma):
        return True, f"{shade}{beside}; the rest lies in shadow or out of the beam"
    if film is not None and not np.isfinite(film.edge_sigma):
        return True, f"{shade}hardly scatters: its own shadow leaves open how much more it is; {beside}"
    if film is not None and sigma > TOLD * amount:
        return True, f"{shade}its own shadow leaves open how much it is; {beside}"
    if np.hypot(lost.sigma, max(lost.value - amount, 0.0)) > TOLD * amount:
        return True, f"{shade}what left the solution is not known well enough to say that it is all: {beside}"
    return False, f"{shade}{beside}, which agrees"


def _tilt(films: Sequence[_Seen], run: Run) -> Number:
    """Slope of the anode along the beam at its highest line, from all scans in which the film takes light.

    Each gives a A / (t K), of the film's amount A and the depth K beside the anode; 1/K, what peaks scatter over what the film
    takes, is what noise moves. The means' sigma is at least ALIKE of the best scan's: what no curve shows is alike in all.
    """
    last = films[-1].lost
    if last.value is None or last.sigma is None or last.value <= 2.0 * last.sigma:
        return Number.absent("mrad", f"the film's shadow tells it only with its amount: {last.source}")
    path, told = 1e3 * run.cell.path_length_mm, []
    for one in films:
        if one.lost.value is not None and one.lost.value > 0.0 and np.isfinite(one.film.edge_sigma):
            tilt = tilt_mrad(one.lost.value, one.per_phi, path, one.film.edge)
            told.append((tilt, tilt * one.film.edge_sigma / one.film.edge))
    if not told:
        return Number.absent("mrad", "rays beside the anode are too dark or too clear to tell")
    each, own = np.array(told).T
    tilt = float(own**-2.0 @ each / np.sum(own**-2.0))
    sigma = max(float(np.sum(own**-2.0)) ** -0.5, ALIKE * float(own.min()))
    if not sigma < TOLD * tilt:
        words = f"rays beside the anode are too dark or too clear to tell: {tilt:.2g} +- {sigma:.1g} mrad by {each.size} scans"
        return Number.absent("mrad", words)
    return Number(
        tilt,
        float(np.hypot(sigma, tilt * last.sigma / last.value)),
        "mrad",
        f"slope along the beam at the anode's highest line, by {each.size} scan(s): a film of {last.value:.2g} um has an "
        f"optical depth of {films[-1].film.edge:.2g} beside it (what it takes of the light against what its peaks scatter)",
    )


def _words(film: FilmShadow) -> str:
    return (
        f"crystals: the film takes {100.0 * film.taken:.0f} % of the light at the anode and scatters as if it had an optical"
        f" depth of {film.shown:.2g}, where {film.lit:.2g} (+- {film.sigma:.2g}) stand in the light: it is in its own shadow,"
        " and phi of the voxel at the anode has what that may hide in its sigma (shadow)"
    )
