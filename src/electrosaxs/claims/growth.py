"""Crystals on the anode: what a solubility does to the growth curve, which gap grows, and what the lattice says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ..nouns import Experiment, FloatArray, GrowthSettings
from ..nouns.claims import Claim, Curve, Verdict, follows_if
from ..nouns.nucleation import ONSET_BAND
from ..physics.colloid import dry_shell_nm, solvated_shell_nm
from ..physics.lattices import lattice_named
from ..physics.tetrahedron import thickness, volume
from ..transport import CellHistory, beam_weights
from .accumulation import Accumulation
from .cells import Campaign, history, minutes, seen_at_anode, sizes_of, slice_mean, time_above
from .charge_limits import CHARGES, XTOL
from .paper import (
    CONTRACTION,
    DRIED_NM,
    EX_SITU_S,
    IN_SITU_FIELDS,
    ISLAND_BASE_UM,
    ISLAND_TOP_UM,
    ISLAND_UM,
    ISLANDS_UM,
    LAST_PROFILE_S,
    SILENT_S,
    SOLVATED_NM,
)

SLOWNESSES_S = (0.0, 400.0)
"""Attachment times that are compared: the wall pinned at the solubility, and slow against D / v^2 = 135 s."""
AROUND = 10
"""Points (minutes) on each side of the nucleation over which slopes are compared."""
EDGE_SIGMA_UM = 0.1
"""Sigma of each published edge length: its last digit."""
STEADY_S = 40.0 * 3600.0
NO_KINK = (0.8, 1.25)
"""Slope after the nucleation over that before it between which a line goes through both (chosen)."""
ALIKE = 1e-3
"""Relative difference below which lattice constants count as alike (chosen: a peak's place is known to that)."""
SAME = 0.01
"""Relative difference below which two numbers of the model are called the same (chosen)."""
LATTICE_WITHIN = 5e-3
"""Relative: how near a lattice constant must come to the published one, half of its last digit and of the diameter's."""
CONTRACTION_WITHIN = 0.025
"""How near the contraction must come to "about 35 %": half of the step of 5 % (chosen)."""


@dataclass(frozen=True, eq=False)
class Growing:
    """57 V/cm for 55 min with crystals: times (s), phi below 50 um in solution and as the beam reads it with them."""

    slowness: float
    times: FloatArray
    solution: FloatArray
    read: FloatArray
    crystals: FloatArray

    def kink(self, phi: FloatArray) -> float:
        """Slope after the nucleation over the slope before it."""
        k = int(np.argmax(self.crystals > 0.0))
        before, after = slice(k - AROUND, k), slice(k, k + AROUND)
        return float(
            np.polyfit(self.times[after], phi[after], 1)[0] / np.polyfit(self.times[before], phi[before], 1)[0]
        )

    @property
    def label(self) -> str:
        return "pinned wall" if self.slowness == 0.0 else f"attachment {self.slowness:.0f} s"


def growing(campaign: Campaign, slowness: float) -> Growing:
    """The cell at 57 V/cm with the solubility of its file and another attachment time."""
    setup = campaign.main
    times = minutes(LAST_PROFILE_S)
    growth = GrowthSettings(solubility=setup.growth.solubility, attachment_time_s=slowness)
    cell = history(setup, times, growth=growth)
    density = float(beam_weights(cell.z, [0.0], 1e-6 * setup.beam.fwhm_um)[1][0])
    crystals = cell.crystals.sum(axis=1)
    return Growing(slowness, times, slice_mean(cell), seen_at_anode(cell, setup) + density * crystals, crystals)


def kink_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """What nucleation does to the growth curve, in solution and as the beam reads it."""
    pinned, slow = (growing(campaign, s) for s in SLOWNESSES_S)
    solution = pinned.kink(pinned.solution), slow.kink(slow.solution)
    read = pinned.kink(pinned.read), slow.kink(slow.read)
    k = int(np.argmax(pinned.crystals > 0.0))
    straight = follows_if(all(NO_KINK[0] < ratio < NO_KINK[1] for ratio in (*solution, *read)))
    filled = dried_filling(campaign.main)
    film, whole = 1e6 * float(pinned.crystals[-1]) / filled, inventory_um(campaign.main) / filled
    share = (1.0 - solution[0]) / (read[0] - solution[0])
    wall = campaign.main.growth.solubility
    assert wall is not None
    return (
        Claim("nucleation_slice", "slice at nucleation for the solubility of the files", "0.7 to 1.2 %",
              (100.0 * float(pinned.solution[k]),), "%",
              follows_if(ONSET_BAND[0] <= pinned.solution[k] <= ONSET_BAND[1]), f"{100.0 * wall:g} % at the wall", ".2f"),
        Claim("kink_solution", "slope of φ of the solution after nucleation over before, pinned; attachment 400 s",
              "one line through it", solution, "", straight,
              "a wall with crystals stops rising" if max(solution) < NO_KINK[0] else "", ".2f"),
        Claim("kink_read", "the same as the beam reads it, crystals counted", "one line through it", read, "",
              straight, f"straight if the beam saw {100.0 * share:.0f} % of the crystals" if 0.0 < share < 1.0 else "",
              ".2f"),
        Claim("film", "crystals at 57 V/cm after 55 min, dried and spread evenly",
              f"islands {ISLANDS_UM[0]:g} to {ISLANDS_UM[1]:g} µm thick",
              (film,), "µm", follows_if(0.0 < film <= ISLANDS_UM[1]), "all of the inventory: " + f"{whole:.1f} µm", ".2f"),
    )  # fmt: skip


def dried_filling(experiment: Experiment) -> float:
    """Volume fraction of core + dry shell in the dried superlattice: 0.74, spheres in contact."""
    touching = sizes_of(experiment, 13).mean_nm() + 2.0 * dry_shell_nm(experiment.solution)
    return float(np.pi / 6.0 * (touching / DRIED_NM) ** 3 / lattice_named("FCC").volume_per_particle)


def inventory_um(experiment: Experiment) -> float:
    """Particle volume per area of electrode, phi0 L (um)."""
    return 1e3 * experiment.solution.volume_fraction * experiment.cell.gap_mm


def gap_curves(campaign: Campaign) -> tuple[Curve, ...]:
    """phi (%) at the wall against time (min) for 5 and 30 V in both gaps, without crystals."""
    times = minutes(EX_SITU_S * 3.0)
    cells = {"3.5 mm": campaign.in_situ, "2.5 mm": campaign.ex_situ}
    return tuple(
        Curve(f"{v:.0f} V, {gap}", times / 60.0, 100.0 * history(having[v], times).wall_phi())
        for v in campaign.ex_situ
        for gap, having in cells.items()
    )


def gap_claims(campaign: Campaign, found: Accumulation) -> tuple[Claim, ...]:
    """5 V over 3.5 mm (never) against 5 V over 2.5 mm (islands): what one solubility allows."""
    inside, outside = campaign.in_situ[5.0], campaign.ex_situ[5.0]
    steady = tuple(_steady_wall(e) / e.solution.volume_fraction for e in (inside, outside))
    threshold = wall_at_onset(found)
    wall, needed = 100.0 * _wall_after_an_hour(outside, outside.transport.effective_charge), 100.0 * threshold
    charge = _charge_for(outside, threshold)
    silent = float(history(inside, [SILENT_S], effective_charge=charge).wall_phi()[-1]) < threshold
    inside_wall = 100.0 * found.cells[5.0].wall_phi()
    filling = float(np.interp(EX_SITU_S, found.times, inside_wall)), wall
    strong = campaign.ex_situ[30.0]
    times = minutes(EX_SITU_S)
    onset = time_above(times, history(strong, times).wall_phi(), threshold) / 60.0
    return (
        Claim("same_voltage", "steady φ at the wall over the start, 5 V: 3.5 mm; 2.5 mm", "", steady, "",
              Verdict.NUMBER, "voltage alone decides it" if abs(steady[1] / steady[0] - 1.0) < SAME else "", ".1f"),
        Claim("wall_needed", "φ at the wall when the slice reaches 0.7 %, 57 V/cm", "", (needed,), "%", form=".2f"),
        Claim("filling", "φ at the wall after 60 min, 5 V: 3.5 mm; 2.5 mm", "", filling, "%", form=".2f"),
        Claim("gap_in_situ", "5 V over 3.5 mm: φ at the wall after 3 h", "nothing grows", (float(inside_wall[-1]),),
              "%", follows_if(inside_wall[-1] < needed), "", ".2f"),
        Claim("gap_ex_situ", "5 V over 2.5 mm: φ at the wall after 60 min", "islands grow", (wall,), "%",
              follows_if(wall >= needed),
              f"needs {charge:.3f} e, which {'stays silent' if silent else 'would grow'} in situ", ".2f"),
        Claim("gap_ex_situ_30V", "30 V over 2.5 mm: the wall is there after", "more islands than at 20 V/cm", (onset,),
              "min", follows_if(onset < EX_SITU_S / 60.0), "", ".1f"),
    )  # fmt: skip


def _wall_after_an_hour(experiment: Experiment, charge: float) -> float:
    return float(history(experiment, [EX_SITU_S], effective_charge=charge).wall_phi()[-1])


def _charge_for(experiment: Experiment, wall: float) -> float:
    """Effective charge (e) that brings phi at the wall to `wall` in 60 min."""
    low, high = CHARGES
    return float(brentq(lambda z: _wall_after_an_hour(experiment, z) - wall, low, high, xtol=XTOL))


def _steady_wall(experiment: Experiment) -> float:
    """phi at the wall when nothing changes any more."""
    return float(history(experiment, [STEADY_S]).wall_phi()[-1])


def wall_at_onset(found: Accumulation) -> float:
    """phi at the wall at 57 V/cm when the slice reaches the lower end of the onset band."""
    strong = found.cells[20.0]
    return float(np.interp(ONSET_BAND[0], slice_mean(strong), strong.wall_phi()))


def crystal_sizes(campaign: Campaign) -> Mapping[float, tuple[float, float]]:
    """By voltage: mean core diameter (nm) in the crystals at the end of each in situ run, and of all that the lowest
    50 um hold without crystals; those that grow."""
    found = {}
    for voltage in (10.0, 20.0, 30.0):
        experiment = campaign.in_situ[voltage]
        times, sizes = minutes(experiment.scan.duration_s), sizes_of(experiment, 41)
        grown = history(experiment, times, sizes=sizes, growth=experiment.growth)
        plain = history(experiment, times, sizes=sizes)
        found[voltage] = _mean_diameter(grown, grown.crystals[-1]), _mean_diameter(plain, plain.phi[-1, :, 0])
    return found


def _mean_diameter(cell: CellHistory, phi: FloatArray) -> float:
    number = phi / (cell.classes.diameter_nm + 2.0 * cell.dry_shell_nm) ** 3
    return float(number @ cell.classes.diameter_nm / number.sum())


def lattice_claims(campaign: Campaign) -> tuple[Claim, ...]:
    """Sizes and lattice constants against the field, contraction, and one island."""
    sizes = crystal_sizes(campaign)
    solution = campaign.main.solution
    start, shell = sizes_of(campaign.main, 41).mean_nm(), solvated_shell_nm(solution)
    anode = tuple(pair[1] for pair in sizes.values())
    inside = [pair[0] for pair in sizes.values()]
    neighbour = lattice_named("FCC").neighbour_distance
    lattice = tuple((d + 2.0 * shell) / neighbour for d in inside)
    thinner = 0.5 * (SOLVATED_NM * neighbour - inside[1])
    ordered = bool(np.all(np.diff(anode) < 0.0))
    contraction = 100.0 * (1.0 - (DRIED_NM / SOLVATED_NM) ** 3)
    touching = (start + 2.0 * shell) / neighbour, (start + 2.0 * dry_shell_nm(solution)) / neighbour
    return (
        Claim("anode_size", "mean diameter at the wall at the end, 28, 57, 86 V/cm", "above 7.1 nm, less for stronger fields",
              anode, "nm", follows_if(min(anode) > start and ordered), "" if ordered else "not in the order of the fields",
              ".2f"),
        Claim("lattice_trend", "lattice constant of the crystals, 28, 57, 86 V/cm", "larger for weaker fields", lattice,
              "nm", follows_if(bool(np.all(np.diff(lattice) < 0.0))), _order(lattice), ".2f"),
        Claim("lattice", "lattice constant of touching 7.1 nm particles, solvated; dried", "15.1; 13.2 nm", touching, "nm",
              follows_if(bool(np.allclose(touching, [SOLVATED_NM, DRIED_NM], rtol=LATTICE_WITHIN))),
              f"around the selected {inside[1]:.2f} nm the solvated shell would be {thinner:.2f} nm", ".1f"),
        Claim("contraction", "volume contraction on drying", "about 35 %", (contraction,), "%",
              follows_if(abs(contraction - 100.0 * CONTRACTION) < 100.0 * CONTRACTION_WITHIN),
              "57 V/cm solvated against 20 V/cm dried", ".1f"),
        *_island_claims(),
    )  # fmt: skip


def _order(lattice: tuple[float, ...]) -> str:
    """Where of the growing fields the lattice constant is least, and which of its neighbours are alike."""
    grown = IN_SITU_FIELDS[-len(lattice) :]
    alike = [
        f"{grown[k]} and {grown[k + 1]}"
        for k in range(len(lattice) - 1)
        if abs(lattice[k + 1] / lattice[k] - 1.0) < ALIKE
    ]
    return f"smallest at {grown[int(np.argmin(lattice))]} V/cm" + (
        f", but {', '.join(alike)} V/cm alike" if alike else ""
    )


def _island_claims() -> tuple[Claim, ...]:
    """A truncated tetrahedron with sharp tips (physics.tetrahedron), its layers a / sqrt 3 apart."""
    high = float(thickness(ISLAND_BASE_UM, ISLAND_TOP_UM))
    sigma = float(thickness(np.hypot(EDGE_SIGMA_UM, EDGE_SIGMA_UM), 0.0))  # it is linear in both edges
    content = float(volume(ISLAND_BASE_UM, ISLAND_TOP_UM, 0.0))
    particles = 1e9 * content / (lattice_named("FCC").volume_per_particle * DRIED_NM**3)
    layers = 1e3 * high * np.sqrt(3.0) / DRIED_NM
    return (
        Claim("island", "thickness of the island of 28.5 and 26.9 µm", "1.3 µm", (high, sigma), "µm",
              follows_if(abs(high - ISLAND_UM) < sigma), "", ".3f", paired=True),
        Claim("island_content", "its volume (µm³), particles, layers", "", (content, particles, layers), form=".3g"),
    )  # fmt: skip
