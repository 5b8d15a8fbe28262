"""How much of the crystals on the anode the run has seen, beside what left the solution: all of it, or a lower bound."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipp as sc

from ...analysis.crystals.film_shadow import FilmShadow, tilt_mrad
from ...analysis.footprint.open_beam import crystal_length
from ...nouns import CrystallineFraction, Number, Run
from ...nouns.contributions import SHADOW
from .crystals import Crystals
from .maps import FrameMaps
from .quality import Doubt
from .shadow import Shadow

MISSED = 3.0
"""Sigmas by which more than was seen must have left the solution, to say that it was a lower bound."""
TOLD = 0.5
"""Relative sigma of the depth beside the anode up to which it tells the tilt."""


@dataclass(frozen=True, eq=False)
class FilmStudy:
    """crystalline_amount with whether it is a lower bound, anode_tilt where a shadow tells it; doubts; notes."""

    numbers: dict[str, Number]
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()


def film_study(shadow: Shadow | None, column: int | None, maps: FrameMaps, lost: Number, run: Run) -> FilmStudy:
    """What the last scan with crystals says of them; column: of the map, the voxel at the anode.

    lost: particle volume per area that left the solution.
    """
    none = Number.absent("um", "no crystals were seen at the anode")
    untold = Number.absent("mrad", "no film on the anode takes light that would tell")
    if column is None:
        return FilmStudy({"crystalline_amount": none, "anode_tilt": untold})
    phi = np.nan_to_num(maps.phi.values * maps.crystalline_fraction)[:, column]
    dark = np.zeros(phi.size) if shadow is None else shadow.missing[:, column]
    seen = np.flatnonzero((phi > 0.0) | (dark > 0.0))
    if not seen.size:
        return FilmStudy({"crystalline_amount": none, "anode_tilt": untold})
    last = int(seen[-1])
    length, unknown = crystal_length(float(maps.phi.coord("height")[column]), run.beam.fwhm_um)
    amount, own, film = float(phi[last]), 0.0, None
    if shadow is not None and dark[last] > 0.0:
        film = shadow.film(last, column)
        per_phi = float(shadow.per_phi[last, column])
        own = film.sigma / per_phi if np.isfinite(film.edge_sigma) else 0.0
        amount, untold = film.lit / per_phi, _tilt(film, per_phi, lost, run)
    amount, sigma = amount * length, length * float(np.hypot(unknown * amount, own))
    bound, reason = _lower_bound(amount, sigma, film, lost)
    source = (
        "particle volume in crystals per area of the anode, as the voxel at the anode shows it in its last scan with crystals; "
        f"{'a lower bound' if bound else 'not a lower bound'}: {reason}"
    )
    names = {"crystalline_amount", "crystalline_fraction", *(["anode_volume_fraction"] if film else [])}
    return FilmStudy(
        {"crystalline_amount": Number(amount, sigma, "um", source), "anode_tilt": untold},
        (Doubt(frozenset(names), f"a lower bound: {reason}"),) if bound else (),
        () if film is None else (_words(film),),
    )


def in_shadow(crystals: Crystals, shadow: Shadow | None) -> Crystals:
    """`crystals` whose fraction has what a film's own shadow may hide in its sigma."""
    seen, column = crystals.crystalline_fraction, crystals.column
    if shadow is None or seen is None or column is None:
        return crystals
    more = np.zeros(seen.values.size)
    for scan in np.flatnonzero((shadow.missing[:, column] > 0.0) & (seen.values > 0.0)):
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
    if lost.value - amount > MISSED * np.hypot(sigma, lost.sigma):
        return True, f"{shade}{beside}; the rest lies in shadow or out of the beam"
    if film is not None and not np.isfinite(film.edge_sigma):
        return True, f"{shade}hardly scatters: its own shadow leaves open how much more it is; {beside}"
    if film is not None and sigma > TOLD * amount:
        return True, f"{shade}its own shadow leaves open how much it is; {beside}"
    return False, f"{shade}{beside}, which agrees"


def _tilt(film: FilmShadow, per_phi: float, lost: Number, run: Run) -> Number:
    """Slope of the anode along the beam at its highest line."""
    if lost.value is None or lost.sigma is None or lost.value <= 2.0 * lost.sigma:
        return Number.absent("mrad", f"the film's shadow tells it only with its amount: {lost.source}")
    tilt = tilt_mrad(lost.value, per_phi, 1e3 * run.cell.path_length_mm, film.edge)
    if not film.edge_sigma < TOLD * film.edge:
        return Number.absent("mrad", f"rays beside the anode are too dark or too clear to tell, about {tilt:.2g} mrad")
    return Number(
        tilt,
        tilt * float(np.hypot(film.edge_sigma / film.edge, lost.sigma / lost.value)),
        "mrad",
        f"slope along the beam at the anode's highest line: a film of {lost.value:.2g} um has an optical depth of "
        f"{film.edge:.2g} beside it (what it takes of the light against what its peaks scatter)",
    )


def _words(film: FilmShadow) -> str:
    return (
        f"crystals: the film takes {100.0 * film.taken:.0f} % of the light at the anode and scatters as if it had an optical"
        f" depth of {film.shown:.2g}, where {film.lit:.2g} (+- {film.sigma:.2g}) stand in the light: it is in its own shadow,"
        " and phi of the voxel at the anode has what that may hide in its sigma (shadow)"
    )
