"""What the field selects: mean and width of the sizes over height, and what broadens them beyond selection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..analysis.spheres.fit import fit_spheres
from ..nouns import FloatArray, SampleIntensity
from ..nouns.claims import Claim, Curve, follows_if
from ..physics.sphere_kernels import amplitude
from ..transport import CellHistory, SizeClasses, number_moments
from .cells import Campaign, history, minutes, sizes_of
from .paper import LAST_PROFILE_S, NARROWING, SIZES_UM_NM, START_NM

CLASSES = 41
Q_PER_NM = np.linspace(0.1, 3.5, 500)
"""Where curves are fitted: the default window of an analysis."""
CLUSTER_NM = 3.0
CLUSTER_SHARES = (0.02, 0.05, 0.08)
TAIL = (4.0, 1.0, 0.1)
"""A tail of small particles that drift: mean and deviation (nm), number over that of the main population (chosen)."""
NARROWED = 0.9
"""Share of the published narrowing from which on the model has it (chosen)."""
TOLERANCE_NM = 0.1
"""Half of the last digits of two published sizes (chosen)."""
PICTURE_UM = np.concatenate([np.linspace(0.0, 200.0, 41), np.linspace(225.0, 1500.0, 52)])


@dataclass(frozen=True, eq=False)
class Sizes:
    """Mean diameter and deviation (nm) at heights (um): number moments, and those of Gaussian spheres fitted to the
    scattering of the same particles."""

    label: str
    height: FloatArray
    mean: FloatArray
    deviation: FloatArray
    fitted_mean: FloatArray
    fitted_deviation: FloatArray

    def curves(self) -> tuple[Curve, Curve]:
        """Fitted mean diameter (nm) and fitted delta / d (%) against height (um)."""
        polydispersity = 100.0 * self.fitted_deviation / self.fitted_mean
        return Curve(self.label, self.height, self.fitted_mean), Curve(self.label, self.height, polydispersity)


def sizes_at(cell: CellHistory, heights_um: FloatArray, label: str = "") -> Sizes:
    """Sizes at the end of a history."""
    phi = cell.at(np.full(heights_um.size, cell.times[-1]), 1e-6 * heights_um)
    diameter = cell.classes.diameter_nm
    mean, deviation = number_moments(phi, diameter, cell.dry_shell_nm)
    number = phi / (diameter + 2.0 * cell.dry_shell_nm) ** 3
    scattered = number @ np.stack([amplitude(Q_PER_NM, float(d), 0.0) ** 2 for d in diameter])
    sample = SampleIntensity.from_arrays(scattered, dims=("frame", "q"), coords={"q": (("q",), Q_PER_NM)})
    fit = fit_spheres(sample)
    return Sizes(label, heights_um, mean, deviation, fit.diameter, fit.deviation)


def with_tail(campaign: Campaign) -> SizeClasses:
    """The starting Gaussian and a tail of small particles."""
    solution = campaign.main.solution
    assert solution.core_diameter_nm is not None
    assert solution.core_sigma_nm is not None
    d = np.linspace(1.5, solution.core_diameter_nm + 5.0 * solution.core_sigma_nm, 2 * CLASSES)
    mean, deviation, share = TAIL

    def gaussian(centre: float, width: float) -> FloatArray:
        return np.asarray(np.exp(-0.5 * ((d - centre) / width) ** 2) / width)

    return SizeClasses.from_table(
        d, gaussian(solution.core_diameter_nm, solution.core_sigma_nm) + share * gaussian(mean, deviation)
    )


def size_models(campaign: Campaign, heights_um: FloatArray) -> dict[str, Sizes]:
    """Sizes at 57 V/cm after 55 min: drift and diffusion alone, with clusters that do not move, with a tail."""
    times = minutes(LAST_PROFILE_S)[1:]
    whole = sizes_of(campaign.main, CLASSES)
    found = {"model": sizes_at(history(campaign.main, times, sizes=whole), heights_um, "drift and diffusion")}
    for share in CLUSTER_SHARES:
        cell = _with_clusters(campaign, share, times)
        found[f"clusters_{100 * share:.0f}"] = sizes_at(
            cell, heights_um, f"+ {100 * share:.0f} vol % of {CLUSTER_NM:.0f} nm clusters"
        )
    tail = history(campaign.main, times, sizes=with_tail(campaign))
    found["tail"] = sizes_at(tail, heights_um, f"+ {100 * TAIL[2]:.0f} % in a tail at {TAIL[0]:.0f} nm")
    return found


def _with_clusters(campaign: Campaign, share: float, times: FloatArray) -> CellHistory:
    sizes = sizes_of(campaign.main, CLASSES)
    return history(campaign.main, times, sizes=sizes, immobile_fraction=share, immobile_diameter_nm=CLUSTER_NM)


def size_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """Sizes at the published heights, the narrowing, and what the broadening asks for."""
    height, mean, deviation = (np.array(column) for column in zip(*SIZES_UM_NM, strict=True))
    found = size_models(campaign, height)
    plain = found["model"]
    deviation_at_start = campaign.main.solution.core_sigma_nm
    assert deviation_at_start is not None
    narrower = 1.0 - float(plain.deviation[0] / plain.mean[0]) / _starting_width(campaign)
    rows = [_at_height(k, plain, mean, deviation, deviation_at_start) for k in range(height.size)]
    rows.append(
        Claim("narrowing", "δ / d at 50 µm falls by", f"{100 * NARROWING:.0f} %", (100.0 * narrower,), "%",
              follows_if(narrower > NARROWED * NARROWING),
              f"{'follows in sign; ' if narrower > 0.0 else ''}{_what_narrows(campaign, plain, deviation[0])}", ".0f")
    )  # fmt: skip
    shares = ", ".join(f"{100 * share:.0f}" for share in CLUSTER_SHARES)
    words = f"at {height[-1]:.0f} µm with {shares} vol % of {CLUSTER_NM:g} nm clusters"
    clusters = [found[f"clusters_{100 * share:.0f}"] for share in CLUSTER_SHARES]
    last = f"{mean[-1]:.1f} ± {deviation[-1]:.1f} nm"
    rows.append(_two("clusters", f"{words}, by number", last, [(c.mean[-1], c.deviation[-1]) for c in clusters]))
    fitted = [(c.fitted_mean[-1], c.fitted_deviation[-1]) for c in clusters]
    rows.append(_two("clusters_fitted", f"{words}, as a fit of Gaussian spheres sees it", last, fitted))
    begun = sizes_at(_with_clusters(campaign, CLUSTER_SHARES[-1], np.array([1.0])), height[-1:])
    rows.append(
        _two("start_with_clusters",
             f"the starting solution with {100 * CLUSTER_SHARES[-1]:.0f} vol % of them, as a fit sees it",
             f"{START_NM[0]:g} ± {START_NM[1]:g} nm",
             [(begun.fitted_mean[0], begun.fitted_deviation[0])])
    )  # fmt: skip
    tail = found["tail"]
    rows.append(
        _two("tail", f"at {height[-1]:.0f} µm with {tail.label.removeprefix('+ ')}, as a fit sees it", last,
             [(tail.fitted_mean[-1], tail.fitted_deviation[-1])])
    )  # fmt: skip
    return tuple(rows)


def _starting_width(campaign: Campaign) -> float:
    """delta / d of the starting solution."""
    solution = campaign.main.solution
    assert solution.core_diameter_nm is not None
    assert solution.core_sigma_nm is not None
    return solution.core_sigma_nm / solution.core_diameter_nm


def _at_height(k: int, plain: Sizes, mean: FloatArray, deviation: FloatArray, start: float) -> Claim:
    """One published height; start: deviation (nm) of the starting solution."""
    values = float(plain.mean[k]), float(plain.deviation[k])
    right = abs(values[0] - mean[k]) <= TOLERANCE_NM, abs(values[1] - deviation[k]) <= TOLERANCE_NM
    why = {
        (True, True): "",
        (True, False): "the width does not",
        (False, True): "the mean does not",
        (False, False): "selection narrows and cannot broaden" if values[1] < start < deviation[k] else "neither does",
    }[right]
    return Claim(
        f"sizes_{plain.height[k]:.0f}", f"d ± δ at {plain.height[k]:.0f} µm, 57 V/cm, 55 min",
        f"{mean[k]:.1f} ± {deviation[k]:.1f} nm", values, "nm", follows_if(all(right)), why, ".2f", paired=True,
    )  # fmt: skip


def _two(key: str, words: str, paper: str, pairs: list[tuple[float, float]]) -> Claim:
    """Several d +- delta as values in a row; the published one for comparison, no verdict."""
    return Claim(key, words, paper, tuple(float(x) for pair in pairs for x in pair), "nm", form=".2f", paired=True)


def _what_narrows(campaign: Campaign, plain: Sizes, wanted: float) -> str:
    """In words: which exponent of the charge would give the deviation at 50 um, and that another definition would not."""
    whole = sizes_of(campaign.main, CLASSES)
    start = _starting_width(campaign)
    wall = sizes_at(history(campaign.main, minutes(LAST_PROFILE_S)[1:], sizes=whole), np.array([0.0]))
    fitted, at_wall = (
        100.0 * (1.0 - width / mean / start)
        for width, mean in ((plain.fitted_deviation[0], plain.fitted_mean[0]), (wall.deviation[0], wall.mean[0]))
    )
    return (
        f"{_exponent_for(campaign, wanted)}, not another definition: {fitted:.0f} % as a fit of Gaussian spheres sees it, "
        f"{at_wall:.0f} % at the wall"
    )


def _exponent_for(campaign: Campaign, wanted: float) -> str:
    """In words: which exponent of the charge would give the deviation at 50 um."""
    times, whole = minutes(LAST_PROFILE_S)[1:], sizes_of(campaign.main, CLASSES)
    exponents = np.array([2.0, 3.0, 4.0, 5.0])
    widths = [
        float(sizes_at(history(campaign.main, times, sizes=whole, charge_exponent=p), np.array([50.0])).deviation[0])
        for p in exponents
    ]
    if not widths[-1] <= wanted <= widths[0]:
        return f"no charge ∝ d^{exponents[0]:g} to d^{exponents[-1]:g} gives δ = {wanted:.1f} nm"
    return f"δ = {wanted:.1f} nm needs a charge ∝ d^{np.interp(-wanted, -np.array(widths), exponents):.1f}"
