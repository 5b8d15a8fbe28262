"""Curves of particles that see each other, measured again as if each were alone (analysis.concentration.interaction)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.interaction import Contact, Content, find_contact
from ...analysis.spheres.fit import fit_spheres
from ...nouns import FloatArray, Number
from ...nouns.contributions import INTERACTION
from ...physics.colloid import solvated_shell_nm
from .crystal_view import sees_crystals
from .crystals import Crystals, find_crystals, measured_again, measured_against
from .dead_time import DeadTime, find_dead_time, measured_with
from .measured_run import MeasuredRun, Rows
from .standards import Interference, Standards, standards
from .voxels import SHARED, SIZELESS, Voxels

MOST_TRIED = 12
"""Frames of the run in which the contact is looked for, those with the most particles first."""
LEAST_TOLD = 3.0
"""Times the starting solution, from which on a frame tells of contacts (chosen)."""
ROUNDS = 2
NO_CONTACT = "the curves show none: they are those of separate particles"
TOO_FEW = "no curve of the dissolved particles above three times the start"
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Interaction:
    """The run and its crystals with the particles' contacts and the detector's dead time taken out, the numbers that say what
    these are, notes."""

    measured: MeasuredRun
    crystals: Crystals
    numbers: dict[str, Number]
    notes: tuple[str, ...] = ()


def with_interaction(measured: MeasuredRun, crystals: Crystals, *, workers: int = 2) -> Interaction:
    """The contact distance of the dissolved particles, and everything measured again with it; as it was where none is told."""
    grid = measured.grid
    beside = sees_crystals(crystals.fraction_map, grid.heights, measured.run.beam.fwhm_um, measured.on_map("phi"))
    clear = grid.used & ~beside[np.maximum(grid.scan, 0), np.maximum(grid.height_index, 0)]
    rows = _telling(measured.voxels, clear, LEAST_TOLD * measured.run.solution.volume_fraction)
    enough = rows.size >= 2
    contact = _contact(measured, clear, rows, workers) if enough else None
    numbers: dict[str, Number] = {}
    notes: tuple[str, ...] = ()
    if measured.run.detector.dead_time_ns is None:
        dead = _dead_time(measured, rows, workers)
        if dead is None:  # crystals at the edge of their beams may hide it, other frames are less bright
            others = clear & ~np.isin(np.arange(clear.size), rows)
            dead = _dead_time(measured, _telling(measured.voxels, others, 0.0), workers)
        if dead is not None and dead.gain > (0.0 if contact is None else contact.gain):
            measured = measured_with(measured, dead, workers=workers)
            crystals = find_crystals(measured, workers=workers)
            measured = measured_again(measured, crystals)
            numbers, notes = {"dead_time": dead.number}, (dead.words,)
            contact = _contact(measured, clear, rows, workers) if enough else None
    if contact is None:
        none = _absent(NO_CONTACT if enough else TOO_FEW)
        return Interaction(measured, crystals, {**numbers, **none}, notes)
    found = measured
    for _ in range(ROUNDS):
        between = Interference(contact, _content(found, clear))
        found = _without_contacts(measured, between, clear, workers)
        contact = _contact(replace(measured, voxels=found.voxels), clear, rows, workers) or contact
    if crystals.curves is not None:
        found = measured_against(found, measured)
    found = _with_sigma(found, measured, clear, workers)
    return Interaction(found, crystals, {**numbers, **_numbers(contact, found.standard)}, (*notes, _words(contact)))


def _contact(measured: MeasuredRun, clear: BoolArray, rows: Rows, workers: int) -> Contact | None:
    """What the curves of `rows` say of contacts, their particles being those of the voxels."""
    sample = measured.curves(rows)
    content = _content(measured, clear).rows(measured.voxels.frame[rows])
    return find_contact(
        sample, fit_spheres(sample, workers=workers), content, lambda one: fit_spheres(one, workers=workers)
    )


def _dead_time(measured: MeasuredRun, rows: Rows, workers: int) -> DeadTime | None:
    if rows.size < 2:
        return None
    return find_dead_time(measured.reduced, measured.standard, measured.voxels.frame[rows], workers=workers)


def _telling(voxels: Voxels, clear: BoolArray, least: float) -> Rows:
    """Rows of the clear voxels with most particles, of those that hold more than `least`."""
    phi = voxels.values["phi"]
    sized = np.array([not SIZELESS.intersection(flags) for flags in voxels.flags])
    told = np.flatnonzero(clear & sized & np.isfinite(phi) & (phi > least))
    return np.sort(told[np.argsort(-phi[told])][:MOST_TRIED])


def _content(measured: MeasuredRun, clear: BoolArray) -> Content:
    """Of all frames of the table, NaN where they are no clear voxels; the starting solution last."""
    start, voxels, solution = measured.standard.reference_fit, measured.voxels, measured.run.solution

    def column(name: str, last: float) -> FloatArray:
        values = np.full(len(measured.reduced.table) + 1, np.nan)
        values[voxels.frame[clear]] = voxels.values[name][clear]
        values[-1] = last
        return values

    return Content(
        phi=column("phi", solution.volume_fraction),
        diameter=column("diameter", float(start.diameter[0])),
        deviation=column("deviation", float(start.deviation[0])),
        dry_shell=measured.standard.dry_shell_nm,
        solvated_shell=solvated_shell_nm(solution),
    )


def _without_contacts(plain: MeasuredRun, between: Interference, clear: BoolArray, workers: int) -> MeasuredRun:
    """Standards and clear voxels with the contacts of `between` taken out of their curves."""
    flat = np.full(len(plain.reduced.table) + 1, np.nan)
    flat[plain.voxels.frame] = plain.voxels.values["background"]
    flat[-1] = plain.standard.reference_fit.background[0]
    standard = standards(plain.reduced, workers=workers, interference=replace(between, background=flat))
    return plain.again(plain.reduced, standard, np.flatnonzero(clear), workers=workers)


def _with_sigma(found: MeasuredRun, plain: MeasuredRun, clear: BoolArray, workers: int) -> MeasuredRun:
    """`found` with what one sigma of the contact does to phi and sizes; where there are crystals, all that it does to phi."""
    between, voxels = found.standard.interference, found.voxels
    assert between is not None
    moved = replace(between, contact=between.contact.moved(between.contact.sigma))
    other = _without_contacts(found, moved, clear, workers).voxels
    shared = {quantity: dict(parts) for quantity, parts in voxels.shared.items()}
    for quantity in SHARED:
        change = other.values[quantity] - voxels.values[quantity]
        shared[quantity][INTERACTION] = np.where(clear, change, 0.0)
    phi, before = voxels.values["phi"], plain.voxels.values["phi"]
    told = clear & (phi > LEAST_TOLD * found.run.solution.volume_fraction) & np.isfinite(phi)
    slope = float(np.median((before[told] / phi[told] - 1.0) / phi[told]))
    shared["phi"][INTERACTION] = np.where(clear, shared["phi"][INTERACTION], slope * phi**2)
    return replace(found, voxels=replace(voxels, shared=shared))


def _numbers(contact: Contact, standard: Standards) -> dict[str, Number]:
    between = standard.interference
    assert between is not None
    wet = float(standard.reference_fit.diameter[0]) + 2.0 * between.content.solvated_shell
    virial = Number(
        contact.second_virial, contact.second_virial_sigma, "one",
        "of the dissolved particles, over that of hard spheres of core and solvated shell: 1 repels as these, below 0 attracts",
    )  # fmt: skip
    if contact.bond:
        why = f"attraction: sticky spheres of {wet:.1f} nm with stickiness {1.0 / contact.bond:.2g} (Baxter)"
        return {"second_virial_coefficient": virial, "contact_distance": Number.absent("nm", why)}
    distance = Number(
        contact.scale * wet, contact.sigma * wet, "nm", f"hard spheres; core and solvated shell are {wet:.1f} nm"
    )
    return {"second_virial_coefficient": virial, "contact_distance": distance}


def _absent(why: str) -> dict[str, Number]:
    return {"second_virial_coefficient": Number.absent("one", why), "contact_distance": Number.absent("nm", why)}


def _words(contact: Contact) -> str:
    kind = "attract" if contact.second_virial < 0.0 else "repel"
    return (
        f"interaction: dissolved particles {kind} each other, second virial coefficient {contact.second_virial:.2f} +-"
        f" {contact.second_virial_sigma:.2f} of that of hard spheres with solvated shells; phi and sizes are those of the"
        " curves without it, and what its sigma does to them is in theirs (interaction)"
    )
