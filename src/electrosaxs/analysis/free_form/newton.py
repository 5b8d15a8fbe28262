"""The most probable size distributions of one or several curves, and how firmly the curves hold them.

A curve is G x with x = (density at the nodes, background); its misfit is x'Fx - 2 g'x + const with F = G'WG, g = G'Wy.
The unknowns are the coefficients c of s = ln n and the background; Newton steps use the Fisher matrix
H = J'FJ + P, J = dx/dc, P the prior's precision. Several curves may be tied by linear sums of their densities that
are known to be zero within a covariance (a conserved size class), which adds K'K with K the whitened sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import ConvergenceError, bad_value
from ...nouns import FloatArray
from .basis import TREND, SizeBasis
from .kernels import product, solve_positive, weighted_square

MOST_STEPS = 200
TOLERANCE = 1e-4
"""Converged when a step lowers -ln(posterior) by less than this."""
LARGEST_CHANGE = 3.0
"""Of ln density in one step, at nodes whose ln density lies within VISIBLE_RANGE of the largest."""
VISIBLE_RANGE = 20.0
TREND_PRECISION = 1e-6
FIRST_DAMPING, LARGEST_DAMPING = 1e-3, 1e12
LOG_RANGE = (-300.0, 60.0)


@dataclass(frozen=True, eq=False)
class Misfit:
    """Normal equations of one curve: fisher (node + 1, node + 1), score (node + 1,), square = y'Wy; tau of its prior."""

    fisher: FloatArray
    score: FloatArray
    square: float
    tau: float

    @classmethod
    def of(cls, design: FloatArray, y: FloatArray, weight: FloatArray, tau: float = 1.0) -> Misfit:
        """design (q, node + 1): sphere matrix and a column of ones for the background."""
        return cls(weighted_square(design, weight), (weight * y) @ design, float(np.sum(weight * y * y)), tau)

    def chi_squared(self, x: FloatArray) -> float:
        return float(x @ self.fisher @ x - 2.0 * self.score @ x + self.square)


@dataclass(frozen=True, eq=False)
class Conservation:
    """Sums over the curves of weight (curve, node) x density are zero; `whitening` (node, node) makes their errors unit."""

    weight: FloatArray
    whitening: FloatArray


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the posterior peaks. coefficients (curve, mode + 1), the last the background; x (curve, node + 1);
    hessian over all coefficients; jacobian (curve, node + 1, mode + 1) = dx/dc; value = -ln posterior + const."""

    coefficients: FloatArray
    x: FloatArray
    hessian: FloatArray
    jacobian: FloatArray
    value: float


def prior_precision(tau: float, modes: int) -> FloatArray:
    """Precision (modes + 1,) of the coefficients: the process 1 / tau^2, trend and background nearly free."""
    precision = np.full(modes + 1, TREND_PRECISION)
    precision[TREND:modes] = 1.0 / tau**2
    precision[modes] = 0.0
    return precision


def most_probable(
    basis: SizeBasis,
    misfits: Sequence[Misfit],
    start: FloatArray,
    *,
    conservation: Conservation | None = None,
) -> Optimum:
    """Levenberg-damped Newton steps from `start` (curve, mode + 1). Raises ConvergenceError after MOST_STEPS."""
    modes = start.shape[1] - 1
    prior = np.array([prior_precision(m.tau, modes) for m in misfits])
    here = _expand(basis, misfits, start, prior, conservation)
    damping = FIRST_DAMPING
    shape = basis.modes[:, :modes]
    for _ in range(MOST_STEPS):
        equations = _equations(here, misfits, prior, conservation)
        while True:
            step = equations.step(damping)
            step *= min(
                1.0, LARGEST_CHANGE / _change(here.coefficients[:, :modes] @ shape.T, step[:, :modes] @ shape.T)
            )
            there = _expand(basis, misfits, here.coefficients + step, prior, conservation)
            if there.value <= here.value or damping > LARGEST_DAMPING:
                break
            damping *= 10.0
        gain = here.value - there.value
        if not gain >= TOLERANCE:
            best = there if gain >= 0.0 else here
            return replace(best, hessian=_equations(best, misfits, prior, conservation).hessian)
        here, damping = there, max(0.1 * damping, 1e-9)
    raise bad_value(
        ConvergenceError,
        where="free-form sizes",
        field="steps",
        value=MOST_STEPS,
        rule="the most probable distribution was not reached",
        remedy="leave out bins that are not scattering of spheres",
    )


@dataclass(frozen=True, eq=False)
class _Equations:
    """Newton's: blocks (curve, coefficient, coefficient) of the Fisher matrix, gradient (curve, coefficient) and the ties
    (curve, sum, coefficient), which add ties' ties between all curves; no sums for curves on their own."""

    blocks: FloatArray
    gradient: FloatArray
    ties: FloatArray

    @property
    def hessian(self) -> FloatArray:
        """Over the coefficients of all curves."""
        size = self.blocks.shape[1]
        flat = np.concatenate(list(self.ties), axis=1)
        hessian = flat.T @ flat
        for k, block in enumerate(self.blocks):
            hessian[k * size : (k + 1) * size, k * size : (k + 1) * size] += block
        return np.asarray(hessian)

    def step(self, damping: float) -> FloatArray:
        """-(H + damping)^-1 gradient (curve, coefficient): blocks first, then their ties (Woodbury); the background is free."""
        size = self.blocks.shape[1]
        free = damping * np.diag(np.append(np.ones(size - 1), 0.0))
        solved = [
            solve_positive(block + free, np.column_stack([g, tie.T]))[0]
            for block, g, tie in zip(self.blocks, self.gradient, self.ties, strict=True)
        ]
        step = -np.array([s[:, 0] for s in solved])
        sums = self.ties.shape[1]
        if sums:
            coupling, missing = np.eye(sums), np.zeros(sums)
            for tie, s in zip(self.ties, solved, strict=True):
                coupling += product(tie, s[:, 1:])
                missing += tie @ s[:, 0]
            pull = solve_positive(coupling, missing[:, None])[0][:, 0]
            step += np.array([s[:, 1:] @ pull for s in solved])
        return step


def _change(s: FloatArray, step: FloatArray) -> float:
    """Largest change of s (curve, node) by `step`, where before or after it the density counts."""
    visible = np.maximum(s, s + step) > s.max(axis=1, keepdims=True) - VISIBLE_RANGE
    return max(float(np.abs(np.where(visible, step, 0.0)).max()), 1e-300)


def _expand(
    basis: SizeBasis,
    misfits: Sequence[Misfit],
    coefficients: FloatArray,
    prior: FloatArray,
    conservation: Conservation | None,
) -> Optimum:
    """Densities, their derivatives and -ln posterior at `coefficients`; the Hessian is left empty."""
    modes, nodes = coefficients.shape[1] - 1, basis.diameter.size
    shape = basis.modes[:, :modes]
    density = basis.volume * np.exp(np.clip(coefficients[:, :modes] @ shape.T, *LOG_RANGE))
    x = np.column_stack([density, coefficients[:, modes]])
    jacobian = np.zeros((len(misfits), nodes + 1, modes + 1))
    jacobian[:, :nodes, :modes] = density[:, :, None] * shape
    jacobian[:, nodes, modes] = 1.0
    value = 0.5 * float(np.sum(prior * coefficients**2)) + 0.5 * sum(
        m.chi_squared(row) for m, row in zip(misfits, x, strict=True)
    )
    if conservation is not None:
        value += 0.5 * float(np.sum(np.square(conservation.whitening @ np.sum(conservation.weight * density, axis=0))))
    return Optimum(coefficients, x, np.empty((0, 0)), jacobian, value)


def _equations(
    here: Optimum, misfits: Sequence[Misfit], prior: FloatArray, conservation: Conservation | None
) -> _Equations:
    """Fisher matrix and gradient of -ln posterior at `here`."""
    curves, size = here.coefficients.shape
    blocks, gradient = np.empty((curves, size, size)), prior * here.coefficients
    for k, m in enumerate(misfits):
        j = here.jacobian[k]
        blocks[k] = product(j.T, product(m.fisher, j)) + np.diag(prior[k])
        gradient[k] += j.T @ (m.fisher @ here.x[k] - m.score)
    if conservation is None:
        return _Equations(blocks, gradient, np.zeros((curves, 0, size)))
    nodes = conservation.weight.shape[1]
    ties = np.array(
        [
            product(conservation.whitening, w[:, None] * j[:nodes])
            for w, j in zip(conservation.weight, here.jacobian, strict=True)
        ]
    )
    missing = conservation.whitening @ np.sum(conservation.weight * here.x[:, :nodes], axis=0)
    return _Equations(blocks, gradient + np.einsum("ksc,s->kc", ties, missing), ties)
