"""A held flux in foreign cells of other gaps, whose uptake follows laws of other kinds, or whose field is not what is set.

Run: python benchmarks/held_other_laws.py [--cells NAME ...] [--noise SEED ...] [--end SECONDS]. As held_laws.py, with its
finite volumes; the loop knows the gap, as plans state it, and believes the same constants.

root: all of the anode, as the square root of supersaturation, which begins where the wall passes the solubility (3.2 mm).
delayed: crystals begin four minutes after the wall has passed the solubility; as the 2/3 power of what there is of them, then
by diffusion through what covers them (4.5 mm).
two bursts: islands of one birth, and nine minutes later seven times as many.
steps: uptake rises by a factor of two or three at times of its own, and falls once to a third.
screened: the field in the solution falls to 0.93 of what is set within a quarter of an hour; crystals quick.
screened, none: the same without crystals.
poisoned: quick crystals whose surface is closed by ligand with time.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import held_flux
import held_laws
import numpy as np

from electrosaxs.control.plant import Plant
from electrosaxs.transport import graded_grid

LESS, MORE = 0.7 * 0.045, 1.3 * 0.045
CELLS: dict[str, dict[str, Any]] = {
    "root": {"charge": LESS, "exponent": 1.5, "diffusivity": 1.1, "solubility": 0.012, "law": "root", "gap": 3.2e-3},
    "delayed": {
        "charge": MORE, "exponent": 2.5, "diffusivity": 0.9, "solubility": 0.0105, "law": "delayed", "gap": 4.5e-3,
    },
    "two bursts": {"charge": LESS, "exponent": 2.5, "diffusivity": 1.0, "solubility": 0.0125, "law": "bursts"},
    "steps": {"charge": MORE, "exponent": 1.5, "diffusivity": 1.1, "solubility": 0.0135, "law": "steps"},
    "screened": {
        "charge": LESS, "exponent": 2.0, "diffusivity": 0.9, "solubility": 0.012, "law": "poisoned", "screened": 0.07,
    },
    "screened, none": {
        "charge": MORE, "exponent": 1.8, "diffusivity": 1.1, "solubility": 0.3, "law": "root", "screened": 0.07,
    },
    "poisoned": {"charge": MORE, "exponent": 2.4, "diffusivity": 1.1, "solubility": 0.012, "law": "poisoned"},
}  # fmt: skip
WAIT_S, COVERED_M, SEED_M, THROUGH_M = 240.0, 40e-9, 1e-9, 1e-7
"""Of the delayed cell: from the solubility to the onset; crystals that cover the anode, and with which they begin; thickness
from which on they are fed by diffusion through themselves."""
SCREENS_S, POISONS_S = 300.0, 600.0
STEPS_S, STEPS = (-1.0, 60.0, 200.0, 420.0, 700.0, 1500.0), (0.3, 1.0, 2.0, 0.7, 2.0, 4.0)


class OtherCell(held_laws.Foreign):
    """Finite volumes, with a gap, a field and an uptake of its own."""

    def __init__(self, *, law: str, gap: float = 3.5e-3, screened: float = 0.0, **constants: float) -> None:
        super().__init__(law={}, gap=gap, **constants)
        self.kind, self.screened, self.passed = law, screened, np.inf

    def exchanged(self, volt: float) -> tuple[np.ndarray, np.ndarray]:
        return super().exchanged(volt * (1.0 - self.screened * (1.0 - np.exp(-self.time / SCREENS_S))))

    def sink(self, wall: float) -> float:
        over = wall / self.solubility - 1.0
        if over > 0.0:
            self.passed = min(self.passed, self.time)
        since = self.time - self.passed - (WAIT_S if self.kind == "delayed" else 0.0)
        if not since >= 0.0:
            return 0.0
        speed = getattr(self, f"_{self.kind}")(over, since) / wall
        return float(speed if self.crystals > 0.0 else max(speed, 0.0))

    def _root(self, over: float, since: float) -> float:
        return 1.2e-9 * float(np.sign(over) * np.sqrt(abs(over) / 0.01))

    def _delayed(self, over: float, since: float) -> float:
        by_area = 6e-6 * min(1.0, ((self.crystals + SEED_M) / COVERED_M) ** (2.0 / 3.0))
        return over * self.solubility / (1.0 / by_area + self.crystals / (6e-6 * THROUGH_M))

    def _bursts(self, over: float, since: float) -> float:
        self.islands = 1e7 * (1.0 + 6.0 * (since > 540.0))
        each = (self.crystals + 5e-10) / self.islands
        share = 1.0 - np.exp(-self.islands * 2.0 * each ** (2.0 / 3.0))
        return float(share * 2.5e-6 * over * self.solubility)

    def _steps(self, over: float, since: float) -> float:
        return 1e-6 * STEPS[int(np.searchsorted(STEPS_S, since)) - 1] * over * self.solubility

    def _poisoned(self, over: float, since: float) -> float:
        return 3e-6 * (0.15 + 0.85 * float(np.exp(-since / POISONS_S))) * over * self.solubility


class Watched(held_laws.ForeignCell):
    """One of CELLS, with frames, lines and looks of held_flux.py."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(OtherCell(**CELLS[name]), seed)
        top = 1e6 * self.foreign.gap - 100.0
        self.heights_um = np.append(held_flux.HEIGHTS_UM[top > held_flux.HEIGHTS_UM], top)


def believed(gap: float) -> Plant:
    plant = held_flux.believed()
    return replace(plant, cell=plant.cell.model_copy(update={"gap_mm": 1e3 * gap}))


def held(name: str, seed: int, end: float) -> list[held_laws.Made]:
    gap = CELLS[name].get("gap", held_laws.GAP_M)
    grid = graded_grid(gap, shortest_decay=4e-5, cells=120)
    return held_laws.steered(Watched(name, seed), believed(gap), grid, end)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", nargs="*", default=[*CELLS])
    parser.add_argument("--noise", nargs="*", type=int, default=[1, 2], metavar="SEED")
    parser.add_argument("--end", type=float, default=4200.0, metavar="SECONDS")
    asked = parser.parse_args()
    for name in asked.cells:
        for seed in asked.noise:
            print(f"{name:16} {seed}: {held_laws.judged(held(name, seed, asked.end))}", flush=True)


if __name__ == "__main__":
    main()
