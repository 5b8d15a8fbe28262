"""What a plan would do, before anything is switched on: frames, minutes, dose, voltage, disk; and why it cannot."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...acquisition.beamline import Greeting
from ...errors import ElectrosaxsError, InputFileError, bad_value
from ...nouns.run_plan import RunPlan

if TYPE_CHECKING:
    from ...control.plant import Plant

BYTES_PER_PIXEL = {"nexus": 0.6, "cbf": 1.0}  # packed
DISK_SHARE = 0.9
MOVE_S = 0.5  # of a stage between two heights, guessed


@dataclass
class _FramesToCome:
    """What is known of the frames before there is one: a FrameKind."""

    shape: tuple[int, int]
    saturation: float | None
    files: tuple[Path, ...] = ()


def check_against(plan: RunPlan, greeting: Greeting, source: Path, out: Path) -> None:
    """InputFileError where the beamline cannot do what the plan wants, or the disk below `out` not take it; where a flux is
    held, also for what `analyse` would refuse (`refused_afterwards`)."""
    start, gap = plan.cell.anode_height_um or 0.0, 1e3 * plan.cell.gap_mm
    top = start + max(*plan.scan.heights_um, 0.8 * gap)
    if not (greeting.low_um <= start and top <= greeting.high_um):
        raise bad_value(
            InputFileError, where=source, field="scan.heights_um", value=f"{start:g} to {top:g} um of the stage",
            rule=f"the stage goes from {greeting.low_um:g} to {greeting.high_um:g} um", remedy="correct heights_um or "
            "cell.anode_height_um",
        )  # fmt: skip
    dose = exposures_s(plan)
    if dose > plan.scan.max_dose_s and not greeting.lateral:
        raise bad_value(
            InputFileError, where=source, field="scan.max_dose_s", value=f"{plan.scan.max_dose_s:g}",
            rule=f"{dose:g} s of exposure are planned and this beamline has no lateral axis to a fresh spot",
            remedy="shorten duration_s or exposure_s, lengthen period_s, or raise max_dose_s if the sample bears it",
        )  # fmt: skip

    if plan.hold is not None:
        _check_detector(plan, greeting)
    needed, free = _disk(plan, greeting, out)
    if needed > DISK_SHARE * free:
        raise bad_value(
            InputFileError, where=out, field="--out", value=f"{1e-9 * free:.3g} GB free",
            rule=f"{frames(plan)} frames need about {1e-9 * needed:.3g} GB, more than {DISK_SHARE:.0%} of it",
            remedy="make room, or choose another disk",
        )  # fmt: skip


def refused_afterwards(plan: RunPlan, greeting: Greeting) -> str:
    """Why `analyse` would refuse the run with the geometry and the mask that the plan names, which are of another detector than
    the beamline says it has, or of another energy; empty where it would not. They can be replaced once the run is over."""
    try:
        _check_detector(plan, greeting)
    except ElectrosaxsError as error:
        return str(error)
    return ""


def _check_detector(plan: RunPlan, greeting: Greeting) -> None:
    if plan.detector.geometry is not None:
        from ..analyse.detector import detector_of

        detector_of(plan, _FramesToCome(greeting.shape, greeting.saturation))


def frames(plan: RunPlan) -> int:
    """How many frames will be taken."""
    return plan.scan.reference_frames + plan.scan.solvent_frames + scans(plan) * len(plan.scan.heights_um)


def scans(plan: RunPlan) -> int:
    """How many scans begin."""
    return math.ceil(plan.scan.duration_s / max(plan.scan.period_s, _scan_s(plan)) - 1e-9)


def exposures_s(plan: RunPlan) -> float:
    """Seconds of exposure from solvent to the last scan, without what less transmission adds."""
    return plan.scan.exposure_s * frames(plan)


def forecast(plan: RunPlan, greeting: Greeting, identity: str, out: Path, plant: Plant | None = None) -> str:
    """In words, one thing a line. plant: what is believed of the cell, where a flux is held."""
    scan, meter = plan.scan, plan.source_meter
    needed, free = _disk(plan, greeting, out)
    return "\n".join(
        [
            f"source meter: {identity}; current limit {meter.compliance_A:g} A, watchdog {meter.watchdog_s:g} s "
            f"({meter.watchdog})",
            f"beamline: {plan.beamline.kind}, detector {greeting.detector} {greeting.shape}, stage "
            f"{greeting.low_um:g} to {greeting.high_um:g} um, {'real' if greeting.real_clock else 'virtual'} clock",
            f"frames: {frames(plan)} ({scan.solvent_frames} solvent, {scan.reference_frames} reference, {scans(plan)} scans of "
            f"{len(scan.heights_um)} heights)",
            f"time: {scan.duration_s / 60.0:.1f} min with field on; a scan takes about {_scan_s(plan):.0f} s and begins "
            f"every {scan.period_s:g} s",
            f"dose: {exposures_s(plan):g} s of exposure in all, {scan.max_dose_s:g} s on one spot at most"
            + _looks_words(plan, greeting),
            f"voltage: {plan.highest_V:g} V at most, limit {meter.max_voltage_V:g} V, ramp {meter.max_ramp_V_per_s:g} V/s",
            *_held_words(plan, plant),
            f"disk: about {1e-9 * needed:.2f} GB of {1e-9 * free:.1f} GB free",
            "nothing was switched on",
        ]
    )


def _looks_words(plan: RunPlan, greeting: Greeting) -> str:
    """What the dose leaves for looks between the scans of a held flux."""
    if plan.hold is None or greeting.lateral:
        return ""
    left = plan.scan.max_dose_s - exposures_s(plan)
    return f"; up to {left:g} s are left for looks while crystals may begin (no lateral axis to a fresh spot)"


def _held_words(plan: RunPlan, plant: Plant | None) -> list[str]:
    """What is held and what is believed, one thing a line."""
    if plan.hold is None or plant is None:
        return []
    from .held_belief import nucleation_of

    hold, solubility = plan.hold, plant.growth.solubility
    crystals = "no crystals" if solubility is None else f"crystals from phi = {solubility:g} on"
    held = f"held: {hold.flux} flux of {hold.set_point_m_per_s:g} m/s"
    if hold.flux == "wall":
        held = f"held: the wall at {hold.wall_share:g} of the solubility, reached at {hold.set_point_m_per_s:g} m/s"
    step = [] if (step_to := nucleation_of(hold)) is None or hold.nucleate is None else [
        f"step after {step_to.at_s:g} s: {step_to.flux:.3g} m/s, for {hold.nucleate.islands_per_mm2:g} islands per mm2"
    ]  # fmt: skip
    return [
        f"{held}, from {hold.start_voltage_V:g} V; believed: "
        f"{plant.transport.effective_charge:g} e within {100.0 * hold.charge_prior:g} %, {crystals}",
        *step,
        f"fallback: {hold.fallback_voltage_V:g} V, where no frame is usable for {hold.stale_after_s:g} s or the estimate is "
        f'lost; out of reach: "{hold.at_end}"',
    ]


def _disk(plan: RunPlan, greeting: Greeting, out: Path) -> tuple[float, float]:
    """Bytes that the frames will take, and that are free."""
    needed = frames(plan) * greeting.shape[0] * greeting.shape[1] * BYTES_PER_PIXEL[plan.frames.form]
    parent = next(p for p in (out.resolve(), *out.resolve().parents) if p.is_dir())
    return needed, float(shutil.disk_usage(parent).free)


def _scan_s(plan: RunPlan) -> float:
    return len(plan.scan.heights_um) * (plan.scan.exposure_s + MOVE_S)
