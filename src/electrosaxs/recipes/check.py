"""A run or an experiment read without its pixels: what a command would do with it, what is absent, what is missing."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..analysis.kinetics.scan_map import scan_map
from ..errors import InputFileError, bad_value
from ..io.contents import contents
from ..io.frame_table import read_table
from ..io.images import open_frames
from ..io.run_toml import read_run
from ..nouns import FrameTable, Role, Run, Solution
from ..nouns.findings import Findings
from ..reduction.geometry import Geometry
from ..reduction.masking import BoolImage
from ..reduction.normalisation import frame_flags
from ..twin.detector_model import pixel_model
from ..twin.schedule import schedule
from .analyse.detector import detector_of
from .experiment_file import check_materials, named, read_with_sizes
from .predict import predicted

KINDS = {"run (TOML)": "run", "settings (TOML)": "run", "experiment (TOML)": "experiment",
         "voltage program (TOML)": "experiment", "plan of a run (TOML)": "experiment", "film (TOML)": "run",
         "micrographs (TOML)": "run"}  # fmt: skip
FEW_HEIGHTS, FEW_FRAMES, LISTED = 3, 3, 10
MEASURED = (Role.SAMPLE, Role.REFERENCE, Role.SOLVENT)
"""Frames that are missed; of a knife edge some are dark by nature."""


def check(path: str | Path) -> Findings:
    """What `analyse` would do with a run.toml, or `simulate` and `predict` with an experiment.toml.

    Everything is read but the pixels. Raises ElectrosaxsError, with the line of the command, where it would refuse.

    >>> from electrosaxs import check
    >>> print(check("run.toml"))
    """
    path = Path(path)
    kind = KINDS.get(contents(path).kind)
    if kind is None:
        raise bad_value(
            InputFileError, where=path, field="file", value=path.name, rule=f"is a {contents(path).kind}",
            remedy="give a run.toml or an experiment.toml",
        )  # fmt: skip
    return _of_run(path) if kind == "run" else _of_experiment(path)


def text(found: Findings) -> str:
    """The findings for the terminal."""
    width = max(len(what) for what, _ in found.does)
    rows = [f"{found.path}: {found.kind}", *(f"  {what:<{width}}  {words}" for what, words in found.does)]
    for heading, lines in (("not given", found.absent), ("look at this", found.doubts)):
        rows += [f"{heading}:", *(f"  {line}" for line in lines)] if lines else []
    return "\n".join([*rows, f"nothing is missing: {found.command}"])


def _of_run(path: Path) -> Findings:
    run = read_run(path)
    check_materials(run.solution, where=path)
    table = read_table(run)
    with closing(open_frames(run, table)) as reader:
        geometry, mask, _ = detector_of(run, reader)
        absent = [reader.why_not(i) for i in range(len(table))]
    wrong = frame_flags(
        monitor=table.monitor, transmission=table.transmission, negative=np.zeros(len(table)),
        saturated=np.zeros(len(table)), used_pixels=mask.size, knife_edge=table.is_role(Role.ALIGNMENT),
    )  # fmt: skip
    flags = [(reason, *flags) if reason else flags for reason, flags in zip(absent, wrong, strict=True)]
    frames, doubts = _frames(table, flags)
    detector, more = _detector(run, geometry, mask)
    solution = run.solution
    does = (
        ("title", run.run.title),
        *frames,
        *(("read as", words) for words in table.origin),
        ("solution", f"{solution.core}, {solution.ligand}, {solution.solvent}, {_concentration(solution)}"),
        ("cell", f"gap {run.cell.gap_mm:g} mm, path {run.cell.path_length_mm:g} mm, {_voltage(table)}"),
        *detector,
    )
    return Findings(
        path, "run", does, (*_anode(run, table), *_not_given(run, RUN_DEFAULTS)), (*doubts, *more),
        f"electrosaxs analyse {path} --out results",
    )  # fmt: skip


def _frames(table: FrameTable, flags: list[tuple[str, ...]]) -> tuple[list[tuple[str, str]], list[str]]:
    """Frames by role, heights, scans and voxels to expect; and what of them will be left out."""
    bad = np.array([bool(flag) for flag in flags])
    sample = table.is_role(Role.SAMPLE)
    grid = scan_map(table.height[sample], table.time[sample], ~bad[sample])
    roles = ", ".join(f"{number} {role}" for role, number in Counter(map(str, table.role)).most_common())
    heights, times = grid.heights, table.time[sample]
    does = [
        ("frames", f"{len(table)}: {roles}"),
        ("heights", f"{heights.size}, stage at {heights[0]:g} to {heights[-1]:g} um"),
        ("scans", f"{grid.n_scans}, {np.nanmin(times):.0f} to {np.nanmax(times):.0f} s after field-on"),
        ("voxels", f"{int(grid.measured.sum())} of {grid.measured.size} (scan, height)"),
    ]
    lost = np.flatnonzero(bad & np.any([table.is_role(role) for role in MEASURED], axis=0))
    doubts = [f"frame {i} will be left out: {'; '.join(flags[i])}" for i in lost[:LISTED]]
    doubts += [f"{lost.size} frames will be left out in all"] if lost.size > LISTED else []
    doubts += [
        f"only {number} {role} frames: their noise is told by {FEW_FRAMES} or more"
        for role in (Role.REFERENCE, Role.SOLVENT)
        if (number := int((table.is_role(role) & ~bad).sum())) < FEW_FRAMES
    ]
    doubts += [f"{heights.size} heights: no flux and no mass balance"] if heights.size < FEW_HEIGHTS else []
    return does, doubts


def _concentration(solution: Solution) -> str:
    if solution.concentration_mg_mL is None:
        return f"phi {solution.volume_fraction:g}"
    return f"{solution.concentration_mg_mL:g} mg/mL of {solution.mass}"


def _detector(run: Run, geometry: Geometry, mask: BoolImage) -> tuple[list[tuple[str, str]], list[str]]:
    """Detector and q window, and where the window leaves the detector."""
    settings, q = run.analysis, geometry.q()[~mask]
    low, high = float(q.min()), float(q.max())
    shape = f"{geometry.shape[1]} x {geometry.shape[0]} pixels"
    does = [
        ("detector", f"{geometry.detector}, {shape} at {geometry.distance:g} m, {run.beam.energy_keV:g} keV"),
        ("mask", f"{100.0 * mask.mean():.1f} % of the pixels, gaps of the detector included"),
        ("q window", f"{settings.q_min_per_nm:g} to {settings.q_max_per_nm:g} 1/nm in {settings.bins} bins; "
         f"the pixels reach {low:.3g} to {high:.3g} 1/nm"),
        ("beam", f"{run.beam.fwhm_um:g} um high, slice at the anode {settings.slice_um:g} um"),
    ]  # fmt: skip
    doubts = []
    if settings.q_max_per_nm > high:
        doubts.append(f"analysis.q_max_per_nm = {settings.q_max_per_nm:g} lies beyond the detector ({high:.3g} 1/nm)")
    if settings.q_min_per_nm < low:
        doubts.append(f"analysis.q_min_per_nm = {settings.q_min_per_nm:g} lies behind the beam stop ({low:.3g} 1/nm)")
    return does, doubts


def _voltage(table: FrameTable) -> str:
    known = None if table.voltage is None else table.voltage[table.is_role(Role.SAMPLE) & np.isfinite(table.voltage)]
    if known is None or known.size == 0:
        return "voltage not given: the model cannot be fitted to the results"
    low, high = known.min(), known.max()
    return f"{low:g} V" if low == high else f"{low:g} to {high:g} V"


def _anode(run: Run, table: FrameTable) -> list[str]:
    if run.cell.anode_height_um is not None:
        return []
    alignment = int(table.is_role(Role.ALIGNMENT).sum())
    source = f"the {alignment} alignment frames" if alignment else "the transmission of the scans (no alignment frames)"
    return [f"cell.anode_height_um: the anode is found from {source}"]


RUN_DEFAULTS = {
    "cell.temperature_K": "{} K is taken",
    "solution.core": "{} is taken",
    "solution.ligand": "{} is taken",
    "solution.solvent": "{} is taken",
    "solution.volume_fraction_sigma": "no error of the starting solution is in the sigmas",
    "solution.dry_shell_nm": "that of the ligand is taken",
    "beam.polarization": "{} is taken",
    "detector.mask": "only the gaps of the detector are masked",
    "analysis.q_min_per_nm": "{} is taken",
    "analysis.q_max_per_nm": "{} is taken",
    "analysis.bins": "{} is taken",
    "analysis.slice_um": "{} is taken",
}
EXPERIMENT_DEFAULTS = {
    "cell.temperature_K": "{} K is taken",
    "cell.anode_height_um": "the twin chooses one, which an analysis must find",
    "solution.core": "{} is taken",
    "solution.ligand": "{} is taken",
    "solution.solvent": "{} is taken",
    "transport.charge_model": "{} is taken",
    "transport.charge_exponent": "{} is taken",
    "growth.solubility": "nothing crystallises",
    "scan.exposure_s": "{} s is taken",
    "scan.reference_frames": "{} are taken",
    "scan.solvent_frames": "{} are taken",
    "beam.photons_per_s": "{:g} is taken",
    "detector.name": "{} is taken",
    "detector.distance_m": "{} m is taken",
    "output.form": "{} is written",
    "output.seed": "{} is taken",
}
"""What is said of a key that is not given; {} is the default."""


def _not_given(settings: BaseModel, defaults: dict[str, str]) -> list[str]:
    """Optional keys that the file does not hold, and what is taken instead."""
    absent = []
    for key, words in defaults.items():
        section, name = key.split(".")
        table = getattr(settings, section)
        value = getattr(table, name)
        if value is None or name not in table.model_fields_set:
            absent.append(f"{key}: {words.format(value)}")
    return absent


def _of_experiment(path: Path) -> Findings:
    settings, sizes, source = read_with_sizes(path)
    with named(source):
        plan = schedule(settings)
        pixels = pixel_model(settings.detector, settings.beam, seed=settings.output.seed)
    expected = predicted(settings, sizes, source)
    roles = ", ".join(f"{number} {role}" for role, number in Counter(map(str, plan.role)).most_common())
    scan, volts = settings.scan, settings.voltage.voltage_V
    onset = expected.results.numbers["onset_time"]
    does = (
        ("title", settings.run.title),
        ("frames", f"{len(plan)}: {roles}"),
        ("scans", f"{scan.scans} over {len(scan.heights_um)} heights in {scan.duration_s:g} s"),
        ("voltage", f"{min(volts):g} to {max(volts):g} V over {settings.cell.gap_mm:g} mm"),
        ("detector", f"{settings.detector.name}, {pixels.shape[1]} x {pixels.shape[0]} pixels"),
        ("q", f"up to {pixels.q_grid[-1]:.3g} 1/nm"),
        ("frames as", settings.output.form),
        ("model", "; ".join(expected.results.notes[:1])),
        ("onset", onset.source if onset.value is None else f"expected at {onset.value:.0f} s"),
    )  # fmt: skip
    command = f"electrosaxs simulate {path} --out run, or electrosaxs predict {path}"
    absent, doubts = tuple(_not_given(settings, EXPERIMENT_DEFAULTS)), expected.results.notes[2:]
    return Findings(path, "experiment", does, absent, doubts, command)
