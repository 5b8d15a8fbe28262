"""How the dissolved particles see each other: one number for a run, found from all its curves, and taken out of them.

    I = scale P S' + background,    S' = 1 + beta^m (S(q; eta, D) - 1)

S is that of hard or sticky spheres (Percus-Yevick) of diameter D = w <(d + 2 s)^3>^(1/3) and volume fraction
eta = phi w^3 <(d + 2 s)^3> / <(d + 2 t)^3>, s the solvated and t the dry shell, beta = <F>^2/<F^2>. phi is known in each frame,
so one number is left for all: w, or the stickiness at w = 1. A curve divided by S' is what the same particles would scatter
alone, phi_core (1 - phi_core) included: the integral of (S - 1) q^2 is that of the volume they exclude.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipp as sc

from ...nouns import FloatArray, SampleIntensity
from ...physics.size_distribution import gaussian_moment
from ...physics.sphere_kernels import amplitude, squared_form_factor
from ...physics.structure_factor import percus_yevick, second_virial
from ..spheres.fit import SphereFit

SCALES = (0.45, 0.7, 0.85, 1.0, 1.15, 1.35)
BONDS = (2.0, 3.2, 4.0, 5.0, 6.5)
"""1 / tau of the sticky surfaces tried; from 4 on attraction outweighs."""
COUPLINGS = (0.0, 0.5, 1.0)
"""m: sizes and places independent (1), as if of one size (0); exact mixtures lie between."""
PRIOR = 0.3
"""Of w about 1, the solvated shell (chosen): ligands interdigitate, charges keep apart."""
LEAST_GAIN = 25.0
"""Fall of chi-squared from which on an interaction is believed (chosen)."""
LEAST_SHARE = 0.5
"""Of the excess of chi-squared that an interaction must explain to be its cause (chosen)."""
LEAST_SIGMA, LEAST_SIGMA_BOND = 0.02, 0.06
"""Relative, of w and of 1 / tau (chosen): what the choice of spheres for the particles leaves open."""
SMALLEST, LARGEST = 0.05, 1.6
STICKIEST = 9.0
Trial = Callable[["Contact"], float]


@dataclass(frozen=True)
class Contact:
    """scale: contact distance over that of solvated shells; bond: 1 / tau, 0 for hard spheres; coupling: m; sigma: of `scale`,
    or of `bond` where there is one; gain: by how much chi-squared falls with it."""

    scale: float
    bond: float = 0.0
    coupling: float = 0.5
    sigma: float = 0.0
    gain: float = 0.0

    @property
    def second_virial(self) -> float:
        """Second virial coefficient over that of hard spheres of core and solvated shell."""
        return self.scale**3 * (second_virial(1.0 / self.bond) if self.bond else 1.0)

    def moved(self, by: float) -> Contact:
        """With its one number `by` larger."""
        return replace(self, bond=self.bond + by) if self.bond else replace(self, scale=self.scale + by)

    @property
    def second_virial_sigma(self) -> float:
        return abs(self.moved(self.sigma).second_virial - self.second_virial)

    @property
    def penalty(self) -> float:
        """Of the prior."""
        return ((self.scale - 1.0) / PRIOR) ** 2


@dataclass(frozen=True, eq=False)
class Content:
    """What frames hold: phi, d and delta (nm), (frame,), NaN where it is not to be used; both shells in nm."""

    phi: FloatArray
    diameter: FloatArray
    deviation: FloatArray
    dry_shell: float
    solvated_shell: float

    def rows(self, index: npt.NDArray[np.intp]) -> Content:
        return replace(self, phi=self.phi[index], diameter=self.diameter[index], deviation=self.deviation[index])

    def structure(self, q: FloatArray, contact: Contact | None) -> FloatArray:
        """S' (frame, q); 1 where nothing is known or nothing sees each other."""
        whole = np.ones((self.phi.size, q.size))
        known = np.isfinite(self.phi + self.diameter + self.deviation) & (self.phi > 0.0)
        if contact is None or not known.any():
            return whole
        phi, d, delta = (column[known, None] for column in (self.phi, self.diameter, self.deviation))
        wet = gaussian_moment(3, d + 2.0 * self.solvated_shell, delta)
        share = contact.scale**3 * phi * wet / gaussian_moment(3, d + 2.0 * self.dry_shell, delta)
        tau = 1.0 / contact.bond if contact.bond else np.inf
        order = percus_yevick(q, 0.5 * contact.scale * np.cbrt(wet), np.minimum(share, 0.4), tau) - 1.0
        if contact.coupling:
            mean = np.array([amplitude(q, a, b) for a, b in zip(d[:, 0], delta[:, 0], strict=True)])
            squared = np.array([squared_form_factor(q, a, b) for a, b in zip(d[:, 0], delta[:, 0], strict=True)])
            order *= (mean**2 / squared) ** contact.coupling
        whole[known] += order
        return whole


def alone(sample: SampleIntensity, structure: FloatArray, background: FloatArray) -> SampleIntensity:
    """`sample` (frame, q) as its particles would scatter alone: intensity above the flat `background` (frame,), and what one
    photon counts, over `structure` (frame, q)."""
    level = sc.array(dims=["frame"], values=np.nan_to_num(background))
    by = sc.array(dims=["frame", "q"], values=1.0 / structure)
    data = (sample.data - level) * by + level
    if "per_count" in sample.data.coords:
        one = sc.array(dims=["frame", "q"], values=sample.coord("per_count") / structure, unit="one")
        data = data.assign_coords(per_count=one)
    return SampleIntensity(data, {name: sigma * by for name, sigma in sample.shared.items()})


def find_contact(
    sample: SampleIntensity,
    fit: SphereFit,
    content: Content,
    fitted: Callable[[SampleIntensity], SphereFit],
) -> Contact | None:
    """The contact of the particles in the curves `sample` (frame, q), whose fits without any are `fit`; None: not told.

    fitted: the fit of spheres. The phi of `content` comes from fits without contact: what it changes is found on the way.
    """
    q, kept = sample.coord("q"), fit.converged
    before = float(fit.chi_squared[kept].sum())
    free = float(fit.degrees_of_freedom[kept].sum())

    def misfit(contact: Contact) -> float:
        found = fitted(alone(sample, content.structure(q, contact), fit.background))
        both = kept & found.converged
        lost = 1e3 * float((kept & ~found.converged).sum())
        return float(found.chi_squared[both].sum() + fit.chi_squared[kept & ~both].sum()) + lost + contact.penalty

    tried = {contact: misfit(contact) for contact in (Contact(0.85), Contact(1.0, bond=5.0))}
    if min(tried.values()) > before - 1.0 and misfit(Contact(0.45)) > before - LEAST_GAIN:
        return None
    trials = [*(Contact(scale) for scale in SCALES), *(Contact(1.0, bond) for bond in BONDS)]
    tried |= {contact: misfit(contact) for contact in trials if contact not in tried}
    best = min(tried, key=lambda contact: tried[contact])
    couplings = {m: misfit(replace(best, coupling=m)) for m in COUPLINGS}
    best = replace(best, coupling=min(couplings, key=lambda m: couplings[m]))
    best, least = _refined(best, misfit)
    if before - least < max(LEAST_GAIN, LEAST_SHARE * (before - free)):
        return None
    return replace(best, gain=before - least)


def _refined(start: Contact, misfit: Trial) -> tuple[Contact, float]:
    """`start` moved to the least misfit, by parabolas through three points, with its sigma; and the misfit."""
    step, best, least = 0.5 if start.bond else 0.05, start, misfit(start)
    curvature = 0.0
    for _ in range(3):
        below, above = (misfit(best.moved(side)) for side in (-step, step))
        curvature = (above - 2.0 * least + below) / step**2
        if curvature > 0.0:
            by = float(np.clip((below - above) / (2.0 * step * curvature), -2.0 * step, 2.0 * step))
        else:
            by = step if above < below else -step
        trial = _within(best.moved(by))
        found = misfit(trial)
        if found >= least:
            break
        best, least, done = trial, found, abs(by) < 0.2 * step
        step *= 0.5 if abs(by) < step else 1.0
        if done:
            break
    sigma = np.sqrt(2.0 / curvature) if curvature > 0.0 else step
    least_sigma = LEAST_SIGMA_BOND * best.bond if best.bond else LEAST_SIGMA * best.scale
    return replace(best, sigma=float(np.hypot(sigma, least_sigma))), least


def _within(contact: Contact) -> Contact:
    """`contact` inside what is tried."""
    if contact.bond:
        return replace(contact, bond=float(np.clip(contact.bond, 0.1, STICKIEST)))
    return replace(contact, scale=float(np.clip(contact.scale, SMALLEST, LARGEST)))
