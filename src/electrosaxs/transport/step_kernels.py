"""One implicit time step of all columns: tridiagonal in height, coupled only at the anode. Numba, SI, private.

Arrays: u (node, column) volume fraction; widths (node,) m; above, below (1 or stages, node, column) face coefficients
in m/s of face j between nodes j-1 and j (row 0 unused); flux (stage, node + 1, column) m/s towards the anode, row 0
through the anode, last row 0; conversion (stage, node, class) m/s from charged to neutral.
Elimination runs from the cathode to the anode without a subtraction, so u stays positive to the last digit; what
the wall does is one scalar equation between elimination and back-substitution. `pairs` is None where there is one
charge state: numba then leaves the branches for pairs out. All in one file, because the cache of compiled kernels does
not notice a change in another one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ..nouns import FloatArray

NEWTON_STEPS = 60
PINNED = 1e-9


class Tableau(NamedTuple):
    """A diagonally implicit Runge-Kutta method.

    below (stage, stage): A below its diagonal; diagonal: of A, the same for all stages; weights (stage,) of the step;
    error (stage,): weights less embedded ones; last (stage,): 1 for the last stage, whose rate is that at the end.
    """

    below: FloatArray
    diagonal: float
    weights: FloatArray
    error: FloatArray
    last: FloatArray


class Content(NamedTuple):
    """u (node, column) and crystals (column,), particle volume per area in m."""

    u: FloatArray
    crystals: FloatArray


class Faces(NamedTuple):
    """widths (node,), above and below (1 or stages, node, column)."""

    widths: FloatArray
    above: FloatArray
    below: FloatArray


class Wall(NamedTuple):
    """attaches (column,): 1 or 0; composition (column,): share of each column in the crystals; solubility, and
    slowness (s/m) of attachment."""

    attaches: FloatArray
    composition: FloatArray
    solubility: float
    slowness: float


class Pairs(NamedTuple):
    """loss, gain (class,): rates (1/s) from charged to neutral and back; contact: speed (m/s) of it on the anode."""

    loss: FloatArray
    gain: FloatArray
    contact: float


class Scratch(NamedTuple):
    """Arrays that carry nothing from one step to the next.

    flux, conversion: as above; right, stage (node, column): right-hand side (m) and u of a stage; inverse (1 or 4, node,
    column or class): inverse diagonals; corner (3, column): what is left of them at the anode; row (column,); sums
    (2, column): weighted flux below and above a node, and the `fill` of `_factor_pairs`.
    """

    flux: FloatArray
    conversion: FloatArray
    right: FloatArray
    stage: FloatArray
    inverse: FloatArray
    corner: FloatArray
    row: FloatArray
    sums: FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def _factor(widths, above, below, alpha, inverse, corner):  # type: ignore[no-untyped-def]
    """Columns on their own: inverse diagonals of the elimination; corner (row, column) gets the last diagonal."""
    nodes, m = above.shape
    for i in range(m):
        corner[0, i] = widths[nodes - 1]
    for j in range(nodes - 1, 0, -1):
        w = widths[j - 1]
        for i in range(m):
            x = 1.0 / (corner[0, i] + alpha * above[j, i])
            inverse[0, j, i] = x
            corner[0, i] = w + alpha * below[j, i] * corner[0, i] * x


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(r, above, alpha, inverse):  # type: ignore[no-untyped-def]
    """Right-hand side r (m) from the cathode to the anode."""
    for j in range(r.shape[0] - 1, 0, -1):
        for i in range(r.shape[1]):
            r[j - 1, i] += alpha * above[j, i] * inverse[0, j, i] * r[j, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _factor_pairs(widths, above, below, alpha, pairs, inverse, corner, fill):  # type: ignore[no-untyped-def]
    """Charged and neutral columns that convert into each other: inverse 2 x 2 diagonals (4, node, class), and the corner.

    fill (2, column): what the elimination of the node above leaves in the diagonal.
    """
    nodes, m = above.shape
    n = m // 2
    fill[:] = 0.0
    for j in range(nodes - 1, -1, -1):
        w, last, contact = widths[j], j + 1 == nodes, alpha * pairs.contact if j == 0 else 0.0
        for i in range(n):
            c = i + n
            lose, get = alpha * w * pairs.loss[i], alpha * w * pairs.gain[i]
            b00 = w + lose - fill[0, i] + contact
            b01 = -get - fill[0, c]
            b10 = -lose - fill[1, i] - contact
            b11 = w + get - fill[1, c]
            s0, s1 = alpha * below[j, i], alpha * below[j, c]
            a0, a1 = alpha * above[j, i], alpha * above[j, c]
            if not last:
                b00 += alpha * below[j + 1, i]
                b11 += alpha * below[j + 1, c]
            if j == 0:
                corner[0, i], corner[1, i], corner[2, i], corner[0, c] = b00, b01, b10, b11
                continue
            b00 += a0
            b11 += a1
            scale = 1.0 / (b00 * b11 - b01 * b10)
            x00, x01, x10, x11 = b11 * scale, -b01 * scale, -b10 * scale, b00 * scale
            inverse[0, j, i], inverse[1, j, i], inverse[2, j, i], inverse[3, j, i] = x00, x01, x10, x11
            fill[0, i], fill[0, c], fill[1, i], fill[1, c] = a0 * x00 * s0, a0 * x01 * s1, a1 * x10 * s0, a1 * x11 * s1


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep_pairs(r, above, alpha, inverse):  # type: ignore[no-untyped-def]
    """Right-hand side r (m) of charged and neutral columns from the cathode to the anode."""
    n = r.shape[1] // 2
    for j in range(r.shape[0] - 1, 0, -1):
        for i in range(n):
            c = i + n
            r[j - 1, i] += alpha * above[j, i] * (inverse[0, j, i] * r[j, i] + inverse[1, j, i] * r[j, c])
            r[j - 1, c] += alpha * above[j, c] * (inverse[2, j, i] * r[j, i] + inverse[3, j, i] * r[j, c])


@njit(cache=True, nogil=True, error_model="numpy")
def _wall_solution(r, corner, attaches, rate, pairs, out):  # type: ignore[no-untyped-def]
    """u at the anode for right-hand side r and a sink rate (m, alpha times m/s); sum over columns that attach."""
    total = 0.0
    n = r.size if pairs is None else r.size // 2
    for i in range(n):
        a = corner[0, i] + rate * attaches[i]
        if pairs is None:
            out[i] = r[i] / a
            total += attaches[i] * out[i]
        else:
            c = i + n
            d = corner[0, c] + rate * attaches[c]
            determinant = a * d - corner[1, i] * corner[2, i]
            first, second = r[i], r[c]
            out[i] = (d * first - corner[1, i] * second) / determinant
            out[c] = (a * second - corner[2, i] * first) / determinant
            total += attaches[i] * out[i] + attaches[c] * out[c]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _wall_flux(wall, pairs, alpha, available, scratch, s):  # type: ignore[no-untyped-def]
    """Solve the wall with its crystals: first rows of u and of the flux (m/s, negative where crystals dissolve).

    Growing: attachment is kappa u_i with (phi - phi_sat) / slowness = kappa phi; Newton on 1 / phi(kappa), which is
    concave and increasing, climbs to the root from 0. Dissolving: linear in the rate, at most `available` (m).
    """
    r, u, flux, row, corner = scratch.right[0], scratch.stage[0], scratch.flux[s, 0], scratch.row, scratch.corner
    attaches, solubility, slowness = wall.attaches, wall.solubility, wall.slowness
    phi = _wall_solution(r, corner, attaches, 0.0, pairs, u)
    kappa, release = 0.0, 0.0
    if phi > solubility:
        for _ in range(NEWTON_STEPS):
            for i in range(r.size):
                row[i] = u[i] * attaches[i]
            slope = alpha * _wall_solution(row, corner, attaches, alpha * kappa, pairs, row)
            short = (1.0 - kappa * slowness) / solubility - 1.0 / phi
            step = short / (slope / (phi * phi) + slowness / solubility)
            kappa += step
            phi = _wall_solution(r, corner, attaches, alpha * kappa, pairs, u)
            if abs(step) <= 1e-14 * kappa:
                break
    elif available > 0.0 and solubility < np.inf:
        response = alpha * _wall_solution(wall.composition, corner, attaches, 0.0, pairs, row)
        release = min((solubility - phi) / (slowness + response), available / alpha)
        for i in range(r.size):
            u[i] += alpha * release * row[i]
    for i in range(r.size):
        flux[i] = kappa * attaches[i] * u[i] - release * wall.composition[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _substitute(r, above, below, alpha, inverse, pairs, u, flux):  # type: ignore[no-untyped-def]
    """From the anode up: u of every node, and the flux through every face."""
    nodes, m = r.shape
    n = m // 2
    for j in range(1, nodes):
        if pairs is None:
            for i in range(m):
                u[j, i] = (r[j, i] + alpha * below[j, i] * u[j - 1, i]) * inverse[0, j, i]
        else:
            for i in range(n):
                c = i + n
                s0 = r[j, i] + alpha * below[j, i] * u[j - 1, i]
                s1 = r[j, c] + alpha * below[j, c] * u[j - 1, c]
                u[j, i] = inverse[0, j, i] * s0 + inverse[1, j, i] * s1
                u[j, c] = inverse[2, j, i] * s0 + inverse[3, j, i] * s1
        for i in range(m):
            flux[j, i] = above[j, i] * u[j, i] - below[j, i] * u[j - 1, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _repair(u, crystals, widths):  # type: ignore[no-untyped-def]
    """No face may carry out more than its volume held: the neighbour leaves behind what lacks. Returns the amount (m).

    From the cathode down to the crystals, then up again; volume is moved, never made.
    """
    nodes, m = u.shape
    least, moved = 0.0, 0.0
    for j in range(nodes):
        for i in range(m):
            least = min(least, u[j, i])
    for i in range(m):
        least = min(least, crystals[i])
    if least >= 0.0:
        return 0.0
    for i in range(m):
        for j in range(nodes - 1, 0, -1):
            if u[j, i] < 0.0:
                moved -= u[j, i] * widths[j]
                u[j - 1, i] += u[j, i] * widths[j] / widths[j - 1]
                u[j, i] = 0.0
        if crystals[i] < 0.0:
            moved -= crystals[i]
            u[0, i] += crystals[i] / widths[0]
            crystals[i] = 0.0
        for j in range(nodes - 1):
            if u[j, i] < 0.0:
                moved -= u[j, i] * widths[j]
                u[j + 1, i] += u[j, i] * widths[j] / widths[j + 1]
                u[j, i] = 0.0
    return moved


@njit(cache=True, nogil=True, error_model="numpy")
def _gather(u, widths, scratch, pairs, dt, weights, as_volume, out):  # type: ignore[no-untyped-def]
    """dt x weighted sum of the stages' net inflow (m); with `as_volume` on top of width x u, else divided by the width.

    Stages with weight 0 may hold anything finite.
    """
    flux, conversion, sums = scratch.flux, scratch.conversion, scratch.sums
    nodes, m = u.shape
    n = m // 2
    w0, w1, w2, w3, w4 = dt * weights[0], dt * weights[1], dt * weights[2], dt * weights[3], dt * weights[4]
    f0, f1, f2, f3, f4 = flux[0], flux[1], flux[2], flux[3], flux[4]
    for k in range(nodes + 1):
        low, high = sums[(k + 1) % 2], sums[k % 2]
        for i in range(m):
            high[i] = w0 * f0[k, i] + w1 * f1[k, i] + w2 * f2[k, i] + w3 * f3[k, i] + w4 * f4[k, i]
        if k == 0:
            continue
        j = k - 1
        keep, scale = (widths[j], 1.0) if as_volume else (0.0, 1.0 / widths[j])
        for i in range(m):
            out[j, i] = keep * u[j, i] + scale * (high[i] - low[i])
        if pairs is not None:
            for i in range(n):
                turned = w0 * conversion[0, j, i] + w1 * conversion[1, j, i] + w2 * conversion[2, j, i]
                turned += w3 * conversion[3, j, i] + w4 * conversion[4, j, i]
                out[j, i] -= scale * turned
                out[j, i + n] += scale * turned


@njit(cache=True, nogil=True, error_model="numpy")
def _convert(u, widths, pairs, conversion):  # type: ignore[no-untyped-def]
    """Volume that turns from charged to neutral (m/s): in the solution, and on contact with the anode."""
    n = conversion.shape[1]
    for j in range(u.shape[0]):
        touch = pairs.contact if j == 0 else 0.0
        for i in range(n):
            conversion[j, i] = widths[j] * (pairs.loss[i] * u[j, i] - pairs.gain[i] * u[j, i + n]) + touch * u[j, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _add_and_judge(before, after, widths, difference, weights, flux, dt, wall, floor):  # type: ignore[no-untyped-def]
    """Add u to the changes in u after, and the crystals' growth to theirs; the largest error relative to the local phi.

    difference (node, column): of the step and the embedded one. weights (stage,): of the step.
    """
    u, u_new, crystals, crystals_new = before.u, after.u, before.crystals, after.crystals
    error, at_wall = 0.0, floor
    for j in range(u.shape[0]):
        wrong, total, wall_phi = 0.0, floor, 0.0
        for i in range(u.shape[1]):
            u_new[j, i] += u[j, i]
            wrong += abs(difference[j, i])
            total += abs(u_new[j, i])
            wall_phi += wall.attaches[i] * u_new[j, i]
        # A pinned wall is where it should be, however far it was from there before the step.
        if j > 0 or wall.slowness > 0.0 or abs(wall_phi - wall.solubility) > PINNED * wall.solubility:
            error = max(error, wrong / total)
        if j == 0:
            at_wall = total
    lacking = 0.0
    for i in range(crystals.size):
        crystals_new[i] = crystals[i]
        for s in range(weights.size):
            crystals_new[i] += dt * weights[s] * flux[s, 0, i]
        lacking += max(0.0, -crystals_new[i])
    # Where growth begins within the step, weights below 0 may leave crystals below 0: the wall's volume pays for it.
    return max(error, lacking / (widths[0] * at_wall))


@njit(cache=True, nogil=True, error_model="numpy")
def take_step(before, faces, wall, pairs, dt, tableau, floor, scratch, after, rate):  # type: ignore[no-untyped-def]
    """One diagonally implicit Runge-Kutta step of length dt; fills the content `after` and rate, du/dt at the end.

    floor: added to the local phi where errors are judged. Returns the relative error and the volume (m) moved to keep
    u positive.
    """
    u, widths, right, alpha = before.u, faces.widths, scratch.right, dt * tableau.diagonal
    stages = tableau.weights.size
    for s in range(stages):
        _gather(u, widths, scratch, pairs, dt, tableau.below[s], True, right)
        up, down = faces.above[min(s, faces.above.shape[0] - 1)], faces.below[min(s, faces.below.shape[0] - 1)]
        available = 0.0
        for i in range(before.crystals.size):
            available += before.crystals[i]
            for earlier in range(s):
                available += dt * tableau.below[s, earlier] * scratch.flux[earlier, 0, i]
        changed = s == 0 or faces.above.shape[0] > 1
        if pairs is None:
            if changed:
                _factor(widths, up, down, alpha, scratch.inverse, scratch.corner)
            _sweep(right, up, alpha, scratch.inverse)
        else:
            if changed:
                _factor_pairs(widths, up, down, alpha, pairs, scratch.inverse, scratch.corner, scratch.sums)
            _sweep_pairs(right, up, alpha, scratch.inverse)
        _wall_flux(wall, pairs, alpha, available, scratch, s)
        _substitute(right, up, down, alpha, scratch.inverse, pairs, scratch.stage, scratch.flux[s])
        if pairs is not None:
            _convert(scratch.stage, widths, pairs, scratch.conversion[s])
    _gather(u, widths, scratch, pairs, dt, tableau.error, False, right)
    _gather(u, widths, scratch, pairs, dt, tableau.weights, False, after.u)
    _gather(u, widths, scratch, pairs, 1.0, tableau.last, False, rate)
    error = _add_and_judge(before, after, widths, right, tableau.weights, scratch.flux, dt, wall, floor)
    return error, _repair(after.u, after.crystals, widths)
