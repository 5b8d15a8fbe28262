"""Fisher scoring of I = scale P(q; d, delta, skewness) + background for one frame.

The variance of a bin is fixed + per_count x (model + solvent): with per_count > 0 the weights follow the model, and
the fixed point of the iteration is the maximum of the Poisson likelihood (McCullagh & Nelder 1989, section 2.5).
Parameters are in the order scale, d, delta, background, skewness; nm and 1/nm. The skewness has a normal prior of
mean 0 and deviation `SKEWNESS_PRIOR`: it speaks only where the counts say nothing (docs/decisions/0003).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compiled import compiled
from ...nouns import FloatArray
from ...physics.sphere_kernels import spheres_and_gradients

PARAMETERS = 5
SKEWNESS_PRIOR = 1.0
LARGEST_SKEWNESS = 2.0
NARROWEST, WIDEST = 0.003, 0.6
"""Bounds of delta / d."""
LEAST_COUNTS = 0.1
"""Expected counts below which a bin's variance no longer shrinks: keeps weights finite."""
STEP_TOLERANCE = 1e-4
"""Converged when no parameter moves by more than this many standard deviations."""
MOST_STEPS = 150
ANY_ORDER = {"contract", "reassoc"}
"""Sums over the bins may be taken in any order, always the same one, so that several bins are added at once."""


class Curve(NamedTuple):
    """One frame, all (q,): intensity y, what `bin_variance` needs, and which bins are used."""

    q: FloatArray
    y: FloatArray
    fixed: FloatArray
    per_count: FloatArray
    solvent: FloatArray
    used: npt.NDArray[np.bool_]


class StartTable(NamedTuple):
    """Candidates (candidate,) for the start, nm, and their P (candidate, groups) at the middles of `group` bins each."""

    diameters: FloatArray
    deviations: FloatArray
    form_factor: FloatArray
    group: int


@compiled(error_model="numpy", forceinline=True)
def bin_variance(model, fixed, per_count, solvent):  # type: ignore[no-untyped-def]
    """Variance of a bin that holds `model` + `solvent`."""
    return fixed + per_count * max(model + solvent, LEAST_COUNTS * per_count)


@compiled(error_model="numpy", fastmath=ANY_ORDER)
def _weighed_sum(one, other, weight):  # type: ignore[no-untyped-def]
    """Sum of one x other x weight, (q,) each."""
    total = 0.0
    for k in range(weight.size):
        total += one[k] * other[k] * weight[k]
    return total


@compiled(error_model="numpy", fastmath=ANY_ORDER)
def _weights(curve, model, residual, weight, new_weight):  # type: ignore[no-untyped-def]
    """Residuals of `model` and its own weights, 0 where a bin is not used; chi-squared with `weight` and with those."""
    chi_squared, new_chi_squared = 0.0, 0.0
    for k in range(model.size):
        residual[k] = curve.y[k] - model[k]
        w = 1.0 / bin_variance(model[k], curve.fixed[k], curve.per_count[k], curve.solvent[k])
        new_weight[k] = w if curve.used[k] else 0.0
        chi_squared += residual[k] * residual[k] * weight[k]
        new_chi_squared += residual[k] * residual[k] * new_weight[k]
    return chi_squared, new_chi_squared


@compiled(error_model="numpy")
def _slopes(q, theta, slopes, model):  # type: ignore[no-untyped-def]
    """The model (q,) at theta and its derivatives (PARAMETERS, q)."""
    spheres_and_gradients(q, theta[1], theta[2], theta[4], slopes[0], slopes[1], slopes[2], slopes[4])
    for k in range(q.size):
        model[k] = theta[0] * slopes[0, k] + theta[3]
        slopes[1, k] *= theta[0]
        slopes[2, k] *= theta[0]
        slopes[4, k] *= theta[0]
    slopes[3] = 1.0


@compiled(error_model="numpy")
def _equations(curve, theta, weight, new_weight, hessian, gradient, scratch):  # type: ignore[no-untyped-def]
    """Fisher matrix and score at theta with its own weights, left in new_weight; scratch: (PARAMETERS + 2, q).

    Returns chi-squared with `weight` and with the new weights, the prior's part included.
    """
    slopes, model, residual = scratch[:PARAMETERS], scratch[PARAMETERS], scratch[PARAMETERS + 1]
    _slopes(curve.q, theta, slopes, model)
    chi_squared, new_chi_squared = _weights(curve, model, residual, weight, new_weight)
    for i in range(PARAMETERS):
        gradient[i] = _weighed_sum(slopes[i], residual, new_weight)
        for j in range(i + 1):
            hessian[i, j] = _weighed_sum(slopes[i], slopes[j], new_weight)
    hessian[4, 4] += SKEWNESS_PRIOR**-2
    gradient[4] -= theta[4] / SKEWNESS_PRIOR**2
    prior = (theta[4] / SKEWNESS_PRIOR) ** 2
    return chi_squared + prior, new_chi_squared + prior


@compiled()
def _inverse(hessian, free, damping, inverse):  # type: ignore[no-untyped-def]
    """Inverse of the free rows of hessian + damping diag (lower triangle given), by Cholesky of the scaled matrix.

    Rows that are not free become zero. False where the matrix is not positive definite.
    """
    size, scaled = np.ones(PARAMETERS), np.eye(PARAMETERS)
    for i in range(PARAMETERS):
        if not free[i]:
            continue
        size[i] = np.sqrt(hessian[i, i])
        if not size[i] > 0.0:
            return False
        scaled[i, i] += damping
        for j in range(i):
            if free[j]:
                scaled[i, j] = scaled[j, i] = hessian[i, j] / (size[i] * size[j])
    try:
        half = np.linalg.inv(np.linalg.cholesky(scaled))
    except Exception:  # numba knows no LinAlgError
        return False
    for i in range(PARAMETERS):
        for j in range(PARAMETERS):
            total = 0.0
            for m in range(max(i, j), PARAMETERS):
                total += half[m, i] * half[m, j]
            inverse[i, j] = total / (size[i] * size[j]) if free[i] and free[j] else 0.0
    return True


@compiled()
def _step(theta, gradient, inverse, bounds, trial):  # type: ignore[no-untyped-def]
    """trial = theta + inverse gradient inside the bounds; returns the largest move in standard deviations."""
    for i in range(PARAMETERS):
        trial[i] = theta[i]
        for j in range(PARAMETERS):
            trial[i] += inverse[i, j] * gradient[j]
    trial[0] = max(trial[0], 0.1 * theta[0])
    trial[1] = min(max(trial[1], bounds[0]), bounds[1])
    trial[2] = min(max(trial[2], NARROWEST * trial[1]), WIDEST * trial[1])
    trial[4] = min(max(trial[4], -LARGEST_SKEWNESS), LARGEST_SKEWNESS)
    largest = 0.0
    for i in range(PARAMETERS):
        if inverse[i, i] > 0.0:
            largest = max(largest, abs(trial[i] - theta[i]) / np.sqrt(inverse[i, i]))
    return largest


@compiled()
def _fit(curve, wanted, bounds, theta, covariance):  # type: ignore[no-untyped-def]
    """Levenberg-Marquardt from theta, in place, and the inverse of the Fisher matrix; True where it converged.

    A step counts when chi-squared with the weights of the old point falls; then the weights follow.
    """
    hessian, gradient = np.empty((PARAMETERS, PARAMETERS)), np.empty(PARAMETERS)
    trial_hessian, trial_gradient = np.empty((PARAMETERS, PARAMETERS)), np.empty(PARAMETERS)
    weight, trial_weight = np.zeros(curve.q.size), np.zeros(curve.q.size)
    scratch = np.empty((PARAMETERS + 2, curve.q.size))
    free, trial = wanted.copy(), theta.copy()
    damping, current, move = 1e-3, np.inf, np.inf
    for _ in range(MOST_STEPS):
        old, new = _equations(curve, trial, weight, trial_weight, trial_hessian, trial_gradient, scratch)
        done = False
        if old <= current * (1.0 + 1e-9) + STEP_TOLERANCE**2:
            hessian, trial_hessian = trial_hessian, hessian
            gradient, trial_gradient = trial_gradient, gradient
            weight, trial_weight = trial_weight, weight
            for i in range(PARAMETERS):
                theta[i] = trial[i]
            current, damping, done = new, 0.1 * damping, move < STEP_TOLERANCE
        else:
            damping = 10.0 * max(damping, 1e-6)
        outward = theta[2] <= NARROWEST * theta[1] and gradient[2] < 0.0
        outward = outward or (theta[2] >= WIDEST * theta[1] and gradient[2] > 0.0)
        free[2] = wanted[2] and not outward
        if not _inverse(hessian, free, 0.0 if done else damping, covariance):
            return False
        if done:
            return True
        move = _step(theta, gradient, covariance, bounds, trial)
    return False


@compiled()
def _start(curve, table, theta):  # type: ignore[no-untyped-def]
    """Best (d, delta) of the table with scale and background by linear least squares; False where no scale is positive.

    Bins are taken together in the table's groups.
    """
    groups = table.form_factor.shape[1]
    value, weight = np.zeros(groups), np.zeros(groups)
    for g in range(groups):
        start, stop = g * table.group, min((g + 1) * table.group, curve.y.size)
        raw, counted = 0.0, 0
        for k in range(start, stop):
            if curve.used[k]:
                raw += curve.y[k] + curve.solvent[k]
                counted += 1
        for k in range(start, stop):
            if curve.used[k]:
                one = curve.per_count[k]
                w = 1.0 / (curve.fixed[k] + one * (max(raw / counted, 0.0) + one))
                weight[g] += w
                value[g] += w * curve.y[k]
        if weight[g] > 0.0:
            value[g] /= weight[g]
    best, ones = np.inf, np.ones(groups)
    sw, sy = _weighed_sum(ones, ones, weight), _weighed_sum(ones, value, weight)
    for c in range(table.form_factor.shape[0]):
        p = table.form_factor[c]
        sp, spp, spy = _weighed_sum(ones, p, weight), _weighed_sum(p, p, weight), _weighed_sum(p, value, weight)
        determinant = sw * spp - sp * sp
        if not determinant > 1e-12 * sw * spp:
            continue
        scale = (sw * spy - sp * sy) / determinant
        background = (sy - scale * sp) / sw
        misfit = -(scale * spy + background * sy)  # chi-squared less its constant part, at the linear optimum
        if scale > 0.0 and misfit < best:
            best = misfit
            theta[0], theta[3], theta[4] = scale, background, 0.0
            theta[1], theta[2] = table.diameters[c], table.deviations[c]
    return best < np.inf


@compiled(error_model="numpy", fastmath=ANY_ORDER)
def _influence(curve, theta, covariance, influence):  # type: ignore[no-untyped-def]
    """d theta / d I of each bin, (5, q): covariance J^T W; 0 where the bin was not used."""
    slopes, model = np.empty((PARAMETERS, curve.q.size)), np.empty(curve.q.size)
    _slopes(curve.q, theta, slopes, model)
    for k in range(curve.q.size):
        w = 1.0 / bin_variance(model[k], curve.fixed[k], curve.per_count[k], curve.solvent[k])
        model[k] = w if curve.used[k] else 0.0
    for i in range(PARAMETERS):
        for k in range(curve.q.size):
            total = 0.0
            for j in range(PARAMETERS):
                total += covariance[i, j] * slopes[j, k]
            influence[i, k] = total * model[k]


@compiled()
def fit_frame(curve, table, wanted, bounds, theta, covariance, influence):  # type: ignore[no-untyped-def]
    """Fit one frame from the best candidate of `table`. wanted (5,): parameters that are free; bounds (2,): of d, nm.

    Fills theta, covariance (5, 5) and influence (5, q) and returns True; where it does not converge they are no result.
    """
    if not _start(curve, table, theta) or not _fit(curve, wanted, bounds, theta, covariance):
        return False
    _influence(curve, theta, covariance, influence)
    return True


@compiled(error_model="numpy")
def log_evidence(q, y, weight, places):  # type: ignore[no-untyped-def]
    """Logarithm of p(d, delta | y) at places (place, 2) in nm, up to a constant, (place,): see `posterior`.

    q, y and weight = 1 / variance: (q,). The rest is solved by Cholesky's three rows.
    """
    found, one = np.empty(places.shape[0]), np.ones(q.size)
    p, rest, third = np.empty(q.size), np.empty(q.size), np.empty(q.size)
    ones, y1, yy = _weighed_sum(one, one, weight), _weighed_sum(one, y, weight), _weighed_sum(y, y, weight)
    for n in range(places.shape[0]):
        spheres_and_gradients(q, places[n, 0], places[n, 1], 0.0, p, rest, rest, third)
        pp, pt, p1 = _weighed_sum(p, p, weight), _weighed_sum(p, third, weight), _weighed_sum(p, one, weight)
        tt, t1 = _weighed_sum(third, third, weight), _weighed_sum(third, one, weight)
        py, ty = _weighed_sum(p, y, weight), _weighed_sum(third, y, weight)
        scale = (ones * py - p1 * y1) / (ones * pp - p1 * p1)
        if not scale > 0.0:
            found[n] = -np.inf
            continue
        tt += (SKEWNESS_PRIOR * scale) ** -2
        a = np.sqrt(pp)
        b, c = pt / a, p1 / a
        e = np.sqrt(tt - b * b)
        f = (t1 - b * c) / e
        g = np.sqrt(ones - c * c - f * f)
        u = py / a
        v = (ty - b * u) / e
        z = (y1 - c * u - f * v) / g
        found[n] = -0.5 * (yy - u * u - v * v - z * z) - np.log(a * e * g * scale)
    return found
