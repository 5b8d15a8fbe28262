"""Fisher scoring of I = scale P(q; d, delta, skewness) + background for one frame.

The variance of a bin is fixed + per_count x (model + solvent): with per_count > 0 the weights follow the model, and
the fixed point of the iteration is the maximum of the Poisson likelihood (McCullagh & Nelder 1989, section 2.5).
Parameters are in the order scale, d, delta, background, skewness; nm and 1/nm. The skewness has a normal prior of
mean 0 and deviation `SKEWNESS_PRIOR`: it speaks only where the counts say nothing (docs/decisions/0003).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ...physics.sphere_kernels import sphere_and_gradient

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


@njit(cache=True, nogil=True)
def bin_variance(model, fixed, per_count, solvent):  # type: ignore[no-untyped-def]
    """Variance of a bin that holds `model` + `solvent`."""
    return fixed + per_count * max(model + solvent, LEAST_COUNTS * per_count)


@njit(cache=True, nogil=True)
def _equations(q, y, fixed, per_count, solvent, used, theta, weight, new_weight, hessian, gradient):  # type: ignore[no-untyped-def]
    """Fisher matrix and score at theta with its own weights, left in new_weight.

    Returns chi-squared with `weight` and with the new weights, the prior's part included.
    """
    for i in range(PARAMETERS):
        gradient[i] = 0.0
        for j in range(PARAMETERS):
            hessian[i, j] = 0.0
    chi_squared = new_chi_squared = (theta[4] / SKEWNESS_PRIOR) ** 2
    slope = np.empty(PARAMETERS)
    slope[3] = 1.0
    for k in range(q.size):
        if not used[k]:
            continue
        p, by_d, by_delta, by_skewness = sphere_and_gradient(q[k], theta[1], theta[2], theta[4])
        slope[0], slope[1], slope[2], slope[4] = p, theta[0] * by_d, theta[0] * by_delta, theta[0] * by_skewness
        model = theta[0] * p + theta[3]
        residual = y[k] - model
        w = 1.0 / bin_variance(model, fixed[k], per_count[k], solvent[k])
        chi_squared += residual * residual * weight[k]
        new_chi_squared += residual * residual * w
        new_weight[k] = w
        for i in range(PARAMETERS):
            gradient[i] += slope[i] * residual * w
            for j in range(i + 1):
                hessian[i, j] += slope[i] * slope[j] * w
    hessian[4, 4] += SKEWNESS_PRIOR**-2
    gradient[4] -= theta[4] / SKEWNESS_PRIOR**2
    return chi_squared, new_chi_squared


@njit(cache=True, nogil=True)
def _inverse(hessian, free, damping, inverse):  # type: ignore[no-untyped-def]
    """Inverse of the free rows of hessian + damping diag (lower triangle given), by Cholesky of the scaled matrix.

    Rows that are not free become zero. False where the matrix is not positive definite.
    """
    size = np.empty(PARAMETERS)
    lower = np.zeros((PARAMETERS, PARAMETERS))
    for i in range(PARAMETERS):
        for j in range(PARAMETERS):
            inverse[i, j] = 0.0
        size[i] = np.sqrt(hessian[i, i]) if free[i] else 1.0
        if not size[i] > 0.0:
            return False
    for i in range(PARAMETERS):
        for j in range(i + 1):
            total = 1.0 + damping if i == j and free[i] else 1.0 if i == j else 0.0
            if i != j and free[i] and free[j]:
                total = hessian[i, j] / (size[i] * size[j])
            for m in range(j):
                total -= lower[i, m] * lower[j, m]
            if i == j:
                if not total > 1e-14:
                    return False
                lower[i, i] = np.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    column = np.empty(PARAMETERS)
    for c in range(PARAMETERS):
        if not free[c]:
            continue
        for i in range(PARAMETERS):
            total = 1.0 if i == c else 0.0
            for m in range(i):
                total -= lower[i, m] * column[m]
            column[i] = total / lower[i, i]
        for i in range(PARAMETERS - 1, -1, -1):
            total = column[i]
            for m in range(i + 1, PARAMETERS):
                total -= lower[m, i] * column[m]
            column[i] = total / lower[i, i]
        for i in range(PARAMETERS):
            inverse[i, c] = column[i] / (size[i] * size[c]) if free[i] else 0.0
    return True


@njit(cache=True, nogil=True)
def _step(theta, gradient, inverse, d_min, d_max, trial):  # type: ignore[no-untyped-def]
    """trial = theta + inverse gradient inside the bounds; returns the largest move in standard deviations."""
    for i in range(PARAMETERS):
        trial[i] = theta[i]
        for j in range(PARAMETERS):
            trial[i] += inverse[i, j] * gradient[j]
    trial[0] = max(trial[0], 0.1 * theta[0])
    trial[1] = min(max(trial[1], d_min), d_max)
    trial[2] = min(max(trial[2], NARROWEST * trial[1]), WIDEST * trial[1])
    trial[4] = min(max(trial[4], -LARGEST_SKEWNESS), LARGEST_SKEWNESS)
    largest = 0.0
    for i in range(PARAMETERS):
        if inverse[i, i] > 0.0:
            largest = max(largest, abs(trial[i] - theta[i]) / np.sqrt(inverse[i, i]))
    return largest


@njit(cache=True, nogil=True)
def _fit(q, y, fixed, per_count, solvent, used, wanted, d_min, d_max, theta, covariance):  # type: ignore[no-untyped-def]
    """Levenberg-Marquardt from theta, in place, and the inverse of the Fisher matrix; True where it converged.

    A step counts when chi-squared with the weights of the old point falls; then the weights follow.
    """
    hessian, gradient = np.empty((PARAMETERS, PARAMETERS)), np.empty(PARAMETERS)
    trial_hessian, trial_gradient = np.empty((PARAMETERS, PARAMETERS)), np.empty(PARAMETERS)
    weight, trial_weight = np.zeros(q.size), np.zeros(q.size)
    free, trial = wanted.copy(), theta.copy()
    damping, current, move = 1e-3, np.inf, np.inf
    for _ in range(MOST_STEPS):
        old, new = _equations(
            q, y, fixed, per_count, solvent, used, trial, weight, trial_weight, trial_hessian, trial_gradient
        )
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
        if not _inverse(hessian, free, 0.0 if done else damping, covariance) or done:
            return done
        move = _step(theta, gradient, covariance, d_min, d_max, trial)
    return False


@njit(cache=True, nogil=True)
def _start(y, fixed, per_count, solvent, used, with_background, group, diameters, deviations, table, theta):  # type: ignore[no-untyped-def]
    """Best (d, delta) of the table with scale and background by linear least squares; False where no scale is positive.

    Bins are taken together in groups of `group`; table (candidates, groups) holds P at the groups' middles.
    """
    groups = table.shape[1]
    value, weight = np.zeros(groups), np.zeros(groups)
    for g in range(groups):
        stop = min((g + 1) * group, y.size)
        raw, counted = 0.0, 0
        for k in range(g * group, stop):
            if used[k]:
                raw += y[k] + solvent[k]
                counted += 1
        for k in range(g * group, stop):
            if used[k]:
                w = 1.0 / (fixed[k] + per_count[k] * (max(raw / counted, 0.0) + per_count[k]))
                weight[g] += w
                value[g] += w * y[k]
        if weight[g] > 0.0:
            value[g] /= weight[g]
    best = np.inf
    for c in range(table.shape[0]):
        sw, sp, spp, sy, spy = 0.0, 0.0, 0.0, 0.0, 0.0
        for g in range(groups):
            wp = weight[g] * table[c, g]
            sw += weight[g]
            sp += wp
            spp += wp * table[c, g]
            sy += weight[g] * value[g]
            spy += wp * value[g]
        determinant = sw * spp - sp * sp if with_background else spp
        if not determinant > 1e-12 * sw * spp and with_background:
            continue
        scale = (sw * spy - sp * sy) / determinant if with_background else spy / spp
        background = (sy - scale * sp) / sw if with_background else 0.0
        misfit = -(scale * spy + background * sy)  # chi-squared less its constant part, at the linear optimum
        if scale > 0.0 and misfit < best:
            best = misfit
            theta[0], theta[1], theta[2], theta[3], theta[4] = scale, diameters[c], deviations[c], background, 0.0
    return best < np.inf


@njit(cache=True, nogil=True)
def _influence(q, fixed, per_count, solvent, used, theta, covariance, influence):  # type: ignore[no-untyped-def]
    """d theta / d I of each bin, (5, q): covariance J^T W; 0 where the bin was not used."""
    slope = np.empty(PARAMETERS)
    slope[3] = 1.0
    for k in range(q.size):
        p, by_d, by_delta, by_skewness = sphere_and_gradient(q[k], theta[1], theta[2], theta[4])
        slope[0], slope[1], slope[2], slope[4] = p, theta[0] * by_d, theta[0] * by_delta, theta[0] * by_skewness
        w = 1.0 / bin_variance(theta[0] * p + theta[3], fixed[k], per_count[k], solvent[k]) if used[k] else 0.0
        for i in range(PARAMETERS):
            total = 0.0
            for j in range(PARAMETERS):
                total += covariance[i, j] * slope[j]
            influence[i, k] = total * w


@njit(cache=True, nogil=True)
def fit_frame(  # type: ignore[no-untyped-def]
    q,
    y,
    fixed,
    per_count,
    solvent,
    used,
    wanted,
    bounds,
    group,
    diameters,
    deviations,
    table,
    theta,
    covariance,
    influence,
):
    """Fit one frame, all curves (q,); theta (5,) holds the start, or NaN where one has to be found.

    Fills theta, covariance (5, 5) and influence (5, q) and returns True; where it does not converge they are no result.
    """
    if np.isnan(theta[0]) and not _start(
        y, fixed, per_count, solvent, used, wanted[3], group, diameters, deviations, table, theta
    ):
        return False
    if not _fit(q, y, fixed, per_count, solvent, used, wanted, bounds[0], bounds[1], theta, covariance):
        return False
    _influence(q, fixed, per_count, solvent, used, theta, covariance, influence)
    return True
