"""What a simulated cell did: every class at every time and height, and the quantities that follow.

SI floats (m, s, m/s of particle volume per area), diameters in nm. Fluxes are positive towards the anode.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError, bad_value
from ..nouns import FloatArray
from .hermite import hermite, parabola_rate
from .observe_kernels import sums_between
from .problem import Knots, Problem, State
from .scheme import InnerFaces
from .size_classes import SizeClasses, number_moments
from .weights import point_weights, slice_weights

NARROW = 8
"""Nodes of a row up to which, and rows from which, all rows at once are faster than one after the other."""


@dataclass(frozen=True, eq=False)
class FluxTerms:
    """Each term alone, (time, class, edge) in m/s, and at the anode what joins crystals, (time, class).

    drift + diffusion + interaction (what hard spheres add to diffusion) is the flux through each edge; at the anode it
    equals the attachment, at the cathode 0.
    """

    drift: FloatArray
    diffusion: FloatArray
    attachment: FloatArray
    interaction: FloatArray

    @property
    def total(self) -> FloatArray:
        return self.drift + self.diffusion + self.interaction


@dataclass(frozen=True, eq=False)
class CellHistory:
    """phi(time, class, z) at the requested times, and every step in between for `at`.

    times (s); classes: diameters and starting numbers; start_phi: phi per class of the starting solution; final: the
    state at the end, from which `simulate` can go on with another voltage.
    """

    problem: Problem
    classes: SizeClasses
    dry_shell_nm: float
    start_phi: FloatArray
    times: FloatArray
    knots: Knots
    final: State

    @property
    def z(self) -> FloatArray:
        """Heights of the nodes (m): 0 is the anode, the last the cathode."""
        return self.problem.grid.z

    @property
    def edges(self) -> FloatArray:
        """Edges of the finite volumes (m)."""
        return self.problem.grid.edges

    @property
    def voltage(self) -> FloatArray:
        """Voltage (V) at the requested times."""
        return self.problem.program.at(self.times)

    @cached_property
    def _rows(self) -> npt.NDArray[np.intp]:
        return np.searchsorted(np.asarray(self.knots.times), self.times)

    @cached_property
    def phi(self) -> FloatArray:
        """Volume fraction (core + dry shell) in solution, (time, class, z), charge states summed."""
        return np.ascontiguousarray(np.swapaxes(self._profiles, 1, 2))

    @cached_property
    def _profiles(self) -> FloatArray:
        """`phi` as the solver has it, (time, z, class)."""
        per_class = self.problem.columns.per_class
        return np.stack([per_class(self.knots.u[k]) for k in self._rows])

    @cached_property
    def crystals(self) -> FloatArray:
        """Particle volume per area in crystals on the anode, (time, class) in m."""
        return self.problem.columns.per_class(np.stack([self.knots.crystals[k] for k in self._rows]))

    def total_phi(self) -> FloatArray:
        """Sum over the classes, (time, z)."""
        return np.asarray(self._profiles.sum(axis=2))

    def wall_phi(self) -> FloatArray:
        """phi of the solution at the anode's surface, (time,)."""
        return np.asarray(self._profiles[:, 0].sum(axis=1))

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Number-weighted mean and standard deviation of the core diameter (nm) in solution, (time, z) each."""
        return number_moments(self._profiles, self.classes.diameter_nm, self.dry_shell_nm)

    def slice_phi(self, thickness: float) -> FloatArray:
        """Mean phi of the solution from the anode up to `thickness` (m), (time,)."""
        return np.asarray(self.total_phi() @ slice_weights(self.z, 0.0, thickness))

    def inventory(self) -> FloatArray:
        """Particle volume per area (m) of each class in solution and crystals together, (time, class); constant."""
        return np.asarray(self.phi @ self.problem.grid.widths + self.crystals)

    def supply_flux(self) -> FloatArray:
        """phi0 v: what drift would bring from the starting solution (m/s), (time,)."""
        problem = self.problem
        per_field = float(self.start_phi.sum() * (problem.columns.share @ problem.columns.mobility))
        return np.asarray(per_field * (1.0 - problem.medium.loss) * self.voltage / problem.grid.gap)

    def field(self) -> FloatArray:
        """E (V/m) at the inner edges at the requested times, (time, edge - 2); times the nodes' spacing it sums to what
        of the voltage the solution has."""
        return np.stack([self.problem.field(v, around) for v, around in self._moments()])

    def current_density(self) -> FloatArray:
        """j (A/m2) at the requested times, (time,); NaN where the field model does not give it."""
        medium, spacing = self.problem.medium, self.problem.grid.spacing
        return np.array([medium.current_density(v, spacing, around) for v, around in self._moments()])

    def _moments(self) -> list[tuple[float, FloatArray | None]]:
        """Voltage and surroundings at the requested times."""
        around = (self.problem.surroundings(self.knots.u[k]) for k in self._rows)
        return list(zip(self.voltage.tolist(), around, strict=True))

    def flux_terms(self) -> FluxTerms:
        """Drift, diffusion, interaction and attachment of each class at the requested times."""
        columns = self.problem.columns
        terms = [np.stack(term) for term in zip(*self._terms(), strict=True)]
        of_classes = [np.ascontiguousarray(np.swapaxes(columns.per_class(term), 1, 2)) for term in terms]
        return FluxTerms(of_classes[0], of_classes[1], columns.per_class(self._attachment()), of_classes[2])

    def flux_terms_in_all(self) -> FluxTerms:
        """`flux_terms` summed over the classes, (time, 1, edge) and (time, 1)."""
        sums = [[term.sum(axis=1) for term in terms] for terms in self._terms()]
        drift, diffusion, interaction = (np.stack(term)[:, None] for term in zip(*sums, strict=True))
        return FluxTerms(drift, diffusion, self._attachment().sum(axis=1, keepdims=True), interaction)

    def _attachment(self) -> FloatArray:
        """What joins crystals at the requested times, (time, column) in m/s."""
        return np.stack([self.knots.crystal_rate[k] for k in self._rows])

    def _terms(self) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """Drift, diffusion and interaction (edge, column) at each requested time."""
        problem, faces, before = self.problem, None, np.nan
        for joining, k, (voltage, around) in zip(self._attachment(), self._rows, self._moments(), strict=True):
            if faces is None or around is not None or voltage != before:
                speed, before = problem.drift(voltage, around), voltage
                faces = InnerFaces.of(problem.grid.spacing, speed + problem.push(around), problem.columns.diffusion)
            u = self.knots.u[k]
            drift, diffusion, interaction = (np.zeros((len(u) + 1, joining.size)) for _ in range(3))
            on_face, carried, diffusion[1:-1] = faces.terms(u)
            drift[1:-1] = speed * on_face
            interaction[1:-1] = carried - drift[1:-1]
            for wall in (0, -1):
                drift[wall], interaction[wall] = speed[wall] * u[wall], (faces.drift - speed)[wall] * u[wall]
            diffusion[0] = joining - drift[0] - interaction[0]
            diffusion[-1] = -drift[-1] - interaction[-1]
            yield drift, diffusion, interaction

    def at(self, times: npt.ArrayLike, heights: npt.ArrayLike) -> FloatArray:
        """phi of each class at pairs (time in s, height in m): shape of the pairs + (class,).

        Between the integrator's own steps a cubic from values and rates, between nodes a cubic, cut at 0: within
        1e-4 of the local phi and of the starting one (5e-4 in the step in which the first crystals appear).
        """
        times, heights = np.broadcast_arrays(np.asarray(times, dtype=float), np.asarray(heights, dtype=float))
        levels, which = np.unique(heights.ravel(), return_inverse=True)
        phi = self.observe(times.ravel(), point_weights(self.z, levels), which)
        return np.maximum(phi, 0.0).reshape(*times.shape, -1)

    def observe(self, times: FloatArray, weights: FloatArray, which: npt.NDArray[np.intp]) -> FloatArray:
        """Any linear functional of the profiles at any times: row which[i] of `weights` (row, node) at times[i] (s).

        Returns (time, class). Weights of a point, a slice and a beam are in `transport.weights`.
        """
        parts = _used_parts(weights)
        if np.max(parts[:, 1] - parts[:, 0]) <= NARROW < len(weights):
            nodes = _used_nodes(parts, weights.shape[1])
            return self._observe_points(times, np.take_along_axis(weights, nodes, axis=1), nodes, which)
        interval, h, s = self._intervals(times)
        ends = np.union1d(interval, interval + 1)
        begin = np.searchsorted(ends, interval)
        low, high = sums_between(weights, parts, which, begin, np.stack([self.knots.u[k] for k in ends]))
        before, after = sums_between(weights, parts, which, begin, np.stack([self.knots.rate[k] for k in ends]))
        return self.problem.columns.per_class(_cubic(low, high, before, after, interval == 0, h, s))

    def _observe_points(
        self, times: FloatArray, weights: FloatArray, nodes: npt.NDArray[np.intp], which: npt.NDArray[np.intp]
    ) -> FloatArray:
        """`observe` with few nodes to a row, interval by interval: weights (row, some) belong to `nodes` (row, some)."""
        interval, h, s = self._intervals(times)
        out = np.empty((times.size, self.problem.columns.share.size))
        for k in np.unique(interval):
            here = np.flatnonzero(interval == k)
            node, weight = nodes[which[here]], weights[which[here]]
            low, high, before, after = (
                _weighed(profile, node, weight)
                for profile in (self.knots.u[k], self.knots.u[k + 1], self.knots.rate[k], self.knots.rate[k + 1])
            )
            length = h[here, None]
            before = parabola_rate(low, high, after, length) if k == 0 else before  # not known at the very beginning
            out[here] = hermite(low, high, before, after, length, s[here, None])
        return self.problem.columns.per_class(out)

    def crystals_at(self, times: FloatArray) -> FloatArray:
        """Particle volume per area in crystals (m) at any times (s), (time, class)."""
        interval, h, s = self._intervals(times)
        values, rates = np.stack(self.knots.crystals), np.stack(self.knots.crystal_rate)
        out = _cubic(values[interval], values[interval + 1], rates[interval], rates[interval + 1], interval == 0, h, s)
        return np.maximum(self.problem.columns.per_class(out), 0.0)

    def _intervals(self, times: FloatArray) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        """Number of the interval, its length and the share of it that has passed, at each time."""
        knots = np.asarray(self.knots.times)
        if not np.all((times >= knots[0]) & (times <= knots[-1])):
            raise bad_value(
                ShapeError,
                where="transport",
                field="time",
                value=f"{np.min(times):g} to {np.max(times):g} s",
                rule=f"must lie within the simulated time, {knots[0]:g} to {knots[-1]:g} s",
                remedy="simulate for longer",
            )
        interval = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, knots.size - 2)
        h = knots[interval + 1] - knots[interval]
        return interval, h, (times - knots[interval]) / h


def _used_parts(weights: FloatArray) -> npt.NDArray[np.intp]:
    """First node that a row of `weights` (row, node) uses and the one after the last, (row, 2)."""
    used = weights != 0.0
    return np.stack([np.argmax(used, axis=1), used.shape[1] - np.argmax(used[:, ::-1], axis=1)], axis=1)


def _used_nodes(parts: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.intp]:
    """Equally many neighbouring nodes of `count` for each row of `parts`, (row, some), its own among them."""
    width = int(np.max(parts[:, 1] - parts[:, 0], initial=1))
    return np.asarray(np.minimum(parts[:, 0], count - width)[:, None] + np.arange(width))


def _weighed(profile: FloatArray, node: npt.NDArray[np.intp], weight: FloatArray) -> FloatArray:
    """Sums (pair, class) over nodes (pair, some) of a profile (node, class) with weights (pair, some)."""
    total = weight[:, :1] * profile[node[:, 0]]
    for i in range(1, node.shape[1]):
        total += weight[:, i : i + 1] * profile[node[:, i]]
    return np.asarray(total)


def _cubic(
    low: FloatArray,
    high: FloatArray,
    before: FloatArray,
    after: FloatArray,
    first: npt.NDArray[np.bool_],
    h: FloatArray,
    s: FloatArray,
) -> FloatArray:
    """Cubic in time; the rate at the very beginning, where `first`, is not known."""
    length = h[:, None]
    rates = np.where(first[:, None], parabola_rate(low, high, after, length), before)
    return hermite(low, high, rates, after, length, s[:, None])
