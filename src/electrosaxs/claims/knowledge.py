"""What phi(z, t) can fix: drift and diffusion from a whole map, only v^2 / D from the anode alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray
from ..nouns.claims import Claim
from ..transport import beam_weights
from .cells import Campaign, history
from .paper import LAST_PROFILE_S

NOISE = 0.03
"""Relative sigma of phi in each voxel."""
STEP = 0.02
"""Relative step of the derivatives, both sides."""
ANODE_SCANS = 37
"""Points of a growth curve: one every 90 s."""


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Covariance (2, 2) of ln v and ln D."""

    covariance: FloatArray

    @property
    def sigma(self) -> FloatArray:
        """Relative sigma of v and of D."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> float:
        return float(self.covariance[0, 1] / np.prod(self.sigma))

    @property
    def product(self) -> float:
        """Relative sigma of v^2 / D."""
        weights = np.array([2.0, -1.0])
        return float(np.sqrt(weights @ self.covariance @ weights))


def knowledge_of(campaign: Campaign, heights_um: FloatArray, scans: int) -> Knowledge:
    """What scans of 57 V/cm over 55 min with 3 % noise say of v and D (Fisher information)."""
    experiment = campaign.main
    times = np.linspace(LAST_PROFILE_S / scans, LAST_PROFILE_S, scans)
    pairs, which = np.repeat(times, heights_um.size), np.tile(np.arange(heights_um.size), scans)
    settings = experiment.transport

    def log_phi(drift: float, spread: float) -> FloatArray:
        cell = history(
            experiment,
            [LAST_PROFILE_S],
            effective_charge=drift * settings.effective_charge,
            diffusivity_scale=spread * settings.diffusivity_scale,
        )
        rows, _ = beam_weights(cell.z, 1e-6 * heights_um, 1e-6 * experiment.beam.fwhm_um)
        return np.asarray(np.log(cell.observe(pairs, rows, which).sum(axis=-1)))

    by_drift = (log_phi(1.0 + STEP, 1.0) - log_phi(1.0 - STEP, 1.0)) / (2.0 * STEP)
    by_spread = (log_phi(1.0, 1.0 + STEP) - log_phi(1.0, 1.0 - STEP)) / (2.0 * STEP)
    slopes = np.stack([by_drift, by_spread], axis=1) / NOISE
    return Knowledge(np.asarray(np.linalg.inv(slopes.T @ slopes)))


def both(campaign: Campaign) -> tuple[Knowledge, Knowledge]:
    """The scan of the experiment file, and the anode alone."""
    scan = campaign.main.scan
    whole = knowledge_of(campaign, np.asarray(scan.heights_um, dtype=np.float64), scan.scans)
    return whole, knowledge_of(campaign, np.zeros(1), ANODE_SCANS)


def knowledge_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """How well v and D are known from a map, and from the growth curve."""
    scan, (whole, anode) = campaign.main.scan, both(campaign)
    words = f"v and D from a map of {len(scan.heights_um)} heights in {scan.scans} scans, {100.0 * NOISE:g} % noise"
    percent = 100.0 * whole.sigma, 100.0 * anode.sigma
    return (
        Claim("map", words, "", tuple(percent[0]), "%", form=".2f"),
        Claim("anode", f"v and D from the growth curve alone, {ANODE_SCANS} points", "", tuple(percent[1]), "%", form=".0f"),
        Claim("product", "v²/D from the growth curve alone", "", (100.0 * anode.product,), "%", form=".1f"),
        Claim("correlation", "their correlation: map; growth curve", "", (whole.correlation, anode.correlation),
              form=".3f"),
    )  # fmt: skip
