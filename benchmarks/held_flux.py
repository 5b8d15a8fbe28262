"""A held flux in cells that the loop does not know, beside constant voltage, the plan without feedback, and PI control.

Run: python benchmarks/held_flux.py [--out FOLDER] [--cells NAME ...] [--noise SEED]. Each cell is the transport model
on a finer grid with more sizes, with a charge, exponent, diffusivity and solubility of its own; every 5 minutes 14 heights
are seen with 3 % noise, and the lines of crystals on the anode as frames of examples/plan_hold.toml show them (`--no-lines`:
they are not). `--estimators SEEDS` compares three estimators on histories at 20 V instead. Leaves
FOLDER/held_flux.json, which held_flux_figure.py draws.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from electrosaxs.control.hold.belief import Belief, belief, with_solubility
from electrosaxs.control.hold.estimator import Estimator
from electrosaxs.control.hold.holder import Holder, Wanted
from electrosaxs.control.hold.tracked_cell import Footprints, Looks, TrackedCell
from electrosaxs.control.limits import Limits
from electrosaxs.control.plant import Plant
from electrosaxs.control.slice_flux import hold_slice_flux
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import VoltageProgram
from electrosaxs.transport import SizeClasses, graded_grid
from electrosaxs.transport.growth import Growth

EXAMPLE = Path(__file__).parents[1] / "examples" / "plan_constant_flux.toml"
HEIGHTS_UM = np.array([0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 1400, 1800, 2600, 3400.0])
WATCHED = 2
FWHM_UM, NOISE, PERIOD_S, FRAME_S, STEP_S, END_S = 34.0, 0.03, 300.0, 1.5, 10.0, 4200.0
SET_POINT, SUPPLY, START_V = 2.8e-10, 6e-10, 20.0
JUDGED_S = (1200.0, 4200.0)
SCAN_S = FRAME_S * HEIGHTS_UM.size
LINES_SIGMA, LINES_FROM, LINES_SHOW, LINES_SCATTER = 4e-4, 8.0, (0.4, 1.0), 0.05
"""Of phi: sigma of the crystals that lines show; in that sigma, from which on they are seen; of flat crystals, what they show
(one number for each cell); scatter of that."""
LIMITS = Limits(highest=40.0, ramp=0.5)
NEVER = 0.3
FINE = graded_grid(3.5e-3, shortest_decay=4e-5, cells=300)
COARSE = graded_grid(3.5e-3, shortest_decay=4e-5, cells=120)
LESS = {"effective_charge": 0.7 * 0.045, "charge_exponent": 1.6, "diffusivity_scale": 1.1}
MORE = {"effective_charge": 1.3 * 0.045, "charge_exponent": 2.4, "diffusivity_scale": 0.9}
CELLS = {
    "less charge, no crystals": (LESS | {"solubility": NEVER}, "slice"),
    "more charge, no crystals": (MORE | {"solubility": NEVER}, "slice"),
    "less charge, crystals": (LESS | {"solubility": 0.0125}, "slice"),
    "more charge, crystals": (MORE | {"solubility": 0.0125}, "slice"),
    "more charge, late crystals": (
        MORE | {"charge_exponent": 2.0, "diffusivity_scale": 1.1, "solubility": 0.0125},
        "slice",
    ),
    "less charge, late crystals": (LESS | {"solubility": 0.0125}, "slice"),
    "less charge, supply": (LESS | {"solubility": 0.0125}, "supply"),
    "more charge, supply": (MORE | {"solubility": 0.0125}, "supply"),
}


LATE = {"more charge, late crystals": (4e-6, 60e-9), "less charge, late crystals": (1.5e-6, 20e-9)}
"""Of those that begin 3 % beyond their solubility: exchange speed of an anode that is covered (m/s), and the particle volume
per area in crystals (m) from which on it is."""
BEYOND, SEEDS_M, LATE_STEP_S = 1.03, 0.5e-9, 1.0
Seen = tuple[float, float, float, tuple[float, float] | None]
"""A frame: time (s), height (um), phi, and phi of crystals by their lines with its sigma."""


def believed() -> Plant:
    settings = read_experiment(EXAMPLE)
    sizes = SizeClasses.gaussian(7.1, 1.1, classes=9)
    return Plant(settings.cell, settings.solution, sizes, settings.transport, settings.growth)


class LateCell(TrackedCell):
    """Crystals that begin at BEYOND times the solubility and take up particles as the 2/3 power of what there is of them, by a
    law of its own: neither in steps nor in constants that of `CoveringCell`."""

    def __init__(self, plant: Plant, solubility: float, speed: float, covering_m: float) -> None:
        super().__init__(with_solubility(plant, np.inf), FINE)
        self.solubility, self.speed, self.covering = solubility, speed, covering_m
        self.begun = False

    def go_on(self, program: VoltageProgram, until_s: float, looks: Looks | None = None) -> np.ndarray:
        times = np.zeros(0) if looks is None else looks.time
        seen, done = np.zeros((2, times.size)), np.zeros(times.size, dtype=bool)
        for end in np.append(np.arange(self.state.time + LATE_STEP_S, until_s - 1e-6, LATE_STEP_S), until_s):
            self.begun = self.begun or self.wall_phi() > BEYOND * self.solubility
            if self.begun:
                share = min(1.0, ((self.crystals_m() + SEEDS_M) / self.covering) ** (2.0 / 3.0))
                self.problem = replace(self.problem, growth=Growth(self.solubility, 1.0 / (self.speed * share)))
            here = ~done & (times <= end)
            found = super().go_on(program, float(end), looks.part(here) if looks is not None and here.any() else None)
            if here.any():
                seen[:, here] = found
            done |= here
        return seen


class Cell:
    """The truth: seen every PERIOD_S, driven by whatever decides the voltage every STEP_S."""

    def __init__(self, values: dict[str, float], seed: int, late: tuple[float, float] | None = None) -> None:
        """late: of LATE."""
        plant = replace(believed().with_parameters(values), classes=SizeClasses.gaussian(7.1, 1.1, classes=21))
        self.track = TrackedCell(plant, FINE) if late is None else LateCell(plant, values["solubility"], *late)
        self._footprints, self._random = Footprints(FINE, FWHM_UM), np.random.default_rng(seed)
        self._of_lines = np.random.default_rng([seed, 1])
        self._shown = float(self._of_lines.uniform(*LINES_SHOW))
        self.time, self.volt = 0.0, 0.0
        self.rows: list[tuple[float, float, float, float]] = []

    def step(self, volt: float, *, look: bool = False) -> list[Seen]:
        """STEP_S at `volt`, ramped; the frames of it. look: at the lowest heights."""
        begin, end = self.time, self.time + STEP_S
        ramp = abs(volt - self.volt) / LIMITS.ramp + 1e-3
        program = VoltageProgram(time_s=[begin, begin + ramp, begin + ramp + STEP_S], voltage_V=[self.volt, volt, volt])
        first = begin - begin % PERIOD_S
        times = first + FRAME_S * (np.arange(HEIGHTS_UM.size, dtype=float) + 0.7)
        here = (times >= begin) & (times < end)
        times, heights = times[here], HEIGHTS_UM[here]
        if look:
            number = round(STEP_S / FRAME_S - 0.5)
            times, heights = (
                begin + FRAME_S * (np.arange(number, dtype=float) + 0.7),
                np.resize(HEIGHTS_UM[:WATCHED], number),
            )
        solution, crystals = self.track.go_on(program, end, self._footprints.looks(times, heights))
        self.time, self.volt = end, float(np.interp(end, program.time_s, program.voltage_V))
        self.rows.append((end, self.volt, self.track.slice_flux(self.volt), self.track.supply_per_volt() * self.volt))
        phi = (solution + crystals) * (1.0 + NOISE * self._random.standard_normal(times.size))
        return list(
            zip(times.tolist(), heights.tolist(), phi.tolist(), self._lines(heights, solution, crystals), strict=True)
        )

    def _lines(
        self, heights: np.ndarray, solution: np.ndarray, crystals: np.ndarray
    ) -> list[tuple[float, float] | None]:
        """phi of the crystals that each frame shows by lines, with sigma; None where it shows none."""
        sigma = LINES_SIGMA * (solution + crystals)
        noise = self._of_lines.standard_normal((2, heights.size))
        shown = self._shown * crystals * (1.0 + LINES_SCATTER * noise[0]) + sigma * noise[1]
        seen = (heights < FWHM_UM) & (shown > LINES_FROM * sigma)
        return [
            (c, s) if here else None for c, s, here in zip(shown.tolist(), sigma.tolist(), seen.tolist(), strict=True)
        ]


@dataclass
class Course:
    """time (s), voltage (V), flux and supply (m/s) of the truth; of the loop also its own flux and charge with sigmas."""

    rows: list[tuple[float, float, float, float]]
    own: list[tuple[float, float, float, float]]
    reason: str = ""

    def values(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        table = np.array(self.rows)
        return table[:, 0], table[:, 2 if kind == "slice" else 3]

    def rms(self, kind: str, target: float) -> float:
        time, value = self.values(kind)
        judged = (time >= JUDGED_S[0]) & (time <= JUDGED_S[1])
        return float(np.sqrt(np.mean((value[judged] / target - 1.0) ** 2)))


def held(
    values: dict[str, float], kind: str, seed: int = 1, watch: float = STEP_S, *, lines: bool = True,
    late: tuple[float, float] | None = None,
) -> Course:  # fmt: skip
    """The loop. watch: every so many s a step looks at the lowest heights while crystals may be beginning; 0: never."""
    cell, target = Cell(values, seed, late), SET_POINT if kind == "slice" else SUPPLY
    estimator = Estimator(belief(believed(), charge_sigma=0.3), COARSE, fwhm_um=FWHM_UM)
    wanted = Wanted("slice" if kind == "slice" else "supply", target, START_V, 5.0, 600.0)
    loop, own, reason = Holder(estimator, wanted, LIMITS, STEP_S), [], ""
    loop.read(0.0, 0.0)
    while cell.time < END_S and not reason:
        decision = loop.decide(cell.time)
        own.append((decision.flux, decision.flux_sigma, decision.charge, decision.charge_sigma))
        before, begin, since = cell.volt, cell.time, cell.time % PERIOD_S
        look = watch > 0.0 and loop.uneasy and since > SCAN_S and since % watch == 0.0
        frames = cell.step(decision.voltage, look=look)
        loop.read(begin + abs(decision.voltage - before) / LIMITS.ramp + 1e-3, cell.volt)
        loop.read(cell.time, cell.volt)
        for when, height, phi, crystals in frames:
            loop.frame(when, height, phi, NOISE * phi, crystals if lines else None)
        reason = decision.reason if decision.mode == "ended" else ""
    return Course(cell.rows, own, reason)


def open_loop(values: dict[str, float], volts: VoltageProgram) -> Course:
    cell = Cell(values, 1)
    while cell.time < END_S:
        cell.step(float(np.interp(cell.time + STEP_S, volts.time_s, volts.voltage_V)))
    return Course(cell.rows, [])


def on_the_slope(values: dict[str, float], gain: float = 0.1, share: float = 0.4) -> Course:
    """PI on the slope of the slice's content, as phi at 0, 50 and 100 um give it from scan to scan, smoothed over scans;
    gain and share of smoothing are the best of a few for these cells."""
    cell, volt, total, smooth, last = Cell(values, 1), START_V, 0.0, 0.0, None
    weights = np.array([0.5, 0.5, 0.0]) * 50e-6
    seen: dict[float, float] = {}
    while cell.time < END_S:
        for when, height, phi, _ in cell.step(volt):
            seen[height] = phi
            if height == HEIGHTS_UM[-1]:
                content = float(weights @ [seen[0.0], seen[50.0], seen[100.0]])
                if last is not None:
                    off = float(np.clip(1.0 - (content - last[1]) / (when - last[0]) / SET_POINT, -1.0, 1.0))
                    smooth += share * (off - smooth)
                    total += gain * smooth
                    volt = float(np.clip(START_V * np.exp(gain * smooth + total), 0.0, LIMITS.highest))
                last = (when, content)
    return Course(cell.rows, [])


def measure(names: list[str], out: Path, noise: int, *, lines: bool = True) -> None:
    plan = hold_slice_flux(believed(), SET_POINT, END_S, LIMITS).program
    constant = VoltageProgram(time_s=[0.0], voltage_V=[START_V])
    found: dict[str, dict] = {}
    for name in names:
        values, kind = CELLS[name]
        begin = time.process_time()
        late = LATE.get(name)
        course = held(values, kind, noise, lines=lines, late=late)
        took, target = time.process_time() - begin, SET_POINT if kind == "slice" else SUPPLY
        others = {}
        if kind == "slice" and late is None:
            others = {
                "scans alone": held(values, kind, noise, watch=0.0, lines=lines) if values["solubility"] < NEVER else course,
                "constant voltage": open_loop(values, constant), "plan": open_loop(values, plan),
                "PI on the slope": on_the_slope(values),
            }  # fmt: skip
        told = ", ".join(f"{label} {100 * other.rms(kind, target):.0f} %" for label, other in others.items())
        print(f"{name:26} {judged(course, kind, target, values)}; {took:.0f} s CPU; {told} {course.reason}", flush=True)
        found[name] = {
            "kind": kind, "target": target, "charge": values["effective_charge"], "held": course.rows, "own": course.own,
            **{label: other.rows for label, other in others.items()},
        }  # fmt: skip
        out.mkdir(parents=True, exist_ok=True)
        (out / "held_flux.json").write_text(json.dumps(found), "utf-8")


def judged(course: Course, kind: str, target: float, values: dict[str, float]) -> str:
    """rms of the flux, how often it lies within 2.5 of the loop's own sigmas, and how far its charge is off, in words."""
    own, (_, value) = np.array(course.own), course.values(kind)
    pulls = (own[1:, 0] - value[: len(own) - 1]) / own[1:, 1]
    late = np.arange(1, len(own)) * STEP_S >= JUDGED_S[0]
    within = 100.0 * float(np.mean(np.abs(pulls[late]) < 2.5))
    charges = []
    for minutes in (10, 20, 40):
        _, _, charge, sigma = own[int(60 * minutes / STEP_S)] / values["effective_charge"]
        charges.append(f"{100 * (charge - 1):+.1f} ({100 * sigma:.1f}) % at {minutes} min")
    rms = 100.0 * course.rms(kind, target)
    return f"rms {rms:5.2f} %; within 2.5 sigma {within:.0f} % of the time; charge {', '.join(charges)}"


class Ekf:
    """An extended Kalman filter on the coordinates: each scan linearised where the estimate is, the past kept as covariance."""

    def __init__(self, believed_: Belief) -> None:
        self.belief, self.x, self.p = believed_, believed_.x0.copy(), np.diag(believed_.sigma**2)
        self.footprints = Footprints(COARSE, FWHM_UM)

    def scan(self, when: np.ndarray, height: np.ndarray, phi: np.ndarray, along: VoltageProgram, end: float) -> None:
        steps = np.array([one.step for one in self.belief.unknown])
        looks = self.footprints.looks(when, height)
        ends = [self.x, *(self.x + step for step in np.diag(steps))]
        self.tracks = [TrackedCell(self.belief.plant_at(x), COARSE) for x in ends]
        seen = np.array([track.go_on(along, end, looks)[0] for track in self.tracks])
        h = ((seen[1:] - seen[0]) / steps[:, None]).T
        noise = np.diag((NOISE * phi) ** 2 + (0.01 * phi) ** 2)
        gain = self.p @ h.T @ np.linalg.inv(h @ self.p @ h.T + noise)
        self.x = self.belief.within(self.x + gain @ (phi - seen[0]))
        self.p = (np.eye(self.x.size) - gain @ h) @ self.p

    def flux(self, along: VoltageProgram, end: float, volt: float) -> float:
        track = TrackedCell(self.belief.plant_at(self.x), COARSE)
        track.go_on(along, end)
        return track.slice_flux(volt)


def bank_of(along: VoltageProgram, looks: list, times: list[float]) -> tuple[np.ndarray, list, np.ndarray]:
    """225 models: charge +- 60 % in 25 steps, three exponents, three diffusivities."""
    charges = 0.045 * np.exp(np.linspace(-0.6, 0.6, 25))
    members = [(z, p, d) for z in charges for p in (1.4, 2.0, 2.6) for d in (0.88, 1.0, 1.13)]
    seen, fluxes = [], []
    for z, p, d in members:
        plant = with_solubility(
            believed().with_parameters({"effective_charge": z, "charge_exponent": p, "diffusivity_scale": d}), np.inf
        )
        track, rows, flux = TrackedCell(plant, COARSE), [], []
        for look, end in zip(looks, times, strict=True):
            rows.append(track.go_on(along, end, look)[0])
            flux.append(track.slice_flux(START_V))
        seen.append(rows)
        fluxes.append(flux)
    return np.array(members), seen, np.array(fluxes)


def estimators(seeds: int) -> None:
    """Errors of flux and charge (rms over seeds and cells, %) at 10, 20 and 35 minutes under 20 V, nothing crystallises."""
    asked = (2, 4, 7)
    ways = ("bank of 225 models", "extended Kalman filter", "least squares, all frames")
    table: dict[str, list] = {name: [] for name in ways}
    cpu = dict.fromkeys(table, 0.0)
    along = VoltageProgram(time_s=[0.0, 40.0], voltage_V=[0.0, START_V])
    when = [PERIOD_S * k + (41.0 if k == 0 else 0.0) + FRAME_S * (np.arange(13, dtype=float) + 0.7) for k in range(8)]
    ends, heights = [float(w[-1]) + 1.0 for w in when], HEIGHTS_UM[1:]
    looks = [Footprints(COARSE, FWHM_UM).looks(w, heights) for w in when]
    begin = time.process_time()
    members, seen, fluxes = bank_of(along, looks, ends)
    cpu["bank of 225 models"] += time.process_time() - begin
    for values in (LESS, MORE):
        plant = with_solubility(believed().with_parameters(values), np.inf)
        truth = TrackedCell(replace(plant, classes=SizeClasses.gaussian(7.1, 1.1, classes=21)), FINE)
        exact, right = [], []
        for w, end in zip(when, ends, strict=True):
            exact.append(truth.go_on(along, end, Footprints(FINE, FWHM_UM).looks(w, heights))[0])
            right.append(truth.slice_flux(START_V))
        for seed in range(seeds):
            random = np.random.default_rng(seed)
            phi = [row * (1.0 + NOISE * random.standard_normal(row.size)) for row in exact]
            known = belief(believed().with_parameters({"solubility": NEVER}), charge_sigma=0.3)
            ekf, ours = Ekf(known), Estimator(known, COARSE, fwhm_um=FWHM_UM)
            for t in (0.0, 40.0, ends[-1]):
                ours.voltage.read(t, float(np.interp(t, along.time_s, along.voltage_V)))
            cost = np.array(
                [((m - [0, 2.0, 1.0]) @ np.diag([0, 1.0, 1 / 0.15]) ** 2 @ (m - [0, 2.0, 1.0])) for m in members]
            )
            cost += (np.log(members[:, 0] / 0.045) / 0.3) ** 2
            for k, (w, measured, end) in enumerate(zip(when, phi, ends, strict=True)):
                cost += [np.sum(((measured - rows[k]) / np.hypot(NOISE, 0.01) / measured) ** 2) for rows in seen]
                begin = time.process_time()
                ekf.scan(w, heights, measured, along, end)
                cpu["extended Kalman filter"] += time.process_time() - begin
                begin = time.process_time()
                ours.add(w, heights, measured, NOISE * measured)
                ours.settle()
                ours.go_on(end)
                cpu["least squares, all frames"] += time.process_time() - begin
                if k in asked:
                    weight = np.exp(-0.5 * (cost - cost.min()))
                    weight /= weight.sum()
                    mine = ours.estimate(START_V)
                    pairs = {
                        "bank of 225 models": (weight @ fluxes[:, k], weight @ members[:, 0]),
                        "extended Kalman filter": (ekf.flux(along, end, START_V), float(np.exp(ekf.x[0]))),
                        "least squares, all frames": (mine.flux, mine.charge),
                    }
                    for name, (flux, charge) in pairs.items():
                        table[name].append((k, flux / right[k] - 1.0, charge / values["effective_charge"] - 1.0))
    for name, rows in table.items():
        errors = np.array(rows)
        text = "; ".join(
            f"{5 * k} min: flux {100 * np.sqrt(np.mean(errors[errors[:, 0] == k, 1] ** 2)):.1f}, charge "
            f"{100 * np.sqrt(np.mean(errors[errors[:, 0] == k, 2] ** 2)):.1f} %" for k in asked
        )  # fmt: skip
        print(
            f"{name:28} {text}; {cpu[name] / (1 if name.startswith('bank') else 2 * seeds):.1f} s CPU a run", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("held_flux"))
    parser.add_argument("--cells", nargs="*", default=list(CELLS))
    parser.add_argument("--noise", type=int, default=1, metavar="SEED", help="of what the loop sees")
    parser.add_argument("--no-lines", action="store_true", help="the loop sees phi alone")
    parser.add_argument("--estimators", type=int, default=0, metavar="SEEDS")
    asked = parser.parse_args()
    if asked.estimators:
        estimators(asked.estimators)
    else:
        measure(asked.cells, asked.out, asked.noise, lines=not asked.no_lines)


if __name__ == "__main__":
    main()
