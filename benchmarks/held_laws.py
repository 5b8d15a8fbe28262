"""A held flux in cells whose crystals follow laws that the loop does not have: of this project's equations, and of other ones.

Run: python benchmarks/held_laws.py [--cells NAME ...] [--noise SEED ...] [--end SECONDS]. Frames, lines and looks are those of
held_flux.py. The foreign cells share no code with the project: cell-centred finite volumes, implicit Euler, islands that are
born and spread by Avrami's rule, or a coverage that grows in time; charge 30 % off, other exponent, diffusivity and solubility.
For each run: rms of the flux from 20 minutes on and in the ten minutes after the onset with its extremes, decisions within 2.5
of their own sigmas, median of sigma in those ten minutes, CPU of all decisions and of the longest.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import held_flux
import numpy as np
from held_flux import (
    FRAME_S,
    FWHM_UM,
    HEIGHTS_UM,
    LESS,
    LIMITS,
    LINES_SHOW,
    MORE,
    NEVER,
    NOISE,
    PERIOD_S,
    SCAN_S,
    SET_POINT,
    START_V,
    STEP_S,
    WATCHED,
)
from scipy.linalg import solve_banded
from scipy.special import ndtr

from electrosaxs.control.hold.belief import belief
from electrosaxs.control.hold.estimator import Estimator
from electrosaxs.control.hold.holder import Holder, Wanted
from electrosaxs.control.plant import Plant
from electrosaxs.transport import Grid

KT_J, CHARGE_C, VISCOSITY = 4.116e-21, 1.602e-19, 5.542e-4
PHI0, GAP_M, STEP = 8e-4, 3.5e-3, 0.5
AVRAMI = {"barrier": 1.04, "speed": 3e-6, "birth": 3e7, "shape": 2.0, "seed": 3e-10}
SLOW_AVRAMI = {"barrier": 1.03, "speed": 1e-6, "birth": 1e7, "shape": 1.5, "seed": 1e-10}
IN_TIME = {"barrier": 1.02, "speed": 2e-6, "tau": 60.0}
FOREIGN: dict[str, dict[str, Any]] = {
    "foreign A": {"charge": 0.0315, "exponent": 1.4, "diffusivity": 1.15, "solubility": 0.0115, "law": AVRAMI},
    "foreign B": {"charge": 0.0585, "exponent": 2.6, "diffusivity": 0.88, "solubility": 0.0135, "law": IN_TIME},
    "foreign C": {"charge": 0.0315, "exponent": 2.5, "diffusivity": 0.9, "solubility": 0.010, "law": SLOW_AVRAMI},
}
MORE_LATE = MORE | {"charge_exponent": 2.0, "diffusivity_scale": 1.1, "solubility": 0.0125}
SEEDED = {"solubility": 0.0125}
CELLS: dict[str, tuple[dict[str, float], tuple[float, float] | None]] = {
    "late, all at once": (LESS | SEEDED, (3e-6, 1e-15)),
    "late, all at once, more": (MORE_LATE, (4e-6, 1e-15)),
    "late and slow": (MORE_LATE, (4e-6, 60e-9)),
    "late and slow, less": (LESS | SEEDED, (1.5e-6, 20e-9)),
    "quick": (MORE | SEEDED, None),
    "quick, less": (LESS | SEEDED, None),
    "none": (LESS | {"solubility": NEVER}, None),
}


def bernoulli(x: np.ndarray) -> np.ndarray:
    """x / (exp(x) - 1)."""
    small = np.abs(x) < 1e-6
    return np.where(small, 1.0 - 0.5 * x, x / np.expm1(np.where(small, 1.0, x)))


class Foreign:
    """phi `u` (height, size) of a cell of another hand; `crystals` (m) on its anode."""

    def __init__(
        self, *, charge: float, exponent: float, diffusivity: float, solubility: float, law: dict[str, float],
        gap: float = GAP_M,
    ) -> None:  # fmt: skip
        widths = np.minimum(1.2e-6 * 1.033 ** np.arange(170), 5e-5)
        self.gap, self.widths = gap, widths * gap / widths.sum()
        self.edges = np.concatenate([[0.0], np.cumsum(self.widths)])
        self.apart = np.diff(0.5 * (self.edges[1:] + self.edges[:-1]))
        core = np.linspace(7.1 - 3.3, 7.1 + 3.3, 13)
        volume = np.exp(-0.5 * ((core - 7.1) / 1.1) ** 2) * (core + 2.23) ** 3
        drag = 3.0 * np.pi * VISCOSITY * 1e-9 * (core + 3.58) / diffusivity
        self.diffusion, self.mobility = KT_J / drag, charge * (core / 7.1) ** exponent * CHARGE_C / drag
        self.share = volume / volume.sum()
        self.u = np.tile(PHI0 * self.share, (widths.size, 1))
        self.solubility, self.law, self.crystals, self.time = solubility, law, 0.0, 0.0
        self.islands, self.begun = 0.0, np.inf

    def covered(self) -> float:
        """Share of the anode that takes up particles."""
        law, over = self.law, float(self.u[0].sum()) / self.solubility
        if over > law["barrier"]:
            self.begun = min(self.begun, self.time)
        if not np.isfinite(self.begun):
            return 0.0
        if "tau" in law:
            return float(1.0 - np.exp(-(((self.time - self.begun + 2.0) / law["tau"]) ** 2)))
        self.islands += STEP * law["birth"] * (max(over - 1.0, 0.0) / (law["barrier"] - 1.0)) ** 4
        each = (self.crystals + law["seed"]) / max(self.islands, 1.0)
        return float(1.0 - np.exp(-self.islands * law["shape"] * each ** (2.0 / 3.0)))

    def exchanged(self, volt: float) -> tuple[np.ndarray, np.ndarray]:
        """Speeds (face, size) with which particles come from above and go back, m/s."""
        peclet = volt / self.gap * self.mobility * self.apart[:, None] / self.diffusion
        spread = self.diffusion / self.apart[:, None]
        return spread * bernoulli(-peclet), spread * bernoulli(peclet)

    def sink(self, wall: float) -> float:
        """Speed (m/s) with which crystals take up particles from the anode, where phi is `wall`."""
        share = self.covered()
        sink = share * self.law["speed"] * (1.0 - self.solubility / wall) if share > 0.0 else 0.0
        return sink if self.crystals > 0.0 else max(sink, 0.0)

    def step(self, volt: float) -> None:
        above, below = self.exchanged(volt)
        sink = self.sink(float(self.u[0].sum()))
        per = STEP / self.widths[:, None]
        here, up, down = np.ones_like(self.u), np.zeros_like(self.u), np.zeros_like(self.u)
        here[:-1] += per[:-1] * below
        here[1:] += per[1:] * above
        here[0] += per[0] * sink
        up[:-1], down[1:] = -per[:-1] * above, -per[1:] * below
        bands = np.zeros((3, self.u.size))
        bands[1], bands[0, 1:], bands[2, :-1] = here.T.ravel(), up.T.ravel()[:-1], down.T.ravel()[1:]
        self.u = solve_banded((1, 1), bands, self.u.T.ravel()).reshape(self.u.T.shape).T
        self.crystals += STEP * float(sink * self.u[0].sum())
        self.time += STEP

    def flux(self, volt: float) -> float:
        """Through 50 um towards the anode (m/s)."""
        above, below = self.exchanged(volt)
        return float(np.interp(50e-6, self.edges[1:-1], (above * self.u[1:] - below * self.u[:-1]).sum(axis=1)))

    def seen(self, height_um: float) -> tuple[float, float]:
        """phi of the solution in a beam that the electrode cuts, and of flat crystals."""
        wide = 1e-6 * FWHM_UM / 2.3548
        weights = np.diff(ndtr((self.edges - 1e-6 * height_um) / wide))
        density = np.exp(-0.5 * (1e-6 * height_um / wide) ** 2) / (wide * np.sqrt(2.0 * np.pi))
        return float(weights @ self.u.sum(axis=1) / weights.sum()), float(density / weights.sum() * self.crystals)


class ForeignCell(held_flux.Cell):
    """As that of held_flux.py, with a foreign cell behind it."""

    def __init__(self, foreign: Foreign, seed: int) -> None:
        self.foreign, self._random = foreign, np.random.default_rng(seed + 1000)
        self._of_lines = np.random.default_rng([seed, 7])
        self._shown, self._flat = (float(self._of_lines.uniform(*ends)) for ends in (LINES_SHOW, (0.5, 1.0)))
        self.time, self.volt, self.rows, self.heights_um = 0.0, 0.0, [], HEIGHTS_UM

    def step(self, volt: float, *, look: bool = False) -> list[held_flux.Seen]:
        begin, end, last, got = self.time, self.time + STEP_S, self.volt, list[tuple[float, float]]()
        times = begin - begin % PERIOD_S + FRAME_S * (np.arange(self.heights_um.size) + 0.7)
        here = (times >= begin) & (times < end)
        times, heights = times[here], self.heights_um[here]
        if look:
            times = begin + FRAME_S * (np.arange(round(STEP_S / FRAME_S - 0.5)) + 0.7)
            heights = np.resize(self.heights_um[:WATCHED], times.size)
        while self.foreign.time < end - 1e-9:
            most = LIMITS.ramp * (self.foreign.time + 0.5 * STEP - begin)
            self.foreign.step(last + float(np.clip(volt - last, -most, most)))
            while len(got) < times.size and times[len(got)] <= self.foreign.time + 1e-9:
                got.append(self.foreign.seen(heights[len(got)]))
        self.time, self.volt = end, last + float(np.clip(volt - last, -LIMITS.ramp * STEP_S, LIMITS.ramp * STEP_S))
        self.rows.append((end, self.volt, self.foreign.flux(self.volt), 0.0))
        solution, crystals = np.array(got).reshape(-1, 2).T
        phi = (solution + self._flat * crystals) * (1.0 + NOISE * self._random.standard_normal(times.size))
        lines = self._lines(heights, solution, crystals)
        return list(zip(times.tolist(), heights.tolist(), phi.tolist(), lines, strict=True))


@dataclass
class Made:
    """A decision: time (s), true flux before and after its step, what was stated, crystals there are (m), CPU (s)."""

    time: float
    before: float
    after: float
    stated: float
    sigma: float
    crystals: float
    cpu: float


def held(name: str, seed: int, end: float) -> list[Made]:
    """The loop on one of the cells."""
    foreign = name in FOREIGN
    cell = (
        ForeignCell(Foreign(**FOREIGN[name]), seed) if foreign else held_flux.Cell(CELLS[name][0], seed, CELLS[name][1])
    )
    return steered(cell, held_flux.believed(), held_flux.COARSE, end)


def steered(cell: held_flux.Cell, plant: Plant, grid: Grid, end: float) -> list[Made]:
    """The loop, which believes in `plant`, on a cell until `end` (s)."""
    estimator = Estimator(belief(plant, charge_sigma=0.3), grid, fwhm_um=FWHM_UM)
    loop, made, true = (
        Holder(estimator, Wanted("slice", SET_POINT, START_V, 5.0, 600.0), LIMITS, STEP_S),
        list[Made](),
        np.nan,
    )
    loop.read(0.0, 0.0)
    while cell.time < end:
        start, begin, last = time.process_time(), cell.time, cell.volt
        decision = loop.decide(begin)
        took = time.process_time() - start
        look = loop.uneasy and begin % PERIOD_S > SCAN_S
        frames = cell.step(decision.voltage, look=look)
        for when in (begin + abs(decision.voltage - last) / LIMITS.ramp + 1e-3, cell.time):
            loop.read(when, cell.volt)
        for when, height, phi, lines in frames:
            loop.frame(when, height, phi, NOISE * phi, lines)
        crystals = cell.foreign.crystals if isinstance(cell, ForeignCell) else cell.track.crystals_m()
        made.append(Made(begin, true, cell.rows[-1][2], decision.flux, decision.flux_sigma, crystals, took))
        true = made[-1].after
    return made


def judged(made: list[Made]) -> str:
    """The run in words."""
    at, before, after, stated, sigma, crystals, cpu = np.array([list(vars(one).values()) for one in made]).T
    off, pull = after / SET_POINT - 1.0, (stated - before) / sigma
    late = at >= held_flux.JUDGED_S[0]
    text = (
        f"rms {100 * np.sqrt(np.mean(off[late] ** 2)):5.2f} %, within {100 * np.mean(np.abs(pull[late]) < 2.5):3.0f} %"
    )
    if (crystals > 0.0).any():
        on = at[np.argmax(crystals > 0.0)]
        ten = (at > on) & (at <= on + 600.0)
        text += (
            f"; onset {on:.0f} s, then {100 * np.sqrt(np.mean(off[ten] ** 2)):5.2f} % ({1 + off[ten].min():.2f} to "
            f"{1 + off[ten].max():.2f}), within {100 * np.mean(np.abs(pull[ten]) < 2.5):3.0f} %, sigma "
            f"{100 * np.median(sigma[ten]) / SET_POINT:.1f} %"
        )
    return f"{text}; {cpu.sum():.0f} s CPU, longest {cpu.max():.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", nargs="*", default=[*CELLS, *FOREIGN])
    parser.add_argument("--noise", nargs="*", type=int, default=[1], metavar="SEED")
    parser.add_argument("--end", type=float, default=2700.0, metavar="SECONDS")
    asked = parser.parse_args()
    for name in asked.cells:
        for seed in asked.noise:
            print(f"{name:24} {seed}: {judged(held(name, seed, asked.end))}", flush=True)


if __name__ == "__main__":
    main()
