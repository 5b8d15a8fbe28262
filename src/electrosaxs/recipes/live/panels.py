"""What the page shows of results: plain lists and numbers, the estimates of the state among them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ...io.numbers_json import numbers_to_plain
from ...nouns import Noun, RunResults
from ...nouns.nucleation import ONSET_BAND

FLUX, SUPPLY, ONSET, ANODE = "slice_flux_mean", "supply_flux", "onset_time", "anode_height"
FEWEST = 3  # scans through which a line is drawn
PROFILES = 2  # the newest full scan and one before it
FULL = 0.8  # of the heights that the fullest scan has
Columns = dict[str, list[float | None]]
Estimate = dict[str, float | None]
UNKNOWN: Estimate = {"value": None, "sigma": None}


def panels(results: RunResults) -> dict[str, Any]:
    """Everything of the page that rests on the whole map. Heights are above the anode."""
    return {
        "title": results.title,
        "frames": _frames(results),
        "quality": quality(results),
        "growth": _curve(results.growth),
        "line": None if results.growth_line is None else vars(results.growth_line),
        "flux": _curve(results.flux_slice_mean, results.growth),
        "balance": _curve(results.mass_balance),
        "profiles": _profiles(results),
        "lattice": _lattice(results),
        "numbers": numbers_to_plain(results.numbers),
        "onsets": onsets_expected(results),
        "estimates": estimates(results),
    }


def estimates(results: RunResults) -> dict[str, Estimate]:
    """{value, sigma} by name, both None where the map does not say: flux of the slice, supply, and time to the onset."""
    found = {}
    for name, number in (("flux_slice", FLUX), ("flux_supply", SUPPLY)):
        known = results.numbers.get(number)
        found[name] = UNKNOWN if known is None or known.value is None else {"value": known.value, "sigma": known.sigma}
    onset = results.numbers.get(ONSET)
    reached = onset is not None and onset.value is not None
    found["time_to_onset"] = UNKNOWN if reached else time_to_onset(results) or UNKNOWN
    return found


def time_to_onset(results: RunResults) -> dict[str, float | None] | None:
    """s until phi of the slice is in the middle of the onset band, along the growth line; None where it does not rise.

    t = (phi_onset - phi) / slope; sigma: of the slope, and of an onset that is anywhere in the band (width / sqrt 12).
    """
    line, growth = results.growth_line, results.growth
    if line is None or growth is None or not line.slope > 0.0:
        return None
    now = float(np.nanmax(np.where(growth.good, growth.coord("time"), np.nan)))
    low, high = ONSET_BAND
    left = 0.5 * (low + high) - (line.offset + line.slope * now)
    seconds = left / line.slope
    width = (high - low) / math.sqrt(12.0) / line.slope
    return {"value": max(seconds, 0.0), "sigma": math.hypot(width, seconds * line.slope_sigma / line.slope)}


def onsets_expected(results: RunResults) -> Columns:
    """When the onset was to be expected (s from field-on), scan after scan, from the line through the growth curve until
    then; sigma: an onset that is anywhere in the band."""
    growth = results.growth
    if growth is None:
        return {"time": [], "value": [], "sigma": []}
    good = growth.good & np.isfinite(growth.coord("time"))
    t, phi = growth.coord("time")[good], growth.values[good]
    low, high = ONSET_BAND
    rows = []
    for k in range(FEWEST, t.size + 1):
        slope, offset = np.polyfit(t[:k], phi[:k], 1)
        if slope > 0.0:
            rows.append((t[k - 1], (0.5 * (low + high) - offset) / slope, (high - low) / math.sqrt(12.0) / slope))
    return {name: _plain([row[k] for row in rows]) for k, name in enumerate(("time", "value", "sigma"))}


def quality(results: RunResults) -> dict[str, Any]:
    """How well each frame is described and what speaks against it, as these results have it: index and reduced chi-squared of
    all, flags by the index of those that have any."""
    chi = results.quality.get("reduced_chi_squared")
    places = [(r.scan, r.height_index) if r.used and r.scan >= 0 and chi is not None else None for r in results.frames]
    return {
        "index": [r.index for r in results.frames],
        "reduced_chi_squared": _plain([math.nan if at is None or chi is None else chi[at] for at in places]),
        "flags": {str(r.index): list(r.flags) for r in results.frames if r.flags},
    }


def _frames(results: RunResults) -> Columns:
    """Frames that have a place in the map."""
    phi, d = results.volume_fraction.values, results.diameter
    used = [r for r in results.frames if r.used and r.scan >= 0]
    at = [(r.scan, r.height_index) for r in used]
    return {
        "index": [r.index for r in used],
        "time": _plain([r.time_s for r in used]),
        "height": _plain([r.height_um for r in used]),
        "phi": _plain([phi[place] for place in at]),
        "diameter": _plain([math.nan if d is None else d.values[place] for place in at]),
    }


def _curve(noun: Noun | None, times: Noun | None = None) -> Columns | None:
    """Time, value and sigma of a noun over scans; times: of another one over the same scans, where it has none."""
    if noun is None or noun.dims != ("scan",):
        return None
    time = (times if times is not None else noun).coord("time")
    good = noun.good & np.isfinite(time)
    sigma = noun.total_sigma if noun.data.variances is not None or noun.shared else np.zeros(good.shape)
    return {"time": _plain(time[good]), "value": _plain(noun.values[good]), "sigma": _plain(sigma[good])}


def _profiles(results: RunResults) -> list[Columns]:
    """phi and diameter over height of the last scans that are (nearly) full, the newest first."""
    phi, d = results.volume_fraction, results.diameter
    filled = phi.good.sum(axis=1)
    full = np.flatnonzero(filled >= FULL * filled.max()) if filled.size else filled
    chosen = [full[-1], full[(len(full) - 1) // 2]][:PROFILES] if len(full) > 1 else list(full)
    found = []
    for scan in chosen:
        good = phi.good[scan]
        found.append(
            {
                "time": _plain(phi.coord("time")[scan][good]),
                "height": _plain(phi.coord("height")[good]),
                "phi": _plain(phi.values[scan][good]),
                "sigma": _plain(phi.total_sigma[scan][good]),
                "diameter": _plain(np.full(good.sum(), np.nan) if d is None else d.values[scan][good]),
                "diameter_sigma": _plain(np.full(good.sum(), np.nan) if d is None else d.total_sigma[scan][good]),
            }
        )
    return found


def _lattice(results: RunResults) -> dict[str, Any]:
    found = results.assignment
    if found is None:
        return {"peaks": [], "verdict": ""}
    peaks = [{"q": p.q, "hkl": "" if p.hkl is None else "".join(map(str, p.hkl))} for p in found.peaks]
    return {"peaks": peaks, "verdict": found.verdict}


def _plain(values: npt.ArrayLike) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, dtype=np.float64)]
