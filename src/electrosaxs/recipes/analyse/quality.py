"""How far each headline number is to be trusted: what was wrong with the frames that it was made of, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...nouns import Number
from ...nouns.voltage_pieces import whole_program
from ...reduction.outliers import FLAT_FIELD
from .agreement import Agreement
from .clock import NAME as CLOCK
from .clock import RESTS_ON_IT
from .drift import off_words
from .misfit import POOR, Misfit
from .standards import Standards

OF_PHI = {
    "slice_flux",
    "slice_flux_mean",
    "supply_flux",
    "mass_balance_error",
    "anode_volume_fraction",
    "onset_volume_fraction",
}
OF_CONTENT = {"supply_flux", "mass_balance_error", "solution_loss"}
OF_ONSET = {"onset_time", "onset_time_kink"}
OF_SIZES = {"anode_diameter", "anode_polydispersity"}
OF_CRYSTALS = {"crystalline_fraction", "crystalline_amount", "anode_volume_fraction"}
OF_THE_START = {"starting_diameter", "starting_polydispersity"}
MANY = 0.1
"""Share of the frames from which on what is wrong with them is said of the numbers (chosen)."""
LARGEST_DRIFT = 3e-3
"""Of phi, by drift of the transmission, from which on it is said of the numbers (chosen)."""
MOST_BELOW_UM = 3.0
"""By which a layer may go on below the edge before it is said (chosen): it is in sigma before."""
MOST_CENTRE_PX = 1.0
"""By which a beam centre may be off before it is said of the sizes (chosen)."""
MOST_MISSED = 2.0
"""Reduced chi-squared from which on what a model misses is more than what counting leaves open."""
NOT = "not trustworthy"


@dataclass(frozen=True)
class Doubt:
    """Which numbers, and why; `wrong`: they are not to be trusted at all."""

    names: frozenset[str]
    why: str
    wrong: bool = False

    @property
    def words(self) -> str:
        return f"{NOT if self.wrong else 'doubtful'}: {self.why}"


def doubts(
    standard: Standards,
    misfit: Misfit,
    agreed: Agreement,
    frames: int,
    *,
    centre_px: float = 0.0,
    crystals_miss: float = 0.0,
    unmeasured: Mapping[str, int] | None = None,
    uneven: bool = False,
) -> list[Doubt]:
    """What speaks against the numbers of a run of `frames` sample frames, the worst first; centre_px: by how much the beam
    centre is off; crystals_miss: reduced chi-squared of the curves with crystals; unmeasured: why frames have no phi ->
    how many; uneven: pixels of one q differ by more than counting."""
    found, phi = [], frozenset(OF_PHI)
    if agreed.rows is not None:
        found.append(Doubt(frozenset(OF_PHI | OF_SIZES | OF_CRYSTALS | OF_CONTENT | OF_ONSET), agreed.rows.why, True))
    if agreed.scatter:
        found.append(Doubt(phi, "phi by scattering and by transmission disagree from frame to frame", True))
    elif agreed.left_out.sum() > MANY * frames:
        found.append(Doubt(phi, f"{agreed.left_out.sum()} of {frames} frames contradict themselves and were left out"))
    if POOR in standard.reference_fit.flags[0]:
        why = "one kind of spheres does not describe the starting solution"
        why += f", and pixels of one q {FLAT_FIELD}: that may be why" if uneven else ""
        found.append(Doubt(frozenset(OF_THE_START | OF_SIZES), why, True))
        found.append(Doubt(phi, f"{why}; phi is that of free-form sizes"))
    elif misfit.share > MANY:
        why = f"one kind of spheres does not describe {100.0 * misfit.share:.0f} % of the curves"
        found.append(Doubt(frozenset(OF_PHI | OF_SIZES), why))
    if (lost := sum((unmeasured or {}).values())) > MANY * frames:
        often = max(unmeasured or {}, key=(unmeasured or {}).__getitem__)
        found.append(
            Doubt(frozenset(OF_PHI | OF_SIZES), f"{lost} of {frames} frames have no phi, most of them: {often}")
        )
    found += _of_the_anode(agreed)
    if agreed.clock is not None and agreed.clock.wrong:
        found.append(Doubt(frozenset({*RESTS_ON_IT, CLOCK}), agreed.clock.words))
    if centre_px > MOST_CENTRE_PX:
        why = f"the beam centre is off by {centre_px:.1f} pixels, as the four quarters of the frames say"
        found.append(Doubt(frozenset(OF_SIZES | OF_THE_START | {"lattice_constant_solvated"}), why))
    if crystals_miss > MOST_MISSED:
        why = f"solution and superlattice do not describe the curves with crystals (reduced chi-squared {crystals_miss:.2g})"
        found.append(Doubt(frozenset(OF_CRYSTALS | OF_SIZES), why))
    drift = float(np.max(np.abs(agreed.drift), initial=0.0))
    if drift > LARGEST_DRIFT:
        why = f"transmission or scattering drift by {100.0 * drift:.2g} %"
        if agreed.bulk is not None and agreed.bulk.off_from_the_start:
            why = off_words(agreed.bulk)
        found.append(Doubt(phi, why))
    return found


def _of_the_anode(agreed: Agreement) -> list[Doubt]:
    """What the light at the anode, and the layer on it, say against the numbers."""
    found = []
    if (share := agreed.dark_share) > MANY:
        why = (
            "less light passes the anode than the knife edge lets: a dark layer there, thinner than the beam, may hide"
            f" {100.0 * share:.2g} % of what is seen (in its sigma), or the beam stands elsewhere"
        )
        found.append(Doubt(frozenset(OF_PHI | OF_SIZES | OF_CONTENT), why, share > 1.0))
    if agreed.moved_um:
        why = (
            f"the transmission at the anode says that it is {abs(agreed.moved_um):.1f} um from where it was taken to be"
            f"{' in some of the scans' if agreed.moves else ''}"
        )
        found.append(Doubt(frozenset(OF_PHI), why))
    if agreed.below_um > MOST_BELOW_UM:
        why = (
            f"the layer at the anode goes on {agreed.below_um:.2g} um below the edge that cuts the beam: it is tilted along the"
            " beam or wavy, and what is added up from its edge on lacks what lies deeper (in its sigma)"
        )
        found.append(Doubt(frozenset(OF_CONTENT), why))
    return found


def with_quality(numbers: Mapping[str, Number], found: list[Doubt]) -> dict[str, Number]:
    """`numbers` with the first doubt about each, of all pieces of a voltage program; a number that does not exist is not
    doubted."""
    graded = {}
    for name, number in numbers.items():
        plain = whole_program(name)
        words = next((doubt.words for doubt in found if plain in doubt.names), number.quality)
        graded[name] = number if number.value is None else replace(number, quality=words)
    return graded
