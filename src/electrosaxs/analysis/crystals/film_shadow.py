"""Crystals that hide each other: what a film on the anode takes of the light, against what it scatters.

A film whose rays see an optical depth K, in a share g of the open beam, takes E = g (1 - exp(-K)) of the light and scatters
S = g K exp(-K) in units of depth. Both are measured: the transmission beside what the solution lets pass, and the peaks. Their
ratio K / (exp(K) - 1) gives K, whatever g is, and with it g K, what of the crystals stands in the light. On a tilted anode only
the last part of the film rises into the light, with K falling evenly from K0 to 0 over the film's height,

    E = g (1 - (1 - exp(-K0)) / K0),    S = g (1 - (1 + K0) exp(-K0)) / K0,    in the light: g K0 / 2,

which differs little at the same ratio: the mean of both is taken, half of the difference is uncertain. Crystals lower than the
highest line of the anode are in its shadow, not in each other's, and show in neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray

DEEPEST = 60.0
"""Of optical depths that are told apart."""
DEPTHS = np.concatenate([[0.0], np.geomspace(1e-3, DEEPEST, 600)])


def _even(depth: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Per g: E, S and what is in the light, of rays that all see `depth`."""
    return -np.expm1(-depth), depth * np.exp(-depth), depth


def _wedge(depth: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The same of rays that see `depth` at the edge and none at the film's height."""
    k = np.maximum(depth, 1e-6)
    return 1.0 + np.expm1(-k) / k, (1.0 - (1.0 + k) * np.exp(-k)) / k, 0.5 * depth


@dataclass(frozen=True)
class FilmShadow:
    """Optical depths, over the open beam. shown: crystals as the scattering shows them; lit: what of them stands in the light,
    with its sigma; taken: share of the light that they take; edge, edge_sigma: depth of a ray beside the anode."""

    shown: float
    lit: float
    sigma: float
    taken: float
    edge: float
    edge_sigma: float


def film_shadow(shown: float, shown_sigma: float, absorbed: float, absorbed_sigma: float) -> FilmShadow:
    """From the depth that crystals' scattering shows, <K exp(-K)> / <exp(-K)>, and the depth -ln <exp(-K)> that they absorb.

    Where the ratio of both says nothing (no peaks), what is in the light has the sigma of everything up to DEEPEST's.
    """
    passes = float(np.exp(-max(absorbed, 0.0)))
    taken = max(1.0 - passes, 1e-9)

    def found(signal: float, loss: float) -> tuple[float, float, float]:
        ratio = float(np.clip(signal / loss, 0.0, 1.0))
        each = []
        for kind in (_even, _wedge):
            share, scattered, _ = kind(DEPTHS)
            known = scattered[1:] / share[1:]
            depth = float(np.interp(-ratio, -known, DEPTHS[1:]))
            one, _, inside = kind(np.array(depth))
            each.append((loss * float(inside / max(float(one), 1e-9)), depth))
        return 0.5 * (each[0][0] + each[1][0]), 0.5 * abs(each[0][0] - each[1][0]), each[1][1]

    signal = max(shown, 0.0) * passes
    lit, model, edge = found(signal, taken)
    lit_sigma, edge_sigma = [model], []
    for more, less in ((shown_sigma * passes, 0.0), (0.0, absorbed_sigma * passes)):
        ends = [found(max(signal + way * more, 0.0), max(taken + way * less, 1e-9)) for way in (-1.0, 1.0)]
        lit_sigma.append(0.5 * abs(ends[1][0] - ends[0][0]))
        edge_sigma.append(0.5 * abs(ends[1][2] - ends[0][2]))
    return FilmShadow(
        max(shown, 0.0), max(lit, max(shown, 0.0)), float(np.linalg.norm(lit_sigma)), taken, edge,
        float(np.linalg.norm(edge_sigma)),
    )  # fmt: skip


def tilt_mrad(lost_um: float, per_phi: float, path_um: float, edge: float) -> float:
    """theta = a A / (t K0): slope of the anode at its highest line for which a film of particle volume A per area has the depth
    K0 = mu c h / theta just above it; mu c h = (a / t) A, a = t d mu / d phi."""
    return 1e3 * per_phi * lost_um / (path_um * edge)
