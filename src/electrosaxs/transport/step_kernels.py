"""Implicit time steps of all columns: tridiagonal in height, coupled only at the anode. Numba, SI, private.

Arrays: u (node, column) volume fraction; widths (node,) m; above, below (1 or stages, node, column) face coefficients
in m/s of face j between nodes j-1 and j (row 0 unused); inflow (stage, node, column) m/s into the volume of a node: the
flux through the face above it less that below, and what converts; attached (stage, column) m/s, flux through the anode.
Elimination runs from the cathode to the anode without a subtraction, so u stays positive to the last digit; what
the wall does is one scalar equation between elimination and back-substitution. `pairs` is None where there is one
charge state: numba then leaves the branches for pairs out. What needs no neighbour runs over the whole array at once,
the rest along rows: both fill the vector registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiled import compiled
from .step_parts import Content

FUSED: Any = {"error_model": "numpy", "fastmath": {"contract"}}
"""A product and the sum it goes into are rounded once, where a processor can."""
REORDERED: Any = {**FUSED, "fastmath": {"contract", "reassoc"}}
"""Sums that only judge may be taken in any order."""
NEWTON_STEPS = 60
PINNED = 1e-9
SAFETY, SHRINK, GROW = 0.85, 0.2, 5.0
ERROR_EXPONENT = 1 / 4
FLOOR_SHARE = 0.1
"""Errors count against the local phi plus this share of the mean phi: what is depleted need not be known to rtol."""
MAX_TRIES = 60
DONE, FULL, NOT_FINITE, TOO_LONG = 0, 1, 2, 3
"""How `advance` ends: at its stop, with its record full, with a state that is not finite, with a step that stays too long."""


@compiled(**FUSED)
def _factor(widths, above, below, alpha, scratch):  # type: ignore[no-untyped-def]
    """Columns on their own: inverse diagonals of the elimination and what it hands on; corner gets the last diagonal."""
    inverse, carry, last = scratch.inverse[0], scratch.carry, scratch.corner[0]
    nodes, m = above.shape
    for i in range(m):
        last[i] = widths[nodes - 1]
    for j in range(nodes - 1, 0, -1):
        w = widths[j - 1]
        for i in range(m):
            a = alpha * above[j, i]
            x = 1.0 / (last[i] + a)
            inverse[j, i] = x
            carry[j, i] = a * x
            last[i] = w + alpha * below[j, i] * last[i] * x


@compiled(**FUSED)
def _sweep(r, carry):  # type: ignore[no-untyped-def]
    """Right-hand side r (m) from the cathode to the anode."""
    for j in range(r.shape[0] - 1, 0, -1):
        for i in range(r.shape[1]):
            r[j - 1, i] += carry[j, i] * r[j, i]


@compiled(**FUSED)
def _factor_pairs(widths, above, below, alpha, pairs, scratch):  # type: ignore[no-untyped-def]
    """Charged and neutral columns that convert into each other: inverse 2 x 2 diagonals (4, node, class), and the corner.

    fill, other (column,): what the elimination of the node above leaves in the diagonal.
    """
    inverse, corner, fill, other = scratch.inverse, scratch.corner, scratch.rows[0], scratch.rows[4]
    nodes, m = above.shape
    n = m // 2
    fill[:], other[:] = 0.0, 0.0
    for j in range(nodes - 1, -1, -1):
        w, last, contact = widths[j], j + 1 == nodes, alpha * pairs.contact if j == 0 else 0.0
        for i in range(n):
            c = i + n
            lose, get = alpha * w * pairs.loss[i], alpha * w * pairs.gain[i]
            b00 = w + lose - fill[i] + contact
            b01 = -get - fill[c]
            b10 = -lose - other[i] - contact
            b11 = w + get - other[c]
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
            fill[i], fill[c], other[i], other[c] = a0 * x00 * s0, a0 * x01 * s1, a1 * x10 * s0, a1 * x11 * s1


@compiled(**FUSED)
def _sweep_pairs(r, above, alpha, inverse):  # type: ignore[no-untyped-def]
    """Right-hand side r (m) of charged and neutral columns from the cathode to the anode."""
    n = r.shape[1] // 2
    for j in range(r.shape[0] - 1, 0, -1):
        for i in range(n):
            c = i + n
            r[j - 1, i] += alpha * above[j, i] * (inverse[0, j, i] * r[j, i] + inverse[1, j, i] * r[j, c])
            r[j - 1, c] += alpha * above[j, c] * (inverse[2, j, i] * r[j, i] + inverse[3, j, i] * r[j, c])


@compiled(**FUSED)
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


@compiled(**FUSED)
def _wall_flux(wall, pairs, alpha, available, scratch, flux):  # type: ignore[no-untyped-def]
    """Solve the wall with its crystals: u of the first node, and its flux (m/s, negative where crystals dissolve).

    Growing: attachment is kappa u_i with (phi - phi_sat) / slowness = kappa phi; Newton on 1 / phi(kappa), which is
    concave and increasing, climbs to the root from 0. Dissolving: linear in the rate, at most `available` (m).
    """
    r, corner, u, composition, row = scratch.right[0], scratch.corner, scratch.rows[0], scratch.rows[2], scratch.rows[3]
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
        response = alpha * _wall_solution(composition, corner, attaches, 0.0, pairs, row)
        release = min((solubility - phi) / (slowness + response), available / alpha)
        for i in range(r.size):
            u[i] += alpha * release * row[i]
    for i in range(r.size):
        flux[i] = kappa * attaches[i] * u[i] - release * composition[i]


@compiled(**FUSED)
def _substitute(above, below, alpha, scratch, attached, inflow):  # type: ignore[no-untyped-def]
    """From the anode up: u of every node, and so what flows into its volume."""
    u, inverse = scratch.right, scratch.inverse[0]  # u takes the place of its right-hand side
    nodes, m = u.shape
    for i in range(m):
        u[0, i] = scratch.rows[0, i]
    for j in range(1, nodes):
        for i in range(m):
            u[j, i] = (u[j, i] + alpha * below[j, i] * u[j - 1, i]) * inverse[j, i]
    flux, lower = scratch.flux[1:nodes].reshape(-1), u[: nodes - 1].reshape(-1)
    upper, up, down = u[1:].reshape(-1), above[1:].reshape(-1), below[1:].reshape(-1)
    for q in range(upper.size):
        flux[q] = up[q] * upper[q] - down[q] * lower[q]
    for i in range(m):
        scratch.flux[0, i], scratch.flux[nodes, i] = attached[i], 0.0
    high, low, net = scratch.flux[1:].reshape(-1), scratch.flux[:nodes].reshape(-1), inflow.reshape(-1)
    for q in range(net.size):
        net[q] = high[q] - low[q]


@compiled(**FUSED)
def _substitute_pairs(widths, above, below, alpha, pairs, scratch, attached, inflow):  # type: ignore[no-untyped-def]
    """`_substitute` for charged and neutral columns, with what converts in the solution and on contact with the anode."""
    r, inverse, u, low = scratch.right, scratch.inverse, scratch.rows[0], scratch.rows[1]
    nodes, m = r.shape
    n = m // 2
    for i in range(n):
        turned = widths[0] * (pairs.loss[i] * u[i] - pairs.gain[i] * u[i + n]) + pairs.contact * u[i]
        low[i], low[i + n] = attached[i] + turned, attached[i + n] - turned
    for j in range(1, nodes):
        w = widths[j]
        for i in range(n):
            c = i + n
            s0 = r[j, i] + alpha * below[j, i] * u[i]
            s1 = r[j, c] + alpha * below[j, c] * u[c]
            charged = inverse[0, j, i] * s0 + inverse[1, j, i] * s1
            neutral = inverse[2, j, i] * s0 + inverse[3, j, i] * s1
            high = above[j, i] * charged - below[j, i] * u[i]
            other = above[j, c] * neutral - below[j, c] * u[c]
            inflow[j - 1, i], inflow[j - 1, c] = high - low[i], other - low[c]
            turned = w * (pairs.loss[i] * charged - pairs.gain[i] * neutral)
            low[i], low[c], u[i], u[c] = high + turned, other - turned, charged, neutral
    for i in range(m):
        inflow[nodes - 1, i] = -low[i]


@compiled(**FUSED)
def _repair(u, crystals, widths):  # type: ignore[no-untyped-def]
    """No face may carry out more than its volume held: the neighbour leaves behind what lacks. Returns the amount (m).

    From the cathode down to the crystals, then up again; volume is moved, never made.
    """
    nodes, m = u.shape
    moved = 0.0
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


@compiled(**FUSED)
def _gather(u, scratch, dt, weights, stages):  # type: ignore[no-untyped-def]
    """Right-hand side (m): volume x u and dt x the weighted inflow of the first stages, four at most."""
    right, volumes, phi = scratch.right.reshape(-1), scratch.volumes.reshape(-1), u.reshape(-1)
    f0, f1 = scratch.inflow[0].reshape(-1), scratch.inflow[1].reshape(-1)
    f2, f3 = scratch.inflow[2].reshape(-1), scratch.inflow[3].reshape(-1)
    w0, w1, w2, w3 = dt * weights[0], dt * weights[1], dt * weights[2], dt * weights[3]
    if stages == 0:
        for q in range(right.size):
            right[q] = volumes[q] * phi[q]
    elif stages <= 2:  # a stage of weight 0 may hold anything finite
        for q in range(right.size):
            right[q] = volumes[q] * phi[q] + (w0 * f0[q] + w1 * f1[q])
    else:
        for q in range(right.size):
            right[q] = volumes[q] * phi[q] + (w0 * f0[q] + w1 * f1[q] + w2 * f2[q] + w3 * f3[q])


@compiled(**FUSED)
def _combine(u, scratch, dt, tableau, u_new, rate):  # type: ignore[no-untyped-def]
    """All stages together: u at the end of the step, du/dt there, and in `right` what an embedded method has otherwise."""
    right, volumes, phi = scratch.right.reshape(-1), scratch.volumes.reshape(-1), u.reshape(-1)
    after, slope = u_new.reshape(-1), rate.reshape(-1)
    f0, f1 = scratch.inflow[0].reshape(-1), scratch.inflow[1].reshape(-1)
    f2, f3 = scratch.inflow[2].reshape(-1), scratch.inflow[3].reshape(-1)
    f4 = scratch.inflow[4].reshape(-1)
    w, e = tableau.weights, tableau.error
    w0, w1, w2, w3, w4 = dt * w[0], dt * w[1], dt * w[2], dt * w[3], dt * w[4]
    e0, e1, e2, e3, e4 = dt * e[0], dt * e[1], dt * e[2], dt * e[3], dt * e[4]
    for q in range(right.size):
        per = 1.0 / volumes[q]
        after[q] = phi[q] + per * (w0 * f0[q] + w1 * f1[q] + w2 * f2[q] + w3 * f3[q] + w4 * f4[q])
        right[q] = per * (e0 * f0[q] + e1 * f1[q] + e2 * f2[q] + e3 * f3[q] + e4 * f4[q])
        slope[q] = per * f4[q]


@compiled(**REORDERED)
def _held(u, crystals, volumes):  # type: ignore[no-untyped-def]
    """Particle volume per area (m) in crystals, and that in solution."""
    phi, volume, solid, solved = u.reshape(-1), volumes.reshape(-1), 0.0, 0.0
    for q in range(phi.size):
        solved += volume[q] * phi[q]
    for i in range(crystals.size):
        solid += crystals[i]
    return solid, solved


@compiled(**REORDERED)
def _judge(u, difference, wall, floor):  # type: ignore[no-untyped-def]
    """The largest error relative to the local phi (NaN where u is), phi at the wall, and whether u is anywhere below 0.

    difference (node, column): of the step and the embedded one.
    """
    error, at_wall, lowest, whole = 0.0, floor, 0.0, 0.0
    for j in range(u.shape[0]):
        wrong, total, below = 0.0, floor, 0.0
        for i in range(u.shape[1]):
            wrong += abs(difference[j, i])
            total += abs(u[j, i])
            below += min(u[j, i], 0.0)
        lowest, whole = lowest + below, whole + total
        pinned = False
        if j == 0:
            at_wall, wall_phi = total, 0.0
            for i in range(u.shape[1]):
                wall_phi += wall.attaches[i] * u[0, i]
            # A pinned wall is where it should be, however far it was from there before the step.
            pinned = wall.slowness == 0.0 and abs(wall_phi - wall.solubility) <= PINNED * wall.solubility
        if not pinned:
            error = max(error, wrong / total)
    return error if np.isfinite(whole) else np.nan, at_wall, lowest < 0.0


@compiled(**FUSED)
def _grown(before, after, dt, weights, scratch):  # type: ignore[no-untyped-def]
    """The crystals after the step; what they lack where their growth began within it."""
    lacking = 0.0
    for i in range(before.size):
        after[i] = before[i]
        for s in range(weights.size):
            after[i] += dt * weights[s] * scratch.attached[s, i]
        lacking += max(0.0, -after[i])
    return lacking


@compiled(**FUSED)
def take_step(before, faces, wall, pairs, dt, tableau, scratch, after, rate):  # type: ignore[no-untyped-def]
    """One diagonally implicit Runge-Kutta step of length dt; fills the content `after` and rate, du/dt at the end.

    Returns the error relative to the local phi; what the wall's volume pays for crystals and what is moved to keep u
    positive count as errors.
    """
    widths, right, alpha = faces.widths, scratch.right, dt * tableau.diagonal
    solid, solved = _held(before.u, before.crystals, scratch.volumes)
    for i in range(before.crystals.size):
        scratch.rows[2, i] = before.crystals[i] / solid if solid > 0.0 else 0.0
    for s in range(tableau.weights.size):
        _gather(before.u, scratch, dt, tableau.below[s], s)
        up, down = faces.above[min(s, faces.above.shape[0] - 1)], faces.below[min(s, faces.below.shape[0] - 1)]
        available = solid
        for earlier in range(s):
            for i in range(before.crystals.size):
                available += dt * tableau.below[s, earlier] * scratch.attached[earlier, i]
        changed = s == 0 or faces.above.shape[0] > 1
        if pairs is None:
            if changed:
                _factor(widths, up, down, alpha, scratch)
            _sweep(right, scratch.carry)
        else:
            if changed:
                _factor_pairs(widths, up, down, alpha, pairs, scratch)
            _sweep_pairs(right, up, alpha, scratch.inverse)
        _wall_flux(wall, pairs, alpha, available, scratch, scratch.attached[s])
        if pairs is None:
            _substitute(up, down, alpha, scratch, scratch.attached[s], scratch.inflow[s])
        else:
            _substitute_pairs(widths, up, down, alpha, pairs, scratch, scratch.attached[s], scratch.inflow[s])
    _combine(before.u, scratch, dt, tableau, after.u, rate)
    error, at_wall, negative = _judge(after.u, right, wall, FLOOR_SHARE * (solid + solved) / widths.sum())
    lacking = _grown(before.crystals, after.crystals, dt, tableau.weights, scratch)
    if not np.isfinite(error):
        return error
    error = max(error, lacking / (widths[0] * at_wall))
    if negative or lacking > 0.0:
        error = max(error, _repair(after.u, after.crystals, widths) / (solid + solved))
    return error


@compiled(**FUSED)
def share_of(left, step):  # type: ignore[no-untyped-def]
    """The longest step not above `step` of which a whole number fits into what is left (s)."""
    return left / np.ceil(left / step * (1.0 - 1e-12))


@compiled(**FUSED)
def following(step, dt, error, rtol):  # type: ignore[no-untyped-def]
    """The step (s) to go on with after one of dt where `step` was meant, accepted where its error is at most rtol."""
    factor = min(max(SAFETY * max(error / rtol, 1e-10) ** -ERROR_EXPONENT, SHRINK), GROW)
    return max(step, dt * factor) if error <= rtol and factor >= 1.0 else dt * factor


@compiled(**FUSED)
def advance(begin, stretch, faces, wall, pairs, tableau, scratch, record):  # type: ignore[no-untyped-def]
    """Steps of what does not change from the content `begin` on, along a stretch.

    Fills `record`; returns how it ended, how many steps were accepted, the time reached and the step (s) to go on with.
    """
    before, time, step, stop, rtol = begin, stretch.time, stretch.step, stretch.stop, stretch.rtol
    for count in range(record.times.size):
        if time >= stop:
            return DONE, count, time, step
        after, tries = Content(record.u[count], record.crystals[count]), 0
        while True:
            dt = share_of(stop - time, step)
            error = take_step(before, faces, wall, pairs, dt, tableau, scratch, after, record.rate[count])
            if not np.isfinite(error):
                return NOT_FINITE, count, time, step
            step, tries = following(step, dt, error, rtol), tries + 1
            if error <= rtol:
                break
            if tries == MAX_TRIES:
                return TOO_LONG, count, time, step
        time = stop if dt >= (stop - time) * (1.0 - 1e-9) else time + dt
        record.times[count] = time
        for i in range(record.crystal_rate.shape[1]):  # a slice would cost five seconds of compilation for its messages
            record.crystal_rate[count, i] = scratch.attached[-1, i]
        before = after
    return (DONE if time >= stop else FULL), record.times.size, time, step
