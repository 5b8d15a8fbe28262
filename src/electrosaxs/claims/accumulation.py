"""How particles gather at the anode: rise, onset, silence, fluxes, and which way of carrying charge allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..nouns import FloatArray
from ..nouns.claims import Claim, Curve, Verdict, follows_if
from ..nouns.nucleation import ONSET_BAND
from ..transport import CellHistory, slice_weights
from ..units import in_unit
from .cells import Campaign, history, minutes, one_size, seen_at_anode, slice_mean, time_above
from .charge_limits import contrast, rise
from .motion import decay_um, field, particle
from .paper import ABOUT_TENFOLD, LAST_PROFILE_S, PROFILES_S, SILENT_S, SLICE_M, TENFOLD_M

FLUX_UNTIL = 0.01
"""phi of the slice up to which a line is fitted, the middle of the onset band (chosen)."""
MUCH = 2.0
"""What "much higher" means at the least (chosen)."""
STRAIGHT = 0.1
"""Largest departure from a line, over the rise, that still looks linear (chosen)."""
DEPLETED = 0.5
"""phi over the start below which a height counts as depleted (chosen)."""
IS_SUPPLY = 0.9
"""Slice flux over supply from which on the one is the other (chosen)."""


@dataclass(frozen=True, eq=False)
class Accumulation:
    """The four in situ cells without crystals for 3 h: times (s, every minute) and histories by voltage."""

    campaign: Campaign
    times: FloatArray
    cells: Mapping[float, CellHistory]

    @property
    def start(self) -> float:
        """phi of the starting solution."""
        return self.campaign.main.solution.volume_fraction

    def last(self) -> int:
        """Index of the last published profile."""
        return int(np.searchsorted(self.times, LAST_PROFILE_S))


def accumulation(campaign: Campaign) -> Accumulation:
    """Simulate the four in situ cells."""
    times = minutes(SILENT_S)
    return Accumulation(campaign, times, {v: history(e, times) for v, e in campaign.in_situ.items()})


def flux_ratio(times: FloatArray, phi: FloatArray, supply: float) -> float:
    """The paper's flux, 50 um x slope of the line through phi up to FLUX_UNTIL, over the supply phi0 v (m/s)."""
    before = np.cumsum(phi >= FLUX_UNTIL) == 0
    return float(SLICE_M * np.polyfit(times[before], phi[before], 1)[0] / supply)


@dataclass(frozen=True, eq=False)
class Fluxes:
    """Against the in situ voltages: supply (m/s), slice flux over it for the mean of 50 um and for the beam."""

    voltage: FloatArray
    supply: FloatArray
    mean: FloatArray
    beam: FloatArray

    def exponent(self, ratio: FloatArray) -> float:
        """Power of the field with which the slice flux rises."""
        return float(np.polyfit(np.log(self.voltage), np.log(ratio * self.supply), 1)[0])


def fluxes(found: Accumulation) -> Fluxes:
    """Slice flux and supply at the four fields, by both readings of "phi at the anode"."""
    supply = np.array([cell.supply_flux()[0] for cell in found.cells.values()])
    mean = [flux_ratio(found.times, slice_mean(c), s) for c, s in zip(found.cells.values(), supply, strict=True)]
    beam = [
        flux_ratio(found.times, seen_at_anode(c, found.campaign.in_situ[v]), s)
        for (v, c), s in zip(found.cells.items(), supply, strict=True)
    ]
    return Fluxes(np.array(list(found.cells)), supply, np.array(mean), np.array(beam))


def accumulation_claims(found: Accumulation) -> tuple[Claim, ...]:
    """Rise, onset, silence and the wall against the slice."""
    strong, last = found.cells[20.0], found.last()
    ended = history(found.campaign.main, minutes(LAST_PROFILE_S)[1:])
    tenfold, height = rise(ended), contrast(ended)
    onset = [time_above(found.times, slice_mean(strong), level) / 60.0 for level in ONSET_BAND]
    first = [time_above(found.times, slice_mean(found.cells[v]), ONSET_BAND[0]) / 60.0 for v in (10.0, 20.0, 30.0)]
    weak = 100.0 * float(slice_mean(found.cells[5.0]).max())
    wall = [wall_over_slice(found, level) for level in ONSET_BAND]
    bend = departure(found.times, slice_mean(strong))
    cathode = float(strong.total_phi()[last, -1] / found.start)
    low, high = ABOUT_TENFOLD
    return (
        Claim("rise", "φ below 250 µm, 57 V/cm, 55 min, over the start", "about 10", (tenfold,), "",
              follows_if(low <= tenfold <= high), "with no parameter but the charge", ".1f"),
        Claim("contrast", "φ below 50 µm over φ at 250 µm (the sentence read in space)", "about 10", (height,), "",
              follows_if(low <= height <= high), "", ".1f"),
        Claim("onset", "slice at 0.7 and 1.2 %, 57 V/cm", "within 55 min", tuple(onset), "min",
              follows_if(onset[1] < LAST_PROFILE_S / 60.0), "", ".0f"),
        Claim("order", "slice at 0.7 %: 28, 57, 86 V/cm", "earlier at stronger fields", tuple(first), "min",
              follows_if(bool(np.all(np.diff(first) < 0.0)) and np.isfinite(first[0])), "", ".0f"),
        Claim("silence", "largest φ of the slice, 14 V/cm, 3 h", "below 0.7 %", (weak,), "%",
              follows_if(weak < 100.0 * ONSET_BAND[0]), "", ".2f"),
        Claim("linear", "departure from a line before onset, 57 V/cm", "fitted by a line", (100.0 * bend,), "% of the rise",
              follows_if(bend < STRAIGHT), "", ".1f"),
        Claim("wall", "φ at the wall over its mean below 50 µm, at 0.7 and 1.2 %", "“much higher”", tuple(wall), "",
              follows_if(min(wall) > MUCH, otherwise=Verdict.EXCLUDED),
              f"the decay length is {decay_um(found.campaign.main):.0f} µm", ".2f"),
        Claim("depletion", "φ at the cathode over the start, 57 V/cm, 55 min", "depleted", (cathode,), "",
              follows_if(cathode < DEPLETED), "", ".2g"),
    )  # fmt: skip


def wall_over_slice(found: Accumulation, level: float) -> float:
    """phi at the wall over the slice's mean at 57 V/cm when the slice reaches `level`."""
    strong = found.cells[20.0]
    seen = slice_mean(strong)
    return float(np.interp(level, seen, strong.wall_phi()) / level)


def departure(times: FloatArray, phi: FloatArray) -> float:
    """Largest distance of phi from its line before it reaches FLUX_UNTIL, over its rise."""
    before = np.cumsum(phi >= FLUX_UNTIL) == 0
    line = np.polyval(np.polyfit(times[before], phi[before], 1), times[before])
    return float(np.max(np.abs(phi[before] - line)) / np.ptp(phi[before]))


def flux_claims(found: Accumulation) -> tuple[Claim, ...]:
    """The paper's slice flux against the supply."""
    flux = fluxes(found)
    mean, beam = flux.exponent(flux.mean), flux.exponent(flux.beam)
    steeper = follows_if(bool(np.all(np.diff(flux.mean * flux.supply) > 0.0)))
    is_supply = follows_if(float(flux.mean.min()) > IS_SUPPLY)
    supplied, lost = flux.exponent(np.ones_like(flux.mean)), 100.0 * (1.0 - flux.mean)
    return (
        Claim("flux_rises", "slice flux against field, exponent: mean of 50 µm; beam", "stronger fields yield higher flux",
              (mean, beam), "", steeper, "", ".2f"),
        Claim("supply_rises", "supply against field, exponent", "", (supplied,), form=".3g"),
        Claim("slice_flux", "slice flux over the supply φ₀ v, mean of 50 µm", "the flux that the field brings",
              tuple(flux.mean), "", is_supply, f"back-diffusion takes {lost.min():.0f} to {lost.max():.0f} %", ".2f"),
        Claim("slice_flux_beam", "the same by the beam at the surface", "", tuple(flux.beam), "", form=".2f"),
        Claim("nucleation_exponent", "nucleation exponent against supply over that against slice flux", "", (mean,), "",
              form=".2f"),
    )  # fmt: skip


def model_rises(campaign: Campaign) -> tuple[Curve, ...]:
    """phi below 250 um over the start at 57 V/cm for each charge model; minutes."""
    times = minutes(LAST_PROFILE_S)
    names = {"fast-exchange": "fast exchange", "permanent": "permanent", "neutralised-at-anode": "neutralised at anode"}
    curves = []
    for model, words in names.items():
        alike = one_size(campaign.main)
        cell = history(campaign.main, times, charge_model=model, sizes=None if model == "fast-exchange" else alike)
        curves.append(Curve(words, times / 60.0, _enrichment(cell)))
    best = best_neutralised(campaign)[0]
    cell = history(
        campaign.main, times, charge_model="neutralised-at-anode", sizes=one_size(campaign.main), effective_charge=best
    )
    return (*curves, Curve(f"the same, best charge ({best:.3f} e)", times / 60.0, _enrichment(cell)))


def best_neutralised(campaign: Campaign) -> tuple[float, float]:
    """Charge (e) for which "neutralised at the anode" gives the largest rise in 55 min, and that rise; one size."""
    alike = one_size(campaign.main)

    def fall(charge: float) -> float:
        cell = history(
            campaign.main, [LAST_PROFILE_S], sizes=alike, charge_model="neutralised-at-anode", effective_charge=charge
        )
        return -rise(cell)

    found = minimize_scalar(fall, bounds=(0.02, 0.2), method="bounded", options={"xatol": 1e-4})
    return float(found.x), -float(found.fun)


def charge_model_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """Which ways of carrying charge can reach the published rise."""
    times = minutes(LAST_PROFILE_S)
    fixed = _enrichment(history(campaign.main, times, charge_model="permanent", sizes=one_size(campaign.main)))
    one = particle(campaign.main)
    carried, gap = campaign.main.transport.charge_of_charged, 1e-3 * campaign.main.cell.gap_mm
    arrival = gap / in_unit(one.mobility * carried * field(campaign.main), "m/s") / 60.0
    late = 100.0 * (fixed[-1] - np.interp(arrival, times / 60.0, fixed)) / (fixed[-1] - 1.0)
    share = one.charge / carried
    ceiling = 1.0 - share + share * gap / TENFOLD_M
    best, largest = best_neutralised(campaign)
    last, enough = LAST_PROFILE_S / 60.0, ABOUT_TENFOLD[0]
    return (
        Claim("permanent_arrival", "permanently charged particles cross the cell, 57 V/cm", "φ still rises at 55 min",
              (arrival,), "min", follows_if(arrival > last, otherwise=Verdict.EXCLUDED),
              f"{late:.0f} % of their rise comes later", ".1f"),
        Claim("permanent", "their rise below 250 µm", "about 10", (float(fixed[-1]),), "",
              follows_if(float(fixed.max()) >= enough, otherwise=Verdict.EXCLUDED),
              f"{ceiling:.2f} once the charged {100.0 * share:.1f} % have all arrived", ".2f"),
        Claim("neutralised", "“become neutralized and then accumulate”: rise in 55 min for the best charge", "about 10",
              (largest,), "", follows_if(largest >= enough, otherwise=Verdict.EXCLUDED), f"reached with {best:.3f} e", ".2f"),
    )  # fmt: skip


def _enrichment(cell: CellHistory) -> FloatArray:
    return np.asarray(cell.total_phi() @ slice_weights(cell.z, 0.0, TENFOLD_M) / cell.start_phi.sum())


def profile_curves(found: Accumulation) -> tuple[Curve, ...]:
    """phi (%) against height (um) at 57 V/cm at the published times."""
    cell = found.cells[20.0]
    rows = np.searchsorted(found.times, PROFILES_S)
    return tuple(
        Curve(f"{t / 60.0:.0f} min", 1e6 * cell.z, 100.0 * cell.total_phi()[k])
        for t, k in zip(PROFILES_S, rows, strict=True)
    )
