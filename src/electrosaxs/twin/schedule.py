"""Which frame is taken when, where and at which voltage: solvent, reference, alignment, then scan after scan.

Before field-on (time NaN): the cell with solvent, then the starting solution at several heights, then a knife edge of
the anode. From field-on the scans follow each other without a pause: the stage moves, then the exposure ends the share
of the period that the frame has, so that no two frames have one time and the last one ends with the experiment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, bad_value
from ..nouns import Experiment, FloatArray, Role, ScanSettings

DEFAULT_ANODE_HEIGHT_UM = 12.0  # where the experiment does not say; an analysis must find it, so it is not 0
EMPTY_FRAMES = 2
ALIGNMENT_REACH_UM, ALIGNMENT_STEP_UM = 100.0, 10.0
REFERENCE_SPAN = (0.2, 0.8)  # heights of solvent and reference frames, in shares of the gap
SHORTEST_MOVE_S = 0.05
ORDER_STREAM = 7  # of random numbers, apart from those of the frames

# Cell current, chosen: ions left over from the synthesis conduct and are swept out within minutes.
CONDUCTANCE_A_PER_V, SWEPT_SHARE, SWEEP_TIME_S, CURRENT_NOISE = 2e-10, 0.6, 400.0, 0.01


@dataclass(frozen=True, eq=False)
class Schedule:
    """One entry per frame. height: of the beam centre above the anode (um); stage = height + anode height (um); time:
    middle of the exposure from field-on (s), NaN before; voltage (V); scan, place: position in the map, -1 outside."""

    role: npt.NDArray[np.str_]
    height: FloatArray
    stage: FloatArray
    time: FloatArray
    voltage: FloatArray
    exposure: FloatArray
    scan: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.role)

    @property
    def in_map(self) -> npt.NDArray[np.bool_]:
        return self.scan >= 0


def anode_height_um(experiment: Experiment) -> float:
    """Stage height at which the beam centre meets the anode."""
    given = experiment.cell.anode_height_um
    return DEFAULT_ANODE_HEIGHT_UM if given is None else given


def schedule(experiment: Experiment) -> Schedule:
    """Frames of an experiment in the order of time. InputFileError: a scan too short, heights outside the cell."""
    settings, anode, gap = experiment.scan, anode_height_um(experiment), 1e3 * experiment.cell.gap_mm
    _check(settings, gap)
    before = [
        (Role.EMPTY, np.full(EMPTY_FRAMES, 0.5 * gap)),
        (Role.SOLVENT, gap * np.linspace(*REFERENCE_SPAN, settings.solvent_frames)),
        (Role.REFERENCE, gap * np.linspace(*REFERENCE_SPAN, settings.reference_frames)),
        (Role.ALIGNMENT, _knife_edge(anode) if settings.alignment else np.empty(0)),
    ]
    still = sum(heights.size for _, heights in before)
    places = len(settings.heights_um)
    order = np.arange(settings.scans * places)
    scan, visit = np.divmod(order, places)
    place = _order(experiment)[scan, visit]
    period = settings.duration_s / settings.scans
    moving = (order + 1) * period / places - 0.5 * settings.exposure_s
    height = np.concatenate([*(heights for _, heights in before), np.asarray(settings.heights_um)[place]])
    time = np.concatenate([np.full(still, np.nan), moving])
    voltage = experiment.voltage.at(moving)
    outside = np.full(still, -1)
    return Schedule(
        role=np.array([str(r) for r, h in before for _ in h] + [str(Role.SAMPLE)] * order.size, dtype=np.str_),
        height=height,
        stage=np.round(height + anode, 3),  # a motor reads in nm
        time=time,
        voltage=np.concatenate([np.zeros(still), voltage]),
        exposure=np.full(height.size, settings.exposure_s),
        scan=np.concatenate([outside, scan]),
        place=np.concatenate([outside, place]),
    )


def _order(experiment: Experiment) -> npt.NDArray[np.int64]:
    """Place of each height (scan, visit) in `scan.heights_um`."""
    settings = experiment.scan
    places = np.arange(len(settings.heights_um))
    down = np.argsort(settings.heights_um)[::-1]
    if settings.order == "shuffled":
        random = np.random.default_rng([experiment.output.seed, ORDER_STREAM])
        return np.stack([random.permutation(places) for _ in range(settings.scans)])
    each = {"as-given": (places, places), "down": (down, down), "alternating": (down[::-1], down)}[settings.order]
    return np.stack([each[scan % 2] for scan in range(settings.scans)])


def from_above(plan: Schedule) -> npt.NDArray[np.bool_]:
    """Frames (frame,) at which the stage came from a greater height; where it stood still, as the frame before."""
    came = np.sign(np.diff(plan.stage, prepend=plan.stage[:1]))
    last = np.maximum.accumulate(np.where(came != 0.0, np.arange(came.size), 0))
    return np.asarray(came[last] < 0.0)


def current(plan: Schedule, random: np.random.Generator) -> FloatArray:
    """Cell current (A): ohmic, falling while ions are swept out, with 1 % noise; 0 without field."""
    time = np.nan_to_num(plan.time)
    conducting = 1.0 - SWEPT_SHARE * (1.0 - np.exp(-time / SWEEP_TIME_S))
    noise = 1.0 + CURRENT_NOISE * random.standard_normal(len(plan))
    return np.asarray(CONDUCTANCE_A_PER_V * plan.voltage * conducting * noise)


def _knife_edge(anode: float) -> FloatArray:
    """Heights above the anode of a scan on a round stage grid around it: who takes it does not know the anode yet."""
    steps = np.arange(-ALIGNMENT_REACH_UM, ALIGNMENT_REACH_UM + 0.5 * ALIGNMENT_STEP_UM, ALIGNMENT_STEP_UM)
    return np.asarray(ALIGNMENT_STEP_UM * np.round(anode / ALIGNMENT_STEP_UM) + steps - anode)


def _check(settings: ScanSettings, gap_um: float) -> None:
    needed = len(settings.heights_um) * (settings.exposure_s + SHORTEST_MOVE_S)
    period = settings.duration_s / settings.scans
    if needed > period:
        raise bad_value(
            InputFileError, where="experiment", field="scan.scans", value=settings.scans,
            rule=f"a scan takes {needed:g} s but has {period:g} s of scan.duration_s = {settings.duration_s:g}",
            remedy="give fewer scans or heights, a shorter exposure or a longer duration",
        )  # fmt: skip
    outside = [h for h in settings.heights_um if not 0.0 <= h <= gap_um]
    if outside:
        raise bad_value(
            InputFileError, where="experiment", field="scan.heights_um", value=outside[0],
            rule=f"heights are above the anode and within the gap of {gap_um:g} um",
            remedy="correct the height or cell.gap_mm",
        )  # fmt: skip
    if len(set(settings.heights_um)) != len(settings.heights_um):
        raise bad_value(
            InputFileError, where="experiment", field="scan.heights_um", value=settings.heights_um,
            rule="a height stands twice", remedy="name each height once",
        )  # fmt: skip
